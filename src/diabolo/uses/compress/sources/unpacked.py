"""A folder of files that is there whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType


class Unpacked:
    """A folder into which files are written, that is there whole or not at all.

    Everything goes into a new folder beside it, which takes its name at the end. A folder that is
    there already is replaced only if `force` and if it holds nothing but files of these names.
    """

    def __init__(self, folder: Path, names: Iterable[str], force: bool) -> None:
        self.folder, token = folder.absolute(), secrets.token_hex(8)
        parent = self.folder.parent
        if not parent.is_dir():
            raise FileNotFoundError(f"{parent} is no folder: create it first.")
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise FileExistsError(f"{folder} is there already and no folder: choose another name.")
        self._refuse_others(set(names), force)
        self.new, self.old = (parent / f".diabolo-{token}.{end}" for end in ("tmp", "old"))

    def _refuse_others(self, names: set[str], force: bool) -> None:
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_dir() and not path.is_symlink():
                continue
            if not force:
                raise FileExistsError(
                    f"{self.folder} is not empty: pass -f to replace it, or choose another folder."
                )
            if name not in names:
                raise FileExistsError(
                    f"{self.folder} holds {name}, which is not in the file: choose another folder."
                )

    def __enter__(self) -> Unpacked:
        self.new.mkdir()
        return self

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """A file of a checked name."""
        path = self.new / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    def remove(self, name: str) -> None:
        """A file that was written, or begun, or neither, is not to be there."""
        (self.new / name).unlink(missing_ok=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._take_place()
        finally:
            shutil.rmtree(self.new, ignore_errors=True)

    def _take_place(self) -> None:
        if self.folder.is_dir():
            os.rename(self.folder, self.old)
        try:
            os.rename(self.new, self.folder)
        except OSError:
            if self.old.exists():
                os.rename(self.old, self.folder)
            raise
        descriptor = os.open(self.folder.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        shutil.rmtree(self.old, ignore_errors=True)
