"""The command line. Each command imports what it needs when it runs, so that `--help` comes at once.

Exit status: 0 good, 1 the input is at fault, 2 the command line is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dovetail.console import complain
from dovetail.faults import (
    COMMAND_LINE_AT_FAULT,
    GOOD,
    INPUT_AT_FAULT,
    INTERRUPTED,
    OUR_FAULT,
    PIPE_CLOSED,
    CommandLineFault,
)

USAGE_FAULT: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
"""What typer raises for a command line it cannot read; recent versions carry their own copy of click."""

app = typer.Typer(
    name="dovetail",
    help="Networks and accelerators as a page of text each: how fast, how much energy, what holds them back.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md says what is in it).")]
TableFormat = Annotated[
    str | None, typer.Option("--format", metavar="csv|markdown|latex", help="The table for other programs.")
]
MapperName = Annotated[
    str | None,
    typer.Option("--mapper", metavar="exact|greedy", help="Mappings proved the best, or found quickly."),
]
TimeLimit = Annotated[
    str | None, typer.Option("--time", metavar="10s", help="For the exact mapping of each layer.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither read nor keep mappings on disk.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter or make a choice; may be repeated."),
]


def _version(wanted: bool) -> None:
    if wanted:
        from dovetail import __version__

        typer.echo(f"dovetail {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(short_help="Check files: every problem at once.")
def check(files: Files, as_json: AsJson = False) -> int:
    """Parse and check files: every problem at once, with its source line."""
    from dovetail import check_command

    return check_command.run(files, as_json=as_json)


@app.command(short_help="Rewrite files in the canonical layout.")
def fmt(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", show_default=False, help="`-` for standard input.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; status 1 where a file would change.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")] = False,
) -> int:
    """Rewrite files in the canonical layout; comments stay, meaning never changes."""
    from dovetail import format_command

    return format_command.run(files, check=check, diff=diff)


@app.command(short_help="What is in a network, accelerator or space.")
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    settings: Settings = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also layers that cost nothing, and every choice.")
    ] = False,
    bits: Annotated[
        int | None,
        typer.Option(
            "--bits", metavar="N", min=1, max=256, help="Bit width where the text of a network gives none."
        ),
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw it; `-` for standard output.")
    ] = None,
    table_format: TableFormat = None,
    as_json: AsJson = False,
) -> int:
    """A network's layers, an accelerator's parts with energy and area, a design space's choices and size."""
    from dovetail import show_command

    return show_command.run(
        file,
        show_command.Shown(
            settings=tuple(settings or ()),
            everything=everything,
            bits=bits,
            as_json=as_json,
            format=table_format,
            svg=svg,
        ),
    )


@app.command(short_help="Latency, energy and traffic, layer by layer.")
def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            show_default=False,
            help="Networks (.net) and accelerators (.accel); several of either give a matrix.",
        ),
    ],
    objective: Annotated[
        str,
        typer.Option(
            "--objective", "-o", metavar="edp|energy|latency", help="What each layer is mapped for."
        ),
    ] = "edp",
    batch: Annotated[int, typer.Option("--batch", "-b", metavar="N", min=1, help="Images at once.")] = 1,
    dataflow: Annotated[
        str | None, typer.Option("--dataflow", metavar="NAME", help="This one for all layers.")
    ] = None,
    settings: Settings = None,
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="NAME", help="This layer alone, in detail.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="Evaluate this mapping of a layer.")
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(
            "--bits", metavar="N", min=1, max=256, help="Bit width instead of the accelerator's default."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="A line for every layer.")] = False,
    mapper: Annotated[
        str | None,
        typer.Option("--mapper", metavar="exact|greedy", help="Mappings proved the best, or found quickly."),
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="10s", help="For the exact mapping of each layer.")
    ] = None,
    no_cache: NoCache = False,
    model: Annotated[
        str, typer.Option("--model", metavar="dovetail|timeloop", help="Who counts, times and prices.")
    ] = "dovetail",
    energy: Annotated[
        str,
        typer.Option("--energy", metavar="tables|accelergy|hwcomponents", help="Where energies come from."),
    ] = "tables",
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="Which has hwcomponents or pytimeloop."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a report: one page, opens offline."),
    ] = None,
    table_format: TableFormat = None,
    as_json: AsJson = False,
) -> int:
    """Latency, energy and traffic of networks on accelerators, layer by layer, and what holds them back."""
    from dovetail import evaluate_command

    request = evaluate_command.Request(
        files=tuple(files),
        objective=objective,
        batch=batch,
        dataflow=dataflow,
        settings=tuple(settings or ()),
        layer=layer,
        mapping=mapping,
        bits=bits,
        everything=everything,
        as_json=as_json,
        format=table_format,
        html=html,
        mapper=mapper,
        time=time,
        cached=not no_cache,
        model=model,
        energy=energy,
        python=python,
    )
    return evaluate_command.run(request)


