"""`python -m dovetail.editor` is `dovetail lsp`."""

import sys

from dovetail.cli import main

sys.exit(main(["lsp"]))
