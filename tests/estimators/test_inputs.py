"""The same numbers give the same model, whatever holds them; scikit-learn's tools take it."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from diabolo import open_dataset
from diabolo.families import family
from diabolo.families.sure import SUREAutoencoder
from diabolo.parts.dictionaries import Dictionary

NAMES = [f"c{j}" for j in range(6)]

# whole numbers 0 … 9: exact in every type
HOLDERS = {
    "float32": lambda X, folder: X.astype(np.float32),
    "int64": lambda X, folder: X.astype(np.int64),
    "uint8": lambda X, folder: X.astype(np.uint8),
    "Fortran order": lambda X, folder: np.asfortranarray(X),
    "list": lambda X, folder: X.tolist(),
    "torch": lambda X, folder: torch.from_numpy(X.copy()),
    "big-endian": lambda X, folder: X.astype(">f8"),
    "read-only": lambda X, folder: np.frombuffer(X.tobytes()).reshape(X.shape),
    "negative strides": lambda X, folder: X[::-1, ::-1].copy()[::-1, ::-1],
    **{
        f"sparse {kind}": lambda X, folder, kind=kind: getattr(scipy.sparse, kind)(X)
        for kind in (
            "csr_array",
            "csc_array",
            "coo_array",
            "csr_matrix",
            "csc_matrix",
            "coo_matrix",
        )
    },
    "memory map": lambda X, folder: mapped(X, folder),
    "path": lambda X, folder: stored(X, folder),
    "data set": lambda X, folder: open_dataset(X),
}
FRAMES = {
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "pyarrow": lambda X: pl.DataFrame(X, schema=NAMES).to_arrow(),
    "polars, lazy": lambda X: pl.LazyFrame(X, schema=NAMES),
}


def stored(X, folder):
    np.save(folder / "rows.npy", X)
    return folder / "rows.npy"


def mapped(X, folder):
    return np.load(stored(X, folder), mmap_mode="r")


@pytest.fixture
def whole():
    return np.random.default_rng(0).integers(0, 10, (40, 6)).astype(float)


@pytest.mark.parametrize("holder", HOLDERS)
def test_equal_values_give_equal_codes(make, whole, holder, tmp_path):
    model = make().fit(whole)
    held = HOLDERS[holder](whole, tmp_path)
    np.testing.assert_array_equal(model.transform(held), model.transform(whole))
    np.testing.assert_array_equal(model.score_samples(held), model.score_samples(whole))
    np.testing.assert_array_equal(
        make().fit(held).transform(whole), model.transform(whole), err_msg="fitted on it"
    )


@pytest.mark.parametrize("holder", FRAMES)
def test_frames(make, whole, holder):
    frame = FRAMES[holder](whole)
    model = make().fit(frame)
    np.testing.assert_array_equal(model.transform(frame), make().fit(whole).transform(whole))
    assert model.columns_.names == tuple(NAMES)


def test_true_and_false(make, whole):
    X = whole > 4
    model = make().fit(X)
    np.testing.assert_array_equal(model.transform(X), make().fit(X.astype(float)).transform(X))
    assert model.columns_.kind == "binary"
    rebuilt = model.reconstruct(X)
    assert rebuilt.shape == X.shape
    # a sum of atoms has no bounds, nor has a mean under noise that is added to anything
    if not isinstance(model.module_.decoder, Dictionary) and not isinstance(model, SUREAutoencoder):
        assert rebuilt.min() >= 0
        assert rebuilt.max() <= 1


@pytest.mark.parametrize("shape", [(8, 8), (9, 11), (8, 10, 3), (8, 8, 1)])
def test_images(make, shape):
    X = np.random.default_rng(0).integers(0, 256, (20, *shape)).astype(np.uint8)
    model = make().fit(X)
    flat = X.reshape(len(X), -1)
    assert model.n_features_in_ == flat.shape[1]
    codes = model.transform(X)
    assert codes.shape == (20, model.module_.code.dim)
    np.testing.assert_array_equal(model.transform(flat), codes)
    assert model.reconstruct(X).shape == X.shape
    assert model.inverse_transform(codes).shape == X.shape
    assert model.score_samples(X).shape == (20,)


def test_codes_are_float32_and_originals_what_came_in(make, whole):
    for dtype in (np.float64, np.float32, np.uint8):
        model = make().fit(whole.astype(dtype))
        assert model.transform(whole.astype(dtype)).dtype == np.float32
        expected = np.float64 if dtype == np.float64 else np.float32
        assert model.inverse_transform(model.transform(whole)).dtype == expected


def test_inverse_transform_of_codes_is_reconstruct(make, rows):
    model = make().fit(rows)
    codes = model.transform(rows)
    np.testing.assert_array_equal(model.inverse_transform(codes), model.reconstruct(rows))
    model.set_output(transform="polars")
    np.testing.assert_array_equal(
        model.inverse_transform(model.transform(rows)), model.reconstruct(rows)
    )


def test_score_is_minus_the_squared_error_in_scaled_units(make, rows):
    model = make().fit(rows)
    scale = model.columns_.scale
    assert np.allclose(np.mean(rows.var(0) / scale**2), 1)  # of all columns, or of each
    errors = np.square((model.reconstruct(rows) - rows) / scale).mean(1)
    np.testing.assert_allclose(model.score_samples(rows), -errors, rtol=1e-5)
    assert model.score(rows) == pytest.approx(-errors.mean(), rel=1e-5)


@pytest.mark.parametrize(("library", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_frames_come_out(make, rows, library, kind):
    model = make(n_components=2).set_output(transform=library).fit(rows)
    codes = model.transform(rows)
    names = [f"{type(model).__name__.lower()}{j}" for j in range(2)]
    assert isinstance(codes, kind)
    assert list(codes.columns) == names == list(model.get_feature_names_out())
    assert isinstance(model.fit_transform(rows), kind)


def test_names_of_an_earlier_fit_are_forgotten(make, whole, tmp_path):
    model = make().fit(FRAMES["pandas"](whole))
    assert list(model.feature_names_in_) == NAMES
    assert not hasattr(model.fit(stored(whole, tmp_path)), "feature_names_in_")
    FRAMES["polars"](whole).write_csv(tmp_path / "rows.csv")
    assert list(model.fit(str(tmp_path / "rows.csv")).feature_names_in_) == NAMES


def test_pipeline(make, rows):
    both = make_pipeline(StandardScaler(), make(n_components=2))
    codes = both.fit_transform(rows)
    assert codes.shape == (40, 2)
    np.testing.assert_array_equal(both.transform(rows), codes)
    assert both.inverse_transform(codes).shape == rows.shape
    assert both.score(rows) == both[-1].score(StandardScaler().fit_transform(rows))
    features = make_pipeline(make(n_components=2), FunctionTransformer(np.abs)).fit_transform(rows)
    assert features.min() >= 0


def test_grid_search(make, rows):
    search = GridSearchCV(make(), {"n_components": [1, 3], "lr": [1e-3, 1e-2]}, cv=2)
    search.fit(rows)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.module_.code.dim == search.best_params_["n_components"]
    assert search.score(rows) == search.best_estimator_.score(rows)


def test_grid_search_in_other_processes(rows):
    model = family("StackedAutoencoder")(max_epochs=3, random_state=0)  # processes start slowly
    alone = GridSearchCV(model, {"n_components": [1, 3]}, cv=2).fit(rows)
    spread = GridSearchCV(model, {"n_components": [1, 3]}, cv=2, n_jobs=2).fit(rows)
    np.testing.assert_array_equal(
        alone.cv_results_["mean_test_score"], spread.cv_results_["mean_test_score"]
    )


def test_a_clone_trains_alike(make, rows):
    model = make(n_components=2)
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    np.testing.assert_array_equal(model.fit_transform(rows), twin.fit_transform(rows))


def test_overcomplete_codes_are_warned_of_where_they_were_asked_for(rows):
    from diabolo.families.autoencoder import OvercompleteWarning

    with pytest.warns(OvercompleteWarning, match="6 units for 6 features") as caught:
        family("Autoencoder")(n_components=6, max_epochs=1).fit(rows)
    assert caught[0].filename == __file__
    family("Autoencoder")(max_epochs=1).fit(rows[:, :1])  # one unit is the least there is