@app.command(name="map", short_help="The best mapping of a layer, proved.")
def map_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="NET ACCEL", show_default=False, help="A network and an accelerator."),
    ],
    layer: Annotated[str, typer.Option("--layer", metavar="NAME", help="The layer to map.")],
    objective: Annotated[
        str, typer.Option("--objective", "-o", metavar="edp|energy|latency", help="What is to be least.")
    ] = "edp",
    dataflow: Annotated[
        str | None,
        typer.Option("--dataflow", metavar="NAME", help="This one, not the best; `free` for any mapping."),
    ] = None,
    front: Annotated[
        bool, typer.Option("--front", help="Every mapping that nothing beats in latency and energy.")
    ] = False,
    within: Annotated[
        str | None,
        typer.Option(
            "--within", metavar="latency=1.05", help="At most so much over the best latency (or energy)."
        ),
    ] = None,
    tolerance: Annotated[
        str | None, typer.Option("--tolerance", metavar="2%", help="Stop where nothing is better by this.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="5s", help="Stop then, with the best so far and its gap.")
    ] = None,
    uneven: Annotated[
        bool,
        typer.Option("--uneven/--even", help="Operands of a memory may begin at different places."),
    ] = False,
    why: Annotated[
        str | None,
        typer.Option(
            "--why",
            metavar="FILE.map|DATAFLOW",
            help="Compare with this, part by part; also `greedy` and `free`.",
        ),
    ] = None,
    batch: Annotated[int, typer.Option("--batch", "-b", metavar="N", min=1, help="Images at once.")] = 1,
    bits: Annotated[
        int | None,
        typer.Option(
            "--bits", metavar="N", min=1, max=256, help="Bit width instead of the accelerator's default."
        ),
    ] = None,
    settings: Settings = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> int:
    """The best mapping of a layer as a loop nest, how sure that is, and what else there is on the front."""
    from dovetail import map_command

    return map_command.run(
        map_command.MapRequest(
            files=tuple(files),
            layer=layer,
            objective=objective,
            dataflow=dataflow,
            batch=batch,
            bits=bits,
            settings=tuple(settings or ()),
            front=front,
            within=within,
            tolerance=tolerance,
            time=time,
            uneven=uneven,
            cached=not no_cache,
            why=why,
            as_json=as_json,
        )
    )


@app.command(short_help="One layer cycle by cycle, with real numbers.")
def simulate(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="NET ACCEL", show_default=False, help="A network and an accelerator."),
    ],
    layer: Annotated[str, typer.Option("--layer", metavar="NAME", help="The layer to run.")],
    dataflow: Annotated[
        str | None, typer.Option("--dataflow", metavar="NAME", help="This one, not the best.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="Run this mapping.")
    ] = None,
    settings: Settings = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the random operands.")] = 0,
    cycles_only: Annotated[bool, typer.Option("--cycles-only", help="Move no numbers: faster.")] = False,
    trace: Annotated[
        Path | None,
        typer.Option("--trace", metavar="FILE", help="Write what happened when: .csv, else Perfetto JSON."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """A layer on the array, cycle by cycle: its true output, checked against NumPy, every access, a trace."""
    from dovetail import simulate_command

    return simulate_command.run(
        simulate_command.Simulation(
            files=tuple(files),
            layer=layer,
            dataflow=dataflow,
            mapping=mapping,
            settings=tuple(settings or ()),
            seed=seed,
            numbers=not cycles_only,
            trace=trace,
            as_json=as_json,
        )
    )


@app.command("import", short_help="An ONNX model as readable text.")
def import_model(
    file: Annotated[Path, typer.Argument(metavar="MODEL.onnx", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="MODEL.net", help="Where it goes; else standard output."),
    ] = None,
    dims: Annotated[
        list[str] | None,
        typer.Option("--dim", metavar="NAME=SIZE", help="A size the model leaves open; may be repeated."),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="What unsupported operators make becomes an input.")
    ] = False,
) -> int:
    """An ONNX model as readable text: blocks for what repeats, normalisation folded, shapes resolved."""
    from dovetail import import_command

    return import_command.run(file, output, dims or [], partial=partial)


@app.command(short_help="The same problem for another tool.")
def export(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="NET [ACCEL]", show_default=False, help="A network and an accelerator."),
    ],
    to: Annotated[str, typer.Option("--to", metavar="TOOL", help="timeloop, accelforge, scalesim, onnx.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PATH", help="Where it goes.")],
    objective: Annotated[
        str, typer.Option("--objective", metavar="edp|energy|latency", help="What each layer is mapped for.")
    ] = "edp",
    batch: Annotated[int, typer.Option("--batch", "-b", metavar="N", min=1, help="Images at once.")] = 1,
    dataflow: Annotated[
        str | None, typer.Option("--dataflow", metavar="NAME", help="This one for all layers.")
    ] = None,
    settings: Settings = None,
    layer: Annotated[str | None, typer.Option("--layer", metavar="NAME", help="This layer alone.")] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="The layer and mapping of this file.")
    ] = None,
    bits: Annotated[
        int | None, typer.Option("--bits", metavar="N", min=1, max=256, help="Bit width of the network.")
    ] = None,
    mapper: MapperName = None,
    time: TimeLimit = None,
    dialect: Annotated[
        str | None,
        typer.Option(
            "--dialect", metavar="NAME", help="v3 or v4 of Timeloop's input; zero or random weights in ONNX."
        ),
    ] = None,
    imperfect: Annotated[
        bool,
        typer.Option("--imperfect", help="Timeloop: mappings as they are, with short last passes."),
    ] = False,
) -> int:
    """The same layers, accelerator and mappings as files that another tool reads (docs/other-tools.md)."""
    from dovetail import evaluate_command, export_command

    request = evaluate_command.Request(
        files=tuple(files),
        objective=objective,
        batch=batch,
        dataflow=dataflow,
        settings=tuple(settings or ()),
        layer=layer,
        mapping=mapping,
        bits=bits,
        mapper=mapper,
        time=time,
    )
    return export_command.run(export_command.Export(request, to, output, dialect, imperfect))


