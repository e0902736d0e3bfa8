"""JSON read strictly: an object, every name once, no numbers that JSON does not have."""

from __future__ import annotations

import json
from typing import Any


def strict_json(text: str, what: str) -> dict[str, Any]:
    """The object that a text spells; ValueError, one sentence that calls it `what`, for another."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError(f"its {what} names something twice")
        return found

    def refuse(name: str) -> None:
        raise ValueError(f"its {what} holds {name}, which is not JSON")

    document = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    if not isinstance(document, dict):
        raise ValueError(f"its {what} is not a JSON object")
    return document
