"""Penalties against brute force, finite differences, closed forms and automatic differentiation."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, kl_divergence

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts import codes, corruptions, likelihoods, networks, penalties, stein
from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.aggregated import aggregated
from diabolo.parts.discrepancies import InverseMultiquadratic, for_normal, mmd
from diabolo.parts.penalties import cheapest_probes, kl_sparsity
from diabolo.parts.record import Pass
from laws import PENALTIES, drawn, noise, normal, uniform

every_penalty = pytest.mark.parametrize("make", PENALTIES.values(), ids=PENALTIES)


def seen(z):
    """The record of a pass of which only the code matters."""
    return Pass(z, z, None, None, z, z, z.new_zeros(len(z)), z.new_zeros(()), z)


def model_of(encoder, code, penalty, **words):
    decoder = networks.Dense((code.dim, encoder.inputs))
    words = {"penalties": (penalty,), **words}
    return drawn(lambda: AutoencoderModule(encoder, code, decoder, likelihoods.Gaussian(), **words))


@every_penalty
def test_it_is_one_number_that_pulls_at_the_network_and_changes_nothing(make):
    wants_posterior = isinstance(make(), penalties.TotalCorrelation)
    code = codes.Gaussian(4) if wants_posterior else codes.Matched(4, "sigmoid")
    model = model_of(networks.Dense((6, 5, code.inputs), "tanh"), code, make())
    (penalty,) = model.penalties
    before = {name: buffer.clone() for name, buffer in penalty.named_buffers()}
    record = model.observe(Example(uniform(9, 6)), noise())
    value = penalty(record, model, noise())
    assert value.shape == ()
    is_estimate = wants_posterior or isinstance(penalty, stein.Divergence)  # on either side of 0
    assert value > 0 or is_estimate
    network = model.decoder if isinstance(penalty, penalties.Isometry) else model.encoder
    gradients = torch.autograd.grad(value, list(network.parameters()), allow_unused=True)
    assert any(g is not None and (g != 0).any() for g in gradients)
    assert torch.equal(penalty(record, model, noise()), value)
    assert all(torch.equal(before[name], b) for name, b in penalty.named_buffers())
    assert set(penalty.statistics(record)) <= set(before)


# sparsity


def test_kl_sparsity_is_torchs_divergence_of_coins():
    active = uniform(7) * 0.9 + 0.05
    target = torch.full((7,), 0.1, dtype=torch.float64)
    wanted = kl_divergence(Bernoulli(target), Bernoulli(active)).sum()
    torch.testing.assert_close(kl_sparsity(active, 0.1), wanted)
    assert kl_sparsity(target, 0.1).item() == pytest.approx(0, abs=1e-15)


def test_kl_sparsity_slope_is_that_of_finite_differences_and_ngs():
    """Ng 2011, sec. 3: −ρ/ρ̂ + (1 − ρ)/(1 − ρ̂)."""
    active = (uniform(7) * 0.9 + 0.05).requires_grad_()
    (slope,) = torch.autograd.grad(kl_sparsity(active, 0.1), active)
    ng = -0.1 / active + 0.9 / (1 - active)
    torch.testing.assert_close(slope, ng.detach())
    step = 1e-6 * torch.eye(7, dtype=torch.float64)
    there = torch.stack([kl_sparsity(active + s, 0.1) for s in step])
    back = torch.stack([kl_sparsity(active - s, 0.1) for s in step])
    torch.testing.assert_close(slope, ((there - back) / 2e-6).detach(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("stuck", [0.0, 1e-30, 1.0, 1 - 1e-8])
def test_kl_sparsity_of_a_stuck_unit_is_finite_in_float32(stuck):
    active = torch.tensor([stuck, 0.3], requires_grad=True)
    value = kl_sparsity(active, 0.05)
    (slope,) = torch.autograd.grad(value, active)
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize(("a", "pull"), [(-60.0, -0.05), (-30.0, -0.05), (12.0, 0.95)])
def test_a_sigmoid_unit_that_is_stuck_is_called_back(a, pull):
    """dKL/da = ρ̂ − ρ for ρ̂ = σ(a): the pull does not fade however far off the unit is."""
    h = torch.tensor([a], requires_grad=True)
    (slope,) = torch.autograd.grad(kl_sparsity(torch.sigmoid(h), 0.05), h)
    assert slope.item() == pytest.approx(pull, rel=0.02)


def test_kl_sparsity_of_a_batch_is_of_its_mean_over_rows():
    z = uniform(32, 5)
    value = penalties.KLSparsity(1.0, 5, 0.1)(seen(z), None, None)
    active = z.numpy().mean(0)
    terms = 0.1 * np.log(0.1 / active) + 0.9 * np.log(0.9 / (1 - active))
    assert value.item() == pytest.approx(terms.sum())


def test_the_running_mean_is_the_weighted_mean_of_all_batches():
    penalty = penalties.KLSparsity(1.0, 3, 0.1, memory=0.8).double()
    batches = [uniform(8, 3, seed=seed) for seed in range(6)]
    for z in batches:
        fresh = penalty.statistics(seen(z))["running"]
        value = penalty(seen(z), None, None)
        assert value.item() == pytest.approx(kl_sparsity(fresh, 0.1).item())
        penalty.running.copy_(fresh)  # as the engine does after the step
    shares = [0.2 * 0.8**age for age in range(6)][::-1]
    wanted = 0.8**6 * 0.1 + sum(s * z.mean(0) for s, z in zip(shares, batches, strict=True))
    torch.testing.assert_close(penalty.running, wanted)


def test_memory_does_not_weaken_the_gradient():
    z = uniform(8, 3).requires_grad_()
    penalty = penalties.KLSparsity(1.0, 3, 0.1, memory=0.9).double()
    (gradient,) = torch.autograd.grad(penalty(seen(z), None, None), z)
    active = penalty.statistics(seen(z))["running"]
    wanted = (-0.1 / active + 0.9 / (1 - active)) / 8  # each of 8 rows has an eighth of the mean
    torch.testing.assert_close(gradient, wanted.expand(8, 3))


def test_without_memory_there_is_nothing_to_remember():
    assert penalties.KLSparsity(1.0, 3, 0.1).statistics(seen(uniform(8, 3))) == {}


def test_a_new_start_forgets():
    penalty = drawn(PENALTIES["kl sparsity with memory"])
    penalty.running.fill_(0.7)
    penalty.initialise(noise())
    assert torch.equal(penalty.running, torch.full((4,), 0.1, dtype=torch.float64))


def test_l1_is_the_sum_over_units_and_the_mean_over_rows():
    z = normal(8, 3)
    wanted = np.abs(z.numpy()).sum(1).mean()
    assert penalties.L1()(seen(z), None, None).item() == pytest.approx(wanted)


def test_weight_decay_is_half_the_squares_of_matrices_alone_and_tied_ones_once():
    encoder, mirror = networks.Dense((6, 4)), networks.Mirror((4, 6))
    model = drawn(
        lambda: AutoencoderModule(
            encoder, codes.Deterministic(4), mirror, likelihoods.Gaussian(variance="shared")
        )
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    wanted = 0.5 * (encoder.layers[0].weight.detach().numpy() ** 2).sum()
    assert penalties.WeightDecay()(None, model, None).item() == pytest.approx(wanted)


# contraction

ENCODERS = {
    "one layer": lambda: networks.Dense((6, 4)),
    "one wide layer": lambda: networks.Dense((3, 4)),
    "deep": lambda: networks.Dense((6, 5, 4), "sigmoid"),
    "deep, wide inside": lambda: networks.Dense((6, 9, 8, 4), "softplus"),
    "deep, kinked": lambda: networks.Dense((6, 5, 4), "relu"),
    "with context": lambda: networks.Dense((6, 5, 4), "tanh", 2),
    "convolutional": lambda: networks.ConvolutionalEncoder((3, 2, 1), 4, (3,), "tanh"),
}
every_encoder = pytest.mark.parametrize("make", ENCODERS.values(), ids=ENCODERS)


def full_norm(model, x, context=None):
    """‖∂z/∂x‖² of torch's own full Jacobian, mean over rows; differentiable."""

    def code(row, side):
        h = model.encoder(row[None]) if side is None else model.encoder(row[None], side[None])
        return model.code.mean(h)[0]

    sides = [None] * len(x) if context is None else context
    jacobians = [
        torch.autograd.functional.jacobian(lambda v, s=s: code(v, s), row, create_graph=True)
        for row, s in zip(x, sides, strict=True)
    ]
    return torch.stack(jacobians).square().sum((1, 2)).mean()


