"""The transform before training: principal components of blocks of 4, 8 and 16 pixels.

Each level turns 2 x 2 neighbours of the level below (at first 4 x 4 pixels of three colours) into
their strongest components. The synthesis is its transpose, the divisive normalisations do next to
nothing. So training begins with a block transform that is the best linear one, and has to learn
only what a linear one cannot; from random weights the same takes some thousand steps longer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from diabolo.uses.compress.photographs.codec import Codec
from diabolo.uses.compress.photographs.design import ANCHORS, SAID

MILD = 2e-3  # what normalisations begin with
BLOCKS = 60_000  # that components are computed from
# the best steps for orthonormal components: Δ² = 18 / (128² λ ln 2), λ of the worst quality
STEPS = math.sqrt(18 / (128**2 * 0.001 * math.log(2)))


@torch.no_grad()
def begin(codec: Codec, pictures: Sequence[np.ndarray], ratio: float, seed: int) -> None:
    """Set the transform's tensors, the steps and the densities' widths.

    pictures : (h, w, 3) bytes each
    ratio    : of λ from one anchor to the next
    """
    design, tensors = codec.design, codec.tensors
    blocks = _blocks(pictures, seed)  # (n, 16, 16, 3)
    n = len(blocks)
    first = blocks.reshape(n, 4, 4, 4, 4, 3).transpose(0, 1, 3, 5, 2, 4)  # (n, 4, 4, colour, y, x)
    cells = first.reshape(n, 4, 4, 48)
    deviations = np.zeros(0)
    for level, channels in enumerate((design.fine, design.middle, design.latents)):
        if level:  # 2 x 2 neighbours, as (channel, y, x)
            m, before = cells.shape[1] // 2, cells.shape[3]
            cells = cells.reshape(n, m, 2, m, 2, before).transpose(0, 1, 3, 5, 2, 4)
            cells = cells.reshape(n, m, m, before * 4)
        components, deviations = _components(cells.reshape(-1, cells.shape[3]), channels)
        cells = cells @ components.T
        _place(codec, level, components)
    for name in ("analysis_first", "analysis_second", "synthesis_first", "synthesis_second"):
        norm = tensors[f"{name}_norm"]
        norm.copy_(MILD * (torch.eye(len(norm)) + 0.1))
        tensors[f"{name}_norm_bias"].fill_(1)
    anchors = torch.arange(ANCHORS, dtype=torch.float32)[:, None]
    tensors["steps"].copy_(
        (math.log2(STEPS) - anchors * math.log2(ratio) / 2).expand_as(tensors["steps"])
    )
    middle = STEPS / ratio ** (ANCHORS / 4)
    octaves = np.log2(np.maximum(0.4 * deviations / middle, 0.1))
    for g, (start, stop) in enumerate(design.parts):
        bias = torch.from_numpy(octaves[start:stop]).float() / 2**SAID
        tensors[f"group{g}_out_bias"][stop - start :] = bias


def _place(codec: Codec, level: int, components: np.ndarray) -> None:
    """Components as the middle taps of a level's convolutions, there and back."""
    matrix = torch.from_numpy(components).float()
    tensors = codec.tensors
    if level == 0:
        tensors["analysis_first"].mul_(0.02)[:, :, 2:6, 2:6] += matrix.reshape(-1, 3, 4, 4)
        last = tensors["synthesis_last"].mul_(0.02)
        last[:, :, 1, 1] += matrix.T  # pixels of a cell as (colour, y, x): pixel_shuffle's order
        return
    there, back = (
        ("analysis_second", "synthesis_second")
        if level == 1
        else ("analysis_third", "synthesis_first")
    )
    folded = matrix.reshape(len(matrix), -1, 2, 2)
    tensors[there].mul_(0.02)[:, :, 1:3, 1:3] += folded
    tensors[back].mul_(0.02)[:, :, 1:3, 1:3] += folded


def _components(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The strongest directions (count, d) of rows around 0, and deviations along them."""
    second = rows.T @ rows / len(rows)
    values, vectors = np.linalg.eigh(second)
    order = np.argsort(values)[::-1][:count]
    components = vectors[:, order].T
    if len(components) < count:  # more channels than numbers: the others begin at 0
        components = np.pad(components, ((0, count - len(components)), (0, 0)))
    deviations = np.sqrt(np.maximum(np.pad(values[order], (0, count - len(order))), 0))
    return components, deviations


def _blocks(pictures: Sequence[np.ndarray], seed: int) -> np.ndarray:
    """(n, 16, 16, 3) of pixels from all pictures, on the scale −1 … 1."""
    random = np.random.default_rng(seed)
    each = max(1, BLOCKS // len(pictures))
    blocks = []
    for picture in pictures:
        y = random.integers(0, picture.shape[0] - 15, each)
        x = random.integers(0, picture.shape[1] - 15, each)
        windows = np.lib.stride_tricks.sliding_window_view(picture, (16, 16), (0, 1))
        blocks.append(windows[y, x].transpose(0, 2, 3, 1))
    return (np.concatenate(blocks).astype(np.float32) - 128) / 128
