"""Fine-tuning with labels: any kind of label comes back; what is none is refused at the door."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from diabolo.families import family


class TestLabels:
    def fit(self, rows, y, **parameters):
        model = family("StackedAutoencoder")(fine_tune="labels", random_state=0, **parameters)
        return model.fit(rows, y)

    def test_are_learned(self, digits):
        X, y = load_digits(return_X_y=True)
        names = np.array(["zero", "one", "two", *"3456789"])[y]
        model = self.fit(X[:1400], names[:1400], max_epochs=8)
        assert set(model.classes_) == set(names)
        assert (model.predict(X[1400:]) == names[1400:]).mean() > 0.85
        np.testing.assert_allclose(model.predict_proba(X[:9]).sum(1), 1, rtol=1e-5)

    @pytest.mark.parametrize("kind", [int, str, bool, float, list])
    def test_of_any_kind_come_back_as_they_were(self, rows, labels, kind):
        y = (labels > 0).tolist() if kind is list else (labels > 0).astype(kind)
        model = self.fit(rows, y, max_epochs=1)
        assert set(model.predict(rows)) <= set(np.unique(y))
        assert model.classes_.dtype == np.asarray(y).dtype

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            (lambda y: None, "needs labels: call fit"),
            (lambda y: y[:39], "y has 39 labels for 40 rows of X: pass one for each"),
            (lambda y: np.eye(3)[y], "y should be a 1d array"),
            (lambda y: np.where(y > 0, np.nan, y), "y contains NaN in row 1,"),
            (lambda y: y + np.arange(40) / 7, "Unknown label type: continuous"),
            (lambda y: y * 1j, "y holds complex128, expected class numbers or names"),
            (lambda y: y.astype("datetime64[D]"), "y holds datetime64"),
        ],
    )
    def test_that_are_none_leave_the_model_as_it_was(self, rows, labels, wrong, sentence):
        model = self.fit(rows, labels, max_epochs=1)
        before = model.predict(rows)
        with pytest.raises(ValueError, match=sentence):
            model.fit(rows, wrong(labels))
        np.testing.assert_array_equal(model.predict(rows), before)

    def test_alone_are_the_control_of_a_pre_training(self, rows, labels):
        model = self.fit(rows, labels, layers=None, max_epochs=2)
        assert model.history_.phases == ["fine-tuning"]
        assert len(model.predict(rows)) == len(rows)

    def test_with_dropout_are_learned_and_predicted_without(self, rows, labels):
        model = self.fit(rows, labels, layers=None, max_epochs=2, dropout=0.5, input_dropout=0.2)
        again = self.fit(rows, labels, layers=None, max_epochs=2, dropout=0.5, input_dropout=0.2)
        np.testing.assert_array_equal(model.predict_proba(rows), again.predict_proba(rows))
        plain = self.fit(rows, labels, layers=None, max_epochs=2)
        assert not np.allclose(model.predict_proba(rows), plain.predict_proba(rows))


class TestWishes:
    @pytest.mark.parametrize(
        ("wish", "sentence"),
        [
            ({"dropout": 0.5}, "dropout is for a fine-tuning with labels"),
            ({"layers": None, "fine_tune": None}, "leave nothing to train"),
            (
                {"layers": "sparse", "activation": "sigmoid", "code_activation": "relu"},
                "code_activation='relu': leave it out",
            ),
        ],
    )
    def test_that_contradict_each_other_are_refused(self, rows, wish, sentence):
        with pytest.raises(ValueError, match=sentence):
            family("StackedAutoencoder")(max_epochs=1, **wish).fit(rows)

    def test_the_topmost_units_have_the_activation_that_was_asked_for(self, rows):
        model = family("StackedAutoencoder")(
            code_activation="relu", max_epochs=1, layer_epochs=1, random_state=0
        )
        assert model.fit_transform(rows).min() >= 0

    def test_layers_may_learn_faster_than_the_whole(self, rows):
        model = family("StackedAutoencoder")(
            layer_lr=0.02, lr=0.001, batch_size=40, max_epochs=4, early_stopping=False
        ).fit(rows)
        rates = {}
        for record in model.history_.records:
            rates[record["phase"]] = max(rates.get(record["phase"], 0.0), record["lr"])
        assert rates["fine-tuning"] == pytest.approx(0.001)
        assert {rate for name, rate in rates.items() if name.startswith("layer")} == {0.02}