@every_encoder
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "identity"])
def test_contraction_and_its_gradient_are_the_full_jacobians(make, activation):
    encoder = make()
    model = model_of(encoder, codes.Deterministic(4, activation), penalties.Contractive())
    x = normal(5, encoder.inputs)
    context = normal(5, 2, seed=1) if encoder.context else None
    exact = full_norm(model, x, context)
    value = model.penalties[0](model.observe(Example(x, context), None), model, None)
    torch.testing.assert_close(value, exact, rtol=1e-6, atol=0)
    weights = [p for p in encoder.parameters() if p.ndim > 1]
    ours = torch.autograd.grad(value, weights)
    theirs = torch.autograd.grad(exact, weights)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_contraction_of_a_deep_encoder_is_right_for_every_activation(activation):
    encoder = networks.Dense((6, 5, 5, 4), activation)
    model = model_of(encoder, codes.Deterministic(4, activation), penalties.Contractive())
    x = normal(5, 6)
    value = model.penalties[0](model.observe(Example(x), None), model, None)
    torch.testing.assert_close(value, full_norm(model, x), rtol=1e-6, atol=0)


def test_contraction_of_one_layer_is_rifais_closed_form():
    model = model_of(
        networks.Dense((6, 4)), codes.Deterministic(4, "sigmoid"), penalties.Contractive()
    )
    x = normal(5, 6)
    layer = model.encoder.layers[0]
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    h = 1 / (1 + np.exp(-(x.numpy() @ weight.T + bias)))
    wanted = sum(
        (h[n, j] * (1 - h[n, j])) ** 2 * sum(weight[j, i] ** 2 for i in range(6))
        for n in range(5)
        for j in range(4)
    )
    value = model.penalties[0](model.observe(Example(x), None), model, None)
    assert value.item() == pytest.approx(wanted / 5)


