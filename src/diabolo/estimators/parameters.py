"""The hyper-parameters that every family has."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from diabolo.engine.precision import PRECISIONS
from diabolo.estimators.composition import NETWORKS
from diabolo.estimators.options import Options
from diabolo.parts.activations import ACTIVATIONS


class Parameters(Options):
    """What every family can be told; a family adds fields and constraints.

    n_components : code size; None: a quarter of the features, at most 32.
    hidden_layer_sizes : units of the levels between input and code, input side first; the decoder
        mirrors them. None: chosen from the number of features.
    activation : "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "tanh",
        "sigmoid" or "identity".
    network : "dense" or "convolutional".
    channels : feature maps of a convolutional network, level by level.
    scaling : "auto", "standard", "minmax", "unit", "shared" (one scale for all columns)
        or "none"; undone on the way out.
    schema : of tables, columns that are not what their type says, by name: "number", "boolean",
        "category", "date", or "ignore" to leave one out.
    batch_size : rows a step; None: 16 … 128 by the number of rows.
    max_epochs : None: about 6,000 steps, within 20 … 200 epochs.
    lr : highest learning rate; it rises over the first 3 % of the steps, then falls to 0.
    weight_decay : of AdamW.
    clip : longest norm of the gradient; None: never clipped.
    early_stopping : hold out `validation_fraction` of the rows, stop after `n_iter_no_change`
        epochs that gain less than `tol` of all gained so far, and keep the best weights.
    random_state : same number, threads and machine: same weights, bit for bit.
    n_threads : None: chosen (by size, and where that does not decide, by timing real steps).
    precision : "bfloat16" takes the products of training in it, which trains large nets 1.4 to
        1.8 times as fast where the processor multiplies it, else slower (`history_` says so);
        "auto" measures which it is, and notes what it came to. All else stays float32.
    device : "auto", "cpu" or "cuda".
    checkpoint : path; written every `checkpoint_every` seconds. A fit that finds it there goes on
        exactly where the killed one was.
    verbose : 1 prints a line an epoch.
    """

    n_components: int | None = None
    hidden_layer_sizes: Sequence[int] | None = None
    activation: str = "relu"
    network: str = "dense"
    channels: Sequence[int] = (16, 32)
    scaling: str = "auto"
    schema: Mapping[str, str] | None = None
    batch_size: int | None = None
    max_epochs: int | None = None
    lr: float = 2e-3
    weight_decay: float = 0.01
    clip: float | None = 100.0
    early_stopping: bool = True
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    tol: float = 1e-4
    random_state: Any = None
    n_threads: int | None = None
    precision: str = "float32"
    device: str = "auto"
    checkpoint: str | os.PathLike | None = None
    checkpoint_every: float = 30.0
    verbose: int = 0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "hidden_layer_sizes": ["array-like", None],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "network": [StrOptions(set(NETWORKS))],
        "channels": ["array-like"],
        "scaling": [StrOptions({"auto", "standard", "minmax", "unit", "shared", "none"})],
        "schema": [dict, None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
        "precision": [StrOptions(set(PRECISIONS))],
        "device": [str],
        "checkpoint": [str, os.PathLike, None],
        "checkpoint_every": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
    }
