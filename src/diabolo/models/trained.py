"""A trained model as one file: weights, and the description of how it was composed.

Reading executes and imports nothing that the file names: parts come from a closed table, sizes
are compared with the tensors that are there before memory is asked for, and the file's hash is
verified first (`diabolo.files`).
"""

from __future__ import annotations

import copy
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from diabolo.files import DamagedFileError, read_sealed, write_sealed
from diabolo.models.model import Model
from diabolo.parts.spec import MissingModuleError, Part, build, describe

BESIDE = "beside"  # the module, in the header
MAX_NODES = 10_000  # of a description: lists, dicts and values; more is no model

# what parts raise for arguments that make no sense
_WRONG = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def save(
    path: str | Path,
    module: Model,
    header: dict[str, Any],
    beside: Mapping[str, Part] | None = None,
) -> None:
    """Write module and header to one file, whole or not at all.

    beside : other parts that belong to the model, by name.
    """
    beside = beside or {}
    arrays = {name: _array(tensor) for name, tensor in _state(module).items()}
    for own, part in beside.items():
        arrays |= {f"{own}.{name}": _array(tensor) for name, tensor in _state(part).items()}
    header = {**header, "module": describe(module), "made": provenance()}
    if beside:
        header[BESIDE] = {own: describe(part) for own, part in beside.items()}
    write_sealed(path, arrays, header)


def load(
    path: str | Path, yours: dict[str, nn.Module] | None = None
) -> tuple[Model, dict[str, Any]]:
    """Module and header of a file; in the header, parts kept beside the module are parts again.

    yours : the user's own modules by name, where the model was made with such.
    raises DamagedFileError (a ValueError) with one sentence for a file that is not whole, not
    ours, or contradicts itself.
    """
    arrays, header = read_sealed(path)
    with damaged_if_wrong(path):
        _check_size([header["module"], header.get(BESIDE)])
        yours = copy.deepcopy(yours)  # what was handed in is left as it was
        with torch.device("meta"):
            module = build(header["module"], yours)
            beside = {own: build(part) for own, part in header.get(BESIDE, {}).items()}
        if not isinstance(module, Model):
            raise ValueError("it describes no model")
        apart = {own: _taken(arrays, own, part) for own, part in beside.items()}
        _check_yours(yours or {}, header["module"], arrays)
        _check_tensors(_state(module), arrays)
        _check_widths(module)
    _fill(module, arrays)
    for own, part in beside.items():
        _fill(part.eval(), apart[own])
    return module.eval(), header | {BESIDE: beside}


@contextmanager
def damaged_if_wrong(path: str | Path) -> Iterator[None]:
    """Whatever a description gets wrong ends in one sentence that names the file."""
    try:
        yield
    except MissingModuleError:
        raise
    except _WRONG as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DamagedFileError(
            f"{path} holds no model this version can build: {' '.join(what.split()):.300}"
        ) from error


def _state(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, each once (tied weights appear under one name)."""
    return dict(module.named_parameters()) | dict(module.named_buffers())


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().contiguous().numpy()


def _check_yours(
    yours: dict[str, nn.Module], description: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    """Whether the user's own modules have the tensors that were saved of them."""
    for name, module in yours.items():
        if description[name] != describe(module):
            raise MissingModuleError(f"this model was made without your own {name}: leave it out")
        found = {f"{name}.{leaf}": tuple(t.shape) for leaf, t in _state(module).items()}
        saved = {key: a.shape for key, a in arrays.items() if key.startswith(f"{name}.")}
        for key in sorted(found.keys() | saved.keys()):
            if found.get(key) != saved.get(key):
                raise MissingModuleError(
                    f"the {name} you passed is not like the one that was saved: {key!r} is "
                    f"{found.get(key, 'missing')} in yours, {saved.get(key, 'missing')} in the file"
                )


def _check_tensors(state: dict[str, Tensor], arrays: dict[str, np.ndarray]) -> None:
    """Whether the tensors that are there are those that the description asks for."""
    if state.keys() != arrays.keys():
        name = sorted(state.keys() ^ arrays.keys())[0]
        raise ValueError(f"tensor {name!r} has no counterpart")
    for name, tensor in state.items():
        found = torch.from_numpy(arrays[name])
        if (found.shape, found.dtype) != (tensor.shape, tensor.dtype):
            raise ValueError(
                f"{name!r} should be {tensor.dtype} of {tuple(tensor.shape)}, but is "
                f"{found.dtype} of {tuple(found.shape)}"
            )


def _taken(arrays: dict[str, np.ndarray], own: str, part: Any) -> dict[str, np.ndarray]:
    """The tensors of a part beside the module, taken out of all that are there."""
    if not isinstance(part, Part):
        raise ValueError(f"{own!r} describes no part")
    prefix = f"{own}."
    taken = {key: arrays.pop(key) for key in list(arrays) if key.startswith(prefix)}
    taken = {key.removeprefix(prefix): array for key, array in taken.items()}
    _check_tensors(_state(part), taken)
    return taken


def _check_widths(module: Model) -> None:
    """Whether each word takes what the one before it gives."""
    for name, width, wanted in module.joints():
        if width != wanted:
            raise ValueError(f"its {name} is {width} wide where {wanted} is needed")


def _fill(module: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        owner, _, leaf = name.rpartition(".")
        home, value = module.get_submodule(owner), torch.from_numpy(array.copy())
        is_parameter = leaf in home._parameters
        setattr(home, leaf, nn.Parameter(value) if is_parameter else value)


def _check_size(description: Any) -> None:
    stack, nodes = [description], 0
    while stack:
        value = stack.pop()
        nodes += 1
        if nodes > MAX_NODES:
            raise ValueError(f"its description has more than {MAX_NODES:,} entries")
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def provenance() -> dict[str, Any]:
    """What made this model: versions and the kind of machine; no names, no paths."""
    packages = {name: version(name) for name in ("torch", "numpy", "scikit-learn")}
    return {
        **packages,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
    }
