"""The compiled inner loops, where they were built; `pure.py` has the same in Python."""

from __future__ import annotations

import ctypes
import importlib.util
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

PURE = "DOVETAIL_PURE"
"""Set in the environment to anything: the compiled loops are not used."""

TOO_MANY_PATHS, NO_MEMORY, FULL, IMPATIENT, TOO_LARGE = -1, -2, -3, -4, -5
"""The kernel's words for a list that ends early: of one block, of all; and for a graph beyond its limits."""

_Ints = _Doubles = ctypes.c_void_p


class GraphArrays(ctypes.Structure):
    """`Graph` of the kernel."""

    _fields_ = [
        ("blocks", ctypes.c_int),
        ("sections", ctypes.c_int),
        ("columns", ctypes.c_int),
        ("nodes", _Ints),
        ("edge_start", _Ints),
        ("src", _Ints),
        ("dst", _Ints),
        ("moves", _Ints),
        ("column", _Doubles),
    ]


class FamilyArrays(ctypes.Structure):
    """`Family` of the kernel."""

    _fields_ = [
        ("quantities", ctypes.c_int),
        ("q_start", _Ints),
        ("q_section", _Ints),
        ("q_column", _Ints),
        ("q_factor", _Doubles),
        ("other", _Ints),
        ("still", _Ints),
        ("energies", ctypes.c_int),
        ("e_quantity", _Ints),
        ("e_log", _Doubles),
        ("e_access", _Doubles),
        ("e_copies", _Ints),
        ("spills", ctypes.c_int),
        ("s_quantity", _Ints),
        ("s_first", _Ints),
        ("s_log", _Doubles),
        ("s_first_log", _Doubles),
        ("s_pj", _Doubles),
        ("s_wide", _Doubles),
        ("returned", ctypes.c_double),
        ("leakage", ctypes.c_double),
        ("alternatives", ctypes.c_int),
        ("a_start", _Ints),
        ("a_quantity", _Ints),
        ("a_log", _Doubles),
        ("a_late", _Ints),
        ("computing", ctypes.c_int),
        ("lates", ctypes.c_int),
        ("l_start", _Ints),
        ("l_middle", _Ints),
        ("l_steps", _Ints),
        ("l_step", _Ints),
        ("p_start", _Ints),
        ("p_quantity", _Ints),
        ("p_log", _Doubles),
        ("memories", ctypes.c_int),
        ("m_start", _Ints),
        ("m_quantity", _Ints),
        ("m_log", _Doubles),
        ("m_size", _Doubles),
        ("axes", ctypes.c_int),
        ("x_quantity", _Ints),
        ("x_size", _Doubles),
        ("energy_weight", ctypes.c_double),
        ("cycles_weight", ctypes.c_double),
        ("limit", ctypes.c_double),
        ("low", ctypes.c_double),
        ("high", ctypes.c_double),
        ("most_energy", ctypes.c_double),
        ("most_cycles", ctypes.c_double),
    ]


class FoundArrays(ctypes.Structure):
    """`Found` of the kernel."""

    _fields_ = [
        ("bound", ctypes.c_double),
        ("constant", ctypes.c_double),
        ("iterations", ctypes.c_int),
        ("candidates", ctypes.c_int),
    ]


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """The compiled kernel; None where it was not built (from these structures), or is not wanted."""
    if os.environ.get(PURE):
        return None
    found = importlib.util.find_spec("dovetail.costmodel.mapper._kernel")
    if found is None or found.origin is None or not Path(found.origin).is_file():
        return None
    try:
        loaded = ctypes.CDLL(found.origin)
    except OSError:
        return None
    structures = (GraphArrays, FamilyArrays, FoundArrays)
    if not hasattr(loaded, "layout") or loaded.layout() != sum(map(ctypes.sizeof, structures)):
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_int
    loaded.relax.restype = loaded.leave.restype = number
    loaded.relax.argtypes = [
        *(pointer, pointer, number, pointer, pointer, number),
        *(pointer, pointer, pointer, number),
    ]
    loaded.leave.argtypes = [
        *(pointer, pointer, pointer, ctypes.c_double, pointer, pointer),
        *(number, number, ctypes.c_longlong, pointer),
    ]
    return loaded


def ints(array: np.ndarray) -> int:
    """The address of int32 numbers."""
    return int(array.ctypes.data)


def doubles(array: np.ndarray) -> int:
    """The address of float64 numbers."""
    return int(array.ctypes.data)
