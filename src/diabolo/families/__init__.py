"""Families of the literature: each a named composition of the same words.

A family is a short file: its mathematics, its paper, when to use it, its own parameters, and
`compose`. To add one, write that file and name it here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diabolo.estimators.learner import Learner

# family -> module of this package
AUTOENCODERS = {
    "Autoencoder": "autoencoder",
    "DenoisingAutoencoder": "denoising",
    "SparseAutoencoder": "sparse",
    "ContractiveAutoencoder": "contractive",
    "ConvolutionalAutoencoder": "convolutional",
    "StackedAutoencoder": "stacked",
    "VariationalAutoencoder": "variational",
    "BetaVAE": "beta",
    "BetaTCVAE": "total_correlation",
    "WassersteinAutoencoder": "wasserstein",
    "InfoVAE": "info",
    "ImportanceWeightedAutoencoder": "importance_weighted",
    "MixtureVAE": "mixture",
    "VampPriorVAE": "vamp",
    "HierarchicalVAE": "hierarchical",
    "VQVAE": "vector_quantised",
    "FSQAutoencoder": "finite_scalar",
    "SparseDictionary": "dictionary",
    "NestedAutoencoder": "nested",
    "MaskedAutoencoder": "masked",
    "IsometricAutoencoder": "isometric",
    "LayoutAutoencoder": "layout",
    "ParametricTSNE": "parametric_tsne",
    "ParametricUMAP": "parametric_umap",
    "SUREAutoencoder": "sure",
    "AdversarialAutoencoder": "adversarial_autoencoder",
    "VAEGAN": "vae_gan",
    "FactorVAE": "factor",
}
GENERATORS = {  # that have no encoder
    "GenerativeAdversarialNetwork": "adversarial",
}
ENSEMBLES = {  # whose members have encoders
    "MaskedEnsemble": "masked_ensemble",
}
# what a model file may name; nothing else is imported
FAMILIES = AUTOENCODERS | GENERATORS | ENSEMBLES


def family(name: str) -> type[Learner]:
    """The estimator class of that name.

    raises ValueError for a name that is not in the table.
    """
    if name not in FAMILIES:
        raise ValueError(f"unknown family {name!r}; this version knows {', '.join(FAMILIES)}")
    return getattr(import_module(f"diabolo.families.{FAMILIES[name]}"), name)
