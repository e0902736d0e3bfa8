"""Fits whose code is led to places of the rows that were found beforehand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from diabolo.engine.schedule import Phase
from diabolo.estimators.fits import Fits
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.guided import Guided


def guided(
    fits: Fits,
    module: AutoencoderModule,
    places: np.ndarray,
    weight: float,
    max_epochs: int | None = None,
) -> Phase:
    """A phase that leads the code of every row to its place, (n, code.dim), see `Guided`."""
    led = beside(fits, places)
    return led.phase("guided", (led.player("guided", Guided(module, weight)),), max_epochs)


def beside(fits: Fits, places: np.ndarray) -> Fits:
    """Fits whose rows have their places, (n, code.dim), as the last columns of their context."""
    context = places if fits.context is None else np.hstack([fits.context, places])
    return Fits(fits.estimator, fits.dataset, context, fits.labels)


def guided_first(
    free: Phase, fits: Fits, module: AutoencoderModule, places: np.ndarray, weight: float
) -> list[Phase]:
    """Led for the first half of the epochs of `free`, then let go."""
    half = math.ceil(free.max_epochs / 2)
    return [
        guided(fits, module, places, weight, half),
        replace(free, max_epochs=free.max_epochs - half),
    ]
