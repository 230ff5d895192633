"""Whatever is done to the tokens of an accelerator, the answer is a design or a diagnostic."""

import random
import re
from pathlib import Path

import pytest

from dovetail.accel.loading import accelerator_from_text
from dovetail.dsl.diagnostics import DovetailError

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
FILES = sorted(EXAMPLES.glob("*/*.accel"))
TOKENS = re.compile(r'#[^\n]*|"[^"\n]*"|\d+(?:\.\d+)?|\w+|[^\w\s]|\s+')


def broken(text, draw):
    """The text with one to three tokens deleted, doubled, swapped or taken from elsewhere."""
    tokens = TOKENS.findall(text)
    words = [i for i, token in enumerate(tokens) if not token.isspace() and not token.startswith("#")]
    for _ in range(draw.randint(1, 3)):
        at, other = draw.choice(words), draw.choice(words)
        match draw.randrange(4):
            case 0:
                tokens[at] = ""
            case 1:
                tokens[at] = f"{tokens[at]} {tokens[at]}"
            case 2:
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case _:
                tokens[at] = tokens[other]
    return "".join(tokens)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_broken_text_is_refused_or_understood(path):
    text, draw = path.read_text(encoding="utf-8"), random.Random(0)
    refused = 0
    for _ in range(60):
        try:
            accelerator_from_text(broken(text, draw))
        except DovetailError as fault:
            refused += 1
            assert str(fault)
    assert refused > 20
