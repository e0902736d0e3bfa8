"""A layer of a stack as an autoencoder of its own, and a classifier on top of the stack."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.chain import Chain, chain
from diabolo.parts.codes import Deterministic
from diabolo.parts.likelihoods import Gaussian
from diabolo.parts.networks import Dense


def layer_of(stack: AutoencoderModule, index: int, **words: Any) -> AutoencoderModule:
    """Layer `index` of an autoencoder that is a chain, with its mirror image, as an autoencoder.

    It shares its weights with the stack. The lowest layer has the stack's own likelihood; the
    others are compared with the features below them by squared error, through the non-linearity
    that the whole decoder has at that place.
    """
    encoder, decoder = chains(stack)
    count = len(encoder.layers)
    is_top, mirror = index == count - 1, count - 1 - index
    units = encoder.sizes[index + 1]
    code = stack.code if is_top else Deterministic(units, encoder.activation)
    likelihood = stack.likelihood if index == 0 else Gaussian(link=decoder.activation)
    return AutoencoderModule(
        encoder.part(index, index + 1),
        code,
        decoder.part(mirror, mirror + 1),
        likelihood,
        **words,
    )


def chains(stack: AutoencoderModule) -> tuple[Dense | Chain, Dense | Chain]:
    """Encoder and decoder as chains of layers that answer each other.

    raises ValueError, one sentence, where they do not.
    """
    likelihood, code = stack.likelihood, stack.code
    decoder = chain(stack.decoder, code.dim)
    encoder = chain(stack.encoder, decoder.sizes[-1] // likelihood.per_entry)
    if encoder.sizes[1:] != (code.inputs, *decoder.sizes[1:-1])[::-1]:
        ways = ["-".join(map(str, network.sizes)) for network in (encoder, decoder)]
        raise ValueError(
            f"in a stack the decoder's layers mirror the encoder's, but {ways[0]} is answered by "
            f"{ways[1]}: give both, with the same sizes in between."
        )
    return encoder, decoder


class Above(nn.Module):
    """An objective on features: `below` is finished and only looked through."""

    def __init__(self, below: Dense | Chain, layer: AutoencoderModule) -> None:
        super().__init__()
        self.below, self.layer = below, layer

    def train(self, mode: bool = True) -> Above:
        super().train(mode)
        self.below.eval()  # finished: normalisation learns no more, nothing is dropped
        return self

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        if len(self.below.layers):
            with torch.no_grad():
                features = self.below.features(batch.x, batch.context)
            batch = Example(features, batch.context)
        return self.layer(batch, clock, generator)


class Classification(nn.Module):
    """Cross-entropy of a softmax layer on the code: fine-tuning with labels.

    Only what the labels depend on is trained; the decoder keeps what it learned before.
    """

    def __init__(self, model: AutoencoderModule) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """Terms: "loss" in nats per row, and "error", the share of rows in the wrong class."""
        if batch.y is None:
            raise ValueError("fine-tuning with labels needs a class number for every row.")
        logits = self.model.head(self.model.encode(batch.x, batch.context))
        wrong = (logits.argmax(1) != batch.y).to(logits.dtype).mean()
        return {"loss": F.cross_entropy(logits, batch.y), "error": wrong}
