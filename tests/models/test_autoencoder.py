"""The one forward and the one loss: sums over entries, means over rows, gradients, clock."""

import numpy as np
import pytest
import torch
from torch import nn

from diabolo.models.autoencoder import AutoencoderModule, Example, call
from diabolo.parts import codes, corruptions, likelihoods, networks, penalties
from laws import MODELS, drawn, greys, noise, normal

every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
LATE = torch.tensor(1e9)


def named_terms(terms):
    return {name: value for name, value in terms.items() if not name.startswith("buffer/")}


@every_model
def test_the_loss_is_the_weighted_sum_of_its_terms(make):
    model = drawn(make)
    terms = named_terms(model(Example(greys(9, 6)), LATE, noise()))
    weights = {"reconstruction": 1.0, "rate": model.beta}
    weights |= {penalty.term: penalty.weight for penalty in model.penalties}
    record = model.observe(Example(greys(9, 6)), noise())
    for part in model.penalties:  # what is only shown
        weights |= dict.fromkeys(part.measures(record, model), 0.0)
    wanted = sum(weights[name] * value for name, value in terms.items() if name != "loss")
    torch.testing.assert_close(terms["loss"], wanted)
    assert all(value.shape == () for value in terms.values())


@every_model
def test_its_gradient_is_that_of_finite_differences(make):
    model, batch = drawn(make), Example(greys(9, 6))

    def loss():
        return model(batch, torch.tensor(2.0), noise(5))["loss"]

    parameters = [p for p in model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss(), parameters)
    size = max(gradient.abs().max().item() for gradient in gradients)
    step = 1e-5
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            flat, slopes = parameter.view(-1), gradient.reshape(-1)
            for place in range(len(flat)):
                here = flat[place].item()
                flat[place] = here + step
                above = loss().item()
                flat[place] = here - step
                below = loss().item()
                flat[place] = here
                slope = (above - below) / (2 * step)
                assert slopes[place].item() == pytest.approx(slope, abs=1e-6 * max(1, size))


@every_model
def test_the_same_noise_gives_the_same_loss_and_nothing_is_changed(make):
    model, batch = drawn(make), Example(greys(9, 6))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    rows = batch.x.clone()
    first, second = (model(batch, LATE, noise(1)) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())
    assert torch.equal(batch.x, rows)


@every_model
def test_codes_and_reconstructions_are_deterministic_and_of_the_right_shape(make):
    model, x = drawn(make), greys(9, 6)
    z, rebuilt = model.encode(x), model.reconstruct(x)
    assert z.shape == (9, model.code.dim)
    assert rebuilt.shape == x.shape
    assert torch.equal(model.encode(x), z)
    assert torch.equal(model.decode(z), rebuilt)


@every_model
def test_the_jacobian_is_torchs_own(make):
    model, x = drawn(make), greys(3, 6)
    with torch.inference_mode():  # as estimators call it
        jacobian = model.jacobian(x)
    assert jacobian.shape == (3, model.code.dim, 6)
    for row in range(3):
        wanted = torch.autograd.functional.jacobian(lambda v: model.encode(v[None])[0], x[row])
        torch.testing.assert_close(jacobian[row].clone(), wanted)


def test_the_jacobian_knows_the_context():
    model = in_context()
    x, context = normal(3, 6), normal(3, 2, seed=1)
    with torch.inference_mode():
        jacobian = model.jacobian(x, context.clone())
    wanted = torch.autograd.functional.jacobian(
        lambda v: model.encode(v[None], context[1:2])[0], x[1]
    )
    torch.testing.assert_close(jacobian[1].clone(), wanted)


# sums over entries, means over rows


OF_THE_BATCH = penalties.KLSparsity, penalties.Discrepancy

ROW_BY_ROW = {
    name: make
    for name, make in MODELS.items()
    if not any(isinstance(p, OF_THE_BATCH) for p in make().penalties)
    and isinstance(make().corruption, corruptions.Nothing)
    and not make().is_variational
    and "probes" not in name
    and "shifted" not in name
}


