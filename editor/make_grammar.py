"""Writes the TextMate grammar (VS Code, Sublime Text, GitHub, Shiki) from the terminals of the language.

python editor/make_grammar.py [FILE]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dovetail.dsl.builtins import BUILTINS
from dovetail.dsl.operators import OPERATORS
from dovetail.editor.words import inner_words, statement_words, terminals, value_words

HOME = Path(__file__).resolve().parent
SCOPE = "source.dovetail"

# A word in front of one of these is a name, whatever else it could be: what the parser does, too.
NAMES = r"(?!\[|\s*(?:=(?!=)|,|\.(?!\.)|:|\)|\]|->))"
# A word behind one of these begins a value, so that it is none of those that go on with one.
OPENS = r"(?<![=:,(\[])(?<![=:,(\[]\s)"
BEGINS = r"(?:^|(?<=[;{]))\s*"
# Words that stand for themselves in networks and everywhere.
CONSTANTS = ("true", "false", "same", "global", "none")


def any_of(words: tuple[str, ...]) -> str:
    """An alternative of whole words."""
    return rf"(?:{'|'.join(words)})\b"


def rules() -> list[dict[str, Any]]:
    """The rules in order of precedence; none goes beyond its line, as no token of the language does."""
    regex = terminals()
    number, quantity = regex["NUMBER"], regex["QUANTITY"]
    if not quantity.startswith(number):
        raise ValueError("a quantity is a number and a unit")
    unit = quantity.removeprefix(number)
    name = regex["NAME"]
    defined = {"block": "entity.name.function", "fn": "entity.name.function"}
    parts = {"memory": "entity.name.type", "array": "entity.name.type", "unit": "entity.name.type"}
    kinds = dict.fromkeys(("net", "accel", "study", "dataflow", "table"), "entity.name.type")
    naming = defined | parts | kinds
    named = [
        {
            "match": rf"{BEGINS}({word})\s+({name})(?!\s*(?:=(?!=)|,))",
            "captures": {"1": {"name": "keyword.control.dovetail"}, "2": {"name": f"{scope}.dovetail"}},
        }
        for word, scope in naming.items()
    ]
    functions = tuple(sorted({*BUILTINS, *(n for n, o in OPERATORS.items() if not o.internal)}))
    return [
        {"match": regex["COMMENT"], "name": "comment.line.number-sign.dovetail"},
        {"match": regex["STRING"], "name": "string.quoted.double.dovetail"},
        *named,
        {
            "match": rf"{BEGINS}({any_of(statement_words())}){NAMES}",
            "captures": {"1": {"name": "keyword.control.dovetail"}},
        },
        {
            "match": rf"(?<![.\w])({any_of(value_words())}){NAMES}(?=\s*[\w(\"\[{{-])",
            "name": "keyword.control.dovetail",
        },
        {"match": rf"(?<![.\w]){OPENS}({any_of(inner_words())}){NAMES}", "name": "keyword.control.dovetail"},
        {
            "match": rf"(?<![A-Za-z0-9_])({number})({unit})",
            "captures": {
                "1": {"name": "constant.numeric.dovetail"},
                str(2 + number.count("(")): {"name": "keyword.other.unit.dovetail"},
            },
        },
        {"match": rf"(?<![A-Za-z0-9_])(?:{number})", "name": "constant.numeric.dovetail"},
        {"match": rf"(?<![.\w]){any_of(CONSTANTS)}", "name": "constant.language.dovetail"},
        {"match": rf"({name})(?=\s*:(?!:))", "name": "entity.name.label.dovetail"},
        {"match": rf"({name})(?=\s*=(?!=))", "name": "variable.other.assigned.dovetail"},
        {"match": rf"(?<![.\w]){any_of(functions)}", "name": "support.function.dovetail"},
        {"match": rf"({name})(?=\()", "name": "entity.name.function.call.dovetail"},
        {"match": name, "name": "variable.other.dovetail"},
        {
            "match": "|".join((regex["ARROW"], regex["RANGE"].replace(".", r"\."), regex["COMPARE"])),
            "name": "keyword.operator.dovetail",
        },
        {"match": r"[-+*/^=]", "name": "keyword.operator.dovetail"},
    ]


def textmate() -> dict[str, Any]:
    """The whole grammar."""
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "Dovetail",
        "scopeName": SCOPE,
        "fileTypes": ["net", "accel", "study", "map"],
        "patterns": rules(),
    }


def text() -> str:
    """The grammar as the file has it."""
    return json.dumps(textmate(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HOME / "dovetail.tmLanguage.json"
    target.write_text(text(), encoding="utf-8")
