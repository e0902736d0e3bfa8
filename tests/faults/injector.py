"""A fault at every file call of a save, one after the other, until a save runs through untouched.

Each attempt is a forked process in which Python's file calls go through a `Shim` that lets the k-th
one go wrong. Afterwards the directory is looked at from outside, by bytes: what is at the path has
to be the old file or the new one, the new one if the process reported success; and the next save
has to leave nothing but its file. Two ways of saving that must fail run under the same faults, else
the faults proved nothing: `torch.save` to the path itself, and ours without the reading back.

`python injector.py` prints the table and, as its last line, its numbers as JSON for the test;
`bench/faults.py` does the same to real system calls.
"""

import builtins
import errno
import fcntl
import json
import mmap
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diabolo import files
from diabolo.files import atomic

# What a save may call in `os`; a test compares this with the sources of diabolo.files.
CALLS = (
    *("open", "write", "fsync", "replace", "close", "unlink", "scandir", "access"),
    *("stat", "lstat", "fstat", "fchmod", "readlink"),
)
TRANSFERS = ("write", "file.write", "file.readinto")  # calls that can do half of their work


class Shim:
    """Stands between a save and the file calls of Python; the k-th call meets the fault.

    fault      : function (name, call, arguments) -> result, see FAULTS.
    at         : number k of the call, from 1; calls that `concerns` leaves out are not counted.
    persistent : also every later call.
    """

    def __init__(self, fault: Callable, at: int, persistent: bool = False, concerns=None):
        self.fault, self.at, self.persistent, self.concerns = fault, at, persistent, concerns
        self.count = 0
        self.report = mmap.mmap(-1, 64)  # shared with the process that forked us

    @property
    def hit(self) -> str:
        """Name of the call that was hit, empty if there were fewer than `at`."""
        return self.report[:].rstrip(b"\0").decode()

    def install(self) -> None:
        for name in CALLS:
            setattr(os, name, self.around(name, getattr(os, name)))
        fcntl.flock = self.around("flock", fcntl.flock)
        builtins.open = self.around("open file", builtins.open)

    def around(self, name: str, call: Callable) -> Callable:
        def shimmed(*args, **kwargs):
            if self.concerns is None or name in self.concerns:
                self.count += 1
                if self.count == self.at or (self.persistent and self.count > self.at):
                    if not self.hit:
                        self.report[: len(name)] = name.encode()
                    return self.fault(name, lambda *other: call(*(other or args), **kwargs), args)
            result = call(*args, **kwargs)
            return File(self, result) if name == "open file" else result

        return shimmed


