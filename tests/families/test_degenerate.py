"""One table of awkward data for every family and method: a right answer, or one sentence.

The cases of `degenerate` are about what holds the rows; those added here are about numbers of rows
and of features, and about values, as training meets them.
"""

import re

import narwhals as nw
import numpy as np
import pytest

from degenerate import BAD, GOOD, MIXED, NUMBERS_ALONE, Case, changed, table
from diabolo.families import family

rng = np.random.default_rng

GOOD_TO_TRAIN_ON = [
    Case("n mod batch is 1", lambda _: table(17)),
    Case("n mod batch is 1, with rows held out", lambda _: table(37)),
    Case("fewer rows than a batch", lambda _: table(3)),
    Case("the fewest rows of which some are held out", lambda _: table(30)),
    Case("one row fewer", lambda _: table(29)),
    Case("one row, one column, one bit", lambda _: np.array([[True]])),
    Case("one row of many columns", lambda _: table(1, 300)),
    Case("many more columns than rows", lambda _: table(3, 1500)),
    Case("two values", lambda _: np.where(table() > 2, 5.0, -5.0)),
    Case("a single one", lambda _: np.eye(1, 96).reshape(24, 4)),
    Case("all rows alike", lambda _: np.tile(table(1), (40, 1))),
    Case("all rows alike but one", lambda _: np.r_[np.tile(table(1), (40, 1)), table(1, seed=1)]),
    Case("every row twice", lambda _: np.tile(table(), (2, 1))),
    Case("rows in order", lambda _: np.sort(table(64), axis=0)),
    Case("columns of all sizes", lambda _: table() * 10.0 ** np.array([-30, -3, 3, 30])),
    Case(
        "only zeros but for one", lambda _: changed(0, 0, 1.0) * (np.arange(96) == 0).reshape(24, 4)
    ),
    Case("one outlier of 1e30", lambda _: changed(5, 2, 1e30)),
    Case("an outlier in every column", lambda _: table() * np.where(np.eye(24, 4) > 0, 1e9, 1)),
    Case("heavy tails", lambda _: rng(0).standard_cauchy((60, 5))),
    Case(
        "the largest whole numbers",
        lambda _: np.full((24, 2), 2**63 - 1) - np.arange(48).reshape(24, 2),
    ),
    Case(
        "largest float32", lambda _: np.sign(table()).astype(np.float32) * np.finfo(np.float32).max
    ),
    Case("bytes of 0 and 255", lambda _: np.where(table() > 2, 255, 0).astype(np.uint8)),
    Case("bytes of 0 and 1", lambda _: (table() > 2).astype(np.uint8)),
    Case("one grey", lambda _: np.full((20, 8, 8), 128, np.uint8)),
    Case("images of one pixel", lambda _: table(20, 1).reshape(20, 1, 1)),
    Case("images of one line", lambda _: table(20, 30).reshape(20, 1, 30)),
    Case("images of odd sizes", lambda _: table(20, 63).reshape(20, 7, 9)),
    Case("negative zero", lambda _: table() * -0.0),
    Case("counts with many zeros", lambda _: rng(0).poisson(0.05, (60, 8))),
]

# (a, b): a X + b has the same codes, since scaling undoes both
UNDONE = {
    "times 2": (2.0, 0.0),
    "every column its own power of 2": (2.0 ** -np.arange(0, 500, 125), 0.0),
    "times 1e30": (1e30, 0.0),
    "times 1e-30": (1e-30, 0.0),
    "times 1e-150": (1e-150, 0.0),  # whose squares are near the smallest number
    "plus 1e6": (1.0, 1e6),
    "plus 1e9, in steps of 1e-7": (1.0, 1e9),
}

CHOOSING = {
    "LayoutAutoencoder",
    "ParametricTSNE",
    "ParametricUMAP",
    "VQVAE",
}  # families that look for the nearest of several


def id_of(case):
    return case.name


def is_one_sentence(message):
    """A line or two that a user can act on; nothing of what Python or a library says inside."""
    words = re.sub(r"\.(?=\w)", "", message)
    return "\n" not in message and 4 <= len(words.split()) <= 60 and "object at 0x" not in message


@pytest.mark.parametrize("case", GOOD + GOOD_TO_TRAIN_ON, ids=id_of)
def test_good_data_are_learned_from(name, case, tmp_path, steps):
    source = case.make(tmp_path)
    for method in ("fit", "partial_fit"):
        model = family(name)(max_epochs=1, random_state=0)
        getattr(model, method)(source)
        assert steps
        codes = model.transform(source)
        assert codes.shape[1] == model.module_.code.dim
        assert np.isfinite(codes).all()
        assert np.isfinite(model.score(source))
        assert model.score(source) <= 0
        rebuilt = model.inverse_transform(codes)
        assert rebuilt.shape == (len(codes), *model.columns_.shape)
        assert np.isfinite(rebuilt).all()
        assert np.isfinite(model.history_.curve()).all()


@pytest.mark.parametrize("case", MIXED, ids=id_of)
def test_mixed_tables_are_learned_from(name, case, tmp_path, steps):
    source = case.make(tmp_path)
    model = family(name)(max_epochs=1, random_state=0)
    if name in NUMBERS_ALONE:
        with pytest.raises(ValueError, match="but this is a mixed table"):
            model.fit(source)
        return
    model.fit(source).partial_fit(source)
    assert steps
    codes = model.transform(source)
    assert np.isfinite(codes).all()
    assert np.isfinite(model.score(source))
    rebuilt = model.inverse_transform(codes)
    assert rebuilt.shape == (len(codes), model.columns_.n_features)
    assert list(nw.from_native(rebuilt).columns) == [str(one) for one in model.columns_.names]
    for record in model.history_.records:
        assert np.isfinite(list(record["train"].values())).all()


