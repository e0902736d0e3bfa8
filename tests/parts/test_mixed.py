"""Mixed tables: cells spread out and hidden, each column's own law, against scipy and by hand."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from scipy.stats import laplace, norm

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts import codes, corruptions, likelihoods, networks
from laws import MIXED_LIKELIHOODS, TABLE, TABLES, cells, drawn, noise, normal

every_table = pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
every_likelihood = pytest.mark.parametrize(
    "make", MIXED_LIKELIHOODS.values(), ids=MIXED_LIKELIHOODS
)
NAN = torch.nan


def rows_for(part, n, seed=0, missing=0.3):
    """Cells for a network or likelihood of whatever columns."""
    levels = getattr(part, "categories", None) or part.levels
    x = cells(n, seed, missing)[:, : len(levels)]
    for j, k in enumerate(levels):
        if k:
            x[:, j] = (x[:, j].abs() * 7).floor() % k
        elif TABLE[j]:
            x[:, j] = x[:, j] - 1.5
    return x


def deviations(part):
    """Of the numbers, in order; None where they are no Gaussians."""
    if part.variance == "laplace":
        return None
    own = torch.as_tensor(part.deviation()).detach().flatten().numpy()
    return np.broadcast_to(own, (part.levels.count(0),)) if len(own) else own


# cells spread out


def test_cells_are_spread_out_as_the_docstring_says():
    network = drawn(lambda: networks.Table((3, 2), categories=(3, 0, 2)))
    x = torch.tensor([[2.0, 0.5, NAN], [NAN, NAN, 1.0]], dtype=torch.float64)
    wanted = [
        # value, known; of two; of three
        [0.5, 1, 0, 0, 0, 0, 1],
        [0.0, 0, 0, 1, 0, 0, 0],
    ]
    assert network.expanded(x).tolist() == wanted
    assert network.width == 7
    assert network.inputs == 3


def test_many_categories_are_vectors_of_their_own():
    network = drawn(lambda: networks.Table((2, 2), categories=(40, 0)))
    assert network.width == 2 + 7
    x = torch.tensor([[39.0, 1.0], [NAN, 1.0], [0.0, 1.0]], dtype=torch.float64)
    spread = network.expanded(x)[:, 2:]
    torch.testing.assert_close(spread[[0, 2]], network.embeddings[0][[39, 0]])
    assert not spread[1].any()
    spread.sum().backward()
    trained = network.embeddings[0].grad.abs().sum(1).nonzero().flatten()
    assert trained.tolist() == [0, 39]


@every_table
def test_a_table_is_a_dense_network_on_what_is_spread_out(make):
    table = drawn(lambda: make(2))
    context = normal(6, 2, seed=1)
    dense = drawn(lambda: networks.Dense((table.width, *table.sizes[1:]), "tanh", 2))
    dense.layers = table.layers
    x = rows_for(table, 6)
    spread = table.expanded(x)
    torch.testing.assert_close(table(x, context), dense(spread, context))
    for own, other in zip(table.levels(x, context), dense.levels(spread, context), strict=True):
        torch.testing.assert_close(own, other)
    for own, other in zip(
        table.jacobian_chain(x, context), dense.jacobian_chain(spread, context), strict=True
    ):
        torch.testing.assert_close(own, other)


@every_table
def test_every_weight_matters_and_gradients_are_finite(make):
    table = drawn(make)
    table(rows_for(table, 400)).square().sum().backward()
    for name, parameter in table.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any(), name


def test_the_first_part_of_a_table_takes_cells_and_the_others_do_not():
    table = drawn(lambda: networks.Table((5, 6, 4, 3), "tanh", 2, TABLE))
    x, context = rows_for(table, 5), normal(5, 2, seed=1)
    lower, upper = table.part(0, 2), table.part(2, 3)
    assert (lower.sizes, upper.sizes) == ((5, 6, 4), (4, 3))
    torch.testing.assert_close(upper(lower.features(x, context)), table(x, context))
    assert lower.embeddings[0] is table.embeddings[0]


def test_columns_and_cells_have_to_agree():
    with pytest.raises(ValueError, match="2 columns make no rows of 3 cells"):
        networks.Table((3, 2), categories=(0, 0))
    with pytest.raises(ValueError, match="5 columns make no rows of 3 cells"):
        likelihoods.Mixed(TABLE).outputs(3)
    with pytest.raises(ValueError, match="one number ≥ 0 a column"):
        likelihoods.Mixed((0, -1))


# likelihood


def widths(part, out):
    """b of every number, (n, numbers), where Laplace's law is theirs."""
    if part.variance != "laplace":
        return None
    numbers = part.levels.count(0)
    return 0.05 + np.logaddexp(0, out[:, numbers : 2 * numbers].numpy())


