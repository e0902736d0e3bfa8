"""The words of the sentence: networks, corruptions, codes, priors, likelihoods, penalties.

x ─corruption→ x̃ ─encoder→ h ─code→ z ─decoder→ parameters of p(x|z)
loss = −log p(x|z)  +  β · rate  +  aux  +  Σ weight · penalty
"""

# all of them, so that the table of names a file may use does not depend on who imported what
from diabolo.parts import (  # noqa: F401
    augmentations,
    clusters,
    codes,
    corruptions,
    critics,
    densities,
    dictionaries,
    discrepancies,
    flows,
    games,
    lenses,
    likelihoods,
    neighbours,
    networks,
    ordered,
    outcomes,
    outliers,
    penalties,
    priors,
    quantisers,
    stein,
)
