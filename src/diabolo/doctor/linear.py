"""PCA as the yardstick: no autoencoder should be worse than the best linear one.

Baldi & Hornik 1989: a linear autoencoder with k units reaches PCA's error with k components, and
no less.
"""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA


def fitted_pca(rows: np.ndarray, n_components: int) -> PCA:
    """PCA of scaled rows (n, d), with as many components as asked for or as there can be."""
    # a fixed seed: above a certain size scikit-learn's solver draws random directions
    pca = PCA(min(n_components, *rows.shape), random_state=0)
    with np.errstate(invalid="ignore"):  # shares of the variance, where rows do not vary at all
        return pca.fit(rows)


def squared_errors(pca: PCA, rows: np.ndarray) -> np.ndarray:
    """Squared error of every row after PCA and back, mean over features, (n,)."""
    rebuilt = pca.inverse_transform(pca.transform(rows))
    return np.square(rows - rebuilt, dtype=np.float64).mean(1)