def test_contraction_is_taken_where_the_encoder_looked():
    model = model_of(
        networks.Dense((6, 5, 4), "tanh"),
        codes.Deterministic(4),
        penalties.Contractive(),
        corruption=corruptions.Masking(0.5),
    )
    record = model.observe(Example(normal(5, 6)), noise())
    value = model.penalties[0](record, model, None)
    torch.testing.assert_close(value, full_norm(model, record.x_in))
    assert abs(value.item() / full_norm(model, record.x).item() - 1) > 1e-3


@pytest.mark.parametrize(
    ("code", "outputs"), [(codes.TopK(6, 2), 6), (codes.Gaussian(3), 6)], ids=["top-k", "gaussian"]
)
def test_contraction_of_other_codes_is_of_their_mean(code, outputs):
    model = model_of(networks.Dense((5, 7, outputs), "tanh"), code, penalties.Contractive())
    x = normal(4, 5)
    value = model.penalties[0](model.observe(Example(x), noise()), model, None)
    torch.testing.assert_close(value, full_norm(model, x))


def test_contraction_can_be_evaluated_without_gradients():
    for make in ENCODERS.values():
        encoder = make()
        model = model_of(encoder, codes.Deterministic(4, "tanh"), penalties.Contractive())
        context = normal(3, 2) if encoder.context else None
        batch = Example(normal(3, encoder.inputs), context)
        with torch.no_grad():
            value = model.penalties[0](model.observe(batch, None), model, None)
        assert not value.requires_grad
        assert value > 0


