"""The code of a given row: minimise ‖g(z) − x‖² over z.

It starts from the encoder's guess or, where there is no encoder, from the best of many draws of
the prior, and then follows the gradient with Adam at a falling rate.

Zhu et al. 2016, "Generative visual manipulation on the natural image manifold", sec. 3.1;
Creswell & Bharath 2018, "Inverting the generator of a generative adversarial network".
"""

from __future__ import annotations

import copy
import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from diabolo.estimators.learner import Learner
from diabolo.uses.latent import decode_scaled, has_encoder, noise, scaled_rows

STEPS = 300
TRIES = 1000  # draws that the starts are chosen from
STARTS = 4  # of each row: from one alone the search ends in another valley for one row in three
FIRST = 0.1  # of the codes' size: the first step of the search
TOGETHER = 256  # rows at once


class Inverted(NamedTuple):
    """Codes (n, k) and what is left: squared error per feature in scaled units, (n,).

    guess : the same error where the search began.
    """

    codes: np.ndarray
    error: np.ndarray
    guess: np.ndarray


def invert(
    model: Learner, X: Any, *, steps: int = STEPS, random_state: Any = 0, context: Any = None
) -> Inverted:
    """Codes whose decoded rows are as near to rows X as the search finds.

    steps : of the search; 0 keeps the guess.
    """
    x = scaled_rows(model, X)
    starts = _starts(model, X, x, random_state, context)
    sides = model._sides(context, len(x))
    pieces = []
    for first in range(0, len(x), TOGETHER):
        rows = slice(first, first + TOGETHER)
        side = None if sides is None else sides[rows]
        pieces.append(_search(model, torch.from_numpy(x[rows]), starts[rows], side, steps))
    return Inverted(*(np.concatenate(part) for part in zip(*pieces, strict=True)))


def codes_of(
    model: Learner, X: Any, *, steps: int = 0, random_state: Any = 0, context: Any = None
) -> np.ndarray:
    """Codes of rows X: the encoder's, refined by `steps`; of a generator always by the search."""
    if has_encoder(model) and not steps:
        return model.transform(X, context=context)
    return invert(model, X, steps=steps or STEPS, random_state=random_state, context=context).codes


def _starts(model: Learner, X: Any, x: np.ndarray, random_state: Any, context: Any) -> Tensor:
    """Codes to begin with, (n, starts, k)."""
    if has_encoder(model):
        return torch.from_numpy(model.transform(X, context=context))[:, None]
    draws = noise(model, TRIES, random_state, "starts")
    # what a draw decodes to is another thing in every context, of which there may be few or many
    each = np.zeros((len(x), 0), np.float32) if context is None else np.asarray(context)
    kinds, kind_of = np.unique(each, axis=0, return_inverse=True)
    starts = torch.empty(len(x), STARTS, draws.shape[1])
    for number, side in enumerate(kinds):
        sides = None if context is None else np.repeat(side[None], len(draws), 0)
        made = torch.from_numpy(decode_scaled(model, draws, sides))
        own = np.flatnonzero(kind_of.reshape(-1) == number)
        nearest = torch.cdist(torch.from_numpy(x[own]), made).topk(STARTS, largest=False).indices
        starts[own] = torch.from_numpy(draws)[nearest]
    return starts


def _search(
    model: Learner, x: Tensor, starts: Tensor, side: Tensor | None, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best code of each row, its error, and the error of the best start."""
    module = copy.deepcopy(model.module_).requires_grad_(False)
    n, each, k = starts.shape
    x = x.to(model.device_).repeat_interleave(each, 0)
    side = None if side is None else side.repeat_interleave(each, 0)
    z = starts.reshape(n * each, k).to(model.device_).clone().requires_grad_()
    size = float(starts.square().mean().sqrt()) or 1.0
    search = torch.optim.Adam([z], betas=(0.9, 0.99))
    best, least = z.detach().clone(), torch.full((n * each,), math.inf, device=z.device)
    guess = least
    for step in range(steps + 1):
        error = (module.decode(z, side) - x).square().mean(1)
        with torch.no_grad():
            better = error < least
            best[better], least = z[better], torch.minimum(error, least)
        if step == 0:
            guess = least.clone()
        if step == steps:
            break
        search.zero_grad()
        error.sum().backward()
        for group in search.param_groups:
            group["lr"] = FIRST * size * 0.5 * (1 + math.cos(math.pi * step / steps))
        search.step()
    least, chosen = least.view(n, each).min(1)
    codes = best.view(n, each, k)[torch.arange(n), chosen]
    return codes.cpu().numpy(), least.cpu().numpy(), guess.view(n, each).min(1).values.cpu().numpy()
