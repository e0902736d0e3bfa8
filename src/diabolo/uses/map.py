"""Rows as points in the plane: by an autoencoder's code, beside what others make of the same rows.

PCA is always there; UMAP and openTSNE are asked where they are installed. Unlike these two, the
autoencoder places rows that it has never seen, and says what a row at any place would look like.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from diabolo.estimators.estimator import Estimator
from diabolo.families.parametric_tsne import ParametricTSNE
from diabolo.measures.maps import MapQuality, map_quality


class Rival(NamedTuple):
    """Another's map of the same rows."""

    name: str
    codes: np.ndarray  # (n, 2) float32
    seconds: float


def mapper(**settings: object) -> ParametricTSNE:
    """The autoencoder that maps are made with where nothing else is said."""
    return ParametricTSNE(**settings)  # type: ignore[arg-type]


def rivals(rows: np.ndarray, seed: int = 0) -> Iterator[Rival]:
    """Maps of rows (n, d) by PCA, and by UMAP and openTSNE if they are installed."""
    makers: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"PCA": _pca}
    makers |= {"UMAP": _umap} if find_spec("umap") else {}
    makers |= {"openTSNE": _tsne} if find_spec("openTSNE") else {}
    for name, make in makers.items():
        began = time.perf_counter()
        codes = np.asarray(make(rows, seed), np.float32)
        yield Rival(name, codes, time.perf_counter() - began)


def qualities(
    rows: np.ndarray, maps: dict[str, np.ndarray], labels: np.ndarray | None
) -> dict[str, MapQuality]:
    """Of maps (n, 2) of rows (n, d), by name."""
    return {name: map_quality(rows, codes, labels) for name, codes in maps.items()}


def grid(model: Estimator, codes: np.ndarray, side: int) -> np.ndarray:
    """What a model decodes side × side places spread over codes (n, 2) to, from the top left."""
    low, high = np.quantile(codes, [0.02, 0.98], axis=0)
    x, y = np.meshgrid(np.linspace(low[0], high[0], side), np.linspace(high[1], low[1], side))
    places = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    return model.inverse_transform(places)


def _pca(rows: np.ndarray, seed: int) -> np.ndarray:
    codes = np.zeros((len(rows), 2), np.float32)
    found = PCA(min(2, *rows.shape), random_state=seed).fit_transform(rows)
    codes[:, : found.shape[1]] = found
    return codes


def _umap(rows: np.ndarray, seed: int) -> np.ndarray:
    import umap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about one thread, where a seed is given
        return umap.UMAP(random_state=seed).fit_transform(rows)


def _tsne(rows: np.ndarray, seed: int) -> np.ndarray:
    import openTSNE

    perplexity = min(30.0, max(2.0, (len(rows) - 1) / 3))
    return np.asarray(openTSNE.TSNE(perplexity=perplexity, random_state=seed).fit(rows))
