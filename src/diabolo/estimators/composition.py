"""From hyper-parameters and what is known of the data to a composed module."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, NamedTuple

from torch import nn

from diabolo.data.columns import Columns
from diabolo.data.dataset import Dataset
from diabolo.data.moments import extent_of
from diabolo.parts import corruptions, likelihoods, networks
from diabolo.parts.codes import Code
from diabolo.parts.corruptions import Corruption
from diabolo.parts.likelihoods import Likelihood

SLACK = 1e-6  # of the range, for rounding


class Facts(NamedTuple):
    """What a composition needs to know of the data."""

    n_features: int
    shape: tuple[int, ...]  # of one row: (d,), (H, W) or (H, W, C)
    kind: str  # "binary", "unit", "real" or "mixed"
    levels: int | None  # greys, where all values are whole and on one scale
    rows: int
    context: int  # width of the labels or covariates, 0 for none
    table: tuple[int, ...] = ()  # of a mixed table: categories of each column, 0 for numbers

    @classmethod
    def of(cls, columns: Columns, rows: int, context: int) -> Facts:
        return cls(
            columns.n_features,
            columns.shape,
            columns.kind,
            columns.levels,
            rows,
            context,
            columns.categories,
        )

    @property
    def width(self) -> int:
        """Numbers that a row is to the first layer."""
        return sum(map(networks.cell_width, self.table)) or self.n_features


SMALLEST = 8  # pixels to a side; what is smaller is hardly an image, and has no slopes


def image_shape(facts: Facts) -> tuple[int, int, int]:
    """(height, width, channels) to fold a row into.

    Flat rows of a square number ≥ 64 are taken for square grey images, others for one line.
    """
    if len(facts.shape) == 3:
        return facts.shape[0], facts.shape[1], facts.shape[2]
    if len(facts.shape) == 2:
        return facts.shape[0], facts.shape[1], 1
    side = math.isqrt(facts.n_features)
    if side >= SMALLEST and side * side == facts.n_features:
        return side, side, 1
    return 1, facts.n_features, 1


def hidden_sizes(facts: Facts) -> tuple[int, ...]:
    """Levels between input and code where none were asked for: twice the input's width, within
    32 … 512, and a second level of half of that from 256 features on."""
    first = min(512, max(32, 2 * facts.width))
    return (first, first // 2) if facts.width >= 256 else (first,)


def whole_numbers(name: str, values: Sequence[Any]) -> tuple[int, ...]:
    """Sizes as whole numbers of at least 1; one sentence, with the parameter's name, for others."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 1:
            raise ValueError(
                f"{name}={values!r} holds {value!r}, expected whole numbers of at least 1."
            )
    return tuple(int(value) for value in values)


