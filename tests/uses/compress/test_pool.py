import os
import signal
import sys

import numpy as np
import pytest

from diabolo.uses.compress import pool
from diabolo.uses.compress.coding.rans import DamagedStreamError


@pytest.fixture
def where():
    """A function made here goes to a process as a whole: none there can import this file."""

    def where(number, rows):
        """The item, its sum, and which process had it."""
        if number == 3 and rows is None:
            raise DamagedStreamError("a chunk ends too early")
        return number, 0 if rows is None else int(rows.sum()), os.getpid()

    return where


@pytest.fixture
def always(monkeypatch):
    monkeypatch.setattr(pool, "WORTH", 1)


def test_items_come_back_in_order_from_other_processes(always, where):
    items = [(number, np.full(2**19, number)) for number in range(6)]  # some larger than a pipe
    found = list(pool.in_processes(where, iter(items), 2, 6, symbols=2))
    assert [one[:2] for one in found] == [(number, number * 2**19) for number in range(6)]
    assert os.getpid() not in {process for *_, process in found}


@pytest.mark.parametrize(("n_threads", "symbols"), [(1, 2**30), (2, 2**10)])
def test_little_work_and_one_core_stay_in_this_process(n_threads, symbols, where):
    found = list(pool.in_processes(where, [(1, None), (2, None)], n_threads, 2, symbols))
    assert found == [(1, 0, os.getpid()), (2, 0, os.getpid())]


def test_an_error_in_a_process_is_the_same_error_here(always, where):
    found = pool.in_processes(where, [(number, None) for number in range(6)], 2, 6, symbols=2)
    with pytest.raises(DamagedStreamError, match="a chunk ends too early"):
        list(found)


def test_items_are_made_a_few_ahead(always, where):
    """So that memory is bounded by the chunk."""
    made = []

    def items():
        for number in range(50):
            made.append(number)
            yield number, np.zeros(1)

    found = pool.in_processes(where, items(), 2, 50, symbols=2)
    next(found)
    assert len(made) <= 8
    found.close()
    assert len(made) <= 8


def test_a_process_that_the_system_ends_is_one_sentence(always):
    def ended(number):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(MemoryError, match="want of memory: try one core alone"):
        list(pool.in_processes(ended, [(0,), (1,)], 2, 2, symbols=2))
    found = pool.in_processes(abs, [(-1,), (-2,)], 2, 2, symbols=2)
    assert list(found) == [1, 2]  # the next ones are others


def test_without_processes_all_stays_in_this_one(always, where, monkeypatch):
    """As on systems without semaphores, where the import fails."""
    monkeypatch.setitem(sys.modules, "loky", None)
    found = list(pool.in_processes(where, [(1, None), (2, None)], 2, 2, symbols=2))
    assert found == [(1, 0, os.getpid()), (2, 0, os.getpid())]
