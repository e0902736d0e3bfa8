import warnings

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from torch.distributions import Normal, kl_divergence

from diabolo.families.autoencoder import Autoencoder
from diabolo.report.chapters import (
    contractive,
    denoising,
    generating,
    manipulation,
    reduction,
    stacked,
    variational,
)
from diabolo.report.material import gather
from diabolo.report.recipes import SIDE_BY_SIDE, Budget, recipes
from diabolo.report.studio import Studio, fit
from diabolo.uses.filters import quality


@pytest.fixture(scope="module")
def studio():
    """Small models of 300 digits, trained for a few epochs."""
    trained = Studio(gather("digits", 300, 0), Budget(3, 6, 16, (16, 12), (2, 3), 9, 3))
    trained.train()
    return trained


def test_side_by_side_the_codes_are_equally_large(studio):
    assert {studio[name].transform(studio.shown).shape for name in SIDE_BY_SIDE} == {(10, 6)}


def test_error_is_summed_over_pixels_and_averaged_over_images(studio):
    images = studio.material.test[:4]
    assert studio.error(studio.material.unit(images) + 0.5, images) == pytest.approx(64 * 0.25)


def test_error_is_that_of_the_estimators_score(studio):
    score = studio["plain"].score(studio.material.test)
    assert studio.test_error("plain") == pytest.approx(-64 * score, rel=1e-5)


def test_pca_is_the_best_linear_autoencoder(studio):
    data = studio.material
    rows, codes = data.flat(data.train), studio["plain"].transform(data.train)
    best = LinearRegression().fit(codes, rows).predict(codes)  # any linear way back from 6 numbers
    assert studio.error(studio.rebuilt_by_pca(data.train), data.train) < studio.error(
        best, data.train
    )


def test_the_overcomplete_one_warns_and_no_other(studio):
    warned = [name for name, fitted in studio.fitted.items() if fitted.warnings]
    assert warned == ["overcomplete"]


def test_other_warnings_are_not_swallowed():
    class Loud(Autoencoder):
        def compose(self, facts):
            warnings.warn("something else", RuntimeWarning, stacklevel=2)
            return super().compose(facts)

    with pytest.warns(RuntimeWarning, match="something else"):
        fit(
            Loud(n_components=2, max_epochs=1, random_state=0),
            np.random.default_rng(0).random((40, 8)),
        )


def test_layers_come_out_the_same_whether_or_not_they_are_fine_tuned(studio):
    """What the page says of the stages is of one and the same stack."""
    alone, whole = studio["layers alone"].history_, studio["stacked"].history_
    assert alone.phases == ["layer 1", "layer 2", "layer 3"]
    assert whole.phases == [*alone.phases, "fine-tuning"]
    assert whole.records[: len(alone.records)] == alone.records


def test_through_all_layers_is_the_whole_stack(studio):
    np.testing.assert_allclose(
        stacked._through(studio, 3).reshape(-1, 8, 8),
        studio.rebuilt("layers alone", studio.material.test),
        atol=1e-5,
    )


def test_spectrum_is_of_the_slope_of_the_code(studio):
    """Against finite differences along every pixel."""
    data, model = studio.material, studio["contractive layer"]
    image, spread = data.test[:1].astype(float), model.transform(data.test).var(0).sum() ** 0.5
    steps = np.eye(64).reshape(64, 8, 8) * 16 * 1e-2  # a step of 0.01 on the scale 0 … 1
    slope = (model.transform(image + steps) - model.transform(image - steps)) / 0.02
    expected = np.linalg.svd(slope, compute_uv=False) / spread
    np.testing.assert_allclose(
        contractive._spectra(studio, "contractive layer")[0], expected, rtol=2e-2, atol=1e-4
    )


