"""Augmentations against NumPy's own moving and counting."""

import numpy as np
import pytest
import torch

from diabolo.parts.augmentations import Binarise, InTurn, Shift, Unchanged, Within
from laws import noise, uniform


def moved(image, down, right):
    """np.roll with what comes round the edge set to 0; image (h, w, c)."""
    out = np.roll(image, (down, right), (0, 1))
    if down:
        out[slice(0, down) if down > 0 else slice(down, None)] = 0
    if right:
        out[:, slice(0, right) if right > 0 else slice(right, None)] = 0
    return out


@pytest.mark.parametrize("shape", [(6, 5, 1), (5, 7, 3), (1, 9, 1)], ids=str)
@pytest.mark.parametrize("pixels", [1, 2])
def test_shift_moves_images_by_whole_pixels(shape, pixels):
    part = Shift(shape, pixels, share=1.0)
    images = uniform(3, *shape)
    seen, generator = set(), noise()
    reach = range(-pixels, pixels + 1)
    candidates = {
        (down, right): np.stack([moved(image, down, right) for image in images.numpy()])
        for down in reach
        for right in reach
    }
    for _ in range(300):
        out = part(images.flatten(1), generator).view(images.shape).numpy()
        matches = [way for way, wanted in candidates.items() if np.array_equal(out, wanted)]
        assert matches, "not a shift by whole pixels"
        seen.add(matches[0])
    # every way is taken; those that empty a single line look alike
    assert len(seen) == len({wanted.tobytes() for wanted in candidates.values()})


def test_shift_moves_the_share_of_rows_that_was_asked_for():
    part, images = Shift((4, 4, 1), 1, share=0.3), uniform(5000, 16)
    generator, shares = noise(), []
    for _ in range(20):
        changed = (part(images, generator) != images).any(1).double().mean().item()
        shares.append(changed)
    moves = [share for share in shares if share]  # one way in nine is to stay
    assert np.mean(moves) == pytest.approx(0.3, abs=0.01)


def test_shift_leaves_evaluation_alone():
    part, images = Shift((4, 4, 1), 1, share=1.0).eval(), uniform(5, 16)
    assert part(images, noise()) is images


def test_binarised_greys_are_their_own_mean():
    x = uniform(6, 5)
    draws = torch.stack([Binarise()(x, generator) for generator in [noise()] for _ in range(4000)])
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    error = (x * (1 - x) / 4000).sqrt()
    assert ((draws.mean(0) - x).abs() < 4.5 * error).all()


def test_binarise_is_fresh_at_every_step_and_keeps_black_and_white():
    x, generator = uniform(50, 40), noise()
    first, second = Binarise()(x, generator), Binarise()(x, generator)
    assert not torch.equal(first, second)
    extremes = torch.tensor([[0.0, 1.0]]).repeat(1000, 1)
    assert torch.equal(Binarise()(extremes, generator), extremes)


def test_binarise_takes_values_just_outside_for_certain():
    x = torch.tensor([[-0.2, 1.3]]).repeat(100, 1)
    assert torch.equal(Binarise()(x, noise()), torch.tensor([[0.0, 1.0]]).repeat(100, 1))


def test_unchanged_changes_nothing():
    x = uniform(3, 4)
    assert Unchanged()(x, noise()) is x


def test_numbers_far_off_count_as_the_limit_and_categories_as_they_are():
    x = torch.tensor([[-30.0, 2.0, 30.0], [torch.nan, 0.5, torch.nan]])
    found = Within(10.0, (0, 0, 40))(x, None)
    wanted = torch.tensor([[-10.0, 2.0, 30.0], [torch.nan, 0.5, torch.nan]])
    torch.testing.assert_close(found, wanted, equal_nan=True)
    assert Within(10.0)(x, None)[0, 2] == 10


def test_shift_ends_where_it_was_asked_to():
    part, images = Shift((4, 4, 1), 1, share=1.0, until=3.0), uniform(5, 16)

    def moves(clock):
        generator = noise()
        return any(
            not torch.equal(part(images, generator, torch.tensor(clock)), images) for _ in range(20)
        )

    assert moves(0.0)
    assert moves(2.99)
    assert not moves(3.0)
    assert not torch.equal(InTurn((part, Unchanged()))(images, noise(), torch.tensor(1.0)), images)
    assert torch.equal(InTurn((part,))(images, noise(), torch.tensor(4.0)), images)
