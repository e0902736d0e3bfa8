"""Encoders and decoders of the user's own: copied, and tried before any training."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from diabolo.estimators.composition import Facts
from diabolo.models.autoencoder import AutoencoderModule, call


def own_or(module: nn.Module | None, made: nn.Module) -> nn.Module:
    """A copy of the user's module, as it was handed in, or else the one that was made."""
    return made if module is None else copy.deepcopy(module)


@torch.no_grad()
def check_fit_together(module: AutoencoderModule, facts: Facts) -> None:
    """One sentence, before any training, where a user's own network has the wrong width."""
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise ValueError("the encoder and decoder you passed have nothing to train.")
    module.eval()  # dropout would draw from torch's global generator, normalisation would learn
    x = torch.zeros(2, facts.n_features)
    context = torch.zeros(2, facts.context) if facts.context else None
    h = _tried("encoder", module.encoder, x, context)
    _expect("encoder", x, h, module.code.inputs)
    z = module.code.mean(h)
    out = _tried("decoder", module.decoder, z, context)
    _expect("decoder", z, out, module.likelihood.outputs(facts.n_features))


def _tried(name: str, network: nn.Module, x: torch.Tensor, context: Any) -> torch.Tensor:
    try:
        return call(network, x, context)
    except (RuntimeError, TypeError, ValueError) as error:
        beside = "" if context is None else f" beside a context of shape {tuple(context.shape)}"
        raise ValueError(
            f"the {name} you passed cannot take an input of shape {tuple(x.shape)}{beside}: {error}"
        ) from error


def _expect(name: str, x: torch.Tensor, out: Any, width: int) -> None:
    shape = tuple(getattr(out, "shape", ()))
    if shape != (len(x), width):
        raise ValueError(
            f"the {name} you passed turns {tuple(x.shape)} into {shape}, but {(len(x), width)} is "
            f"needed here: let it end in {width} outputs."
        )
