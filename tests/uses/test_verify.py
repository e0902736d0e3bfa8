"""The proofs hold; a mean where a sum belongs, or a sum for a mean, turns one of them red."""

import math

import pytest
import torch
from torch.nn import functional

from diabolo.models import stack
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.stack import Above
from diabolo.parts import codes, likelihoods, penalties, priors
from diabolo.uses.verify import PROOFS, CannotTellError, Proof, figures, run_proofs


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_proof(proof):
    try:
        figure = proof.measure()
    except CannotTellError as reason:
        pytest.skip(str(reason))
    assert figure <= proof.tolerance
    assert figure == proof.measure()  # seeded: no proof is a matter of luck


BY_NAME = {proof.name: proof for proof in PROOFS}
PCA = BY_NAME["a linear autoencoder spans PCA's subspace"]
PPCA = BY_NAME["a linear variational autoencoder reaches probabilistic PCA's likelihood"]
GREEDY = BY_NAME["greedy phases leave finished layers untouched"]
TERMS = BY_NAME["every term of the loss is its textbook sum"]
KL = BY_NAME["every KL is the Monte Carlo mean of log ratios"]
SLOPE = BY_NAME["the sparse penalty's gradient is the textbook's slope"]
CONTRACTION = BY_NAME["the contractive penalty is the full Jacobian's squared norm"]
PROBES = BY_NAME["contractive probes are unbiased"]
ORDER = BY_NAME["ELBO ≤ L₅ ≤ L₅₀ ≤ log p(x)"]
LIMIT = BY_NAME["enough draws reach log p(x)"]

KL_SPARSITY = penalties.kl_sparsity
THROUGH = penalties._squared_norm_through


def times(factor, original):
    """The method with its result multiplied by factor(result, arguments)."""

    def slipped(self, *args):
        result = original(self, *args)
        return result * factor(result, args)

    return slipped


def an_entry(nats, _):
    return 1 / nats.shape[1]


def the_batch(_, args):
    return len(args[0].x)  # of the record of a pass


def summed_rates(self, h, generator, original=codes.Gaussian.forward):
    z, rate, aux = original(self, h, generator)
    return codes.Draw(z, rate.sum().expand(len(rate)), aux)


class Summing:
    """torch.nn.functional with the reduction that is not asked for."""

    @staticmethod
    def cross_entropy(logits, labels):
        return functional.cross_entropy(logits, labels, reduction="sum")


# what goes wrong: (where, what instead, which proofs must notice)
SLIPS = {
    **{
        f"mean over entries in {kind.__name__}": (
            (kind, "log_prob"),
            times(an_entry, kind.log_prob),
            [TERMS],
        )
        for kind in (
            likelihoods.Gaussian,
            likelihoods.Bernoulli,
            likelihoods.Categorical,
            likelihoods.DiscretisedLogistic,
        )
    },
    "mean over entries, as training feels it": (
        (likelihoods.Gaussian, "log_prob"),
        times(an_entry, likelihoods.Gaussian.log_prob),
        [PPCA, LIMIT],
    ),
    "mean over entries in the distortion": (
        (AutoencoderModule, "_distortion"),
        lambda self, record: -self.likelihood.log_prob(record.x, record.out).mean(),
        [TERMS, PPCA, ORDER],
    ),
    "sum over rows in the distortion": (
        (AutoencoderModule, "_distortion"),
        lambda self, record: -self.likelihood.log_prob(record.x, record.out).sum(),
        [TERMS, PPCA],
    ),
    "mean over units in the divergence": (
        (priors.StandardNormal, "divergence"),
        lambda self, mu, logvar, z: 0.5 * (mu * mu + logvar.exp() - 1 - logvar).mean(1),
        [TERMS, KL, PPCA],
    ),
    "sum over rows in the rate": (
        (codes.Gaussian, "forward"),
        summed_rates,
        [TERMS, PPCA],
    ),
    "mean over units in the prior": (
        (priors.StandardNormal, "log_prob"),
        times(lambda _, args: 1 / args[0].shape[-1], priors.StandardNormal.log_prob),
        [LIMIT],
    ),
    "mean over units in the sparsity": (
        (penalties, "kl_sparsity"),
        lambda active, target: KL_SPARSITY(active, target) / len(active),
        [TERMS, KL, SLOPE],
    ),
    "sum over rows in the sparsity": (
        (penalties.KLSparsity, "forward"),
        times(the_batch, penalties.KLSparsity.forward),
        [TERMS, SLOPE],
    ),
    "mean over units in L1": (
        (penalties.L1, "forward"),
        lambda self, record, model, generator: record.z.abs().mean(),
        [TERMS],
    ),
    "sum over rows in L1": (
        (penalties.L1, "forward"),
        times(the_batch, penalties.L1.forward),
        [TERMS],
    ),
    "mean over inputs in the contraction of one layer": (
        (penalties, "_one_layer"),
        lambda slope, weight: (slope * slope) @ (weight * weight).mean(1),
        [TERMS, CONTRACTION],
    ),
    "mean over units in the contraction of deep nets": (
        (penalties, "_squared_norm_through"),
        lambda rows, weights, slopes: THROUGH(rows, weights, slopes) / rows.shape[2],
        [CONTRACTION],
    ),
    "sum over rows in the contraction": (
        (penalties.Contractive, "forward"),
        times(the_batch, penalties.Contractive.forward),
        [TERMS, CONTRACTION, PROBES],
    ),
    "one probe for the sum over all units": (
        (penalties.Contractive, "_scale"),
        lambda self, code_slope: 1.0,
        [PROBES],
    ),
    "mean over weights in the decay": (
        (penalties.WeightDecay, "forward"),
        lambda self, record, model, generator: (
            0.5 * sum((p * p).mean() for p in model.parameters() if p.ndim > 1)
        ),
        [TERMS],
    ),
    "sum over rows in the classification": ((stack, "F"), Summing, [TERMS]),
}


