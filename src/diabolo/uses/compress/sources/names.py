"""Names of files that are safe to write below a folder."""

from __future__ import annotations

import re
from typing import Any

MOST_FILES = 1_000_000
SAFE_NAME = re.compile(r"[^\x00-\x1f\x7f\\/:]{1,255}")


def checked_name(name: Any) -> str:
    """A relative path that stays below the folder it is put in; raises ValueError for others."""
    parts = name.split("/") if isinstance(name, str) and len(name) <= 4096 else []
    good = 1 <= len(parts) <= 32 and all(
        SAFE_NAME.fullmatch(part)
        and part not in (".", "..")
        and len(part.encode(errors="surrogatepass")) <= 255
        for part in parts
    )
    if not good:
        raise ValueError(f"its directory has a file of the unsafe name {name!r:.80}")
    return "/".join(parts)


def check_names(given: list[Any]) -> None:
    """Whether each can be put into a folder of its own, without one in the place of another."""
    names: set[str] = set()
    folders: set[str] = set()
    if len(given) > MOST_FILES:
        raise ValueError(f"its directory has {len(given)} files, more than are allowed")
    for name in map(checked_name, given):
        parts = name.casefold().split("/")
        above = {"/".join(parts[:k]) for k in range(1, len(parts))}
        if name.casefold() in names | folders or above & names:
            raise ValueError(f"its directory has two files of the name {name!r:.80}")
        names.add(name.casefold())
        folders |= above
