"""The autoencoder: the one forward pass and the one loss of every family.

x ─corruption→ x̃ ─encoder→ h ─code→ z ─decoder→ parameters of p(x|z)
loss = −log p(x|z)  +  β · rate  +  aux  +  Σ weight · penalty
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from diabolo.models.model import Joint, Model, is_ours
from diabolo.parts.augmentations import Augmentation, Unchanged
from diabolo.parts.codes import Code
from diabolo.parts.corruptions import Corruption, Nothing
from diabolo.parts.dictionaries import Dictionary
from diabolo.parts.jacobians import pushed_forward
from diabolo.parts.likelihoods import Likelihood
from diabolo.parts.networks import Identity, Mirror
from diabolo.parts.penalties import Penalty
from diabolo.parts.record import Pass
from diabolo.parts.spec import registered


class Example(NamedTuple):
    """Rows for a forward pass where no data set is at hand; the data layer's Batch looks alike."""

    x: Tensor  # (n, d) float32, scaled
    context: Tensor | None = None  # (n, c) float32
    y: Tensor | None = None  # (n,) int64


class AutoencoderModule(Model):
    """The sentence itself, an ordinary module.

    encoder : (n, d) → (n, code.inputs); with a context also takes it as second argument.
    decoder : (n, code.dim) → (n, likelihood.outputs(d)); likewise.
    head : what a fine-tuning with labels puts on the code, (n, code.dim) → (n, classes).
    beta : weight of the rate. 1 is the evidence lower bound (Kingma & Welling 2014, eq. 3),
        others are Higgins et al. 2017.
    warmup : epochs over which the weight of the rate grows from 0 to `beta`
        (Sønderby et al. 2016, sec. 2.3); keeps units from collapsing before they are of use.
    capacity : nats at which the rate is held, as β |rate − capacity|, if not 0. Then it is the
        capacity that grows from 0 over the warmup (Burgess et al. 2018, eq. 8).
    """

    encoder: nn.Module
    code: Code
    decoder: nn.Module
    likelihood: Likelihood
    augmentation: Augmentation = field(default_factory=Unchanged)
    corruption: Corruption = field(default_factory=Nothing)
    penalties: Sequence[Penalty] = field(default_factory=tuple)
    head: nn.Module = field(default_factory=Identity)
    beta: float = 1.0
    warmup: float = 0.0
    capacity: float = 0.0

    def __post_init__(self) -> None:
        self.penalties = registered(self.penalties)
        _require_apart([penalty.term for penalty in self.penalties])
        if isinstance(self.decoder, Mirror | Dictionary):
            self.decoder.reflect(self.encoder)
        self.code.meet(self.encoder)

    def joints(self) -> Iterator[Joint]:
        encoder: Any = self.encoder
        decoder: Any = self.decoder
        head: Any = self.head
        if is_ours(encoder):
            yield Joint("encoder", encoder.outputs, self.code.inputs)
        if is_ours(decoder):
            yield Joint("decoder", decoder.inputs, self.code.dim)
        if is_ours(encoder) and is_ours(decoder):
            yield Joint("decoder", decoder.outputs, self.likelihood.outputs(encoder.inputs))
            yield Joint("context", decoder.context, encoder.context)
        if is_ours(head) and not isinstance(head, Identity):
            yield Joint("head", head.inputs, self.code.dim)

    def observe(
        self, batch: Example, generator: torch.Generator | None, clock: Tensor | None = None
    ) -> Pass:
        """One pass as training sees it: corrupted input, code drawn from q(z|x)."""
        x = self.augmentation(batch.x, generator, clock)
        x_in, weight = self.corruption(x, generator)
        h = call(self.encoder, x_in, batch.context)
        z, rate, aux = self.code(h, generator)
        out = call(self.decoder, z, batch.context)
        return Pass(x, x_in, weight, batch.context, h, z, rate, aux, out)

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """The loss and its terms by name, each () in nats per row unless its part says otherwise.

        clock : epochs since the start, (), so that whatever varies with time is a tensor.
        Keys "buffer/…" carry new values of buffers, to be stored after the step.
        """
        record = self.observe(batch, generator, clock)
        terms = {"reconstruction": self._distortion(record), **record.aux}
        loss = reduce(torch.add, terms.values())
        if self.is_variational:
            terms["rate"] = record.rate.mean()
            loss = loss + self._cost(terms["rate"], clock)
        for index, penalty in enumerate(self.penalties):
            terms[penalty.term] = penalty(record, self, generator)
            loss = loss + penalty.weight * terms[penalty.term]
            for name, value in penalty.statistics(record).items():
                terms[f"buffer/penalties.{index}.{name}"] = value
            terms |= penalty.measures(record, self)
        for name, value in self.code.statistics(record, generator).items():
            terms[f"buffer/code.{name}"] = value
        return {"loss": loss, **terms, **self.code.measures(record)}

    def _distortion(self, record: Pass) -> Tensor:
        """−log p(x|z), summed over entries, mean over rows."""
        nats = -self.likelihood.log_prob(record.x, record.out)
        if record.weight is not None:
            nats = nats * record.weight
        return nats.sum(1).mean()

    def _cost(self, rate: Tensor, clock: Tensor) -> Tensor:
        """What the rate adds to the loss, ()."""
        if self.capacity:
            return self.beta * (rate - self.capacity * self.grown(clock)).abs()
        return self.beta * self.grown(clock) * rate

    def grown(self, clock: Tensor) -> Tensor | float:
        """How much of the warmup is over, 0 … 1."""
        return (clock / self.warmup).clamp(max=1.0) if self.warmup else 1.0

    @property
    def is_variational(self) -> bool:
        """Whether the code is drawn from a posterior and so has a price."""
        return hasattr(self.code, "weigh")

    def encode(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The deterministic code of scaled rows, (n, d) → (n, code.dim)."""
        return self.code.mean(call(self.encoder, x, context))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """E[x|z] in scaled units, (n, code.dim) → (n, d)."""
        return self.likelihood.mean(call(self.decoder, z, context))

    def reconstruct(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """E[x|z(x)] in scaled units, (n, d) → (n, d)."""
        return self.decode(self.encode(x, context), context)

    def jacobian(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """∂z/∂x of every row by automatic differentiation, (n, code.dim, d)."""
        # one backward pass a unit, all rows at once, since no row's code depends on another's;
        # torch.func would do, but its first use costs four seconds of imports
        with torch.inference_mode(False), torch.enable_grad():
            x = x.detach().clone().requires_grad_()
            z = self.encode(x, None if context is None else context.clone())
            slopes = [torch.autograd.grad(u.sum(), x, retain_graph=True)[0] for u in z.unbind(1)]
        return torch.stack(slopes, dim=1)

    def decoder_jacobian(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """∂E[x|z]/∂z of every code by automatic differentiation, (n, d, code.dim)."""
        with torch.inference_mode(False), torch.enable_grad():
            z = z.detach().clone().requires_grad_()
            context = None if context is None else context.clone()
            return pushed_forward(lambda z: self.decode(z, context), z).detach()


def _require_apart(terms: Sequence[str]) -> None:
    """Raise a ValueError where two penalties would be one line in the history."""
    for name in terms:
        if terms.count(name) > 1:
            raise ValueError(
                f"two penalties are called {name!r}: pass one of them, or give a subclass a term "
                "of its own."
            )


def call(network: nn.Module, x: Tensor, context: Tensor | None) -> Tensor:
    """An encoder's or decoder's answer; a user's own module need not know of contexts."""
    return network(x) if context is None else network(x, context)
