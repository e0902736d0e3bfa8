"""When a fit stops and how its learning rate moves."""

import math

import pytest

from diabolo.engine.schedule import Phase, Stopper


class Four:
    def __len__(self):
        return 4


def test_the_rate_rises_falls_to_nearly_zero_and_is_never_zero_or_above_one():
    phase = Phase("joint", (), Four(), max_epochs=50, warmup=0.1)
    rates = [phase.rate(step) for step in range(200)]
    assert rates[0] == pytest.approx(1 / 20)
    assert rates[19] == 1.0
    assert rates[-1] == pytest.approx(1 / 180)
    assert all(0 < rate <= 1 for rate in rates)
    assert rates == sorted(rates[:20]) + sorted(rates[20:], reverse=True)


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_short_fits_have_positive_rates(epochs):
    phase = Phase("joint", (), Four(), max_epochs=epochs)
    assert all(0 < phase.rate(step) <= 1 for step in range(phase.steps))


def test_without_warmup_the_rate_is_constant():
    phase = Phase("pass", (), Four(), max_epochs=1, warmup=None)
    assert {phase.rate(step) for step in range(4)} == {1.0}


def test_a_loss_that_is_not_a_number_is_no_improvement():
    stopper = Stopper()
    assert stopper.improves(1.0, 0, 1e-4)
    assert not stopper.improves(math.nan, 1, 1e-4)
    assert stopper.best == 1.0
    assert stopper.gives_up(1)
    assert not stopper.gives_up(None)
