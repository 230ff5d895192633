"""The pages as files: alone, well formed, the same each time, small, and readable without a script."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_run import Run, best, knee, shown_in_full
from dovetail.explorer.report.evaluation_page import evaluation_page
from dovetail.explorer.report.html import VOID, join, row, tag
from dovetail.explorer.report.records import Source
from dovetail.explorer.report.run_page import run_page

Make = Callable[..., Run]


class Reader(HTMLParser):
    """Checks that elements nest; gathers ids, references and the texts of table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"] or "")
        self.references += [given[name] or "" for name in ("href", "src") if name in given]
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def evaluated(source: Source) -> str:
    return evaluation_page([source])


@pytest.fixture(scope="module")
def explored(source: Source, make_run: Make) -> str:
    run = make_run(2500)
    return run_page(run, dict.fromkeys(shown_in_full(run, 4), source))


@pytest.fixture(params=["evaluated", "explored", "matrix"])
def any_page(request: pytest.FixtureRequest, source: Source) -> str:
    if request.param == "matrix":
        return evaluation_page([source, source])
    return str(request.getfixturevalue(request.param))


def test_elements_nest_and_ids_are_unique(any_page: str) -> None:
    ids = read(any_page).ids
    assert len(set(ids)) == len(ids)


def test_nothing_comes_from_elsewhere_and_every_link_leads_somewhere(any_page: str) -> None:
    reader = read(any_page)
    for reference in reader.references:
        assert reference.startswith(("#", "data:")), reference
        if reference.startswith("#"):
            assert reference[1:] in reader.ids, reference
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|<script[^>]+src", any_page)


def test_the_same_evaluation_is_the_same_page(source: Source, evaluated: str) -> None:
    assert evaluation_page([source]) == evaluated


def test_the_same_run_is_the_same_page(make_run: Make) -> None:
    assert run_page(make_run(5000), {}) == run_page(make_run(5000), {})


def test_the_tables_say_everything_without_a_script(source: Source, evaluated: str) -> None:
    cells = read(evaluated).cells
    for layer in source.evaluation.layers:
        assert any(cell.startswith(layer.name) for cell in cells)
        assert q.prefixed(layer.latency_s, "s") in cells
        assert q.prefixed(layer.energy_pj * 1e-12, "J") in cells
        assert layer.held_back_by in cells
    for level in source.accelerator["levels"]:
        assert level["name"] in cells
    for file in source.inputs:
        assert file.sha256 in cells
    for name, op, _ in source.evaluation.free:
        assert name in cells and op in cells


def test_mappings_are_there_as_they_parse(source: Source, evaluated: str) -> None:
    shown = re.findall(r"<pre>(.*?)</pre>", evaluated, re.DOTALL)
    wanted = [layer.mapping for layer in source.evaluation.layers if layer.mapping]
    assert [text.replace("&lt;", "<").replace("&gt;", ">") + "\n" for text in shown] == wanted


def test_every_point_of_the_front_is_in_the_table_of_a_run(make_run: Make) -> None:
    run = make_run(2500)
    cells = read(run_page(run, {})).cells
    for point in run.front:
        assert run.names[point] in cells
        assert q.metric(float(run.column("latency")[point]), "s") in cells


def test_the_script_knows_the_front_to_nine_digits(make_run: Make) -> None:
    run = make_run(2500)
    data = json.loads(re.findall(r'id="data">(.*?)</script>', run_page(run, {}), re.DOTALL)[0])
    assert data["front"]["name"] == [run.names[p] for p in run.front]
    for i, metric in enumerate(run.metrics):
        assert data["front"]["values"][i] == pytest.approx(run.column(metric)[list(run.front)], rel=1e-8)
    for i in range(len(run.axes)):
        assert data["front"]["picks"][i] == run.picks[list(run.front), i].tolist()
    assert data["choices"][0]["options"] == ["slim", "<wide> & deep"]


def test_the_first_paragraph_names_the_best_against_the_baseline(make_run: Make) -> None:
    run = make_run(2500)
    page = run_page(run, {})
    opening = page[: page.index("<nav")]
    for goal in run.goals:
        value = float(run.column(goal.metric)[best(run, goal)])
        assert q.metric(value, run.units[goal.metric]) in opening
        assert run.baseline is not None
        assert q.times(run.baseline.metrics[goal.metric] / value) in opening
    assert f"#design-{run.names[knee(run)]}" in opening


def test_a_million_designs_stay_below_ten_megabytes(source: Source, run_of_a_million: Run) -> None:
    run = run_of_a_million
    page = run_page(run, dict.fromkeys(run.front, source))
    assert len(page.encode()) < 10_000_000
    assert page.count("<circle") >= len(run.front)


def test_three_objectives_with_a_large_front_stay_below_ten_megabytes(make_run: Make) -> None:
    run = make_run(40_000, goals=3)
    everything = replace(run, front=tuple(range(20_000)))
    page = run_page(everything, {})
    assert len(page.encode()) < 10_000_000
    assert page.count('class="front"') == 3 * 20_000


