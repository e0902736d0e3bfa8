"""Codes of given rows: those of rows that a model made itself are found again."""

import numpy as np
import pytest

from diabolo.uses.edit.inversion import codes_of, invert
from diabolo.uses.latent import decode_scaled, in_units, noise


def made(model, n):
    """Codes and the rows that they decode to."""
    codes = noise(model, n, 7)
    return codes, in_units(model, decode_scaled(model, codes))


def test_the_codes_of_generated_rows_are_recovered(digits):
    """Up to noise that this generator does not look at: rows are recovered, and most codes."""
    codes, rows = made(digits.gan, 20)
    found = invert(digits.gan, rows)
    assert found.error.max() < 1e-6
    assert np.mean(np.abs(found.codes - codes).max(1) < 1e-2) >= 0.9
    assert (found.guess > 100 * found.error).all()


def test_the_encoders_guess_is_made_better(digits):
    codes, rows = made(digits.vae, 20)
    found = invert(digits.vae, rows)
    np.testing.assert_allclose(found.codes, codes, atol=1e-3)
    rebuilt = digits.vae.score_samples(rows)
    np.testing.assert_allclose(found.guess, -rebuilt, rtol=1e-4)


def test_a_linear_decoder_is_inverted_by_least_squares(linear):
    model, rows = linear
    layer = model.module_.decoder.layers[0]
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    scaled = (rows - model.columns_.offset) / model.columns_.scale
    shifted = scaled + np.random.default_rng(0).normal(size=scaled.shape)  # off the plane
    expected = np.linalg.lstsq(weight, (shifted - bias).T)[0].T
    found = invert(model, shifted * model.columns_.scale + model.columns_.offset)
    np.testing.assert_allclose(found.codes, expected, atol=1e-2)


def test_it_never_ends_worse_than_it_began(digits):
    found = invert(digits.vae, digits.test[:30], steps=5)
    assert (found.error <= found.guess).all()
    none = invert(digits.vae, digits.test[:30], steps=0)
    assert np.array_equal(none.codes, digits.vae.transform(digits.test[:30]))
    assert np.array_equal(none.error, none.guess)


def test_codes_of_rows_whatever_the_model(digits):
    rows = digits.test[:3]
    assert np.array_equal(codes_of(digits.vae, rows), digits.vae.transform(rows))
    refined = codes_of(digits.vae, rows, steps=20)
    assert not np.array_equal(refined, digits.vae.transform(rows))
    first, again = (codes_of(digits.gan, rows, steps=10, random_state=1) for _ in range(2))
    assert first.shape == (3, 4)
    assert np.array_equal(first, again)


def test_rows_of_another_size_are_one_sentence(digits):
    with pytest.raises(ValueError, match="9 features, but the model was fitted on 64"):
        invert(digits.gan, np.zeros((2, 9)))
