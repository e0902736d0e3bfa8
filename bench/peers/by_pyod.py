"""PyOD's AutoEncoder without batch normalisation, dropout and scaling.

What its interface does not let one change: the code goes through a ReLU, the output is linear, a
last, smaller batch is left out, and `fit` ends with the scores of all rows. It gives no codes.
"""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
from net import Net
from pyod.models.auto_encoder import AutoEncoder

VERSION = version("pyod")


def fit(X: np.ndarray, net: Net, epochs: int) -> AutoEncoder:
    return AutoEncoder(
        hidden_neuron_list=list(net.sizes[1:]),
        batch_size=net.batch,
        epoch_num=epochs,
        lr=net.lr,
        optimizer_params={"weight_decay": 0.0},
        preprocessing=False,
        batch_norm=False,
        dropout_rate=0.0,
        device="cpu",
        verbose=0,
    ).fit(X)
