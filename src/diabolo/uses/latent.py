"""What the uses of a code space ask of a trained model, whatever its family.

Every family decodes: codes or noise z (n, k) become rows. Autoencoders also encode; a generator
has no encoder, but a prior that its noise is drawn from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from diabolo.data.fields import NUMBERS
from diabolo.estimators import rowwise
from diabolo.estimators.learner import Learner
from diabolo.estimators.rowwise import PIECE
from diabolo.estimators.seeds import Seeds
from diabolo.parts.priors import Prior


def has_encoder(model: Learner) -> bool:
    return hasattr(model, "transform")


def decoder_of(model: Learner) -> nn.Module:
    """The network that codes go into first."""
    module = model.module_
    return module.decoder if has_encoder(model) else module.generator


def own_prior(model: Learner) -> Prior | None:
    """Where the family draws codes from; None for autoencoders whose codes have no distribution."""
    module = model.module_
    return getattr(getattr(module, "code", module), "prior", None)


def code_width(model: Learner) -> int:
    """Numbers in a code, k."""
    module = model.module_
    return int(module.code.dim if has_encoder(model) else module.prior.dim)


def is_conditional(model: Learner) -> bool:
    """Whether the model was fitted with labels and sees the class of every row."""
    return bool(getattr(model, "_is_conditional", False))


def seen_beside(model: Learner, labels: Any, context: Any, rows: int) -> np.ndarray | None:
    """What the networks see besides codes, (rows, c): the context, with the class in front of it
    for models that were fitted with labels.

    labels : (rows,) classes. context : (rows, c), one row for all, (1, c), or None.
    """
    if context is not None and len(context) == 1:
        context = np.repeat(np.asarray(context, np.float32), rows, 0)
    return model._beside(labels, context, rows) if is_conditional(model) else context


def decode_scaled(model: Learner, codes: np.ndarray, context: Any = None) -> np.ndarray:
    """Codes (n, k) → rows as the network gives them, scaled and flat, (n, d) float32."""
    sides = model._sides(context, len(codes))
    decode: Callable[[Tensor, Tensor | None], Tensor] = model.module_.decode
    z = torch.from_numpy(np.ascontiguousarray(codes, np.float32)).to(model.device_)
    pieces = [np.empty((0, model.columns_.n_features), np.float32)]
    for first in range(0, len(z), PIECE):
        side = None if sides is None else sides[first : first + PIECE]
        out = rowwise.apply(decode, z[first : first + PIECE], side)
        rowwise.require_finite(out, first, "the codes")
        pieces.append(out.cpu().numpy())
    return np.concatenate(pieces)


def in_units(model: Learner, scaled: np.ndarray) -> np.ndarray:
    """Scaled flat rows (n, d) → rows in the units and shape of the training data."""
    _refuse_mixed(model)
    return model.columns_.original(torch.from_numpy(scaled))


def _refuse_mixed(model: Learner) -> None:
    if model.columns_.schema is not None:
        raise ValueError(
            "rows are compared by squared error here, which says nothing of categories, but this "
            "model was fitted on a mixed table. Fit one on columns of numbers without gaps."
        )


def scaled_rows(model: Learner, X: Any) -> np.ndarray:
    """Rows X as the network sees them, (n, d) float32; refuses what the model was not made for."""
    from diabolo.data.sources import open_dataset

    _refuse_mixed(model)
    dataset = open_dataset(X, schema=NUMBERS)
    model.columns_.check(dataset, values=True)
    rows = dataset.rows.take(np.arange(len(dataset)))
    return model.columns_.scaled(torch.from_numpy(np.ascontiguousarray(rows))).numpy()


def noise(model: Learner, n: int, random_state: Any, purpose: str = "codes") -> np.ndarray:
    """n draws from the prior, (n, k) float32; one sentence where there is none."""
    prior = own_prior(model)
    if prior is None:
        raise ValueError(
            f"{type(model).__name__} has no prior to draw codes from: take those of given rows."
        )
    return prior.sample(n, Seeds.of(random_state).generator(purpose)).cpu().numpy()
