"""Encoders and decoders: mirror images, sized by what code and likelihood declare they need.

Rows are flat everywhere, (n, d); a convolutional network folds them into images inside.
Every network also has `jacobian_chain` where its Jacobian can be written as a product of layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diabolo.parts.activations import ACTIVATIONS
from diabolo.parts.spec import Part, among, registered


class _Linear(nn.Linear):
    """Without values yet: torch's own start would draw from the global generator."""

    def reset_parameters(self) -> None: ...


class _Conv2d(nn.Conv2d):
    """Likewise."""

    def reset_parameters(self) -> None: ...


def _conv(inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int]) -> nn.Conv2d:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return _Conv2d(inputs, outputs, kernel, stride=stride, padding=padding)


def _draw(layer: nn.Linear | nn.Conv2d, gain: float, generator: torch.Generator) -> None:
    """Normal with variance gain² / (inputs of a unit) (He 2015, eq. 10); biases 0."""
    std = gain / math.sqrt(layer.weight[0].numel())
    nn.init.normal_(layer.weight, std=std, generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def with_context(x: Tensor, context: Tensor | None, width: int) -> Tensor:
    """(n, d) and (n, c) side by side; labels and covariates enter every network this way.

    width : of the context that the network was made for; 0: it does not look at any, as in the
    middle of a stack.
    """
    return torch.cat([x, context], dim=1) if width and context is not None else x


class _Levels:
    """What networks share that are described by the units of every level, input first."""

    sizes: tuple[int, ...]

    @property
    def inputs(self) -> int:
        """Width of a row that goes in, without its context."""
        return self.sizes[0]

    @property
    def outputs(self) -> int:
        """Width of a row that comes out."""
        return self.sizes[-1]


class Dense(_Levels, Part):
    """Fully connected layers with a non-linearity between them and none after the last.

    sizes : units of every level, input first.
    context : width of the labels or covariates that the first layer also sees.
    """

    sizes: tuple[int, ...]
    activation: str = among(ACTIVATIONS, default="relu")
    context: int = 0
    layers: Sequence[nn.Linear] = field(init=False)

    def __post_init__(self) -> None:
        self.sizes = tuple(self.sizes)
        inputs = (self.width + self.context, *self.sizes[1:-1])
        self.layers = registered(map(_Linear, inputs, self.sizes[1:]))

    @property
    def width(self) -> int:
        """Numbers that a row is to the first layer, without its context."""
        return self.sizes[0]

    def expanded(self, x: Tensor) -> Tensor:
        """A row as the first layer sees it, (n, sizes[0]) → (n, width)."""
        return x

    def initialise(self, generator: torch.Generator) -> None:
        gain = ACTIVATIONS[self.activation].gain
        for layer in self.layers[:-1]:
            _draw(layer, gain, generator)
        _draw(self.layers[-1], 1.0, generator)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, sizes[0]) → (n, sizes[-1])."""
        activation = ACTIVATIONS[self.activation].value
        x = with_context(self.expanded(x), context, self.context)
        for layer in self.layers[:-1]:
            x = activation(layer(x))
        return self.layers[-1](x)

    def levels(self, x: Tensor, context: Tensor | None = None) -> list[Tensor]:
        """Activations of every hidden level, first to last; the output is not among them."""
        activation = ACTIVATIONS[self.activation].value
        x, levels = with_context(self.expanded(x), context, self.context), []
        for layer in self.layers[:-1]:
            x = activation(layer(x))
            levels.append(x)
        return levels

    def part(self, first: int, last: int) -> Dense:
        """Layers first … last − 1 as a network of their own, sharing the weights."""
        part = self._beginning() if first == 0 else Dense(self.sizes[:2], self.activation)
        part.sizes = self.sizes[first : last + 1]
        part.layers = self.layers[first:last]
        return part

    def _beginning(self) -> Dense:
        """A network that takes the same rows."""
        return Dense(self.sizes[:2], self.activation, self.context)

    def features(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """As `forward`, with the non-linearity after the last layer, too."""
        return ACTIVATIONS[self.activation].value(self(x, context))

    def jacobian_chain(
        self, x: Tensor, context: Tensor | None = None
    ) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Weights (without the context's), slopes between them, and the output.

        The Jacobian of a row, as the first layer sees it, is
        W_L diag(s_{L−1}) W_{L−1} … diag(s_1) W_1.
        """
        value, slope, _ = ACTIVATIONS[self.activation]
        x, slopes = with_context(self.expanded(x), context, self.context), []
        for layer in self.layers[:-1]:
            a = layer(x)
            x = value(a)
            slopes.append(slope(a, x))
        first, *others = (layer.weight for layer in self.layers)
        weights = [first[:, : self.width], *others]
        return weights, slopes, self.layers[-1](x)


