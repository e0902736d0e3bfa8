"""Mixed tables through every family: text, dates and gaps in, the same columns out."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import diabolo
from bits import same
from degenerate import NUMBERS_ALONE
from diabolo.families import AUTOENCODERS, family
from diabolo.measures.constants import cell_errors, means_and_modes
from diabolo.measures.rows import rebuilt, scaled

DENSE = [name for name in AUTOENCODERS if name not in NUMBERS_ALONE]


@pytest.fixture(params=DENSE)
def name(request):
    return request.param


def people(n=160, seed=0):
    """Two kinds of people that all columns tell apart, a tenth of the cells missing."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(2, size=n)
    frame = pd.DataFrame(
        {
            "sex": pd.Series(np.array(["f", "m"])[kind]),
            "height": 160 + 20 * kind + rng.normal(size=n),
            "children": pd.array(rng.poisson(1 + 4 * kind), "Int64"),
            "smokes": pd.array(kind == 1, "boolean"),
            "born": pd.Timestamp("1960-01-01") + pd.to_timedelta(7000 * kind, unit="D"),
            "town": pd.Categorical(
                np.array(["Rome", "Oslo"])[kind], categories=["Oslo", "Paris", "Rome"]
            ),
        }
    )
    return frame.mask(rng.random(frame.shape) < 0.1)


@pytest.fixture(scope="module")
def frame():
    return people()


@pytest.fixture(scope="module")
def trained(frame):
    models = {}

    def model(name):
        if name not in models:
            models[name] = family(name)(max_epochs=4, random_state=0, n_threads=1).fit(frame)
        return models[name]

    return model


def test_columns_types_and_categories_come_back(name, trained, frame):
    model = trained(name)
    codes = model.transform(frame)
    assert np.isfinite(codes).all()
    rows = model.inverse_transform(codes)
    assert type(rows) is pd.DataFrame
    pd.testing.assert_series_equal(rows.dtypes, frame.dtypes)
    assert not rows.isna().any().any()
    assert list(rows["town"].cat.categories) == ["Oslo", "Paris", "Rome"]
    assert (rows["born"] == rows["born"].dt.normalize()).all()  # whole days, as all were
    pd.testing.assert_frame_equal(model.reconstruct(frame), rows)
    drawn = model.fit_prior(frame).sample(5, random_state=0)
    pd.testing.assert_series_equal(drawn.dtypes, frame.dtypes)


def test_the_file_knows_the_table(name, trained, frame, tmp_path):
    model = trained(name)
    model.save(tmp_path / "m.st")
    again = diabolo.load(tmp_path / "m.st")
    assert again.columns_ == model.columns_
    np.testing.assert_array_equal(again.transform(frame), model.transform(frame))
    pd.testing.assert_frame_equal(again.reconstruct(frame), model.reconstruct(frame))
    with pytest.raises(ValueError, match="'x' in row 0, column 'sex', a category that the model"):
        again.transform(frame.assign(sex="x"))


def test_score_is_by_known_cells(name, trained, frame):
    model = trained(name)
    rows, x = model.reconstruct(frame), frame
    known, columns = x.notna().to_numpy(), model.columns_
    apart = np.zeros(frame.shape)
    for j, column in enumerate(frame):
        own = known[:, j]
        given, made = x[column][own], rows[column][own]
        if columns.fields[j].levels:
            apart[own, j] = (given.astype(str) != made.astype(str)).to_numpy()
        elif column == "height":
            apart[own, j] = ((given - made) / columns.scale[j]) ** 2
    # whole numbers and days were rounded on the way out: compare without these
    mine = [0, 1, 3, 5]
    cells = -np.where(known, apart, 0)[:, mine].sum(1)
    batch = scaled(model, diabolo.open_dataset(frame, schema=columns.schema))
    made = rebuilt(model, diabolo.open_dataset(frame, schema=columns.schema))
    others = np.square(np.where(known, batch - made, 0))[:, [2, 4]].sum(1)
    expected = (cells - others) / known.sum(1).clip(min=1)
    np.testing.assert_allclose(model.score_samples(frame), expected, rtol=1e-3, atol=1e-4)


