"""The linear probe: how much of the class can be read from a code by a linear classifier."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MOST_ROWS = 5000  # to learn from; more move the accuracy by tenths of a per cent


def probe_accuracy(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> float:
    """Share of test rows whose class multinomial logistic regression reads from their codes.

    train, test : codes (n, k), standardised by the training part. At most 5,000 rows of it, evenly
    spread, are learned from.

    Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes".
    """
    step = -(-len(train) // MOST_ROWS)
    # tol: the accuracy has settled long before the likelihood has
    probe = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-3, max_iter=500))
    probe.fit(train[::step], train_labels[::step])
    return float(probe.score(test, test_labels))
