"""Every kind of autoencoder from one composition, as scikit-learn estimators on torch.

The public names are looked up when they are first used, so that `import diabolo` and
`diabolo --help` cost milliseconds: torch alone takes a second or two to import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which cannot see through the table below
    from diabolo.data.columns import Columns as Columns
    from diabolo.data.dataset import Dataset as Dataset
    from diabolo.data.sources import open_dataset as open_dataset
    from diabolo.families.adversarial import (
        GenerativeAdversarialNetwork as GenerativeAdversarialNetwork,
    )
    from diabolo.families.adversarial_autoencoder import (
        AdversarialAutoencoder as AdversarialAutoencoder,
    )
    from diabolo.families.autoencoder import Autoencoder as Autoencoder
    from diabolo.families.beta import BetaVAE as BetaVAE
    from diabolo.families.contractive import ContractiveAutoencoder as ContractiveAutoencoder
    from diabolo.families.convolutional import ConvolutionalAutoencoder as ConvolutionalAutoencoder
    from diabolo.families.denoising import DenoisingAutoencoder as DenoisingAutoencoder
    from diabolo.families.dictionary import SparseDictionary as SparseDictionary
    from diabolo.families.factor import FactorVAE as FactorVAE
    from diabolo.families.finite_scalar import FSQAutoencoder as FSQAutoencoder
    from diabolo.families.hierarchical import HierarchicalVAE as HierarchicalVAE
    from diabolo.families.importance_weighted import (
        ImportanceWeightedAutoencoder as ImportanceWeightedAutoencoder,
    )
    from diabolo.families.info import InfoVAE as InfoVAE
    from diabolo.families.isometric import IsometricAutoencoder as IsometricAutoencoder
    from diabolo.families.layout import LayoutAutoencoder as LayoutAutoencoder
    from diabolo.families.masked import MaskedAutoencoder as MaskedAutoencoder
    from diabolo.families.masked_ensemble import MaskedEnsemble as MaskedEnsemble
    from diabolo.families.mixture import MixtureVAE as MixtureVAE
    from diabolo.families.nested import NestedAutoencoder as NestedAutoencoder
    from diabolo.families.parametric_tsne import ParametricTSNE as ParametricTSNE
    from diabolo.families.parametric_umap import ParametricUMAP as ParametricUMAP
    from diabolo.families.sparse import SparseAutoencoder as SparseAutoencoder
    from diabolo.families.stacked import StackedAutoencoder as StackedAutoencoder
    from diabolo.families.sure import SUREAutoencoder as SUREAutoencoder
    from diabolo.families.total_correlation import BetaTCVAE as BetaTCVAE
    from diabolo.families.vae_gan import VAEGAN as VAEGAN
    from diabolo.families.vamp import VampPriorVAE as VampPriorVAE
    from diabolo.families.variational import VariationalAutoencoder as VariationalAutoencoder
    from diabolo.families.vector_quantised import VQVAE as VQVAE
    from diabolo.families.wasserstein import WassersteinAutoencoder as WassersteinAutoencoder
    from diabolo.uses.classify import EncoderClassifier as EncoderClassifier
    from diabolo.uses.cluster.clusterer import DeepClusterer as DeepClusterer
    from diabolo.uses.detect.detector import AnomalyDetector as AnomalyDetector
    from diabolo.uses.impute import Imputer as Imputer
    from diabolo.uses.manifold.explore import Manifold as Manifold
    from diabolo.uses.quantise import quantised as quantised
    from diabolo.uses.saved import load as load

__version__ = "0.1.0"

# public name -> the module that holds it
_HOMES = {
    "Autoencoder": "diabolo.families.autoencoder",
    "DenoisingAutoencoder": "diabolo.families.denoising",
    "SparseAutoencoder": "diabolo.families.sparse",
    "ContractiveAutoencoder": "diabolo.families.contractive",
    "ConvolutionalAutoencoder": "diabolo.families.convolutional",
    "StackedAutoencoder": "diabolo.families.stacked",
    "VariationalAutoencoder": "diabolo.families.variational",
    "BetaVAE": "diabolo.families.beta",
    "BetaTCVAE": "diabolo.families.total_correlation",
    "WassersteinAutoencoder": "diabolo.families.wasserstein",
    "InfoVAE": "diabolo.families.info",
    "ImportanceWeightedAutoencoder": "diabolo.families.importance_weighted",
    "MixtureVAE": "diabolo.families.mixture",
    "VampPriorVAE": "diabolo.families.vamp",
    "HierarchicalVAE": "diabolo.families.hierarchical",
    "VQVAE": "diabolo.families.vector_quantised",
    "FSQAutoencoder": "diabolo.families.finite_scalar",
    "SparseDictionary": "diabolo.families.dictionary",
    "NestedAutoencoder": "diabolo.families.nested",
    "MaskedAutoencoder": "diabolo.families.masked",
    "IsometricAutoencoder": "diabolo.families.isometric",
    "LayoutAutoencoder": "diabolo.families.layout",
    "ParametricTSNE": "diabolo.families.parametric_tsne",
    "ParametricUMAP": "diabolo.families.parametric_umap",
    "SUREAutoencoder": "diabolo.families.sure",
    "MaskedEnsemble": "diabolo.families.masked_ensemble",
    "AdversarialAutoencoder": "diabolo.families.adversarial_autoencoder",
    "VAEGAN": "diabolo.families.vae_gan",
    "FactorVAE": "diabolo.families.factor",
    "GenerativeAdversarialNetwork": "diabolo.families.adversarial",
    "Manifold": "diabolo.uses.manifold.explore",
    "EncoderClassifier": "diabolo.uses.classify",
    "DeepClusterer": "diabolo.uses.cluster.clusterer",
    "AnomalyDetector": "diabolo.uses.detect.detector",
    "Imputer": "diabolo.uses.impute",
    "load": "diabolo.uses.saved",
    "quantised": "diabolo.uses.quantise",
    "open_dataset": "diabolo.data.sources",
    "Dataset": "diabolo.data.dataset",
    "Columns": "diabolo.data.columns",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module at first use (PEP 562), and keep it."""
    if name not in _HOMES:
        raise AttributeError(_unknown(name))
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    by_small_letters = {public.lower(): public for public in _HOMES}
    close = get_close_matches(name.lower(), by_small_letters, n=1)
    guess = f"; did you mean {by_small_letters[close[0]]!r}?" if close else ""
    return f"module 'diabolo' has no attribute {name!r}{guess}"
