"""Missing cells filled: nothing else changes, better than guessing, draws as wide as errors are."""

import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn.utils.estimator_checks as checks

import diabolo
from battery import carry_out, every_check
from diabolo import Autoencoder, Imputer, MaskedAutoencoder, MaskedEnsemble

SMALL = MaskedEnsemble(n_members=2, max_epochs=5, hidden_layer_sizes=(16,))
QUICK = {"estimator": SMALL, "random_state": 0, "n_threads": 1}


@pytest.fixture(scope="module")
def whole():
    """300 rows of five numbers that depend on two."""
    random = np.random.default_rng(0)
    return random.normal(size=(300, 2)) @ random.normal(size=(2, 5)) * 3 + 10


@pytest.fixture(scope="module")
def gaps(whole):
    hidden = np.random.default_rng(1).random(whole.shape) < 0.2
    return np.where(hidden, np.nan, whole)


@pytest.fixture(scope="module")
def fitted(gaps):
    longer = MaskedEnsemble(n_members=4, max_epochs=250)
    return Imputer(estimator=longer, random_state=0, n_threads=1).fit(gaps)


@pytest.fixture(scope="module")
def frame(gaps):
    """A mixed table with every kind of column and gaps in most."""
    n = len(gaps)
    day = datetime.date(2026, 1, 1)
    columns = {
        "size": [None if np.isnan(x) else float(x) for x in gaps[:, 0]],
        "count": [None if i % 7 == 0 else i % 5 for i in range(n)],
        "yes": [None if i % 9 == 0 else i % 2 == 0 for i in range(n)],
        "colour": [None if i % 8 == 0 else ["red", "green", "blue"][i % 3] for i in range(n)],
        "day": [None if i % 11 == 0 else day + datetime.timedelta(days=i) for i in range(n)],
        "name": [f"row {i}" for i in range(n)],
        "whole": list(range(n)),
    }
    return pl.DataFrame(columns)


# scikit-learn's contract


@every_check(
    Imputer(estimator=SMALL),
    checks.check_transformer_get_feature_names_out,
    checks.check_set_output_transform,
)
def test_check(check):
    carry_out(check, Imputer(estimator=SMALL, calibrate=False))


# only missing cells change


def test_known_cells_of_an_array_stay(gaps, fitted):
    filled = fitted.transform(gaps)
    known = ~np.isnan(gaps)
    assert (filled[known] == gaps[known]).all()
    assert np.isfinite(filled).all()
    assert filled.dtype == gaps.dtype


def test_better_than_means(whole, gaps, fitted):
    at = np.isnan(gaps)
    error = np.sqrt(np.mean((fitted.transform(gaps) - whole)[at] ** 2))
    means = np.sqrt(np.mean((np.broadcast_to(np.nanmean(gaps, 0), whole.shape) - whole)[at] ** 2))
    assert error < 0.35 * means


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_a_frame_comes_back_as_it_was(frame, library):
    pytest.importorskip(library)
    given = {
        "polars": lambda: frame.with_columns(pl.col("colour").cast(pl.Categorical)),
        "pandas": lambda: (
            frame.to_pandas().astype({"colour": "category"})
            if find("pyarrow")
            else pd.DataFrame(frame.to_dict(as_series=False)).astype({"colour": "category"})
        ),
        "pyarrow": frame.to_arrow,
    }[library]()
    filled = Imputer(**QUICK).fit_transform(given)
    assert type(filled) is type(given)
    before, after = pl.DataFrame(given), pl.DataFrame(filled)
    assert after.columns == before.columns
    for name in before.columns:
        assert after[name].null_count() == 0, name
        known = before[name].is_not_null().to_numpy()
        old, new = before[name].to_list(), after[name].to_list()
        assert [o for o, k in zip(old, known, strict=True) if k] == [
            o for o, k in zip(new, known, strict=True) if k
        ], name
    if library == "polars":
        assert filled.schema == given.schema
    if library == "pandas":
        assert (filled.dtypes == given.dtypes)[["size", "colour", "name", "whole"]].all()


def find(name):
    from importlib.util import find_spec

    return find_spec(name)


def test_text_that_names_rows_passes_through(frame):
    model = Imputer(**QUICK).fit(frame)
    assert model.estimator_.columns_.schema.ignored == ("name",)
    assert model.transform(frame)["name"].to_list() == frame["name"].to_list()


def test_ignored_columns_pass_through_with_their_gaps(frame):
    model = Imputer(**QUICK, schema={"colour": "ignore"}).fit(frame)
    assert model.transform(frame)["colour"].to_list() == frame["colour"].to_list()


def test_a_column_of_which_nothing_is_known_stays(gaps):
    empty = np.column_stack([gaps, np.full(len(gaps), np.nan)])
    filled = Imputer(**QUICK).fit_transform(empty)
    assert np.isnan(filled[:, 5]).all()
    assert np.isfinite(filled[:, :5]).all()


def test_tables_without_a_gap_are_learned_from_too(whole, gaps):
    filled = Imputer(**QUICK).fit(whole).transform(gaps)
    assert np.isfinite(filled).all()


