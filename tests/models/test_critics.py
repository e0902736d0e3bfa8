"""Critics at their best, against density ratios and closed forms; who trains what."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from diabolo import VAEGAN, AdversarialAutoencoder, FactorVAE
from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.critics import CriticSide, WithoutCritic, critic_of, sides
from diabolo.parts import codes, critics, likelihoods, networks
from diabolo.parts.record import Pass
from laws import CRITICS, MODELS, drawn, noise, normal

every_critic = pytest.mark.parametrize("name", CRITICS)
CLOCK = torch.zeros(())
CORRELATION = 0.8


class Fixed(torch.nn.Module):
    """A critic that is a given function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, z):
        return self.function(z)[:, None]


def record_of(z):
    nothing = z.new_zeros(len(z))
    return Pass(z, z, None, None, z, z, nothing, nothing.sum(), z)


def correlated(n):
    """Two standard normal units with a correlation of 0.8."""
    z = normal(n, 2)
    z[:, 1] = CORRELATION * z[:, 0] + math.sqrt(1 - CORRELATION**2) * z[:, 1]
    return z


def log_ratio(z):
    """log q(z) / q(z₁) q(z₂) by scipy."""
    cov = [[1, CORRELATION], [CORRELATION, 1]]
    both = multivariate_normal([0, 0], cov).logpdf(z)
    return torch.from_numpy(both - multivariate_normal([0, 0], [1, 1]).logpdf(z))


def test_at_the_best_critic_the_penalty_is_the_total_correlation():
    """−½ log(1 − ρ²) for two normal units."""
    penalty = critics.TotalCorrelation(critic=Fixed(log_ratio))
    seen = penalty(record_of(correlated(200_000)), None, None).item()
    assert seen == pytest.approx(-0.5 * math.log(1 - CORRELATION**2), rel=0.01)


def test_the_best_critic_of_codes_is_the_density_ratio():
    """No factor or offset makes its objection less."""
    record = record_of(correlated(100_000))

    def objection(factor, offset):
        critic = Fixed(lambda z: factor * log_ratio(z) + offset)
        penalty = critics.TotalCorrelation(critic=critic)
        return penalty.objection(record, None, noise(5)).item()

    best = objection(1.0, 0.0)
    assert best < min(objection(0.8, 0.0), objection(1.25, 0.0), objection(1.0, 0.2))


def test_a_trained_critic_finds_the_total_correlation():
    penalty = critics.TotalCorrelation(critic=networks.Dense((2, 32, 32, 1), "tanh"))
    penalty.critic.initialise(noise())
    adam = torch.optim.Adam(penalty.parameters(), 5e-3)
    z, dice = correlated(4000).float(), noise(1)
    for _ in range(300):
        adam.zero_grad()
        penalty.objection(record_of(z), None, dice).backward()
        adam.step()
    seen = penalty(record_of(z), None, None).item()
    assert seen == pytest.approx(-0.5 * math.log(1 - CORRELATION**2), rel=0.15)


def test_shuffled_units_keep_their_values_and_lose_each_other():
    z = correlated(5000)
    apart = critics.shuffled(z, noise(5))
    torch.testing.assert_close(apart.sort(0).values, z.sort(0).values)
    assert abs(torch.corrcoef(apart.T)[0, 1]) < 0.05


def test_the_critic_of_codes_measures_the_divergence_from_the_prior():
    """Codes ~ N(1, 1), prior N(0, 1): at C(z) = ½ − z the value is 2 JSD − log 4 < 0."""
    z = 1 + normal(100_000, 1)
    model = AutoencoderModule(
        networks.Dense((1, 1)), codes.Matched(1), networks.Dense((1, 1)), likelihoods.Gaussian()
    )
    for slope, best in ((-1.0, True), (-0.6, False), (-1.5, False)):
        critic = Fixed(lambda z, slope=slope: slope * (z[:, 0] - 0.5))
        loss = critics.CodeCritic(critic=critic).objection(record_of(z), model, noise(1)).item()
        if best:
            least = loss
        else:
            assert loss > least
    grid = torch.linspace(-9, 10, 20_001, dtype=torch.float64)
    p, q = ((-0.5 * (grid - m) ** 2).exp() / math.sqrt(2 * math.pi) for m in (0.0, 1.0))
    middle = (p + q) / 2
    divergence = 0.5 * torch.trapezoid(p * (p / middle).log() + q * (q / middle).log(), grid)
    assert least == pytest.approx(math.log(4) - 2 * divergence.item(), abs=5e-3)


@every_critic
def test_the_critic_learns_and_the_autoencoder_stays(name):
    module, batch = drawn(MODELS[f"with a critic {name}"]), Example(normal(9, 6))
    own, others = sides(module)
    loss = CriticSide(module)(batch, CLOCK, noise())["loss"]
    found = dict(CriticSide(module).named_parameters())
    gradients = torch.autograd.grad(
        loss, [*found.values()], allow_unused=True, materialize_grads=True
    )
    moved = {n for n, g in zip(found, gradients, strict=True) if g.abs().max() > 0}
    assert moved <= set(others)
    assert len(moved) >= len(others) - 1  # a last bias may cancel
    assert {n for n, _ in module.named_parameters()} == {
        *own,
        *(n.removeprefix("module.") for n in others),
    }


@every_critic
def test_epochs_are_judged_without_the_critic(name):
    module, batch = drawn(MODELS[f"with a critic {name}"]), Example(normal(9, 6))
    terms = WithoutCritic(module)(batch, CLOCK, noise())
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + terms["rate"])


@pytest.mark.parametrize("family", [AdversarialAutoencoder, VAEGAN, FactorVAE])
def test_both_players_are_in_the_history_and_there_are_samples(family):
    X = normal(80, 6).numpy()
    model = family(max_epochs=2, random_state=0).fit(X)
    train = model.history_.records[-1]["train"]
    assert {"autoencoder/loss", "autoencoder/reconstruction", "critic/loss"} <= set(train)
    assert model.sample(7, random_state=0).shape == (7, 6)


@pytest.mark.parametrize("family", [AdversarialAutoencoder, VAEGAN, FactorVAE])
def test_a_critic_sees_the_context(family):
    X, side = normal(60, 6).numpy(), np.eye(3)[np.arange(60) % 3]
    model = family(max_epochs=1, random_state=0, n_threads=1).fit(X, context=side)
    penalty = critic_of(model.module_)
    x = torch.zeros(3, penalty.critic.inputs)
    verdicts = penalty.verdict(x, torch.eye(3))
    assert len(verdicts.detach().unique()) == 3
    assert model.sample(3, random_state=0, context=side[:3]).shape == (3, 6)


def test_codes_that_show_their_context_do_not_pass_for_draws():
    """z = c: together they are normal, but not beside a context; a critic that sees it objects."""
    z = normal(4000, 1).float()
    side = z.clone()
    model = AutoencoderModule(
        networks.Dense((1, 1)), codes.Matched(1), networks.Dense((1, 1)), likelihoods.Gaussian()
    )
    losses = {}
    for width in (0, 1):
        penalty = critics.CodeCritic(critic=networks.Dense((1, 32, 1), "tanh", width))
        penalty.critic.initialise(noise())
        adam = torch.optim.Adam(penalty.parameters(), 1e-2)
        record = record_of(z)._replace(context=side if width else None)
        for step in range(150):
            adam.zero_grad()
            loss = penalty.objection(record, model, noise(step))
            loss.backward()
            adam.step()
        losses[width] = loss.item()
    assert losses[0] == pytest.approx(2 * math.log(2), abs=0.02)  # of the original game
    assert losses[1] < 2 * math.log(2) - 0.1
