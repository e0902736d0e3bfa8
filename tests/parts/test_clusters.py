"""Shares of clusters: scikit-learn's responsibilities, the paper's formulas number by number."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from diabolo.parts.clusters import Responsibility, StudentT, sharpened
from diabolo.parts.densities import Blend
from diabolo.parts.priors import Mixture, StandardNormal
from laws import ASSIGNMENTS, drawn, normal

every_assignment = pytest.mark.parametrize("make", ASSIGNMENTS.values(), ids=ASSIGNMENTS)


@every_assignment
def test_shares_sum_to_one_and_reach_the_centres(make):
    part = drawn(make)
    z = normal(9, 3).requires_grad_()
    q = part(z)
    assert q.shape == (9, 4)
    torch.testing.assert_close(q.sum(1), torch.ones(9).double())
    q[:, 0].sum().backward()
    assert z.grad.abs().sum() > 0
    assert part.centres.shape == (4, 3)


@every_assignment
def test_a_share_depends_on_its_row_alone(make):
    part, z = drawn(make), normal(5, 3)
    torch.testing.assert_close(part(z)[2:3], part(z[2:3]))


def test_student_t_is_the_papers():
    part, z = drawn(lambda: StudentT(2, 3)), normal(4, 2)
    for i in range(4):
        weights = [
            1 / (1 + sum((z[i, j] - part.means[k, j]) ** 2 for j in range(2))) for k in range(3)
        ]
        for k in range(3):
            assert part(z)[i, k].item() == pytest.approx((weights[k] / sum(weights)).item())


def test_targets_are_the_papers():
    q = torch.tensor([[0.7, 0.3], [0.6, 0.4], [0.1, 0.9]])
    f = [1.4, 1.6]
    expected = [[a * a / f[0], b * b / f[1]] for a, b in q.tolist()]
    expected = [[a / (a + b), b / (a + b)] for a, b in expected]
    np.testing.assert_allclose(sharpened(q), expected, rtol=1e-6)
    assert not sharpened(torch.tensor([[1.0, 0.0], [1.0, 0.0]])).isnan().any(), "an empty cluster"


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_responsibilities_are_scikit_learns(covariance):
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 2)) + 2 * (np.arange(200) % 3)[:, None]
    fitted = GaussianMixture(3, covariance_type=covariance, random_state=0).fit(x)
    mixture = Blend(2, 3) if covariance == "full" else Mixture(2, 3, bound=1000.0)
    mixture = mixture.double()
    with torch.no_grad():
        mixture.means.copy_(torch.from_numpy(fitted.means_))
        weights = torch.from_numpy(np.log(fitted.weights_))
        if covariance == "full":
            mixture.log_weights.copy_(weights)
            mixture.roots.copy_(torch.from_numpy(np.linalg.cholesky(fitted.covariances_)))
        else:
            mixture.logits.copy_(weights)
            mixture.logvars.copy_(torch.from_numpy(np.log(fitted.covariances_)))
    shares = Responsibility(2, 3, mixture)(torch.from_numpy(x))
    np.testing.assert_allclose(shares.detach(), fitted.predict_proba(x), atol=1e-4)


@pytest.mark.parametrize(
    ("mixture", "sentence"),
    [
        (lambda: StandardNormal(3), "StandardNormal has no components"),
        (lambda: Blend(3, 5), "5 components over 3 units is none of 4 over 3"),
    ],
)
def test_what_is_no_mixture_of_that_size(mixture, sentence):
    with pytest.raises(ValueError, match=sentence):
        Responsibility(3, 4, mixture())
