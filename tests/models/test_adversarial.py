"""The sides of a game against closed forms, finite differences and double loops."""

import math

import pytest
import torch
from torch import nn

from diabolo.models.adversarial import (
    AdversarialModule,
    DiscriminatorSide,
    GeneratorSide,
    SampleDistance,
)
from diabolo.models.autoencoder import Example
from diabolo.parts import games, networks, priors
from diabolo.parts.discrepancies import NegativeDistance, mmd
from laws import GAMES, GENERATORS, drawn, noise, normal

every_game = pytest.mark.parametrize("make", GAMES.values(), ids=GAMES)
every_generator = pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
CLOCK = torch.zeros(())


@every_game
def test_between_equals_every_loss_is_that_of_a_coin(make):
    """At the optimum D = ½: −log 4 is the value of the original game (Goodfellow 2014, th. 1)."""
    game, even = make(), torch.zeros(5)
    halves = 1 if game.pairs else 2
    assert game.discriminator(even, even).item() == pytest.approx(halves * math.log(2))
    assert abs(game.generator(even, even).item()) == pytest.approx(math.log(2))


def test_the_best_discriminator_of_two_gaussians_gives_their_divergence():
    """max_D E[log D] + E[log(1 − D)] = 2 JSD − log 4, at C(x) = log p(x)/q(x) and nowhere else."""
    x, y = normal(400_000, seed=1), 1.5 + normal(400_000, seed=2)
    grid = torch.linspace(-12, 14, 40_001, dtype=torch.float64)
    p, q = ((-0.5 * (grid - m) ** 2).exp() / math.sqrt(2 * math.pi) for m in (0.0, 1.5))
    middle = (p + q) / 2
    divergence = 0.5 * torch.trapezoid(p * (p / middle).log() + q * (q / middle).log(), grid)

    def loss(slope, offset):
        def verdict(z):
            return slope * z + offset

        return games.MinMax().discriminator(verdict(x), verdict(y)).item()

    best = loss(-1.5, 1.125)  # log p/q of N(0, 1) and N(1.5, 1)
    assert -best == pytest.approx(2 * divergence.item() - math.log(4), abs=3e-3)
    assert best < min(loss(-1.2, 1.125), loss(-1.8, 1.125), loss(-1.5, 0.8), loss(-1.5, 1.4))


def test_the_original_generator_loses_its_gradient_where_the_others_do_not():
    fake = torch.tensor([-30.0], requires_grad=True)
    slopes = {
        name: torch.autograd.grad(make().generator(torch.zeros(1), fake), fake)[0].item()
        for name, make in GAMES.items()
    }
    assert abs(slopes["original"]) < 1e-12
    assert slopes["non-saturating"] == pytest.approx(-1)
    assert slopes["relativistic"] == pytest.approx(-1)


def test_the_penalty_is_the_squared_slope_of_the_verdict():
    """R1 and R2 by finite differences of the verdict, coordinate by coordinate."""
    module = drawn(GENERATORS["relativistic"])
    x = normal(4, 6)
    terms = DiscriminatorSide(module)(Example(x), CLOCK, noise(3))
    rows = {"R1": x, "R2": module.draw(4, None, noise(3))}
    step = 1e-5 * torch.eye(6, dtype=torch.float64)
    for name, at in rows.items():
        differences = [
            (module.verdict(at + e) - module.verdict(at - e)) / 2e-5 for e in step.unbind()
        ]
        wanted = torch.stack(differences).square().sum(0).mean()
        torch.testing.assert_close(terms[name], wanted, rtol=1e-6, atol=0)
    total = terms["game"] + 0.25 * (terms["R1"] + terms["R2"])
    torch.testing.assert_close(terms["loss"], total)


def test_the_penalty_of_a_linear_verdict_is_known():
    module = AdversarialModule(
        priors.StandardNormal(2),
        networks.Dense((2, 3)),
        networks.Dense((3, 1)),
        games.NonSaturating(),
        penalty=1.0,
    ).double()
    w = module.discriminator.layers[0].weight
    with torch.no_grad():
        w.copy_(torch.tensor([[1.0, -2.0, 0.5]]))
    terms = DiscriminatorSide(module)(Example(normal(5, 3)), CLOCK, noise())
    assert terms["R1"].item() == pytest.approx(5.25)
    assert terms["R2"].item() == pytest.approx(5.25)


@every_generator
def test_each_side_moves_its_own_weights_only(make):
    module, batch = drawn(make), Example(normal(8, 6))
    for side, own in ((GeneratorSide, "generator"), (DiscriminatorSide, "discriminator")):
        loss = side(module)(batch, CLOCK, noise())["loss"]
        grads = torch.autograd.grad(
            loss, [*getattr(module, own).parameters()], allow_unused=True, retain_graph=True
        )
        assert any(g is not None and g.abs().max() > 0 for g in grads)
    loss = DiscriminatorSide(module)(batch, CLOCK, noise())["loss"]
    others = torch.autograd.grad(loss, [*module.generator.parameters()], allow_unused=True)
    assert all(g is None for g in others), "generated rows are given to the discriminator"


def test_what_the_discriminator_tells_of_itself():
    module = drawn(GENERATORS["original"])
    x = normal(64, 6)
    terms = DiscriminatorSide(module)(Example(x), CLOCK, noise(1))
    gap = module.verdict(x) - module.verdict(module.draw(64, None, noise(1)))
    torch.testing.assert_close(terms["margin"], gap.mean())
    assert terms["told apart"].item() == pytest.approx((gap > 0).double().mean().item())


def test_the_sample_distance_compares_rows_with_draws():
    module = drawn(GENERATORS["relativistic"])
    x = normal(1200, 6)
    seen = SampleDistance(module)(Example(x), CLOCK, noise(1))["loss"]
    wanted = mmd(x, module.draw(1200, None, noise(1)), NegativeDistance())
    torch.testing.assert_close(seen, wanted)


def test_the_sample_distance_of_few_rows_draws_more():
    module = drawn(GENERATORS["relativistic"])
    for n in (1, 3):
        loss = SampleDistance(module)(Example(normal(n, 6)), CLOCK, noise())["loss"]
        assert math.isfinite(loss.item())


def test_the_sample_distance_sees_samples_that_do_not_suit_their_context():
    class Told(nn.Module):
        """Rows that are their context, or another's."""

        def __init__(self, shift):
            super().__init__()
            self.unit, self.shift = nn.Parameter(torch.ones(())), shift

        def forward(self, z, context):
            return 0.1 * z + torch.roll(context, self.shift, dims=1)

    context = torch.eye(2)[torch.arange(200) % 2]
    rows = Example(context + 0.1 * normal(200, 2, dtype=torch.float32), context)
    right, wrong = (
        SampleDistance(
            AdversarialModule(
                priors.StandardNormal(2), Told(s), networks.Dense((2, 1)), games.MinMax()
            )
        )
        for s in (0, 1)
    )
    fair = right.chance(rows)
    assert abs(right(rows, CLOCK, noise())["loss"]) < 4 * fair
    assert wrong(rows, CLOCK, noise())["loss"] > 20 * fair
