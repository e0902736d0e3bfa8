"""Whatever a model file holds: a family, or an estimator for a use with a family inside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from diabolo.families.saved import opened
from diabolo.models.trained import damaged_if_wrong
from diabolo.uses import use_named

if TYPE_CHECKING:
    from diabolo.estimators.learner import Learner
    from diabolo.uses.use import Use


def load(
    path: str | os.PathLike, *, encoder: nn.Module | None = None, decoder: nn.Module | None = None
) -> Learner | Use:
    """The estimator that `save` wrote; nothing in the file is executed or imported.

    Sequences among its hyper-parameters come back as tuples, a `RandomState` as None. The
    optimiser's moments are not kept: `partial_fit` goes on without them.

    encoder, decoder : your own modules, where the model was made with such.
    raises DamagedFileError for a file that is not whole, OSError where there is none.
    """
    candidates = {"encoder": encoder, "decoder": decoder}
    yours = {name: module for name, module in candidates.items() if module is not None}
    found = opened(path, yours)
    if found.use is None:
        return found.estimator
    with damaged_if_wrong(Path(path)):
        return use_named(found.use["class"]).restored(found.estimator, found.use, found.beside)
