"""The decoder says what the trained networks say, in the same whole numbers however it is run."""

import numpy as np
import pytest
import torch

from diabolo.uses.compress.photographs import decoder as decoding
from diabolo.uses.compress.photographs.codec import Codec
from diabolo.uses.compress.photographs.decoder import Decoder
from diabolo.uses.compress.photographs.design import ACTIVE, LATENT, OCTAVE, QUALITIES
from diabolo.uses.compress.photographs.models import shipped
from photographed import SMALL, model


def latents(lines: int, cells: int, channels: int = SMALL.latents, seed: int = 0) -> np.ndarray:
    """Large and small, as after a decoder: (channels, lines, cells) int16."""
    random = np.random.default_rng(seed)
    return (random.laplace(0, 60, (channels, lines, cells))).astype(np.int16)


def long_sums(x, taps):
    """`convolved` in 64-bit integers, tap by tap in another order."""
    k = len(taps.taps)
    padded = np.pad(x.astype(np.int64), [(0, 0), (k // 2, k // 2), (k // 2, k // 2)])
    out = np.zeros((taps.outputs, *x.shape[1:]), np.int64)
    for a in reversed(range(k)):
        for b in reversed(range(k)):
            window = padded[:, a : a + x.shape[1], b : b + x.shape[2]]
            out += np.einsum("oi,iyx->oyx", taps.taps[a, b].astype(np.int64), window)
    return (out + taps.bias.astype(np.int64)).astype(float)


def long_enlarged(x, taps):
    lines, cells = x.shape[1:]
    out = np.zeros((taps.outputs, 2 * lines + 2, 2 * cells + 2), np.int64)
    weight = taps.taps.astype(np.int64)
    for a in range(4):
        for b in range(4):
            part = np.einsum("oi,iyx->oyx", weight[a, b], x.astype(np.int64))
            out[:, a : a + 2 * lines : 2, b : b + 2 * cells : 2] += part
    return (out[:, 1:-1, 1:-1] + taps.bias.astype(np.int64)).astype(float)


@pytest.mark.parametrize("which", ["small", "shipped"])
def test_doubles_say_what_long_integers_say(which, monkeypatch):
    decoder = {"small": model, "shipped": shipped}[which]().decoder
    y = latents(5, 6, decoder.design.latents)
    known = y.astype(np.int64)
    features = decoder.prior(known[: decoder.design.hyper, :2, :2], 33, 5, 6)
    says = [decoder.group(g, features, known[:last], 1, 33)
            for g, (_, last) in enumerate(decoder.design.parts)]  # fmt: skip
    pixels = decoder.pixels(y, 33, 70, 90)
    monkeypatch.setattr(decoding, "convolved", long_sums)
    monkeypatch.setattr(decoding, "enlarged", long_enlarged)
    monkeypatch.setattr("diabolo.uses.compress.photographs.integers.convolved", long_sums)
    assert (decoder.prior(known[: decoder.design.hyper, :2, :2], 33, 5, 6) == features).all()
    for g, (_, last) in enumerate(decoder.design.parts):
        for ours, theirs in zip(
            says[g], decoder.group(g, features, known[:last], 1, 33), strict=True
        ):
            assert (ours == theirs).all()
    assert (decoder.pixels(y, 33, 70, 90) == pixels).all()
    assert pixels.std() > 10


@pytest.mark.parametrize("quality", [0, 7, 40, QUALITIES])
def test_the_trained_networks_say_the_same(quality):
    """Up to the order of float32's sums, which can move a number over an edge now and then."""
    decoder, twin = model().decoder, Codec.of(SMALL, model().whole)
    at = torch.tensor([float(quality)])
    v = latents(6, 5)
    real = torch.from_numpy(v.astype(np.float32))[None] / 2**LATENT
    z = np.random.default_rng(1).integers(-40, 40, (SMALL.hyper, 2, 2))
    with torch.no_grad():
        features = twin.prior(torch.from_numpy(z).float()[None] / 2**LATENT, at, real.shape)
        pixels = twin.synthesis(real * twin.step(at))[0].permute(1, 2, 0)
        centres, octaves = twin.hyper_density(at)
    ours = decoder.prior(z, quality, 6, 5)
    assert abs(ours / 2**ACTIVE - features[0].numpy()).max() < 2 / 2**ACTIVE
    expected = (pixels + 0.5).floor().clamp(0, 255).numpy()
    difference = abs(decoder.pixels(v, quality, 96, 80) - expected)
    assert difference.max() <= 1
    assert difference.mean() < 0.01
    for ours, theirs, bits, zero in zip(
        decoder.hyper_density(quality), (centres, octaves), (LATENT, OCTAVE), (0, 32), strict=True
    ):
        assert (ours - zero == (theirs[0] * 2**bits).numpy()).all()
    for g, (_, last) in enumerate(SMALL.parts):
        for odd in (0, 1):
            with torch.no_grad():
                mean, octave = twin.group(g, features, real[:, :last], odd, at)
            means, widths = decoder.group(
                g, decoder.prior(z, quality, 6, 5), v[:last].astype(np.int64), odd, quality
            )
            assert abs(means - (mean[0] * 2**LATENT).numpy()).max() <= 1
            assert abs(widths - 32 - (octave[0] * 2**OCTAVE).numpy()).max() <= 1


def test_steps_are_those_of_training_at_every_quality():
    twin = Codec.of(SMALL, model().whole)
    for quality in range(QUALITIES + 1):
        real = twin.step(torch.tensor([float(quality)]))[0].numpy()
        np.testing.assert_allclose(model().decoder.steps(quality) / 1024, real, rtol=1e-5)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("strip", [1, 40, 10**6])
def test_strips_and_threads_make_no_difference(strip, n_threads, monkeypatch):
    y = latents(13, 4)
    whole = model().decoder.pixels(y, 50, 200, 61)
    monkeypatch.setattr(decoding, "STRIP", strip)
    assert (model().decoder.pixels(y, 50, 200, 61, n_threads) == whole).all()


def test_a_halo_too_small_would_be_seen(monkeypatch):
    """The control of the test above."""
    y = latents(13, 4)
    whole = model().decoder.pixels(y, 50, 200, 61)
    monkeypatch.setattr(decoding, "STRIP", 1)
    monkeypatch.setattr(decoding, "HALO", 1)
    assert (model().decoder.pixels(y, 50, 200, 61) != whole).any()


def test_a_model_whose_sums_could_be_inexact_is_refused():
    whole = dict(model().whole)
    whole["group0_hidden"] = np.full_like(whole["group0_hidden"], 2**31 - 1)
    with pytest.raises(ValueError, match="the sums of 'group0_hidden' reach"):
        Decoder(SMALL, {**whole, "group0_hidden_bias": whole["group0_hidden_bias"] + 2**30,
                        "group0_hidden": np.full((8, 8, 1, 1), 2.0**40)})  # fmt: skip
