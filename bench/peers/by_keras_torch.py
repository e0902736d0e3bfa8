"""Keras 3 on torch."""

import os

os.environ["KERAS_BACKEND"] = "torch"

from by_keras import VERSION, encode, fit, reconstruct

__all__ = ["VERSION", "encode", "fit", "reconstruct"]
