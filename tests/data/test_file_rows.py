"""Rows read by position are those of the map, and cost no memory however many they are."""

import os
import subprocess
import sys

import numpy as np
import pytest

from diabolo.data.file_rows import FileRows, is_mapped, mapped_rows
from diabolo.data.sources import open_dataset

TABLE = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)

VIEWS = {
    "whole": lambda rows: rows,
    "from row 7 on": lambda rows: rows[7:],
    "every third": lambda rows: rows[1::3],
    "reversed": lambda rows: rows[::-1],
    "reversed, every other": lambda rows: rows[-2:3:-2],
    "first columns": lambda rows: rows[:, :4],
    "last column": lambda rows: rows[:, 5:],
    "images": lambda rows: rows.reshape(60, 2, 3),
    "plain view": lambda rows: np.asarray(rows)[5:20],
    "seen as bytes": lambda rows: rows.view(np.uint8),
}


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "rows.npy", TABLE)
    return tmp_path / "rows.npy"


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("mode", ["r", "r+"])
def test_views_of_a_map_are_read_from_the_file(path, view, mode):
    array = VIEWS[view](np.load(path, mmap_mode=mode))
    expected = np.array(array)
    rows = mapped_rows(array)
    assert rows is not None
    assert len(rows) == len(expected)
    np.testing.assert_array_equal(np.concatenate(list(rows.chunks(7))), expected)
    index = np.random.default_rng(1).integers(0, len(expected), 33)
    np.testing.assert_array_equal(rows.take(index), expected[index])


def test_a_raw_memmap_with_an_odd_offset_is_read_from_the_file(tmp_path):
    (tmp_path / "raw").write_bytes(b"x" * 4099 + TABLE.tobytes())
    array = np.memmap(tmp_path / "raw", np.float32, "r", offset=4099, shape=TABLE.shape)
    np.testing.assert_array_equal(mapped_rows(array).take(np.arange(60)), TABLE)


def test_changes_through_a_shared_map_are_seen(path):
    array = np.load(path, mmap_mode="r+")
    rows = open_dataset(array).rows
    array[3] = 7
    assert isinstance(rows, FileRows)
    np.testing.assert_array_equal(rows.take(np.array([3])), np.full((1, 6), 7))


def test_changes_in_a_copy_on_write_map_are_kept(path):
    array = np.load(path, mmap_mode="c")
    array[3] = 7
    rows = open_dataset(array).rows
    np.testing.assert_array_equal(rows.take(np.array([3])), np.full((1, 6), 7))


@pytest.mark.parametrize("after", ["replaced", "deleted"])
def test_the_map_counts_when_another_file_has_its_name(path, after):
    array = np.load(path, mmap_mode="r")
    if after == "replaced":
        np.save(path.with_name("new.npy"), TABLE + 1)
        os.replace(path.with_name("new.npy"), path)
    else:
        path.unlink()
    assert mapped_rows(array) is None
    rows = open_dataset(array).rows
    np.testing.assert_array_equal(rows.take(np.arange(60)), TABLE)


def test_a_file_that_shrinks_is_an_error_not_zeros(path):
    rows = open_dataset(np.load(path, mmap_mode="r")).rows
    os.truncate(path, 400)
    with pytest.raises(OSError, match="became shorter"):
        rows.take(np.array([59]))


def test_the_file_is_closed_with_the_rows(path):
    before = len(os.listdir("/proc/self/fd"))
    rows = open_dataset(np.load(path, mmap_mode="r")).rows
    assert len(os.listdir("/proc/self/fd")) == before + 1
    del rows
    assert len(os.listdir("/proc/self/fd")) == before


def test_ordinary_arrays_are_not_mapped():
    assert not is_mapped(TABLE)
    assert not is_mapped(TABLE[::2].T)
    assert mapped_rows(TABLE) is None


MEASURED = """
import resource, sys
import numpy as np
from diabolo.data.batches import Batches
from diabolo.data.columns import Columns
from diabolo.data.sources import open_dataset
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
source = sys.argv[1] if sys.argv[2] == "path" else np.load(sys.argv[1], mmap_mode="r")
dataset = open_dataset(source)
batches = Batches(dataset, Columns.learn(dataset), batch_size=128, seed=0)
for batch in batches.epoch(0):
    pass
for batch in batches.in_order():
    pass
print(peak() - before)
"""


@pytest.mark.parametrize("source", ["path", "map"])
def test_memory_stays_flat_over_328_megabytes(tmp_path, source):
    path = tmp_path / "rows.npy"
    with path.open("wb") as file:  # a file of holes: zeros that take no room on the disk
        header = {"descr": "<f4", "fortran_order": False, "shape": (80_000, 1024)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 80_000 * 4096)
    run = [sys.executable, "-c", MEASURED, str(path), source]
    quiet = os.environ | {"OMP_NUM_THREADS": "1"}
    out = subprocess.run(run, capture_output=True, text=True, check=True, env=quiet)
    # Measured 60 MB: a chunk in three forms. Through the map it would be all 328.
    assert float(out.stdout) < 120
