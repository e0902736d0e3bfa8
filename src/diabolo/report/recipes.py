"""Everything that a gallery trains, in one table, and how much of it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from diabolo.estimators.estimator import Estimator
from diabolo.estimators.learner import Learner
from diabolo.families.adversarial import GenerativeAdversarialNetwork
from diabolo.families.autoencoder import Autoencoder
from diabolo.families.contractive import ContractiveAutoencoder
from diabolo.families.convolutional import ConvolutionalAutoencoder
from diabolo.families.denoising import DenoisingAutoencoder
from diabolo.families.parametric_tsne import ParametricTSNE
from diabolo.families.sparse import SparseAutoencoder
from diabolo.families.stacked import StackedAutoencoder
from diabolo.families.variational import VariationalAutoencoder

Words = dict[str, Any]


class Budget(NamedTuple):
    """What all models of a page share.

    code, hidden : units of the code and of the one level before it, in the shallow models.
    deep : levels of the deep ones. channels : feature maps of the convolutional one.
    features : units of the layer whose features are looked at; a square number.
    drawn_from : units of the code that samples are drawn from.
    """

    epochs: int
    code: int
    hidden: int
    deep: tuple[int, ...]
    channels: tuple[int, ...]
    features: int
    drawn_from: int


QUICK_ROWS = 8_000  # to train on, where there is little time
SMALL = Budget(60, 8, 128, (128, 64), (16, 32), 64, 6)  # 8×8 pixels
LARGE = Budget(12, 32, 256, (512, 256, 128), (8, 16), 196, 12)  # 28×28


def budget(features: int, quick: bool) -> Budget:
    """Sizes that suit images of so many features.

    Where there is time, large images come in greater number (all rows), small ones more often.
    """
    if features >= 256:
        return LARGE
    return SMALL if quick else SMALL._replace(epochs=200)


# The families side by side: same rows, epochs, code size, and one hidden level unless deep.
SIDE_BY_SIDE = (
    "plain",
    "deep",
    "stacked",
    "denoising",
    "sparse",
    "contractive",
    "convolutional",
    "variational",
)


def recipes(sizes: Budget, features: int, seed: int) -> dict[str, Learner]:
    """Unfitted estimators by the name that the chapters know them by.

    Greys are taken for probabilities (likelihood="bernoulli", the cross-entropy), as in Vincent et
    al. 2010: with few epochs it gives sharper images than squared error. The variational one that
    stands beside the others learns its variance instead, as it does by default. Units between 0
    and 1 learn slowly from small weights, and get a higher learning rate.
    """
    shared: Words = {
        "max_epochs": sizes.epochs,
        "lr": 4e-3,
        "activation": "gelu",  # for most, better than relu so early: deep 8.1 against 9.8 on MNIST
        "likelihood": "bernoulli",
        "random_state": seed,
    }
    code = shared | {"n_components": sizes.code}
    shallow = code | {"hidden_layer_sizes": (sizes.hidden,)}
    bounded = {"lr": 2e-2}
    return {
        "plain": Autoencoder(**shallow),
        "deep": Autoencoder(**code, hidden_layer_sizes=sizes.deep),
        "stacked": StackedAutoencoder(**_stack(sizes, code)),
        "denoising": DenoisingAutoencoder(**shallow, level=0.25),
        "sparse": SparseAutoencoder(
            **shallow | bounded, target_activation=0.2, sparsity_weight=1.0
        ),
        "contractive": ContractiveAutoencoder(**shallow | bounded, contraction=0.1),
        "convolutional": ConvolutionalAutoencoder(
            **code | {"activation": "relu"}, channels=sizes.channels
        ),
        "variational": VariationalAutoencoder(**shallow | {"likelihood": "auto"}),
        "overcomplete": Autoencoder(**shared, n_components=features, hidden_layer_sizes=()),
        "plane": Autoencoder(**shared, n_components=2, hidden_layer_sizes=sizes.deep),
        "map": ParametricTSNE(**shared, hidden_layer_sizes=(sizes.hidden,)),
        "layers alone": StackedAutoencoder(**_stack(sizes, code), fine_tune=None),
        **_denoisers(sizes, shallow),
        **_sparse(sizes, shared | bounded),
        **_tied(sizes, shared, bounded),
        **_latent_spaces(sizes, shared),
        **_adversarial(sizes, seed),
    }


def _stack(sizes: Budget, code: Words) -> Words:
    """Half of the epochs for each layer by itself, half for all together.

    With the same seed the layers come out the same whether or not they are fine-tuned.
    """
    half = math.ceil(sizes.epochs / 2)
    return code | {
        "hidden_layer_sizes": (sizes.hidden, sizes.hidden // 2),
        "activation": "sigmoid",
        "layers": ("sparse", "denoising", "denoising"),
        "target_activation": 0.1,
        "layer_epochs": half,
        "max_epochs": half,
        "lr": 2e-2,
    }


def _denoisers(sizes: Budget, shallow: Words) -> dict[str, Estimator]:
    """One for each kind of noise; the code is wider, since copying would not help."""
    levels = {"masking": 0.4, "salt-and-pepper": 0.25, "gaussian": 0.4}
    wider = shallow | {"n_components": 2 * sizes.code}
    return {
        **{
            noise: DenoisingAutoencoder(**wider, noise=noise, level=level)
            for noise, level in levels.items()
        },
        # of few images many moved ones can be made
        "moves": DenoisingAutoencoder(
            **wider | {"max_epochs": 2 * sizes.epochs, "lr": 2e-3},
            noise=("moves", "masking"),
            level=(0.25, 0.5),
        ),
    }


def _sparse(sizes: Budget, shared: Words) -> dict[str, Estimator]:
    """Units that can be looked at, with and without the penalty."""
    layer = shared | {
        "n_components": sizes.features,
        "hidden_layer_sizes": (),
        "target_activation": 0.1,
        "l2": 3e-3,  # without it the features are noisy
    }
    return {
        "not sparse": SparseAutoencoder(**layer, sparsity_weight=0.0),
        "sparse features": SparseAutoencoder(**layer, sparsity_weight=10.0),
    }


def _tied(sizes: Budget, shared: Words, bounded: Words) -> dict[str, Estimator]:
    """One layer with tied weights, as in Rifai et al. 2011: plain, denoising and contractive."""
    layer = shared | {
        "n_components": sizes.features,
        "hidden_layer_sizes": (),
        "tied": True,
    }
    return {
        "plain layer": ContractiveAutoencoder(**layer | bounded, contraction=0.0),
        "denoising layer": DenoisingAutoencoder(**layer, level=0.25),
        "contractive layer": ContractiveAutoencoder(**layer | bounded, contraction=1.0),
    }


def _latent_spaces(sizes: Budget, shared: Words) -> dict[str, Estimator]:
    """One to walk in, and one to draw from; the fewer units, the better the prior is filled."""
    deep = shared | {"hidden_layer_sizes": (2 * sizes.hidden, sizes.hidden)}
    return {
        "latent plane": VariationalAutoencoder(**deep, n_components=2),
        "latent space": VariationalAutoencoder(**deep, n_components=sizes.drawn_from),
    }


def _adversarial(sizes: Budget, seed: int) -> dict[str, Learner]:
    """The game, with dense networks: in so few epochs they come further than convolutional ones."""
    return {
        "adversarial": GenerativeAdversarialNetwork(
            n_components=sizes.drawn_from,
            hidden_layer_sizes=(2 * sizes.hidden, sizes.hidden),
            network="dense",
            max_epochs=sizes.epochs,
            random_state=seed,
        )
    }