@every_likelihood
def test_known_cells_have_scipys_probabilities_and_missing_ones_none(make):
    part = drawn(make)
    n = 30
    x, out = rows_for(part, n).numpy(), normal(n, part.outputs(len(part.levels)))
    found = part.log_prob(torch.from_numpy(x), out).detach().numpy()
    order = sorted(range(len(part.levels)), key=lambda j: (part.levels[j], j))
    s = deviations(part)
    start = numbers = 0
    for j in order:
        k = part.levels[j]
        own = out[:, start : start + max(1, k)].numpy()
        width = widths(part, out)
        known = ~np.isnan(x[:, j])
        code = np.where(known, x[:, j], 0).astype(int)
        if k:
            wanted = log_softmax(own, axis=1)[np.arange(n), code]
        else:
            if width is None:
                wanted = norm.logpdf(x[:, j], own[:, 0], s[numbers])
            else:
                wanted = laplace.logpdf(x[:, j], own[:, 0], width[:, numbers])
            numbers += 1
        np.testing.assert_allclose(found[known, j], wanted[known], rtol=1e-6)
        assert not found[~known, j].any()
        assert 0 < known.sum() < n
        start += max(1, k)
        if not k and width is not None and numbers == part.levels.count(0):
            start += numbers  # the widths come after all medians
    assert start == out.shape[1]


@every_likelihood
def test_draws_and_means_are_those_of_the_law(make):
    part = drawn(make)
    out = normal(1, part.outputs(len(part.levels)))
    draws, mean = part.sample(out.expand(40_000, -1), noise()), part.mean(out)[0]
    start = numbers = 0
    for j in sorted(range(len(part.levels)), key=lambda j: (part.levels[j], j)):
        k, own = part.levels[j], draws[:, j]
        logits = out[0, start : start + max(1, k)]
        if k:
            mass = logits.softmax(0)
            share = torch.bincount(own.long(), minlength=k) / len(own)
            assert ((share - mass).abs() < 5 * (mass * (1 - mass) / len(own)).sqrt() + 1e-9).all()
            assert mean[j] == mass.argmax()
        else:
            width = widths(part, out)
            s = float(deviations(part)[numbers] if width is None else 2**0.5 * width[0, numbers])
            assert own.mean().item() == pytest.approx(logits.item(), abs=5 * s / 200)
            assert own.std().item() == pytest.approx(s, rel=0.02)
            assert mean[j] == logits
            numbers += 1
        start += max(1, k)
        if not k and part.variance == "laplace" and numbers == part.levels.count(0):
            start += numbers


@every_likelihood
def test_gradients_are_finite_and_reach_every_number_of_known_cells_alone(make):
    part = drawn(make)
    x = rows_for(part, 60)
    out = normal(60, part.outputs(len(part.levels))).requires_grad_()
    part.log_prob(x, out).sum().backward()
    assert torch.isfinite(out.grad).all()
    hidden = part.log_prob(torch.full_like(x, NAN), out)
    assert not hidden.any()
    if 1 not in part.levels:  # of one category nothing can be learned
        assert (out.grad != 0).any(0).all()


def test_distance_is_squared_for_numbers_and_counts_wrong_categories():
    part = likelihoods.Mixed((0, 3, 0))
    x = torch.tensor([[1.0, 2.0, NAN], [NAN, NAN, NAN], [0.5, 1.0, 2.0]])
    mean = torch.tensor([[3.0, 1.0, 9.0], [1.0, 1.0, 1.0], [0.5, 1.0, 1.0]])
    assert part.distance(x, mean).tolist() == [[4, 1, 0], [0, 0, 0], [0, 0, 1]]
    torch.testing.assert_close(part.error(x, mean), torch.tensor([2.5, 0.0, 1 / 3]))


# corruption, and everything together


def test_hidden_cells_are_missing_and_the_others_as_they_were():
    x = cells(4000).float()
    corrupted, changed = corruptions.Missing(0.3).corrupt(x, noise())
    assert corrupted[changed == 1].isnan().all()
    left = changed == 0
    torch.testing.assert_close(corrupted[left], x[left], equal_nan=True, rtol=0, atol=0)
    assert changed.mean().item() == pytest.approx(0.3, abs=0.02)


