"""What is copied and what is not, and mapped arrays in column order."""

import numpy as np
import pytest
import scipy.sparse
import torch

from diabolo.data import arrays
from diabolo.data.arrays import from_array
from diabolo.data.file_rows import FileRows

TABLE = np.random.default_rng(0).normal(size=(50, 6))

COPIED = {
    "Fortran order": np.asfortranarray(TABLE),
    "reversed": TABLE[::-1],
    "reversed columns": TABLE[:, ::-1],
    "every other column": TABLE[:, ::2],
    "big-endian": TABLE.astype(">f8"),
    "long double": TABLE.astype(np.longdouble),
}
KEPT = {
    "plain": TABLE,
    "every other row": TABLE[::2],
    "first columns": TABLE[:, :3],
    "images": TABLE.reshape(50, 2, 3),
    "one row, repeated": np.broadcast_to(TABLE[:1], TABLE.shape),
}


@pytest.mark.parametrize("name", [*COPIED, *KEPT])
def test_rows_lie_contiguous_and_are_copied_only_where_they_must(name):
    array = (COPIED | KEPT)[name]
    rows = from_array(array).rows.array
    assert np.shares_memory(rows, array) == (name in KEPT)
    assert rows.dtype in (np.float64, np.float32)
    torch.from_numpy(rows.copy())
    assert rows[:1].flags.c_contiguous
    np.testing.assert_array_equal(rows, array)


@pytest.mark.parametrize("mode", ["r", "c"])
def test_large_maps_in_column_order_are_laid_out_once(tmp_path, monkeypatch, mode):
    monkeypatch.setattr(arrays, "LARGE", 0)
    monkeypatch.setattr(arrays, "_PIECE", 7 * 48)
    np.save(tmp_path / "rows.npy", np.asfortranarray(TABLE))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode=mode)
    if mode == "c":
        mapped[3] = 7  # lost if the map's own pages were given back
    rows = from_array(mapped).rows
    assert isinstance(rows, FileRows)
    np.testing.assert_array_equal(rows.take(np.arange(50)), np.asarray(mapped))
    assert (rows.take(np.array([3])) == 7).all() == (mode == "c")


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_every_sparse_form_gives_the_dense_rows(form, kind):
    dense = np.where(TABLE > 1, TABLE, 0)
    sparse = getattr(scipy.sparse, f"{form}_{kind}")(dense)
    dataset = from_array(sparse)
    assert dataset.rows.array is None
    np.testing.assert_array_equal(np.concatenate(list(dataset.rows.chunks(7))), dense)
    np.testing.assert_array_equal(dataset.rows.take(np.array([9, 0, 9])), dense[[9, 0, 9]])


def test_objects_that_are_not_numbers_are_named():
    objects = TABLE[:4].astype(object).reshape(4, 2, 3)
    objects[2, 1, 0] = "seven"
    with pytest.raises(ValueError, match=r"X holds 'seven' in row 2, pixel \(1, 0\)"):
        from_array(objects)
