"""Ordered codes: prefixes, drawn evenly."""

import torch

from diabolo.parts.ordered import Nested, first_units
from laws import noise, normal


def test_a_prefix_is_kept_and_the_rest_is_zero():
    z = normal(3, 4)
    assert torch.equal(first_units(z, 2), torch.cat([z[:, :2], torch.zeros(3, 2)], 1))
    each = first_units(z, torch.tensor([[1], [4], [3]]))
    assert (each != 0).sum(1).tolist() == [1, 4, 3]


def test_its_length_is_drawn_evenly_from_one_to_all():
    h = normal(8000, 4)
    z = Nested(4, "tanh")(h, noise()).z
    kept = (z != 0).sum(1)
    for length in range(1, 5):
        assert abs((kept == length).double().mean().item() - 0.25) < 4.5 * (0.19 / 8000) ** 0.5
    assert torch.equal(z, first_units(torch.tanh(h), kept[:, None]))


def test_afterwards_all_units_are_there():
    h = normal(5, 4)
    assert torch.equal(Nested(4).mean(h), h)
