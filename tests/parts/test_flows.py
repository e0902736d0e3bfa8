"""The masked autoregressive flow: masks by the Jacobian, density by integration, draws back."""

import pytest
import torch
from torch.autograd.functional import jacobian

from diabolo.parts.flows import Autoregressive, Flow
from laws import drawn, noise, normal


def wild(make, seed=0):
    """With weights far from the start, so that no unit is left alone by chance."""
    part, generator = drawn(make, seed), noise(seed)
    for weights in part.parameters():
        weights.data.normal_(std=0.5, generator=generator)
    return part


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("hidden", [(20,), (17, 9), ()])
def test_a_unit_is_told_by_earlier_units_alone(backwards, hidden):
    block = wild(lambda: Autoregressive(5, hidden, backwards))
    points = [jacobian(lambda z: torch.stack(block(z)), z) for z in normal(20, 5)]
    for seen in (torch.stack(points) != 0).any(0):
        earlier = torch.ones(5, 5).triu(1) if backwards else torch.ones(5, 5).tril(-1)
        assert not seen[earlier == 0].any()
        assert seen[earlier == 1].all()


def test_a_single_unit_sees_nothing():
    block = wild(lambda: Autoregressive(1))
    mu, _ = block(normal(4, 1))
    assert (mu == mu[0]).all()


def test_the_slope_is_the_determinant():
    flow = wild(lambda: Flow(4, 3, (8,)))
    flow.offset.normal_(generator=noise(1))
    flow.scale.uniform_(0.5, 2, generator=noise(2))
    z = normal(4)
    full = jacobian(lambda z: flow.noise_of(z)[0], z)
    torch.testing.assert_close(flow.noise_of(z)[1], full.slogdet().logabsdet)


def test_noise_and_code_are_each_others_inverse():
    flow = wild(lambda: Flow(4, 3, (8,)))
    u = normal(10, 4)
    torch.testing.assert_close(flow.noise_of(flow.code_of(u))[0], u)


@torch.no_grad()
def test_the_density_integrates_to_one():
    flow = drawn(lambda: Flow(2, 3, (16,)))
    for weights in flow.parameters():
        weights.normal_(std=0.2, generator=noise(3))
    axis = torch.linspace(-20, 20, 801, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    density = torch.cat([flow.log_prob(rows).exp() for rows in grid.split(500_000)])
    assert density.sum().item() * (axis[1] - axis[0]).item() ** 2 == pytest.approx(1, abs=1e-3)


def test_at_temperature_zero_there_is_one_code():
    flow = wild(lambda: Flow(3, 2, (8,)))
    z = flow.sample(5, noise(), temperature=0.0)
    torch.testing.assert_close(z, flow.code_of(torch.zeros(5, 3).double()))


def test_a_flow_without_units_is_refused():
    with pytest.raises(ValueError, match="a flow needs units"):
        Autoregressive(3, (0,))
    with pytest.raises(ValueError, match="blocks=0 must be from 1 to 100"):
        Flow(3, 0)
