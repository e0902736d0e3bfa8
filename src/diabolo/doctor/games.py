"""How a game of generator and discriminator ended: are samples near the data and do they cover it,
and has the discriminator won?
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from diabolo.doctor.case import Case
from diabolo.doctor.findings import Finding, warning
from diabolo.doctor.nearest import neighbourhoods

FEWEST = 20  # rows compared
WON = 0.95  # share of pairs told apart in the last epoch, from which on there is no game
UNCOVERED = 0.5  # of the coverage that other real rows reach
NEAR = 0.5  # of the share of other real rows that lie among the data: else samples are bad
NARROW = 0.5  # spread of samples over that of the data
NEIGHBOURS = 5


def game(case: Case) -> Iterator[Finding]:
    yield from _samples(case)
    yield from _players(case)


def _samples(case: Case) -> Iterator[Finding]:
    data = case.trained.x.numpy()
    n = len(data) // 2
    if n < FEWEST:
        return
    # the same number of other real rows shows what coverage samples can reach
    real, others = data[: 2 * n : 2], data[1 : 2 * n : 2]
    drawn = _drawn(case, n)
    seen, best = (neighbourhoods(real, rows, NEIGHBOURS) for rows in (drawn, others))
    spread = _spread(drawn) / max(_spread(real), 1e-12)
    line = (
        f"precision {seen.precision:.2f}, coverage {seen.coverage:.2f} "
        f"(real rows: {best.precision:.2f}, {best.coverage:.2f}), spread {spread:.2f} of the data's"
    )
    near = seen.precision > NEAR * best.precision
    if near and seen.coverage >= UNCOVERED * best.coverage and spread >= NARROW:
        yield Finding("samples", line)
    elif near or spread < NARROW:
        remedy = "Use game='relativistic' with a penalty, a smaller lr, or larger batches"
        line = f"{line}. Mode collapse: a part of the data is all that it makes"
        yield warning("samples", line, remedy)
    else:
        longer = "Train for more epochs" if not _has_won(case) else "See the discriminator"
        yield warning("samples", f"{line}. Far from the data", longer)


def _drawn(case: Case, n: int) -> np.ndarray:
    """n generated rows, (n, d) scaled, for the contexts of as many real ones."""
    module = case.any_module
    context = None if case.trained.context is None else case.trained.context[: 2 * n : 2]
    device = next(module.parameters()).device
    with torch.inference_mode():
        noise = torch.Generator().manual_seed(0)
        rows = module.draw(n, None if context is None else context.to(device), noise)
    return rows.cpu().numpy()


def _spread(rows: np.ndarray) -> float:
    """Root of the mean squared distance from the mean."""
    return float(np.sqrt(np.square(rows - rows.mean(0)).sum(1).mean()))


def _players(case: Case) -> Iterator[Finding]:
    terms = case.history.records[-1]["train"]
    apart, margin = terms["discriminator/told apart"], terms["discriminator/margin"]
    line = f"told {apart:.0%} of the pairs apart at the end, margin {margin:.3g}"
    if not _has_won(case):
        yield Finding("discriminator", line)
        return
    remedy = "Use a penalty of 0.1 or more, game='relativistic', or a smaller lr"
    line = f"{line}. It has won, and the generator learns nothing more"
    yield warning("discriminator", line, remedy)


def _has_won(case: Case) -> bool:
    """Whether the discriminator has."""
    return case.history.records[-1]["train"]["discriminator/told apart"] >= WON
