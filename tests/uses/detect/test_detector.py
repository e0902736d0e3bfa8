"""The detector finds rows whose cells do not go together, and says which."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

import diabolo
from diabolo import (
    AnomalyDetector,
    Autoencoder,
    GenerativeAdversarialNetwork,
    MaskedEnsemble,
    open_dataset,
)
from diabolo.files import DamagedFileError
from diabolo.uses.detect import detector
from diabolo.uses.detect.defaults import default_for

D = 6
SIGNS = np.array([1, -1, 1, 1, -1, 1])


def table(rows, seed):
    """Columns that hang together by one hidden number."""
    draw = np.random.default_rng(seed)
    return draw.normal(size=(rows, 1)) * SIGNS + 0.2 * draw.normal(size=(rows, D))


def broken(rows, seed):
    """The same with one cell of each row taken from another: usual alone, not together."""
    X, draw = table(rows, seed), np.random.default_rng(seed)
    column = draw.integers(0, D, rows)
    X[np.arange(rows), column] = -np.sign(X[np.arange(rows), column]) * 1.5
    return X, column


def made(**settings):
    members = MaskedEnsemble(
        n_members=4, max_epochs=200, hidden_share=1.0, likelihood="laplace", scaling="standard"
    )
    return AnomalyDetector(
        **{"estimator": members, "random_state": 0, "n_threads": 1, "baseline": False, **settings}
    )


@pytest.fixture(scope="module")
def fitted():
    return made(baseline=True).fit(table(500, 0))


@pytest.fixture(scope="module")
def mixture():
    """(usual and broken rows, 1 where broken, the broken columns)."""
    odd, column = broken(100, 2)
    return np.concatenate([table(200, 1), odd]), np.repeat([0, 1], [200, 100]), column


def test_broken_rows_are_found_better_than_by_a_forest(fitted, mixture):
    X, odd, _ = mixture
    ours = roc_auc_score(odd, -fitted.score_samples(X))
    trees = IsolationForest(random_state=0).fit(table(500, 0))
    theirs = roc_auc_score(odd, -trees.score_samples(X))
    print(f"{ours:.3f} {theirs:.3f}")
    assert ours > 0.85
    assert ours > theirs


def test_reasons_name_the_cell_and_what_its_partner_says(fitted, mixture):
    X, _, column = mixture
    found = {f.row: f for f in fitted.explain(X, flagged=False)}
    first = 0
    for i, j in enumerate(column):
        reasons = found[200 + i].reasons
        if reasons and reasons[0].column == f"x{j}":
            first += 1
            np.testing.assert_allclose(reasons[0].seen, X[200 + i, j], rtol=1e-4)
            assert reasons[0].times > 2
    print(first)
    assert first > 60


def test_findings_come_from_the_strangest_on_and_are_the_flagged(fitted, mixture):
    X, *_ = mixture
    found = fitted.explain(X)
    decisions = [f.decision for f in found]
    assert decisions == sorted(decisions)
    assert {f.row for f in found} == set(np.flatnonzero(fitted.predict(X) == -1))
    chance = fitted.anomaly_probability(X)
    for f in found[:5]:
        assert f.probability == pytest.approx(chance[f.row], abs=1e-6)
        assert len(f.reasons) <= 3


def test_thresholds_by_share_by_range_and_by_held_out_rows(fitted):
    X = table(500, 0)
    assert (fitted.predict(X) == -1).sum() == 25
    assert (made(contamination=0.2).fit(X).predict(X) == -1).sum() == 100
    auto = made(contamination="auto").fit(X)
    assert (auto.predict(broken(100, 2)[0]) == -1).mean() > 0
    assert (auto.predict(X) == -1).mean() < 0.05
    held_out = made(held_out=0.4, contamination=0.1).fit(X)
    assert held_out.usual_.rows == 200
    assert (held_out.predict(table(2000, 5)) == -1).mean() == pytest.approx(0.1, abs=0.05)


def test_p_values_of_normal_rows_are_no_smaller_than_they_say():
    model = made(held_out=0.5).fit(table(800, 0))
    p = model.p_values(table(2000, 9))
    for alpha in (0.05, 0.2, 0.5):
        assert (p <= alpha).mean() < alpha + 0.05
    assert model.p_values(broken(100, 2)[0]).mean() < 0.2


def test_who_is_too_near_the_threshold_is_not_decided(fitted, mixture):
    X, *_ = mixture
    decided, apart = fitted.decide(X), np.abs(fitted.decision_function(X))
    unsure = decided == 0
    assert 0 < unsure.sum() < len(X) / 2
    assert apart[unsure].mean() < apart[~unsure].mean()
    np.testing.assert_array_equal(decided[~unsure], fitted.predict(X)[~unsure])
    assert made(doubt=0.0).fit(table(100, 0)).decide(X).all()


def test_probabilities_become_frequencies_by_known_rows(mixture):
    X, odd, _ = mixture
    model = made().fit(table(500, 0))
    before = model.anomaly_probability(X)
    np.testing.assert_allclose(spearmanr(before, -model.score_samples(X)).statistic, 1.0)
    at = np.interp(0.0, np.sort(model.decision_function(X)), np.sort(before)[::-1])
    assert at == pytest.approx(0.5, abs=0.05)
    model.calibrate(X[::2], odd[::2])
    after = model.anomaly_probability(X[1::2])
    assert after.mean() == pytest.approx(1 / 3, abs=0.05)
    assert np.square(after - odd[1::2]).mean() < 0.14
    with pytest.raises(ValueError, match="with both kinds among them"):
        model.calibrate(X, np.zeros(300))


@pytest.mark.parametrize("combine", ["forest", "mahalanobis"])
def test_a_partner_is_added_in_ranges_and_kept_in_the_file(combine, mixture, tmp_path):
    X, odd, _ = mixture
    far = np.concatenate([table(200, 3), table(20, 4) + 8.0])
    model = made(combine=combine).fit(table(300, 0))
    assert roc_auc_score(np.repeat([0, 1], [200, 20]), -model.score_samples(far)) > 0.99
    assert roc_auc_score(odd, -model.score_samples(X)) > 0.9
    assert (-model.score_samples(1e6 * X)).max() <= 20
    model.save(tmp_path / "detector")
    again = diabolo.load(tmp_path / "detector")
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
    assert again.explain(X[-3:]) == model.explain(X[-3:])
    assert again.get_params(deep=False)["combine"] == combine


def test_the_same_seed_gives_the_same_scores(fitted, mixture):
    again = made(baseline=True).fit(table(500, 0))
    np.testing.assert_array_equal(again.score_samples(mixture[0]), fitted.score_samples(mixture[0]))
    assert again.threshold_ == fitted.threshold_


def test_contaminated_rows_do_not_hide_themselves():
    odd, _ = broken(60, 2)
    X = np.concatenate([table(540, 1), odd])
    model = made().fit(X)
    assert roc_auc_score(np.repeat([0, 1], [540, 60]), -model.score_samples(X)) > 0.8


def test_the_strangest_rows_are_not_learned_from(monkeypatch):
    odd = 4 * np.random.default_rng(2).normal(size=(30, D))  # columns that know nothing of others
    X, kept = np.concatenate([table(570, 1), odd]), []
    choose = AnomalyDetector._usual

    def watched(self, *given):
        kept.append(choose(self, *given))
        return kept[0]

    monkeypatch.setattr(AnomalyDetector, "_usual", watched)
    careful = made(set_aside=0.05).fit(X)
    assert len(kept[0]) == 570
    assert np.sum(kept[0] < 570) > 560  # of the 30 strangest most are those
    direct = made(set_aside=0.0).fit(X[kept[0]])
    np.testing.assert_array_equal(
        careful.estimator_.predict_hidden(X, X < 0), direct.estimator_.predict_hidden(X, X < 0)
    )
    # the share that is flagged is of all rows, those set aside among them
    assert abs(np.mean(careful.predict(X) < 0) - 0.05) < 0.005


def test_how_many_are_set_aside_by_default():
    X = table(200, 0)
    for model, rows in ((AnomalyDetector(), 190), (made(), 200), (made(set_aside=0.1), 180)):
        model.mask_seed_ = 0
        first = made().estimator.set_params(max_epochs=2, random_state=0, n_threads=1)
        assert len(model._usual(first, open_dataset(X), np.arange(200))) == rows


def test_disagreement_with_a_forest_is_said(fitted, monkeypatch):
    assert fitted.agreement_ > 0.2
    assert fitted.notes_ == []
    monkeypatch.setattr(detector, "APART", 1.0)
    odd = made(baseline=True).fit(table(300, 0))
    assert f"hardly agree (rank correlation {odd.agreement_:.2f} on 300 rows)" in odd.notes_[0]


def test_any_family_can_be_the_model(mixture):
    X, odd, _ = mixture
    model = made(estimator=Autoencoder(n_components=1, max_epochs=100, scaling="standard"))
    model.fit(table(500, 0))
    assert roc_auc_score(odd, -model.score_samples(X)) > 0.9
    assert model.explain(X)[0].reasons
    game = made(estimator=GenerativeAdversarialNetwork(max_epochs=2)).fit(table(100, 0))
    assert game.explain(X, flagged=False)[0].reasons == ()


def test_mixed_tables_name_categories():
    draw = np.random.default_rng(0)
    a = draw.normal(size=400)
    side = np.where(a > 0, "right", "left")
    b = [None if i % 17 == 0 else v for i, v in enumerate(a + 0.1 * draw.normal(size=400))]
    model = made().fit(pl.DataFrame({"a": a, "b": b, "side": side}))
    odd = pl.DataFrame({"a": [0.8], "b": [0.8], "side": ["left"]})
    (finding,) = model.explain(odd, flagged=False)
    assert finding.reasons[0][:3] == ("side", "left", "right")
    usual = pl.DataFrame({"a": a, "b": b, "side": side})
    found = [reason for one in model.explain(usual, flagged=False) for reason in one.reasons]
    assert len(found) > 20
    assert all(reason.seen != reason.expected for reason in found)


def test_images_get_an_autoencoder():
    X = np.random.default_rng(0).integers(0, 255, (60, 8, 8)).astype(np.uint8)
    model = AnomalyDetector(random_state=0, n_threads=1, estimator=Autoencoder(max_epochs=2)).fit(X)
    x, rebuilt = X / 255, model.estimator_.reconstruct(X) / 255
    share = np.square(x - rebuilt).sum((1, 2)) / np.square(x).sum((1, 2))
    np.testing.assert_allclose(-model.score_samples(X), share, rtol=0.02)
    assert isinstance(default_for(diabolo.open_dataset(X)), Autoencoder)
    wide = diabolo.open_dataset(np.zeros((10, 1500)))
    assert default_for(wide).n_members == 4


def test_what_does_not_fit_its_model_is_a_damaged_file(tmp_path, monkeypatch):
    model = made(combine="forest").fit(table(60, 0))
    model.partner_.feature[0, 0] = 99
    model.save(tmp_path / "detector")
    with pytest.raises(DamagedFileError, match="columns or nodes that are not there"):
        diabolo.load(tmp_path / "detector")
