"""Ways between codes: straight where the decoder is linear, great circles where it is a sphere."""

import numpy as np
import pytest

from diabolo import VariationalAutoencoder
from diabolo.uses.edit.paths import PATHS, linear, path, spherical


def test_the_straight_line():
    a, b = np.zeros(2, np.float32), np.array([4.0, -2.0], np.float32)
    assert np.array_equal(linear(a, b, 3), [[0, 0], [2, -1], [4, -2]])


def test_a_sphere_is_kept_to_in_equal_turns():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 5))
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    way = spherical(a, b, 9)
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), 1, atol=1e-6)
    turns = np.arccos((way[1:] * way[:-1]).sum(1))
    np.testing.assert_allclose(turns, np.arccos(a @ b) / 8, atol=1e-4)
    np.testing.assert_allclose(way[[0, -1]], [a, b], atol=1e-6)


@pytest.mark.parametrize("end", [2.0, -1.0, 0.0])
def test_without_a_plane_to_turn_in_it_is_the_straight_line(end):
    a = np.array([1.0, 2.0], np.float32)
    assert np.array_equal(spherical(a, np.float32(end) * a, 5), linear(a, np.float32(end) * a, 5))


def test_the_geodesic_of_a_linear_decoder_is_the_straight_line(linear):
    model, rows = linear
    a, b = model.transform(rows[:2])
    found = path(model, a, b, kind="geodesic", steps=7)
    np.testing.assert_allclose(found.codes, path(model, a, b, steps=7).codes, atol=1e-4)
    ends = (model.reconstruct(rows[:2]) - model.columns_.offset) / model.columns_.scale
    assert found.length == pytest.approx(np.linalg.norm(ends[1] - ends[0]), rel=1e-4)
    assert found.straight == pytest.approx(found.length, rel=1e-6)


@pytest.mark.parametrize(
    ("a", "b"), [((0.0, 0.5), (1.2, 0.5)), ((-0.5, 0.9), (1.0, 0.9)), ((0.1, -0.4), (2.0, 0.7))]
)
def test_the_geodesic_on_a_sphere_is_a_great_circle(sphere, a, b):
    """Of n chords that each turn by ω/n, the length is 2n sin(ω/2n)."""
    a, b = np.array(a, np.float32), np.array(b, np.float32)
    steps = 21
    found = path(sphere, a, b, kind="geodesic", steps=steps)
    points = sphere.inverse_transform(found.codes)
    angle = np.arccos(points[0] @ points[-1])
    n = steps - 1
    assert found.length == pytest.approx(2 * n * np.sin(angle / (2 * n)), rel=1e-4)
    normal = np.cross(points[0], points[-1])
    assert np.abs(points @ normal / np.linalg.norm(normal)).max() < 1e-3  # in one plane
    assert found.straight > found.length + 1e-3  # a parallel of latitude is a detour
    np.testing.assert_allclose(found.codes[[0, -1]], [a, b], atol=1e-6)


def test_a_geodesic_of_digits_is_shorter_and_more_even(digits):
    first, last = (digits.y_test.tolist().index(label) for label in (0, 1))
    a, b = digits.vae.transform(digits.test[[first, last]])
    found = path(digits.vae, a, b, kind="geodesic", steps=8)
    assert found.length < 0.99 * found.straight

    def unevenness(codes):
        steps = np.diff(digits.vae.inverse_transform(codes), axis=0)
        return np.linalg.norm(steps, axis=1).std()

    assert unevenness(found.codes) < 0.5 * unevenness(path(digits.vae, a, b, steps=8).codes)


def test_the_model_is_left_as_it_was(digits):
    module = digits.vae.module_
    before = {name: value.clone() for name, value in module.state_dict().items()}
    path(digits.vae, *digits.vae.transform(digits.test[:2]), kind="geodesic", steps=4)
    after = module.state_dict()
    assert all(after[name].equal(value) for name, value in before.items())
    assert all(p.requires_grad and p.grad is None for p in module.parameters())


def test_a_context_goes_along():
    rows = np.random.default_rng(0).normal(size=(60, 4))
    side = np.eye(2)[np.arange(60) % 2]
    model = VariationalAutoencoder(n_components=2, max_epochs=1, random_state=0, n_threads=1)
    model.fit(rows, context=side)
    a, b = model.transform(rows[:2], context=side[:2])
    for kind in PATHS:
        assert path(model, a, b, kind=kind, steps=4, context=side[:1]).codes.shape == (4, 2)
    with pytest.raises(ValueError, match="pass context"):
        path(model, a, b, kind="geodesic")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"kind": "curly"}, "path 'curly' is unknown: known are linear, spherical, geodesic."),
        ({"steps": 1}, "steps=1 leaves no way between two codes: pass at least 2."),
    ],
)
def test_bad_words_are_one_sentence(linear, words, sentence):
    with pytest.raises(ValueError, match=sentence):
        path(linear[0], np.zeros(3), np.ones(3), **words)
    assert path(linear[0], np.zeros(3), np.ones(3), kind="geodesic", steps=2).codes.shape == (2, 3)
