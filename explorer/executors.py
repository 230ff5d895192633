"""Where work runs: this process, a pool of processes on this machine, a Dask cluster. All are `Executor`s."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, Final, ParamSpec, TypeVar

from dovetail.dsl.diagnostics import Diagnostic, DovetailError

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")


MOST_FAILURES: Final = 3
"""How often a piece of work may take its process down before the run gives up."""


def in_order(executor: Executor, work: Callable[[A], T], pieces: Sequence[A]) -> Iterator[T]:
    """What `work` makes of each piece, in order; pieces whose process died are given to another."""
    futures = [executor.submit(work, piece) for piece in pieces]
    for piece, future in zip(pieces, futures, strict=True):
        for left in reversed(range(MOST_FAILURES + 1)):
            try:
                yield future.result()
                break
            except BrokenExecutor:
                if not left:
                    raise
                future = executor.submit(work, piece)


class InlineExecutor(Executor):
    """Runs what is submitted at once, here."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """A future that is done; what `fn` raises is raised here."""
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class ProcessPool(Executor):
    """Processes that leave Ctrl-C to their parent, end when it is gone, are replaced when one is killed."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        _start_tracker()
        self._pool = self._fresh()

    def _fresh(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(os.getpid(),)
        )

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As `ProcessPoolExecutor.submit`, to a new pool where the old one broke."""
        try:
            return self._pool.submit(fn, *args, **kwargs)
        except BrokenExecutor:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = self._fresh()
            return self._pool.submit(fn, *args, **kwargs)

    def processes(self) -> tuple[int, ...]:
        """The ids of the processes that there are."""
        return tuple(self._pool._processes or ())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def _start_tracker() -> None:
    """Start Python's process that removes the semaphores of processes which were killed.

    It removes those of a killed run too, but says so on standard error long after the command has ended: a
    warning for programmers. Options of warnings are handed on to it when it starts.
    """
    option = "ignore:resource_tracker:UserWarning"
    sys.warnoptions.append(option)
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(option)


def _begin(parent: int) -> None:
    """In a new process of the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)  # killed parents shut nothing down

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def local_executor(workers: int) -> Iterator[tuple[Executor, int]]:
    """`workers` processes; this one where one is enough."""
    if workers <= 1:
        yield InlineExecutor(), 1
        return
    pool = ProcessPool(workers)
    try:
        yield pool, workers
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def cluster_executor(address: str) -> Iterator[tuple[Executor, int]]:
    """The workers of a Dask scheduler; raises DovetailError where it cannot be reached."""
    try:
        from distributed import Client
    except ImportError as fault:
        message = "`--scheduler` needs Dask, which is not installed"
        help = ("pip install 'dovetail-dse[cluster]'",)
        raise DovetailError([Diagnostic("E1305", message, help=help)]) from fault
    try:
        make: Any = Client
        client = make(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as fault:
        message = f"no Dask scheduler answers at `{address}`"
        help = (f"it says: {str(fault).splitlines()[0] if str(fault) else type(fault).__name__}",)
        raise DovetailError([Diagnostic("E1305", message, help=help)]) from fault
    try:
        threads = sum(client.nthreads().values())
        yield client.get_executor(pure=False), max(1, threads)
    finally:
        client.close()
