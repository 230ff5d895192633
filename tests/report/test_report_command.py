"""`dovetail evaluate --html` and `dovetail report RUN`, from the command line to the file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import dovetail as dt
from dovetail.cli import main
from dovetail.explorer.explore import Where, explore
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.study import Options


@pytest.fixture(scope="module")
def folder(tiny: Path, squeezelerator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over two arrays and two widths, against the 32 x 32 array."""
    runs = tmp_path_factory.mktemp("runs")
    family = runs / "family.accel"
    text = squeezelerator.read_text(encoding="utf-8").replace("param n = 32", "param n = choose(8, 16)")
    family.write_text(text.replace("accel squeezelerator", "accel family"), encoding="utf-8")
    options = Options(minimize=("latency", "area"), bits=(8, 16), baseline=(tiny, squeezelerator))
    request = StudyRequest(None, (str(tiny),), (str(family),), options, "tiny")
    return explore(request, Where(runs=runs, workers=1), dt.__version__).folder.path


def data(page: Path) -> dict[str, object]:
    text = page.read_text(encoding="utf-8")
    found: dict[str, object] = json.loads(re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)[0])
    return found


def test_evaluate_writes_a_page_and_prints_as_ever(
    tiny: Path, squeezelerator: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert main(["evaluate", str(tiny), str(squeezelerator)]) == 0
    plain = capsys.readouterr().out
    assert main(["evaluate", str(tiny), str(squeezelerator), "--html", str(page)]) == 0
    printed = capsys.readouterr()
    assert printed.out == plain
    assert f"wrote {page}" in printed.err
    assert "<h1>tiny" in page.read_text(encoding="utf-8")


def test_several_evaluations_are_one_page_with_a_matrix(
    tiny: Path, squeezelerator: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    other = squeezelerator.with_name("eyeriss.accel")
    assert main(["evaluate", str(tiny), str(squeezelerator), str(other), "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "<h1>tiny on 2 accelerators</h1>" in text
    assert text.count('class="design"') == 2


def test_a_page_that_cannot_be_written_is_a_fault_of_the_command_line(
    tiny: Path, squeezelerator: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "missing" / "page.html"
    assert main(["evaluate", str(tiny), str(squeezelerator), "--html", str(page)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_run_becomes_a_page_with_its_front_in_full(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert main(["report", str(folder), "-o", str(page)]) == 0
    found = data(page)
    text = page.read_text(encoding="utf-8")
    front = found["front"]
    assert isinstance(front, dict)
    for name in front["name"]:
        assert f'id="d{name}-design"' in text
    assert "tiny on squeezelerator" in text  # the baseline
    for digest in re.findall(r"<code>([0-9a-f]{64})</code>", text):
        assert len(digest) == 64


def test_designs_in_full_cost_what_the_run_said(folder: Path, tmp_path: Path) -> None:
    from dovetail.explorer.runs import open_run
    from dovetail.explorer.space import StudySpace
    from dovetail.explorer.store import Store
    from dovetail.run_report import evaluated

    run = open_run(folder)
    store = Store(run.results, list(run.metrics), read_only=True)
    results = {result.index: result for result in store.results()}
    store.close()
    space = StudySpace(run.request.load())
    assert len(results) == 4
    for index, result in results.items():
        evaluation = evaluated(index, space).evaluation
        assert evaluation.latency_s == pytest.approx(result.metrics["latency"], rel=1e-12)
        assert evaluation.energy_pj == pytest.approx(result.metrics["energy"], rel=1e-9)
        assert evaluation.area_mm2 == pytest.approx(result.metrics["area"], rel=1e-12)


def test_the_same_run_is_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    pages = [tmp_path / "a.html", tmp_path / "b.html"]
    for page in pages:
        assert main(["report", str(folder), "-o", str(page)]) == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_baseline_of_ones_own_takes_the_place_of_the_study_s(
    folder: Path, tiny: Path, squeezelerator: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    other = squeezelerator.with_name("eyeriss.accel")
    assert main(["report", str(folder), "-o", str(page), "--baseline", str(tiny), str(other)]) == 0
    assert "tiny on eyeriss" in page.read_text(encoding="utf-8")


def test_designs_in_full_can_be_left_out(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert main(["report", str(folder), "-o", str(page), "--designs", "0"]) == 0
    assert 'class="design"' not in page.read_text(encoding="utf-8")
    assert main(["report", str(folder), "-o", str(page), "--designs", "-1"]) == 2


def test_a_folder_without_a_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 1
    assert "there is no run in" in capsys.readouterr().err
