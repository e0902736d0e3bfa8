"""Batches of pairs: who comes, in which order, with what beside."""

import numpy as np
import torch

from diabolo.data.columns import Columns
from diabolo.data.neighbours import fuzzy_graph
from diabolo.data.paired import Paired
from diabolo.data.sources import open_dataset


def paired(n=41, batch_size=10, index=None, **settings):
    X = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    dataset = open_dataset(X)
    columns = Columns.learn(dataset, "none")
    chosen = X if index is None else X[index]
    graph = fuzzy_graph(torch.from_numpy(chosen), 4)
    labels = np.arange(n)
    batches = Paired(
        dataset, columns, graph=graph, batch_size=batch_size, seed=7, index=index, labels=labels,
        context=labels[:, None] / n, **settings,
    )  # fmt: skip
    return X, graph, batches


def test_every_row_leads_a_pair_once_an_epoch():
    X, graph, batches = paired()
    heads = []
    for batch in batches.epoch(3):
        half = len(batch.x) // 2
        assert len(batch.x) == 2 * half <= 10
        for head, tail in zip(batch.y[:half], batch.y[half:], strict=True):
            edges = graph.ends[graph.starts[head] : graph.starts[head + 1]]
            assert tail in edges
        heads += batch.y[:half].tolist()
        assert torch.equal(batch.x, torch.from_numpy(X)[batch.y])
        assert torch.equal(batch.context[:, 0], (batch.y / 41).float())
    assert sorted(heads) == list(range(41))
    assert batches.n_rows == 82


def test_an_epoch_is_always_the_same_and_can_be_taken_up():
    _, _, batches = paired()
    whole = [batch.y.tolist() for batch in batches.epoch(1)]
    assert [batch.y.tolist() for batch in batches.epoch(1, start=3)] == whole[3:]
    assert [batch.y.tolist() for batch in batches.epoch(2)] != whole
    assert len(whole) == len(batches)


def test_rows_are_those_of_the_index():
    index = np.arange(5, 40, 2)
    _, _, batches = paired(index=index)
    seen = {int(label) for batch in batches.epoch(0) for label in batch.y}
    assert seen == set(index.tolist())


def test_in_order():
    _, _, batches = paired()
    heads = [batch.y[: len(batch.y) // 2] for batch in batches.in_order(8)]
    assert torch.cat(heads).tolist() == list(range(41))
    first, again = (torch.cat([b.y for b in batches.in_order(8)]) for _ in range(2))
    assert torch.equal(first, again)
