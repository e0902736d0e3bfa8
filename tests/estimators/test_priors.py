"""Priors fitted to codes: each finds a density that is known, and says so where it cannot."""

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde, multivariate_normal
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from diabolo.estimators import priors
from diabolo.estimators.seeds import Seeds
from laws import noise

MIX = np.array([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.0, 0.0, 0.1]])


def gaussian_codes(n, seed=0):
    """From N(5, M Mᵀ), whose density is known."""
    return (np.random.default_rng(seed).normal(size=(n, 3)) @ MIX.T + 5).astype(np.float32)


def ring(n, seed=0):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    codes = np.c_[np.cos(angle), np.sin(angle)] * rng.normal(1, 0.1, (n, 1))
    return codes.astype(np.float32)


def mean_log_prob(prior, codes):
    with torch.no_grad():
        return float(prior.log_prob(torch.from_numpy(codes)).mean())


@pytest.mark.parametrize(
    ("kind", "settings", "within"),
    [("mixture", {"n_components": 1}, 0.01), ("mixture", {}, 0.1), ("kernel", {}, 0.3),
     ("flow", {"max_epochs": 40}, 0.1)],
)  # fmt: skip
def test_a_gaussian_is_found(kind, settings, within):
    prior = priors.make(kind, settings).fit(gaussian_codes(2000), random_state=0)
    unseen = gaussian_codes(1000, seed=1)
    best = multivariate_normal([5, 5, 5], MIX @ MIX.T).logpdf(unseen).mean()
    assert best - within < mean_log_prob(prior, unseen) < best + 0.02
    z = prior.sample(20_000, noise()).numpy()
    np.testing.assert_allclose(z.mean(0), [5, 5, 5], atol=0.25)
    np.testing.assert_allclose(np.cov(z.T), MIX @ MIX.T, atol=0.35 if kind != "kernel" else 0.8)


def test_a_flow_bends_where_a_gaussian_does_not():
    train, unseen = ring(2000), ring(1000, seed=1)
    flow = priors.MaskedFlow(hidden=(32,), max_epochs=60).fit(train, 0)
    one = priors.Mixture(n_components=1).fit(train, 0)
    assert mean_log_prob(flow, unseen) > mean_log_prob(one, unseen) + 0.5
    z = flow.sample(1000, noise()).numpy()
    assert (np.abs(np.hypot(*z.T) - 1) < 0.4).mean() > 0.85


def test_the_mixture_is_scikit_learns():
    codes = ring(500)
    found = priors.Mixture(n_components=4).fit(codes, 0)
    scale = codes.std(0, dtype=np.float64)
    white = (codes - codes.mean(0, dtype=np.float64)) / scale
    seed = Seeds(0).number("mixture") >> 32
    reference = GaussianMixture(4, reg_covar=priors.RIDGE, random_state=seed).fit(white)
    expected = reference.score(white) - np.log(scale).sum()
    assert mean_log_prob(found, codes) == pytest.approx(expected, abs=1e-3)


def test_the_kernels_are_scipys():
    codes = gaussian_codes(200)
    found = priors.Kernel(bandwidth=0.3).fit(codes)
    reference = gaussian_kde(codes.T.astype(float), bw_method=0.3)
    expected = reference.logpdf(codes.T).mean()
    assert mean_log_prob(found, codes) == pytest.approx(expected, abs=1e-3)


def test_the_bandwidth_is_that_of_leaving_one_out():
    white = np.random.default_rng(0).normal(size=(60, 2))
    size = priors.likeliest_bandwidth(white)

    def left_out(h):
        scores = [
            KernelDensity(bandwidth=h).fit(np.delete(white, i, 0)).score(white[[i]])
            for i in range(60)
        ]
        return np.mean(scores)

    assert left_out(size) > max(left_out(size * 1.12), left_out(size / 1.12))


def test_posteriors_are_those_given():
    moments = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    density = priors.Posteriors(most=10).fit(moments).density_
    np.testing.assert_array_equal(density.means, moments[::3, :3])
    np.testing.assert_array_equal(density.logvars, moments[::3, 3:])


@pytest.mark.parametrize("kind", ["mixture", "kernel", "flow"])
def test_codes_that_never_vary_and_few_codes(kind):
    settings = {"max_epochs": 2} if kind == "flow" else {}
    for codes in (np.full((30, 3), 7.0), np.c_[ring(40), np.zeros(40)], ring(2)):
        prior = priors.make(kind, settings).fit(codes, 0)
        assert torch.isfinite(prior.sample(5, noise())).all()
        assert np.isfinite(mean_log_prob(prior, codes.astype(np.float32)))


@pytest.mark.parametrize("kind", ["mixture", "flow"])
def test_the_seed_alone_decides(kind):
    torch.rand(1, generator=noise())
    settings = {"max_epochs": 2} if kind == "flow" else {}
    first, same, other = (
        priors.make(kind, settings).fit(ring(100), s).sample(4, noise()) for s in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: priors.make("gauss", {}), ValueError, "kind='gauss' of prior is unknown. Known"),
        (lambda: priors.make("mixture", {"k": 3}), TypeError, "has no 'k': it takes n_components"),
        (lambda: priors.make("normal", {"k": 3}), TypeError, "it takes no settings"),
        (lambda: priors.Mixture(0).fit(ring(9)), ValueError, "n_components=0 must be a whole"),
        (lambda: priors.Kernel(-1.0).fit(ring(9)), ValueError, "bandwidth=-1.0 must be positive"),
        (lambda: priors.Mixture().fit(ring(9)[0]), ValueError, "are none to fit a prior to"),
        (lambda: priors.Mixture().fit(ring(9) * np.nan), ValueError, "finite numbers"),
        (lambda: priors.MaskedFlow(blocks=200).fit(ring(9)), ValueError, "from 1 to 100"),
    ],
)
def test_bad_settings_are_one_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
