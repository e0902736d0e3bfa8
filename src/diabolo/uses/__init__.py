"""Uses: what models are good for. Functions on trained models and arrays, and estimators that
train a family for one purpose.

To add such an estimator, write a subclass of `diabolo.uses.use.Use` and name it here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diabolo.uses.use import Use

# estimator -> its module; what a model file may name, nothing else is imported
USES: dict[str, str] = {
    "Imputer": "diabolo.uses.impute",
    "AnomalyDetector": "diabolo.uses.detect.detector",
    "DeepClusterer": "diabolo.uses.cluster.clusterer",
    "EncoderClassifier": "diabolo.uses.classify",
}


def use_named(name: str) -> type[Use]:
    """The estimator class of that name.

    raises ValueError for a name that is not in the table.
    """
    if name not in USES:
        raise ValueError(f"unknown use {name!r}; this version knows {', '.join(USES) or 'none'}")
    return getattr(import_module(USES[name]), name)
