"""Chunks in several threads, each with one BLAS thread."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits


def in_order(
    function: Callable[[Any], Any], items: Iterable[Any], n_threads: int | None
) -> Iterator[Any]:
    """function(item) of every item in order, a few at a time in threads."""
    workers = max(1, n_threads or min(os.cpu_count() or 1, 8))
    if workers == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Products are small: threads are for chunks. BLAS threads beside a busy neighbour wait."""
    with threadpool_limits(1, user_api="blas"):
        yield