def test_what_a_row_gets_depends_on_that_row_alone(name, trained, frame):
    model = trained(name)
    codes = model.transform(frame)
    for row in (0, 7, 63):
        np.testing.assert_array_equal(model.transform(frame.iloc[[row]])[0], codes[row])


def test_equal_seeds_give_equal_models_and_a_checkpointed_one_too(name, frame):
    make = family(name)
    one, other = (make(max_epochs=2, random_state=3).fit(frame) for _ in range(2))
    assert same(one, other)
    polars = make(max_epochs=2, random_state=3).fit(pl.from_pandas(frame))
    assert polars.columns_.fields[0].categories == one.columns_.fields[0].categories
    assert isinstance(polars.reconstruct(pl.from_pandas(frame)), pl.DataFrame)


def test_a_context_goes_along(name, frame):
    side = np.eye(2)[np.arange(len(frame)) % 2]
    model = family(name)(max_epochs=1, random_state=0).fit(frame, context=side)
    codes = model.transform(frame, context=side)
    assert (model.transform(frame, context=side[:, ::-1]) != codes).any()


QUICK = {"random_state": 0, "n_components": 2, "max_epochs": 60, "n_threads": 1}


@pytest.mark.parametrize(
    "name", ["DenoisingAutoencoder", "VariationalAutoencoder", "StackedAutoencoder"]
)
def test_what_is_known_tells_what_is_missing(name, frame):
    """All columns say the same, so a cell can be told from the others of its row."""
    model = family(name)(**QUICK).fit(frame)
    whole = people(seed=1)
    hidden = whole.copy()
    hidden["sex"] = None
    hidden["height"] = np.nan
    rows = model.reconstruct(hidden)
    known = whole["sex"].notna() & (whole.drop(columns=["sex", "height"]).notna().sum(axis=1) > 2)
    assert (rows["sex"] == whole["sex"])[known].mean() > 0.95
    assert (rows["height"] - whole["height"])[known].abs().median() < 3


def test_better_than_means_and_modes(frame):
    model = family("Autoencoder")(**QUICK).fit(frame)
    later = diabolo.open_dataset(people(seed=2), schema=model.columns_.schema)
    x = scaled(model, later)
    found = cell_errors(model, x, rebuilt(model, later))
    bar = cell_errors(model, x, means_and_modes(model, x))
    assert found.numbers < 0.5 * bar.numbers
    assert found.categories < 0.2 * bar.categories


def test_wishes_of_the_estimator_are_kept_in_the_file(frame, tmp_path):
    wishes = {"children": "category", "born": "ignore"}
    model = family("Autoencoder")(schema=wishes, max_epochs=1, random_state=0).fit(frame)
    assert model.n_features_in_ == 5
    model.save(tmp_path / "m.st")
    again = diabolo.load(tmp_path / "m.st")
    assert again.get_params()["schema"] == wishes
    np.testing.assert_array_equal(again.transform(frame), model.transform(frame))
    rows = again.reconstruct(frame.drop(columns="born"))
    assert list(rows.columns) == ["sex", "height", "children", "smokes", "town"]
    assert set(rows["children"]) <= set(frame["children"].dropna())


