"""How pictures of the site are drawn: on nothing, in ink that the dark theme turns over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

STYLE = {
    "figure.dpi": 100,
    "savefig.transparent": True,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.04,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "image.cmap": "gray_r",
    "image.interpolation": "nearest",
}


def reset(gallery_conf: Any = None, name: str | None = None) -> None:
    """Before every example, as sphinx-gallery asks for."""
    matplotlib.rcdefaults()
    matplotlib.use("agg")
    matplotlib.rcParams.update(STYLE)


def tiled(images: np.ndarray, per_line: int) -> np.ndarray:
    """Images (n, H, W) side by side in lines, with gaps of nothing, which is nan."""
    n, height, width = images.shape
    lines = -(-n // per_line)
    canvas = np.full((lines * (height + 1) - 1, per_line * (width + 1) - 1), np.nan)
    for i, image in enumerate(images):
        top, left = i // per_line * (height + 1), i % per_line * (width + 1)
        canvas[top : top + height, left : left + width] = image
    return canvas


def sheet(ax: Axes, images: np.ndarray, per_line: int, ends: tuple = (0, 1), **words: Any) -> None:
    """Greys between the ends; `cmap` and the like are imshow's."""
    ax.imshow(tiled(images, per_line), vmin=ends[0], vmax=ends[1], **words)
    ax.set_axis_off()


def strips(ax: Axes, rows: Mapping[str, np.ndarray], **words: Any) -> None:
    """A line of images (n, H, W) for each name."""
    images = list(rows.values())
    n, height, _ = images[0].shape
    sheet(ax, np.concatenate(images), n, **words)
    for line, name in enumerate(rows):
        middle = line * (height + 1) + (height - 1) / 2
        ax.text(-2, middle, name, ha="right", va="center")


def signed(ax: Axes, images: np.ndarray, per_line: int) -> None:
    """Images of weights, each scaled to itself: red above zero, blue below."""
    most = np.abs(np.nan_to_num(images)).reshape(len(images), -1).max(1)[:, None, None]
    sheet(ax, images / np.maximum(most, 1e-12), per_line, ends=(-1, 1), cmap="RdBu_r")


def cloud(ax: Axes, codes: np.ndarray, labels: Sequence[int] | np.ndarray) -> None:
    """Codes (n, 2), one colour for each label, with its name where its codes are."""
    ax.scatter(*codes.T, c=labels, cmap="tab10", s=4, linewidths=0, alpha=0.7)
    for label in np.unique(labels):
        middle = np.median(codes[labels == label], axis=0)
        halo = withStroke(linewidth=3, foreground="white")
        ax.text(*middle, str(label), ha="center", va="center", size=12, path_effects=[halo])
    ax.set_aspect("equal")
    ax.set_axis_off()
