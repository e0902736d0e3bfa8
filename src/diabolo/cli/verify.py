"""`diabolo verify`: is this file whole, and is this installation right?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from diabolo.cli import text


def verify(
    model: Annotated[
        Path | None, Parameter(help="A model file; without one the mathematics is proved.")
    ] = None,
    /,
) -> int:
    """Check a model file's seal and rebuild the model; or prove the mathematics on this machine.

    The proofs hold each loss against something independent: PCA, Monte Carlo, automatic
    differentiation. They take about a minute.
    """
    if model is not None:
        return _verify_file(model)
    from diabolo.uses.verify import run_proofs

    return 0 if run_proofs(print) else 1


def _verify_file(path: Path) -> int:
    from diabolo.estimators.estimator import Estimator
    from diabolo.families.saved import load

    estimator = load(path)
    count = sum(parameter.numel() for parameter in estimator.module_.parameters())
    features = text.many(estimator.columns_.n_features, "feature")
    units = (
        f"{features} → {text.many(estimator.module_.code.dim, 'code unit')}"
        if isinstance(estimator, Estimator)
        else f"{text.many(estimator.module_.prior.dim, 'unit')} of noise → {features}"
    )
    print(
        f"{path} is whole: its hash is right, and it rebuilds as {type(estimator).__name__}, "
        f"{units}, {text.many(count, 'weight')}."
    )
    return 0