def test_files(tmp_path, frame):
    frame.write_csv(tmp_path / "table.csv")
    frame.write_parquet(tmp_path / "table.parquet")
    by_csv = Imputer(**QUICK).fit_transform(tmp_path / "table.csv")
    by_parquet = Imputer(**QUICK).fit_transform(tmp_path / "table.parquet")
    assert by_csv.columns == by_parquet.columns == frame.columns
    assert sum(by_parquet.null_count().row(0)) == 0
    with pytest.raises(FileNotFoundError, match="There is no file"):
        Imputer(**QUICK).fit(Path("nowhere.csv"))


# what looks like AnnData


def annotated(matrix):
    names = [f"gene {j}" for j in range(matrix.shape[1])]
    rows = [f"cell {i}" for i in range(matrix.shape[0])]
    made = SimpleNamespace(X=matrix, obs=None, var=None, obs_names=rows, var_names=names)
    made.copy = lambda: annotated(made.X.copy())
    return made


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_annotated_matrices(gaps, form):
    given = annotated(form(gaps))
    filled = Imputer(**QUICK).fit(given).transform(given)
    assert type(filled.X) is type(given.X)
    dense = filled.X.toarray() if scipy.sparse.issparse(filled.X) else filled.X
    known = ~np.isnan(gaps)
    assert (dense[known] == gaps[known]).all()
    assert np.isfinite(dense).all()
    assert np.isnan(np.asarray(given.X.todense() if form is not np.asarray else given.X)).any()


# draws


def test_draws_are_as_wide_as_errors_are(whole, gaps, fitted):
    drawn = np.stack(fitted.draws(gaps, 100, random_state=0))
    at = np.isnan(gaps)
    for level, slack in ((0.5, 0.12), (0.8, 0.1), (0.9, 0.08)):
        low, high = np.quantile(drawn[:, at], [0.5 - level / 2, 0.5 + level / 2], axis=0)
        inside = np.mean((whole[at] >= low) & (whole[at] <= high))
        assert inside == pytest.approx(level, abs=slack)
    assert (drawn[:, ~at] == gaps[~at]).all()


def test_draws_of_one_row_go_together():
    """Two columns that are equal: drawn at once they are nearly equal, too."""
    random = np.random.default_rng(0)
    z = random.normal(size=1500)
    X = np.column_stack([z, z, random.normal(size=1500)])
    X[:100, :2] = np.nan
    model = Imputer(
        estimator=MaskedEnsemble(n_members=4, max_epochs=200), random_state=0, n_threads=1
    ).fit(X)
    drawn = np.concatenate([one[:100, :2] for one in model.draws(X, 10, random_state=0)])
    assert np.corrcoef(drawn.T)[0, 1] > 0.7  # drawn apart: 0
    assert drawn.std() > 0.7


def test_draws_follow_from_the_seed(gaps, fitted):
    twice = [fitted.draws(gaps, 2, random_state=3) for _ in range(2)]
    assert (twice[0][0] == twice[1][0]).all()
    assert (fitted.draws(gaps, 1, random_state=3)[0] == twice[0][0]).all()
    assert not np.array_equal(*twice[0])


def test_draws_of_whole_numbers_and_categories_are_such(frame):
    drawn = Imputer(**QUICK).fit(frame).draws(frame, 2, random_state=0)
    for one in drawn:
        assert one.schema == frame.schema
        assert sum(one.null_count().row(0)) == 0
        assert set(one["colour"]) == {"red", "green", "blue"}


def test_draws_that_cannot_be_calibrated(gaps):
    for model in (Imputer(**QUICK, calibrate=False).fit(gaps), Imputer(**QUICK).fit(gaps[:30])):
        with pytest.raises(ValueError, match="calibrated"):
            model.draws(gaps)


# model files, other families, bad input


def test_one_file(tmp_path, gaps, frame, fitted):
    for number, (model, X) in enumerate([(fitted, gaps), (Imputer(**QUICK).fit(frame), frame)]):
        path = tmp_path / f"{number}.safetensors"
        model.save(path)
        loaded = diabolo.load(path)
        assert isinstance(loaded, Imputer)
        np.testing.assert_array_equal(
            np.asarray(loaded.transform(X)), np.asarray(model.transform(X))
        )
        np.testing.assert_array_equal(
            np.asarray(loaded.draws(X, 1, random_state=0)[0]),
            np.asarray(model.draws(X, 1, random_state=0)[0]),
        )
        assert loaded.n_features_in_ == model.n_features_in_


def test_the_masked_autoencoder_fills_too(gaps):
    one = MaskedAutoencoder(max_epochs=5, hidden_layer_sizes=(16,))
    assert np.isfinite(Imputer(estimator=one, random_state=0).fit_transform(gaps)).all()


def test_families_that_predict_no_hidden_cells(gaps):
    with pytest.raises(ValueError, match="Autoencoder does not predict hidden cells"):
        Imputer(estimator=Autoencoder()).fit(gaps)


def test_input_that_is_not_what_was_fitted(gaps, frame):
    model = Imputer(**QUICK).fit(frame)
    with pytest.raises(ValueError, match="lacks column 'size'"):
        model.transform(frame.drop("size"))
    odd = frame.with_columns(colour=pl.Series(["pink", *frame["colour"][1:]]))
    with pytest.raises(ValueError, match="'pink' in row 0, column 'colour'"):
        model.transform(odd)
    with pytest.raises(ValueError, match="nothing in every cell"):
        Imputer(**QUICK).fit(np.full((50, 3), np.nan))
    with pytest.raises(ValueError, match="the schema names nothing"):
        Imputer(**QUICK, schema={"a": "category"}).fit(gaps)
