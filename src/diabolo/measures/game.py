"""How a game of generator and discriminator ended: are samples near the data and do they cover it,
and has the discriminator won?
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from diabolo.measures.rows import scaled
from diabolo.measures.samples import neighbourhoods

if TYPE_CHECKING:
    from diabolo.data.sources import Dataset
    from diabolo.families.adversarial import GenerativeAdversarialNetwork

FEWEST, MOST = 20, 1000  # rows compared
WON = 0.95  # share of pairs told apart in the last epoch, from which on there is no game
UNCOVERED = 0.5  # of the coverage that other real rows reach
NEAR = 0.5  # share of samples that lie among the data, for a collapse and not bad samples
FAR = ". Far from the data"
NARROW = 0.5  # spread of samples over that of the data


def game(estimator: GenerativeAdversarialNetwork, trained: Dataset) -> Iterator[str]:
    """Lines "what: finding", with a remedy where something is wrong."""
    yield from _samples(estimator, trained)
    yield _players(estimator)


def _samples(estimator: Any, trained: Dataset) -> Iterator[str]:
    classes = len(getattr(estimator, "classes_", ()))
    if estimator._context_width != classes:
        return  # samples need a context, and what is told here has none
    data = scaled(estimator, trained)
    data = data[:: -(-len(data) // MOST)]
    n = len(data) // 2
    if n < FEWEST:
        return
    # the same number of other real rows shows what coverage samples can reach
    real, others = data[: 2 * n : 2], data[1 : 2 * n : 2]
    drawn = estimator.sample(n, random_state=0)
    drawn = estimator.columns_.scaled(torch.from_numpy(drawn.reshape(n, -1))).numpy()
    seen, best = neighbourhoods(real, drawn), neighbourhoods(real, others)
    spread = _spread(drawn) / max(_spread(real), 1e-12)
    line = (
        f"precision {seen.precision:.2f}, coverage {seen.coverage:.2f} "
        f"(real rows: {best.precision:.2f}, {best.coverage:.2f}), spread {spread:.2f} of the data's"
    )
    finding = _finding(seen.precision, seen.coverage, best.coverage, spread)
    more = ": train for more epochs" if finding == FAR and not _won(estimator) else ""
    yield f"samples: {line}{finding}{more}"


def _finding(precision: float, coverage: float, best: float, spread: float) -> str:
    if coverage >= UNCOVERED * best and spread >= NARROW:
        return ""
    if precision > NEAR or spread < NARROW:
        return (
            ". Mode collapse: a part of the data is all that it makes. Use game='relativistic' "
            "with a penalty, a smaller lr, or larger batches"
        )
    return FAR


def _spread(rows: np.ndarray) -> float:
    """Root of the mean squared distance from the mean."""
    return float(np.sqrt(np.square(rows - rows.mean(0)).sum(1).mean()))


def _players(estimator: Any) -> str:
    terms = estimator.history_.records[-1]["train"]
    apart, margin = terms["discriminator/told apart"], terms["discriminator/margin"]
    line = f"discriminator: told {apart:.0%} of the pairs apart at the end, margin {margin:.3g}"
    if not _won(estimator):
        return line
    return (
        f"{line}. It has won, and the generator learns nothing more: use a penalty of 0.1 or more, "
        "game='relativistic', or a smaller lr"
    )


def _won(estimator: Any) -> bool:
    """Whether the discriminator has."""
    return estimator.history_.records[-1]["train"]["discriminator/told apart"] >= WON
