"""Distances up to small moves: nothing to a moved copy, all of it to another image."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, rotate, shift
from sklearn.datasets import load_digits

from diabolo.data.neighbours import nearest
from diabolo.data.tangents import BLUR, blurred, nearest_moved, tangents


def strokes(n=12, side=20, seed=0):
    """Smooth random images (n, side, side) that end before the border."""
    random = np.random.default_rng(seed)
    images = gaussian_filter(random.normal(size=(n, side, side)), (0, 2.5, 2.5))
    frame = np.zeros((side, side))
    frame[5:-5, 5:-5] = 1
    return images * gaussian_filter(frame, 1.5) * 10


def flat(images):
    return torch.from_numpy(np.ascontiguousarray(images, np.float32).reshape(len(images), -1))


def test_the_blur_is_a_gaussian():
    images = strokes(3, 22)
    expected = [gaussian_filter(image, BLUR * 22, mode="constant", truncate=3) for image in images]
    np.testing.assert_allclose(
        blurred(flat(images), (22, 22, 1)), flat(np.array(expected)), atol=1e-5
    )


def test_channels_are_blurred_apart():
    images = strokes(4)
    both = flat(np.stack([images[:2], images[2:]], 3))
    apart = blurred(both, (20, 20, 2)).view(2, 20, 20, 2)
    np.testing.assert_allclose(
        apart[..., 1].flatten(1), blurred(flat(images[2:]), (20, 20, 1)), atol=1e-5
    )


def test_tangents_are_orthonormal_and_hold_small_moves():
    images = strokes()
    x = blurred(flat(images), (20, 20, 1))
    q = tangents(x, (20, 20, 1))
    assert q.shape == (12, 400, 7)
    np.testing.assert_allclose(q.mT @ q, np.broadcast_to(np.eye(7), (12, 7, 7)), atol=1e-5)
    smooth = x.view(-1, 20, 20).numpy()
    for moved in (
        [shift(image, (0.3, 0)) for image in smooth],
        [shift(image, (0.1, -0.3)) for image in smooth],
        [rotate(image, 2, reshape=False) for image in smooth],
    ):
        change = flat(np.array(moved)) - x
        left = change - (q @ (q.mT @ change.unsqueeze(2))).squeeze(2)
        assert (left.norm(dim=1) < 0.2 * change.norm(dim=1)).all()


def test_a_moved_copy_is_nearest():
    images = strokes(10, seed=1)
    moved = np.array([shift(image, (0.8, -0.6)) for image in images])
    found = nearest_moved(flat(np.concatenate([images, moved])), (20, 20, 1), 2)
    assert (found.rows[:10, 0] == torch.arange(10, 20)).all()
    assert (found.distances[:, 0] < 0.5 * found.distances[:, 1]).all()


def test_neighbours_of_digits_are_more_often_alike():
    data = load_digits()
    x, y = torch.from_numpy(data.data / 16).float(), data.target
    alike = [
        (y[near.rows.numpy()] == y[:, None]).mean()
        for near in (nearest(x, 15), nearest_moved(x, (8, 8, 1), 15))
    ]
    assert alike[1] > alike[0] + 0.012, alike  # 0.951 and 0.969


@pytest.mark.parametrize("rows", [2, 3])
def test_few_and_blank_images(rows):
    found = nearest_moved(torch.zeros(rows, 64), (8, 8, 1), rows - 1)
    assert (found.distances == 0).all()
    assert found.rows.shape == (rows, rows - 1)
