"""Writes the reference of the language from its grammar, with an example of each production.

python docs/reference_from_grammar.py [FILE]
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from dovetail.dsl.units import UNIT_NAMES
from dovetail.editor.words import inner_words, statement_words, value_words

PAGE = Path(__file__).resolve().parent / "reference.md"
NET, ACCEL, STUDY, MAP = "net a", "accel a", "study a", 'mapping for "l" on a'


@dataclass(frozen=True)
class Example:
    """A statement that uses a production, as it would stand behind the header `head`."""

    production: str
    text: str
    says: str
    head: str = NET

    @property
    def file(self) -> str:
        """A text that the parser takes."""
        return self.text if self.production.endswith("header") else f"{self.head}\n{self.text}\n"


SHARED = [
    Example("header", "net squeezenet", "what the file is; also `accel`, `study`"),
    Example("mapping_header", 'mapping for "conv1" on eyeriss', "of a `.map` file"),
    Example("param", "param n = 32", "a value that is settable from outside"),
    Example("let", "let half = n // 2", "a name for a value"),
    Example("fn", "fn scaled(c, by = 8) = divisible(c * width, by)", "a function"),
    Example("parameter", "fn scaled(c, by = 8) = c * by", "a parameter, perhaps with a default"),
    Example("table", "table stages(t, c) { 1, 16; 6, 24 }", "a paper's table, a row a line"),
    Example("row", "table stages(t, c) { 1, 16; 6, 24 }", "its cells"),
    Example("tie", "tie body.*.kernel to stem.kernel", "two choices are one"),
    Example("path", "tie body.*.kernel to stem.kernel", "a name with dots, perhaps a pattern"),
    Example("require", 'require n <= 64 "no room for more"', "refuses a design, prunes a space"),
    Example("import_", 'import "base.net" as base(classes = 10)', "another file: its names, or all of it"),
    Example("metric", 'metric top1 = 57.5% from "arXiv:1602.07360"', "a published figure"),
    Example("assign", "left, right = x -> split(2)", "names for tensors; a property in braces"),
    Example("items", "memory M { access = 1/cycle, 2/cycle }", "several values", ACCEL),
    Example(
        "item", "mac { rate = 1/cycle at 8 bit, 4/cycle at 4 bit }", "a value and what holds for it", ACCEL
    ),
    Example(
        "qualifier", "memory M { bandwidth = 16 GB/s shared }", "`shared`, `at`, `reduce`, `then`", ACCEL
    ),
    Example(
        "zero_item", "mac { skip = zero weights in output_stationary }", "in these dataflows only", ACCEL
    ),
]
NETWORKS = [
    Example(
        "block", "block twice(x, c) { return x -> conv(c, 1) -> conv(c, 1) }", "what is used like an operator"
    ),
    Example("body", "block same(x) { return x }", "statements in braces"),
    Example("return_", "block halves(x) { l, r = x -> split(2); return l, r }", "what a block gives"),
    Example("input", "input image[3, 224, 224]", "a tensor that comes in, without batch"),
    Example("output", "output late -> avgpool(global) -> linear(10)", "a tensor that goes out"),
    Example("layers", "layers conv* except conv1 { weights = 4 bit }", "properties by name; later ones win"),
    Example("patterns", "layers fire2.*, fire3.* { weights = 8 bit }", "several patterns"),
]
ACCELERATORS = [
    Example("setting", "clock 500 MHz", "`technology`, `clock`", ACCEL),
    Example(
        "properties",
        "precision { inputs, weights, outputs = 8 bit }",
        "`transfers`, `timing`, `mac` too",
        ACCEL,
    ),
    Example("memory", "memory Buffer { size = 128 KiB; energy = sram() }", "a storage level", ACCEL),
    Example(
        "array", "array PE[row = 32, col = 32] { mac { rate = 1/cycle } }", "replicates what is inside", ACCEL
    ),
    Example(
        "axis_size", "array PE[row = 32, col = 32] { mac { rate = 1/cycle } }", "PEs along an axis", ACCEL
    ),
    Example("along", "array PE[row = 2] { along row: reduce sums }", "what neighbours do", ACCEL),
    Example(
        "link",
        "array PE[row = 2] { along row: shift inputs { energy = wire(50 um) } }",
        "with its wire",
        ACCEL,
    ),
    Example("unit", "unit Vector[n] at Buffer { does = [relu, pool] }", "what has no MACs", ACCEL),
    Example("path_rule", "path sums = PE.mac -> Acc -> Buffer", "the memories of a tensor", ACCEL),
    Example("stops", "path sums = PE.mac -> Acc -> Buffer", "in order", ACCEL),
    Example("stop", "path sums = PE.mac -> Acc -> Buffer", "a memory, or the MACs", ACCEL),
    Example("keep", "keep feature_maps in Buffer", "from layer to layer", ACCEL),
    Example(
        "dataflow", "dataflow ws { PE.row = C; stationary weights at Register }", "a set of rules", ACCEL
    ),
    Example("spread", "dataflow ws { PE.row = R then [C]; PE.col in [K, P] }", "what an axis is for", ACCEL),
    Example("stationary", "dataflow ws { stationary weights at Register }", "the tile stays", ACCEL),
    Example("order", "dataflow ws { order in PE = K, C, S }", "outer to inner", ACCEL),
    Example("inside", "dataflow ws { Register for [P, Q] }", "only these loops inside", ACCEL),
    Example(
        "record", "memory M { energy = { read = 24 pJ; fill = 26 pJ; update = 28 pJ } }", "properties", ACCEL
    ),
]
OTHERS = [
    Example("setting", "minimize latency, energy", "what a study says, by its first word", STUDY),
    Example("baseline", 'baseline "a.net" on "b.accel"', "what designs are compared with", STUDY),
    Example("holds", "Buffer holds inputs, outputs", "tiles kept from here inward", MAP),
    Example("for_line", "for C in 512 by 64", "a loop in time", MAP),
    Example("spatial_line", "spatial C in 32 along PE.row", "a loop over PEs", MAP),
    Example("dimension", "for flat(C, R, S) in 576", "one, or several walked as one", MAP),
    Example("mac_line", "mac", "the innermost line", MAP),
]
EXPRESSIONS = [
    Example("conditional", "let c = if n > 16 then 64 else 32", "one of two"),
    Example("pipeline", "y = x -> conv(64, 3) -> relu", "`x -> f(a)` is `f(x, a)`"),
    Example("stage", "y = x -> body: 3 * unit(64)", "a label, a count, a call"),
    Example("for_stage", "y = x -> for c, n in stages { n * unit(c) }", "its body once a row"),
    Example("chain", "y = x -> for c in [8, 16] { conv(c, 1) -> relu }", "the body of `for`"),
    Example("binary", "let a = (2 + 3) * 4^2 // 3 == 26 and n >= 8", "`or and == < + - * / // ^` …"),
    Example("unary", "let a = not (n == -1)", "`not`, `-`"),
    Example("attribute", "let size = Buffer.size", "a property, a name of an import"),
    Example("subscript", "let c = shape(x)[0]", "an item, from 0"),
    Example("call", "let a = max(3, 4)", "a function, block, operator, component"),
    Example("arguments", "y = conv(x, 64, 3, stride = 2)", "by place, then by name"),
    Example("argument", "y = conv(x, 64, 3, stride = 2)", "one of them"),
    Example("number", "let a = 1.5e3", "digits, point, exponent"),
    Example("quantity", "let a = 128 KiB", "a number and a unit of the list below"),
    Example("text", 'let a = "text"', "on one line"),
    Example("name", "let a = b", "a name, `true`, `false`"),
    Example("group", "let a = (1 + 2) * 3", "brackets"),
    Example("items_list", "let a = [6, 6, 8, 1]", "a list"),
    Example("listed", "let a = [6, 6, 8, 1,]", "a comma may stand at the end"),
    Example("choose", "param kernel = choose(3, 5, 7)", "one of these"),
    Example("choose_range", "param n = choose(8..64 by 8)", "one of a range; of powers: `choose(2^3..2^8)`"),
    Example("choose_labelled", "y = choose { conv: x -> conv(8, 1); skip: x }", "one of several pipelines"),
    Example("alternative", "y = choose { conv: x -> conv(8, 1); skip: x when n == 1 }", "with a condition"),
    Example(
        "record_value", "memory M { energy = { read = 24 pJ; fill = 26 pJ; update = 28 pJ } }", "", ACCEL
    ),
]
LISTS = [
    Example("names", "l, r = x -> split(2)", "names, apart by commas"),
    Example("parameters", "fn f(a, b) = a + b", "parameters, apart by commas"),
    Example("values", "output a, b", "values, apart by commas"),
]
SECTIONS = {
    "shared": ("Every file", SHARED),
    "networks": ("Networks", NETWORKS),
    "accelerators": ("Accelerators", ACCELERATORS),
    "studies, mappings": ("Studies and mappings", OTHERS),
    "expressions": ("Expressions", EXPRESSIONS + LISTS),
}
EXAMPLES = [example for _, examples in SECTIONS.values() for example in examples]

PREFACE = """\
# Reference of the language

