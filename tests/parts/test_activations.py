"""Every non-linearity against automatic differentiation and its purpose."""

import pytest
import torch

from diabolo.parts.activations import ACTIVATIONS
from laws import normal

every_activation = pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)


@every_activation
def test_its_slope_is_its_derivative(activation):
    a = torch.linspace(-30, 30, 4001, dtype=torch.float64)  # 0, where some have a kink, apart
    a = a[a != 0].requires_grad_()
    value = activation.value(a)
    (derivative,) = torch.autograd.grad(value.sum(), a)
    slope = activation.slope(a.detach(), value.detach())
    torch.testing.assert_close(slope, derivative, rtol=1e-8, atol=1e-12)
    assert slope.dtype == a.dtype


@every_activation
def test_its_value_and_slope_stay_finite_in_float32(activation):
    a = torch.tensor([-1e4, -100.0, -1e-30, 0.0, 1e-30, 100.0, 1e4])
    value = activation.value(a)
    assert torch.isfinite(value).all()
    assert torch.isfinite(activation.slope(a, value)).all()


@every_activation
def test_its_gain_keeps_signals_within_a_factor_of_four(activation):
    """Second moment after one layer of N(0, gain²/n) weights on the outputs of one before."""
    power = activation.value(normal(100_000)).square().mean().item()
    assert 1 / 4 < activation.gain**2 * power < 4
