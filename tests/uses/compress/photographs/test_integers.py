"""Convolutions of whole numbers are those of Python's own, wherever a sum may lead."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from diabolo.uses.compress.photographs.design import HIGHEST
from diabolo.uses.compress.photographs.integers import (
    Taps,
    active,
    convolved,
    divisive,
    enlarged,
    rectified,
)


def whole(seed: int, *shape: int, most: int = HIGHEST) -> np.ndarray:
    return np.random.default_rng(seed).integers(-most, most + 1, shape)


def plain(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """A 'same' convolution in Python's integers."""
    outputs, inputs, k, _ = weight.shape
    _, lines, cells = x.shape
    found = np.empty((outputs, lines, cells), object)
    for o in range(outputs):
        for y in range(lines):
            for z in range(cells):
                total = int(bias[o])
                for i in range(inputs):
                    for a in range(k):
                        for b in range(k):
                            line, cell = y + a - k // 2, z + b - k // 2
                            if 0 <= line < lines and 0 <= cell < cells:
                                total += int(weight[o, i, a, b]) * int(x[i, line, cell])
                found[o, y, z] = total
    return found


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 3)])
def test_convolution_in_plain_python(k, size):
    x, weight, bias = whole(0, 2, *size), whole(1, 3, 2, k, k, most=2**20), whole(2, 3, most=2**20)
    taps = Taps("x", weight, bias, 8, transposed=False)  # with 8, biases and sums have 16 bits
    assert (convolved(x.astype(float), taps) == plain(x, weight, bias)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 2)])
def test_transposed_convolution_is_torch_s_in_long_integers(size):
    x, weight, bias = whole(0, 4, *size), whole(1, 4, 3, 4, 4, most=2**20), whole(2, 3, most=2**20)
    taps = Taps("x", weight, bias, 8, transposed=True)
    # what scatters is the gradient of what gathers: torch has no transposed one for integers
    scattered = np.zeros((3, 2 * size[0] + 2, 2 * size[1] + 2), np.int64)
    for line in range(size[0]):
        for cell in range(size[1]):
            patch = np.einsum("i,ioab->oab", x[:, line, cell], weight)
            scattered[:, 2 * line : 2 * line + 4, 2 * cell : 2 * cell + 4] += patch
    expected = scattered[:, 1:-1, 1:-1] + bias[:, None, None]
    assert (enlarged(x.astype(float), taps) == expected).all()
    real = F.conv_transpose2d(
        torch.from_numpy(x).double()[None], torch.from_numpy(weight).double(), None, 2, 1
    )[0]
    assert (real.numpy() + bias[:, None, None] == expected).all()


def test_activations_are_rounded_down_and_bounded():
    sums = np.array([-(2.0**40), -257, -256, -1, 0, 255, 256, 2.0**40])
    assert active(sums, 8).tolist() == [-HIGHEST, -2, -1, -1, 0, 0, 1, HIGHEST]
    assert rectified(sums, 8).tolist() == [0, 0, 0, 0, 0, 0, 1, HIGHEST]


def test_divisive_normalisation_backwards():
    x = whole(3, 2, 3, 3).astype(float)
    norm, bias = abs(whole(4, 2, 2, 1, 1, most=50)), np.array([2**16, 2**15])
    taps = Taps("x", norm, bias, 9, transposed=False)
    for o in range(2):
        for y in range(3):
            for z in range(3):
                sums = 2 * int(bias[o]) + sum(
                    int(norm[o, i, 0, 0]) * abs(int(x[i, y, z])) for i in range(2)
                )
                factor = min(HIGHEST, sums >> 9)
                expected = max(-HIGHEST, min(HIGHEST, int(x[o, y, z]) * factor >> 8))
                assert divisive(x, taps)[o, y, z] == expected


def test_sums_that_could_be_inexact_are_refused():
    weight = np.full((1, 512, 3, 3), 2**24)
    with pytest.raises(ValueError, match="the sums of 'x' reach"):
        Taps("x", weight, None, 8, transposed=False)