class Table(Dense):
    """Dense for the cells of a mixed table, NaN where one is missing; each is spread out first:

        a number       its value, or 0, and a flag that says whether it is known
        a category     one-hot, all zeros if it is missing
        of very many   a learned vector, zeros if it is missing

    categories : how many categories each column has; 0 for numbers.
    """

    categories: tuple[int, ...] = ()
    embeddings: nn.ParameterList = field(init=False)

    def __post_init__(self) -> None:
        self.categories = tuple(self.categories)
        self.columns = by_levels(self.categories)
        if len(self.categories) != self.sizes[0]:
            raise ValueError(
                f"{len(self.categories)} columns make no rows of {self.sizes[0]} cells"
            )
        super().__post_init__()
        self.embeddings = nn.ParameterList(
            torch.zeros(k, embedding_width(k))
            for k, columns in self.columns
            for _ in columns
            if k > MOST_ONE_HOT
        )

    @property
    def width(self) -> int:
        return sum(map(cell_width, self.categories))

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        for embedding in self.embeddings:
            # as long as a one-hot vector
            nn.init.normal_(embedding, std=embedding.shape[1] ** -0.5, generator=generator)

    def expanded(self, x: Tensor) -> Tensor:
        """Cells (n, d) → (n, width): numbers first, then categories, those of few first."""
        embeddings, spread = iter(self.embeddings), []
        for k, columns in self.columns:
            cells = x.index_select(1, positions(columns, x.device))
            if k > MOST_ONE_HOT:
                spread += [_embedded(cell, next(embeddings)) for cell in cells.unbind(1)]
            elif k:
                # NaN equals none of them
                codes = torch.arange(k, dtype=x.dtype, device=x.device)
                spread.append((cells.unsqueeze(2) == codes).to(x.dtype).flatten(1))
            else:
                missing = cells.isnan()
                spread += [cells.masked_fill(missing, 0.0), (~missing).to(x.dtype)]
        return torch.cat(spread, dim=1)

    def _beginning(self) -> Dense:
        part = Table(self.sizes[:2], self.activation, self.context, self.categories)
        part.embeddings = self.embeddings
        return part


MOST_ONE_HOT = 32  # categories; more are embedded


def cell_width(levels: int) -> int:
    """Numbers that a cell is spread out to."""
    if levels > MOST_ONE_HOT:
        return embedding_width(levels)
    return levels or 2


def embedding_width(levels: int) -> int:
    """Length of the vector that stands for one of so many categories: √k, within 6 … 32."""
    return min(32, math.ceil(math.sqrt(levels)))


def by_levels(levels: Sequence[int]) -> list[tuple[int, tuple[int, ...]]]:
    """(number of categories, columns that have so many), numbers (0) first.

    >>> by_levels((0, 3, 0, 2, 3))
    [(0, (0, 2)), (2, (3,)), (3, (1, 4))]
    """
    return [(k, tuple(j for j, own in enumerate(levels) if own == k)) for k in sorted({*levels})]


@lru_cache(maxsize=512)
def positions(columns: tuple[int, ...], device: torch.device) -> Tensor:
    """Columns as an index, made once: so long a list costs as much as the layer it is for."""
    with torch.inference_mode(False):
        return torch.tensor(columns, device=device)


def _embedded(codes: Tensor, table: Tensor) -> Tensor:
    """Rows of a table (k, e) for codes (n,), zeros where a code is NaN, (n, e)."""
    missing = codes.isnan()
    rows = F.embedding(codes.masked_fill(missing, 0.0).long(), table)
    return rows.masked_fill(missing.unsqueeze(1), 0.0)