@every_encoder
def test_one_orthogonal_probe_is_unbiased(make):
    encoder = make()
    model = model_of(encoder, codes.Deterministic(4, "sigmoid"), penalties.Contractive(1.0, 1))
    x = normal(5, encoder.inputs)
    context = normal(5, 2, seed=1) if encoder.context else None
    record, generator = model.observe(Example(x, context), None), noise()
    draws = [model.penalties[0](record, model, generator).item() for _ in range(600)]
    error = np.std(draws, ddof=1) / np.sqrt(len(draws))
    assert error > 0
    assert abs(np.mean(draws) - full_norm(model, x, context).item()) < 4 * error


@every_encoder
@pytest.mark.parametrize("probes", [4, 7])
def test_as_many_probes_as_units_or_more_are_exact(make, probes):
    encoder = make()
    model = model_of(encoder, codes.Deterministic(4, "sigmoid"), penalties.Contractive(1.0, probes))
    x = normal(5, encoder.inputs)
    context = normal(5, 2, seed=1) if encoder.context else None
    value = model.penalties[0](model.observe(Example(x, context), None), model, noise())
    torch.testing.assert_close(value, full_norm(model, x, context))


def test_orthogonal_probes_scatter_less_than_independent_ones():
    """By more than the √2 that two instead of one would give: they never look the same way."""
    code = codes.Deterministic(4, "sigmoid")
    spread = {}
    for probes in (1, 3):
        model = model_of(ENCODERS["deep"](), code, penalties.Contractive(1.0, probes))
        record, generator = model.observe(Example(normal(5, 6)), None), noise()
        draws = [model.penalties[0](record, model, generator).item() for _ in range(400)]
        spread[probes] = np.std(draws)
    assert spread[3] < 0.8 * spread[1] / np.sqrt(3)


# how many probes


def forward_cost(sizes):
    return sum(a * b for a, b in pairwise(sizes))


def direction_cost(sizes):
    """Multiplications of one left-hand vector times the chain, with the first layer's Gram."""
    upper = forward_cost(sizes[1:])
    return upper + min(sizes[0], sizes[1]) * sizes[1]


@pytest.mark.parametrize(
    "sizes",
    [(784, 30), (784, 256, 64, 16), (784, 1000, 500, 250, 30), (64, 128, 16), (20, 512, 512, 200)],
    ids=str,
)
@pytest.mark.parametrize("budget", [0.5, 4.0, 100.0])
def test_the_penalty_costs_what_was_allowed(sizes, budget):
    probes = cheapest_probes(sizes, budget)
    exact = direction_cost(sizes) * sizes[-1]
    if len(sizes) == 2:
        assert probes == 0  # the closed form is free
    elif probes == 0:
        assert exact <= budget * forward_cost(sizes) * (1 + 1 / sizes[-1])
    else:
        assert exact > budget * forward_cost(sizes)
        assert probes == 1 or probes * direction_cost(sizes) <= budget * forward_cost(sizes)
        assert (probes + 1) * direction_cost(sizes) > budget * forward_cost(sizes)


# all codes together


def test_total_correlation_is_the_batchs_and_comes_with_what_the_code_says():
    code = codes.Gaussian(4)
    model = model_of(networks.Dense((6, 8)), code, penalties.TotalCorrelation(1.0, 50, "weighted"))
    record = model.observe(Example(normal(9, 6)), noise())
    mu, logvar = code.posterior(record.h)
    wanted = aggregated(record.z, mu, logvar, 50, "weighted")
    (penalty,) = model.penalties
    torch.testing.assert_close(penalty(record, model, None), wanted.total_correlation)
    shown = penalty.measures(record, model)
    torch.testing.assert_close(shown["mutual_information"], wanted.mutual_information)


def matched(kernel):
    return model_of(networks.Dense((6, 3)), codes.Matched(3), penalties.Discrepancy(1.0, kernel))


