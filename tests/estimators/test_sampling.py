"""Every autoencoder draws new rows: from its own prior, or from one fitted after training."""

import numpy as np
import pandas as pd
import pytest
import torch

import diabolo
from diabolo.estimators import priors
from diabolo.families import family
from diabolo.files import DamagedFileError, read_sealed, write_sealed

QUICK = {
    "normal": {},
    "mixture": {"n_components": 2},
    "kernel": {},
    "vamp": {},
    "flow": {"max_epochs": 2},
}


@pytest.fixture(scope="module")
def trained():
    """A deterministic and a variational model of 6 columns, and their rows."""
    rows = np.random.default_rng(0).normal(3, 2, (60, 6))
    kinds = ("Autoencoder", "VariationalAutoencoder")
    models = [family(k)(max_epochs=3, n_components=2, random_state=0).fit(rows) for k in kinds]
    return *models, rows


def test_every_family_samples_from_a_prior_fitted_to_its_codes(make, rows, tmp_path):
    model = make().fit(rows).fit_prior(rows, n_components=2)
    first = model.sample(5, random_state=0)
    assert first.shape == (5, 6)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, model.sample(5, random_state=0))
    assert (first != model.sample(5, random_state=1)).any()
    assert (first != model.sample(5, random_state=0, mean=False)).any()
    model.save(tmp_path / "model")
    again = diabolo.load(tmp_path / "model")
    np.testing.assert_array_equal(first, again.sample(5, random_state=0))
    again.save(tmp_path / "again")
    assert (tmp_path / "model").read_bytes() == (tmp_path / "again").read_bytes()


def test_of_images_with_context(make):
    X = np.random.default_rng(0).integers(0, 256, (20, 8, 9)).astype(np.uint8)
    context = np.eye(2)[np.arange(20) % 2]
    model = make().fit(X, context=context).fit_prior(X, "kernel", context=context)
    assert model.sample(3, random_state=0, context=context[:3]).shape == (3, 8, 9)
    with pytest.raises(ValueError, match="was fitted with 2 context columns, got none"):
        model.sample(3)


@pytest.mark.parametrize("kind", QUICK)
def test_every_kind_is_kept_in_the_file(trained, kind, tmp_path):
    *_, model, rows = trained
    model.fit_prior(rows, kind, **QUICK[kind])
    model.save(tmp_path / "model")
    again = diabolo.load(tmp_path / "model")
    for source in (None, "own", kind):
        np.testing.assert_array_equal(
            model.sample(4, random_state=0, prior=source),
            again.sample(4, random_state=0, prior=source),
        )
    assert again.prior_.log_prob(torch.zeros(3, 2)).shape == (3,)


def test_samples_from_kernels_on_the_codes_look_like_the_rows(digits):
    """A plain autoencoder: N(0, I) misses its codes, a density fitted to them does not."""
    X = digits[0]
    model = family("Autoencoder")(n_components=8, max_epochs=30, random_state=0).fit(X)

    def distance(prior):
        made = model.fit_prior(X, prior).sample(300, random_state=0)
        return np.sqrt(((made[:, None] - X[None, ::4]) ** 2).sum(2).min(1)).mean()

    assert distance("kernel") < 0.8 * distance("normal")
    assert distance("mixture") < 0.8 * distance("normal")


def test_a_variational_prior_is_fitted_to_draws(trained):
    """Its unused units say nothing: means at 0 would be a density of no width."""
    *_, model, rows = trained
    spread = model.fit_prior(rows, "mixture", n_components=1).prior_.roots[0].det()
    means = priors.Mixture(n_components=1).fit(model.transform(rows)).density_.roots[0].det()
    assert spread > 2 * means


def test_codes_of_whole_numbers_are_rounded(rows):
    """A density knows nothing of levels: what it draws is brought to the nearest code."""
    model = family("FSQAutoencoder")(n_components=3, levels=3, max_epochs=3, random_state=0)
    model.fit(rows).fit_prior(rows, "mixture", n_components=1)
    few = {tuple(row) for row in model.sample(500, random_state=0).round(5)}
    assert 4 < len(few) <= 3**3


def test_a_new_fit_forgets_the_prior(trained):
    plain, _, rows = trained
    plain.fit_prior(rows)
    plain.partial_fit(rows)
    assert not hasattr(plain, "prior_")


def test_a_prior_object(trained):
    plain, _, rows = trained
    mine = priors.Mixture(n_components=3).fit(plain.transform(rows), random_state=0)
    by_object = plain.sample(4, random_state=0, prior=mine)
    np.testing.assert_array_equal(by_object, plain.sample(4, random_state=0, prior=mine.density_))
    plain.fit_prior(rows, priors.Mixture(n_components=3))
    assert plain.prior_.count == 3


