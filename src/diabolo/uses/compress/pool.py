"""Chunks on several cores: in processes where they are a way of small steps, else in threads.

Symbols are coded in thousands of calls of some microseconds each. Threads would stand in each
other's way (Python runs one of them at a time): two are slower than one, and two processes are
twice as fast. Photographs take few, long calls, which threads run side by side.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import current_process
from typing import Any

from threadpoolctl import threadpool_limits

WORTH = 2**20  # symbols, about a second: processes take half of one to start
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
ENDED = (
    "the system ended a process that was at work on a chunk, most likely for want of memory: "
    "try one core alone (--threads 1)"
)


def cores(n_threads: int | None) -> int:
    """How many at once; None: all cores, 8 at most."""
    return max(1, n_threads or min(os.cpu_count() or 1, 8))


def in_threads(
    function: Callable[[Any], Any], items: Iterable[Any], n_threads: int | None
) -> Iterator[Any]:
    """function(item) of every item in order, a few at a time in threads."""
    workers = cores(n_threads)
    if workers == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from _ahead(pool, function, ((item,) for item in items), workers)


def in_processes(
    function: Callable[..., Any],
    items: Iterable[tuple[Any, ...]],
    n_threads: int | None,
    count: int,
    symbols: int,
) -> Iterator[Any]:
    """function(*item) of every item in order, a few at a time in processes.

    function : goes to the processes with each item
    count    : of items
    symbols  : in all items: where they are few, no process is started
    raises MemoryError where the system ended a process.
    """
    workers = min(cores(n_threads), count)
    pool = _processes(workers) if workers > 1 and symbols >= WORTH else None
    if pool is None:
        yield from (function(*item) for item in items)
        return
    try:
        yield from _ahead(pool, function, items, workers)
    except BrokenExecutor as error:
        raise MemoryError(ENDED) from error


def _processes(workers: int) -> Executor | None:
    """That many, kept for the next call; None where the system has none to give."""
    if current_process().daemon:
        return None
    try:
        # imported here: most commands need none, and where semaphores are missing it cannot be
        from loky import get_reusable_executor

        return get_reusable_executor(workers, timeout=60, env=ONE_THREAD, initializer=_quiet)
    except (ImportError, NotImplementedError, OSError):
        return None


def _quiet() -> None:
    """Ctrl-C goes to every process of a terminal; the one that reads the results answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _ahead(
    pool: Executor, function: Callable[..., Any], items: Iterable[tuple[Any, ...]], workers: int
) -> Iterator[Any]:
    """function(*item) in order; the next item is made when a result was taken."""
    waiting: deque[Future[Any]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, *item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Products are small: cores are for chunks. BLAS threads beside a busy neighbour wait."""
    with threadpool_limits(1, user_api="blas"):
        yield
