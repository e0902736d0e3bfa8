"""What one forward pass knows, and the batch it starts from."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Pass(NamedTuple):
    """Everything that one forward pass knows; n rows of d scaled features."""

    x: Tensor  # (n, d)      clean input
    x_in: Tensor  # (n, d)   what the encoder saw
    weight: Tensor | None  # (n, d)   how much each entry's error counts; None: all alike
    context: Tensor | None  # (n, c)  labels or covariates that encoder and decoder see
    h: Tensor  # (n, code.inputs)     what the encoder said
    z: Tensor  # (n, code.dim)        what the decoder saw
    rate: Tensor  # (n,)     nats a coder would pay for z; 0 where the code is free
    aux: dict[str, Tensor]  # terms that only training needs, by name, each ()
    out: Tensor  # (n, likelihood.outputs(d))  parameters of p(x|z)