@app.command(short_help="A run as one page of HTML that opens offline.")
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", show_default=False, help="The folder of a run.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where the page is written.")
    ] = Path("report.html"),
    designs: Annotated[
        int, typer.Option("--designs", metavar="N", help="Designs of the front that are shown in full.")
    ] = 24,
    baseline: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--baseline", metavar="NET ACCEL", help="Compare with this one, not the study's."),
    ] = None,
) -> int:
    """A report of a run: its best designs, its front, what each choice does, designs layer by layer."""
    from dovetail import report_command

    return report_command.run(report_command.Asked(run, output, designs, baseline))


@app.command(short_help="Another tool's numbers beside ours.")
def compare(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="NET ACCEL", show_default=False, help="A network and an accelerator."),
    ],
    tool: Annotated[str, typer.Option("--with", metavar="TOOL", help="timeloop, accelforge or scalesim.")],
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="The Python of the tool's own environment."),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep what the tool read and wrote.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="Of each run of the tool.")
    ] = 600,
    objective: Annotated[
        str,
        typer.Option("--objective", "-o", metavar="edp|energy|latency", help="What layers are mapped for."),
    ] = "edp",
    batch: Annotated[int, typer.Option("--batch", "-b", metavar="N", min=1, help="Images at once.")] = 1,
    dataflow: Annotated[
        str | None, typer.Option("--dataflow", metavar="NAME", help="This one for all layers.")
    ] = None,
    settings: Settings = None,
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="NAME", help="This layer alone, every count.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="The layer and mapping of this file.")
    ] = None,
    bits: Annotated[
        int | None, typer.Option("--bits", metavar="N", min=1, max=256, help="Bit width of the network.")
    ] = None,
    mapper: MapperName = None,
    time: TimeLimit = None,
    search: Annotated[
        bool, typer.Option("--search", help="Beside the mappings that timeloop-mapper finds.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """The same layers and mappings in another tool: counts, cycles, energy, time, and why they differ."""
    from dovetail import compare_command, evaluate_command

    request = evaluate_command.Request(
        files=tuple(files),
        objective=objective,
        batch=batch,
        dataflow=dataflow,
        settings=tuple(settings or ()),
        layer=layer,
        mapping=mapping,
        bits=bits,
        mapper=mapper,
        time=time,
    )
    return compare_command.run(
        compare_command.Compared(request, tool, python, keep, seconds, as_json, search)
    )


@app.command(short_help="Sweep or search a design space; the Pareto front.")
def explore(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="STUDY | NET... ACCEL...",
            show_default=False,
            help="A study (.study), or networks and accelerators; what their texts leave open is explored.",
        ),
    ] = None,
    minimize: Annotated[
        list[str] | None,
        typer.Option("--minimize", metavar="METRIC", help="latency, energy, area, an expression; repeat."),
    ] = None,
    maximize: Annotated[
        list[str] | None, typer.Option("--maximize", metavar="METRIC", help="As --minimize.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="CONDITION", help="As in 'area < 10 mm2'; may be repeated."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", metavar="NAME=FILE.py:FUNCTION", help="A metric that a Python function computes."
        ),
    ] = None,
    baseline: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--baseline", metavar="NET ACCEL", help="What to compare the front with."),
    ] = None,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="auto|sweep|exact|heuristic", help="How to go about it.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", min=0, help="Of a search.")] = None,
    time: Annotated[str | None, typer.Option("--time", metavar="'10 min'", help="Stop then.")] = None,
    points: Annotated[
        int | None, typer.Option("--points", metavar="N", min=1, help="Points that a search draws.")
    ] = None,
    bits: Annotated[
        str | None, typer.Option("--bits", metavar="4,8", help="Bit widths to choose from.")
    ] = None,
    dataflow: Annotated[
        list[str] | None,
        typer.Option("--dataflow", metavar="NAME", help="For all layers, or `best`; repeat to choose."),
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", "-b", metavar="N", min=1, help="Images at once.")
    ] = None,
    settings: Settings = None,
    map_for: Annotated[
        str | None,
        typer.Option("--map-for", metavar="edp|energy|latency", help="What layers are mapped for."),
    ] = None,
    mapper: Annotated[
        str | None, typer.Option("--mapper", metavar="greedy|exact", help="Who maps the layers.")
    ] = None,
    runs: Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where runs are kept.")] = Path("runs"),
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="The folder of this run, by hand.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run as it was asked.")
    ] = None,
    show: Annotated[str | None, typer.Option("--show", metavar="RUN", help="Print a run's front.")] = None,
    list_runs: Annotated[bool, typer.Option("--list", help="The runs that there are.")] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", "-j", metavar="N", min=1, help="Processes; all cores by default."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Work on a Dask cluster.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FILE", help="All results as Parquet.")
    ] = None,
    flip: Annotated[
        tuple[str, str] | None,
        typer.Option("--flip", metavar="A B", help="How wrong a figure must be before design B beats A."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole front, every choice.")] = False,
    as_json: AsJson = False,
) -> int:
    """Every design that networks and accelerators leave open, and those that nothing beats."""
    from dovetail import explore_command

    return explore_command.run(
        explore_command.Request(
            files=tuple(files or ()),
            minimize=tuple(minimize or ()),
            maximize=tuple(maximize or ()),
            where=tuple(where or ()),
            baseline=baseline,
            engine=engine,
            seed=seed,
            time=time,
            points=points,
            bits=bits,
            dataflows=tuple(dataflow or ()),
            batch=batch,
            settings=tuple(settings or ()),
            mapped_for=map_for,
            mapper=mapper,
            runs=runs,
            run=run,
            resume=resume,
            show=show,
            list_runs=list_runs,
            workers=workers,
            scheduler=scheduler,
            export=export,
            flip=flip,
            metrics=tuple(metric or ()),
            everything=everything,
            as_json=as_json,
        )
    )


@app.command(short_help="Latency and energy of every layer a space can contain.")
def table(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="NET ACCEL",
            show_default=False,
            help="A network or space, and an accelerator; or a table (.csv, .parquet) that stands for one.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write here: .csv or .parquet, not to the output."),
    ] = None,
    settings: Settings = None,
    bits: Annotated[
        int | None,
        typer.Option(
            "--bits", metavar="N", min=1, max=256, help="Bit width instead of the accelerator's default."
        ),
    ] = None,
    batch: Annotated[int, typer.Option("--batch", "-b", metavar="N", min=1, help="Images at once.")] = 1,
    as_json: AsJson = False,
) -> int:
    """Every layer that a network or a space can contain, with its latency and energy, for a search to use."""
    from dovetail import table_command

    return table_command.run(
        table_command.Request(tuple(files), out, tuple(settings or ()), bits, batch, as_json)
    )


@app.command(short_help="Where time and energy go, and what would help.")
def why(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="NET ACCEL", show_default=False, help="A network and an accelerator."),
    ],
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="NAME", help="This layer alone, and its kernels.")
    ] = None,
    objective: Annotated[
        str,
        typer.Option("--objective", "-o", metavar="edp|energy|latency", help="What is to become better."),
    ] = "edp",
    batch: Annotated[int, typer.Option("--batch", "-b", metavar="N", min=1, help="Images at once.")] = 1,
    settings: Settings = None,
    bits: Annotated[
        int | None,
        typer.Option(
            "--bits", metavar="N", min=1, max=256, help="Bit width instead of the accelerator's default."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every change, and every layer.")] = False,
    as_json: AsJson = False,
) -> int:
    """Where time and energy go against the bound, and which single change would help how much."""
    from dovetail import why_command

    return why_command.run(
        why_command.Request(
            tuple(files), layer, objective, batch, tuple(settings or ()), bits, everything, as_json
        )
    )


@app.command(short_help="Two evaluations or designs, and what explains their difference.")
def diff(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            show_default=False,
            help="Two evaluations (.json), or two designs of one kind and one of the other.",
        ),
    ],
    settings: Settings = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="NAME=VALUE", help="Set for the second side alone; may be repeated."),
    ] = None,
    objective: Annotated[
        str,
        typer.Option("--objective", metavar="edp|energy|latency", help="What each layer is mapped for."),
    ] = "edp",
    batch: Annotated[int, typer.Option("--batch", "-b", metavar="N", min=1, help="Images at once.")] = 1,
    everything: Annotated[bool, typer.Option("--all", help="Every term and layer that changed.")] = False,
    as_json: AsJson = False,
) -> int:
    """What changed between two evaluations or designs, in terms that add up to the difference."""
    from dovetail import diff_command

    asked = diff_command.Asked(
        tuple(files), tuple(settings or ()), tuple(changes or ()), objective, batch, everything, as_json
    )
    return diff_command.run(asked)


@app.command(short_help="A page on a diagnostic, such as E0203.")
def explain(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", show_default=False)] = None,
) -> int:
    """A page on a diagnostic, such as E0203; without a code, the list of all."""
    from dovetail import explain_command

    return explain_command.run(code)


@app.command(short_help="The language server, for editors.")
def lsp() -> int:
    """The language server, over standard input and output: an editor starts it (docs/editor.md)."""
    from dovetail import lsp_command

    return lsp_command.run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit status. No traceback reaches a user unless DOVETAIL_DEBUG is set."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a sign that the encoding lacks is no reason to stop
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # typer and rich make the one into the other
        # Whoever read us has seen enough; Python must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    return status


def _run(arguments: Sequence[str] | None) -> int:
    from dovetail.costmodel.external import ExternalFault
    from dovetail.dsl.diagnostics import DovetailError

    if os.environ.get("DOVETAIL_DEBUG"):
        return _invoke(arguments)
    try:
        return _invoke(arguments)
    except (DovetailError, ExternalFault) as fault:
        complain(str(fault))
        return INPUT_AT_FAULT
    except CommandLineFault as fault:
        complain(str(fault))
        return COMMAND_LINE_AT_FAULT
    except USAGE_FAULT as fault:
        complain(_usage(fault))
        return COMMAND_LINE_AT_FAULT
    except (BrokenPipeError, typer.Abort):
        raise
    except Exception as fault:
        complain(f"error: a bug in Dovetail: {type(fault).__name__}: {fault}")
        complain("  = help: please report it with your files; DOVETAIL_DEBUG=1 shows where it happened")
        return OUR_FAULT


def _usage(fault: Any) -> str:
    """A fault of the command line in typer's words and our form; the help page where nothing was asked."""
    message = str(fault.format_message())
    context = getattr(fault, "ctx", None)
    if type(fault).__name__ == "NoArgsIsHelpError":
        return message
    path = context.command_path if context is not None else "dovetail"
    first = message[:1].lower() + message[1:].rstrip(".")
    return f"error: {first}\n  = help: `{path} --help` says what it takes"


def _invoke(arguments: Sequence[str] | None) -> int:
    command: Any = typer.main.get_command(app)
    result = command.main(
        args=list(arguments) if arguments is not None else None, prog_name="dovetail", standalone_mode=False
    )
    return result if isinstance(result, int) else GOOD


if __name__ == "__main__":
    sys.exit(main())
