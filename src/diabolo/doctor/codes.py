"""Is the whole code in use: units, dimensions, entries of a codebook?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diabolo.doctor.case import Case
from diabolo.doctor.findings import Finding, note, warning
from diabolo.doctor.units import VARIES, Use, active_units, use_of_bounded, use_of_thresholded
from diabolo.models.autoencoder import call
from diabolo.parts.codes import TopK
from diabolo.parts.dictionaries import Selection
from diabolo.parts.quantisers import Quantiser

OFF_TARGET = 0.2  # relative, of the mean activation; worth knowing, and
FAR_OFF = 2.0  # times the target, or that part of it: not what was asked for
MANY = 0.1  # share of the units
MANY_BOUNDED = 0.25  # the same, of units between 0 and 1 that need not be sparse
MANY_ATOMS = 0.5  # the same, of a dictionary: rare ones may not be among a thousand rows
FEW = 0.25  # of the units of a variational code: below, it has collapsed
STILL = 1e-3  # of the largest spread of a unit: what moves less says nothing beside the others
LOST = 0.25  # share of a quantiser's places that always say the same
NARROW = 0.1  # of the values that a place of a quantiser could use


def codes(case: Case) -> Iterator[Finding]:
    code = case.any_module.code
    if case.any_module.is_variational:
        yield _latent_units(case.codes)
    elif isinstance(code, Quantiser):
        yield _codebook(case, code)
    elif getattr(code, "activation", None) == "sigmoid":
        use = use_of_bounded(case.codes)
        # without a target, a unit may well say all it has to say between ½ and 1
        yield _units(case, *use) if _target(case) else _bounded(case.codes, use)
    elif isinstance(code, Selection):
        yield _units(case, *use_of_thresholded(case.codes), many=MANY_ATOMS)
    elif isinstance(code, TopK) or getattr(code, "activation", None) == "relu":
        yield _units(case, *use_of_thresholded(case.codes))
    else:
        yield from _still(case.codes)


def _latent_units(means: np.ndarray) -> Finding:
    active, units = active_units(means), means.shape[1]
    line = f"{active} of {units} active"
    if active == 0:
        remedy = "Use a smaller beta, or a longer warmup"
        return warning("latent units", f"{line}: the decoder ignores the code", remedy)
    smaller = f"A code of {active} would do"
    if active < FEW * units:
        remedy = f"{smaller}; for more, use a smaller beta, or a longer warmup"
        return warning("latent units", f"{line}, the others have collapsed", remedy)
    if active < units / 2:
        return note("latent units", f"{line}; the others say nothing", smaller)
    return Finding("latent units", line)


def _codebook(case: Case, code: Quantiser) -> Finding:
    """Perplexity of the values that the rows choose, beside what so many rows could reach."""
    module = case.any_module

    def indices(x: Tensor, side: Tensor | None) -> Tensor:
        return code.indices(call(module.encoder, x, side))

    chosen = case.through(indices, case.judged)
    perplexities, used = zip(*map(_use, chosen.T), strict=True)
    sizes = np.array(code.sizes)
    reachable = np.minimum(sizes, len(chosen))
    mean, most = float(np.mean(perplexities)), float(reachable.mean())
    line = f"perplexity {mean:.3g} of {most:.3g}, {np.mean(used):.3g} values of a place in use"
    lost = int((np.array(used) == 1).sum())
    if mean < 1 + NARROW * (most - 1) or lost > LOST * len(used):
        where = f"; {lost} of {len(used)} places always say the same" if lost else ""
        remedy = (
            "Use fewer entries or places, a smaller commitment, or moving averages, which put "
            "dead entries back on the data"
        )
        return warning("codebook", f"{line}{where}. It has collapsed", remedy)
    return Finding("codebook", line)


def _use(values: Tensor) -> tuple[float, int]:
    """Perplexity of the values (n,) of one place, and how many there are."""
    counts = torch.bincount(values).double()
    share = counts / counts.sum()
    return float(torch.special.entr(share).sum().exp()), int((counts > 0).sum())


def _units(case: Case, dead: int, always_on: int, units: int, many: float = MANY) -> Finding:
    mean, target = float(case.codes.mean()), _target(case)
    aim = "" if target is None else f" (target {target:g})"
    line = f"{units}, mean activation {mean:.3g}{aim}, {dead} dead, {always_on} always on"
    if target is not None and abs(mean / target - 1) > OFF_TARGET:
        remedy = "Raise sparsity_weight, or train for more epochs"
        far = not 1 / FAR_OFF < mean / target < FAR_OFF
        return (warning if far else note)("code units", f"{line}. Off its target", remedy)
    if dead + always_on > many * units:
        remedy = "Use fewer units, or a weaker penalty"
        return warning("code units", f"{line}. Many say nothing", remedy)
    return Finding("code units", line)


def _target(case: Case) -> float | None:
    """The mean activation that a penalty asks for."""
    penalties: Any = case.any_module.penalties
    asked = (float(p.target) for p in penalties if hasattr(p, "target") and float(p.weight) > 0)
    return next(asked, None)


def _bounded(codes: np.ndarray, use: Use) -> Finding:
    """Units in (0, 1) that need not be sparse: those that hardly move are of no use."""
    still = int((np.ptp(codes, 0) < VARIES).sum())
    line = (
        f"{use.units}, mean activation {codes.mean():.3g}, {use.dead} dead, "
        f"{use.always_on} always on, {still} hardly move"
    )
    if still > MANY_BOUNDED * use.units:
        remedy = "Use fewer units, or a weaker penalty"
        return warning("code units", f"{line}. Many say nothing", remedy)
    return Finding("code units", line)


def _still(codes: np.ndarray) -> Iterator[Finding]:
    """Dimensions of an unbounded code that do not move."""
    spread, units = codes.std(0), codes.shape[1]
    still = int((spread <= STILL * max(float(spread.max()), 1e-12)).sum())
    if still == 0 or len(codes) < 2:
        return
    line = f"{still} of {units} dimensions never move"
    if still > MANY * units:
        remedy = (
            f"A code of {units - still} would do; for more, use a weaker penalty or a larger lr"
        )
        yield warning("code", line, remedy)
    else:
        yield note("code", line)