@pytest.mark.parametrize("make", ROW_BY_ROW.values(), ids=ROW_BY_ROW)
def test_every_term_is_the_mean_over_rows(make):
    model, x = drawn(make), greys(9, 6)
    whole = named_terms(model(Example(x), LATE, noise()))
    rows = [named_terms(model(Example(x[i : i + 1]), LATE, noise())) for i in range(9)]
    for name, value in whole.items():
        torch.testing.assert_close(value, torch.stack([row[name] for row in rows]).mean())


class Taxed(codes.Code, abstract=True):
    """A code with a cost that only training knows."""

    def forward(self, h, generator):
        return codes.Draw(h, h.new_zeros(len(h)), {"tax": h.new_full((), 7.0)})


def test_what_only_training_needs_is_part_of_the_loss():
    encoder, decoder = networks.Dense((6, 4)), networks.Dense((4, 6))
    model = drawn(lambda: AutoencoderModule(encoder, Taxed(4), decoder, likelihoods.Gaussian()))
    terms = model(Example(normal(5, 6)), LATE, None)
    assert terms["tax"] == 7
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + 7)


def test_reconstruction_is_half_the_summed_squared_error_and_a_constant():
    model, x = drawn(MODELS["tied"]), normal(9, 6)
    weight, bias = (p.detach().numpy() for p in model.encoder.parameters())
    rebuilt = (x.numpy() @ weight.T + bias) @ weight  # the mirror's biases start at 0
    constant = 6 / 2 * np.log(2 * np.pi)
    wanted = 0.5 * ((x.numpy() - rebuilt) ** 2).sum(1).mean() + constant
    assert model(Example(x), LATE, None)["reconstruction"].item() == pytest.approx(wanted)


def test_denoising_compares_with_the_clean_input_and_emphasises_the_repair():
    model, x = drawn(MODELS["denoising with emphasis"]), normal(9, 6)
    corrupted, changed = (t.numpy() for t in model.corruption.corrupt(x, noise()))
    weight, bias = (p.detach().numpy() for p in model.encoder.parameters())
    back, offset = (p.detach().numpy() for p in model.decoder.parameters())
    rebuilt = np.tanh(corrupted @ weight.T + bias) @ back.T + offset
    nats = 0.5 * (x.numpy() - rebuilt) ** 2 + 0.5 * np.log(2 * np.pi)
    wanted = (np.where(changed == 1, 1.6, 0.4) * nats).sum(1).mean()
    terms = model(Example(x), LATE, noise())
    assert terms["reconstruction"].item() == pytest.approx(wanted)


def test_rate_is_the_mean_over_rows_of_the_sum_over_units():
    model, x = drawn(MODELS["variational"]), normal(9, 6)
    mu, logvar = (t.detach().numpy() for t in model.code.posterior(model.encoder(x)))
    wanted = (0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)).sum(1).mean()
    assert model(Example(x), LATE, noise())["rate"].item() == pytest.approx(wanted)


def test_augmented_rows_are_what_the_loss_compares_with():
    model, x = drawn(MODELS["variational, bernoulli"]), greys(9, 6)
    record = model.observe(Example(x), noise())
    assert set(record.x.unique().tolist()) == {0.0, 1.0}
    nats = -model.likelihood.log_prob(record.x, record.out).sum(1).mean()
    terms = model(Example(x), LATE, noise())
    torch.testing.assert_close(terms["reconstruction"], nats)


# the clock


@pytest.mark.parametrize(
    ("epochs", "weight"), [(0.0, 0.0), (1.0, 0.14), (2.5, 0.35), (5.0, 0.7), (80.0, 0.7)]
)
def test_the_rates_weight_grows_with_the_clock(epochs, weight):
    model = drawn(MODELS["variational"])
    terms = model(Example(normal(9, 6)), torch.tensor(epochs), noise())
    wanted = terms["reconstruction"] + weight * terms["rate"]
    torch.testing.assert_close(terms["loss"], wanted, rtol=1e-6, atol=0)


