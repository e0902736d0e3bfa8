"""A module of the user's own as a chain of layers, so that they can be trained one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from diabolo.parts.networks import Dense


class Chain(nn.Module):
    """Layers of an `nn.Sequential`; answers what a stack asks of `Dense`, and shares its weights.

    layers : each begins with a matrix; what follows up to the next (non-linearity, normalisation)
        belongs to it.
    sizes : widths in front of, between and behind the layers.
    """

    activation = "identity"  # the non-linearities are in the layers

    def __init__(self, layers: Iterable[nn.Module], sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.layers, self.sizes = nn.ModuleList(layers), sizes

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, sizes[0]) → (n, sizes[-1]); an `nn.Sequential` knows no context."""
        for layer in self.layers:
            x = layer(x)
        return x

    features = forward

    def part(self, first: int, last: int) -> Chain:
        """Layers first … last − 1, sharing the weights."""
        return Chain(self.layers[first:last], self.sizes[first : last + 1])


@torch.no_grad()
def chain(network: nn.Module, inputs: int) -> Dense | Chain:
    """The network as a chain of layers for rows of that width.

    raises ValueError, one sentence, for what is no chain.
    """
    if isinstance(network, Dense):
        return network
    x, sizes, layers = torch.zeros(2, inputs), [inputs], list(_layers(network))
    for layer in layers:
        x = layer(x)
        sizes.append(x.shape[1])
    return Chain(layers, tuple(sizes))


def depth(network: nn.Module) -> int:
    """Number of layers of a chain."""
    return len(network.layers) if isinstance(network, Dense) else len(list(_layers(network)))


def _layers(network: nn.Module) -> Iterator[nn.Sequential]:
    if not isinstance(network, nn.Sequential):
        raise ValueError(
            f"a stack is trained layer by layer, which a {type(network).__name__} cannot be: pass "
            "network='dense' and tied=False, or an nn.Sequential of your own."
        )
    layer: list[nn.Module] = []
    for child in network:
        if _has_matrix(child) and any(map(_has_matrix, layer)):
            yield nn.Sequential(*layer)
            layer = []
        layer.append(child)
    yield nn.Sequential(*layer)


def _has_matrix(module: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in module.parameters())
