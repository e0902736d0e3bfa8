"""JAX by hand with products of bfloat16, summed in float32."""

from __future__ import annotations

import by_jax
import jax
import jax.numpy as jnp
from by_jax import VERSION, encode, fit, fit_many, reconstruct

__all__ = ["VERSION", "encode", "fit", "fit_many", "reconstruct"]


def product(x: jax.Array, w: jax.Array) -> jax.Array:
    return jnp.matmul(
        x.astype(jnp.bfloat16), w.astype(jnp.bfloat16), preferred_element_type=jnp.float32
    )


by_jax.product = product  # before anything is compiled