def test_a_swapped_cell_is_known_as_often_as_its_column():
    x = torch.tensor([[1.0], [2.0], [NAN], [4.0]]).repeat(2000, 1)
    corrupted, changed = corruptions.ColumnSwap(0.5).corrupt(x, noise())
    assert corrupted.isnan().float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert not corrupted[changed == 0][:, None].isnan().all()
    known = corrupted[~corrupted.isnan()]
    assert set(known.tolist()) == {1.0, 2.0, 4.0}


def module(**words):
    return AutoencoderModule(
        networks.Table((5, 6, 4), "tanh", categories=TABLE),
        codes.Deterministic(4, "tanh"),
        networks.Dense((4, 6, 47), "tanh"),
        likelihoods.Mixed(TABLE, "column"),
        **words,
    )


@pytest.mark.parametrize("corruption", [corruptions.Missing(0.4, 0.8), corruptions.ColumnSwap(0.4)])
def test_the_loss_and_its_gradient_are_finite_whatever_is_missing(corruption):
    model = drawn(lambda: module(corruption=corruption))
    x = cells(50, missing=0.6)
    terms = model(Example(x), torch.zeros(()), noise())
    assert torch.isfinite(terms["loss"])
    terms["loss"].backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_what_is_missing_does_not_matter_and_what_is_known_does():
    model = drawn(module)
    x = cells(20, missing=0.5)
    loss = model(Example(x), torch.zeros(()), None)["reconstruction"]
    nats = -model.likelihood.log_prob(x, model.decoder(model.encode(x)))
    torch.testing.assert_close(loss, nats.nansum(1).mean())
    assert (nats[x.isnan()] == 0).all()
    hidden = x.clone()
    hidden[:, 0] = NAN
    assert (model.encode(hidden) != model.encode(x)).any()


def test_the_widths_of_networks_and_likelihood_meet():
    assert all(width == wanted for _, width, wanted in module().joints())


def test_a_mixture_of_predictions_weighs_categories_by_their_shares():
    part = likelihoods.Mixed((0, 3), "laplace")
    outs = torch.tensor(
        [[[1.0, 0.0, 0.5, 0.3, 0.2]], [[2.0, 0.0, 0.0001, 0.6, 0.4]]], dtype=torch.float64
    )
    outs[:, :, 2:] = outs[:, :, 2:].log()
    np.testing.assert_allclose(part.blend(outs), [[1.5, 1.0]])
    x = torch.tensor([[0.5, 2.0]], dtype=torch.float64)
    np.testing.assert_allclose(part.miss(x, outs[0]), [[0.5, 0.8]], rtol=1e-6)
    gaps = part.miss(torch.full((1, 2), torch.nan, dtype=torch.float64), outs[0])
    assert gaps.isnan().all()


def test_a_new_start_forgets_the_deviations():
    part = likelihoods.Mixed((0, 3, 0), variance="column", scale=2.0)
    with torch.no_grad():
        part.log_scale.fill_(5)
    part.initialise(noise())
    np.testing.assert_allclose(part.log_scale.detach(), np.log([2, 2]), rtol=1e-6)
    likelihoods.Mixed((0, 3)).initialise(noise())  # has none


def test_categories_alone_come_in_the_precision_of_the_predictions():
    part = likelihoods.Mixed((3, 3))
    out = normal(5, part.outputs(2)).float()
    assert part.mean(out).dtype == part.sample(out, noise()).dtype == torch.float32
    assert part.blend(out[None]).dtype == torch.float32


def test_columns_of_equally_many_categories_are_drawn_each_by_its_own_law():
    part = likelihoods.Mixed((3, 3))
    sure = torch.full((4, 2, 3), -50.0)
    sure[:, 0, 2] = sure[:, 1, 1] = 0.0
    draws = part.sample(sure.flatten(1), noise())
    assert draws.tolist() == [[2.0, 1.0]] * 4


def test_a_mixture_of_categories_is_one_of_probabilities_not_of_logits():
    """One prediction is sure of the first, two lean to the second: 1 + 2 · .05 against 2 · .95."""
    part = likelihoods.Mixed((2,))
    outs = torch.tensor([[[20.0, 0.0]], [[-3.0, 0.0]], [[-3.0, 0.0]]])
    assert part.blend(outs).tolist() == [[1.0]]
    assert part.blend(outs[:1]).tolist() == [[0.0]]


def test_the_error_of_a_row_is_the_mean_of_what_is_known_of_it():
    part = likelihoods.Mixed((0, 3, 0))
    x = torch.tensor([[1.0, 2.0, NAN], [NAN, NAN, 4.0], [NAN, NAN, NAN]])
    mean = torch.tensor([[0.0, 1.0, 9.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    assert part.error(x, mean).tolist() == [1.0, 9.0, 0.0]
