"""UMAP's cross-entropy against a loop over pairs."""

import math

import pytest
import torch

from diabolo.parts.neighbours import CLOSEST, Neighbours
from diabolo.parts.record import Pass
from laws import normal


def penalty_of(z, **settings):
    record = Pass(*[None] * 5, z=z, rate=None, aux={}, out=None)
    return Neighbours(**settings)(record, None, None)


def test_as_a_loop_over_pairs():
    a, b, repulsion = 1.2, 0.8, 3.0
    z = normal(10, 2)

    def q(i, j):
        return 1 / (1 + a * float((z[i] - z[j]).norm()) ** (2 * b))

    together = sum(-math.log(q(i, 5 + i)) for i in range(5)) / 5
    apart = sum(-math.log(1 - q(i, 5 + j)) for i in range(5) for j in range(5)) / 25
    value = penalty_of(z, repulsion=repulsion, a=a, b=b)
    assert float(value) == pytest.approx(together + repulsion * apart)


def test_neighbours_attract_and_others_repel():
    z = torch.tensor([[0.0, 0.0], [5.0, 0.0], [1.0, 0.0], [5.0, 1.0]], requires_grad=True)
    penalty_of(z, repulsion=1e-6).backward()
    assert -z.grad[0, 0] > 0  # against the gradient: towards row 2
    assert -z.grad[3, 1] < 0  # row 3 comes down to row 1
    z.grad = None
    penalty_of(z, repulsion=1e6).backward()
    assert -z.grad[2, 0] > 0  # away from row 0


def test_codes_that_fall_together_have_finite_slopes():
    z = torch.zeros(6, 2, requires_grad=True)
    value = penalty_of(z)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()
    assert CLOSEST > 0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows(n):
    assert torch.isfinite(penalty_of(normal(n, 2)))
