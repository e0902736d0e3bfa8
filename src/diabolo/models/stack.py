"""A layer of a stack as an autoencoder of its own, and a classifier on top of the stack."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.chain import Chain, chain
from diabolo.parts import coins
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

    corrupt : whether rows come corrupted, as the model's own training has them.
    dropout : share of the units of each level, the code among them, that are silenced at every
        step, the others being raised by as much. input_dropout : likewise of the entries of a row.

    Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting",
    sec. 4; with pre-trained weights sec. 6.1.
    """

    def __init__(
        self,
        model: AutoencoderModule,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        corrupt: bool = False,
    ) -> None:
        super().__init__()
        self.model, self.dropout, self.input_dropout = model, dropout, input_dropout
        self.corrupt = corrupt
        # a tuple, so that the layers are not registered a second time
        self.layers: tuple[Dense | Chain, ...] = ()
        if dropout:
            encoder, _ = chains(model)
            self.layers = tuple(encoder.part(i, i + 1) for i in range(len(encoder.layers)))

    def forward(
        self, batch: Example, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """Terms: "loss" in nats per row, and "error", the share of rows in the wrong class."""
        if batch.y is None:
            raise ValueError("fine-tuning with labels needs a class number for every row.")
        logits = self.model.head(self._code(batch, clock, generator))
        wrong = (logits.argmax(1) != batch.y).to(logits.dtype).mean()
        return {"loss": F.cross_entropy(logits, batch.y), "error": wrong}

    def _code(self, batch: Example, clock: Tensor, generator: torch.Generator | None) -> Tensor:
        """The code, with rows corrupted and units silenced while training."""
        if not self.training:
            return self.model.encode(batch.x, batch.context)
        x = self.model.augmentation(batch.x, generator, clock)
        if self.corrupt:
            x, _ = self.model.corruption(x, generator)
        x = _thinned(x, self.input_dropout, generator)
        if not self.layers:
            return self.model.encode(x, batch.context)
        context = batch.context
        for layer in self.layers[:-1]:
            x = _thinned(layer.features(x, context), self.dropout, generator)
            context = None
        return _thinned(self.model.code.mean(self.layers[-1](x, context)), self.dropout, generator)


def _thinned(x: Tensor, level: float, generator: torch.Generator | None) -> Tensor:
    """A share `level` of the entries set to 0, the others raised so that the mean stays."""
    if not level:
        return x
    kept = coins.alike(x, 1 - level, generator)
    return x * kept / (1 - level)
