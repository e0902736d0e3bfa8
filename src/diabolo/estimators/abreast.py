"""Several sizes of one family trained as one stack of models (`diabolo.engine.crowd`).

A narrow network is a wide one of which some units are 0: with activations that are 0 at 0 such a
unit gets no gradient and passes none on, so it stays 0. Networks of different widths thus become
one architecture, and one step trains all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from diabolo.data.columns import Columns
from diabolo.engine.crowd import Crowd
from diabolo.engine.events import History
from diabolo.engine.fit import fit as carry_out
from diabolo.estimators.composition import Facts
from diabolo.estimators.devices import device
from diabolo.estimators.fits import Fits
from diabolo.estimators.seeds import Seeds
from diabolo.parts.networks import Dense
from diabolo.parts.spec import initialise

if TYPE_CHECKING:
    from diabolo.data.dataset import Dataset
    from diabolo.estimators.learner import Learner

ZERO_AT_ZERO = {"relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "identity"}


def fit_abreast(estimators: Sequence[Learner], dataset: Dataset) -> None:
    """Fit all of them to the same rows at once, for as many epochs as the first one says.

    estimators : dense, of one family and one set of settings but for `n_components` and
        `hidden_layer_sizes` (of one length). None of the rows is held out.

    Afterwards each has `module_`, `columns_` and so on, as after a fit of its own; the unused units
    of the widest are still in its module, at 0.
    """
    columns = Columns.learn(dataset, estimators[0].scaling)
    facts = Facts.of(columns, len(dataset), 0)
    modules = [_started(estimator, facts) for estimator in estimators]
    for estimator, module in zip(estimators, _as_wide(estimators, modules, facts), strict=True):
        estimator.columns_, estimator._context_width = columns, 0
        estimator.n_features_in_ = columns.n_features
        estimator._seeds = Seeds.of(estimator.random_state)
        estimator.device_, estimator.history_ = device(estimator.device), History()
        estimator.module_ = module.to(estimator.device_)
    first = estimators[0]
    crowd = Crowd([estimator.module_ for estimator in estimators])
    fits = Fits(first, dataset)
    if fits.held_out is not None:
        raise ValueError("models that are trained abreast hold out no rows: early_stopping=False.")
    outcome = carry_out(
        [fits.phase("joint", (fits.player("joint", crowd),))],
        crowd,
        first._seeds.generator("noise", first.device_),
        n_threads=first.n_threads,
    )
    for estimator in estimators:
        estimator.module_.eval()
        estimator.history_, estimator.n_iter_ = outcome.history, len(outcome.history.records)
    if outcome.interrupted:
        raise KeyboardInterrupt


def can_be_stacked(estimator: Any) -> bool:
    """Whether its networks are dense, with units that stay at 0 where they are not wanted."""
    dense = estimator.network == "dense" and not estimator.tied
    return dense and estimator.activation in ZERO_AT_ZERO and estimator.encoder is None


def _started(estimator: Learner, facts: Facts) -> Any:
    module = estimator.compose(facts)
    initialise(module, Seeds.of(estimator.random_state).generator("weights"))
    return module


def _as_wide(estimators: Sequence[Learner], modules: Sequence[Any], facts: Facts) -> list[Any]:
    """Each module with the widths of the widest, its own weights in the corner, 0 elsewhere."""
    sizes = [estimator.hidden(facts) for estimator in estimators]
    if len({len(own) for own in sizes}) > 1:
        raise ValueError(f"levels of {sizes} cannot be stacked: pass equally many for each.")
    widest = {
        "n_components": max(module.code.dim for module in modules),
        "hidden_layer_sizes": tuple(max(level) for level in zip(*sizes, strict=True)),
    }
    wide = []
    for estimator, module in zip(estimators, modules, strict=True):
        room = type(estimator)(**{**estimator.get_params(deep=False), **widest}).compose(facts)
        if not isinstance(module.encoder, Dense) or not isinstance(module.decoder, Dense):
            raise ValueError("only dense networks can be trained abreast: pass network='dense'.")
        with torch.no_grad():
            for large, small in zip(room.parameters(), module.parameters(), strict=True):
                large.zero_()
                large[tuple(slice(size) for size in small.shape)] = small
        wide.append(room)
    return wide
