"""Corruptions: how much is changed, what it is changed to, and what then counts."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from diabolo.parts import corruptions
from laws import CORRUPTIONS, noise, normal, uniform

REPLACING = {
    "masking": corruptions.Masking,
    "salt and pepper": corruptions.SaltAndPepper,
    "column swap": corruptions.ColumnSwap,
}
every_corruption = pytest.mark.parametrize("make", CORRUPTIONS.values(), ids=CORRUPTIONS)
every_replacing = pytest.mark.parametrize("kind", REPLACING.values(), ids=REPLACING)


def rows(n=4000, d=25):
    return uniform(n, d, dtype=torch.float32) + 0.1


@every_corruption
def test_the_clean_input_is_left_alone(make):
    x = rows()
    before = x.clone()
    corrupted, _ = make()(x, noise())
    assert torch.equal(x, before)
    assert corrupted.shape == x.shape
    assert corrupted.dtype == x.dtype


@every_corruption
def test_noise_is_fresh_at_every_step_and_follows_the_generator(make):
    corruption, x, generator = make(), rows(), noise(1)
    first, second = (corruption(x, generator)[0].nan_to_num(-1) for _ in range(2))
    assert torch.equal(first, second) == isinstance(corruption, corruptions.Nothing)
    assert torch.equal(first, corruption(x, noise(1))[0].nan_to_num(-1))


@every_replacing
@pytest.mark.parametrize("level", [0.0, 0.1, 0.5, 1.0])
def test_the_level_is_the_share_that_is_changed(kind, level):
    x = rows()
    corrupted, changed = kind(level).corrupt(x, noise())
    assert set(changed.unique().tolist()) <= {0.0, 1.0}
    error = 4.5 * (level * (1 - level) / x.numel()) ** 0.5
    assert abs(changed.mean().item() - level) <= error
    # by rows and by columns alike: each entry has its own coin
    assert (changed.mean(0) - level).abs().max() <= 4.5 * (level * (1 - level) / len(x)) ** 0.5
    assert torch.equal(corrupted[changed == 0], x[changed == 0])
    differs = (corrupted != x)[changed == 1].float().mean() if level else 1.0
    assert differs > 0.99  # a draw may happen to be what was there


def test_masked_entries_are_zero():
    corrupted, changed = corruptions.Masking(0.3).corrupt(rows(), noise())
    assert (corrupted[changed == 1] == 0).all()


def test_salt_and_pepper_come_equally_often_and_are_exactly_that():
    part = corruptions.SaltAndPepper(0.4, low=-1.5, high=0.7)
    corrupted, changed = part.corrupt(rows(), noise())
    values, counts = corrupted[changed == 1].unique(return_counts=True)
    assert torch.equal(values, torch.tensor([-1.5, 0.7]))
    assert counts[0] / counts.sum() == pytest.approx(0.5, abs=0.01)


def test_gaussian_noise_has_the_levels_deviation_and_is_everywhere():
    x = rows()
    corrupted, changed = corruptions.GaussianNoise(0.3).corrupt(x, noise())
    assert (changed == 1).all()
    difference = (corrupted - x).numpy()
    assert difference.std() == pytest.approx(0.3, rel=0.01)
    assert difference.mean() == pytest.approx(0, abs=4.5 * 0.3 / np.sqrt(difference.size))
    assert np.corrcoef(difference[:, 0], difference[:, 1])[0, 1] == pytest.approx(0, abs=0.07)


def test_column_swap_takes_values_of_the_same_column_alone():
    x = torch.arange(40.0).view(8, 5) + 1e6
    corrupted, _ = corruptions.ColumnSwap(0.5).corrupt(x, noise())
    for column in range(5):
        assert set(corrupted[:, column].tolist()) <= set(x[:, column].tolist())


def test_column_swap_keeps_every_columns_distribution():
    scale = torch.tensor([1.0, 10.0, 0.1])
    x = (normal(20_000, 3).exp() * scale).float()  # skewed
    corrupted, _ = corruptions.ColumnSwap(1.0).corrupt(x, noise())
    shares = torch.tensor([0.1, 0.5, 0.9])
    wanted, seen = x.quantile(shares, dim=0), corrupted.quantile(shares, dim=0)
    torch.testing.assert_close(seen, wanted, rtol=0.05, atol=0)
    # and breaks what ties the columns of a row together
    tied = torch.stack([x[:, 0], x[:, 0]], 1)
    broken, _ = corruptions.ColumnSwap(1.0).corrupt(tied, noise())
    assert np.corrcoef(broken.T.numpy())[0, 1] == pytest.approx(0, abs=0.05)


@every_corruption
def test_one_half_is_no_emphasis(make):
    assert make()(rows(), noise())[1] is None


@every_replacing
@pytest.mark.parametrize("emphasis", [0.0, 0.2, 0.8, 1.0])
def test_emphasis_weighs_the_repair(kind, emphasis):
    """Vincent 2010, sec. 4.1: α on corrupted entries, 1 − α on the others, here doubled so that
    ½ is the ordinary loss."""
    part, x = kind(0.3, emphasis), rows()
    corrupted, weight = part(x, noise())
    again, changed = part.corrupt(x, noise())
    assert torch.equal(corrupted, again)
    assert torch.equal(weight, torch.where(changed == 1, 2 * emphasis, 2 * (1 - emphasis)))


def test_nothing_is_nothing_whatever_the_emphasis():
    x = rows()
    corrupted, weight = corruptions.Nothing(0.9, emphasis=0.9)(x, noise())
    assert corrupted is x
    assert weight is None


class TestHiding:
    def test_the_share_is_drawn_for_every_row(self):
        x = rows(4000, 60)
        corrupted, hidden = corruptions.Hiding(0.7, lowest=0.1).corrupt(x, noise())
        assert torch.equal(torch.isnan(corrupted), hidden == 1)
        assert torch.equal(corrupted[hidden == 0], x[hidden == 0])
        shares = hidden.mean(1)
        assert shares.mean().item() == pytest.approx(0.4, abs=0.01)
        # of an even draw between the two, and of the coins that follow it
        spread = 0.6**2 / 12 + (0.4 * 0.6 - 0.6**2 / 12) / 60
        assert shares.var().item() == pytest.approx(spread, rel=0.05)

    def test_patches_of_an_image(self):
        part = corruptions.Hiding(0.5, shape=(5, 7, 3), patch=3)
        _, hidden = part.corrupt(rows(50, 5 * 7 * 3), noise())
        image = hidden.view(50, 5, 7, 3)
        assert (image == image[..., :1]).all()
        for top in (0, 3):
            for left in (0, 3, 6):
                patch = image[:, top : top + 3, left : left + 3].flatten(1)
                assert (patch == patch[:, :1]).all()
        assert 0 < image.mean() < 1


def test_images_are_moved_as_scipy_moves_them():
    shape, x = (7, 9, 2), uniform(5, 126, dtype=torch.float64)
    moved, changed = corruptions.Moves(0.4, shape=shape).corrupt(x, noise(3))
    drawn = torch.empty(5, 2, 3, dtype=torch.float64).uniform_(-0.4, 0.4, generator=noise(3))
    halves = np.array(shape[:2]) / 2  # of the sides, in pixels
    middle = halves - 0.5
    for image, change, found in zip(x.numpy(), drawn.numpy(), moved.numpy(), strict=True):
        # ours counts across before down, and in halves of the sides
        matrix = np.eye(2) + change[::-1, 1::-1] * halves[:, None] / halves
        offset = middle - matrix @ middle + change[::-1, 2] * halves
        for channel in range(2):
            expected = scipy.ndimage.affine_transform(
                np.pad(image.reshape(shape)[..., channel], 9), matrix,
                offset + 9 - matrix @ np.full(2, 9.0), order=1,
            )[9:-9, 9:-9]  # fmt: skip
            np.testing.assert_allclose(found.reshape(shape)[..., channel], expected, atol=1e-12)
    assert torch.equal(changed, (moved != x).to(x.dtype))


def test_images_that_move_nowhere_stay():
    x = uniform(5, 64, dtype=torch.float64)
    moved, _ = corruptions.Moves(0.0, shape=(8, 8, 1)).corrupt(x, noise())
    torch.testing.assert_close(moved, x)


def test_one_after_the_other():
    x, shape = uniform(50, 64, dtype=torch.float64) + 0.1, (8, 8, 1)
    steps = (corruptions.Moves(0.1, shape=shape), corruptions.Masking(0.3))
    both = corruptions.InTurn(emphasis=1.0, steps=steps)
    generator = noise(2)
    moved, where = steps[0].corrupt(x, generator)
    masked, hidden = steps[1].corrupt(moved, generator)
    corrupted, weight = both(x, noise(2))
    assert torch.equal(corrupted, masked)
    assert torch.equal(weight, 2 * torch.maximum(where, hidden))