Written from the grammar by `python docs/reference_from_grammar.py`; every example is read by the parser in
the tests, and uses the production that it stands for. [The language](language.md) explains; this page is
complete.

A statement ends with `SEP`: the end of its line, or `;`. Inside `(` and `[` lines go on, as does a line that
ends with `,`, `=` or an operator, and one before a line that begins with `->`. `#` begins a comment. `[x]` is
optional, `x*` any number of `x`, `x+` at least one; words in capitals are the words themselves (`PARAM` is
`param`).
"""


def sections() -> dict[str, str]:
    """The rules of the grammar by the headings between them."""
    text = resources.files("dovetail.dsl").joinpath("grammar.lark").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("// ---"):
            heading = line.strip("/- ").strip()
        elif not line.startswith(("//", "%")):
            found.setdefault(heading, []).append(line.rstrip())
    return {name: "\n".join(lines).strip("\n") for name, lines in found.items()}


def table(examples: list[Example]) -> str:
    """The productions of a section, each with its example."""
    rows = [f"| {e.production.rstrip('_')} | `{e.text}` | {e.says} |" for e in examples]
    return "\n".join(["| production | example | |", "| --- | --- | --- |", *rows])


def page() -> str:
    """The whole page."""
    rules = sections()
    parts = [PREFACE]
    for name, (title, examples) in SECTIONS.items():
        parts.append(f"## {title}\n\n```text\n{rules[name]}\n```\n\n{table(examples)}\n")
    words = {
        "begin a statement": statement_words(),
        "begin a value": value_words(),
        "stand inside": inner_words(),
    }
    said = "\n".join(
        f"- Words that {where}: {', '.join(f'`{w}`' for w in some)}." for where, some in words.items()
    )
    units = ", ".join(f"`{unit}`" for unit in UNIT_NAMES)
    contextual = (
        "A word is one of the language only where the grammar can go on with it, and a name elsewhere."
    )
    parts.append(f"## Words and units\n\n{contextual}\n\n{said}\n\nUnits: {units}.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    target.write_text(page(), encoding="utf-8")
