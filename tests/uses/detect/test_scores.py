"""The two views of a row: what is hidden in each, and what each alone overlooks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from diabolo import AnomalyDetector
from diabolo.uses.detect.scores import HiddenCells, masks, turns


@pytest.mark.parametrize("d", [1, 5, 16, 40])
def test_each_cell_is_hidden_once_a_member_in_turns_as_equal_as_can_be(d):
    hidden = turns(6, d, 0)
    assert hidden.shape == (6, min(d, 16), d)
    assert (hidden.sum(1) == 1).all()
    sizes = hidden.sum(2)
    assert sizes.max() - sizes.min() <= 1


def test_members_hide_other_cells_together():
    hidden = turns(2, 40, 0)
    assert not torch.equal(hidden[0], hidden[1])


def test_masks_go_from_few_cells_to_all():
    share = masks(8, 500, 0).double().mean((0, 2))
    assert share[0] == pytest.approx(0.1, abs=0.02)
    assert share[-1] == 1
    assert (share.diff() > 0).all()


def table(random: np.random.Generator, rows: int = 500) -> np.ndarray:
    """Six columns that follow two numbers nobody sees."""
    a, b = random.normal(size=(2, rows))
    columns = [a, b, a + b, a - b, np.tanh(a), np.tanh(a - b)]
    return np.stack(columns, 1) + 0.05 * random.normal(size=(rows, 6))


@pytest.fixture(scope="module")
def detector() -> AnomalyDetector:
    return AnomalyDetector(random_state=0, n_threads=1).fit(table(np.random.default_rng(0)))


def area(detector: AnomalyDetector, odd: np.ndarray, view: int | None = None) -> float:
    """How often an odd row is stranger than a usual one, by both views or by one."""
    usual = table(np.random.default_rng(1))
    rows = np.concatenate([usual, odd])
    labels = np.repeat([0, 1], [len(usual), len(odd)])
    if view is None:
        return roc_auc_score(labels, -detector.score_samples(rows))
    return roc_auc_score(labels, detector._measured(rows)[0][:, view])


def test_one_cell_of_another_row_is_found_by_hiding_it_alone(detector):
    random = np.random.default_rng(2)
    odd, other = table(random, 60), table(random, 60)
    spot = np.arange(60), random.integers(6, size=60)
    odd[spot] = other[spot]
    both, many, alone = (area(detector, odd, view) for view in (None, 0, 1))
    assert both > 0.9
    assert alone > many + 0.05


def test_rows_beyond_all_others_are_found(detector):
    random = np.random.default_rng(3)
    assert area(detector, 3 + table(random, 60)) > 0.95


def test_a_row_is_as_strange_as_in_the_stranger_view(detector):
    rows = table(np.random.default_rng(4), 20)
    views = detector._measured(rows)[0]
    middle, upper = np.transpose(detector.views_)
    wanted = ((views - middle) / upper).max(1)
    np.testing.assert_allclose(-detector.score_samples(rows), wanted, rtol=1e-12)


def test_errors_are_those_of_the_cells_that_were_hidden(detector):
    """By hand: each member predicts each cell from all others."""
    x = torch.from_numpy(table(np.random.default_rng(5), 4)).float()
    members = detector.estimator_.module_.members
    d = x.shape[1]
    found = HiddenCells(members, [turns(len(members), d, 0)]).cells(x, None)
    for k in (0, len(members) - 1):
        for j in range(d):
            seen = x.clamp(-10, 10)
            hidden = torch.arange(d).expand(len(x), d) == j
            blank = seen.masked_fill(hidden, torch.nan)
            out = members[k].decoder(members[k].encode(blank, None))
            wanted = (seen - members[k].likelihood.mean(out)).abs()[:, j]
            torch.testing.assert_close(found[k, 0, :, j], wanted)