def test_temperature_narrows(trained):
    plain, variational, rows = trained
    plain.fit_prior(rows, "mixture", n_components=1)
    wide, narrow, still = (
        plain.sample(200, random_state=0, temperature=t).std(0) for t in (1.0, 0.5, 0.0)
    )
    assert (narrow < wide).all()
    assert (still < 1e-5).all()
    own = variational.sample(5, random_state=0, prior="own", temperature=0.0)
    np.testing.assert_allclose(own, own[[0]].repeat(5, 0), atol=1e-5)


def test_bad_requests_are_one_sentence(trained):
    plain, variational, rows = trained
    vars(plain).pop("prior_", None)
    for call, sentence in (
        (lambda: plain.sample(2), "this Autoencoder has no prior to draw codes from: fit one"),
        (lambda: plain.sample(2, prior="flow"), "has no prior of kind 'flow' yet: fit it first"),
        (lambda: plain.sample(2, prior="floe"), "prior='floe' is unknown. Known are own, normal"),
        (lambda: plain.sample(2, prior=3), "prior=3 is none: pass a name"),
        (lambda: plain.sample(2, prior=priors.Mixture()), "is not fitted yet"),
        (lambda: plain.fit_prior(rows, "vamp"), "Autoencoder has no posterior"),
        (lambda: plain.fit_prior(rows[:, :5]), "X has 5 features, but Autoencoder is expecting 6"),
        (lambda: variational.sample(0), "n_samples=0 must be a whole number of at least 1"),
        (lambda: variational.sample(2.5), "n_samples=2.5 must be"),
        (lambda: variational.sample(10**12), "do not fit in this machine's memory"),
        (lambda: variational.sample(2, temperature=-1), "temperature=-1 must be a number"),
        (
            lambda: plain.sample(2, prior=priors.Mixture(1).fit(rows)),
            "a prior of 6 units does not fit a code of 2",
        ),
    ):
        with pytest.raises(ValueError, match=sentence):
            call()


@pytest.mark.parametrize("change", ["kind", "width", "name", "tensor", "size"])
def test_a_file_with_another_prior_is_refused(trained, tmp_path, change):
    *_, model, rows = trained
    model.fit_prior(rows, "mixture", n_components=2).save(tmp_path / "model")
    arrays, header = read_sealed(tmp_path / "model")
    beside = header["beside"]
    if change == "kind":
        beside["prior_"] = {"part": "priors.Uniform", "dim": 2}
        arrays = {key: a for key, a in arrays.items() if not key.startswith("prior_.")}
    elif change == "width":
        beside["prior_"]["dim"] = 3
    elif change == "name":
        beside["fit"] = beside.pop("prior_")
        arrays = {key.replace("prior_.", "fit."): a for key, a in arrays.items()}
    elif change == "tensor":
        del arrays["prior_.means"]
    else:
        beside["prior_"]["count"] = 10**12
    write_sealed(tmp_path / "other", arrays, header)
    with pytest.raises(DamagedFileError):
        diabolo.load(tmp_path / "other")


@pytest.mark.parametrize("mean", [True, False])
def test_draws_of_a_table_are_such_as_could_be(mean):
    """Fares of at least the least fare, whole numbers of children that were seen."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "fare": random.exponential(30.0, 120),
            "children": random.poisson(1.0, 120),
            "sex": np.array(["f", "m"])[random.integers(2, size=120)],
        }
    )
    words = {"max_epochs": 2, "random_state": 0, "n_threads": 1, "likelihood": "gaussian-shared"}
    for rows in (frame, frame[["fare", "children"]].to_numpy()):
        model = diabolo.VariationalAutoencoder(**words).fit(rows)
        drawn = model.sample(400, random_state=0, mean=mean, temperature=4.0)
        columns = drawn[["fare", "children"]].to_numpy() if rows is frame else drawn
        seen = frame[["fare", "children"]].to_numpy()
        assert (columns >= seen.min(0)).all()
        assert (columns <= seen.max(0)).all()
        if not mean or rows is frame:
            assert (columns[:, 1] % 1 == 0).all()


def test_codes_that_follow_their_context_have_no_prior_that_ignores_it():
    random = np.random.default_rng(0)
    side = np.eye(2)[np.arange(200) % 2]
    rows = random.normal(size=(200, 3)) + 6 * side[:, :1]
    model = family("Autoencoder")(n_components=1, max_epochs=5, random_state=0, n_threads=1)
    model.fit(rows, context=side)
    codes = model.transform(rows, context=side)[:, 0]
    apart = np.corrcoef(codes, side[:, 0])[0, 1] ** 2
    assert apart > 0.2, "the test is of codes that do"
    with pytest.raises(ValueError, match="% of the variance of these codes goes with the context"):
        model.fit_prior(rows, context=side)
    one = side[:, 0] == 1
    model.fit_prior(rows[one], context=side[one])  # of one context there is nothing to follow
    assert model.sample(5, random_state=0, context=side[one][:5]).shape == (5, 3)
