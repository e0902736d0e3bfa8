"""Keras 3 on JAX."""

import os

os.environ["KERAS_BACKEND"] = "jax"

from by_keras import VERSION, encode, fit, reconstruct

__all__ = ["VERSION", "encode", "fit", "reconstruct"]
