"""Rows through a fitted model, a piece at a time; a row's result depends on that row alone.

A library chooses the order of a product's sums by the shapes and addresses it is given, so that a
code could differ in its last bits with the rows beside it. Measured with MKL, two measures give
equal bits (tests/families/test_contract.py):

    rows      pieces are filled up with zeros to a multiple of 16: few rows take another kernel
    outputs   a linear map to fewer than 16 outputs is computed as one to 16: the kernel for
              narrow ones begins anew at every row whose address is not a multiple of 16 bytes
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from diabolo.data.batches import Batches, all_finite

PIECE = 1024  # rows at once: activations stay in the cache (bench/encode.py)
TOGETHER = 16  # rows and outputs

Rowwise = Callable[[Tensor, Tensor | None], Tensor]


class WideLinear(TorchFunctionMode):
    """Linear maps to a few outputs are computed with zeros for others, which are cut off again."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.linear:
            return _wide(*args, **kwargs or {})
        return func(*args, **kwargs or {})


def _wide(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """F.linear, (n, k) → (n, m)."""
    outputs = weight.shape[0]
    if outputs >= TOGETHER:
        return F.linear(input, weight, bias)
    missing = TOGETHER - outputs
    bias = None if bias is None else F.pad(bias, (0, missing))
    return F.linear(input, F.pad(weight, (0, 0, 0, missing)), bias)[..., :outputs]


def apply(function: Rowwise, x: Tensor, side: Tensor | None = None) -> Tensor:
    """function(x, side) for at most `PIECE` scaled rows (n, d) and their context (n, c)."""
    rows = len(x)
    missing = -rows % TOGETHER
    if missing:
        x = torch.cat([x, x.new_zeros(missing, x.shape[1])])
        side = None if side is None else torch.cat([side, side.new_zeros(missing, side.shape[1])])
    with torch.inference_mode(), WideLinear():
        return function(x, side)[:rows]


def collect(
    function: Rowwise,
    batches: Batches,
    width: int,
    back: Callable[[Tensor], np.ndarray] | None = None,
) -> np.ndarray:
    """function of all rows in order, in one array (n, width).

    back : from scaled units to those of the data, where the result are rows.
    """
    result, start = np.empty((0, width), np.float32), 0
    for batch in batches.in_order(PIECE):
        out = apply(function, batch.x, batch.context)
        require_finite(out, start)
        piece = back(out).reshape(len(out), width) if back else out.cpu().numpy()
        if start == 0:
            result = np.empty((batches.n_rows, width), piece.dtype)
        result[start : start + len(piece)] = piece
        start += len(piece)
    return result


def require_finite(out: Tensor, first_row: int, source: str = "X") -> None:
    """Raise a ValueError for the first row whose result float32 cannot hold."""
    if all_finite(out):
        return
    row = first_row + int((~torch.isfinite(out).flatten(1).all(1)).nonzero()[0])
    raise ValueError(
        f"row {row} of {source} lies so far outside the training data that its result is not "
        "finite in float32. Look for an outlier there, or scale the data."
    )
