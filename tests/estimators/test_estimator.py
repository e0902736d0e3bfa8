"""What an estimator promises beyond scikit-learn's checks: same bits, passes, whole or no fits."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from bits import same, weights
from diabolo.engine.players import Seat
from diabolo.families import family


def disturbed():
    """Move every global generator; returns how to put them back."""
    before = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    np.random.random(3)  # noqa: NPY002
    torch.rand(3)

    def put_back():
        np.random.set_state(before[0])  # noqa: NPY002
        torch.set_rng_state(before[1])

    return put_back


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

    def test_keeps_what_the_optimiser_remembers(self, make, rows):
        model, forgetful = make(), make()
        for _ in range(2):
            model.partial_fit(rows)
            forgetful.__dict__.pop("_moments", None)
            forgetful.partial_fit(rows)
        assert not same(model, forgetful)

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


def test_images_are_moved_where_asked_for(digits):
    model = family("Autoencoder")(shift=1, max_epochs=1, random_state=0).fit(digits[0])
    assert model.module_.augmentation.pixels == 1
    both = family("VariationalAutoencoder")(shift=2, binarise=True, max_epochs=1, random_state=0)
    names = [type(step).__name__ for step in both.fit(digits[0]).module_.augmentation.steps]
    assert names == ["Shift", "Binarise"]
    always, once = (
        family("Autoencoder")(shift=1, shift_epochs=n, max_epochs=2, random_state=0).fit(digits[0])
        for n in (None, 1)
    )
    assert once.module_.augmentation.until == 1
    curves = always.history_.curve(), once.history_.curve()
    assert curves[0][0] == curves[1][0]
    assert curves[0][1] != curves[1][1]
    with pytest.raises(ValueError, match="shift=1 is for images larger than that"):
        family("Autoencoder")(shift=1).fit(digits[0][:, :6])