def test_discrepancy_compares_the_codes_with_draws_of_the_prior():
    """Pair by pair, with the kernel written out."""
    model = matched(InverseMultiquadratic((5.0,)))
    z = normal(8, 3)
    draws = model.code.prior.sample(8, noise(3)).double()

    def k(a, b):
        return 5.0 / (5.0 + ((a - b) ** 2).sum().item())

    pairs = [(i, j) for i in range(8) for j in range(8)]
    wanted = sum((k(z[i], z[j]) + k(draws[i], draws[j])) / 56 for i, j in pairs if i != j)
    wanted -= 2 * sum(k(z[i], draws[j]) / 64 for i, j in pairs)
    found = model.penalties[0](seen(z), model, noise(3))
    assert found.item() == pytest.approx(wanted)


def test_discrepancy_is_small_exactly_where_codes_follow_the_prior():
    model = matched(for_normal(3))
    same, shifted, narrow = (
        model.penalties[0](seen(z), model, noise()).item()
        for z in (normal(600, 3), normal(600, 3) + 0.5, 0.5 * normal(600, 3))
    )
    assert abs(same) < 0.01
    assert shifted > 5 * abs(same)
    assert narrow > 5 * abs(same)


def test_discrepancy_of_a_single_row_is_a_number():
    model = matched(for_normal(3))
    assert torch.isfinite(model.penalties[0](seen(normal(1, 3)), model, noise()))


# isometry

ISOMETRY_DECODERS = {
    "linear": lambda: networks.Dense((3, 6)),
    "deep": lambda: networks.Dense((3, 5, 4, 6), "tanh"),
    "with a context": lambda: networks.Dense((3, 5, 6), "silu", 2),
}


def isometric_model(decoder, penalty, likelihood=None):
    encoder = networks.Dense((6, 5, 3), "tanh", decoder.context)
    likelihood = likelihood or likelihoods.Gaussian()
    return drawn(
        lambda: AutoencoderModule(
            encoder, codes.Deterministic(3), decoder, likelihood, penalties=(penalty,)
        )
    )


def gram_excess(model, record):
    """JᵀJ − I of every row by torch.func, (n, k, k)."""

    def decoded(z, side):
        return model.decode(z[None], None if side is None else side[None])[0]

    z, side = record.z.detach(), record.context
    by_row = torch.func.vmap(torch.func.jacrev(decoded), (0, None if side is None else 0))
    jacobian = by_row(z, side)
    return jacobian.mT @ jacobian - torch.eye(z.shape[1], dtype=z.dtype)


@pytest.mark.parametrize("make", ISOMETRY_DECODERS.values(), ids=ISOMETRY_DECODERS)
@pytest.mark.parametrize("link", ["identity", "sigmoid"])  # by layers, and by autograd
def test_isometry_and_its_gradient_are_those_of_the_full_jacobian(make, link):
    model = isometric_model(make(), penalties.Isometry(), likelihoods.Gaussian(link))
    context = uniform(9, 2) if model.decoder.context else None
    record = model.observe(Example(uniform(9, 6), context), noise())
    value = model.penalties[0](record, model, noise())
    full = gram_excess(model, record).square().sum((1, 2)).mean()
    torch.testing.assert_close(value, full)
    weights = [p for p in model.decoder.parameters() if p.ndim > 1]
    ours, theirs = (torch.autograd.grad(v, weights, allow_unused=True) for v in (value, full))
    for mine, plain in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, plain)


def test_isometry_of_a_rotation_is_nothing_and_of_a_stretch_what_it_stretches():
    decoder = networks.Dense((3, 6))
    model = isometric_model(decoder, penalties.Isometry())
    rotation = torch.linalg.qr(normal(6, 3)).Q
    for stretch, wanted in ((1.0, 0.0), (2.0, 3 * 9.0)):  # (2² − 1)² for each of three axes
        with torch.no_grad():
            decoder.layers[0].weight.copy_(stretch * rotation)
        record = model.observe(Example(uniform(4, 6)), noise())
        value = model.penalties[0](record, model, noise())
        assert value.item() == pytest.approx(wanted, abs=1e-10)


