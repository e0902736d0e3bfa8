"""Families whose code is drawn, or follows a prior: what sets each apart shows after a fit."""

import numpy as np
import pytest
import torch

from diabolo import load
from diabolo.families import AUTOENCODERS, family

VARIATIONAL = [n for n in AUTOENCODERS if issubclass(family(n), family("VariationalAutoencoder"))]


def fitted(name, digits, **words):
    words = {"n_components": 4, "hidden_layer_sizes": (32,), "max_epochs": 15, **words}
    return family(name)(random_state=0, n_threads=1, early_stopping=False, **words).fit(digits[0])


def last(model):
    return model.history_.records[-1]["train"]


@pytest.mark.parametrize("kind", VARIATIONAL)
def test_bounds_rise_with_draws_and_outlive_the_file(kind, digits, tmp_path):
    model = fitted(kind, digits, max_epochs=5)
    bounds = [model.log_likelihood(digits[1], k, random_state=0).mean for k in (1, 5, 50)]
    assert bounds == sorted(bounds)
    assert bounds[0] < bounds[1] < bounds[2]
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.log_likelihood(digits[1], 5, random_state=0).mean == bounds[1]
    draws = model.sample(3, random_state=0)
    np.testing.assert_array_equal(again.sample(3, random_state=0), draws)


def test_a_larger_beta_buys_fewer_nats_and_a_capacity_holds_them(digits):
    dear, cheap = (last(fitted("BetaVAE", digits, beta=beta))["rate"] for beta in (8.0, 1.0))
    assert dear < 0.7 * cheap
    held = fitted("BetaVAE", digits, beta=100.0, capacity=3.0, warmup=5.0, max_epochs=30)
    assert last(held)["rate"] == pytest.approx(3.0, abs=0.3)


def test_a_dear_total_correlation_is_small(digits):
    dear, plain = (
        fitted("BetaTCVAE", digits, beta=beta, batch_size=256, max_epochs=30)
        for beta in (20.0, 1.0)
    )
    assert last(dear)["total_correlation"] < 0.5 * last(plain)["total_correlation"]
    assert last(dear)["mutual_information"] > 1


def moments_off(model, digits):
    """How far the codes' means and deviations are from a standard normal's."""
    codes = model.transform(digits[0])
    return np.abs(codes.mean(0)).max(), np.abs(codes.std(0) - 1).max()


def test_wasserstein_codes_follow_the_prior_that_is_drawn_from(digits):
    free, held = (
        fitted("WassersteinAutoencoder", digits, divergence_weight=w, max_epochs=40, batch_size=128)
        for w in (0.0, 100.0)
    )
    assert max(moments_off(free, digits)) > 0.5
    assert max(moments_off(held, digits)) < 0.2
    assert held.sample(3, random_state=0).shape == (3, 64)
    assert not hasattr(held, "log_likelihood")


def test_info_says_more_of_each_row_and_still_follows_the_prior(digits):
    plain = fitted("VariationalAutoencoder", digits, max_epochs=40)
    info = fitted("InfoVAE", digits, beta=0.1, max_epochs=40, batch_size=128)
    assert last(info)["rate"] > last(plain)["rate"]
    assert last(info)["mmd"] < 0.05


def test_importance_weighted_history_has_the_tighter_bound_and_both_terms(digits):
    terms = last(fitted("ImportanceWeightedAutoencoder", digits, k=7))
    assert terms["loss"] < terms["reconstruction"] + terms["rate"]


@pytest.mark.parametrize(("kind", "leaf"), [("MixtureVAE", "means"), ("VampPriorVAE", "pseudo")])
def test_priors_are_learned(kind, leaf, digits):
    short, long = (fitted(kind, digits, max_epochs=n) for n in (1, 8))
    first, later = (getattr(m.module_.code.prior, leaf) for m in (short, long))
    assert not torch.allclose(first, later, atol=0.01)


def test_pseudo_inputs_stay_in_the_range_of_the_data(digits):
    images = (digits[0] > 7).astype(np.uint8)
    model = fitted("VampPriorVAE", (images,), n_pseudo_inputs=5)
    assert model.module_.code.prior.link == "sigmoid"
    assert model.module_.code.prior.count == 5


def test_two_latents_have_the_sizes_asked_for(digits):
    model = fitted("HierarchicalVAE", digits, n_top_components=3, top_layer_sizes=(9, 7))
    code = model.module_.code
    assert code.up.sizes == (4, 9, 7, 6)
    assert code.down.sizes == (3, 7, 9, 8)
    with pytest.raises(ValueError, match=r"top_layer_sizes=\(0,\) holds 0, expected whole numbers"):
        fitted("HierarchicalVAE", digits, top_layer_sizes=(0,))
