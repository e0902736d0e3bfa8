"""An estimator and the one that comes back from its file are the same in every answer."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import diabolo
from diabolo.families import family
from diabolo.files import DamagedFileError, read_sealed, write_sealed
from diabolo.parts.networks import Dense
from diabolo.parts.spec import describe

PLAIN = (int, float, str, bool, tuple, type(None))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def back(model, path, **own):
    model.save(path)
    return diabolo.load(path, **own)


def test_everything_comes_back(make, rows, path):
    model = make(hidden_layer_sizes=(9, 5), lr=1e-3, activation="tanh").fit(rows)
    again = back(model, path)
    assert type(again) is type(model)
    assert again.get_params() == model.get_params()
    assert again.history_ == model.history_
    assert again.columns_ == model.columns_
    assert again.n_iter_ == model.n_iter_
    assert again.n_features_in_ == 6
    for method in ("transform", "reconstruct", "score_samples"):
        np.testing.assert_array_equal(getattr(again, method)(rows), getattr(model, method)(rows))
    codes = model.transform(rows)
    np.testing.assert_array_equal(again.inverse_transform(codes), model.inverse_transform(codes))
    assert list(again.get_feature_names_out()) == list(model.get_feature_names_out())
    again.save(path.with_name("again"))
    assert path.read_bytes() == path.with_name("again").read_bytes()


def test_of_images_with_context(make, path):
    X = np.random.default_rng(0).integers(0, 256, (20, 8, 9)).astype(np.uint8)
    context = np.eye(2)[np.arange(20) % 2]
    model = make().fit(X, context=context)
    again = back(model, path)
    np.testing.assert_array_equal(
        again.reconstruct(X, context=context), model.reconstruct(X, context=context)
    )
    with pytest.raises(ValueError, match="was fitted with 2 context columns, got none"):
        again.transform(X)


def test_names(make, rows, path):
    frame = pd.DataFrame(rows, columns=list("abcdef"))
    again = back(make().fit(frame), path)
    assert list(again.feature_names_in_) == list("abcdef")
    with pytest.raises(ValueError, match="feature names should match"):
        again.transform(frame[list("fedcba")])
    numbered = pd.DataFrame(rows)  # scikit-learn knows no names but texts
    again = back(make().fit(numbered), path)
    assert not hasattr(again, "feature_names_in_")
    again.transform(numbered)


def test_parameters_without_plain_form(rows, path):
    model = family("Autoencoder")(
        max_epochs=np.int64(1),
        hidden_layer_sizes=np.array([7, 5]),
        random_state=np.random.RandomState(0),
        checkpoint=path.with_name("run"),
    ).fit(rows)
    params = back(model, path).get_params()
    assert params["max_epochs"] == 1
    assert params["hidden_layer_sizes"] == (7, 5)
    assert params["random_state"] is None
    assert params["checkpoint"] is None
    assert str(path.parent).encode() not in path.read_bytes(), "a file names no paths"
    assert all(isinstance(value, PLAIN) for value in params.values())


def test_training_goes_on_after_loading(make, rows, path):
    model = make().fit(rows)
    again = back(model, path)
    again.partial_fit(rows)
    model.partial_fit(rows)
    assert again.history_.records == model.history_.records
    np.testing.assert_array_equal(again.transform(rows), model.transform(rows))


def test_labels_come_back(rows, path):
    y = np.array(["ham", "spam"])[np.arange(40) % 2]
    model = family("StackedAutoencoder")(fine_tune="labels", max_epochs=2, random_state=0)
    again = back(model.fit(rows, y), path)
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))
    assert list(again.classes_) == ["ham", "spam"]
    assert not hasattr(model, "partial_fit")


def test_before_fit_there_is_nothing_to_save(make, path):
    with pytest.raises(Exception, match="is not fitted yet"):
        make().save(path)
    assert not path.exists()


class TestOwnModules:
    def linear(self, inputs, outputs, value=0.1):
        layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.fill_(value)
        return nn.Sequential(layer)

    @pytest.fixture
    def model(self, rows, path):
        model = family("Autoencoder")(
            n_components=2, encoder=self.linear(6, 2), max_epochs=2, random_state=0
        ).fit(rows)
        model.save(path)
        return model

    def test_are_handed_in_again(self, model, rows, path):
        own = self.linear(6, 2, value=7.0)
        again = diabolo.load(path, encoder=own)
        np.testing.assert_array_equal(again.transform(rows), model.transform(rows))
        assert (own[0].weight == 7).all()
        assert again.encoder is own

    def test_are_asked_for(self, model, path):
        with pytest.raises(ValueError, match="made with your own encoder.*pass it again"):
            diabolo.load(path)

    def test_must_be_alike(self, model, path):
        with pytest.raises(ValueError, match=r"encoder you passed is not like .*\(2, 5\) in yours"):
            diabolo.load(path, encoder=self.linear(5, 2))
        with pytest.raises(ValueError, match=r"encoder.0.bias' is missing in yours"):
            diabolo.load(path, encoder=nn.ReLU())

    def test_are_refused_where_there_were_none(self, model, path):
        with pytest.raises(ValueError, match="made without your own decoder: leave it out"):
            diabolo.load(path, encoder=self.linear(6, 2), decoder=self.linear(2, 6))

    def test_parts_of_ours_are_not_asked_for(self, rows, path):
        encoder = Dense((6, 2), "tanh")
        model = family("Autoencoder")(n_components=2, encoder=encoder, max_epochs=2).fit(rows)
        again = back(model, path)
        np.testing.assert_array_equal(again.transform(rows), model.transform(rows))
        assert describe(again.encoder) == describe(encoder)
        assert again.fit(rows).n_iter_ == 2

    def test_buffers_come_back(self, rows, path):
        encoder = nn.Sequential(self.linear(6, 2), nn.BatchNorm1d(2))
        model = family("Autoencoder")(n_components=2, encoder=encoder, max_epochs=2).fit(rows)
        again = back(model, path, encoder=nn.Sequential(self.linear(6, 2), nn.BatchNorm1d(2)))
        np.testing.assert_array_equal(again.transform(rows), model.transform(rows))


@pytest.mark.parametrize(
    "change",
    [
        {"family": "Perceptron"},
        {"family": 3},
        {"params": {"n_components": "many"}},
        {"params": {"unheard": 1}},
        {"params": []},
        {"fitted": {"transform": 1}},
        {"fitted": {"__class__": "x"}},
        {"fitted": None},
        {"columns": {}},
        {"named": "yes", "columns": None},
        {"context": "wide"},
        {"history": {"records": 1, "seconds": [], "notes": []}},
        {"seed": None},
    ],
    ids=str,
)
def test_a_description_that_makes_no_sense_is_refused(rows, path, change):
    family("Autoencoder")(max_epochs=1).fit(rows).save(path)
    tensors, header = read_sealed(path)
    write_sealed(path, tensors, header | change)
    with pytest.raises(DamagedFileError, match="holds no model this version can build") as caught:
        diabolo.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["family", "params", "columns", "history", "fitted", "seed"])
def test_a_description_that_lacks_something_is_refused(rows, path, missing):
    family("Autoencoder")(max_epochs=1).fit(rows).save(path)
    tensors, header = read_sealed(path)
    write_sealed(path, tensors, {key: value for key, value in header.items() if key != missing})
    with pytest.raises(DamagedFileError, match=f"no '{missing}'"):
        diabolo.load(path)
