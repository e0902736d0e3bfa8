"""Distances between images that forgive small shifts, turns, stretches and changes of thickness.

The images that one image can be moved to form a surface; near the image it is flat, and spanned by
the derivatives by each move. The distance of another image to that plane is what no small move of
the first can undo:

    d(a, b)² = ‖b − a‖² − ‖Qᵀ(b − a)‖²

with the derivatives of a made orthonormal, Q. Simard, LeCun & Denker 1993, "Efficient pattern
recognition using a new transformation distance", with the seven moves of their sec. 4, one-sided:
the other image's moves cost three times as much and find no better neighbours. Only rows that are
close as they are get compared so.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from diabolo.data.neighbours import Nearest, nearest

# of the longer side; images have slopes only where they are smooth. Chosen among 1/28, 1/22 and
# 1/18 on 3,000 images of MNIST
BLUR = 1 / 22
CANDIDATES = 100  # nearest as they are, of which the nearest up to small moves are chosen
PIECE = 128  # rows that are compared at once: 128 x 100 candidates of 784 pixels are 40 MB


def nearest_moved(
    x: Tensor, shape: tuple[int, int, int], k: int, seed: int = 0, candidates: int = CANDIDATES
) -> Nearest:
    """The k nearest other images of every image x (n, H·W·C), up to small moves.

    shape : (H, W, C), at least two pixels high and wide.
    """
    smooth = blurred(x, shape)
    near = nearest(smooth, min(len(x) - 1, max(k, candidates)), seed).rows
    squared = []
    for start in range(0, len(x), PIECE):
        own = smooth[start : start + PIECE]
        apart = smooth[near[start : start + PIECE]] - own.unsqueeze(1)
        along = apart @ tangents(own, shape)
        squared.append(apart.square().sum(2) - along.square().sum(2))
    found, order = torch.cat(squared).topk(k, largest=False)
    return Nearest(near.gather(1, order), found.clamp(min=0).sqrt())


def blurred(x: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Images (n, H·W·C) after a Gaussian of a standard deviation of `BLUR` of the longer side."""
    sigma = BLUR * max(shape[:2])
    reach = math.ceil(3 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).to(x)
    images = x.unflatten(1, shape).movedim(3, 1).reshape(-1, 1, *shape[:2])
    for side in ((-1, 1), (1, -1)):
        padding = [reach if s < 0 else 0 for s in side]
        images = F.conv2d(images, kernel.view(1, 1, *side), padding=padding)
    return images.view(len(x), shape[2], *shape[:2]).movedim(1, 3).flatten(1)


def tangents(x: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Orthonormal directions of small moves of smooth images, (n, H·W·C) → (n, H·W·C, 7)."""
    height, width, _ = shape
    images = x.unflatten(1, shape)
    down, right = torch.gradient(images, dim=(1, 2))
    y = torch.linspace(-1, 1, height).to(x).view(-1, 1, 1)
    z = torch.linspace(-1, 1, width).to(x).view(1, -1, 1)
    moves = [
        right,  # shifts
        down,
        z * down - y * right,  # turn
        z * right + y * down,  # scale
        z * right - y * down,  # stretches, along the axes and along the diagonals
        y * right + z * down,
        right.square() + down.square(),  # thickness
    ]
    stacked = torch.stack([move.flatten(1) for move in moves], 2)
    return torch.linalg.qr(stacked).Q
