"""The family that suits the data, where nobody asked for one."""

from __future__ import annotations

import math

from diabolo.data.dataset import Dataset
from diabolo.estimators.learner import Learner
from diabolo.families.autoencoder import Autoencoder
from diabolo.families.masked_ensemble import MaskedEnsemble

MEMBERS, WIDTH = 16, 64  # of the ensemble, up to so many columns; fewer beyond, 4 at least
# units of a member of so many columns; 64 learn too slowly what hangs together among so many (on
# 1,500 columns made of ten numbers: area under the curve 54 against 75)
WIDE, UNITS = 256, 256
STEPS, BATCH, ROWS = 600, 128, 2000  # and each member's training
# quick learning finds what hangs together in narrow tables (18 ADBench sets: area under the curve
# +1.3, and a gain whichever set is left out); in wide ones it learns the anomalies, too
QUICK, SLOW = 1e-2, 3e-3


def default_for(dataset: Dataset) -> Learner:
    """Not fitted: an ensemble for tables, images apart."""
    if len(dataset.shape) > 1:
        return Autoencoder(n_components=32)
    d, rows = math.prod(dataset.shape), min(ROWS, len(dataset))
    members = max(4, MEMBERS * WIDTH // max(d, WIDTH))
    return MaskedEnsemble(
        n_members=members,
        max_samples=ROWS,
        max_epochs=-(-STEPS // -(-rows // BATCH)),
        batch_size=BATCH,
        hidden_share=1.0,
        hidden_layer_sizes=(UNITS,) if d > WIDE else None,
        likelihood="laplace",
        scaling="standard",
        lr=QUICK if d <= WIDTH else SLOW,
    )
