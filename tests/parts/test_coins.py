"""Coins beside the law they stand for, at the ends, and in how often they fall."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import binom, chisquare

from diabolo.parts.coins import alike, coins

N = 1_000_001  # odd: the last word is cut


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def is_likely(ones: int, p: float) -> bool:
    """Whether so many of N fall within what happens in all but one of a million series."""
    low, high = binom.interval(1 - 1e-6, N, p)
    return low <= ones <= high


@pytest.mark.parametrize("p", [1e-4, 0.05, 0.25, 0.5, 0.7, 0.999])
def test_as_often_as_asked(p):
    x = torch.full((N,), p)
    assert is_likely(int(coins(x, stream()).sum()), p)
    assert is_likely(int(alike(x, p, stream()).sum()), p)
    assert not is_likely(int(alike(x, p, stream()).sum()), min(1.0, p + 0.02))  # can fail


def test_each_entry_has_its_own_probability():
    greys = torch.arange(256) / 255
    fell = coins(greys.expand(20_000, 256).contiguous(), stream()).double().sum(0)
    inner = slice(1, 255)
    wanted = 20_000 * greys[inner].double()
    surprise = ((fell[inner] - wanted) ** 2 / (wanted * (1 - greys[inner]))).sum()
    assert 150 < surprise < 370  # chi-square with 254 degrees of freedom
    assert fell[0] == 0
    assert fell[255] == 20_000


def test_certain_ends_and_beyond():
    ends = torch.tensor([-1.0, 0.0, 1.0, 2.0]).repeat(2_000_000, 1)
    assert (coins(ends, stream()) == torch.tensor([0.0, 0.0, 1.0, 1.0])).all()
    assert not alike(ends, 0.0, stream()).any()
    assert alike(ends, 1.0, stream()).all()


def test_neighbours_tell_nothing_of_each_other():
    for fell in (
        alike(torch.empty(4 * 250_000), 0.5, stream()),
        coins(torch.full((N - 1,), 0.5), stream()),
    ):
        four = fell.view(-1, 4).long() @ torch.tensor([8, 4, 2, 1])
        assert chisquare(four.bincount(minlength=16).numpy()).pvalue > 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (2, 3, 7)])
def test_shape_and_type(dtype, shape):
    x = torch.full(shape, 0.5, dtype=dtype)
    for fell in (coins(x, stream()), alike(x, 0.3, stream())):
        assert fell.shape == x.shape
        assert fell.dtype == dtype
        assert set(fell.flatten().tolist()) <= {0.0, 1.0}


def test_the_same_again_from_the_same_seed():
    x = torch.full((9, 5), 0.4)
    assert torch.equal(coins(x, stream(3)), coins(x, stream(3)))
    assert torch.equal(alike(x, 0.4, stream(3)), alike(x, 0.4, stream(3)))
    assert not torch.equal(alike(x, 0.4, stream(3)), alike(x, 0.4, stream(4)))
