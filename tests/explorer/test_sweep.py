"""A sweep against brute force: every design of the space, each once, and their front."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import dovetail as dt
from dovetail.dsl.diagnostics import DovetailError
from dovetail.explorer.explore import Outcome, Where, explore
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.space import StudySpace
from dovetail.explorer.store import Store
from dovetail.explorer.study import Options
from dovetail.explorer.sweep import pieces


def request(designs: Path, **options: object) -> StudyRequest:
    given = {"minimize": ("latency", "energy"), "engine": "sweep"} | options
    return StudyRequest(
        None,
        (str(designs / "tiny.net"), str(designs / "other.net")),
        (str(designs / "small.accel"),),
        Options(**given),
        "sweep",
    )


def rows(outcome: Outcome) -> list[tuple[int, tuple[tuple[str, str], ...], float, float]]:
    store = Store(outcome.folder.results, list(outcome.folder.metrics), read_only=True)
    found = [
        (r.index, tuple(sorted(r.choices.items())), r.metrics["latency"], r.metrics["energy"])
        for r in store.results()
    ]
    store.close()
    return sorted(found)


def test_every_design_is_evaluated_once_and_the_front_is_theirs(designs: Path, tmp_path: Path) -> None:
    outcome = explore(request(designs, bits=(8, 4)), Where(tmp_path / "runs", workers=1))
    found = rows(outcome)
    assert outcome.report.exact and outcome.report.finished
    assert len(found) == len({index for index, *_ in found}) == outcome.space.designs == 34 * 10 * 2
    assert len({choices for _, choices, *_ in found}) == len(found)
    least = {
        (latency, energy)
        for _, _, latency, energy in found
        if not any(x <= latency and y <= energy and (x, y) != (latency, energy) for _, _, x, y in found)
    }
    assert {(r.metrics["latency"], r.metrics["energy"]) for r in outcome.front} == least


def test_pieces_cover_the_space_without_overlap(designs: Path) -> None:
    space = StudySpace(request(designs, bits=(8, 4)).load())
    covered: dict[tuple[int, int, int], int] = {}
    for piece in pieces(space):
        _, first, end = piece.accelerators
        for number in range(first, end):
            for file, low, high in piece.networks:
                for network in range(low, high):
                    covered[number, file, network] = covered.get((number, file, network), 0) + 1
    assert set(covered.values()) == {1}
    assert len(covered) == 12 * (72 + 2)
    assert len({piece.name for piece in pieces(space)}) == len(list(pieces(space)))


def test_the_same_command_goes_on_and_finds_nothing_to_do(designs: Path, tmp_path: Path) -> None:
    said: list[str] = []
    where = Where(tmp_path / "runs", workers=1)
    first = explore(request(designs), where, say=said.append)
    again = explore(request(designs), where, say=said.append)
    assert said[0].startswith("a new run in ") and said[1].startswith("the run in ")
    assert again.report.points == 0
    assert rows(again) == rows(first)
    assert again.front == first.front


def test_a_changed_input_is_a_new_run_and_says_so(designs: Path, tmp_path: Path) -> None:
    said: list[str] = []
    where = Where(tmp_path / "runs", workers=1)
    first = explore(request(designs), where)
    text = (designs / "small.accel").read_text()
    (designs / "small.accel").write_text(text.replace("clock 100 MHz", "clock 200 MHz"))
    second = explore(request(designs), where, say=said.append)
    assert second.folder.path != first.folder.path
    assert f"unlike {first.folder.path.name}, `small.accel` changed" in said[0]
    assert len(rows(first)) == len(rows(second))
    assert min(r[2] for r in rows(second)) < min(r[2] for r in rows(first))


def test_a_run_that_time_ended_is_taken_up_where_it_was(designs: Path, tmp_path: Path) -> None:
    where = Where(tmp_path / "runs", workers=1)
    short = explore(request(designs, time_s=1e-9), where)
    assert not short.report.finished and not short.report.exact
    whole = explore(request(designs), where)
    assert whole.folder.path == short.folder.path
    assert whole.report.finished and len(rows(whole)) == 340


def test_no_design_meets_impossible_conditions_and_the_reason_is_said(designs: Path, tmp_path: Path) -> None:
    run = dt.explore(
        designs / "tiny.net",
        designs / "small.accel",
        where=["latency < 1 ns"],
        engine="sweep",
        runs=tmp_path / "runs",
        workers=1,
    )
    assert list(run.front) == []
    message = "\n".join(run.why_empty())
    assert "none of 320 designs meets all conditions: latency < 1 ns" in message
    assert "in `latency`" in message


def machine(n: list[int], sizes: list[int], limit: int, keep: bool) -> str:
    rule = f"require n * n <= {limit}\n" if keep else ""
    return (
        f"accel m\nparam n = choose({', '.join(map(str, n))})\nclock 100 MHz\n"
        "memory DRAM { bandwidth = 1 GB/s shared; energy = 8 pJ/bit }\n"
        f"memory B {{ size = choose({', '.join(f'{s} B' for s in sizes)}); width = 64 bit; energy = 1 pJ/bit;"
        " may_hold = [inputs, weights, outputs] }\n"
        "array PE[row = n, col = n] { along row: reduce sums; along col: multicast inputs\n"
        " mac { rate = 1/cycle; energy = 1 pJ } }\n"
        f"{rule}dataflow ws {{ PE.row = C; PE.col = K }}\n"
    )


def size_text(size: int) -> str:
    return "1 KiB" if size == 1024 else f"{size} B"


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(st.sampled_from([1, 2, 3, 4]), min_size=2, max_size=3, unique=True),
    st.lists(st.sampled_from([64, 256, 1024]), min_size=1, max_size=2, unique=True),
    st.sampled_from([1, 4, 9]),
    st.booleans(),
    st.lists(st.sampled_from([1, 3]), min_size=1, max_size=2, unique=True),
)
def test_random_spaces_have_the_rows_and_the_front_of_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    n: list[int],
    sizes: list[int],
    limit: int,
    keep: bool,
    kernels: list[int],
) -> None:
    folder = tmp_path_factory.mktemp("space")
    (folder / "m.accel").write_text(machine(n, sizes, limit, keep))
    choice = f"choose({', '.join(map(str, kernels))})"
    (folder / "x.net").write_text(
        f"net x\nparam k = {choice}\ninput image[2, 6, 6]\noutput image -> conv(4, k) -> conv(2, 1)\n"
    )
    expected = {}
    for a, size, k in product(n, sizes, kernels):
        if keep and a * a > limit:
            continue
        try:
            net = dt.load_network(folder / "x.net", k=k)
            chip = dt.load_accelerator(folder / "m.accel", n=a, **{"B.size": size_text(size)})
            expected[a, size, k] = dt.evaluate(net, chip).total
        except DovetailError:
            continue  # some layer does not fit
    asked = StudyRequest(
        None,
        (str(folder / "x.net"),),
        (str(folder / "m.accel"),),
        Options(minimize=("latency", "energy"), engine="sweep"),
    )
    if keep and min(n) ** 2 > limit:
        with pytest.raises(DovetailError, match="a requirement is not met"):
            explore(asked, Where(folder / "runs", workers=1))
        return
    outcome = explore(asked, Where(folder / "runs", workers=1))
    store = Store(outcome.folder.results, list(outcome.folder.metrics), read_only=True)
    found = {}
    for r in store.results():
        if r.refused is None:
            at = (
                int(r.choices["n"]),
                next(size for size in sizes if size_text(size) == r.choices["B.size"]),
                int(r.choices["k"]),
            )
            found[at] = r
    store.close()
    assert found.keys() == expected.keys()
    for at, total in expected.items():
        assert (found[at].metrics["cycles"], found[at].metrics["energy"]) == (total.cycles, total.energy_pj)
    pairs = {(t.latency_s, t.energy_pj) for t in expected.values()}
    front = {p for p in pairs if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in pairs)}
    assert {(r.metrics["latency"], r.metrics["energy"]) for r in outcome.front} == front
