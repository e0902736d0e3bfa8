"""A few lines after every training: is it better than PCA, does it over-fit, are units in use?

Lines read "what: finding", and end with a remedy where something is wrong. Errors are squared, in
scaled units, means over features: the measure of `score`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import Fits
from diabolo.families.adversarial import GenerativeAdversarialNetwork
from diabolo.measures.constants import means_and_modes, row_errors
from diabolo.measures.game import game
from diabolo.measures.linear import fitted_pca, squared_errors
from diabolo.measures.rows import scaled, spread
from diabolo.measures.units import active_units, use_of_bounded, use_of_thresholded
from diabolo.parts.codes import TopK
from diabolo.parts.corruptions import Nothing
from diabolo.parts.networks import Identity

if TYPE_CHECKING:
    from diabolo.data.sources import Dataset
    from diabolo.estimators.learner import Learner

MOST_ROWS = 5000
WORSE_THAN_PCA = 1.02  # times its error: the same bar as in the tests
OVERFITTED = 1.2  # held-out error over that on training rows
SURE = 3.0  # standard errors that a difference has to have
OFF_TARGET = 0.2  # relative, of the mean activation
MANY = 0.1  # share of the units


def diagnose(estimator: Learner, dataset: Dataset) -> list[str]:
    """What a fitted estimator learned from `dataset`, the rows it was fitted on, line by line.

    Rows that the fit held out are found again by its seed. At most 5,000 rows of each kind are
    looked at.
    """
    fits = Fits(estimator, dataset)
    trained = spread(dataset, MOST_ROWS, fits.train)
    if isinstance(estimator, GenerativeAdversarialNetwork):
        findings = game(estimator, trained)
        return [*findings, *_constant_columns(estimator), *_notes(estimator)]
    if not isinstance(estimator, Estimator):
        return [*_constant_columns(estimator), *_notes(estimator)]
    held_out = None if fits.held_out is None else spread(dataset, MOST_ROWS, fits.held_out)
    return [
        *_reconstruction(estimator, trained, held_out),
        *_labels(estimator),
        *_code(estimator, trained),
        *_constant_columns(estimator),
        *_notes(estimator),
    ]


def _reconstruction(
    estimator: Estimator, trained: Dataset, held_out: Dataset | None
) -> Iterator[str]:
    judged = held_out or trained
    errors = -estimator.score_samples(judged)
    rows = f"{len(judged):,} {'held-out rows' if held_out else 'training rows'}"
    line = f"reconstruction: squared error {errors.mean():.4g} per feature on {rows}"
    beside = _beside_pca if estimator.columns_.schema is None else _beside_constants
    yield line + beside(estimator, trained, judged, float(errors.mean()))
    if held_out:
        yield _overfitting(errors, -estimator.score_samples(trained))


def _beside_pca(estimator: Estimator, trained: Dataset, judged: Dataset, error: float) -> str:
    k, d = estimator.module_.code.dim, estimator.columns_.n_features
    if k >= min(d, len(trained)):
        return f"; the code has {k} units for {d} features, so PCA would lose nothing"
    pca = squared_errors(
        fitted_pca(scaled(estimator, trained), k), scaled(estimator, judged)
    ).mean()
    line = f"; PCA with {k} component{'' if k == 1 else 's'}: {pca:.4g}"
    if error <= WORSE_THAN_PCA * pca or _tuned_to_labels(estimator):
        return line
    loosen = ", or loosen its noise, penalty or beta" if _is_held_back(estimator) else ""
    return f"{line}. Worse than PCA: train for more epochs{loosen}"


def _beside_constants(estimator: Estimator, trained: Dataset, judged: Dataset, error: float) -> str:
    constants = means_and_modes(estimator, scaled(estimator, trained))
    bar = float(row_errors(estimator, scaled(estimator, judged), constants).mean())
    line = f"; means and modes: {bar:.4g}"
    if error < bar or _tuned_to_labels(estimator):
        return line
    loosen = ", or loosen its noise, penalty or beta" if _is_held_back(estimator) else ""
    return f"{line}. No better than those: train for more epochs{loosen}"


def _tuned_to_labels(estimator: Estimator) -> bool:
    """Whether the encoder was fine-tuned for something else than reconstruction."""
    return not isinstance(estimator.module_.head, Identity)


def _is_held_back(estimator: Estimator) -> bool:
    """Whether something works against reconstruction, on purpose."""
    module = estimator.module_
    noisy = not isinstance(module.corruption, Nothing)
    return noisy or module.is_variational or len(module.penalties) > 0


def _overfitting(held_out: np.ndarray, trained: np.ndarray) -> str:
    ratio = float(held_out.mean() / trained.mean()) if trained.mean() > 0 else 1.0
    noise = np.hypot(*(e.std() / np.sqrt(len(e)) for e in (held_out, trained)))
    line = f"over-fitting: held-out error is {ratio:.2f} times that on training rows"
    if ratio < OVERFITTED or held_out.mean() - trained.mean() < SURE * noise:
        return line
    return f"{line}. Use a smaller network or code, noise on the input, or more rows"


def _labels(estimator: Estimator) -> Iterator[str]:
    """The share of wrong classes in the epoch whose weights were kept."""
    for split, rows in (("validation", "held-out"), ("train", "training")):
        terms = [r[split] for r in estimator.history_.records if "error" in r.get(split, {})]
        if terms:
            best = min(terms, key=lambda term: term["loss"])
            yield f"labels: {best['error']:.1%} of the {rows} rows in the wrong class"
            return


def _code(estimator: Estimator, dataset: Dataset) -> Iterator[str]:
    code = estimator.module_.code
    if estimator.module_.is_variational:
        yield _latent_units(estimator.transform(dataset))
    elif getattr(code, "activation", None) == "sigmoid":
        codes = estimator.transform(dataset)
        yield _units(estimator, codes, *use_of_bounded(codes))
    elif isinstance(code, TopK) or getattr(code, "activation", None) == "relu":
        codes = estimator.transform(dataset)
        yield _units(estimator, codes, *use_of_thresholded(codes))


def _latent_units(means: np.ndarray) -> str:
    active, units = active_units(means), means.shape[1]
    line = f"latent units: {active} of {units} active"
    if active == 0:
        return f"{line}: the decoder ignores the code. Use a smaller beta, or a longer warmup"
    if active < units / 2:
        return f"{line}; the others say nothing. A code of {active} would do"
    return line


def _units(estimator: Estimator, codes: np.ndarray, dead: int, always_on: int, units: int) -> str:
    mean = float(codes.mean())
    penalties: Any = estimator.module_.penalties
    target = next((float(p.target) for p in penalties if hasattr(p, "target")), None)
    aim = "" if target is None else f" (target {target:g})"
    line = (
        f"code units: {units}, mean activation {mean:.3g}{aim}, {dead} dead, {always_on} always on"
    )
    if target is not None and abs(mean / target - 1) > OFF_TARGET:
        return f"{line}. Off its target: raise sparsity_weight, or train for more epochs"
    if dead + always_on > MANY * units:
        return f"{line}. Many say nothing: use fewer units, or a weaker penalty"
    return line


def _notes(estimator: Learner) -> Iterator[str]:
    return (f"training: {note}" for note in estimator.history_.notes)


def _constant_columns(estimator: Learner) -> Iterator[str]:
    constant = estimator.columns_.constant
    if constant:
        names = ", ".join(map(str, constant[:5])) + (", …" if len(constant) > 5 else "")
        noun = "column never varies" if len(constant) == 1 else "columns never vary"
        yield f"input: {len(constant)} {noun} ({names}) and could be left out"