@pytest.mark.parametrize("case", BAD, ids=id_of)
def test_bad_data_are_refused_before_any_step(name, case, tmp_path, steps):
    source = case.make(tmp_path)
    for method in ("fit", "partial_fit"):
        model = family(name)(max_epochs=1)
        with pytest.raises(case.error, match=re.escape(case.expected)) as caught:
            getattr(model, method)(source)
        assert is_one_sentence(str(caught.value))
        assert not hasattr(model, "module_")
    assert not steps


@pytest.fixture(scope="module")
def trained():
    models = {}

    def model(name):
        if name not in models:
            one = family(name)(n_components=1, max_epochs=1, random_state=0)
            models[name] = one.fit(table())
        return models[name]

    return model


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("case", BAD + MIXED, ids=id_of)
def test_a_fitted_model_refuses_bad_data(name, case, tmp_path, trained):
    source = case.make(tmp_path)
    for method in ("transform", "score", "reconstruct", "partial_fit"):
        with pytest.raises(case.error) as caught:
            getattr(trained(name), method)(source)
        assert is_one_sentence(str(caught.value))


@pytest.mark.parametrize(("a", "b"), UNDONE.values(), ids=UNDONE)
def test_what_scaling_undoes_changes_no_code(name, make, a, b):
    if name in CHOOSING and b:
        pytest.skip("where two entries are equally near, the last bit chooses")
    X = table(60)
    other = a * X + b
    plain, changed = make(scaling="standard").fit(X), make(scaling="standard").fit(other)
    near = {"rtol": 1e-3, "atol": 1e-4}
    np.testing.assert_allclose(changed.transform(other), plain.transform(X), **near)
    np.testing.assert_allclose((changed.reconstruct(other) - b) / a, plain.reconstruct(X), **near)
    assert changed.score(other) == pytest.approx(plain.score(X), rel=1e-3)


def finite_or_refused(function, values):
    """The sentence with which the values were refused, or "finite"."""
    try:
        return "finite" if np.isfinite(function(values)).all() else "silent"
    except ValueError as error:
        return str(error)


def test_rows_far_outside_are_refused_by_row(name, trained):
    X = table()
    X[7, 1] = 5e38  # 1.7e38 standard deviations
    for method in ("transform", "reconstruct", "score"):
        answer = finite_or_refused(getattr(trained(name), method), X)
        assert answer == "finite" or answer.startswith("row 7 of X lies so far outside")
    assert answer != "finite"  # the square, at least


def test_codes_far_outside_are_refused_by_row(name, trained):
    model = trained(name)
    codes = np.zeros((3, model.module_.code.dim))
    codes[1] = 3e38
    answer = finite_or_refused(model.inverse_transform, codes)
    assert answer == "finite" or answer.startswith("row 1 of the codes lies so far outside")


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        (np.full((2, 1), np.nan), "Z contains NaN in row 0, column 0"),
        (np.array([[1.0], [np.inf]]), "Z contains infinity .* in row 1"),
        (np.array([[1e300]]), "Z has 1e.300 in row 0, column 0, which float32 cannot hold"),
        (np.zeros((2, 3)), "codes of this .* have 1 columns, but Z has 3"),
        (np.zeros(3), "Expected 2D array, got 1D array instead: Z has shape"),
        (np.zeros((0, 1)), "Z has 0 sample"),
        ([["a"]], "Z holds text"),
        (np.zeros((2, 1), complex), "Complex data not supported"),
    ],
)
def test_bad_codes_are_refused(name, trained, codes, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        trained(name).inverse_transform(codes)
    assert is_one_sentence(str(caught.value))


@pytest.mark.parametrize("rows", range(1, 50))
def test_every_number_of_rows_makes_batches(rows, steps):
    model = family("Autoencoder")(max_epochs=1, batch_size=16, random_state=0).fit(table(rows))
    left = rows if rows < 30 else rows - round(rows * 0.1)
    assert len(steps) == -(-left // 16)
    assert np.isfinite(model.score(table(rows)))


@pytest.mark.parametrize("fraction", [1e-9, 0.5, 0.999999])
def test_every_share_of_held_out_rows_leaves_some(fraction):
    model = family("Autoencoder")(max_epochs=1, validation_fraction=fraction).fit(table(30))
    assert model.n_iter_ == 1


def test_the_table_is_long_enough():
    assert len({case.name for case in GOOD + BAD + GOOD_TO_TRAIN_ON}) >= 60


BOUNDED = {
    "bernoulli": lambda: (table() > 2).astype(float),
    "categorical": lambda: np.arange(96).reshape(24, 4) % 7,
    "logistic": lambda: np.arange(96, dtype=np.uint8).reshape(24, 4) * 2,
}


@pytest.mark.parametrize("likelihood", BOUNDED)
@pytest.mark.parametrize("beyond", [-1, 1000])
def test_rows_beyond_a_bounded_likelihood_are_refused(likelihood, beyond, steps):
    """log p would mean nothing there, and have no upper bound."""
    X = BOUNDED[likelihood]()
    model = family("VariationalAutoencoder")(likelihood=likelihood, max_epochs=1, random_state=0)
    model.partial_fit(X).partial_fit(X)
    other = X.astype(float)
    other[3, 2] = beyond
    made = len(steps)
    for method in (model.partial_fit, model.log_likelihood):
        with pytest.raises(ValueError, match=f"column 2 of X has {beyond}, but .* from 0 to"):
            method(other)
    assert len(steps) == made
    assert model.log_likelihood(X, 5).mean < 0
    assert np.isfinite(model.score(other))  # a squared error has no such limit
