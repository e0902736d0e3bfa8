"""What --model may name: each family, and three names of the plain autoencoder.

Undercomplete, overcomplete and deep are no families of their own: they say something about the
sizes, so sizes that say otherwise are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from diabolo.cli.usage import UsageError, guess

Arguments = dict[str, Any]


class Recipe(NamedTuple):
    """A family, and what its name promises about sizes.

    adapt : (arguments, number of features) → arguments; ValueError where they contradict the name.
    """

    family: str
    adapt: Callable[[Arguments, int], Arguments] | None = None


def undercomplete(arguments: Arguments, n_features: int) -> Arguments:
    """The code is smaller than the input; by default it is anyway."""
    code = arguments.get("n_components")
    if n_features == 1:
        raise ValueError("an undercomplete autoencoder needs at least 2 features, but there is 1.")
    if code is not None and code >= n_features:
        raise ValueError(
            f"an undercomplete autoencoder has a code smaller than its {n_features} features, but "
            f"--code is {code}: pass --code {max(1, n_features // 4)}, or --model overcomplete."
        )
    return arguments


def overcomplete(arguments: Arguments, n_features: int) -> Arguments:
    """The code is wider than the input, twice as wide if nothing is said."""
    code = arguments.get("n_components", 2 * n_features)
    if code <= n_features:
        raise ValueError(
            f"an overcomplete autoencoder has a code wider than its {n_features} features, but "
            f"--code is {code}: pass --code {2 * n_features}, or --model undercomplete."
        )
    return {**arguments, "n_components": code}


def deep(arguments: Arguments, n_features: int) -> Arguments:
    """Two hidden levels or more; three by default, each half of the one before."""
    widest = min(512, max(32, 2 * n_features))
    hidden = arguments.get("hidden_layer_sizes", (widest, widest // 2, widest // 4))
    if len(hidden) < 2:
        raise ValueError(
            f"a deep autoencoder has two hidden levels or more, but --hidden names {len(hidden)}: "
            f"pass --hidden {widest},{widest // 2}, or --model autoencoder."
        )
    return {**arguments, "hidden_layer_sizes": hidden}


RECIPES = {
    "autoencoder": Recipe("Autoencoder"),
    "undercomplete": Recipe("Autoencoder", undercomplete),
    "overcomplete": Recipe("Autoencoder", overcomplete),
    "deep": Recipe("Autoencoder", deep),
    "denoising": Recipe("DenoisingAutoencoder"),
    "sparse": Recipe("SparseAutoencoder"),
    "contractive": Recipe("ContractiveAutoencoder"),
    "convolutional": Recipe("ConvolutionalAutoencoder"),
    "stacked": Recipe("StackedAutoencoder"),
    "variational": Recipe("VariationalAutoencoder"),
    "beta-vae": Recipe("BetaVAE"),
    "beta-tc": Recipe("BetaTCVAE"),
    "wasserstein": Recipe("WassersteinAutoencoder"),
    "info": Recipe("InfoVAE"),
    "importance-weighted": Recipe("ImportanceWeightedAutoencoder"),
    "mixture": Recipe("MixtureVAE"),
    "vamp": Recipe("VampPriorVAE"),
    "hierarchical": Recipe("HierarchicalVAE"),
    "vector-quantised": Recipe("VQVAE"),
    "finite-scalar": Recipe("FSQAutoencoder"),
    "dictionary": Recipe("SparseDictionary"),
    "nested": Recipe("NestedAutoencoder"),
    "masked": Recipe("MaskedAutoencoder"),
    "isometric": Recipe("IsometricAutoencoder"),
    "layout": Recipe("LayoutAutoencoder"),
    "parametric-tsne": Recipe("ParametricTSNE"),
    "parametric-umap": Recipe("ParametricUMAP"),
    "sure": Recipe("SUREAutoencoder"),
    "masked-ensemble": Recipe("MaskedEnsemble"),
    "adversarial-autoencoder": Recipe("AdversarialAutoencoder"),
    "vae-gan": Recipe("VAEGAN"),
    "factor-vae": Recipe("FactorVAE"),
    "adversarial": Recipe("GenerativeAdversarialNetwork"),
}
ALIASES = {
    "ae": "autoencoder",
    "conv": "convolutional",
    "vae": "variational",
    "gan": "adversarial",
    "aae": "adversarial-autoencoder",
    "wae": "wasserstein",
    "iwae": "importance-weighted",
    "mae": "masked",
    "tsne": "parametric-tsne",
    "umap": "parametric-umap",
    "fsq": "finite-scalar",
    "vqvae": "vector-quantised",
}


def recipe(name: str) -> Recipe:
    """The recipe of that name; UsageError with a guess where there is none."""
    known = ALIASES.get(name, name)
    if known in RECIPES:
        return RECIPES[known]
    raise UsageError(
        f"unknown model {name!r}{guess(name, [*RECIPES, *ALIASES]) or '.'} "
        f"Known are {', '.join(RECIPES)}."
    )
