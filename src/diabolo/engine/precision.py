"""Matrix products and convolutions in bfloat16; all else, weights and sums included, in float32.

bfloat16 has the range of float32 and 8 of its 24 bits, so that nothing has to be scaled. Processors
that multiply it (AVX-512 BF16, AMX, tensor cores) do so at least twice as fast; on others it is
slower than float32, therefore it has to be asked for (docs/performance.md).

    forward    y = bf16(x) bf16(W)ᵀ, rounded to bf16; the bias is added in float32
    backward   the same of ∂y: autograd passes through the roundings as if they were not there

Weights, gradients' sums, moments, losses and whatever is measured on held-out rows stay in float32.

Micikevicius et al. 2018, "Mixed precision training"; Kalamkar et al. 2019, "A study of BFLOAT16
for deep learning training".
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

PRECISIONS = ("float32", "bfloat16", "auto")

# "auto" asks for so much on one product of a batch with the largest weights. Where bfloat16 is
# multiplied it is 2, where it is not a half or less, and on small nets below 1.
WORTHWHILE = 1.3
ROWS, ROUNDS = 128, 10

PRODUCTS = {F.linear, F.conv1d, F.conv2d, F.conv_transpose1d, F.conv_transpose2d}


def products_in(precision: str) -> AbstractContextManager[Any]:
    """Inside, products with weights that are being trained are taken in that precision.

    What runs backwards through them does so in the same precision, wherever it is called.
    """
    return nullcontext() if precision == "float32" else _InBfloat16()


class _InBfloat16(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in PRODUCTS and _is_trained(*args, **kwargs):
            return _rounded(func, *args, **kwargs)
        return func(*args, **kwargs)


def _is_trained(input: Tensor, weight: Tensor, *others: Any, **settings: Any) -> bool:
    """Images, for instance, are moved by convolutions, too: those have to stay exact."""
    return weight.requires_grad and input.dtype is torch.float32


def _rounded(
    func: Any, input: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any, **kwargs: Any
) -> Tensor:
    y = func(input.bfloat16(), weight.bfloat16(), None, *args, **kwargs).float()
    if bias is None:
        return y
    return y + (bias if func is F.linear else bias.view(-1, *[1] * (y.dim() - 2)))


def chosen(precision: str, parameters: Iterable[Tensor]) -> str:
    """What "auto" means on this machine for these weights; any other word stands for itself."""
    if precision != "auto":
        return precision
    return "bfloat16" if _gain_of(parameters) >= WORTHWHILE else "float32"


def remark(asked: str, precision: str, parameters: Iterable[Tensor]) -> str | None:
    """What "auto" came to, or one sentence where a precision costs time on the machine."""
    if asked == "auto":
        return f"products in {precision}, the quicker on this processor"
    if precision == "float32" or (times := _gain_of(parameters)) >= 1:
        return None
    return (
        f"products in {precision} take {1 / times:.1f} times as long as in float32 on this "
        "processor; leave precision at 'float32' here, or say 'auto'"
    )


def _gain_of(parameters: Iterable[Tensor]) -> float:
    """Of the largest of them; other devices than processors are not measured, and count as 1."""
    largest = max(parameters, key=Tensor.numel)
    if largest.device.type != "cpu" or largest.dim() < 2:
        return 1.0
    return gain(len(largest), largest[0].numel())


@cache
def gain(outputs: int, inputs: int) -> float:
    """How many times as fast a batch's product is in bfloat16 here, roundings included."""
    x, w = torch.ones(ROWS, inputs), torch.ones(outputs, inputs, requires_grad=True)
    seconds = dict.fromkeys(("float32", "bfloat16"), math.inf)
    for _ in range(ROUNDS):  # in turn, and the quickest counts: a neighbour does not decide
        for precision in seconds:
            with products_in(precision), torch.no_grad():
                start = time.perf_counter()
                F.linear(x, w)
                seconds[precision] = min(seconds[precision], time.perf_counter() - start)
    return seconds["float32"] / seconds["bfloat16"]
