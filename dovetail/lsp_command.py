"""`dovetail lsp`: the language server that an editor starts, over standard input and output."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from dovetail.faults import GOOD, INPUT_AT_FAULT, CommandLineFault


def run() -> int:
    """Serve until the editor says that it is enough; 1 where it left without asking for that."""
    if find_spec("pygls") is None:
        raise CommandLineFault(
            "the language server needs the package `pygls`, which is not installed",
            ["pip install 'dovetail-dse[editor]'"],
        )
    from dovetail.editor.server import make_server

    server = make_server()
    # The server closes what it speaks through; the streams of the process are left to it.
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as source:
        server.start_io(source, os.fdopen(os.dup(sys.stdout.fileno()), "wb"))
    return GOOD if server.ended else INPUT_AT_FAULT
