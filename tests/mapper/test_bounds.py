"""The bounds of the search are bounds: no mapping costs less than the row that stands for it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dovetail.accel.mapping import Mapping
from dovetail.costmodel.mapper.choices import Block
from dovetail.costmodel.mapper.search import Search

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(Path(__file__).parent)
    Case: Any = importlib.import_module("random_cases").Case

Cost = tuple[int, float]


class _Everything:
    """A goal that follows everything."""

    points = ()

    def worth(self, cycles: np.ndarray, energy: np.ndarray) -> np.ndarray:
        return np.ones(len(cycles), bool)

    def rank(self, cycles: np.ndarray, energy: np.ndarray) -> np.ndarray:
        return cycles * energy

    def offer(self, cycles: int, energy: float, what: Mapping) -> bool:
        return False


class _Watched(Search):
    """Compares the bound of every complete row with its cost."""

    def watch(self, case: Any) -> int:
        self.case, self.seen = case, 0
        self.costs: dict[Mapping, Cost | None] = {}
        self.run()
        return self.seen

    def _finish(self, block: Block) -> None:
        inside, top, energy, _ = block.parts
        cycles, energy = block.bounds.together(inside, top, energy)
        for row in range(len(block.rows)):
            mapping = self.mapping(block, row)
            if mapping not in self.costs:
                self.costs[mapping] = self.case.cost(mapping)
            cost = self.costs[mapping]
            if cost is not None:
                self.seen += 1
                assert cycles[row] <= cost[0], mapping
                assert energy[row] <= cost[1] * (1 + 1e-9), mapping


def test_no_mapping_costs_less_than_its_bound() -> None:
    seen = 0
    for seed in range(5000, 5060):
        case = Case(seed)
        seen += _Watched(case.space, case.prices, _Everything(), case.leakage).watch(case)
    assert seen > 1000
