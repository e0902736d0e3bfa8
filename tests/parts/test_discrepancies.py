"""Kernel discrepancies against double loops, closed forms and another library."""

import math

import pytest
import torch
from scipy.stats import energy_distance

from diabolo.parts import discrepancies
from diabolo.parts.discrepancies import GaussianKernel, NegativeDistance, mmd, squared_distances
from laws import KERNELS, normal

every_kernel = pytest.mark.parametrize("make", KERNELS.values(), ids=KERNELS)


def by_loops(x, y, k, unbiased):
    """The formula as it is printed, pair by pair."""
    n, m = len(x), len(y)

    def mean(a, b, skip):
        pairs = [
            float(k(((u - v) ** 2).sum()))
            for i, u in enumerate(a)
            for j, v in enumerate(b)
            if not (skip and i == j)
        ]
        return sum(pairs) / len(pairs)

    assert (n, m) == (len(x), len(y))
    return mean(x, x, unbiased) + mean(y, y, unbiased) - 2 * mean(x, y, False)


@every_kernel
@pytest.mark.parametrize("unbiased", [True, False])
def test_it_is_the_mean_over_pairs(make, unbiased):
    x, y, k = normal(7, 3, seed=1), 0.5 + normal(5, 3, seed=2), make()
    seen = mmd(x, y, k, unbiased=unbiased).item()
    assert seen == pytest.approx(by_loops(x, y, k, unbiased), rel=1e-5, abs=1e-6)


def expected(squared_shift, variance, dim, scale):
    """E[k(X, Y)] of a Gaussian kernel where X − Y ~ N(shift, variance · I)."""
    h = scale * scale
    return (h / (h + variance)) ** (dim / 2) * math.exp(-squared_shift / (2 * (h + variance)))


def test_of_two_gaussians_it_is_the_closed_form():
    """X ~ N(0, I), Y ~ N(m, 4 I) in three dimensions; the mean of many unbiased estimates."""
    shift, scale = torch.tensor([1.0, 0.0, -0.5]), 1.3
    far = shift.square().sum().item()
    wanted = expected(0, 2, 3, scale) + expected(0, 8, 3, scale) - 2 * expected(far, 5, 3, scale)
    kernel = GaussianKernel((scale,))
    seen = torch.stack(
        [
            mmd(normal(300, 3, seed=2 * i), shift + 2 * normal(200, 3, seed=2 * i + 1), kernel)
            for i in range(60)
        ]
    )
    error = (seen.std() / math.sqrt(len(seen))).item()
    assert seen.mean().item() == pytest.approx(wanted, abs=3 * error)
    assert error < 0.02 * wanted


def test_of_one_line_the_energy_distance_is_scipys():
    """scipy gives the root of ours."""
    x, y = normal(400, 1, seed=1), 1 + 2 * normal(300, 1, seed=2)
    seen = mmd(x, y, NegativeDistance(), unbiased=False).item()
    assert seen == pytest.approx(energy_distance(x[:, 0], y[:, 0]) ** 2, rel=1e-6)


@every_kernel
def test_of_one_distribution_the_unbiased_estimate_is_zero_on_average(make):
    seen = torch.stack(
        [mmd(normal(50, 3, seed=i), normal(50, 3, seed=-i - 1), make()) for i in range(100)]
    )
    assert abs(seen.mean()) < 3 * seen.std() / 10
    biased = mmd(normal(50, 3), normal(50, 3, seed=1), make(), unbiased=False)
    assert biased > 0


@every_kernel
def test_what_chance_does_is_known(make):
    seen = torch.stack(
        [mmd(normal(60, 3, seed=i), normal(90, 3, seed=-i - 1), make()) for i in range(300)]
    )
    wanted = discrepancies.chance(normal(400, 3, seed=999), make(), 60, 90)
    assert seen.std().item() == pytest.approx(wanted.item(), rel=0.15)


@every_kernel
def test_its_gradient_is_that_of_finite_differences(make):
    x, y = normal(4, 3, seed=1).requires_grad_(), normal(3, 3, seed=2)
    assert torch.autograd.gradcheck(lambda x: mmd(x, y, make(), unbiased=True), x)


def test_a_row_far_from_zero_keeps_its_digits():
    x = normal(6, 4, dtype=torch.float32)
    near, far = squared_distances(x, x.flip(0)), squared_distances(x + 4096, x.flip(0) + 4096)
    torch.testing.assert_close(near, far, rtol=1e-3, atol=1e-2)


def test_the_scales_of_the_mixture_are_those_of_the_paper():
    kernel = discrepancies.for_normal(8)
    assert kernel.scales == pytest.approx([1.6, 3.2, 8, 16, 32, 80, 160])
    assert kernel(torch.tensor(16.0)).item() == pytest.approx(
        sum(c / (c + 16) for c in kernel.scales) / 7
    )


def test_bad_input_is_one_sentence():
    with pytest.raises(ValueError, match="must be positive"):
        GaussianKernel((1.0, 0.0))
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 4\) cannot be compared"):
        mmd(torch.zeros(2, 3), torch.zeros(2, 4), GaussianKernel())
    with pytest.raises(ValueError, match="at least 2 rows of each kind, got 1 and 3"):
        mmd(torch.zeros(1, 3), torch.zeros(3, 3), GaussianKernel())
