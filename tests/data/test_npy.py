"""numpy's files: which array is meant, and nothing unpickled."""

import pickle

import numpy as np
import pytest
import scipy.sparse

from diabolo.data import npy
from diabolo.data.file_rows import FileRows
from diabolo.data.sources import open_dataset

X = np.arange(12.0).reshape(6, 2)
Y = np.array([0, 1, 0, 1, 1, 0])


def saved(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


CHOICES = {
    "X and y": ({"X": X, "y": Y}, {}, X, Y),
    "the only table": ({"faces": X, "ids": Y}, {}, X, None),
    "labels of another length": ({"X": X, "y": Y[:3]}, {}, X, None),
    "train": ({"x_train": X, "y_train": Y, "x_test": X[:2] + 1, "y_test": Y[:2]}, {}, X, Y),
    "test": (
        {"x_train": X, "y_train": Y, "x_test": X[:2] + 1, "y_test": Y[:2]},
        {"split": "test"},
        X[:2] + 1,
        Y[:2],
    ),
    "named target": ({"X": X, "kind": Y}, {"target": "kind"}, X, Y),
    "images": ({"images": X.reshape(6, 2, 1), "labels": Y}, {}, X.reshape(6, 2, 1), Y),
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_array_meant_is_found(tmp_path, name):
    arrays, options, rows, labels = CHOICES[name]
    dataset = open_dataset(saved(tmp_path, **arrays), **options)
    np.testing.assert_array_equal(dataset.rows.array, rows)
    assert (dataset.labels is None) == (labels is None)
    if labels is not None:
        np.testing.assert_array_equal(dataset.labels, labels)


def test_an_array_can_be_named_after_the_path(tmp_path):
    path = saved(tmp_path, a=X, b=X + 1)
    np.testing.assert_array_equal(open_dataset(f"{path}:b").rows.array, X + 1)
    with pytest.raises(ValueError, match="no array 'c'. It holds a, b"):
        open_dataset(f"{path}:c")
    with pytest.raises(ValueError, match=r"holds a \(6, 2\), b \(6, 2\): which array is meant"):
        open_dataset(path)


def test_wrong_targets_are_named(tmp_path):
    path = saved(tmp_path, X=X, kind=Y[:3])
    with pytest.raises(ValueError, match="no array 'kinds'; did you mean 'kind'"):
        open_dataset(path, target="kinds")
    with pytest.raises(ValueError, match="has 6 rows, but 3 labels in 'kind'"):
        open_dataset(path, target="kind")


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_sparse_files(tmp_path, kind):
    scipy.sparse.save_npz(tmp_path / "a.npz", kind(X))
    dataset = open_dataset(tmp_path / "a.npz")
    np.testing.assert_array_equal(dataset.rows.take(np.arange(6)), X)


def test_sparse_indices_outside_the_matrix_are_refused(tmp_path):
    matrix = scipy.sparse.csr_array(X)
    parts = {"data": matrix.data, "indptr": matrix.indptr, "shape": np.array(matrix.shape)}
    path = saved(tmp_path, indices=matrix.indices + 1000, **parts)
    with pytest.raises(ValueError, match="truncated or damaged"):
        open_dataset(path)


def test_other_sparse_forms_are_refused_with_the_remedy(tmp_path):
    scipy.sparse.save_npz(tmp_path / "a.npz", scipy.sparse.csc_matrix(X))
    with pytest.raises(ValueError, match="Save X.tocsr"):
        open_dataset(tmp_path / "a.npz")


class Trap:
    """Unpickling one writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("raw", [False, True], ids=["array", "bare pickle"])
def test_nothing_is_ever_unpickled(tmp_path, name, raw):
    trap = np.array([[Trap(tmp_path / "sprung")]], object)
    if raw:
        (tmp_path / name).write_bytes(pickle.dumps(trap))
    elif name == "a.npy":
        np.save(tmp_path / name, trap, allow_pickle=True)
    else:
        np.savez(tmp_path / name, X=trap)
    with pytest.raises(ValueError, match="never unpickled|truncated or damaged"):
        open_dataset(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_large_files_stay_on_disk_with_the_same_rows(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", X)
    assert open_dataset(tmp_path / "a.npy").rows.array is not None
    monkeypatch.setattr(npy, "LARGE", 0)
    rows = open_dataset(tmp_path / "a.npy").rows
    assert isinstance(rows, FileRows)
    np.testing.assert_array_equal(rows.take(np.arange(6)), X)


@pytest.mark.parametrize("large", [0, 2**30])
def test_every_truncation_is_refused(tmp_path, monkeypatch, large):
    monkeypatch.setattr(npy, "LARGE", large)
    np.save(tmp_path / "a.npy", X)
    whole = (tmp_path / "a.npy").read_bytes()
    for length in range(0, len(whole), 5):
        (tmp_path / "b.npy").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="truncated or damaged|is damaged"):
            open_dataset(tmp_path / "b.npy")


@pytest.mark.parametrize("large", [0, 2**30])
def test_a_header_that_promises_a_petabyte_is_refused(tmp_path, monkeypatch, large):
    monkeypatch.setattr(npy, "LARGE", large)
    with (tmp_path / "a.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (2**40, 128)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(80))
    with pytest.raises(ValueError, match="truncated or damaged"):
        open_dataset(tmp_path / "a.npy")
