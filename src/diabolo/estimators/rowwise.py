"""Rows through a fitted model, a piece at a time; a row's result depends on that row alone.

A library chooses the order of a product's sums by the shapes and addresses it is given, so that a
code could differ in its last bits with the rows beside it. Measured with MKL, three measures give
equal bits (tests/families/test_contract.py):

    rows      pieces are filled up with zeros to a multiple of 16: few rows take another kernel
    outputs   a linear map to fewer than 16 outputs is computed as one to 16: the kernel for
              narrow ones begins anew at every row whose address is not a multiple of 16 bytes
    entries   of a sigmoid and its like are filled up to whole vectors for every thread: what is
              left over at the end of a thread's share is computed apart, with other last bits

Large matrices are multiplied by oneDNN, whose products do not depend on the other rows either: on
an AMD EPYC it is 1.11 times as fast as MKL at 784-1000-500-250-30, and 1.16 times with the weights
laid out for it beforehand.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from diabolo.data.batches import Batches, all_finite

PIECE = 1024  # rows at once: activations stay in the cache (bench/encode.py)
TOGETHER = 16  # rows and outputs
LARGE = 2**16  # weights of a matrix; for smaller ones oneDNN takes longer to begin than MKL to end
MANY = 8 * PIECE  # rows, for which it pays to lay weights out
VECTOR = 64  # entries: whole vectors of any processor, two at a time
SHARE = 2**15  # entries, of which torch gives a thread at least so many
BY_VECTORS = {F.elu, F.gelu, F.logsigmoid, F.selu, F.silu, F.softplus, torch.sigmoid}
ONEDNN = (
    platform.machine() in ("x86_64", "AMD64")
    and torch.backends.mkldnn.is_available()
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
)

Rowwise = Callable[[Tensor, Tensor | None], Tensor]


class Alone(TorchFunctionMode):
    """Linear maps and non-linearities of rows, each as if it came alone.

    again : whether the same parameters will be used again and again, and stay as they are.
    """

    def __init__(self, again: bool = False) -> None:
        super().__init__()
        self._again = again
        self._laid_out: dict[int, tuple[Tensor, Tensor]] = {}  # weights by id, and as oneDNN's

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.linear:
            return self._linear(*args, **kwargs or {})
        if func in BY_VECTORS:
            return _by_vectors(func, *args, **kwargs or {})
        return func(*args, **kwargs or {})

    def _linear(self, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """F.linear, (n, k) → (n, m)."""
        if weight.shape[0] < TOGETHER:
            return _wide(input, weight, bias)
        if _is_for_onednn(input, weight):
            stays = self._again and isinstance(weight, nn.Parameter)
            laid_out = self._as_onednn(weight) if stays else weight
            return torch.ops.mkldnn._linear_pointwise(input, laid_out, bias, "none", [], "")
        return F.linear(input, weight, bias)

    def _as_onednn(self, weight: Tensor) -> Tensor:
        if id(weight) not in self._laid_out:  # which it keeps, so that no other gets its id
            laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, PIECE)
            self._laid_out[id(weight)] = weight, laid_out
        return self._laid_out[id(weight)][1]


def _by_vectors(func: Callable[..., Tensor], x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """func of every entry by itself, in the layout of x, with nothing left over for a thread."""
    if x.device.type != "cpu":
        return func(x, *args, **kwargs)
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        last = _by_vectors(func, x.permute(0, 2, 3, 1), *args, **kwargs)
        return last.permute(0, 3, 1, 2)
    count = x.numel()
    shares = max(1, min(torch.get_num_threads(), -(-count // SHARE)))
    missing = -count % (VECTOR * shares)
    flat = F.pad(x.flatten(), (0, missing)) if missing else x.flatten()
    return func(flat, *args, **kwargs)[:count].view(x.shape)


def _is_for_onednn(input: Tensor, weight: Tensor) -> bool:
    if torch.is_grad_enabled():  # a Jacobian is asked for, and oneDNN's product has no derivative
        return False
    if not ONEDNN or weight.numel() < LARGE or not weight.is_contiguous() or input.dim() != 2:
        return False
    return input.dtype == weight.dtype == torch.float32 and input.device.type == "cpu"


def _wide(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """F.linear to a few outputs, with zeros for others, which are cut off again."""
    outputs = weight.shape[0]
    missing = TOGETHER - outputs
    bias = None if bias is None else F.pad(bias, (0, missing))
    return F.linear(input, F.pad(weight, (0, 0, 0, missing)), bias)[..., :outputs]


def apply(
    function: Rowwise, x: Tensor, side: Tensor | None = None, mode: Alone | None = None
) -> Tensor:
    """function(x, side) for at most `PIECE` scaled rows (n, d) and their context (n, c).

    mode : with weights laid out already, if they are.
    """
    rows = len(x)
    missing = -rows % TOGETHER
    if missing:
        x = torch.cat([x, x.new_zeros(missing, x.shape[1])])
        side = None if side is None else torch.cat([side, side.new_zeros(missing, side.shape[1])])
    with torch.inference_mode(), mode or Alone():
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
    mode = Alone(again=batches.n_rows >= MANY)
    for batch in batches.in_order(PIECE):
        out = apply(function, batch.x, batch.context, mode)
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
