"""`diabolo inspect`: what a model file holds, from its header alone; torch is not needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from safetensors import safe_open

from diabolo.cli import text
from diabolo.cli.flags import Json, Model
from diabolo.files import DamagedFileError, read_header

FIRST = 5  # names of columns that are shown
NO_CHANGE = {"Unchanged", "Nothing", "Identity"}  # parts that do nothing
NEUTRAL = {"beta": 1.0, "warmup": 0.0, "capacity": 0.0}


def inspect(model: Model, /, *, json: Json = False) -> None:
    """Show what a model file holds: family, sizes, columns, training, origin.

    The whole file is hashed, but only its header is read.
    """
    header = read_header(model)
    try:
        shown = text.as_json(_facts(model, header)) if json else _page(model, header)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = "an unfinished run: go on with it with train --resume" if "run" in header else "none"
        raise DamagedFileError(
            f"{model} is no model that can be shown, it holds {what}."
        ) from error
    print(shown)


def _facts(path: Path, header: dict[str, Any]) -> dict[str, Any]:
    """Everything in the header but the curves, and what the format adds."""
    with safe_open(path, "np") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        digest = file.metadata()["sha256"]
    history = header["history"]
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "sha256": digest,
        "family": header["family"],
        "weights": sum(map(prod, shapes.values())),
        "tensors": shapes,
        "params": header["params"],
        "columns": header["columns"],
        "context": header["context"],
        "module": header["module"],
        "epochs": len(history["records"]),
        "seconds": sum(history["seconds"]),
        "notes": history["notes"],
        "last": history["records"][-1] if history["records"] else None,
        "made": header["made"],
    }


def _page(path: Path, header: dict[str, Any]) -> str:
    facts = _facts(path, header)
    lines = [
        ("family", facts["family"]),
        ("input", _input(facts)),
        ("columns", _columns(facts["columns"])),
        *_parts(facts["module"]),
        ("weights", f"{facts['weights']:,} in {text.many(len(facts['tensors']), 'tensor')}"),
        ("settings", _settings(facts["params"])),
        *_training(facts),
        ("made with", ", ".join(f"{name} {value}" for name, value in facts["made"].items())),
        ("sha256", facts["sha256"]),
    ]
    return f"{path}: {text.size(facts['bytes'])}\n{text.pairs(lines)}"


def _input(facts: dict[str, Any]) -> str:
    columns = facts["columns"]
    shape = columns["shape"]
    what = f"images of {'x'.join(map(str, shape))}" if len(shape) > 1 else ""
    features = text.many(prod(shape), "feature")
    context = facts["context"] and f"and {text.many(facts['context'], 'context column')}"
    levels = columns["levels"] and f"{columns['levels']} levels"
    kinds = {
        "binary": "binary",
        "unit": "on a common scale from 0 to 1",
        "real": "standardised",
    }
    held = f"{columns['dtype']} {kinds[columns['kind']]}" if columns["kind"] in kinds else ""
    parts = [what, features, levels, held, _kinds(columns), context]
    return ", ".join(part for part in parts if part)


def _kinds(columns: dict[str, Any]) -> str:
    """Of a mixed table, how many columns are what."""
    fields = columns.get("schema", {}).get("fields", [])
    counts = Counter(field["kind"] for field in fields)
    names = ("number", "boolean", "category", "date", "empty")
    plurals = {"category": "categories", "empty": "empty"}
    shown = [
        f"{counts[kind]} {kind if counts[kind] == 1 else plurals.get(kind, f'{kind}s')}"
        for kind in names
        if counts[kind]
    ]
    return f"a mixed table: {', '.join(shown)}" if shown else ""


def _columns(columns: dict[str, Any]) -> str:
    names, constant = columns["names"] or [], columns["constant"]
    shown = ", ".join(names[:FIRST]) + (f", … ({len(names)})" if len(names) > FIRST else "")
    if constant:
        never = ", ".join(map(str, constant[:FIRST])) + (", …" if len(constant) > FIRST else "")
        shown = f"{shown}; constant: {never}".removeprefix("; ")
    return shown


def _parts(module: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every word of the sentence that does something."""
    for name, value in module.items():
        if isinstance(value, dict):
            yield name, _part(value)
        elif isinstance(value, list):
            yield name, "; ".join(_part(part) for part in value)
        elif name != "part" and value != NEUTRAL.get(name):
            yield name, str(value)


def _part(part: dict[str, Any]) -> str:
    """A part in words: "Dense, sizes 64-128-16, activation relu"; nothing for an idle one."""
    name = part["part"].rpartition(".")[2]
    if name in NO_CHANGE:
        return ""
    # 0 and None switch something off
    arguments = (f"{key} {_value(value)}" for key, value in part.items() if key != "part" and value)
    return ", ".join([name, *arguments])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"({_part(value)})"
    return "-".join(map(str, value)) if isinstance(value, list) else str(value)


def _settings(params: dict[str, Any]) -> str:
    given = {name: value for name, value in params.items() if value is not None}
    return ", ".join(f"{name} {_value(value)}" for name, value in given.items())


def _training(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "training", f"{text.many(facts['epochs'], 'epoch')} in {facts['seconds']:.1f} s"
    for note in facts["notes"]:
        yield "training", note