@pytest.mark.parametrize(("where", "instead", "red"), SLIPS.values(), ids=SLIPS)
def test_a_slip_turns_its_proofs_red(monkeypatch, where, instead, red):
    monkeypatch.setattr(*where, instead)
    assert [proof.name for proof in red if proof.measure() <= proof.tolerance] == []


def nudging(self, batch, clock, generator, original=Above.forward):
    with torch.no_grad():
        for parameter in self.below.parameters():
            parameter.mul_(1.0001)
    return original(self, batch, clock, generator)


MISTAKES = {
    "a penalty that PCA does not have": (
        (AutoencoderModule, "_distortion"),
        lambda self, record: (
            (record.x - record.out).square().sum(1).mean() + record.z.abs().sum(1).mean()
        ),
        [PCA],
    ),
    "a layer that nudges the one below": ((Above, "forward"), nudging, [GREEDY]),
    "a layer that does not learn": (
        (Above, "forward"),
        lambda self, batch, clock, generator: {
            "loss": 0 * sum(p.sum() for p in self.layer.parameters())
        },
        [GREEDY],
    ),
}


@pytest.mark.parametrize(("where", "instead", "red"), MISTAKES.values(), ids=MISTAKES)
def test_other_mistakes_are_seen_too(monkeypatch, where, instead, red):
    monkeypatch.setattr(*where, instead)
    assert [proof.name for proof in red if proof.measure() <= proof.tolerance] == []


# how they are reported


def skipped():
    """Nothing."""
    raise CannotTellError("there is no data")


def broken():
    """Nothing."""
    raise ZeroDivisionError("division by zero")


def small():
    """Distance in metres.

    More on this.
    """
    return 0.25


def not_a_number():
    """Distance in metres."""
    return math.nan


@pytest.mark.parametrize(
    ("measure", "tolerance", "holds", "line"),
    [
        (small, 0.3, True, "holds    claim. Distance in metres: 0.25 (at most 0.3)"),
        (small, 0.2, False, "FAILS    claim. Distance in metres: 0.25 (at most 0.2)"),
        (not_a_number, 0.2, False, "FAILS    claim. Distance in metres: nan (at most 0.2)"),
        (broken, 0.2, False, "FAILS    claim: ZeroDivisionError: division by zero"),
        (skipped, 0.2, True, "skipped  claim: there is no data"),
    ],
    ids=["holds", "too large", "not a number", "breaks off", "cannot tell"],
)
def test_each_proof_is_one_line(monkeypatch, measure, tolerance, holds, line):
    monkeypatch.setattr("diabolo.uses.verify.proof.PROOFS", [Proof("claim", measure, tolerance)])
    lines = []
    assert run_proofs(lines.append) is holds
    assert lines == [line]


def test_one_failure_does_not_keep_the_others_from_being_tried(monkeypatch):
    proofs = [Proof("one", broken, 0), Proof("two", small, 1)]
    monkeypatch.setattr("diabolo.uses.verify.proof.PROOFS", proofs)
    lines = []
    assert not run_proofs(lines.append)
    assert [line.split()[0] for line in lines] == ["FAILS", "holds"]


def test_every_proof_says_what_it_compares_in_one_line():
    for proof in PROOFS:
        assert proof.compares
        assert len(proof.compares) < 100
    assert len(BY_NAME) == len(PROOFS)


def test_without_mnist_its_proofs_cannot_tell(monkeypatch, tmp_path):
    monkeypatch.setenv("DIABOLO_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    figures._axes_of_mnist.cache_clear()
    with pytest.raises(CannotTellError, match="MNIST is not on this machine"):
        BY_NAME["PCA-30 on MNIST has test squared error 13.866"].measure()
