"""The ensemble trained at once is its members trained one by one, and predicts better than one."""

import numpy as np
import pytest
import torch

import diabolo
from diabolo.data.batches import Batches
from diabolo.engine.crowd import streams_from
from diabolo.engine.fit import fit
from diabolo.engine.players import Player
from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import Facts
from diabolo.estimators.seeds import Seeds
from diabolo.families import family
from diabolo.parts.spec import initialise

MIXING = np.random.default_rng(7).normal(size=(3, 8))


def table(rows, seed):
    """Eight columns that hang together."""
    draw = np.random.default_rng(seed)
    return draw.normal(size=(rows, 3)) @ MIXING + 0.3 * draw.normal(size=(rows, 8))


def made(**settings):
    return family("MaskedEnsemble")(
        **{"n_members": 4, "random_state": 0, "n_threads": 1, "max_epochs": 60, **settings}
    )


@pytest.fixture(scope="module")
def fitted():
    return made().fit(table(600, seed=0))


def test_in_the_stack_each_member_learns_what_it_learns_alone():
    X, settings = table(160, seed=0), {"n_members": 3, "max_samples": 96, "max_epochs": 12}
    model = made(**settings).fit(X)
    seeds = Seeds.of(0)
    streams = streams_from(seeds.generator("noise"), 3)
    dataset = diabolo.open_dataset(X)
    start = made(**settings).compose(Facts.of(model.columns_, 160, 0))
    initialise(start, seeds.generator("weights"))
    for k, (own, stream) in enumerate(zip(start.members, streams, strict=True)):
        order = np.random.default_rng(seeds.number(f"rows of member {k}")).permutation(160)
        batches = Batches(
            dataset,
            model.columns_,
            batch_size=96,
            seed=seeds.number(f"order of member {k}"),
            index=np.sort(order[:96]),
        )
        player = Player("joint", own, lr=model.lr, clip=model.clip)
        phase = Phase("joint", (player,), batches, max_epochs=12, patience=None)
        fit([phase], own, stream, n_threads=1)
        for mine, its in zip(
            own.state_dict().values(), model.module_.members[k].state_dict().values(), strict=True
        ):
            # as in tests/engine/test_crowd.py, but rows of 8 numbers lie elsewhere in memory there
            torch.testing.assert_close(mine, its, rtol=1e-5, atol=1e-6)


def test_predictions_beat_the_mean_and_one_member(fitted):
    X = table(400, seed=1)
    mask = np.random.default_rng(2).random(X.shape) < 0.25
    error = np.square(fitted.predict_hidden(X, mask) - X)[mask].mean()
    one = made(n_members=1).fit(table(600, seed=0))
    alone = np.square(one.predict_hidden(X, mask) - X)[mask].mean()
    spread = np.square(X - X.mean(0))[mask].mean()
    print(f"{error:.3f} {alone:.3f} {spread:.3f}")
    assert error < 0.95 * alone
    assert error < 0.25 * spread


def test_every_members_prediction_can_be_had(fitted):
    X = table(50, seed=1)
    mask = np.arange(8) < 2
    outs = torch.from_numpy(fitted.hidden_parameters(X, mask))
    assert outs.shape == (4, 50, 8)
    mean = fitted.columns_.original(fitted.module_.likelihood.blend(outs))
    np.testing.assert_allclose(mean[:, mask], fitted.predict_hidden(X, mask)[:, mask], rtol=1e-5)
    assert not torch.equal(outs[0], outs[1])


def test_the_same_seed_gives_the_same_bits_and_a_file_holds_them(fitted, tmp_path):
    X, mask = table(60, seed=3), np.arange(8) == 5
    again = made().fit(table(600, seed=0))
    np.testing.assert_array_equal(again.predict_hidden(X, mask), fitted.predict_hidden(X, mask))
    fitted.save(tmp_path / "model.safetensors")
    loaded = diabolo.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_hidden(X, mask), fitted.predict_hidden(X, mask))
    np.testing.assert_array_equal(loaded.score_samples(X), fitted.score_samples(X))


def test_early_stopping_and_partial_fit_go_through_the_same_loop():
    X = table(200, seed=0)
    model = made(early_stopping=True, n_iter_no_change=2, max_epochs=400).fit(X)
    assert model.n_iter_ < 400
    assert "validation" in model.history_.records[0]
    before = model.score(X)
    model.partial_fit(X)
    assert model.n_iter_ == len(model.history_.records)
    assert model.score(X) != before


def test_numbers_far_off_are_taken_for_the_limit(fitted):
    X = table(20, seed=4)
    far, further = X.copy(), X.copy()
    far[:, 0], further[:, 0] = 1e3, 1e30
    mask = np.arange(8) == 3
    np.testing.assert_array_equal(
        fitted.predict_hidden(far, mask)[:, 3], fitted.predict_hidden(further, mask)[:, 3]
    )


@pytest.mark.parametrize("likelihood", ["auto", "laplace"])
def test_mixed_tables_and_gaps(likelihood):
    pl = pytest.importorskip("polars")
    draw = np.random.default_rng(0)
    a, gaps = draw.normal(size=300), draw.random(300) < 0.1
    frame = pl.DataFrame(
        {
            "a": [None if gap else value for gap, value in zip(gaps, a, strict=True)],
            "b": a + 0.1 * draw.normal(size=300),
            "c": np.where(a > 0, "up", "down"),
        }
    )
    model = made(likelihood=likelihood, max_epochs=300).fit(frame)
    mask = np.tile([True, False, False], (300, 1))
    found = model.predict_hidden(frame, mask)
    assert found.columns == frame.columns
    assert np.corrcoef(found["a"].to_numpy(), a)[0, 1] > 0.9
    hidden = np.tile([False, False, True], (300, 1))
    right = (model.predict_hidden(frame, hidden)["c"] == frame["c"]).mean()
    assert right > 0.9
    assert np.isfinite(model.score(frame))
