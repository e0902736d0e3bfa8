"""Draws of missing cells are what held-out cells were."""

import numpy as np
import pytest
import torch

from diabolo.parts.outcomes import Held, Outcomes, at_temperature, best_temperature, informed


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


NOTHING = torch.zeros(3, 3)  # no column says anything of another


def known(n):
    return torch.zeros(n, 3, dtype=torch.bool)


@pytest.fixture(scope="module")
def outcomes():
    """Two columns of numbers, the second with a spread that grows, and one of categories."""
    expected = torch.rand(2000, generator=noise(1)) * 4
    error = torch.randn(2000, generator=noise(2))
    held = [
        Held(expected, torch.zeros(2000), expected + 0.5 * error),
        Held(expected, torch.zeros(2000), expected + expected * error),
        None,
    ]
    wide = torch.full((3,), 100.0)
    return Outcomes.of(held, NOTHING, torch.tensor([1.0, 1.0, 2.0]), -wide, wide)


def test_errors_come_back(outcomes):
    drawn = outcomes.number(0, torch.full((20_000,), 2.0), known(20_000), noise())
    assert drawn.mean().item() == pytest.approx(2.0, abs=0.1)
    assert drawn.std().item() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("at", [0.5, 2.0, 3.5])
def test_spread_is_that_of_near_cells(outcomes, at):
    drawn = outcomes.number(1, torch.full((20_000,), at), known(20_000), noise())
    assert drawn.std().item() == pytest.approx(at, rel=0.2)


def test_spread_is_that_of_cells_as_well_informed():
    """Column 0 can be told from column 1 alone: errors are ten times as large without it."""
    links = torch.eye(3)
    links[0, 1] = links[1, 0] = 0.9
    seen = torch.rand(2000, 3, generator=noise(1)) < 0.5
    u = informed(links, 0, seen)
    error = torch.randn(2000, generator=noise(2)) * torch.where(seen[:, 1], 0.1, 1.0)
    held = [Held(torch.zeros(2000), u, error), None, None]
    wide = torch.full((3,), 100.0)
    outcomes = Outcomes.of(held, links, torch.ones(3), -wide, wide)
    for told, spread in ((True, 0.1), (False, 1.0)):
        rows = torch.tensor([[False, told, True]]).expand(5000, 3)
        drawn = outcomes.number(0, torch.zeros(5000), rows, noise())
        assert drawn.std().item() == pytest.approx(spread, rel=0.2)


def test_how_well_informed():
    links = torch.tensor([[1.0, 0.5, 0.2], [0.5, 1.0, 0.0], [0.2, 0.0, 1.0]])
    rows = torch.tensor([[True, True, True], [False, False, True], [True, False, False]])
    assert informed(links, 0, rows).tolist() == pytest.approx([1 - 0.5 * 0.8, 0.2, 0.0], abs=1e-6)


def test_draws_stay_within_what_the_column_held():
    held = [Held(torch.zeros(30), torch.zeros(30), torch.linspace(-3, 3, 30))]
    ends = torch.tensor([[-1.0], [2]])
    narrow = Outcomes.of(held, torch.zeros(1, 1), torch.ones(1), *ends)
    drawn = narrow.number(0, torch.zeros(1000), known(1000)[:, :1], noise())
    assert drawn.min() == -1
    assert drawn.max() == 2


def test_without_held_out_cells_the_expectation_stays():
    empty = Outcomes.of([None], torch.zeros(1, 1), *torch.ones(3, 1))
    expected = torch.tensor([0.3, 0.4])
    assert empty.number(0, expected, known(2)[:, :1], noise()).tolist() == expected.tolist()


def test_categories_are_drawn_as_often_as_they_are_likely(outcomes):
    shares = torch.tensor([[0.7, 0.2, 0.1]])
    drawn = outcomes.category(2, shares.expand(30_000, 3), noise())
    found = np.bincount(drawn.long().numpy()) / 30_000
    powered = shares[0].numpy() ** 0.5  # the column's temperature is 2
    np.testing.assert_allclose(found, powered / powered.sum(), atol=0.01)


def test_the_best_temperature_undoes_another():
    """Codes drawn at p, probabilities told at p^2, normalised: T = 2 makes them p again."""
    shares = torch.softmax(torch.randn(20_000, 3, generator=noise(3)), 1)
    codes = torch.multinomial(shares, 1, generator=noise(4))[:, 0]
    told = at_temperature(shares, torch.tensor(0.5))
    assert best_temperature(told, codes).item() == pytest.approx(2.0, rel=0.1)
    assert best_temperature(told[:20], codes[:20]).item() == 1
