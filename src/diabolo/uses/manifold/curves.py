"""Curves of codes (steps, k), as long as what a decoder makes of them.

    length  Σ ‖g(z_{i+1}) − g(z_i)‖,      energy  T/2 Σ ‖g(z_{i+1}) − g(z_i)‖² for T steps

Of all curves between two ends the one of least energy is the shortest, passed at even speed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diabolo.estimators.learner import Learner

ITERATIONS = 200

Decoder = Callable[[Tensor], Tensor]  # codes (n, k) → rows (n, d)


def exact_decoder(model: Learner, context: Any, rows: int) -> Decoder:
    """g in float64, without gradients of the weights: near the end of a search the energy changes
    by less than float32 can tell.

    context : what the decoder sees besides, (1, c) for all codes or (rows, c) code by code.
    """
    module = copy.deepcopy(model.module_).cpu().double().requires_grad_(False)
    if context is not None and len(context) == 1:
        context = np.repeat(np.asarray(context, np.float32), rows, 0)
    tensor = model._sides(context, rows)
    context = None if tensor is None else tensor.cpu().double()
    return lambda z: module.decode(z, context)


def length(decode: Decoder, codes: np.ndarray) -> float:
    """Of the decoded points of a curve (steps, k)."""
    return float(decode(torch.from_numpy(codes).double()).diff(dim=0).norm(dim=1).sum())


def shortened(decode: Decoder, start: np.ndarray) -> np.ndarray:
    """The curve of least energy between the ends of `start`, (steps, k), found from it by L-BFGS.

    It is the shortest among curves like `start`; its steps are about equally large in the rows.
    Shao, Kumar & Fletcher 2018, alg. 1.
    """
    steps, given = len(start), torch.from_numpy(start).double()
    if steps < 3:
        return start
    inner = given[1:-1].clone().requires_grad_()

    def whole() -> Tensor:
        return torch.cat([given[:1], inner, given[-1:]])

    def closure() -> Tensor:
        search.zero_grad()
        energy = 0.5 * (steps - 1) * decode(whole()).diff(dim=0).square().sum()
        energy.backward()
        return energy

    search = torch.optim.LBFGS(
        [inner],
        max_iter=ITERATIONS,
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )
    search.step(closure)
    return whole().detach().float().numpy()


def resampled(points: np.ndarray, steps: int, lengths: np.ndarray) -> np.ndarray:
    """A polyline (m, k) whose edges are so long, (m − 1,), at `steps` points evenly along it."""
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0, at[-1], steps)
    return np.stack([np.interp(wanted, at, one) for one in points.T], 1).astype(np.float32)


def subdivided(points: np.ndarray, times: int) -> np.ndarray:
    """A polyline (m, k) with every edge cut into so many equal steps."""
    edges = len(points) - 1
    return resampled(points, times * edges + 1, np.ones(edges))
