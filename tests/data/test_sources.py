"""The table of degenerate data, and the kinds of sources, each against plain numpy."""

import gzip
import re
import struct

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from PIL import Image

from degenerate import BAD, CASES, GOOD, MIXED
from diabolo.data.batches import Batches
from diabolo.data.columns import Columns
from diabolo.data.sources import Dataset, open_dataset


def all_rows(dataset):
    return np.concatenate(list(dataset.rows.chunks(7)))


def test_table_of_cases_is_large_and_names_are_unique():
    assert len(CASES) >= 100
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", GOOD, ids=str)
def test_good_data_become_finite_batches_and_come_back(case, tmp_path):
    dataset = open_dataset(case.make(tmp_path))
    columns = Columns.learn(dataset)
    batches = Batches(dataset, columns, batch_size=5, seed=0)
    x = torch.cat([batch.x for batch in batches.in_order(4)])
    assert x.shape == (len(dataset), columns.n_features)
    assert x.dtype == torch.float32
    assert torch.isfinite(x).all()
    rows = all_rows(dataset).astype(np.float64)
    # Error of float32 in scaled units, then in the data's own: both are relative to the spread.
    room = 4e-7 * (np.abs(rows).max() + np.abs(columns.scale).max())
    back = columns.original(x).reshape(rows.shape)
    np.testing.assert_allclose(back, rows, rtol=2e-7, atol=room)


@pytest.mark.parametrize("case", MIXED, ids=str)
def test_mixed_tables_become_batches_with_gaps_and_come_back(case, tmp_path):
    source = case.make(tmp_path)
    dataset = open_dataset(source)
    columns = Columns.learn(dataset)
    assert columns.kind == "mixed"
    batches = Batches(dataset, columns, batch_size=5, seed=0)
    x = torch.cat([batch.x for batch in batches.in_order(4)])
    assert x.dtype == torch.float32
    assert not x.isinf().any()
    cells = all_rows(dataset)
    assert (x.isnan().numpy() == np.isnan(cells)).all()
    np.testing.assert_allclose(columns.original(x), cells, rtol=1e-6)
    back = columns.as_given(cells)
    again = open_dataset(back, schema=columns.schema)
    np.testing.assert_array_equal(all_rows(again), cells)


@pytest.mark.parametrize("case", BAD, ids=str)
def test_bad_data_get_one_sentence_before_training(case, tmp_path):
    with pytest.raises(case.error) as caught:
        Columns.learn(open_dataset(case.make(tmp_path)))
    sentence = str(caught.value)
    assert case.expected in sentence
    assert "\n" not in sentence
    assert len(sentence) < 420
    assert sentence[-1] in ".?"


SAME = np.arange(24, dtype=np.float64).reshape(6, 4) ** 2 / 7

KINDS = {
    "numpy": lambda folder: SAME,
    "list": lambda folder: SAME.tolist(),
    "torch": lambda folder: torch.from_numpy(SAME),
    "pandas": lambda folder: pd.DataFrame(SAME),
    "polars": lambda folder: pl.DataFrame(SAME),
    "sparse": lambda folder: scipy.sparse.coo_matrix(SAME),
    "npy": lambda folder: np.save(folder / "a.npy", SAME) or folder / "a.npy",
    "npy as text": lambda folder: np.save(folder / "a.npy", SAME) or str(folder / "a.npy"),
    "memmap": lambda folder: (
        np.save(folder / "a.npy", SAME) or np.load(folder / "a.npy", mmap_mode="r")
    ),
    "npz": lambda folder: (
        np.savez(folder / "a.npz", rows=SAME, ids=np.arange(6)) or folder / "a.npz"
    ),
    "parquet": lambda folder: (
        pl.DataFrame(SAME).write_parquet(folder / "a.parquet") or folder / "a.parquet"
    ),
    "csv": lambda folder: pl.DataFrame(SAME).write_csv(folder / "a.csv") or folder / "a.csv",
    "tsv": lambda folder: (
        pl.DataFrame(SAME).write_csv(folder / "a.tsv", separator="\t") or folder / "a.tsv"
    ),
    "csv.gz": lambda folder: (
        (folder / "a.csv.gz").write_bytes(gzip.compress(pl.DataFrame(SAME).write_csv().encode()))
        and folder / "a.csv.gz"
    ),
    "idx": lambda folder: (
        (folder / "rows-idx2-double").write_bytes(
            bytes([0, 0, 0x0E, 2]) + struct.pack(">2I", 6, 4) + SAME.astype(">f8").tobytes()
        )
        and folder / "rows-idx2-double"
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_source_gives_the_same_rows_and_columns(kind, tmp_path):
    dataset = open_dataset(KINDS[kind](tmp_path))
    assert dataset.shape == (4,)
    assert len(dataset) == 6
    np.testing.assert_array_equal(all_rows(dataset), SAME)
    order = np.array([5, 0, 0, 3])
    np.testing.assert_array_equal(dataset.rows.take(order), SAME[order])
    learned = Columns.learn(dataset)
    expected = Columns.learn(open_dataset(SAME))
    np.testing.assert_array_equal(learned.offset, expected.offset)
    np.testing.assert_array_equal(learned.scale, expected.scale)


def test_ordinary_arrays_are_not_copied():
    for array in (SAME, SAME.astype(np.uint8), SAME[::2], SAME.reshape(6, 2, 2)):
        assert np.shares_memory(open_dataset(array).rows.array, array)
    tensor = torch.from_numpy(SAME)
    assert np.shares_memory(open_dataset(tensor).rows.array, SAME)


def test_what_is_handed_in_is_not_changed():
    matrix = scipy.sparse.coo_matrix(([1.0, 2, 3], ([0, 0, 1], [1, 1, 0])), shape=(3, 2))
    before = matrix.copy()
    dataset = open_dataset(matrix)
    Columns.learn(dataset)
    np.testing.assert_array_equal(matrix.data, before.data)
    np.testing.assert_array_equal(all_rows(dataset), [[0, 3], [3, 0], [0, 0]])


def test_names_and_target_of_frames():
    frame = pl.DataFrame({"a": [1, 2], "kind": ["x", "y"], "b": [3.5, 4]})
    dataset = open_dataset(frame, target="kind")
    assert dataset.names == ("a", "b")
    assert dataset.labels.tolist() == ["x", "y"]
    np.testing.assert_array_equal(all_rows(dataset), [[1, 3.5], [2, 4]])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"source": SAME, "target": "y"}, "target='y' names nothing"),
        ({"source": pd.DataFrame({"label": [1]}), "target": "labl"}, "did you mean 'label'?"),
        ({"source": SAME, "split": "tests"}, "did you mean 'test'?"),
        ({"source": SAME, "image_size": (28,)}, "expected (height, width)"),
        ({"source": "digits", "split": "test"}, "without a test part"),
        ({"source": SAME, "split": "test"}, "X does not come in two parts"),
    ],
)
def test_wrong_arguments_get_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        open_dataset(**arguments)


def test_a_dataset_passes_through():
    dataset = open_dataset(SAME)
    assert isinstance(dataset, Dataset)
    assert open_dataset(dataset) is dataset


@pytest.mark.parametrize("name", ["a.csv", "a.npy", "a.parquet", "a.npz", "images"])
def test_a_test_part_is_refused_where_there_is_none(name, tmp_path):
    path = tmp_path / name
    if name == "images":
        path.mkdir()
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(path / "a.png")
    elif name == "a.npz":
        np.savez(path, X=SAME)
    else:
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"{name} does not come in two parts"):
        open_dataset(path, split="test")
