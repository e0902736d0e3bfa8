"""What an edit moves, measured by probes that know nothing of the model."""

import numpy as np
import pytest
from scipy.special import logit

from diabolo.uses.edit.directions import Direction, holding, mean_difference, probe_normal
from diabolo.uses.edit.effects import Effects, Probe, edited, effects
from diabolo.uses.latent import scaled_rows


@pytest.mark.parametrize("method", [mean_difference, probe_normal])
def test_ones_become_zeros_in_the_eyes_of_another_probe(digits, method):
    vae = digits.vae
    direction = method(vae.transform(digits.train), digits.y, towards=0, away=1)
    ones = vae.transform(digits.test[digits.y_test == 1])
    before, after = edited(vae, ones, direction, [0, 1])
    verdicts = [digits.probe.verdict(scaled_rows(vae, rows)) for rows in (before, after)]
    assert np.mean(verdicts[0] == "1") > 0.7
    assert np.mean(verdicts[1] == "0") > 0.85


def test_effects_of_a_linear_decoder_are_straight_lines(linear):
    """An attribute that is a column, x̂ = Wz + b: a step of v moves it by (Wv) a unit."""
    model, rows = linear
    codes, step = model.transform(rows), np.array([0.5, -1.0, 2.0], np.float32)
    weight = model.module_.decoder.layers[0].weight.detach().numpy()
    columns = {f"x{j}": lambda x, j=j: x[:, j] for j in range(3)}
    found = effects(model, codes, Direction("v", step), [-1.0, 0.0, 2.0], columns, target="x0")
    moves = weight @ step
    for j in range(3):
        assert found.slope(f"x{j}") == pytest.approx(moves[j], abs=1e-4)
    others = np.sqrt(np.mean(np.square(moves[1:3]))) / abs(moves[0])
    assert found.side_effect == pytest.approx(others, rel=1e-3)
    length = np.linalg.norm(moves) / np.sqrt(6)
    np.testing.assert_allclose(found.distance, [length, 0, 2 * length], rtol=1e-4, atol=1e-6)


def test_holding_an_attribute_that_goes_along_leaves_it_alone(linear):
    """Two attributes that agree in most rows: each one's direction drags the other along."""
    model, rows = linear
    codes = model.transform(rows)
    random = np.random.default_rng(0)
    first = codes[:, 0] > 0
    second = codes[:, 0] + codes[:, 1] + 0.1 * random.normal(size=len(codes)) > 0
    probes = {}
    for name, labels in (("first", first), ("second", second)):
        probes[name] = Probe(scaled_rows(model, rows), labels).attributes()["True"]
    direction = probe_normal(codes, first, True)
    gradient = Direction("second", second_gradient(codes, second))
    found = [
        effects(model, codes, way, [0, 1], probes, target="first").side_effect
        for way in (direction, holding(direction, [gradient]))
    ]
    assert found[1] < 0.25 * found[0]


def second_gradient(codes, labels):
    """Along which a linear reading of the label in codes does change."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(codes, labels).coef_[0]


def test_log_odds_are_those_of_the_probabilities(digits):
    rows = scaled_rows(digits.vae, digits.test[:50])
    expected = logit(digits.probe.reader.predict_proba(rows)[:, 3])
    np.testing.assert_allclose(digits.probe.log_odds(3, rows), expected, rtol=1e-4, atol=1e-4)
    assert list(digits.probe.attributes()) == [str(i) for i in range(10)]


def test_a_probe_reads_what_it_learned(digits):
    rows = scaled_rows(digits.vae, digits.test)
    assert np.mean(digits.probe.verdict(rows) == digits.y_test.astype(str)) > 0.9
    with pytest.raises(ValueError, match="all rows have one label"):
        Probe(rows, np.zeros(len(rows)))


def test_edits_keep_the_shape_of_the_rows(digits):
    codes = digits.vae.transform(digits.test[:3])
    direction = Direction("nowhere", np.zeros(8, np.float32))
    rows = edited(digits.vae, codes, direction, [0, 1])
    assert rows.shape == (2, 3, 64)
    np.testing.assert_allclose(rows[0], digits.vae.reconstruct(digits.test[:3]), atol=1e-4)


def test_without_others_there_is_no_side_effect():
    alone = Effects(np.array([0.0, 1.0]), {"a": np.array([0.0, 2.0])}, np.zeros(2), "a")
    assert (alone.slope("a"), alone.side_effect) == (pytest.approx(2.0), 0.0)
    with pytest.raises(ValueError, match="pass two that differ"):
        effects(None, np.zeros((1, 1)), Direction("d", np.zeros(1)), [1, 1], {})
