"""Draws the pictures of the documentation with the tool itself: the same tool gives the same bytes.

python docs/pictures.py [FOLDER]
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

import dovetail as dt
from dovetail.console import UNICODE
from dovetail.evaluation_table import evaluation_view

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"

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


def main(folder: Path) -> None:
    """Draw them all."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluate.svg").write_text(evaluation_picture(), encoding="utf-8")
    tutorial = ROOT / "examples" / "tutorial"
    dt.draw(dt.load_network(tutorial / "mine.net")).save(folder / "network.svg")
    accelerator = dt.load_accelerator(tutorial / "mine.accel", n=16, buffer="64 KiB")
    dt.draw(accelerator).save(folder / "accelerator.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