REFUSED = {
    "tied": ("Autoencoder", {"tied": True}, "tied weights are for numbers alone.*Pass tied=False"),
    "convolutional": ("ConvolutionalAutoencoder", {}, "for images.*Pass network='dense'"),
    "salt": (
        "DenoisingAutoencoder",
        {"noise": "salt-and-pepper"},
        "noise='masking' or noise='swap'",
    ),
    "gaussian noise": ("DenoisingAutoencoder", {"noise": "gaussian"}, "Gaussian noise is for num"),
    "bernoulli": (
        "Autoencoder",
        {"likelihood": "bernoulli"},
        "each column has its own. Pass 'gaus",
    ),
    "minmax": ("Autoencoder", {"scaling": "minmax"}, "scaling='minmax' is for numbers alone"),
    "shift": ("Autoencoder", {"shift": 1}, "shift is for images"),
    "binarise": ("VariationalAutoencoder", {"binarise": True}, "binarise=True is for greys"),
    "a dictionary": ("SparseDictionary", {}, "Use SparseAutoencoder"),
    "a game": ("GenerativeAdversarialNetwork", {}, "draws rows of numbers alone"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_for_mixed_tables_says_so(case, frame):
    name, settings, sentence = REFUSED[case]
    with pytest.raises(ValueError, match=sentence):
        family(name)(max_epochs=1, **settings).fit(frame)


def test_an_encoder_of_ones_own_and_tangents_are_for_numbers(frame, trained):
    from diabolo.parts.networks import Dense

    with pytest.raises(ValueError, match="this encoder takes numbers alone"):
        family("Autoencoder")(encoder=Dense((6, 1)), max_epochs=1).fit(frame)
    with pytest.raises(ValueError, match="tangents are directions in a space of numbers"):
        trained("ContractiveAutoencoder").tangent_directions(frame)


@pytest.mark.parametrize("noise", ["masking", "swap"])
@pytest.mark.parametrize("emphasis", [0.5, 0.9])
def test_noises_for_tables(frame, noise, emphasis):
    model = family("DenoisingAutoencoder")(
        noise=noise, emphasis=emphasis, max_epochs=2, random_state=0
    ).fit(frame)
    assert np.isfinite(model.history_.curve()).all()


@pytest.mark.parametrize("layers", ["plain", "denoising", "contractive", "sparse"])
def test_every_kind_of_layer(frame, layers):
    model = family("StackedAutoencoder")(
        layers=layers, activation="sigmoid", hidden_layer_sizes=(9, 5), max_epochs=2, random_state=0
    ).fit(frame)
    assert np.isfinite(model.score(frame))
    assert model.features(frame, 1).shape == (160, 9)


def test_bounds_are_of_known_cells(frame):
    model = family("VariationalAutoencoder")(**QUICK).fit(frame)
    many = model.log_likelihood(frame, 200, random_state=0).mean
    assert many > model.log_likelihood(frame, 1, random_state=0).mean
    # rows that hide something say less, so they are likelier
    hidden = frame.assign(height=np.nan)
    assert model.log_likelihood(hidden, 200, random_state=0).mean != pytest.approx(many, abs=0.1)
    nothing = frame.mask(frame.notna() | True)
    assert model.log_likelihood(nothing, 50, random_state=0).mean == pytest.approx(0, abs=0.2)


def test_annotated_matrices_are_learned_from():
    from types import SimpleNamespace

    X = np.random.default_rng(0).poisson(3, (40, 6)).astype(np.float32)
    data = SimpleNamespace(X=X, obs_names=range(40), var_names=[f"gene{j}" for j in range(6)])
    model = family("Autoencoder")(max_epochs=1, random_state=0).fit(data)
    assert model.columns_.names == tuple(data.var_names)
    np.testing.assert_array_equal(model.transform(data), model.transform(X))


@pytest.mark.parametrize("table", ["titanic", "penguins", "mpg"])
def test_real_tables(data_directory, table):
    path = data_directory / "tables" / f"{table}.csv"
    wishes = {"name": "ignore"} if table == "mpg" else None
    model = family("Autoencoder")(schema=wishes, max_epochs=40, random_state=0, n_threads=1).fit(
        path
    )
    dataset = diabolo.open_dataset(path, schema=model.columns_.schema)
    x = scaled(model, dataset)
    found = cell_errors(model, x, rebuilt(model, dataset))
    bar = cell_errors(model, x, means_and_modes(model, x))
    assert found.numbers < 0.6 * bar.numbers
    assert found.categories < 0.4 * bar.categories
    rows = model.reconstruct(path)
    assert list(rows.columns) == list(model.columns_.names)
