"""Proofs: each claim of the mathematics against something that shares no code with it.

    for proof in PROOFS:
        figure = proof.measure()          # what the name claims, as one number
        holds = figure <= proof.tolerance

The twins are closed forms and textbook sums in NumPy (`diabolo.uses.verify.textbook`), automatic
differentiation, finite differences, Monte Carlo, and published figures on MNIST. The training is
the estimators' own. Everything is seeded: a proof gives the same figure every time.
"""

from diabolo.uses.verify import bounds, figures, gradients, terms, training
from diabolo.uses.verify.proof import PROOFS, CannotTellError, Proof, run_proofs

__all__ = [
    "PROOFS",
    "CannotTellError",
    "Proof",
    "bounds",
    "figures",
    "gradients",
    "run_proofs",
    "terms",
    "training",
]
