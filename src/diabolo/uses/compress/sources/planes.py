"""The plane of ordered symbols, by how often each of them occurs."""

from __future__ import annotations

import numpy as np

from diabolo.uses.compress.coding.heads import MOST_ATOMS, PARTS, Plane

COMMON = 0.1  # of all: an end that is decided first
BESIDE = 8  # symbols on each side, whose median says how common an atom would be without being one
FAR = 4  # times as common as that
WORTH = 1000  # bits that an atom saves, about; its weights take a quarter of it


def plane_of(counts: np.ndarray, parts: int = PARTS) -> Plane:
    """Ordered symbols 0 … len(counts) − 1, of which each occurs so often."""
    edge = _edge(counts)
    return Plane(len(counts), True, edge, parts, _atoms(counts, edge))


def _edge(counts: np.ndarray) -> int:
    """The first or the last symbol, if it is common enough to be decided first; else −1."""
    if len(counts) < 3:
        return len(counts) - 2
    for edge in (0, len(counts) - 1):
        if counts[edge] > COMMON * counts.sum():
            return edge
    return -1


def _atoms(counts: np.ndarray, edge: int) -> tuple[int, ...]:
    """The commonest of those that stand far above the symbols around them."""
    inner = counts.astype(np.float64)
    if edge >= 0:
        inner[edge] = np.nan
    if len(counts) <= 2 * BESIDE:
        return ()
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(inner, BESIDE, constant_values=np.nan), 2 * BESIDE + 1
    )
    usual = np.nanmedian(around, axis=1) + 1
    saved = inner * np.log2(np.maximum(inner, 1) / usual)
    found = np.flatnonzero((inner > FAR * usual) & (saved > WORTH))
    best = found[np.argsort(-saved[found], kind="stable")[:MOST_ATOMS]]
    return tuple(sorted(best.tolist()))
