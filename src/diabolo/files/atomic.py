"""Files that are either old or new, whole.

`write_atomically` puts bytes at a path such that a crash, a kill, a full disk or a power cut leaves
there what was there before or what was to be written, never a mixture: temporary file in the same
directory → write → fsync → read back → rename → fsync of the directory. Each step was found to be
needed: without the first fsync the new name can hold zero bytes after a power cut, without the last
one the new name can be gone although the save was reported as done.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


class DamagedFileError(ValueError):
    """A file that is not what was saved, or not ours; the message is one sentence with its path."""


def write_atomically(
    path: str | os.PathLike[str],
    chunks: Iterable[bytes | memoryview],
    verify: Callable[[Path], None] | None = None,
) -> None:
    """Make `path` hold the bytes of `chunks`, all of them or none.

    verify  : called with the finished temporary file before it takes the name; raises to refuse.
    raises  : OSError of the kind that happened, as a sentence. Unless it says otherwise, what was
              at `path` before is untouched.

    A symbolic link is followed, the permissions of a file that is replaced are kept. Temporary
    files that killed runs left beside `path` are removed.
    """
    with ExitStack() as open_files:
        with _explained(path, "what was there before is untouched"):
            target, mode = _target(path)
            directory = os.open(target.parent, os.O_RDONLY)
            open_files.callback(_close, directory)
            _remove_strays(target)
            temporary, descriptor = _create_beside(target, mode)
            open_files.callback(_close, descriptor)  # last: it holds the lock
            try:
                for chunk in chunks:
                    _write_all(descriptor, chunk)
                os.fsync(descriptor)
                if verify:
                    _read_back(temporary, verify)
                os.replace(temporary, target)
            except BaseException:
                _remove(temporary)
                raise
        with _explained(path, "the new file is there, but a power cut could still undo it"):
            os.fsync(directory)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise now, as a sentence, the OSError that a save at `path` would end with.

    For use before hours of training. It creates a file in the directory and removes it, because
    permission bits alone say nothing about a read-only disk.
    """
    with _explained(path, "nothing was written"):
        temporary, descriptor = _create_beside(*_target(path))
        _close(descriptor)
        os.unlink(temporary)


def _target(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Where the bytes really go, and the permissions of the file there (None if there is none)."""
    target = Path(os.path.realpath(path))
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return target, None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    if not stat.S_ISREG(found.st_mode):  # renaming over /dev/null would replace it for everyone
        raise OSError(errno.EINVAL, "not a regular file")
    if not os.access(target, os.W_OK):  # the directory would allow it, but the owner said no
        raise PermissionError(errno.EACCES, "write-protected")
    return target, stat.S_IMODE(found.st_mode) & 0o777


def _create_beside(target: Path, mode: int | None) -> tuple[Path, int]:
    """A new locked file in the directory of `target`, never readable by more people than it."""
    while True:
        temporary = target.parent / f"{_stray_prefix(target)}{secrets.token_hex(8)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
        try:
            with suppress(OSError):  # some network disks have no locks: there strays stay
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if mode is not None:
                os.fchmod(descriptor, mode)
            if os.fstat(descriptor).st_nlink:
                return temporary, descriptor
        except BaseException:
            _remove(temporary)
            _close(descriptor)
            raise
        _close(descriptor)  # another save took it for a stray before it was locked


def _stray_prefix(target: Path) -> str:
    # a hash, because the name itself may already be as long as the file system allows
    return f".diabolo-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-"


def _remove_strays(target: Path) -> None:
    """Remove temporary files of saves to `target` whose process is gone: their lock is free.

    Process numbers would not do: in containers a dead run and its successor often share one.
    """
    prefix, strays = _stray_prefix(target), []
    with suppress(OSError), os.scandir(target.parent) as entries:
        strays = [entry.path for entry in entries if entry.name.startswith(prefix)]
    for stray in strays:
        with suppress(OSError):
            descriptor = os.open(stray, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(stray)
            finally:
                _close(descriptor)


def _write_all(descriptor: int, chunk: bytes | memoryview) -> None:
    rest = memoryview(chunk).cast("B")
    while rest:
        written = os.write(descriptor, rest)
        if not written:
            raise OSError(errno.EIO, "nothing could be written")
        rest = rest[written:]


def _read_back(temporary: Path, verify: Callable[[Path], None]) -> None:
    try:
        verify(temporary)
    except DamagedFileError as error:
        raise OSError(errno.EIO, "what was read back is not what was written") from error


def _remove(temporary: Path) -> None:
    with suppress(OSError):  # the error that brought us here is the one to report
        os.unlink(temporary)


def _close(descriptor: int) -> None:
    with suppress(OSError):  # after a fsync, or after an error, closing says nothing new
        os.close(descriptor)


_REMEDIES = {
    errno.ENOENT: "Create the directory first, or choose another place.",
    errno.ENOTDIR: "Choose a path whose parent is a directory.",
    errno.EISDIR: "Add a file name.",
    errno.EINVAL: "Choose the name of an ordinary file.",
    errno.EACCES: "Choose a place that you may write to, or change its permissions.",
    errno.EPERM: "Choose a place that you may write to, or change its permissions.",
    errno.EROFS: "Choose a place that you may write to.",
    errno.ENOSPC: "Free some space, or choose another disk.",
    errno.EDQUOT: "Free some space, or choose another disk.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.ELOOP: "Choose a path that is not a circle of links.",
    errno.EIO: "The disk may be failing: choose another one.",
}


@contextmanager
def _explained(path: str | os.PathLike[str], state: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        number = error.errno or errno.EIO
        cause = os.strerror(number).lower()
        remedy = _REMEDIES.get(number, "Try again, or choose another place.")
        raise OSError(number, f"cannot save {path}: {cause}; {state}. {remedy}") from error
