"""Part ↔ plain data: the only way anything is rebuilt from a file.

A part is a module whose constructor arguments are kept under their own names, so it can be
described as plain data, compared, and built again. The table of names is closed: a description
that names anything else is refused, and nothing is ever imported on a file's behalf.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import (
    Any,
    ClassVar,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import torch
from torch import nn

Kind = TypeVar("Kind", bound=nn.Module)


def among(names: Iterable[str], *, default: str) -> Any:
    """A field that holds one of these names; a file that gives another is refused."""
    return dataclasses.field(default=default, metadata={"among": tuple(names)})


@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field, among))
class Part(nn.Module):
    """A word of the sentence: a module that is also a dataclass of its plain arguments.

    A field that holds a module needs `field(default_factory=…)`: a plain default would stay on
    the class and hide the registered module. What a part makes of its arguments (layers, running
    means) is declared as `field(init=False)`: typed, but no argument.

    abstract : what several variants share, which is no variant itself and no file may name.
    """

    table: ClassVar[dict[str, type[Part]]] = {}

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(eq=False, repr=False)(cls)
        if not abstract:
            Part.table[part_name(cls)] = cls

    def __new__(cls, *args: Any, **kwargs: Any) -> Part:
        # here, not in __init__: the generated __init__ assigns fields at once, and modules
        # among them can only be registered on a module that has been set up
        part = super().__new__(cls)
        nn.Module.__init__(part)
        return part

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the part's own parameters anew; parts without random parameters do nothing."""


class MissingModuleError(ValueError):
    """A model made with the user's own module was loaded without it, or with another."""


def part_name(cls: type) -> str:
    """The name a file uses: the word, then its variant, as in ``codes.Gaussian``.

    Parts from elsewhere are called as in ``package.codes:Gaussian``, so that none passes for ours.
    """
    module = cls.__module__
    if not module.startswith("diabolo."):
        return f"{module}:{cls.__name__}"
    return f"{module.rpartition('.')[2]}.{cls.__name__}"


def arguments(cls: type[Part]) -> dict[str, dataclasses.Field]:
    """A part's constructor arguments, by name."""
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]  # every part is a dataclass
    return {field.name: field for field in fields if field.init}


def registered(modules: Iterable[Kind]) -> Sequence[Kind]:
    """Modules as parts of their owner: a ModuleList, to type checkers what it holds."""
    return cast(Sequence[Kind], nn.ModuleList(modules))


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the parameters of every part inside `module` from `generator` alone."""
    for part in module.modules():
        if isinstance(part, Part):
            part.initialise(generator)


def describe(value: Any) -> Any:
    """Plain data (dict, list, str, float, int, bool, None) from which `build` makes it again.

    A module that is no part becomes ``{"part": "yours"}``: its weights can be stored, its code
    cannot, and whoever loads the file has to hand it in again.
    """
    if isinstance(value, Part):
        given = {name: describe(getattr(value, name)) for name in arguments(type(value))}
        return {"part": part_name(type(value)), **given}
    if isinstance(value, nn.ModuleList | tuple | list):
        return [describe(item) for item in value]
    if isinstance(value, nn.Module):
        return {"part": "yours"}
    return value


def build(description: Any, yours: dict[str, nn.Module] | None = None) -> Any:
    """The part that `describe` described.

    yours : modules of the user's own by field name ("encoder", "decoder"), for the places where
    the description says that the user's own module stood.
    raises ValueError for a name or field that is not in the table, or a value of a wrong kind.
    """
    if isinstance(description, list):
        return tuple(build(item, yours) for item in description)
    if not isinstance(description, dict):
        return description
    name = description.get("part")
    cls = Part.table.get(name) if isinstance(name, str) else None
    if cls is None:
        raise ValueError(f"unknown part {name!r}; this version knows {', '.join(Part.table)}")
    known = arguments(cls)
    given = {key: value for key, value in description.items() if key != "part"}
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"{name} has no argument {unknown[0]!r}; it takes {sorted(known)}")
    values = {key: _argument(key, value, yours or {}) for key, value in given.items()}
    kinds = get_type_hints(cls)
    for key, value in values.items():
        if not _is_a(kinds[key], value) or value not in known[key].metadata.get("among", [value]):
            raise ValueError(f"{name} cannot have {key}={value!r:.60}")
    return cls(**values)


def _argument(name: str, value: Any, yours: dict[str, nn.Module]) -> Any:
    if value != {"part": "yours"}:
        return build(value, yours)
    if name not in yours:
        raise MissingModuleError(
            f"this model was made with your own {name}, which a file cannot hold: "
            f"pass it again, as in diabolo.load(path, {name}=MyModule())"
        )
    return yours[name]


def _is_a(kind: Any, value: Any) -> bool:
    """Whether a value read from a file is what a part's field was declared to be."""
    origin, items = get_origin(kind), get_args(kind)
    if origin is None:
        return type(value) in (int, float) if kind is float else _is_plainly(kind, value)
    if not isinstance(value, tuple):
        return False
    if origin is tuple and items[-1] is not Ellipsis:
        return len(value) == len(items) and all(map(_is_a, items, value))
    return all(_is_a(items[0], item) for item in value)


def _is_plainly(kind: type, value: Any) -> bool:
    return isinstance(value, kind) and (kind is not int or type(value) is int)  # True is no 1
