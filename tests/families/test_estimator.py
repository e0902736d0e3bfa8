"""What an estimator promises beyond scikit-learn's checks: same bits, passes, contexts, modules."""

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from diabolo.engine.players import Seat
from diabolo.families import FAMILIES, family


def weights(model):
    state = model.module_.state_dict()
    return {name: tensor.numpy().copy() for name, tensor in state.items()}


def same(a, b):
    a, b = weights(a), weights(b)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def disturbed():
    """Move every global generator; returns how to put them back."""
    before = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    np.random.random(3)  # noqa: NPY002
    torch.rand(3)

    def put_back():
        np.random.set_state(before[0])  # noqa: NPY002
        torch.set_rng_state(before[1])

    return put_back


@pytest.fixture
def labels():
    return np.arange(40) % 3


@pytest.fixture
def context(labels):
    return np.eye(3)[labels]


class TestSeeds:
    def test_same_seed_same_bits_whatever_ran_before(self, make, rows):
        first = make().fit(rows)
        make(random_state=5).fit(rows)
        put_back = disturbed()
        try:
            second = make().fit(rows)
        finally:
            put_back()
        assert same(first, second)
        assert first.history_.records == second.history_.records
        np.testing.assert_array_equal(first.transform(rows), second.transform(rows))

    def test_other_seed_other_weights(self, make, rows):
        assert not same(make().fit(rows), make(random_state=1).fit(rows))
        assert not same(make(random_state=None).fit(rows), make(random_state=None).fit(rows))

    def test_fitting_again_starts_anew(self, make, rows):
        model = make().fit(rows[:20])
        model.partial_fit(rows)
        assert same(model.fit(rows), make().fit(rows))

    def test_random_state_object(self, make, rows):
        first = make(random_state=np.random.RandomState(3)).fit(rows)
        state = np.random.RandomState(3)
        assert same(first, make(random_state=state).fit(rows))
        assert not same(first, make(random_state=state).fit(rows))  # it has moved on


class TestPartialFit:
    def test_continues(self, make, rows):
        model = make()
        for _ in range(3):
            assert model.partial_fit(rows) is model
        assert model.n_iter_ == len(model.history_.records) == 3
        assert np.isfinite(model.transform(rows)).all()

    def test_learns(self, name, digits):
        train, held_out = digits
        model = family(name)(n_components=8, random_state=0).partial_fit(train)
        first = model.score(held_out)
        for _ in range(5):
            model.partial_fit(train)
        assert model.score(held_out) > first

    def test_is_deterministic_in_pieces_of_any_size(self, make, rows):
        def passes():
            model = make()
            for first, last in [(0, 16), (16, 17), (17, 19), (19, 40)]:
                model.partial_fit(rows[first:last])
            return model

        first = passes()
        assert same(first, passes())
        assert not same(first, make().partial_fit(rows))

    def test_goes_on_after_fit(self, make, rows):
        model = make().fit(rows)
        before, epochs = weights(model), model.n_iter_
        scaling = model.columns_
        model.partial_fit(rows * 2)
        assert model.n_iter_ == epochs + 1
        assert model.columns_ is scaling
        changed = [name for name, value in weights(model).items() if (value != before[name]).any()]
        assert changed
        moved = np.linalg.norm(weights(model)[changed[0]] - before[changed[0]])
        assert moved < np.linalg.norm(before[changed[0]])  # not begun anew

    def test_refuses_what_does_not_belong_to_the_first_rows(self, make, rows, context):
        model = make().partial_fit(rows)
        with pytest.raises(ValueError, match="X has 5 features, but .* is expecting 6"):
            model.partial_fit(rows[:, :5])
        with pytest.raises(ValueError, match="was fitted with no context columns, got 3"):
            model.partial_fit(rows, context=context)
        broken = rows.copy()
        broken[7, 2] = np.nan
        before = weights(model)
        with pytest.raises(ValueError, match="X contains NaN in row 7, column 2"):
            model.partial_fit(broken)
        assert all(np.array_equal(before[name], value) for name, value in weights(model).items())


class TestFailure:
    def test_a_refused_fit_leaves_the_old_model(self, make, rows):
        model = make().fit(rows)
        codes = model.transform(rows)
        broken = np.c_[rows, rows]
        broken[3, 3] = np.inf
        with pytest.raises(ValueError, match="X contains infinity"):
            model.fit(broken)
        assert model.n_features_in_ == 6
        np.testing.assert_array_equal(model.transform(rows), codes)

    def test_a_fit_that_broke_off_is_none(self, make, rows, monkeypatch):
        def breaks(self, *args):
            raise MemoryError

        model = make().fit(rows)
        monkeypatch.setattr(Seat, "differentiate", breaks)
        with pytest.raises(MemoryError):
            model.fit(rows)
        with pytest.raises(NotFittedError):
            model.transform(rows)


class TestParameters:
    @pytest.mark.parametrize("sizes", [[0], [-3], [1.5], ["a"], [True], [[4]]])
    def test_sizes_must_be_whole_numbers(self, rows, sizes):
        with pytest.raises(ValueError, match="hidden_layer_sizes=.* expected whole numbers"):
            family("Autoencoder")(hidden_layer_sizes=sizes).fit(rows)

    @pytest.mark.parametrize("channels", [[0], (), "ab"])
    def test_channels_too(self, rows, channels):
        with pytest.raises(ValueError, match="channels"):
            family("ConvolutionalAutoencoder")(channels=channels).fit(rows)

    @pytest.mark.parametrize("device", ["cuda", "gpu", "cuda:99"])
    def test_a_device_that_is_not_there(self, rows, device):
        if torch.cuda.is_available() and device == "cuda":
            pytest.skip("this machine has CUDA")
        with pytest.raises(ValueError, match=f"device='{device}' cannot be used .*pass 'auto'"):
            family("Autoencoder")(device=device).fit(rows)

    def test_a_checkpoint_that_cannot_be_written(self, make, rows, tmp_path):
        with pytest.raises(OSError, match="nothing was written"):
            make(checkpoint=tmp_path / "missing" / "run").fit(rows)


