"""Everything that a gallery trains, in one table, and how much of it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from diabolo.families.autoencoder import Autoencoder
from diabolo.families.contractive import ContractiveAutoencoder
from diabolo.families.convolutional import ConvolutionalAutoencoder
from diabolo.families.denoising import DenoisingAutoencoder
from diabolo.families.estimator import Estimator
from diabolo.families.sparse import SparseAutoencoder
from diabolo.families.stacked import StackedAutoencoder
from diabolo.families.variational import VariationalAutoencoder


class Budget(NamedTuple):
    """What all models of a page share.

    rows : to train on; None: all. epochs : over them.
    code, hidden : units of the code and of the one level before it, in the shallow models.
    deep : levels of the deep ones. channels : feature maps of the convolutional one.
    features : units of the layer whose features are looked at; a square number.
    """

    rows: int | None
    epochs: int
    code: int
    hidden: int
    deep: tuple[int, ...]
    channels: tuple[int, ...]
    features: int


SMALL = Budget(None, 60, 8, 128, (128, 64), (16, 32), 64)  # 8×8 pixels
LARGE = Budget(10_000, 12, 32, 256, (512, 256, 128), (8, 16), 196)  # 28×28
LONGER = 3  # times the epochs, where there is time


def budget(features: int, quick: bool) -> Budget:
    """Sizes that suit images of so many features, and epochs that suit the time at hand."""
    chosen = SMALL if features < 256 else LARGE
    if quick:
        return chosen
    return chosen._replace(rows=None, epochs=LONGER * chosen.epochs)


# The families side by side: same rows, epochs, code size, and one hidden level unless deep.
SIDE_BY_SIDE = {
    "plain": "Autoencoder",
    "deep": "Deep autoencoder",
    "stacked": "Stacked autoencoder",
    "denoising": "Denoising autoencoder",
    "sparse": "Sparse autoencoder",
    "contractive": "Contractive autoencoder",
    "convolutional": "Convolutional autoencoder",
    "variational": "Variational autoencoder",
}


def recipes(sizes: Budget, features: int, seed: int) -> dict[str, Estimator]:
    """Unfitted estimators by the name that the chapters know them by.

    Greys are taken for probabilities (likelihood="bernoulli", the cross-entropy), as in Vincent et
    al. 2010: with few epochs it gives sharper images than squared error.
    """
    shared: dict[str, Any] = {
        "max_epochs": sizes.epochs,
        "likelihood": "bernoulli",
        "random_state": seed,
    }
    shallow = shared | {"n_components": sizes.code, "hidden_layer_sizes": (sizes.hidden,)}
    third = math.ceil(sizes.epochs / 3)
    one_layer = shared | {"n_components": sizes.features, "hidden_layer_sizes": ()}
    wide = shared | {
        "n_components": 2 * sizes.code,
        "hidden_layer_sizes": (2 * sizes.hidden,),
    }
    return {
        "plain": Autoencoder(**shallow),
        "deep": Autoencoder(**shallow | {"hidden_layer_sizes": sizes.deep}),
        "stacked": StackedAutoencoder(**shallow | {"max_epochs": third}),
        "denoising": DenoisingAutoencoder(**shallow, level=0.25),
        "sparse": SparseAutoencoder(**shallow, target_activation=0.2, sparsity_weight=1.0),
        "contractive": ContractiveAutoencoder(**shallow, contraction=1.0),
        "convolutional": ConvolutionalAutoencoder(
            **shared, n_components=sizes.code, channels=sizes.channels
        ),
        "variational": VariationalAutoencoder(**shallow),
        "overcomplete": Autoencoder(**shared, n_components=features, hidden_layer_sizes=()),
        "plane": Autoencoder(**shared, n_components=2, hidden_layer_sizes=sizes.deep),
        "stack": StackedAutoencoder(
            **shared,
            n_components=sizes.code,
            hidden_layer_sizes=(sizes.hidden, sizes.hidden // 2),
            layers="denoising",
        ),
        "masking": DenoisingAutoencoder(**wide, noise="masking", level=0.4),
        "salt-and-pepper": DenoisingAutoencoder(**wide, noise="salt-and-pepper", level=0.25),
        "gaussian": DenoisingAutoencoder(**wide, noise="gaussian", level=0.4),
        "not sparse": SparseAutoencoder(**one_layer, sparsity_weight=0.0),
        "sparse features": SparseAutoencoder(
            **one_layer, target_activation=0.1, sparsity_weight=5.0
        ),
        "latent plane": VariationalAutoencoder(
            **shared, n_components=2, hidden_layer_sizes=(sizes.hidden, sizes.hidden // 2)
        ),
    }
