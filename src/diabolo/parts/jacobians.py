"""Products with the Jacobian of a network whose rows do not depend on each other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def pushed_forward(
    function: Callable[[Tensor], Tensor], z: Tensor, directions: Tensor | None = None
) -> Tensor:
    """J V of every row, (n, d, p), with J = ∂function/∂z; differentiable. z needs a gradient.

    function : (n, k) → (n, d).
    directions : V, (k, p), the same for all rows; None: the k axes.
    """
    # Jᵀw is linear in w and its slope by w is J: as many products as directions, where the other
    # way round it would be as many as there are features. Forward mode would do, too, but its
    # first use costs two seconds of imports
    out = function(z)
    w = torch.zeros_like(out, requires_grad=True)
    (back,) = torch.autograd.grad(out, z, w, create_graph=True)
    along = back if directions is None else back @ directions
    columns = [torch.autograd.grad(one.sum(), w, create_graph=True)[0] for one in along.unbind(1)]
    return torch.stack(columns, dim=2)