def test_a_run_that_found_nothing_says_so(make_run: Make) -> None:
    run = make_run(100)
    page = run_page(replace(run, front=(), meets=run.meets & False), {})
    assert "none of them meets every condition" in page
    read(page)


def test_one_objective_and_one_design_make_a_page(make_run: Make) -> None:
    run = make_run(500, goals=1)
    assert len(run.front) == 1
    assert "one is best in latency" in run_page(run, {})


def test_text_is_escaped_once() -> None:
    assert tag("td", "a < b & c", title='say "x"') == '<td title="say &quot;x&quot;">a &lt; b &amp; c</td>'
    assert tag("p", tag("b", "<")) == "<p><b>&lt;</b></p>"
    assert join(None, ["a", tag("br")], 3) == "a<br>3"


def test_a_design_whose_run_mixed_mappings_says_so(source: Source, make_run: Make) -> None:
    run = make_run(200)
    point = run.front[0]
    page = run_page(run, {point: source})  # the run's numbers are formulas: never those of the evaluation
    took = q.metric(float(run.column("latency")[point]), "s")
    assert page.count("In the run this design takes") == 1
    assert f"In the run this design takes {took} and " in page
    values = run.values.copy()
    values[point, :2] = source.evaluation.latency_s, source.evaluation.energy_pj
    assert "In the run this design takes" not in run_page(replace(run, values=values), {point: source})


def test_the_front_of_a_space_too_large_to_walk_speaks_of_the_space(make_run: Make) -> None:
    run = make_run(50)
    page = run_page(replace(run, space_size=984770902183611232881), {})
    opening = page[page.index('class="answer"') : page.index("<nav")]
    assert opening.startswith('class="answer">Of 9.85 × 10²⁰ designs ')
    assert "kept: the front" in page


def test_several_evaluations_begin_with_the_best_of_each_network(source: Source) -> None:
    e = source.evaluation
    worse = replace(source, evaluation=replace(e, accelerator="other", value=3.5 * e.value))
    page = evaluation_page([worse, source])
    opening = page[page.index('class="answer"') : page.index("<main")]
    assert f"{e.network} takes <strong>{q.prefixed(e.latency_s, 's')}</strong>" in opening
    assert f"on <b>{e.accelerator}</b>, the best of 2; " in opening and "on other 3.50× as much" in opening


def test_cells_know_their_columns_where_a_page_is_too_narrow_for_heads() -> None:
    cells = row("a", tag("td", 1, cls="n"), ["b", tag("td")], labels=("Name", "One>", "B & C", ""))
    assert cells == (
        '<tr><th scope="row">a</th><td data-label="One" class="n">1</td>'
        '<td data-label="B &amp; C">b</td><td></td></tr>'
    )


@pytest.mark.parametrize(
    ("ratio", "text"), [(1.264, "1.26×"), (12.47, "12.5×"), (0.4512, "0.45×"), (1340, "1 340×")]
)
def test_ratios_have_three_digits(ratio: float, text: str) -> None:
    assert q.times(ratio).replace("\u202f", " ") == text


def test_layers_that_are_mapped_alike_share_a_picture(source: Source) -> None:
    lines = next(iter(source.nests.values()))
    alike = replace(source, nests=dict.fromkeys(source.nests, lines))
    page = evaluation_page([alike])
    drawn, used = page.count('<g id="nest-'), page.count('<use href="#nest-')
    assert (drawn, used) == (1, len(source.nests) - 1)
    assert evaluation_page([source]).count('<g id="nest-') == len(set(source.nests.values()))


def test_designs_in_full_fill_what_the_page_has_room_for_and_say_so(source: Source, make_run: Make) -> None:
    run = make_run(2500, goals=3)
    page = run_page(run, dict.fromkeys(run.front, source))
    shown = page.count('class="design"')
    assert 0 < shown < len(run.front) and len(page.encode()) < 10_000_000
    assert f"{shown} of {len(run.front)} designs of the front" in page
    assert "as many as the page has room for" in page


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (4.697e9, "pJ", "4.70\u202fmJ"),
        (0.004838, "s", "4.84\u202fms"),
        (3.848, "mm2", "3.85\u202fmm²"),
        (1234567, "B", "1.23\u202fMB"),
        (0.575, "", "0.575"),
        (1248424.0, "", "1.25\u202fM"),
        (64, "", "64"),
        (0, "s", "0\u202fs"),
        (999.96, "W", "1.00\u202fkW"),
    ],
)
def test_metrics_are_written_with_three_digits_and_a_prefix(value: float, unit: str, text: str) -> None:
    assert q.metric(value, unit) == text


def test_a_page_names_the_versions_and_the_hashes_of_its_inputs(
    source: Source, evaluated: str, tiny: Path, squeezelerator: Path
) -> None:
    import hashlib

    from dovetail import __version__
    from dovetail.explorer.content import model_digest

    assert f"Computed by Dovetail {__version__}, its cost model {model_digest()}." in evaluated
    assert len(source.inputs) == 2
    for file, path in zip(source.inputs, (tiny, squeezelerator), strict=True):
        assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert f"<code>{file.sha256}</code>" in evaluated
