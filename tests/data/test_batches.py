"""Every row once an epoch, in an order that the source does not change, scaled by the columns."""

import numpy as np
import polars as pl
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diabolo.data import parquet, spill
from diabolo.data.batches import Batches, all_finite, number_of_batches
from diabolo.data.columns import Columns
from diabolo.data.sources import open_dataset

TABLE = np.random.default_rng(0).normal(2, 3, (103, 5)).astype(np.float32)


def batches_of(source, **options):
    dataset = open_dataset(source)
    options = {"batch_size": 10, "seed": 1} | options
    return Batches(dataset, Columns.learn(dataset, options.pop("scaling", "none")), **options)


def numbered(n):
    """n rows that hold their own numbers."""
    return np.arange(n, dtype=np.int64).reshape(n, 1)


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 99), st.integers(0, 9))
def test_every_row_comes_exactly_once_and_sizes_differ_by_at_most_one(n, size, seed, epoch):
    batches = batches_of(numbered(n), batch_size=size, seed=seed)
    parts = [batch.x[:, 0] for batch in batches.epoch(epoch)]
    np.testing.assert_array_equal(torch.cat(parts).sort().values, np.arange(n))
    lengths = {len(part) for part in parts}
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= max(size, 3 if size == 2 else 0)
    assert len(parts) == len(batches)


def test_never_a_batch_of_one():
    for size in range(2, 12):
        for n in range(2, 3 * size + 2):
            count = number_of_batches(n, size)
            assert n // count >= 2, (n, size)


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 40), st.data())
def test_an_epoch_can_be_entered_at_any_batch(n, size, data):
    batches = batches_of(numbered(n), batch_size=size)
    start = data.draw(st.integers(0, len(batches)))
    whole = [batch.x.tolist() for batch in batches.epoch(3)]
    assert [batch.x.tolist() for batch in batches.epoch(3, start)] == whole[start:]


def test_epochs_and_seeds_differ_and_repeat():
    def order(seed, epoch):
        return torch.cat([b.x for b in batches_of(numbered(50), seed=seed).epoch(epoch)])[:, 0]

    assert order(0, 0).equal(order(0, 0))
    assert not order(0, 0).equal(order(0, 1))
    assert not order(0, 0).equal(order(1, 0))


SOURCES = {
    "mapped": lambda folder: np.load(folder / "rows.npy", mmap_mode="r"),
    "mapped, reversed twice": lambda folder: np.load(folder / "reversed.npy", mmap_mode="r")[::-1],
    "sparse": lambda folder: scipy.sparse.csr_matrix(TABLE),
    "parquet": lambda folder: folder / "rows.parquet",
    "big-endian": lambda folder: TABLE.astype(">f4"),
    "Fortran order": lambda folder: np.asfortranarray(TABLE),
}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("index", [None, np.arange(90, 10, -1)], ids=["all", "some"])
def test_batches_from_files_are_those_from_memory_bit_for_bit(kind, index, tmp_path, monkeypatch):
    monkeypatch.setattr(spill, "LARGE", 0)  # so that Parquet is unpacked into a file
    monkeypatch.setattr(parquet, "_PIECE", 1000)
    np.save(tmp_path / "rows.npy", TABLE)
    np.save(tmp_path / "reversed.npy", TABLE[::-1])
    pl.DataFrame(TABLE).write_parquet(tmp_path / "rows.parquet", row_group_size=17)
    options = {"scaling": "standard", "index": index}
    memory, other = batches_of(TABLE, **options), batches_of(SOURCES[kind](tmp_path), **options)
    for epoch in range(3):
        for a, b in zip(memory.epoch(epoch), other.epoch(epoch), strict=True):
            assert a.x.equal(b.x)
    for a, b in zip(memory.in_order(7), other.in_order(7), strict=True):
        assert a.x.equal(b.x)


def test_in_order_gives_the_rows_of_the_index_in_its_order():
    index = np.array([7, 3, 3, 90])
    parts = list(batches_of(TABLE, index=index).in_order(3))
    assert [len(part.x) for part in parts] == [3, 1]
    np.testing.assert_array_equal(torch.cat([part.x for part in parts]), TABLE[index])


def test_context_and_labels_stay_with_their_rows():
    n = 40
    context = np.stack([np.arange(n), np.arange(n) * 2], axis=1).astype(np.float64)
    batches = batches_of(
        numbered(n), index=np.arange(5, 35), context=context, labels=np.arange(n, dtype=np.uint8)
    )
    for batch in (*batches.epoch(0), *batches.in_order()):
        assert batch.y.dtype == torch.int64
        assert batch.context.dtype == torch.float32
        np.testing.assert_array_equal(batch.y, batch.x[:, 0])
        np.testing.assert_array_equal(batch.context, batch.x * torch.tensor([1.0, 2.0]))


def test_data_in_memory_are_neither_copied_nor_converted():
    rows = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    batches = batches_of(rows, scaling="auto")
    assert batches._data.dtype == torch.uint8
    assert np.shares_memory(batches._data.numpy(), rows)


def test_read_only_data_are_used_where_they_lie():
    rows = np.frombuffer(TABLE.tobytes(), np.float32).reshape(TABLE.shape)
    assert not rows.flags.writeable
    batches = batches_of(rows)  # torch's warning would be an error here
    assert np.shares_memory(batches._data.numpy(), rows)


def test_batches_are_the_callers_to_change():
    rows = TABLE.copy()
    batches = batches_of(rows)
    for batch in (*batches.epoch(0), *batches.in_order()):
        batch.x.zero_()
    np.testing.assert_array_equal(rows, TABLE)


def test_values_of_rows_not_learned_from_are_checked():
    columns = Columns.learn(open_dataset(TABLE))
    for value, sentence in [(np.nan, "NaN in row 77"), (np.inf, "infinity (inf) in row 77")]:
        rows = TABLE.copy()
        rows[77, 2] = value
        batches = Batches(open_dataset(rows), columns, batch_size=10, seed=0)
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            list(batches.in_order(32))
        assert f"{sentence}, column 2" in str(caught.value)
    shuffled = Batches(
        open_dataset(rows), columns, batch_size=10, seed=0, index=np.array([5, 77, 6])
    )
    with pytest.raises(ValueError, match="row 77, column 2"):
        list(shuffled.in_order())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"batch_size": 0}, "batch_size=0 must be at least 1"),
        ({"labels": np.arange(3)}, "labels has 3 rows, but X has 103"),
        ({"labels": np.array(["a"] * 103)}, "labels must be whole numbers"),
        ({"labels": np.full(103, 0.5)}, "labels must be whole numbers"),
        ({"index": np.array([103])}, "index 103 names no row of X, which has 103 rows"),
        ({"index": np.array([], int)}, "index names no rows of X"),
    ],
)
def test_wrong_arguments_get_a_sentence(options, sentence):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        batches_of(TABLE, **options)
    assert sentence in str(caught.value)


def test_the_columns_must_fit():
    columns = Columns.learn(open_dataset(TABLE))
    with pytest.raises(ValueError, match="X has 4 features, but the model was fitted on 5"):
        Batches(open_dataset(TABLE[:, :4]), columns, batch_size=8, seed=0)


@pytest.mark.parametrize(
    ("values", "finite"),
    [
        ([1.0, -2], True),
        ([3e38, 3e38], True),  # whose sum is infinite
        ([3e38, 3e38, float("nan")], False),
        ([float("inf"), -float("inf")], False),
        ([1, float("nan")], False),
        ([], True),
    ],
)
def test_all_finite(values, finite):
    assert all_finite(torch.tensor(values, dtype=torch.float32)) is finite
