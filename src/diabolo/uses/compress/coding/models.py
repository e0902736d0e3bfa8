"""A model of a stream ↔ bytes within a `.dbo` file, or a file of its own."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from diabolo import files as disk
from diabolo.files import DamagedFileError
from diabolo.uses.compress import container
from diabolo.uses.compress.coding import network, weights
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.heads import MOST_CATEGORIES, MOST_ORDERED, Plane
from diabolo.uses.compress.coding.layout import Inputs, Layout
from diabolo.uses.compress.coding.network import Weights
from diabolo.uses.compress.coding.streams import MOST_STEPS

MOST_PLANES = 4096
MOST_UNITS = 1024
MOST_CONTEXT = 2**18  # symbols that are looked at, of all planes together
MOST_PLACED = 64  # lines and columns of a grid in which a network knows where it is
MOST_TEXT = 2**20  # bytes of a layout


def layout_to_json(layout: Layout) -> dict[str, Any]:
    planes = [[p.alphabet, int(p.ordered), p.edge] for p in layout.planes]
    return {**asdict(layout), "planes": planes}


def layout_from_json(given: Any) -> Layout:
    """The layout described, if every number in it is possible; raises ValueError."""
    known = {"height", "width", "planes", "reach", "across", "beside", "differences", "position"}
    if not isinstance(given, dict) or set(given) != known:
        raise ValueError("a layout is not described as diabolo describes it")
    planes = given["planes"]
    if not isinstance(planes, list) or not 1 <= len(planes) <= MOST_PLANES:
        raise ValueError("a layout has an impossible number of planes")
    limits = {"height": (1, 2**16), "width": (1, 2**16), "reach": (0, 200), "across": (0, 200)}
    limits["beside"] = (0, MOST_PLANES)
    for name, (least, most) in limits.items():
        if type(given[name]) is not int or not least <= given[name] <= most:
            raise ValueError(f"a layout has the impossible {name} {given[name]!r:.20}")
    if type(given["differences"]) is not bool or type(given["position"]) is not bool:
        raise ValueError("a layout is not described as diabolo describes it")
    layout = Layout(
        given["height"],
        given["width"],
        tuple(_plane(plane) for plane in planes),
        given["reach"],
        given["across"],
        given["beside"],
        given["differences"],
        given["position"],
    )
    if layout.cells * len(planes) > MOST_STEPS:
        raise ValueError("a layout has rows of more symbols than a chunk may hold")
    others = min(layout.beside, len(planes)) + layout.across * (len(planes) - 1)
    if len(planes) * (layout.reach + others) > MOST_CONTEXT:
        raise ValueError("a layout looks at more symbols than are allowed")
    if layout.position and max(layout.height, layout.width) > MOST_PLACED:
        raise ValueError("a layout has positions in a grid that is too large for them")
    return layout


def _plane(given: Any) -> Plane:
    if not (isinstance(given, list) and [type(v) for v in given] == [int, int, int]):
        raise ValueError("a plane is not described as diabolo describes it")
    alphabet, ordered, edge = given
    most = MOST_ORDERED if ordered else MOST_CATEGORIES
    if not 1 <= alphabet <= most or ordered not in (0, 1) or edge not in (-1, 0, alphabet - 1):
        raise ValueError("a plane has impossible symbols")
    if edge >= 0 and (not ordered or alphabet < 2):
        raise ValueError("a plane has impossible symbols")
    return Plane(alphabet, bool(ordered), edge)


def model_hash(model: Model) -> str:
    """Of layout and weights: 16 bytes of a SHA-256, in hexadecimal."""
    hashed = hashlib.sha256(_described(model))
    for array in _tensors(model):
        hashed.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return hashed.hexdigest()[:32]


def _described(model: Model) -> bytes:
    units = [None if w is None else [len(w.first), len(w.second)] for w in model.weights]
    text = {"layout": layout_to_json(model.layout), "units": units}
    return json.dumps(text, separators=(",", ":")).encode()


def _tensors(model: Model) -> list[np.ndarray]:
    return [array for one in model.weights for array in one or ()]


def model_to_bytes(model: Model) -> bytes:
    """Length of the packed text, the text (layout, units), the weights of all planes in order."""
    text = container.pack(_described(model))
    return len(text).to_bytes(4, "little") + text + weights.encode(_tensors(model))


def model_from_bytes(content: bytes, dtype: Any = np.float32) -> Model:
    """The model; raises ValueError for bytes that `model_to_bytes` did not make."""
    stop = 4 + int.from_bytes(content[:4], "little")
    text = json.loads(container.unpack(content[4:stop], MOST_TEXT).decode())
    if not isinstance(text, dict) or set(text) != {"layout", "units"}:
        raise ValueError("a model is not described as diabolo describes it")
    layout, units = layout_from_json(text["layout"]), text["units"]
    if not isinstance(units, list) or len(units) != len(layout.planes):
        raise ValueError("a model has not one network for each plane")
    wanted = [_wanted(layout, plane, two) for plane, two in enumerate(units)]
    sizes = [math.prod(shape) for one in wanted for shape in one.values()]
    found = iter(weights.decode(content[stop:], sizes))
    return Model(layout, [_filled(one, found) if one else None for one in wanted], dtype)


def _wanted(layout: Layout, plane: int, two: Any) -> dict[str, tuple[int, ...]]:
    """Shapes of a plane's tensors; none where it has nothing to say."""
    kind = layout.planes[plane]
    if (two is None) != (kind.outputs == 0):
        raise ValueError("a model has not one network for each plane")
    if two is None:
        return {}
    if not (isinstance(two, list) and len(two) == 2 and all(type(u) is int for u in two)):
        raise ValueError("a model is not described as diabolo describes it")
    if not all(1 <= units <= MOST_UNITS for units in two):
        raise ValueError("a model has an impossible number of units")
    inputs = Inputs(layout, plane)
    return network.shapes(kind, inputs, layout.positions.shape[1], (two[0], two[1]))


def _filled(wanted: dict[str, tuple[int, ...]], found: Iterator[np.ndarray]) -> Weights:
    arrays = {}
    for name, shape in wanted.items():
        values, dtype = next(found), network.TENSORS[name]
        arrays[name] = values.astype(dtype).reshape(shape)
        if (arrays[name].reshape(-1) != values).any():
            raise ValueError("a model has weights that are too large")
    return Weights(**arrays)


def save_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model to a file of its own (safetensors under a hash)."""
    content = np.frombuffer(model_to_bytes(model), np.uint8)
    disk.write_sealed(path, {"model": content}, {"purpose": "compression"})


def load_model(path: str | os.PathLike[str]) -> Model:
    """The model in a file; raises DamagedFileError with one sentence."""
    arrays, header = disk.read_sealed(path)
    if header.get("purpose") != "compression" or "model" not in arrays:
        raise DamagedFileError(
            f"{path} is no model for compression: make one with diabolo compress --keep-model."
        )
    try:
        return model_from_bytes(arrays["model"].tobytes())
    except (ValueError, *container.WRONG) as error:
        reason = error if isinstance(error, ValueError) else "its model makes no sense"
        raise DamagedFileError(f"Cannot use {path}: {reason}.") from error
