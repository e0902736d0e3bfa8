"""Does the likelihood suit the data: their kind, their range, their spread, its saturation?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diabolo.doctor.case import Case
from diabolo.doctor.findings import Finding, note, warning
from diabolo.models.autoencoder import call
from diabolo.parts import likelihoods

SLACK = 1e-4  # of the range, for rounding
BEYOND = 0.001  # share of the entries that may lie outside of the range
AT_THE_END = 1e-3  # an output that near to 0 or 1 has no slope left to learn by
WRONG = 0.2  # error of an output that counts as wrong
SATURATED = 0.02  # share of the outputs that are at an end, and wrong
MIDDLE = (0.15, 0.85)  # entries between are no yes or no
GREY = 0.75  # share of such entries, from which on they are numbers
MISFIT = 4.0  # mean of squared standardised errors, or its inverse; 1 where all is well
FAR = 25.0  # standard deviations from the mean, for a column's largest value
LOUD = 0.2  # of a fixed variance: data that vary less are drowned by its noise


def outputs(case: Case) -> Iterator[Finding]:
    likelihood = case.any_module.likelihood
    yield from _kind(case, likelihood)
    if _is_bounded(likelihood):
        yield from _range(case)
        yield from _saturation(case)
    elif case.columns.kind == "real":
        yield from _outliers(case)
    yield from _spread(case, likelihood)


def _is_bounded(likelihood: Any) -> bool:
    return likelihood.bounded or getattr(likelihood, "link", "") == "sigmoid"


def _kind(case: Case, likelihood: Any) -> Iterator[Finding]:
    """Yes or no taken for numbers, or numbers for yes or no."""
    if isinstance(likelihood, likelihoods.Gaussian) and case.columns.kind == "binary":
        yield warning(
            "likelihood",
            "Gaussian, but every value is 0 or 1",
            "Use likelihood='bernoulli', which says how likely a 1 is",
        )
    if isinstance(likelihood, likelihoods.Bernoulli) and case.columns.kind == "unit":
        x = case.judged.x
        grey = float(((x > MIDDLE[0]) & (x < MIDDLE[1])).float().mean())
        if grey > GREY:
            yield warning(
                "likelihood",
                f"Bernoulli, but {grey:.0%} of the values are neither near 0 nor near 1",
                "Use likelihood='gaussian-shared' for numbers; for tables leave the scaling to us",
            )


def _range(case: Case) -> Iterator[Finding]:
    """Values that no output can reach."""
    x = case.judged.x
    beyond = (x < -SLACK) | (x > 1 + SLACK)
    share = float(beyond.float().mean())
    if share <= BEYOND:
        return
    j = int(beyond.sum(0).argmax())
    low, high = case.columns.original(torch.tensor([[0.0], [1.0]]).expand(2, x.shape[1])).reshape(
        2, -1
    )[:, j]
    yield warning(
        "range",
        f"{share:.1%} of the values lie outside of what the outputs can reach, most of them in "
        f"{case.columns.name(j)}, which reaches from {low:.4g} to {high:.4g}",
        "Fit a model on data of this range, or use scaling='standard' with a Gaussian likelihood",
    )


def _saturation(case: Case) -> Iterator[Finding]:
    mean, x = case.rebuilt, case.judged.x
    at_an_end = (mean < AT_THE_END) | (mean > 1 - AT_THE_END)
    share = float((at_an_end & ((mean - x).abs() > WRONG)).float().mean())
    if share > SATURATED:
        yield warning(
            "outputs",
            f"{share:.1%} are stuck at 0 or 1 although the values are not there",
            "Use a smaller lr, and look whether the data lie in the range that the model expects",
        )


def _outliers(case: Case) -> Iterator[Finding]:
    """Columns of which single values outweigh all others in a squared error."""
    largest = case.judged.x.abs().amax(0)
    j = int(largest.argmax())
    if largest[j] > FAR:
        yield note(
            "likelihood",
            f"{case.columns.name(j)} has a value {largest[j]:.0f} standard deviations from its "
            "mean, which outweighs all others in a squared error",
            "Take its logarithm, or clip it",
        )


def _spread(case: Case, likelihood: Any) -> Iterator[Finding]:
    """Whether errors are as large as the likelihood takes them to be."""
    if not isinstance(likelihood, likelihoods.Gaussian):
        return
    if likelihood.variance == "fixed":
        yield from _fixed_spread(case, likelihood)
        return
    module = case.any_module

    def squares(x: Tensor, side: Tensor | None) -> Tensor:
        out = call(module.decoder, module.encode(x, side), side)
        return ((x - likelihood.mean(out)) / likelihood.deviation(out)).square()

    found = case.through(squares, case.judged).mean(1)
    ratio = float(found.mean())
    line = f"errors are {ratio:.2g} times the learned variance"
    remedy = "Use likelihood='gaussian-shared', more rows, or a smaller network"
    if ratio > MISFIT and float(found.median()) > MISFIT:
        yield warning("likelihood", f"{line}: it is too sure of itself", remedy)
    elif ratio > MISFIT or 0 < ratio < 1 / MISFIT:
        yield note("likelihood", line, remedy)


def _fixed_spread(case: Case, likelihood: likelihoods.Gaussian) -> Iterator[Finding]:
    """A code that costs nats is not worth them where the noise is taken to drown the data."""
    if not case.any_module.is_variational:
        return
    varied = float(np.square(case.trained.x.numpy() - case.trained.x.numpy().mean(0)).mean())
    if varied < LOUD * likelihood.scale**2:
        yield warning(
            "likelihood",
            f"takes noise of variance {likelihood.scale**2:g} for granted, while the data vary "
            f"by {varied:.2g}: the code is hardly worth its price",
            "Use likelihood='gaussian-shared', which learns the variance, or a smaller beta",
        )
