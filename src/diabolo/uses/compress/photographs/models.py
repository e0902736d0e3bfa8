"""A model ↔ bytes, its hash, and the one that comes with diabolo.

4   length of the packed text
…   {"photographs": [fine, middle, hidden, hyper, [groups]]}, packed by zstandard
…   all tensors in the order of `Design.shapes` (`coding/weights.py`)
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from diabolo import files as disk
from diabolo.files import DamagedFileError
from diabolo.uses.compress import container
from diabolo.uses.compress.coding import weights
from diabolo.uses.compress.photographs.decoder import Decoder
from diabolo.uses.compress.photographs.design import Design

SHIPPED = Path(__file__).with_name("model.safetensors")
PURPOSE = "photographs"
MOST_CHANNELS = 512
MOST_TEXT = 1000
LANES = 512


class Model:
    """Whole numbers of all networks."""

    def __init__(self, design: Design, whole: Mapping[str, np.ndarray]) -> None:
        self.design, self.whole = design, whole
        self.decoder = Decoder(design, whole)

    @property
    def hash(self) -> str:
        """Of design and tensors: 16 bytes of a SHA-256, in hexadecimal."""
        hashed = hashlib.sha256(_described(self.design))
        for name in self.design.shapes():
            hashed.update(np.ascontiguousarray(self.whole[name], "<i4").tobytes())
        return hashed.hexdigest()[:32]


def model_to_bytes(model: Model) -> bytes:
    text = container.pack(_described(model.design))
    tensors = [model.whole[name] for name in model.design.shapes()]
    return len(text).to_bytes(4, "little") + text + weights.encode(tensors, LANES)


def model_from_bytes(content: bytes) -> Model:
    """The model; raises ValueError for bytes that `model_to_bytes` did not make."""
    stop = 4 + int.from_bytes(content[:4], "little")
    design = _design(json.loads(container.unpack(content[4:stop], MOST_TEXT).decode()))
    shapes = design.shapes()
    found = weights.decode(content[stop:], [math.prod(shape) for shape in shapes.values()], LANES)
    whole = {
        name: values.reshape(shape).astype(np.int32)
        for (name, shape), values in zip(shapes.items(), found, strict=True)
    }
    if (whole["steps"] < 1).any():
        raise ValueError("a model has steps of nothing")
    return Model(design, whole)


def save_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model to a file of its own (safetensors under a hash)."""
    content = np.frombuffer(model_to_bytes(model), np.uint8)
    disk.write_sealed(path, {"model": content}, {"purpose": PURPOSE})


def load_model(path: str | os.PathLike[str]) -> Model:
    """The model in a file; raises DamagedFileError with one sentence."""
    arrays, header = disk.read_sealed(path)
    if header.get("purpose") != PURPOSE or "model" not in arrays:
        raise DamagedFileError(
            f"{path} is no model of photographs: leave --model out for the one that comes with "
            "diabolo, or train one (docs/uses/compress.md)."
        )
    try:
        return model_from_bytes(arrays["model"].tobytes())
    except (ValueError, *container.WRONG) as error:
        reason = error if isinstance(error, ValueError) else "its model makes no sense"
        raise DamagedFileError(f"Cannot use {path}: {reason}.") from error


def is_one(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it holds a model of photographs; raises what reading it raises."""
    return disk.read_sealed(path)[1].get("purpose") == PURPOSE


@cache
def shipped() -> Model:
    """The model that comes with diabolo."""
    return load_model(SHIPPED)


def _described(design: Design) -> bytes:
    sizes = [design.fine, design.middle, design.hidden, design.hyper, list(design.groups)]
    return json.dumps({PURPOSE: sizes}, separators=(",", ":")).encode()


def _design(text: Any) -> Design:
    if not isinstance(text, dict) or set(text) != {PURPOSE}:
        raise ValueError("a model is not described as diabolo describes it")
    *sizes, groups = text[PURPOSE]
    channels = [*sizes, *groups]
    if len(sizes) != 4 or not 1 <= len(groups) <= 16:
        raise ValueError("a model is not described as diabolo describes it")
    if not all(type(one) is int and 1 <= one <= MOST_CHANNELS for one in channels):
        raise ValueError("a model has an impossible number of channels")
    fine, middle, hidden, hyper = sizes
    return Design(fine, middle, hidden, hyper, tuple(groups))
