"""A study's file and the command line's options say the same; faults are shown where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from dovetail.dsl.diagnostics import DovetailError
from dovetail.explorer.explore import check_names
from dovetail.explorer.points import mapped_for
from dovetail.explorer.request import StudyRequest
from dovetail.explorer.space import StudySpace
from dovetail.explorer.study import Options, Study, load_study, make_study


def said(study: Study) -> tuple[object, ...]:
    return (
        [path.name for path in study.networks],
        [path.name for path in study.accelerators],
        [(o.direction, o.name) for o in study.objectives],
        [condition.text for condition in study.where],
        study.seed,
    )


def by_options(designs: Path, **options: object) -> Study:
    networks = [designs / "tiny.net", designs / "other.net"]
    return make_study(networks, [designs / "small.accel"], Options(**options))


def test_options_say_the_same_as_a_file(designs: Path) -> None:
    study = by_options(
        designs,
        minimize=("latency", "energy"),
        maximize=("top1",),
        where=("latency < 1 ms", "Buffer.size <= 2 KiB"),
        seed=3,
    )
    assert said(study) == said(load_study(designs / "both.study"))


def test_options_go_before_what_the_file_says(designs: Path) -> None:
    study = load_study(
        designs / "both.study", Options(minimize=("area",), where=("area < 10 mm2",), seed=7, engine="sweep")
    )
    assert (study.minimize, study.maximize, study.seed, study.engine) == (("area",), (), 7, "sweep")
    assert [c.text for c in study.where] == ["latency < 1 ms", "Buffer.size <= 2 KiB", "area < 10 mm2"]


def test_widths_and_dataflows_are_choices_of_a_study(designs: Path) -> None:
    path = designs / "axes.study"
    path.write_text(
        "study axes\nparam bits = choose(4 bit, 8 bit)\n"
        'param dataflow = choose("best", "weight_stationary")\n'
        'param batch = 4\nnetworks "tiny.net"\naccelerators "small.accel"\nminimize latency\n'
    )
    study = load_study(path)
    assert (study.bits, study.dataflows, study.batch) == ((4, 8), ("best", "weight_stationary"), 4)
    assert StudySpace(study).designs == 32 * 10 * 4


def test_an_unknown_metric_is_shown_where_it_stands(designs: Path) -> None:
    with pytest.raises(DovetailError) as fault:
        by_options(designs, minimize=("latency", "enrgy"))
    message = str(fault.value)
    assert "error[E0301]: nothing is called `enrgy`" in message
    assert "--> the command line:2:19" in message
    assert "did you mean `energy`" in message


def test_a_condition_compares_what_has_the_same_unit(designs: Path) -> None:
    with pytest.raises(DovetailError, match="E0402"):
        by_options(designs, minimize=("latency",), where=("area < 3 W",))


def test_a_metric_that_one_network_lacks_is_refused_by_name(designs: Path) -> None:
    (designs / "bare.net").write_text("net bare\ninput image[3, 8, 8]\noutput image -> conv(4, 3)\n")
    study = make_study(
        [designs / "tiny.net", designs / "bare.net"], [designs / "small.accel"], Options(maximize=("top1",))
    )
    with pytest.raises(DovetailError) as fault:
        check_names(StudySpace(study))
    assert "error[E1301]: `top1` is not known of every design" in str(fault.value)
    assert "it is missing in bare.net\n" in str(fault.value)


def test_contradictory_requirements_are_an_error_before_anything_runs(designs: Path) -> None:
    path = designs / "none.net"
    path.write_text(
        "net none\nlet a = choose(1, 2)\nrequire a > 2\ninput image[3, 8, 8]\noutput image -> conv(a, 1)\n"
    )
    with pytest.raises(DovetailError, match="a requirement is not met"):
        make_study([path], [designs / "small.accel"], Options(minimize=("latency",)))


@pytest.mark.parametrize(
    ("goals", "expected"),
    [
        (("latency",), "latency"),
        (("latency", "area"), "latency"),
        (("energy * area",), "energy"),
        (("latency", "energy"), "edp"),
        (("average_power",), "edp"),
        (("top1",), "edp"),
    ],
)
def test_layers_are_mapped_for_what_is_asked(designs: Path, goals: tuple[str, ...], expected: str) -> None:
    assert str(mapped_for(by_options(designs, minimize=goals))) == expected


def test_a_request_survives_being_written(designs: Path) -> None:
    options = Options(
        minimize=("latency",), baseline=(designs / "tiny.net", designs / "small.accel"), bits=(4, 8)
    )
    request = StudyRequest(None, (str(designs / "tiny.net"),), (str(designs / "small.accel"),), options)
    assert StudyRequest.from_json(request.absolute().to_json()) == request.absolute()
