"""Contexts: labels and covariates that encoder and decoder see, from fit to inverse_transform."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bits import same
from diabolo.families import family
from diabolo.parts.codes import Deterministic, Gaussian


class TestContext:
    def test_goes_through_encoder_and_decoder(self, make, rows, context):
        model = make(n_components=2).fit(rows, context=context)
        codes = model.transform(rows, context=context)
        other = np.roll(context, 1, axis=1)
        changed = (model.transform(rows, context=other) != codes).any(axis=1)
        exact = type(model.module_.code) in (Deterministic, Gaussian)
        assert changed.all() if exact else changed.mean() > 0.5  # others have steps
        rebuilt = model.inverse_transform(codes, context=context)
        assert (model.inverse_transform(codes, context=other) != rebuilt).any(axis=1).all()
        np.testing.assert_array_equal(model.reconstruct(rows, context=context), rebuilt)
        assert model.score(rows, context=context) == pytest.approx(
            model.score_samples(rows, context=context).mean(), rel=1e-6
        )
        np.testing.assert_array_equal(
            make(n_components=2).fit_transform(rows, context=context), codes
        )

    def test_reaches_every_pass(self, make, rows, context):
        model = make().partial_fit(rows, context=context)
        assert same(
            model.partial_fit(rows, context=context),
            make().partial_fit(rows, context=context).partial_fit(rows, context=context),
        )

    def test_helps_where_it_tells_what_the_code_cannot(self, name, digits):
        # one unit cannot say both which class it is and how it is written
        X, y = load_digits(return_X_y=True)
        side = np.eye(10)[y]
        model = family(name)(n_components=1, random_state=0, max_epochs=8)
        plain = clone(model).fit(X).score(X)
        assert model.fit(X, context=side).score(X, context=side) > plain

    @pytest.mark.parametrize("width", [0, 3])
    def test_must_be_as_in_fit(self, make, rows, context, width):
        model = make().fit(rows, context=context if width else None)
        given = None if width else context
        codes = np.zeros((40, model.module_.code.dim))
        sentence = f"was fitted with {width or 'no'} context columns, got {'none' if width else 3}"
        with pytest.raises(ValueError, match=sentence):
            model.transform(rows, context=given)
        with pytest.raises(ValueError, match=sentence):
            model.inverse_transform(codes, context=given)
        with pytest.raises(ValueError, match=sentence):
            model.score(rows, context=given)
        if width:
            with pytest.raises(ValueError, match="with 3 context columns, got 2"):
                model.transform(rows, context=context[:, :2])

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            (lambda c: c[:39], r"context has shape \(39, 3\), expected \(40, c\)"),
            (lambda c: c[:, 0], r"shape \(40,\), expected \(40, c\).*np.eye"),
            (lambda c: np.where(c > 0, np.nan, c), "context contains NaN in row 0, column 0"),
            (lambda c: c.astype(str), "context holds text"),
            (lambda c: c * 1e300, "context has 1e.300 in row 0, column 0, which float32 cannot"),
            (lambda c: "colours", r"context has shape \(\)"),
            (lambda c: [[1, 2], [3]], r"context has shape \(2,\)"),
        ],
    )
    def test_must_be_a_table_of_numbers(self, rows, context, wrong, sentence):
        with pytest.raises(ValueError, match=sentence):
            family("Autoencoder")(max_epochs=1).fit(rows, context=wrong(context))

    def test_may_be_a_frame_or_sparse(self, rows, context):
        model = family("Autoencoder")(max_epochs=2, random_state=0)
        codes = model.fit_transform(rows, context=context)
        for held in (pd.DataFrame(context), scipy.sparse.csr_array(context), context.tolist()):
            np.testing.assert_array_equal(model.fit_transform(rows, context=held), codes)

    def test_is_routed_through_pipelines_and_cross_validation(self, make, rows, context):
        with config_context(enable_metadata_routing=True):
            model = make().set_fit_request(context=True).set_transform_request(context=True)
            model.set_score_request(context=True)
            both = make_pipeline(StandardScaler(), model).fit(rows, context=context)
            assert both.transform(rows, context=context).shape[0] == 40
            scores = cross_val_score(model, rows, cv=2, params={"context": context})
        assert np.isfinite(scores).all()
