"""Where results go: looked at before any work is done."""

from __future__ import annotations

from pathlib import Path

from diabolo.files import check_writable


def check_target(path: Path, force: bool) -> None:
    """Raise an OSError, as a sentence, if the path is taken or cannot be written."""
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists already: pass -f to overwrite it.")
    check_writable(path)