class TestContext:
    def test_goes_through_encoder_and_decoder(self, make, rows, context):
        model = make(n_components=2).fit(rows, context=context)
        codes = model.transform(rows, context=context)
        other = np.roll(context, 1, axis=1)
        assert (model.transform(rows, context=other) != codes).any(axis=1).all()
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
        from sklearn.datasets import load_digits

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
        import pandas as pd
        import scipy.sparse

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


def linear(inputs, outputs):
    """torch's own start would draw from the global generator."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        layer.weight.normal_(std=0.5, generator=noise)
        layer.bias.zero_()
    return layer


def modules(inputs, outputs, d=6, code=2):
    encoder = nn.Sequential(linear(d, 9), nn.Tanh(), linear(9, inputs))
    decoder = nn.Sequential(linear(code, 9), nn.Tanh(), linear(9, outputs))
    return encoder, decoder


OWN = [name for name in FAMILIES if name != "StackedAutoencoder"]  # which is made of layers


@pytest.mark.parametrize("name", OWN)
class TestOwnModules:
    def widths(self, name):
        return (4 if name == "VariationalAutoencoder" else 2), 6

    def test_are_trained_as_copies(self, name, make, rows):
        encoder, decoder = modules(*self.widths(name))
        before = encoder[0].weight.detach().clone()
        model = make(n_components=2, encoder=encoder, decoder=decoder).fit(rows)
        assert torch.equal(encoder[0].weight, before)
        assert not torch.equal(model.module_.encoder[0].weight, before)
        assert model.transform(rows).shape == (40, 2)
        assert same(model, clone(model).fit(rows))

    def test_one_of_them_is_enough(self, name, make, rows):
        encoder, decoder = modules(*self.widths(name))
        assert make(n_components=2, encoder=encoder).fit(rows).transform(rows).shape == (40, 2)
        assert make(n_components=2, decoder=decoder).fit(rows).reconstruct(rows).shape == (40, 6)

    def test_of_wrong_width_are_refused(self, name, make, rows):
        inputs, outputs = self.widths(name)
        encoder, _ = modules(inputs, outputs)
        wrong, _ = modules(inputs + 1, outputs)
        needed = rf"but \(2, {inputs}\) is needed here: let it end in {inputs} outputs"
        with pytest.raises(ValueError, match=f"the encoder you passed turns .* {needed}"):
            make(n_components=2, encoder=wrong).fit(rows)
        _, wrong = modules(inputs, outputs + 1)
        with pytest.raises(ValueError, match="the decoder you passed turns .* let it end in 6"):
            make(n_components=2, decoder=wrong).fit(rows)
        with pytest.raises(ValueError, match=r"encoder you passed cannot take .* \(2, 5\)"):
            make(n_components=2, encoder=encoder).fit(rows[:, :5])

    def test_must_take_the_context_if_there_is_one(self, name, make, rows, context):
        encoder, _ = modules(*self.widths(name))
        with pytest.raises(ValueError, match=r"beside a context of shape \(2, 3\)"):
            make(n_components=2, encoder=encoder).fit(rows, context=context)


class WithContext(nn.Module):
    """What a user writes to take a context along."""

    def __init__(self, inputs, context, outputs):
        super().__init__()
        self.layer = linear(inputs + context, outputs)

    def forward(self, x, context):
        return self.layer(torch.cat([x, context], 1))


def test_own_modules_with_context(rows, context):
    model = family("Autoencoder")(
        n_components=2,
        encoder=WithContext(6, 3, 2),
        decoder=WithContext(2, 3, 6),
        max_epochs=2,
        random_state=0,
    )
    codes = model.fit_transform(rows, context=context)
    assert codes.shape == (40, 2)


def test_own_modules_with_buffers(rows):
    encoder = nn.Sequential(linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), linear(9, 2))
    model = family("Autoencoder")(
        n_components=2, encoder=encoder, max_epochs=3, random_state=0
    ).fit(rows)
    norm = model.module_.encoder[1]
    assert norm.num_batches_tracked > 0
    assert norm.running_mean.abs().sum() > 0
    assert not norm.training
    assert encoder[1].num_batches_tracked == 0


@pytest.mark.parametrize("own", [{"encoder": nn.Identity()}, {"tied": True}])
def test_own_modules_that_make_no_sense(rows, own):
    parameters = {"n_components": 6, "decoder": nn.Identity(), **own}
    with pytest.raises(ValueError, match="nothing to train|tied=True is for networks made here"):
        family("DenoisingAutoencoder")(**parameters).fit(rows)


def test_a_stack_says_that_it_needs_layers(rows):
    with pytest.raises(ValueError, match="trained layer by layer"):
        family("StackedAutoencoder")(n_components=2, encoder=modules(2, 6)[0]).fit(rows)


class TestLabels:
    def fit(self, rows, y, **parameters):
        model = family("StackedAutoencoder")(fine_tune="labels", random_state=0, **parameters)
        return model.fit(rows, y)

    def test_are_learned(self, digits):
        from sklearn.datasets import load_digits

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
