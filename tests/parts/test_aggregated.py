"""The aggregated posterior against enumeration of all rows, and integrals over a grid."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import norm

from diabolo.parts.aggregated import SAMPLINGS, aggregated
from diabolo.parts.priors import StandardNormal
from laws import noise, normal


def posteriors(rows, dim=2):
    return normal(rows, dim, seed=1), 0.5 * normal(rows, dim, seed=2)


def densities(z, mu, logvar):
    """log q(z_j | row k), (n, rows, dim), by scipy."""
    return norm.logpdf(z[:, None].numpy(), mu.numpy(), np.exp(0.5 * logvar.numpy()))


def test_it_is_exact_where_the_batch_is_the_whole_set():
    mu, logvar = posteriors(6)
    z = normal(6, 2, seed=3)
    found, table = aggregated(z, mu, logvar, 6), densities(z, mu, logvar)
    np.testing.assert_allclose(found.joint, logsumexp(table.sum(2), 1) - np.log(6))
    np.testing.assert_allclose(found.marginals, logsumexp(table, 1) - np.log(6))
    np.testing.assert_allclose(found.conditional, np.diagonal(table.sum(2)))


def test_it_is_right_on_average_over_all_batches_that_a_row_can_be_in():
    mu, logvar = posteriors(5)
    z = normal(5, 2, seed=3)
    whole = aggregated(z, mu, logvar, 5)
    batches = [torch.tensor([0, *others]) for others in combinations(range(1, 5), 2)]
    parts = [aggregated(z[b], mu[b], logvar[b], 5) for b in batches]
    joint = torch.stack([part.joint[0].exp() for part in parts]).mean()
    torch.testing.assert_close(joint, whole.joint[0].exp())
    marginals = torch.stack([part.marginals[0].exp() for part in parts]).mean(0)
    torch.testing.assert_close(marginals, whole.marginals[0].exp())


def test_weighted_counts_every_row_of_the_batch_alike():
    """Chen et al. 2018, eq. 5."""
    mu, logvar = posteriors(4)
    z = normal(4, 2, seed=3)
    found, table = aggregated(z, mu, logvar, 70, "weighted"), densities(z, mu, logvar)
    np.testing.assert_allclose(found.joint, logsumexp(table.sum(2), 1) - np.log(4 * 70))


def test_the_three_parts_are_those_of_the_integrals_and_add_up_to_the_rate():
    """Two units, five rows: q(z) on a grid, its entropies by sums over it."""
    mu, logvar = posteriors(5)
    axis = np.linspace(-9, 9, 1201)
    step = axis[1] - axis[0]
    of_rows = norm.pdf(axis[:, None, None], mu.numpy(), np.exp(0.5 * logvar.numpy()))  # (g, 5, 2)
    joint = np.einsum("ak,bk->ab", of_rows[:, :, 0], of_rows[:, :, 1]) / 5
    alone = of_rows.mean(1)
    entropy = -(joint * np.log(joint + 1e-300)).sum() * step**2
    entropies = [-(alone[:, j] * np.log(alone[:, j] + 1e-300)).sum() * step for j in (0, 1)]
    of_a_row = (0.5 * (np.log(2 * np.pi) + 1 + logvar.numpy())).sum(1).mean()
    information, correlation = entropy - of_a_row, sum(entropies) - entropy
    distance = sum(
        (alone[:, j] * (np.log(alone[:, j] + 1e-300) - norm.logpdf(axis))).sum() * step
        for j in (0, 1)
    )
    rate = StandardNormal(2).divergence(mu, logvar).mean().item()
    assert information + correlation + distance == pytest.approx(rate, abs=1e-6)

    found = []
    generator = noise()
    for _ in range(4000):
        z = mu + (0.5 * logvar).exp() * torch.empty_like(mu).normal_(generator=generator)
        parts = aggregated(z, mu, logvar, 5)
        found.append((parts.mutual_information.item(), parts.total_correlation.item()))
    error = 4 * np.std(found, axis=0) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - (information, correlation)) < error).all()


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("batch", "rows"), [(1, 1), (1, 50), (2, 1), (7, 3)])
def test_small_batches_and_sets_give_numbers(sampling, batch, rows):
    mu, logvar = posteriors(batch)
    parts = aggregated(mu, mu, logvar, rows, sampling)
    assert torch.isfinite(parts.total_correlation)
    assert torch.isfinite(parts.mutual_information)
