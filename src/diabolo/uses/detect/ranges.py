"""Scores of different kinds beside each other: in ranges, each from its own median.

A range is that from the median of usual rows to their 84 % point, which is a standard deviation
above the middle where scores are normal; what lies far above does not change it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

UPPER = 0.84
EXTENT = (-5.0, 10.0)  # of a score in ranges, before it is added to a partner's

Range = tuple[float, float]  # the median, and how far it is to the 84 % point


def range_of(scores: np.ndarray) -> Range:
    """Of usual scores (n,); the second is 1 where it would be nothing."""
    middle, upper = np.quantile(scores, [0.5, UPPER])
    return float(middle), float(upper - middle) or 1.0


def stranger(views: Tensor, ranges: Sequence[Range]) -> Tensor:
    """(…, n, V) → (…, n): of the view in which a row is stranger, in ranges.

    One view's is left as it is.
    """
    if views.shape[-1] == 1:
        return views[..., 0]
    middle, upper = views.new_tensor(ranges).T
    return ((views - middle) / upper).amax(-1)


def added(scores: Sequence[np.ndarray], ranges: Sequence[Range]) -> np.ndarray:
    """Scores (n,) each as one, (n,), none of which can outweigh the others without bound."""
    pairs = zip(scores, ranges, strict=True)
    return np.sum([((s - m) / u).clip(*EXTENT) for s, (m, u) in pairs], 0)
