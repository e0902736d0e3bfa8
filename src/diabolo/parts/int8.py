"""Linear layers in whole numbers of eight bits.

    x ≈ s (q − o),  q ∈ {0 … 255};   W_j ≈ t_j p_j,  p_ji ∈ {−127 … 127}
    y_j = W_j x + b_j ≈ s t_j Σ_i p_ji (q_i − o) + b_j

The sum is one of whole numbers, exact in 32 bits, and so the same in whatever order it is taken; a
processor that multiplies bytes (x86 with VNNI) does it in a fraction of the time of float32.

Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-
only inference", sec. 2; a scale for every row of a matrix: Krishnamoorthi 2018, "Quantizing deep
convolutional networks for efficient inference", sec. 3.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from diabolo.parts.networks import Dense

LEVELS = 255  # of an input; steps between them
MOST_INPUTS = 2**31 // (LEVELS * 127)  # of a layer, whose sum then stays within 32 bits
CUTS = 16  # ranges that are tried for a grid, from all of it down to a quarter


class Grid(NamedTuple):
    """256 evenly spaced numbers s (q − o), 0 among them.

    scale : s. offset : o, the q of 0.
    """

    scale: float
    offset: int

    @classmethod
    def between(cls, low: float, high: float) -> Grid:
        """From low ≤ 0 to high ≥ 0, both of them nearly."""
        scale = (high - low) / LEVELS or 1.0
        return cls(scale, round(-low / scale))

    @classmethod
    def of(cls, x: Tensor) -> Grid:
        """The one that loses least of these numbers, in squared error; a few are cut off for it."""
        low, high = min(0.0, float(x.min())), max(0.0, float(x.max()))
        shares = torch.linspace(1.0, 0.25, CUTS).tolist()
        grids = [cls.between(share * low, share * high) for share in shares]
        return min(
            grids, key=lambda grid: float((grid.numbers(grid.rounded(x)) - x).square().sum())
        )

    def rounded(self, x: Tensor) -> Tensor:
        """The nearest q of each number, uint8; those beyond the ends are the ends."""
        levels = x.mul(1 / self.scale).round_()
        if self.offset:
            levels.add_(self.offset)
        return levels.clamp_(0, LEVELS).to(torch.uint8)

    def numbers(self, q: Tensor) -> Tensor:
        """What the levels stand for, float32."""
        return (q.float() - self.offset) * self.scale


class Int8Linear(nn.Module):
    """A linear layer and, perhaps, the ReLU after it, (n, k) → (n, m).

    layer : whose weights are taken over, rounded.
    grid : of its inputs; they come in float32 or as the grid's levels.
    onward : the next layer's grid: what comes out is its levels, after a ReLU. None: float32.
    """

    def __init__(self, layer: nn.Linear, grid: Grid) -> None:
        super().__init__()
        weight = layer.weight.detach()
        if weight.shape[1] > MOST_INPUTS:
            raise ValueError(
                f"a layer of {weight.shape[1]:,} inputs is too wide for whole numbers of 32 bits; "
                f"{MOST_INPUTS:,} are the most."
            )
        self.grid = grid
        self.onward: Grid | None = None
        self.scales = weight.abs().amax(1).div(127).clamp_(min=torch.finfo(weight.dtype).tiny)
        self.rows = (weight / self.scales.unsqueeze(1)).round_().to(torch.int8)  # p, (m, k)
        self.bias = None if layer.bias is None else layer.bias.detach().clone()
        self._zeros = torch.zeros(len(weight), dtype=torch.int64)
        self._packed = torch.ops.onednn.qlinear_prepack(self.rows, None)

    def forward(self, x: Tensor) -> Tensor:
        q = x if x.dtype == torch.uint8 else self.grid.rounded(x)
        scale, offset = self.onward or (1.0, 0)
        return torch.ops.onednn.qlinear_pointwise(
            q,
            self.grid.scale,
            self.grid.offset,
            self._packed,
            self.scales,
            self._zeros,
            self.bias,
            scale,
            offset,
            torch.float32 if self.onward is None else torch.uint8,
            "none" if self.onward is None else "relu",
            [],
            "",
        )


def available() -> bool:
    """Whether this torch on this processor has the products of bytes."""
    # torch's own start would draw from the global generator
    layer = nn.utils.skip_init(nn.Linear, 2, 2)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    try:
        Int8Linear(layer, Grid(1.0, 0))(torch.zeros(1, 2))
    except (AttributeError, RuntimeError):
        return False
    return True


@torch.no_grad()
def in_int8(network: nn.Module, look: Callable[[nn.Module], Any]) -> nn.Module:
    """A copy of a network whose linear layers count in whole numbers; all else stays as it is.

    look : sends typical rows through the network it is given; grids are laid over what its layers
        see of them.

    raises ValueError for a network without a linear layer, or with convolutions.
    """
    # held by another, so that a network that is one layer can be replaced like any other
    whole = nn.ModuleList([copy.deepcopy(network)])
    if any(isinstance(module, nn.modules.conv._ConvNd) for module in whole.modules()):
        raise ValueError("its encoder is convolutional, and eight bits are for dense ones.")
    layers = {name: m for name, m in whole.named_modules() if isinstance(m, nn.Linear)}
    if not layers:
        raise ValueError("its encoder has no linear layer.")
    with _watched(layers) as seen:
        look(whole[0])
    for name, layer in layers.items():
        if name in seen:
            owner, _, leaf = name.rpartition(".")
            setattr(whole.get_submodule(owner), leaf, Int8Linear(layer, Grid.of(seen[name])))
    for module in whole.modules():
        if isinstance(module, Dense) and module.activation == "relu":
            _join(module)
    return whole[0]


def _join(network: Dense) -> None:
    """Let levels go from layer to layer, with no float32 between them: relu(q) is q."""
    layers: list[nn.Module] = list(network.layers)
    for layer, following in pairwise(layers):
        if not isinstance(layer, Int8Linear) or not isinstance(following, Int8Linear):
            continue
        if following.grid.offset == 0:
            layer.onward = following.grid


@contextmanager
def _watched(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """What goes into each of these layers, by name."""
    seen: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            seen[name] = torch.cat([seen[name], inputs[0]]) if name in seen else inputs[0]

        return hook

    handles = [layer.register_forward_pre_hook(note(n)) for n, layer in layers.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