def test_without_warm_up_the_clock_does_not_matter():
    model = drawn(MODELS["variational, logistic"])
    early, late = (
        model(Example(greys(9, 6)), torch.tensor(clock), noise())["loss"] for clock in (0.0, 9.0)
    )
    assert torch.equal(early, late)


# buffers


def test_new_statistics_are_returned_by_the_buffers_name_and_not_written():
    model = drawn(
        lambda: AutoencoderModule(
            networks.Dense((6, 4)),
            codes.Deterministic(4, "sigmoid"),
            networks.Dense((4, 6)),
            likelihoods.Gaussian(),
            penalties=(penalties.L1(), penalties.KLSparsity(1.0, 4, 0.1, memory=0.9)),
        )
    )
    batch = Example(normal(9, 6))
    terms = model(batch, LATE, None)
    (name,) = (name for name in terms if name.startswith("buffer/"))
    buffer = dict(model.named_buffers())[name.removeprefix("buffer/")]
    assert torch.equal(buffer, model.penalties[1].running)
    wanted = 0.9 * buffer + 0.1 * model.encode(batch.x).detach().mean(0)
    torch.testing.assert_close(terms[name], wanted)
    assert not terms[name].requires_grad


# context and modules of one's own


def in_context():
    return drawn(
        lambda: AutoencoderModule(
            networks.Dense((6, 5, 4), "tanh", 2),
            codes.Deterministic(4),
            networks.Dense((4, 5, 6), "tanh", 2),
            likelihoods.Gaussian(),
        )
    )


def test_context_goes_through_encoder_and_decoder():
    model = in_context()
    x, context = normal(5, 6), normal(5, 2, seed=1).requires_grad_()
    loss = model(Example(x, context), LATE, None)["loss"]
    assert (torch.autograd.grad(loss, context)[0] != 0).all()
    z = model.encode(x, context)
    torch.testing.assert_close(z, model.encoder(torch.cat([x], 1), context))
    decoded = torch.autograd.grad(model.decode(z.detach(), context).sum(), context)[0]
    assert (decoded != 0).all()
    assert torch.equal(model.reconstruct(x, context), model.decode(z, context))


def test_modules_of_ones_own_need_not_know_of_contexts():
    own = nn.Sequential(nn.Linear(6, 4, device="meta").to_empty(device="cpu"), nn.Tanh())
    nn.init.ones_(own[0].weight)
    nn.init.zeros_(own[0].bias)
    x = normal(3, 6, dtype=torch.float32)
    assert call(own, x, None).shape == (3, 4)
    model = AutoencoderModule(
        own, codes.Deterministic(4), networks.Dense((4, 6)), likelihoods.Gaussian()
    )
    assert torch.equal(model.encode(x), own(x))


def test_the_rate_is_held_at_a_growing_capacity():
    """Burgess et al. 2018, eq. 8: γ |KL − C|."""
    model = drawn(MODELS["variational"])
    model.beta, model.warmup, model.capacity = 3.0, 8.0, 20.0
    for epochs, capacity in [(0.0, 0.0), (2.0, 5.0), (8.0, 20.0), (100.0, 20.0)]:
        terms = model(Example(greys(9, 6)), torch.tensor(epochs), noise())
        wanted = terms["reconstruction"] + 3.0 * abs(terms["rate"] - capacity)
        torch.testing.assert_close(terms["loss"], wanted)


def test_two_penalties_of_one_name_would_be_one_line_of_the_history():
    twice = (penalties.L1(0.5), penalties.L1(0.25))
    with pytest.raises(ValueError, match="two penalties are called 'l1': pass one of them"):
        AutoencoderModule(
            networks.Dense((6, 4)),
            codes.Deterministic(4),
            networks.Dense((4, 6)),
            likelihoods.Gaussian(),
            penalties=twice,
        )
