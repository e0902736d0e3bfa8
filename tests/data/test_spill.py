"""What is too large for memory goes into a file without a name."""

import os
import tempfile

import numpy as np
import pytest

from diabolo.data import spill
from diabolo.data.spill import collected, spilled

ROWS = np.arange(60, dtype=np.int16).reshape(15, 4)


def chunks():
    return iter([ROWS[:7], ROWS[7:8].astype(np.int64), np.asfortranarray(ROWS[8:])])


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("large", [0, 2**20])
def test_rows_are_the_same_in_memory_and_in_a_file(large, folder, monkeypatch):
    monkeypatch.setattr(spill, "LARGE", large)
    rows = collected(ROWS.shape, ROWS.dtype, chunks(), source="rows")
    assert (rows.array is None) == (large == 0)
    np.testing.assert_array_equal(rows.take(np.arange(15)), ROWS)
    np.testing.assert_array_equal(rows.take(np.array([14, 0, 3])), ROWS[[14, 0, 3]])
    assert rows.dtype == np.int16


def test_nothing_is_left_in_the_temporary_folder_even_while_it_is_used(folder):
    before = len(os.listdir("/proc/self/fd"))
    rows = spilled(ROWS.shape, ROWS.dtype, chunks(), source="rows")
    assert list(folder.iterdir()) == []
    np.testing.assert_array_equal(rows.take(np.arange(15)), ROWS)
    del rows
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_full_disk_is_seen_before_anything_is_written(folder):
    def none():
        raise AssertionError("no chunk should be asked for")
        yield

    shape = (10**12, 1000)
    with pytest.raises(
        OSError, match=r"rows unpacks to 8000000\.0 GB, .* Let TMPDIR name a folder"
    ):
        spilled(shape, np.dtype(np.float64), none(), source="rows")