def test_rivals_of_the_denoisers_are_better_than_the_noise(studio):
    data = studio.material
    clean = data.unit(data.test[:60])
    noisy = denoising.spoiled(studio, "salt-and-pepper", data.test[:60])
    rivals = denoising._rivals(studio, noisy, clean)
    assert list(rivals) == ["median", "non-local means", "PCA"]
    before = quality(noisy, clean)
    assert all(quality(images, clean).psnr > before.psnr for images in rivals.values())
    assert denoising._worth(clean + 0.1, clean - 0.0).startswith("2")  # 20 dB, or more where cut


def test_a_map_that_keeps_neighbours(studio):
    codes = reduction._codes(studio)
    assert list(codes) == ["Neighbours kept", "Autoencoder", "Variational", "PCA"]
    table = reduction._table(studio, codes)
    assert [row[0] for row in table.rows] == list(codes)
    assert all(0 < float(cell) <= 1 for row in table.rows for cell in row[1:])


def test_noise_is_the_models_own_and_the_same_each_time(studio):
    data = studio.material
    masked = denoising.spoiled(studio, "masking", data.test)
    clean = data.unit(data.test)
    touched = masked != clean
    assert (masked[touched] == 0).all()
    assert touched[clean > 0].mean() == pytest.approx(0.4, abs=0.02)
    assert np.array_equal(masked, denoising.spoiled(studio, "masking", data.test))


def test_kl_by_unit_is_the_divergence_from_the_prior(studio):
    rates, means = variational._by_unit(studio)
    data, module = studio.material, studio.module("latent space")
    x = torch.from_numpy(data.flat(data.test).astype(np.float32))
    with torch.no_grad():
        mean, logvar = module.code.posterior(module.encoder(x))
        posterior, prior = Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0)
    expected = kl_divergence(posterior, prior).mean(0)
    np.testing.assert_allclose(rates, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(means, studio["latent space"].transform(data.test), atol=1e-5)


def test_samples_are_kept_while_a_generator_grows(studio):
    epochs, images = zip(*studio.growth["adversarial"].samples, strict=True)
    assert epochs == (1, 2)
    assert images[0].shape == (10, 8, 8)
    assert not np.array_equal(*images)
    assert list(studio.growth) == ["adversarial"]


def test_samples_of_pca_have_its_mean_and_variances(studio):
    data, pca = studio.material, studio.pca
    rows = generating.drawn_from_pca(studio, 4000).reshape(4000, -1)
    np.testing.assert_allclose(rows.mean(0), data.flat(data.train).mean(0), atol=0.03)
    codes = pca.transform(rows)
    np.testing.assert_allclose(codes.var(0), pca.explained_variance_, rtol=0.1)


def test_class_shares_add_up(studio):
    (table,) = generating._shares(studio)
    shares = np.array([[float(cell.split()[0]) for cell in row[1:]] for row in table.rows])
    assert [row[0] for row in table.rows] == [str(i) for i in range(10)]
    np.testing.assert_allclose(shares.sum(0), 100, atol=0.6)


@pytest.mark.parametrize("lean", [-0.4, 0.0, 0.7])
def test_slant_is_the_slope_of_a_stroke(lean):
    images = np.zeros((1, 21, 41))
    for up in range(-10, 11):
        images[0, 10 - up, 20 + round(lean * up)] = 1
    assert manipulation.slant(images)[0] == pytest.approx(lean, abs=0.05)


def test_the_attributes_direction_moves_it(studio):
    slanting = manipulation.attributes(studio)[1]
    for direction in manipulation.attribute_directions(studio, slanting):
        lines, slope = manipulation._measured(studio, direction, slanting)
        assert slope > 0
        assert len(lines) == len(manipulation.STRENGTHS)
        assert lines[2][1:] == ("100.0 %", "0.000")
    assert manipulation.encoded(studio) is not None


def test_the_same_seed_gives_the_same_recipes():
    sizes = Budget(3, 6, 16, (16, 12), (2, 3), 9, 3)
    first, second, other = (recipes(sizes, 64, seed) for seed in (1, 1, 2))
    assert {name: repr(e) for name, e in first.items()} == {n: repr(e) for n, e in second.items()}
    assert all(e.random_state == 2 for e in other.values())