def test_isometry_by_probes_looks_at_some_directions_of_the_same_matrix():
    """The mean over planes that NumPy draws; as many directions as units are all of it."""
    model = isometric_model(networks.Dense((3, 5, 6), "tanh"), penalties.Isometry(1.0, 2))
    record = model.observe(Example(uniform(5, 6)), noise())
    draws = noise(3)
    ours = np.mean([model.penalties[0](record, model, draws).item() for _ in range(600)])
    excess = gram_excess(model, record).detach().numpy()
    random = np.random.default_rng(0)
    planes = [np.linalg.qr(random.normal(size=(3, 2)))[0] for _ in range(6000)]
    theirs = np.mean([np.square(v.T @ excess @ v).sum((1, 2)).mean() for v in planes])
    assert ours == pytest.approx(theirs, rel=0.05)
    whole = isometric_model(networks.Dense((3, 5, 6), "tanh"), penalties.Isometry(1.0, 3))
    record = whole.observe(Example(uniform(5, 6)), noise())
    exact = gram_excess(whole, record).square().sum((1, 2)).mean()
    torch.testing.assert_close(whole.penalties[0](record, whole, noise()), exact)


@pytest.mark.parametrize("target", [-0.1, 0.0, 1.0, 1.5])
def test_a_target_that_is_no_mean_activation_is_refused(target):
    with pytest.raises(ValueError, match=f"target={target} is no mean activation between 0 and 1"):
        penalties.KLSparsity(1.0, 2, target)


def test_contraction_by_autograd_sees_the_context():
    """The same encoder by the chain of layers and by automatic differentiation, with a context."""
    encoder = networks.Dense((5, 7, 4), "tanh", context=2)
    model = model_of(encoder, codes.Deterministic(4), penalties.Contractive())
    example = Example(normal(6, 5), context=normal(6, 2, seed=1))
    record = model.observe(example, noise())
    (penalty,) = model.penalties
    by_chain = penalty(record, model, noise())
    by_autograd = penalty._by_autograd(record, model, noise())
    torch.testing.assert_close(by_autograd, by_chain)


def test_probes_by_default_may_cost_four_forward_passes():
    """Of 12-12-12: a pass is 288 products, a direction 288; so four of twelve are paid for."""
    assert cheapest_probes((12, 12, 12)) == 4
    assert cheapest_probes((12, 12, 12), 12) == 0
    assert cheapest_probes((12, 12, 12), 11.9) == 11


def test_discrepancy_of_two_rows_is_the_unbiased_one():
    model = model_of(networks.Dense((6, 4)), codes.Matched(4), penalties.Discrepancy())
    record = model.observe(Example(normal(2, 6)), noise())
    (penalty,) = model.penalties
    draws = model.code.prior.sample(2, noise(3)).to(record.z)
    wanted = mmd(record.z, draws, penalty.kernel, unbiased=True)
    torch.testing.assert_close(penalty(record, model, noise(3)), wanted)


def test_isometry_by_a_single_probe_looks_at_one_direction():
    model = model_of(networks.Dense((6, 4)), codes.Deterministic(4), penalties.Isometry(1.0, 1))
    record = model.observe(Example(normal(5, 6)), noise())
    (penalty,) = model.penalties
    some = {penalty(record, model, noise(seed)).item() for seed in range(3)}
    assert len(some) == 3


def test_directions_are_pushed_through_decoders_that_are_no_chain():
    """J V by automatic differentiation, J by one column after the other."""
    likelihood = likelihoods.Gaussian(link="sigmoid")
    encoder, decoder = networks.Dense((6, 3)), networks.Dense((3, 5, 6), "tanh")
    model = drawn(lambda: AutoencoderModule(encoder, codes.Deterministic(3), decoder, likelihood))
    record = model.observe(Example(uniform(4, 6)), noise())
    z, directions = record.z.detach(), normal(3, 2)
    found = penalties._pushed(z.clone(), record, model, directions)
    jacobian = torch.stack(
        [torch.func.jacrev(lambda one: model.decode(one[None])[0])(row) for row in z]
    )
    torch.testing.assert_close(found, jacobian @ directions)
