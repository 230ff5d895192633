"""Metrics that a Python function computes: accuracy from a predictor, a cost that no model here knows.

    metric top1 from "accuracy.py:predicted"      in a study; `accuracy.py` alone means the function `top1`

    def predicted(network, choices): return 0.7 + 1e-9 * network.params

The function is called once for each network (`dovetail.Network`) with the choices that make it, by path, and
returns a number. It runs in every process that evaluates, so that it should depend on nothing else. Reading a
study runs no code: only that the file defines the name is looked up in its text.
"""

from __future__ import annotations

import ast
import importlib.util
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from dovetail.dsl.network import Network
from dovetail.explorer.content import file_digest


class FunctionFault(Exception):
    """The function cannot be called, or did not return a number; the message says where."""


@dataclass(frozen=True, slots=True)
class FunctionMetric:
    """A metric by the name of a function in a file."""

    name: str
    path: Path
    function: str

    @classmethod
    def of(cls, name: str, source: str) -> FunctionMetric | None:
        """What `FILE.py:FUNCTION` or `FILE.py` names; None for what is no Python file."""
        file, _, function = source.rpartition(":") if ".py:" in source else (source, "", "")
        return cls(name, Path(file), function or name) if file.endswith(".py") else None

    def missing(self) -> str | None:
        """Why it cannot be called, as far as its text says; None where it seems that it can."""
        try:
            tree = ast.parse(self.path.read_bytes())
        except OSError as fault:
            return f"`{self.path}` cannot be read: {fault.strerror or fault}"
        except (SyntaxError, ValueError) as fault:
            line = getattr(fault, "lineno", None)
            return f"`{self.path}` is no Python{f' (line {line})' if line else ''}: {_first(fault)}"
        names = sorted(_defined(tree))
        if self.function in names:
            return None
        return f"`{self.path}` defines no `{self.function}`: it has {', '.join(names) or 'no names'}"

    def __call__(self, network: Network, choices: Mapping[str, str]) -> float:
        """The value for a network; raises FunctionFault."""
        try:
            function = _module(self.path, file_digest(self.path)).get(self.function)
            if not callable(function):
                raise FunctionFault(f"`{self.function}` of `{self.path.name}` is nothing to call")
            value = function(network, dict(choices))
            # numbers of NumPy and PyTorch are numbers too; text that looks like one is not
            number = None if isinstance(value, str | bytes | bool) else float(value)
        except FunctionFault:
            raise
        except TypeError as fault:
            if traceback.extract_tb(fault.__traceback__)[-1].filename == __file__:
                raise FunctionFault(self._said(f"did not return a number: {_first(fault)}")) from fault
            raise FunctionFault(self._raised(fault)) from fault
        except Exception as fault:
            raise FunctionFault(self._raised(fault)) from fault
        if number is None or not isfinite(number):
            raise FunctionFault(self._said(f"returned {value!r}, which is no finite number"))
        return number

    def _said(self, what: str) -> str:
        return f"`{self.name}`: `{self.function}` of `{self.path.name}` {what}"

    def _raised(self, fault: Exception) -> str:
        """With the last line of the user's file that it came through."""
        lines = [f.lineno for f in traceback.extract_tb(fault.__traceback__) if f.filename == str(self.path)]
        where = f" in line {lines[-1]}" if lines else ""
        return self._said(f"raised {type(fault).__name__}{where}: {_first(fault)}")


@cache
def _module(path: Path, digest: str) -> dict[str, Any]:
    """The names of a file, executed once for each of its contents in a process."""
    spec = importlib.util.spec_from_file_location(f"_metric_{digest[:16]}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def _defined(tree: ast.Module) -> set[str]:
    """What a file defines at its top level, as far as its text shows; imported names too."""
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign():
                names.update(target.id for target in node.targets if isinstance(target, ast.Name))
            case ast.ImportFrom():
                names.update(alias.asname or alias.name for alias in node.names)
            case _:
                pass
    return names


def _first(fault: Exception) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0]
