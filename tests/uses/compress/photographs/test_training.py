"""The objective reaches every weight, and a few steps lower it; global generators stay alone."""

import pytest
import torch

from diabolo.uses.compress.photographs import beginning, training
from diabolo.uses.compress.photographs.codec import Codec, bits_of, checkerboard
from diabolo.uses.compress.photographs.design import QUALITIES, weight_of
from diabolo.uses.compress.photographs.training import Cropper, RateDistortion, fits, train
from photographed import SMALL, codec, scene


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(beginning, "BLOCKS", 2000)
    monkeypatch.setattr(training, "CROP", 64)


def batch():
    return next(Cropper([scene(100, 120)], 1, 0, 64).epoch(0))


def test_gradient_reaches_every_tensor():
    moved = Codec.of(SMALL, codec().whole())
    for name, tensor in moved.tensors.items():
        if name.endswith("_bias"):  # at first some units say nothing, and pass nothing on
            tensor += 0.2 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(0))
    objective = RateDistortion(moved.requires_grad_(True))
    objective(batch(), torch.zeros(()), torch.Generator().manual_seed(0))["loss"].backward()
    for name, tensor in objective.codec.tensors.items():
        assert tensor.grad is not None, name
        assert tensor.grad.abs().sum() > 0, name


def test_a_few_steps_gain_and_leave_the_global_generators_alone():
    before = torch.get_rng_state()
    pictures = [scene(140, 150, seed) for seed in range(3)]
    start = train(pictures, pictures[:1], steps=1, design=SMALL, lr=0.0, crop=64, n_threads=1)
    found = train(pictures, pictures[:1], steps=40, design=SMALL, crop=64, n_threads=1)
    with torch.no_grad():
        losses = [
            RateDistortion(one)(batch(), torch.zeros(()), torch.Generator().manual_seed(1))["loss"]
            for one in (start, found)
        ]
    assert losses[1] < 0.9 * losses[0]
    assert torch.equal(before, torch.get_rng_state())


def test_the_objective_is_rate_and_distortion():
    x, quality = batch()
    objective = RateDistortion(codec())
    with torch.no_grad():
        terms = objective((x, quality), torch.zeros(()), torch.Generator().manual_seed(0))
        found = codec()(x, quality, torch.Generator().manual_seed(0))
    price = weight_of(quality)
    both = found.bits / 64**2 + price * (found.x - x).square().mean((1, 2, 3))
    assert terms["loss"].item() == pytest.approx((both / price.sqrt()).mean().item())
    assert (weight_of(0), weight_of(QUALITIES)) == pytest.approx((0.001, 0.1188), rel=1e-3)


def test_bits_are_those_of_a_logistic_density():
    v, octave = torch.linspace(-6, 6, 25, dtype=torch.float64), torch.tensor(0.5).double()
    width = 2**0.5
    mass = torch.sigmoid((v + 0.5) / width) - torch.sigmoid((v - 0.5) / width)
    torch.testing.assert_close(bits_of(v, octave), -(mass + 2.0**-16).log2())


def test_the_principal_components_are_orthonormal_and_come_back():
    """Before training, what the transform keeps is a projection: once more changes nothing."""
    found = codec()
    with torch.no_grad():
        for name in ("analysis_first", "analysis_second", "analysis_third"):
            middle = {8: slice(2, 6), 4: slice(1, 3)}[found.tensors[name].shape[-1]]
            matrix = found.tensors[name][:, :, middle, middle].flatten(1)
            product = matrix @ matrix.T
            assert (product - torch.eye(len(product))).abs().max() < 0.1  # there is a little noise
        x = torch.from_numpy(scene(64, 64).transpose(2, 0, 1).copy())[None].float()
        once = found.synthesis(found.analysis(x))
        twice = found.synthesis(found.analysis(once))
    assert (twice - once).square().mean() < 0.35 * (once - x).square().mean()


def test_batches_follow_from_seed_and_epoch_alone():
    one, two = (list(Cropper([scene(100, 120)], 3, 5, 64).epoch(2)) for _ in range(2))
    assert all(torch.equal(a.x, b.x) for a, b in zip(one, two, strict=True))
    later = list(Cropper([scene(100, 120)], 3, 5, 64).epoch(2, start=2))
    assert torch.equal(later[0].x, one[2].x)
    assert ((one[0].quality >= 0) & (one[0].quality <= QUALITIES)).all()


def test_checkerboard():
    assert checkerboard(2, 3).tolist() == [[False, True, False], [True, False, True]]


def test_small_pictures_are_not_learned_from():
    assert fits(scene(256, 300))
    assert not fits(scene(40, 300))
