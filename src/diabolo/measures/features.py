"""Where the features come from in which samples are compared.

A distance between sets of samples is a statement about features, so it goes by the hash of what
made them. The name "FID" is kept for features that the user says are Inception's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from diabolo.data.batches import Batches
from diabolo.data.columns import Columns
from diabolo.data.sources import open_dataset
from diabolo.estimators.composition import Facts, image_shape
from diabolo.parts.networks import ConvolutionalEncoder
from diabolo.parts.spec import initialise

INCEPTION = "inception"
PIECE = 1024  # rows at once


class Embedding(NamedTuple):
    """Features of n rows, (n, f) float32, and what made them."""

    values: np.ndarray
    name: str
    hash: str  # of the scaling and the weights, 8 hexadecimal digits


class Features:
    """Rows in the units of the data → features; call it on everything that is compared.

    columns : shape and scaling of the rows, as in `estimator.columns_`.
    network : (n, d) scaled rows → (n, f) features, or None: the scaled rows are the features.
    """

    def __init__(
        self,
        columns: Columns,
        network: Callable[[Tensor], Tensor] | None = None,
        *,
        name: str = "rows",
    ) -> None:
        self.columns, self.network, self.name = columns, network, name
        self.hash = _hash(columns, network)

    @classmethod
    def rows(cls, columns: Columns) -> Features:
        """The scaled rows themselves: right for tables, short-sighted for images."""
        return cls(columns)

    @classmethod
    def random(cls, columns: Columns, *, n_features: int = 64, seed: int = 0) -> Features:
        """A convolutional net of random weights, the same for the same seed; needs no labels.

        Naeem et al. 2020, sec. 4.3: away from photographs more sensible than ImageNet's features.
        """
        shape = image_shape(Facts.of(columns, 0, 0))
        network = ConvolutionalEncoder(shape, n_features, (32, 64, 128))
        initialise(network, torch.Generator().manual_seed(seed))
        return cls(columns, network.eval(), name="random convolutions")

    @classmethod
    def of(cls, network: nn.Module, columns: Columns, *, name: str = "classifier") -> Features:
        """A trained network up to its last level but one, (n, d) scaled rows → (n, f).

        name : "inception" only for Inception's pool features: these distances are called FID.
        """
        return cls(columns, network, name=name)

    def __call__(self, X: Any) -> Embedding:
        """Features of rows X, whatever `fit` takes."""
        dataset = open_dataset(X)
        pieces = []
        with torch.inference_mode():
            for batch in Batches(dataset, self.columns, batch_size=PIECE, seed=0).in_order(PIECE):
                out = batch.x if self.network is None else self.network(batch.x)
                pieces.append(out.flatten(1).numpy().copy())
        return Embedding(np.concatenate(pieces), self.name, self.hash)


def embedding(features: Embedding | np.ndarray) -> Embedding:
    """Bare arrays as features of unknown origin; one sentence where they are none."""
    given = features if isinstance(features, Embedding) else Embedding(features, "as given", "")
    values = np.asarray(given.values)
    if values.ndim != 2 or not len(values) or values.dtype.kind not in "buif":
        raise ValueError(
            f"features of {np.shape(given.values)} {values.dtype} cannot be compared: pass numbers "
            "(n, f), one row a sample. Features(columns)(rows) makes them."
        )
    values = values.astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise ValueError("features hold NaN or infinity: look for an outlier among the samples.")
    return given._replace(values=values)


def alike(*features: Embedding | np.ndarray) -> list[Embedding]:
    """Features of the same kind and width; one sentence where they are not."""
    given = [embedding(f) for f in features]
    first = given[0]
    for other in given[1:]:
        if other.values.shape[1] != first.values.shape[1]:
            raise ValueError(
                f"{first.values.shape[1]} features cannot be compared with "
                f"{other.values.shape[1]}: pass both through the same Features."
            )
        if (other.name, other.hash) != (first.name, first.hash):
            raise ValueError(
                f"features {first.name!r} {first.hash} cannot be compared with {other.name!r} "
                f"{other.hash}: pass both through the same Features."
            )
    return given


def _hash(columns: Columns, network: Any) -> str:
    digest = hashlib.sha256(json.dumps(columns.to_json(), sort_keys=True).encode())
    if network is not None:
        digest.update(repr(network).encode() if isinstance(network, nn.Module) else b"function")
    if isinstance(network, nn.Module):
        for name, tensor in sorted(network.state_dict().items()):
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]
