"""Does it beat the best linear map of its size, or means and modes; does it over- or under-fit?

Errors are squared, in scaled units, means over features: the measure of `score`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diabolo.doctor.case import Case
from diabolo.doctor.constants import means_and_modes, row_errors
from diabolo.doctor.findings import Finding, note, warning
from diabolo.doctor.linear import fitted_pca, squared_errors
from diabolo.models.autoencoder import Example
from diabolo.parts.corruptions import Nothing
from diabolo.parts.networks import Identity

WORSE_THAN_PCA = 1.02  # times its error: the same bar as in the tests
BY_DESIGN = 0.7  # of the variance that PCA explains: what a noise or penalty may leave of it
OVERFITTED = 3.0  # held-out error over that on training rows
WORSE_OFF = 1.2  # the same, where the held-out error is no better than the yardstick
ABOUT = "reconstruction"
SURE = 3.0  # standard errors that a difference has to have


def reconstruction(case: Case) -> Iterator[Finding]:
    beside = _beside_pca if case.columns.schema is None else _beside_constants
    verdict = beside(case, case.judged, case.judged_rows)
    yield verdict
    if case.held_out is None:
        return
    fit = _overfitting(case, verdict.is_warning)
    yield fit
    if verdict.is_warning and not fit.is_warning:
        trained = beside(case, case.trained, "training rows")
        if trained.is_warning:
            yield trained._replace(about="under-fitting")


def _beside_pca(case: Case, rows: Example, called: str) -> Finding:
    error = float(case.errors(rows).mean(dtype=np.float64))
    line = f"squared error {error:.4g} per feature on {called}"
    k, d = case.any_module.code.dim, case.columns.n_features
    trained, x = case.trained.x.numpy(), rows.x.numpy()
    if k >= min(d, len(trained)):
        more = f"; the code has {k} units for {d} features, so PCA would lose nothing"
        return Finding(ABOUT, line + more)
    bar = float(squared_errors(fitted_pca(trained, k), x).mean())
    line += f"; PCA with {k} component{'' if k == 1 else 's'}: {bar:.4g}"
    if error <= WORSE_THAN_PCA * bar or _tuned_to_labels(case):
        return Finding(ABOUT, line)
    variance = float(np.square(x - trained.mean(0), dtype=np.float64).mean())
    if is_held_back(case) and variance - error > BY_DESIGN * (variance - bar):
        more = "Worse than PCA, which its noise, penalty or rate may be worth"
        return note(ABOUT, f"{line}. {more}")
    return warning(ABOUT, f"{line}. Worse than PCA", _remedy(case))


def _beside_constants(case: Case, rows: Example, called: str) -> Finding:
    error = float(case.errors(rows).mean(dtype=np.float64))
    constants = means_and_modes(case.columns, case.trained.x.numpy())
    bar = float(row_errors(case.any_module.likelihood, rows.x, constants).mean())
    line = f"error {error:.4g} per cell on {called}; means and modes: {bar:.4g}"
    if error < bar or _tuned_to_labels(case):
        return Finding(ABOUT, line)
    return warning(ABOUT, f"{line}. No better than those", _remedy(case))


def _remedy(case: Case) -> str:
    loosen = ", or loosen its noise, penalty or beta" if is_held_back(case) else ""
    return f"Train for more epochs{loosen}"


def _tuned_to_labels(case: Case) -> bool:
    """Whether the encoder was fine-tuned for something else than reconstruction."""
    return not isinstance(case.any_module.head, Identity)


def is_held_back(case: Case) -> bool:
    """Whether something works against reconstruction, on purpose."""
    module = case.any_module
    noisy = not isinstance(module.corruption, Nothing)
    return noisy or module.is_variational or len(module.penalties) > 0


def _overfitting(case: Case, is_bad: bool) -> Finding:
    """A gap alone is no disease, while new rows are rebuilt better than the yardstick does."""
    held_out, trained = case.errors(case.judged), case.errors(case.trained)
    ratio = float(held_out.mean() / trained.mean()) if trained.mean() > 0 else 1.0
    noise = np.hypot(*(e.std() / np.sqrt(len(e)) for e in (held_out, trained)))
    line = f"held-out error is {ratio:.2f} times that on training rows"
    sure = held_out.mean() - trained.mean() > SURE * noise
    if ratio < (WORSE_OFF if is_bad else OVERFITTED) or not sure:
        return Finding("over-fitting", line)
    remedy = "Use a smaller network or code, noise on the input, or more rows"
    return warning("over-fitting", line, remedy)
