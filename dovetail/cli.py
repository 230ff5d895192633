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
    as_json: AsJson = False,
) -> int:
    """A network's layers, an accelerator's parts with energy and area, a design space's choices and size."""
    from dovetail import show_command

    return show_command.run(file, settings or [], everything=everything, bits=bits, as_json=as_json)


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
    )
    return evaluate_command.run(request)


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


@app.command(short_help="A page on a diagnostic, such as E0203.")
def explain(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", show_default=False)] = None,
) -> int:
    """A page on a diagnostic, such as E0203; without a code, the list of all."""
    from dovetail import explain_command

    return explain_command.run(code)


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
    from dovetail.dsl.diagnostics import DovetailError

    if os.environ.get("DOVETAIL_DEBUG"):
        return _invoke(arguments)
    try:
        return _invoke(arguments)
    except DovetailError as fault:
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
