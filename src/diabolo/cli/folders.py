"""A folder of files that is there whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from diabolo.files import check_writable

OURS = re.compile(r"sheet\.png|\d{4,}\.png")


def check_folder(path: Path, force: bool) -> None:
    """Raise an OSError, as a sentence, if the folder is there or could not be made."""
    if path.is_dir() and force:
        _refuse_others(path)
    elif path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists already: pass -f to overwrite it.")
    check_writable(path.parent / f"{path.name}.part")  # whose parent is the same


def write_folder(path: Path, files: Iterable[tuple[str, bytes]], force: bool) -> None:
    """Write named files into a new folder beside `path`, which then takes its name.

    A folder that was there before is replaced only by a whole one, and only if it holds nothing
    but what was written by this before.
    """
    check_folder(path, force)
    token = secrets.token_hex(8)
    new, old = (path.parent / f".diabolo-{token}.{end}" for end in ("tmp", "old"))
    new.mkdir()
    try:
        for name, content in files:
            _write(new / name, content)
        _sync(new)
        if path.exists():
            os.rename(path, old)
        try:
            os.rename(new, path)
        except OSError:
            if old.exists():
                os.rename(old, path)
            raise
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    _sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _refuse_others(path: Path) -> None:
    for entry in sorted(path.iterdir()):
        if not OURS.fullmatch(entry.name) or not entry.is_file():
            raise FileExistsError(
                f"{path} holds {entry.name}, which is no image written by diabolo generate: "
                "choose another folder."
            )


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