class Mirror(_Levels, Part):
    """Decoder with tied weights: the encoder's matrices, transposed, with biases of its own.

    Vincent 2010, sec. 2.2: W′ = Wᵀ halves the parameters and keeps a linear layer from
    growing large weights on one side only. `reflect` says whose mirror image it is.
    """

    sizes: tuple[int, ...]
    activation: str = among(ACTIVATIONS, default="relu")
    context: int = 0
    biases: nn.ParameterList = field(init=False)
    context_weight: nn.Parameter = field(init=False)
    encoder: Dense = field(init=False)

    def __post_init__(self) -> None:
        self.sizes = tuple(self.sizes)
        self.biases = nn.ParameterList(torch.zeros(size) for size in self.sizes[1:])
        if self.context:
            self.context_weight = nn.Parameter(torch.zeros(self.sizes[1], self.context))

    def reflect(self, encoder: nn.Module) -> None:
        """Say whose mirror image this is.

        raises ValueError for an encoder without matrices of these sizes.
        """
        if not isinstance(encoder, Dense) or not self._is_image_of(encoder.sizes):
            raise ValueError(
                f"tied weights need a dense encoder of the sizes {self.sizes[::-1]}: pass "
                "tied=False with an encoder of your own."
            )
        # past nn.Module's registry: the weights belong to the encoder and are stored once
        object.__setattr__(self, "encoder", encoder)

    def _is_image_of(self, sizes: tuple[int, ...]) -> bool:
        return sizes[:-1] == self.sizes[:0:-1] and sizes[-1] >= self.sizes[0]

    def initialise(self, generator: torch.Generator) -> None:
        for parameter in self.parameters(recurse=True):
            nn.init.zeros_(parameter)

    def forward(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, sizes[0]) → (n, sizes[-1])."""
        activation = ACTIVATIONS[self.activation].value
        layers = list(self.encoder.layers)[::-1]
        for depth, (layer, bias) in enumerate(zip(layers, self.biases, strict=True)):
            # a Gaussian code asks for more outputs than it has units: its means come first;
            # a first layer that also sees a context has its columns last
            weight = layer.weight[: self.sizes[depth], : self.sizes[depth + 1]]
            z = F.linear(z, weight.T, bias)
            if depth == 0 and self.context and context is not None:
                z = z + F.linear(context, self.context_weight)
            if depth < len(layers) - 1:
                z = activation(z)
        return z


def _at_least_one(channels: Sequence[int]) -> tuple[int, ...]:
    if not channels:
        raise ValueError("channels=() leaves no level: name the feature maps of one at least.")
    return tuple(channels)


def _halvings(height: int, width: int, most: int) -> list[tuple[int, int]]:
    """Sizes of the feature maps from the image inwards: a side is halved while it is ≥ 8."""
    sizes = [(height, width)]
    while len(sizes) <= most and max(sizes[-1]) >= 8:
        sizes.append((_halved(sizes[-1][0]), _halved(sizes[-1][1])))
    return sizes if len(sizes) > 1 else sizes * 2


def _stride(side: int) -> int:
    return 2 if side >= 8 else 1


def _halved(side: int) -> int:
    return -(-side // _stride(side))


def _kernel(side: int) -> int:
    return 3 if side > 1 else 1


class ConvolutionalEncoder(Part):
    """Strided 3×3 convolutions, then one fully connected layer.

    shape : (height, width, channels) of an image, which comes flat, (n, height·width·channels).
    channels : feature maps of each level; as many levels are used as the image can be halved.
    early : whether the context comes as further, even channels of the image, as a judge needs it
        that has to tell whether the image suits it (Mirza & Osindero 2014); else it joins the
        features of the last level.
    """

    shape: tuple[int, int, int]
    outputs: int
    channels: tuple[int, ...] = (16, 32)
    activation: str = among(ACTIVATIONS, default="relu")
    context: int = 0
    early: bool = False
    layers: Sequence[nn.Conv2d] = field(init=False)
    head: nn.Linear = field(init=False)

    def __post_init__(self) -> None:
        height, width, depth = self.shape
        self.shape, self.channels = (height, width, depth), _at_least_one(self.channels)
        sizes = _halvings(height, width, len(self.channels))
        maps = (depth + (self.context if self.early else 0), *self.channels)
        self.layers = registered(
            _conv(maps[i], maps[i + 1], (_kernel(h), _kernel(w)), (_stride(h), _stride(w)))
            for i, (h, w) in enumerate(sizes[:-1])
        )
        features = math.prod(sizes[-1]) * maps[len(self.layers)]
        self.head = _Linear(features + (0 if self.early else self.context), self.outputs)

    @property
    def inputs(self) -> int:
        """Width of a row that goes in, without its context."""
        return math.prod(self.shape)

    def initialise(self, generator: torch.Generator) -> None:
        for layer in self.layers:
            _draw(layer, ACTIVATIONS[self.activation].gain, generator)
        _draw(self.head, 1.0, generator)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, height·width·channels) → (n, outputs)."""
        features = self.levels(x, context)[-1].flatten(1)
        return self.head(features if self.early else with_context(features, context, self.context))

    def levels(self, x: Tensor, context: Tensor | None = None) -> list[Tensor]:
        """Feature maps of every level, (n, channels, height, width), first to last."""
        maps, levels = x.unflatten(1, self.shape).movedim(3, 1), []
        if self.early and self.context and context is not None:
            planes = context[:, :, None, None].expand(-1, -1, *self.shape[:2])
            maps = torch.cat([maps, planes], 1)
        for layer in self.layers:
            maps = ACTIVATIONS[self.activation].value(layer(maps))
            levels.append(maps)
        return levels


