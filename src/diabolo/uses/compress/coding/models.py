"""A model of a stream ↔ bytes within a `.dbo` file, or a file of its own.

The encoder of a quantised code is needed to compress more data, and not to decompress: it is in the
file of a model's own, and not within a `.dbo`.
"""

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
from diabolo.uses.compress.coding import latents, layers, network, weights
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.codes import CODES, Code, Hierarchical
from diabolo.uses.compress.coding.heads import (
    MOST_ATOMS,
    MOST_CATEGORIES,
    MOST_ORDERED,
    MOST_PARTS,
    PARTS,
    Plane,
)
from diabolo.uses.compress.coding.latents import Looking, Painting
from diabolo.uses.compress.coding.layers import Above
from diabolo.uses.compress.coding.layout import Inputs, Layout
from diabolo.uses.compress.coding.network import Weights
from diabolo.uses.compress.coding.streams import MOST_STEPS

MOST_PLANES = 4096
MOST_UNITS = 1024
MOST_CONTEXT = 2**18  # symbols that are looked at, of all planes together
MOST_PLACED = 64  # lines and columns of a grid in which a network knows where it is
MOST_TEXT = 2**20  # bytes of a layout
MOST_ABOVE = 7  # layers
MOST_OF_CODE = {"size": 256, "units": MOST_UNITS, "features": 8}


def layout_to_json(layout: Layout) -> dict[str, Any]:
    planes = [_plane_to_json(plane) for plane in layout.planes]
    described = {**asdict(layout), "planes": planes}
    del described["code"]
    if layout.code is not None:
        described["code"] = {"kind": layout.code.kind, **asdict(layout.code)}
    return described


def layout_from_json(given: Any) -> Layout:
    """The layout described, if every number in it is possible; raises ValueError."""
    known = {"height", "width", "planes", "reach", "across", "beside", "differences", "position"}
    if not isinstance(given, dict) or set(given) - {"code"} != known:
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
        _code(given["code"], given["height"], given["width"]) if "code" in given else None,
    )
    if layout.symbols > MOST_STEPS:
        raise ValueError("a layout has rows of more symbols than a chunk may hold")
    others = min(layout.beside, len(planes)) + layout.across * (len(planes) - 1)
    if len(planes) * (layout.reach + others) > MOST_CONTEXT:
        raise ValueError("a layout looks at more symbols than are allowed")
    if layout.position and max(layout.height, layout.width) > MOST_PLACED:
        raise ValueError("a layout has positions in a grid that is too large for them")
    return layout


def _plane_to_json(plane: Plane) -> list[Any]:
    described = [plane.alphabet, int(plane.ordered), plane.edge]
    if (plane.parts, plane.atoms) == (PARTS, ()):
        return described
    return [*described, plane.parts, list(plane.atoms)]


def _plane(given: Any) -> Plane:
    if not isinstance(given, list) or len(given) not in (3, 5):
        raise ValueError("a plane is not described as diabolo describes it")
    alphabet, ordered, edge, parts, atoms = [*given, PARTS, []][:5]
    numbers = [alphabet, ordered, edge, parts, *(atoms if isinstance(atoms, list) else [None])]
    if any(type(v) is not int for v in numbers):
        raise ValueError("a plane is not described as diabolo describes it")
    most = MOST_ORDERED if ordered else MOST_CATEGORIES
    if not 1 <= alphabet <= most or ordered not in (0, 1) or edge not in (-1, 0, alphabet - 1):
        raise ValueError("a plane has impossible symbols")
    plane = Plane(alphabet, bool(ordered), edge, parts, tuple(atoms))
    if edge >= 0 and (not ordered or alphabet < 2):
        raise ValueError("a plane has impossible symbols")
    if not 1 <= parts <= MOST_PARTS or len(atoms) > MOST_ATOMS or atoms != sorted(set(atoms)):
        raise ValueError("a plane has impossible densities")
    if atoms and not (ordered and atoms[0] >= 0 and atoms[-1] < alphabet):
        raise ValueError("a plane has impossible densities")
    return plane


def _code(given: Any, height: int, width: int) -> Code:
    limits = {**MOST_OF_CODE, "lines": height, "columns": width}
    if not isinstance(given, dict) or set(given) - {"above"} != {"kind", *limits}:
        raise ValueError("a code is not described as diabolo describes it")
    if given["kind"] not in CODES:
        raise ValueError(f"a code has the unknown kind {given['kind']!r:.20}")
    if (given["kind"] == Hierarchical.kind) != ("above" in given):
        raise ValueError("a code is not described as diabolo describes it")
    for name, most in limits.items():
        if type(given[name]) is not int or not 1 <= given[name] <= most:
            raise ValueError(f"a code has the impossible {name} {given[name]!r:.20}")
    sizes = {name: given[name] for name in limits}
    if "above" not in given:
        return CODES[given["kind"]](**sizes)
    above = given["above"]
    if not isinstance(above, list) or not 1 <= len(above) <= MOST_ABOVE:
        raise ValueError("a code has an impossible number of layers")
    if not all(type(size) is int and 1 <= size <= MOST_OF_CODE["size"] for size in above):
        raise ValueError("a code has layers of an impossible size")
    return Hierarchical(**sizes, above=tuple(above))


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
    planes = [array for one in model.weights for array in one or ()]
    above = [array for layer in model.above for array in layer]
    return [*planes, *(model.painting or ()), *(_looking(model) or ()), *above]


