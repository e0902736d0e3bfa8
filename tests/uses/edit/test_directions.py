"""Directions against closed forms: means of classes, discriminants, eigenvectors."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from diabolo import Autoencoder, ConvolutionalAutoencoder
from diabolo.uses.edit.directions import (
    Direction,
    factors,
    first_matrix,
    holding,
    matched_difference,
    mean_difference,
    principal,
    probe_normal,
)


@pytest.fixture(scope="module")
def clouds():
    """Two classes of correlated codes with one covariance Σ, their means δ apart."""
    random = np.random.default_rng(0)
    root = np.array([[1.0, 0.0], [0.9, 0.4]])
    delta = np.array([1.0, -1.0])
    labels = np.arange(20_000) % 2
    codes = random.normal(size=(20_000, 2)) @ root.T + labels[:, None] * delta
    return codes.astype(np.float32), labels, root @ root.T, delta


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def test_a_mean_difference_is_the_difference_of_the_decoded_means(linear):
    """A linear decoder maps the step between the mean codes to that between the mean rows."""
    model, rows = linear
    labels = rows[:, 0] > 0
    codes = model.transform(rows)
    step = mean_difference(codes, labels, True).vector
    rebuilt = model.reconstruct(rows)
    expected = rebuilt[labels].mean(0) - rebuilt[~labels].mean(0)
    moved = model.inverse_transform(codes[:1] + step) - model.inverse_transform(codes[:1])
    np.testing.assert_allclose(moved[0], expected, atol=1e-4)


def test_a_probes_normal_is_fishers_discriminant(clouds):
    """For normal classes of one covariance the log-odds fall along Σ⁻¹δ in the codes, and so along
    D Σ⁻¹ δ in codes divided by their deviations D; back in the codes that is D² Σ⁻¹ δ."""
    codes, labels, covariance, delta = clouds
    direction = probe_normal(codes, labels, 1, 0)
    squares = codes.var(0)
    expected = squares * np.linalg.solve(covariance, delta)
    assert cosine(direction.vector, expected) > 0.999
    assert cosine(mean_difference(codes, labels, 1, 0).vector, delta) > 0.999
    assert direction.name == "0 to 1"


def test_a_matched_difference_leaves_the_groups_alone():
    """Groups differ along one axis and in how often they have the label; the label's own effect
    lies along the other."""
    random = np.random.default_rng(0)
    groups = random.integers(0, 2, 4000)
    labels = random.random(4000) < np.where(groups == 1, 0.9, 0.2)
    codes = np.stack([5 * groups, 2 * labels], 1) + random.normal(size=(4000, 2))
    codes = codes.astype(np.float32)
    plain = mean_difference(codes, labels, True).vector
    matched = matched_difference(codes, labels, groups, True).vector
    assert plain[0] > 2
    np.testing.assert_allclose(matched, [0, 2], atol=0.15)
    with pytest.raises(ValueError, match="no group holds rows on both sides of 'to True'"):
        matched_difference(codes, labels, labels, True)


def test_a_step_along_the_normal_is_as_long_as_the_means_are_apart(clouds):
    codes, labels, _, _ = clouds
    vector = probe_normal(codes, labels, 1, 0).vector / codes.std(0)
    means = (codes[labels == 1].mean(0) - codes[labels == 0].mean(0)) / codes.std(0)
    assert vector @ vector == pytest.approx(means @ vector, rel=1e-4)


def test_units_that_never_vary_stay_where_they_are(clouds):
    codes, labels, _, _ = clouds
    still = np.hstack([codes, np.full((len(codes), 1), 7, np.float32)])
    assert probe_normal(still, labels, 1).vector[2] == 0


def test_what_is_held_is_at_right_angles():
    random = np.random.default_rng(0)
    others = [Direction(str(i), random.normal(size=5)) for i in range(3)]
    direction = Direction("up", random.normal(size=5).astype(np.float32))
    held = holding(direction, others).vector
    assert max(abs(held @ other.vector) for other in others) < 1e-5
    left = direction.vector - held  # what was taken away lies in the span of the others
    basis = np.stack([other.vector for other in others])
    assert np.linalg.lstsq(basis.T, left)[1] == pytest.approx(0, abs=1e-9)
    assert holding(direction, []) is direction
    with pytest.raises(ValueError, match=r"nothing of the direction 'up' is left when .* held"):
        holding(direction, [direction])


def test_principal_directions_are_pcas_with_their_deviations(clouds):
    codes = clouds[0]
    found, pca = principal(codes, 2), PCA().fit(codes)
    for direction, axis, variance in zip(
        found, pca.components_, pca.explained_variance_, strict=True
    ):
        assert abs(cosine(direction.vector, axis)) == pytest.approx(1, abs=1e-5)
        assert np.linalg.norm(direction.vector) == pytest.approx(np.sqrt(variance), rel=1e-3)
    assert len(principal(codes, 9)) == 2


def test_factors_are_eigenvectors_of_the_first_matrix(digits):
    weight = dict(digits.gan.module_.generator.named_parameters())["layers.0.weight"]
    weight = weight.detach().numpy().astype(np.float64)
    values, vectors = np.linalg.eigh(weight.T @ weight)
    for direction, expected in zip(factors(digits.gan, 4), vectors.T[::-1], strict=True):
        assert abs(direction.vector @ expected) == pytest.approx(1, abs=1e-5)
        stretched = np.linalg.norm(weight @ direction.vector)
        assert stretched == pytest.approx(np.sqrt(values[::-1][int(direction.name[-1]) - 1]))


def test_the_first_matrix_of_every_kind_of_decoder():
    """What it makes of a code is how the decoder's first level begins."""
    rows = np.random.default_rng(0).normal(size=(30, 64))
    quick = {"n_components": 3, "max_epochs": 1, "random_state": 0, "n_threads": 1}
    side = np.eye(2)[np.arange(30) % 2]
    tied = Autoencoder(tied=True, **quick).fit(rows)
    folded = ConvolutionalAutoencoder(**quick).fit(rows)
    beside = Autoencoder(**quick).fit(rows, context=side)
    z = torch.tensor([[0.3, -1.0, 2.0]])
    first = tied.module_.encoder.layers[-1].weight[:3].T
    assert np.array_equal(first_matrix(tied.module_.decoder, 3), first.detach().numpy())
    foot = folded.module_.decoder.foot
    begin = (foot(z) - foot(0 * z)).detach().numpy()[0]
    np.testing.assert_allclose(
        first_matrix(folded.module_.decoder, 3) @ z[0].numpy(), begin, atol=1e-5
    )
    layer = beside.module_.decoder.layers[0]
    assert np.array_equal(
        first_matrix(beside.module_.decoder, 3), layer.weight[:, :3].detach().numpy()
    )
    with pytest.raises(ValueError, match="does not begin with a matrix"):
        first_matrix(torch.nn.ReLU(), 3)


@pytest.mark.parametrize(
    ("labels", "towards", "away", "sentence"),
    [
        ([0, 0, 1, 1], 2, None, "no row has the label '2'; there are 0, 1."),
        ([0, 0, 0, 1], 1, None, "only 1 row has the label '1': a direction needs 2."),
        ([0, 0, 1, 1], 1, "1", "needs two labels, but both are '1'."),
        ([1, 1, 1, 1], 1, None, "all rows have the label '1'"),
        (["cat", "cat", "dog", "dog"], "cow", "cat", "no row has the label 'cow'; there are cat"),
    ],
)
@pytest.mark.parametrize("method", [mean_difference, probe_normal])
def test_labels_that_give_no_direction(method, labels, towards, away, sentence):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        method(np.eye(4, dtype=np.float32), labels, towards, away)
    assert sentence in str(caught.value)
