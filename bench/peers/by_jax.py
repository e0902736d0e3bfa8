"""JAX by hand: an epoch is one compiled scan, the data lie on the device, optax's Adam."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from net import Net

VERSION = f"{jax.__version__}, optax {optax.__version__}"
PIECE = 1024


def start(net: Net, key: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
    """He's normal weights and no bias, encoder and decoder."""
    sizes = list(pairwise(net.all_sizes))
    keys = jax.random.split(key, len(sizes))
    return [
        (jax.random.normal(k, (a, b)) * np.sqrt(2 / a), jnp.zeros(b))
        for k, (a, b) in zip(keys, sizes, strict=True)
    ]


def product(x: jax.Array, w: jax.Array) -> jax.Array:
    return x @ w


def chain(weights: list[Any], x: jax.Array) -> jax.Array:
    for number, (w, b) in enumerate(weights):
        x = product(x, w) + b
        x = jax.nn.relu(x) if number + 1 < len(weights) else x
    return x


def rebuilt(weights: list[Any], x: jax.Array) -> jax.Array:
    middle = len(weights) // 2
    return jax.nn.sigmoid(chain(weights[middle:], chain(weights[:middle], x)))


def loss(weights: list[Any], x: jax.Array) -> jax.Array:
    return 0.5 * jnp.square(rebuilt(weights, x) - x).sum(1).mean()


def one_epoch(net: Net, weights: Any, state: Any, data: jax.Array, key: jax.Array) -> Any:
    """All full batches in a new order; like most of these libraries it leaves out a smaller one."""
    steps = len(data) // net.batch
    order = jax.random.permutation(key, len(data))[: steps * net.batch].reshape(steps, net.batch)

    def step(carry: Any, index: jax.Array) -> Any:
        weights, state = carry
        gradient = jax.grad(loss)(weights, data[index])
        updates, state = optax.adam(net.lr).update(gradient, state)
        return (optax.apply_updates(weights, updates), state), None

    return jax.lax.scan(step, (weights, state), order)[0]


epoch = jax.jit(one_epoch, static_argnums=0, donate_argnums=(1, 2))


def fit(X: np.ndarray, net: Net, epochs: int) -> list[Any]:
    data, key = jnp.asarray(X), jax.random.key(0)
    weights = start(net, key)
    state = optax.adam(net.lr).init(weights)
    for number in range(epochs):
        weights, state = epoch(net, weights, state, data, jax.random.fold_in(key, number))
    return jax.block_until_ready(weights)


@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def epoch_of_many(net: Net, weights: Any, state: Any, data: jax.Array, keys: jax.Array) -> Any:
    return jax.vmap(partial(one_epoch, net), in_axes=(0, 0, None, 0))(weights, state, data, keys)


def fit_many(X: np.ndarray, net: Net, epochs: int, count: int) -> None:
    data, keys = jnp.asarray(X), jax.random.split(jax.random.key(0), count)
    weights = jax.vmap(partial(start, net))(keys)
    state = jax.vmap(optax.adam(net.lr).init)(weights)
    for number in range(epochs):
        orders = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, number)
        weights, state = epoch_of_many(net, weights, state, data, orders)
    jax.block_until_ready(weights)


encoded = jax.jit(lambda weights, x: chain(weights[: len(weights) // 2], x))
decoded = jax.jit(rebuilt)


def through(function: Any, weights: list[Any], X: np.ndarray) -> np.ndarray:
    pieces = [X[first : first + PIECE] for first in range(0, len(X), PIECE)]
    return np.concatenate([np.asarray(function(weights, piece)) for piece in pieces])


def encode(weights: list[Any], X: np.ndarray) -> np.ndarray:
    return through(encoded, weights, X)


def reconstruct(weights: list[Any], X: np.ndarray) -> np.ndarray:
    return through(decoded, weights, X)