class ConvolutionalDecoder(Part):
    """One fully connected layer, then nearest-neighbour enlargement before each convolution.

    Enlarge-then-convolve gives every output pixel the same number of contributions;
    transposed convolutions with stride do not, which shows as a checkerboard
    (Odena, Dumoulin & Olah 2016).

    parameters_per_entry : how many numbers the likelihood wants for each entry of the image.
    """

    shape: tuple[int, int, int]
    inputs: int
    parameters_per_entry: int = 1
    channels: tuple[int, ...] = (16, 32)
    activation: str = among(ACTIVATIONS, default="relu")
    context: int = 0
    layers: Sequence[nn.Conv2d] = field(init=False)
    foot: nn.Linear = field(init=False)
    sizes: list[tuple[int, int]] = field(init=False)
    first: tuple[int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        height, width, depth = self.shape
        self.shape, self.channels = (height, width, depth), _at_least_one(self.channels)
        self.sizes = _halvings(height, width, len(self.channels))[::-1]
        used = self.channels[: len(self.sizes) - 1][::-1]
        maps = (*used, depth * self.parameters_per_entry)
        # channels last in memory, as the rows themselves come: twice as fast a step as
        # channels first on grey 28×28 images, where torch copies back and forth between the two
        self.first = (*self.sizes[0], maps[0])
        self.foot = _Linear(self.inputs + self.context, math.prod(self.first))
        self.layers = registered(
            _conv(maps[i], maps[i + 1], (_kernel(h), _kernel(w)), (1, 1))
            for i, (h, w) in enumerate(self.sizes[1:])
        )

    @property
    def outputs(self) -> int:
        """Width of a row that comes out."""
        return self.parameters_per_entry * math.prod(self.shape)

    def initialise(self, generator: torch.Generator) -> None:
        gain = ACTIVATIONS[self.activation].gain
        _draw(self.foot, gain, generator)
        for layer in self.layers[:-1]:
            _draw(layer, gain, generator)
        _draw(self.layers[-1], 1.0, generator)

    def forward(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, inputs) → (n, parameters_per_entry · height·width·channels), parameter by
        parameter."""
        activation = ACTIVATIONS[self.activation].value
        maps = self.foot(with_context(z, context, self.context))
        maps = maps.unflatten(1, self.first).movedim(3, 1)
        for size, layer in zip(self.sizes[1:], self.layers, strict=True):
            maps = layer(F.interpolate(activation(maps), size=size, mode="nearest"))
        by_parameter = maps.unflatten(1, (self.parameters_per_entry, self.shape[2]))
        return by_parameter.movedim(2, 4).flatten(1)


class Identity(Part):
    """x as it is: the head of a model that has none."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def hourglass(inputs: int, hidden: Sequence[int], code: int) -> tuple[int, ...]:
    """Level sizes of an encoder; its mirror image reads them backwards."""
    return (inputs, *hidden, code)
