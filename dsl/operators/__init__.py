"""The operator palette: what `conv`, `linear`, `concat` … take, what shapes they make, what they cost.

`OPERATORS` is the whole of it. A use is `OPERATORS[name].infer(shapes, arguments)`, which gives an `Inferred`
or raises `OperatorFault` with the facts of what is wrong. `docs/operations.md` is checked against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dovetail.dsl.operators.convolution import CONVOLUTIONS, padding_that_gives
from dovetail.dsl.operators.elementwise import ELEMENTWISE
from dovetail.dsl.operators.matmul import PRODUCTS
from dovetail.dsl.operators.movement import MOVES
from dovetail.dsl.operators.normalisation import NORMALISATIONS
from dovetail.dsl.operators.pooling import POOLS
from dovetail.dsl.operators.reshape import RESHAPES
from dovetail.dsl.operators.signature import (
    REQUIRED,
    Branch,
    Cost,
    Derived,
    FaultKind,
    Formulas,
    Inferred,
    Kind,
    Operator,
    OperatorFault,
    Parameter,
    Shape,
)

__all__ = [
    "OPERATORS",
    "REQUIRED",
    "Branch",
    "Cost",
    "Derived",
    "FaultKind",
    "Formulas",
    "Inferred",
    "Kind",
    "Operator",
    "OperatorFault",
    "Parameter",
    "Shape",
    "padding_that_gives",
]

OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType(
    {
        operator.name: operator
        for subject in (CONVOLUTIONS, PRODUCTS, POOLS, NORMALISATIONS, ELEMENTWISE, RESHAPES, MOVES)
        for operator in subject
    }
)