class File:
    """A file from `open`, its calls shimmed as well."""

    def __init__(self, shim: Shim, file):
        self.file = file
        for name in ("write", "readinto", "flush", "close"):
            if hasattr(file, name):
                setattr(self, name, shim.around(f"file.{name}", getattr(file, name)))

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def half_done(name, call, args):
    """Do half of a write first: that is how a real one fails."""
    if name == "write":
        return call(args[0], memoryview(args[1]).cast("B")[: len(args[1]) // 2])
    if name == "file.write":
        return call(memoryview(args[0]).cast("B")[: len(args[0]) // 2])
    return None


def kill(name, call, args):
    half_done(name, call, args)
    os.kill(os.getpid(), signal.SIGKILL)


def failing(number):
    def fail(name, call, args):
        half_done(name, call, args)
        raise OSError(number, os.strerror(number))

    return fail


def late_error(name, call, args):
    """Done, yet reported as failed: network disks do that."""
    call()
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def short(name, call, args):
    if name == "file.readinto":
        return call(memoryview(args[0])[: (len(args[0]) + 1) // 2])
    return half_done(name, call, args)


def lie(name, call, args):
    """Half is written, all is reported."""
    half_done(name, call, args)
    return len(args[-1])


@dataclass(frozen=True)
class Fault:
    name: str
    strike: Callable
    persistent: bool = False
    concerns: tuple[str, ...] | None = None


ERRORS = ("ENOSPC", "EIO", "EINTR")
FAULTS = [
    Fault("KILL", kill),
    *(Fault(name, failing(getattr(errno, name))) for name in ERRORS),
    *(Fault(f"{name} from then on", failing(getattr(errno, name)), True) for name in ERRORS[:2]),
    Fault("EIO after the call", late_error),
    Fault("short write or read", short, True, TRANSFERS),
    Fault("write that lies", lie, False, ("write", "file.write")),
]


@dataclass
class Tally:
    """What was found after the faults of one row of the table."""

    points: Counter = field(default_factory=Counter)  # call -> faults that hit it
    corrupt: int = 0  # neither the old file nor the new one
    lost: int = 0  # the old file is gone and no new one is there
    lied: int = 0  # success reported, new file not there
    unexplained: int = 0  # ended otherwise than by success, OSError or the kill
    strays: int = 0  # attempts that left a temporary file
    kept: int = 0  # of them those that the next save did not clean

    @property
    def damaged(self) -> int:
        return self.corrupt + self.lost

    @property
    def bad(self) -> int:
        return self.damaged + self.lied + self.unexplained + self.kept

    def __str__(self):
        counts = (self.corrupt, self.lost, self.lied, self.unexplained, self.strays, self.kept)
        return f"{self.points.total():6d}" + "".join(f"{count:9d}" for count in counts)


HEADER = (
    f"{'save':11} {'before':8} {'fault':20}  points  corrupt     lost     lied    other   strays"
    "     kept"
)


def judge(tally: Tally, path: Path, old: bytes | None, new: bytes, code: int) -> None:
    """Look at what an attempt left at `path` and beside it.

    code : 0 success reported, 1 OSError reported, 2 anything else, negative: ended by a signal.
    """
    found = path.read_bytes() if path.exists() else None
    tally.corrupt += found not in (None, old, new)
    tally.lost += found is None and old is not None
    tally.lied += code == 0 and found != new
    tally.unexplained += code not in (0, 1, -signal.SIGKILL)
    tally.strays += len(list(path.parent.iterdir())) > path.exists()


def content(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((40, 25)) for name in ("encoder", "decoder", "moments")}


def sealed(path: Path, seed: int) -> None:
    files.write_sealed(path, content(seed), {"seed": seed})


def unverified(path: Path, seed: int) -> None:
    files.write_atomically(path, files.seal(content(seed), {"seed": seed}))


def plain_torch(path: Path, seed: int) -> None:
    import torch

    tensors = {name: torch.from_numpy(array) for name, array in content(seed).items()}
    with open(path, "wb", buffering=0) as file:
        torch.save(tensors, file)


SAVES = {"diabolo": sealed, "unverified": unverified, "torch.save": plain_torch}


def start(save: Callable[[], None], prepare: Callable[[], None]) -> int:
    """Run `save` in a forked process after `prepare`; returns the process's number."""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            prepare()
            save()
            code = 0
        except OSError:
            code = 1
        finally:
            os._exit(code)
    return pid


def end(pid: int) -> int:
    """Wait for a process; its result is explained at `judge`."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def bytes_of(save: Callable[[Path, int], None], seed: int) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "model")
        save(path, seed)
        return path.read_bytes()


def points(save: Callable[[Path, int], None], fault: Fault, before: str) -> Tally:
    """Let the first call fail, then the second, until an attempt runs through untouched."""
    tally, new = Tally(), bytes_of(save, 2)
    old = None if before == "nothing" else bytes_of(save, 1)
    for at in range(1, 1000):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "model.safetensors")
            if old is not None:
                path.write_bytes(old)
            if before == "+ stray":
                path.with_name(f"{atomic._stray_prefix(path)}0.tmp").write_bytes(b"half")
            shim = Shim(fault.strike, at, fault.persistent, fault.concerns)
            code = end(start(lambda path=path: save(path, 2), shim.install))
            if not shim.hit:
                assert (code, path.read_bytes()) == (0, new), "the untouched save went wrong"
                return tally
            tally.points[shim.hit] += 1
            judge(tally, path, old, new, code)
            sealed(path, 3)
            tally.kept += os.listdir(directory) != [path.name]
    raise AssertionError("no end of file calls")


# save -> what is there before, and the faults: for the controls, those that they must not survive
PLAN = {
    "diabolo": (("nothing", "a file", "+ stray"), [fault.name for fault in FAULTS]),
    "unverified": (("a file",), ["write that lies"]),
    "torch.save": (("a file",), ["KILL", "ENOSPC", "EIO"]),
}


def rows() -> Iterator[tuple[str, str, Fault, Tally]]:
    for name, (situations, faults) in PLAN.items():
        for before in situations:
            for fault in FAULTS:
                if fault.name in faults:
                    yield name, before, fault, points(SAVES[name], fault, before)


def main() -> None:
    if os.access("/dev/shm", os.W_OK):  # nothing here depends on the disk, and its syncs are slow
        tempfile.tempdir = "/dev/shm"
    results = []
    print(HEADER)
    for name, before, fault, tally in rows():
        print(f"{name:11} {before:8} {fault.name:20} {tally}", flush=True)
        found = vars(tally) | {"damaged": tally.damaged, "bad": tally.bad}
        results.append({"save": name, "before": before, "fault": fault.name} | found)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
