"""Tools that are Python packages, each in an environment of its own: which version is there, and a run in
it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from dovetail.costmodel.external import ExternalFault, Ran, run

VERSION: Final = "import importlib.metadata, sys; print('version', importlib.metadata.version(sys.argv[1]))"


def version_of(package: str, series: str, python: str | None, folder: Path) -> str:
    """The version that an environment has; raises ExternalFault where it has none, or none of `series`
    (`1.`).
    """
    interpreter = python or sys.executable
    help = (
        f"make an environment for it: python3.12 -m venv {package}-env",
        f"and install it there: {package}-env/bin/pip install {package}",
        f"then name its Python: --python {package}-env/bin/python",
    )
    try:
        ran = run(
            (interpreter, "-c", VERSION, package), f"the Python at {interpreter}", folder, 60, help=help
        )
    except ExternalFault as fault:
        if any("PackageNotFoundError" in line for line in fault.last_lines):
            where = f"the environment of {interpreter}" if python else "this environment"
            raise ExternalFault(f"{package} is not installed in {where}", help=help) from fault
        raise
    for line in ran.output.splitlines():
        word, _, version = line.partition(" ")
        if word == "version":
            if not version.startswith(series):
                raise ExternalFault(
                    f"{package} {version} is installed; what is read and written here is that of {series}x",
                    ran.command,
                    ran.output,
                    (f"pip install '{package}=={series}*'",),
                )
            return version
    raise ExternalFault(f"{interpreter} is no Python that answers", ran.command, ran.output, help)


def run_script(
    tool: str,
    script: str,
    arguments: tuple[str, ...],
    python: str | None,
    folder: Path,
    seconds: float,
    help: tuple[str, ...] = ("`--keep DIR` keeps everything that it read and wrote",),
) -> Ran:
    """Run a script in the tool's environment and in `folder`, where it is kept; raises ExternalFault."""
    path = folder / "script.py"
    path.write_text(script, encoding="utf-8")
    return run((python or sys.executable, path.name, *arguments), tool, folder, seconds, help=help)