def code_size(facts: Facts) -> int:
    """Code size where none was asked for: a quarter of the features, within 1 … 32.

    A column of K categories counts as K features.
    """
    width = sum(max(1, levels) for levels in facts.table) or facts.n_features
    return max(1, min(32, width // 4))


LIKELIHOODS: dict[str, Callable[[Facts], Likelihood]] = {
    "gaussian": lambda facts: likelihoods.Gaussian(link=_link(facts)),
    "gaussian-shared": lambda facts: likelihoods.Gaussian(
        link=_link(facts), variance="shared", scale=_start(facts)
    ),
    "gaussian-entry": lambda facts: likelihoods.Gaussian(link=_link(facts), variance="entry"),
    "laplace": lambda facts: likelihoods.Laplace(link=_link(facts)),
    "bernoulli": lambda facts: _in_unit(facts, likelihoods.Bernoulli()),
    "categorical": lambda facts: likelihoods.Categorical(_levels(facts, "categorical")),
    "logistic": lambda facts: likelihoods.DiscretisedLogistic(_levels(facts, "logistic")),
}


def _link(facts: Facts) -> str:
    return "identity" if facts.kind == "real" else "sigmoid"


def _start(facts: Facts) -> float:
    """A first guess of a learned standard deviation; a quarter of the range, or of a column's."""
    return 1.0 if facts.kind == "real" else 0.25


def _in_unit(facts: Facts, likelihood: Likelihood) -> Likelihood:
    if facts.kind == "real":
        raise ValueError(
            "likelihood='bernoulli' needs values in [0, 1], but these columns are standardised. "
            "Pass scaling='minmax', or likelihood='gaussian'."
        )
    return likelihood


def _levels(facts: Facts, name: str) -> int:
    if facts.kind == "binary":
        return 2
    if facts.levels is None:
        raise ValueError(
            f"likelihood={name!r} needs whole numbers on one scale with at most 256 levels, "
            "such as uint8 images. Pass likelihood='gaussian' for other data."
        )
    return facts.levels


def likelihood_for(name: str, facts: Facts, by_kind: dict[str, str]) -> Likelihood:
    """The likelihood of that name, or, for "auto", the one that the kind of data calls for."""
    if facts.table:
        return _mixed(by_kind["real"] if name == "auto" else name, facts)
    return LIKELIHOODS[by_kind[facts.kind] if name == "auto" else name](facts)


def _mixed(name: str, facts: Facts) -> Likelihood:
    """Each column's own law; the name says what becomes of the numbers' variance."""
    variances = {"gaussian": "fixed", "gaussian-shared": "column", "laplace": "laplace"}
    if name not in variances:
        raise ValueError(
            f"likelihood={name!r} is for numbers alone; in a mixed table each column has its own. "
            "Pass 'gaussian' (numbers by squared error), 'gaussian-shared' (learned variances) or "
            "'laplace' (numbers by absolute error)."
        )
    return likelihoods.Mixed(facts.table, variances[name])


def masking(facts: Facts, level: float, emphasis: float = 0.5) -> Corruption:
    """A share of the entries set to 0, or gone missing where cells can be missing."""
    kind = corruptions.Missing if facts.table else corruptions.Masking
    return kind(level, emphasis)


def refuse_mixed(facts: Facts, what: str, remedy: str) -> None:
    """Raise a ValueError, one sentence, where something is not for mixed tables."""
    if facts.table:
        raise ValueError(
            f"{what}, but this is a mixed table (with text, dates or missing cells). {remedy}"
        )


def check_support(likelihood: Likelihood, columns: Columns, dataset: Dataset) -> None:
    """One sentence where values lie outside of what the likelihood can speak of.

    Only for rows that the model was not fitted on; a look at all of them.
    """
    if not likelihood.bounded:
        return
    extent = extent_of(dataset)
    for values, beyond in (
        (extent.low, (extent.low - columns.offset) / columns.scale < -SLACK),
        (extent.high, (extent.high - columns.offset) / columns.scale > 1 + SLACK),
    ):
        if beyond.any():
            j = int(beyond.argmax())
            low, high = columns.offset[j], columns.offset[j] + columns.scale[j]
            raise ValueError(
                f"{columns.name(j)} of {dataset.source} has {values[j]:.6g}, but this model's "
                f"likelihood is for values from {low:.6g} to {high:.6g}. Clip them, or fit a new "
                "model with likelihood='gaussian'."
            )


class Blueprint(NamedTuple):
    """What a network builder is told; `inputs` and `outputs` are the encoder's."""

    facts: Facts
    hidden: tuple[int, ...]
    channels: tuple[int, ...]
    activation: str
    tied: bool
    code: Code
    likelihood: Likelihood


def dense(plan: Blueprint) -> tuple[nn.Module, nn.Module]:
    """Fully connected encoder and its mirror image."""
    d, context = plan.facts.n_features, plan.facts.context
    inwards = networks.hourglass(d, plan.hidden, plan.code.inputs)
    if plan.tied:
        refuse_mixed(plan.facts, "tied weights are for numbers alone", "Pass tied=False.")
    outwards = (plan.code.dim, *plan.hidden[::-1], plan.likelihood.outputs(d))
    encoder = networks.Dense(inwards, plan.activation, context)
    if plan.facts.table:
        encoder = networks.Table(inwards, plan.activation, context, plan.facts.table)
    if not plan.tied:
        return encoder, networks.Dense(outwards, plan.activation, context)
    if plan.likelihood.per_entry != 1:
        raise ValueError(
            f"tied weights give one number for each feature, but this likelihood needs "
            f"{plan.likelihood.per_entry}: pass tied=False, or likelihood='gaussian'."
        )
    return encoder, networks.Mirror(outwards, plan.activation, context)


def convolutional(plan: Blueprint) -> tuple[nn.Module, nn.Module]:
    """Convolutional encoder and decoder for rows that are images or signals."""
    if plan.tied:
        raise ValueError("tied weights are for dense networks: pass tied=False.")
    refuse_mixed(
        plan.facts, "a convolutional network is for images and signals", "Pass network='dense'."
    )
    if not plan.channels:
        raise ValueError("channels=() leaves nothing to convolve: pass (32, 64), for example.")
    shape, context = image_shape(plan.facts), plan.facts.context
    encoder = networks.ConvolutionalEncoder(
        shape, plan.code.inputs, plan.channels, plan.activation, context
    )
    decoder = networks.ConvolutionalDecoder(
        shape, plan.code.dim, plan.likelihood.per_entry, plan.channels, plan.activation, context
    )
    return encoder, decoder


NETWORKS = {"dense": dense, "convolutional": convolutional}
