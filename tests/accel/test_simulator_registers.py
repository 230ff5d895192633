"""The data plane three ways: NumPy over all PEs, the loops that are compiled, and a product of matrices."""

from __future__ import annotations

import numpy as np
import pytest

from dovetail.accel.simulator import registers, wavefront

SHAPES = [(1, 1, 1, 1), (1, 7, 3, 2), (3, 2, 4, 5), (2, 9, 1, 6), (4, 1, 5, 1)]
"""Folds, steps, rows, columns."""


def numbers(*shape: int) -> wavefront.Ints:
    return np.random.default_rng(sum(shape)).integers(-(2**15), 2**15, shape, dtype=np.int64)


@pytest.mark.parametrize(("folds", "steps", "rows", "columns"), SHAPES)
def test_words_that_stream_past_others_leave_as_their_product(
    folds: int, steps: int, rows: int, columns: int
) -> None:
    held, stream = numbers(folds, rows, columns), numbers(folds, steps, rows)
    looped = np.zeros((folds, steps, columns), np.int64)
    registers.LOOPS.stream_through(held, stream, looped)
    by_pes, cycles = wavefront.stream_through_in_numpy(held, stream)
    assert (looped == stream @ held).all()
    assert (by_pes == looped).all()
    assert (wavefront.stream_through(held, stream)[0] == looped).all()
    assert cycles == steps + rows + columns - 2


@pytest.mark.parametrize(("folds", "steps", "rows", "columns"), SHAPES)
def test_words_that_meet_add_their_product_to_what_was_there(
    folds: int, steps: int, rows: int, columns: int
) -> None:
    left, top = numbers(folds, steps, rows), numbers(folds, steps, columns)
    before = numbers(folds, rows, columns)
    looped = before.copy()
    registers.LOOPS.meet(left, top, looped)
    by_pes, cycles = wavefront.meet_in_numpy(left, top, before)
    assert (looped == before + left.transpose(0, 2, 1) @ top).all()
    assert (by_pes == looped).all()
    assert (wavefront.meet(left, top, before)[0] == looped).all()
    assert cycles == steps + rows + columns - 2


def test_plain_numpy_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOVETAIL_PURE", "1")
    registers.kernels.cache_clear()
    try:
        assert registers.kernels() is None
        held, stream = numbers(1, 3, 2), numbers(1, 4, 3)
        assert (wavefront.stream_through(held, stream)[0] == stream @ held).all()
    finally:
        registers.kernels.cache_clear()
