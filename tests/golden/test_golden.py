"""Every bad input beside the text that a user reads: `NAME.net` and `NAME.expect`.

`pytest tests/golden --update-golden` writes the expectations anew; read the difference before keeping it.
A first line `# set NAME = VALUE` gives a parameter from outside, as `--set` does.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dovetail.accel.loading import load_accelerator_design
from dovetail.accel.mapping_parsing import load_mapping
from dovetail.dsl.diagnostics import DovetailError, render
from dovetail.dsl.loading import load_network_design
from dovetail.explorer.study import load_study

HERE = Path(__file__).parent
KINDS = (".net", ".accel", ".study", ".map")
CASES = sorted(str(path.relative_to(HERE)) for path in HERE.glob("*/*") if path.suffix in KINDS)


def settings(text: str) -> dict[str, object]:
    return dict(re.findall(r"^# set (\S+) = (.*)$", text, re.MULTILINE))


def printed(path: Path) -> str:
    """What `check` prints for a file, its warnings included."""
    given = settings(path.read_text(encoding="utf-8"))
    try:
        match path.suffix:
            case ".net":
                return render(load_network_design(path, given).warnings)
            case ".accel":
                return render(load_accelerator_design(path, given).warnings)
            case ".map":
                load_mapping(path)
            case _:
                load_study(path)
        return ""
    except DovetailError as fault:
        return str(fault)


@pytest.mark.parametrize("case", CASES)
def test_the_message_is_the_one_agreed(
    case: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = HERE / case
    monkeypatch.chdir(path.parent)
    text = printed(Path(path.name)) + "\n"
    expected = path.with_suffix(".expect")
    if request.config.getoption("--update-golden"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_every_expectation_has_its_input() -> None:
    inputs = {str(Path(case).with_suffix("")) for case in CASES}
    assert {str(p.relative_to(HERE).with_suffix("")) for p in HERE.glob("*/*.expect")} == inputs
