"""How fast texts become designs: against lark's plain parse of the same text, in the same process.

python benchmarks/language.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def best(action: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of CPU of the fastest of some runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    from dovetail.dsl.loading import load_network_design
    from dovetail.dsl.parser import grammar, parse_text
    from dovetail.dsl.space import measure_network_space

    grammar()
    generated = "net generated\ninput image[16, 32, 32]\n"
    generated += (
        "block unit(x) { return x + (x -> conv(16, 3, pad = same) -> relu -> conv(16, 3, pad = same)) }\n"
    )
    generated += "output image -> 2500 * unit()\n"
    listed = "net listed\ninput image[16, 32, 32]\nx0 = image -> conv(16, 1)\n"
    listed += "".join(f"x{i} = x{i - 1} -> conv(16, 3, pad = 1)\n" for i in range(1, 10_000))
    listed += "output x9999\n"
    print(f"{'text':40} {'layers':>7} {'parse s':>8} {'design s':>9} {'x tokenise':>11}")
    with tempfile.TemporaryDirectory() as folder:
        paths = sorted((EXAMPLES / "networks").glob("*.net"), key=lambda p: p.stat().st_size)[-3:]
        for name, text in (("generated", generated), ("listed", listed)):
            (Path(folder) / f"{name}.net").write_text(text, encoding="utf-8")
            paths.append(Path(folder) / f"{name}.net")
        for path in paths:
            text = path.read_text(encoding="utf-8")
            tokens = best(lambda t=text: list(grammar().lex(t)))
            parsed = best(lambda t=text: parse_text(t))
            design = best(lambda p=path: load_network_design(p).network)
            layers = len(load_network_design(path).network)
            print(f"{path.name:40} {layers:7} {parsed:8.3f} {design:9.3f} {design / tokens:11.1f}")
    space = EXAMPLES / "spaces" / "fbnet.net"
    size = measure_network_space(space).size
    print(f"counting {size} designs of {space.name}: {best(lambda: measure_network_space(space)):.3f} s")
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "dovetail", "--help"], check=True, capture_output=True)
    print(f"dovetail --help: {time.perf_counter() - start:.3f} s wall")


if __name__ == "__main__":
    main()
