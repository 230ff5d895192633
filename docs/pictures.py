"""Draws the pictures of the documentation with the tool itself: the same tool gives the same bytes.

python docs/pictures.py [FOLDER]            pictures as SVG
python docs/pictures.py --report [FOLDER]   also the first screen of a report, which needs Chromium (its bytes
                                            are the same for one browser with one set of fonts)
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

import dovetail as dt
from dovetail.accel.mapping_parsing import mapping_from_text
from dovetail.console import UNICODE
from dovetail.evaluation_table import evaluation_view
from dovetail.explorer.report.evaluation_page import evaluation_page
from dovetail.report_source import source_of

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --force-device-scale-factor=1 "
    "--window-size=1280,900"
)

# Rich's own frame without its link to a font on the network.
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
<rect fill="#292929" width="100%" height="100%" rx="8"/>
<g transform="translate({terminal_x}, 22)" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g></svg>
"""


def evaluation_picture() -> str:
    """SqueezeNet on the Squeezelerator, as the terminal shows it."""
    network = dt.load_network(ROOT / "examples/networks/squeezenet_v1_0.net")
    accelerator = dt.load_accelerator(ROOT / "examples/accelerators/squeezelerator.accel")
    console = Console(
        record=True, width=104, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(evaluation_view(dt.evaluate(network, accelerator), UNICODE, everything=False))
    return console.export_svg(theme=MONOKAI, code_format=FRAME, unique_id="dovetail")


def report_picture(target: Path) -> None:
    """The first screen of the report of SqueezeNet on the Squeezelerator, as a browser shows it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("a picture of a report needs Chromium")
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "page.html"
        page.write_text(_evaluation_page(), encoding="utf-8")
        command = [browser, *FLAGS.split(), f"--user-data-dir={name}/profile", f"--screenshot={target}"]
        subprocess.run([*command, page.as_uri()], check=True, capture_output=True)


def _evaluation_page() -> str:
    network_file = ROOT / "examples/networks/squeezenet_v1_0.net"
    accelerator_file = ROOT / "examples/accelerators/squeezelerator.accel"
    network, accelerator = dt.load_network(network_file), dt.load_accelerator(accelerator_file)
    sides = [(network_file, network), (accelerator_file, accelerator)]
    return evaluation_page([source_of(dt.evaluate(network, accelerator), sides)])


def main(folder: Path, report: bool) -> None:
    """Draw them all."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluate.svg").write_text(evaluation_picture(), encoding="utf-8")
    tutorial = ROOT / "examples" / "tutorial"
    dt.draw(dt.load_network(tutorial / "mine.net")).save(folder / "network.svg")
    accelerator = dt.load_accelerator(tutorial / "mine.accel", n=16, buffer="64 KiB")
    dt.draw(accelerator).save(folder / "accelerator.svg")
    language = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    nest = mapping_from_text(re.findall(r"```map\n(.*?)```", language, re.DOTALL)[0])
    layer = dt.load_network(ROOT / "examples/networks/squeezenet_v1_0.net").network[nest.layer]
    dt.draw(nest.mapping, title=f"{nest.layer} on {nest.accelerator}", problem=layer.loops).save(
        folder / "mapping.svg"
    )
    if report:
        report_picture(folder / "report.png")


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--report"]
    main(Path(given[0]) if given else PICTURES, "--report" in sys.argv)