def _looking(model: Model) -> Looking | None:
    """The encoder, where decompressing needs it, too."""
    code = model.layout.code
    return model.looking if code is not None and code.bits_back else None


def model_to_bytes(model: Model) -> bytes:
    """Length of the packed text, the text (layout, units), the weights: of all planes, of codes."""
    text = container.pack(_described(model))
    return len(text).to_bytes(4, "little") + text + weights.encode(_tensors(model))


def model_from_bytes(
    content: bytes, dtype: Any = np.float32, encoder: bytes | None = None
) -> Model:
    """The model; raises ValueError for bytes that `model_to_bytes` did not make.

    encoder : of a quantised code, from the file of a model's own
    """
    stop = 4 + int.from_bytes(content[:4], "little")
    text = json.loads(container.unpack(content[4:stop], MOST_TEXT).decode())
    if not isinstance(text, dict) or set(text) != {"layout", "units"}:
        raise ValueError("a model is not described as diabolo describes it")
    layout, units = layout_from_json(text["layout"]), text["units"]
    if not isinstance(units, list) or len(units) != len(layout.planes):
        raise ValueError("a model has not one network for each plane")
    wanted = [_wanted(layout, plane, two) for plane, two in enumerate(units)]
    painting, looking = _wanted_of_code(layout)
    within = looking if layout.code is not None and layout.code.bits_back else {}
    above = layers.shapes(layout.code) if layout.code is not None else []
    found = _decoded(content[stop:], [*wanted, painting, within, *above])
    planes = [Weights(**_filled(one, found, network.TENSORS)) if one else None for one in wanted]
    if layout.code is None:
        return Model(layout, planes, dtype)
    painted = Painting(**_filled(painting, found, latents.TENSORS))
    if encoder is not None and not within:
        found, within = _decoded(encoder, [looking]), looking
    seen = Looking(**_filled(within, found, latents.TENSORS)) if within else None
    higher = [Above(**_filled(one, found, layers.TENSORS)) for one in above]
    return Model(layout, planes, dtype, painting=painted, looking=seen, above=higher)


Shapes = dict[str, tuple[int, ...]]


def _decoded(content: bytes, wanted: list[Shapes]) -> Iterator[np.ndarray]:
    sizes = [math.prod(shape) for one in wanted for shape in one.values()]
    return iter(weights.decode(content, sizes))


def _wanted_of_code(layout: Layout) -> tuple[Shapes, Shapes]:
    """Shapes of the decoder's tensors and of the encoder's."""
    if layout.code is None:
        return {}, {}
    every = latents.shapes(layout)
    return {n: every[n] for n in Painting._fields}, {n: every[n] for n in Looking._fields}


def _wanted(layout: Layout, plane: int, two: Any) -> Shapes:
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


def _filled(
    wanted: Shapes, found: Iterator[np.ndarray], dtypes: dict[str, np.dtype[Any]]
) -> dict[str, np.ndarray]:
    arrays = {}
    for name, shape in wanted.items():
        values, dtype = next(found), dtypes[name]
        arrays[name] = values.astype(dtype).reshape(shape)
        if (arrays[name].reshape(-1) != values).any():
            raise ValueError("a model has weights that are too large")
    return arrays


def save_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model to a file of its own (safetensors under a hash)."""
    contents = {"model": model_to_bytes(model)}
    if model.looking is not None and _looking(model) is None:
        contents["encoder"] = weights.encode(model.looking)
    arrays = {name: np.frombuffer(content, np.uint8) for name, content in contents.items()}
    disk.write_sealed(path, arrays, {"purpose": "compression"})


def load_model(path: str | os.PathLike[str]) -> Model:
    """The model in a file; raises DamagedFileError with one sentence."""
    arrays, header = disk.read_sealed(path)
    if header.get("purpose") != "compression" or "model" not in arrays:
        raise DamagedFileError(
            f"{path} is no model for compression: make one with diabolo compress --keep-model."
        )
    try:
        encoder = arrays["encoder"].tobytes() if "encoder" in arrays else None
        return model_from_bytes(arrays["model"].tobytes(), encoder=encoder)
    except (ValueError, *container.WRONG) as error:
        reason = error if isinstance(error, ValueError) else "its model makes no sense"
        raise DamagedFileError(f"Cannot use {path}: {reason}.") from error
