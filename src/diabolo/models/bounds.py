"""Bounds on log p(x) of a variational autoencoder: ELBO ≤ L_5 ≤ L_50 ≤ log p(x).

L_k(x) = E[log 1/k Σ_i p(x|z_i) p(z_i) / q(z_i|x)],  z_i ~ q(z|x)
(Burda, Grosse & Salakhutdinov 2016, eq. 8).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from diabolo.models.autoencoder import AutoencoderModule, Example, call


class LogLikelihood(NamedTuple):
    """An importance-sampled estimate: mean nats per row, its standard error, and the count."""

    mean: float
    standard_error: float
    n_samples: int
    rows: Tensor  # (n,) nats of every row


class Weights(NamedTuple):
    """What k draws of every row weigh, each (n, k) in nats; their sum is log p(x, z) / q(z|x)."""

    log_px: Tensor  # log p(x|z)
    log_ratio: Tensor  # log p(z) − log q(z|x)


def weigh(
    model: AutoencoderModule,
    x: Tensor,
    k: int,
    generator: torch.Generator | None,
    context: Tensor | None = None,
    h: Tensor | None = None,
) -> Weights:
    """k draws from the posterior of every row.

    h : what the encoder says of the rows, where that is known already.
    raises TypeError for a code that is not drawn.
    """
    if not model.is_variational:
        kind = type(model.code).__name__
        raise TypeError(f"the bounds need a code that is drawn from a posterior, not {kind}")
    code: Any = model.code
    h = call(model.encoder, x, context) if h is None else h
    h, side = (_repeated(v, k) for v in (h, context))
    z, log_p, log_q = code.weigh(h, generator)
    log_px = model.likelihood.log_prob_of_rows(x, call(model.decoder, z, side))
    return Weights(log_px.unflatten(0, (-1, k)), (log_p - log_q).unflatten(0, (-1, k)))


def _repeated(rows: Any, k: int) -> Any:
    """Every row k times, one after the other, (n, …) → (n·k, …)."""
    return rows if rows is None or k == 1 else rows.repeat_interleave(k, 0)


def importance_weights(
    model: AutoencoderModule,
    x: Tensor,
    k: int,
    generator: torch.Generator,
    context: Tensor | None = None,
    h: Tensor | None = None,
) -> Tensor:
    """log p(x|z_i) + log p(z_i) − log q(z_i|x) for k draws of every row, (n, k) in nats."""
    return torch.stack(weigh(model, x, k, generator, context, h)).sum(0)


class ImportanceWeighted(nn.Module):
    """The objective −L_k over the parts of an autoencoder, in place of its evidence bound.

    Its gradient is that of the draws, each with the share of its weight (Burda et al. 2016, eq.
    13). `beta` and `warmup` are the model's, on log q(z|x) − log p(z) inside of the weights.
    """

    def __init__(self, model: AutoencoderModule, k: int) -> None:
        super().__init__()
        self.model, self.k = model, k

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """Terms: "loss", and means over all draws: "reconstruction" and "rate", which add up to
        minus the looser bound L_1. All in nats per row."""
        model = self.model
        x = model.augmentation(batch.x, generator, clock)
        log_px, log_ratio = weigh(model, x, self.k, generator, batch.context)
        weights = log_px + model.beta * model.grown(clock) * log_ratio
        bound = torch.logsumexp(weights, 1) - math.log(self.k)
        return {
            "loss": -bound.mean(),
            "reconstruction": -log_px.mean(),
            "rate": -log_ratio.mean(),
        }


@torch.inference_mode()
def log_likelihood(
    model: AutoencoderModule,
    x: Tensor,
    n_samples: int,
    generator: torch.Generator,
    context: Tensor | None = None,
    budget: int = 2**20,
) -> Tensor:
    """L_k of every row, (n,) in nats; k = `n_samples`; 1 gives the ELBO by one draw.

    budget : numbers that the widest intermediate may hold; draws are made in pieces of that
    size, so that 5,000 samples of 10,000 images need no more memory than one batch.
    """
    total = x.new_full((len(x),), -math.inf)
    piece = min(n_samples, max(1, budget // (_widest(model, x, context) * len(x))))
    h = call(model.encoder, x, context)
    done = 0
    while done < n_samples:
        k = min(piece, n_samples - done)
        weights = importance_weights(model, x, k, generator, context, h)
        total = torch.logaddexp(total, weights.logsumexp(1))
        done += k
    return total - math.log(n_samples)


def _widest(model: AutoencoderModule, x: Tensor, context: Tensor | None) -> int:
    """Numbers that a row takes in the widest level of the decoder."""
    widths = [1]

    def note(level: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        tensors = [value for value in (*inputs, output) if isinstance(value, Tensor)]
        widths.extend(tensor.numel() for tensor in tensors)

    side = None if context is None else context[:1]
    code = model.encode(x[:1], side)
    hooks = [level.register_forward_hook(note) for level in model.decoder.modules()]
    call(model.decoder, code, side)
    for hook in hooks:
        hook.remove()
    return max(widths)


def summary(rows: Tensor, n_samples: int) -> LogLikelihood:
    """Mean over rows with the standard error of that mean."""
    spread = rows.double().std(correction=1) if len(rows) > 1 else torch.tensor(math.nan)
    error = float(spread) / math.sqrt(len(rows))
    return LogLikelihood(float(rows.double().mean()), error, n_samples, rows)
