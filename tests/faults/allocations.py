"""Memory that is refused: the N-th allocation of a save or of a read fails, for every N.

    python tests/faults/allocations.py --to 2000

Each attempt is a forked process in which Python's allocators fail once, at the N-th request from
the beginning of the call. Afterwards the file is looked at from outside: it must be the old one or
the new one, the new one if success was reported; what a read gives back must be right. (Python's
and numpy's own calls turn refused memory into other errors now and then.) The control writes to
the path itself, and must damage it.

Prints a table and, as its last line, its numbers as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from injector import bytes_of, end, sealed

from diabolo import files

CODES = {0: "success", 1: "OSError", 2: "other", 3: "MemoryError"}


def in_place(path: Path, seed: int) -> None:
    """The control: no temporary file."""
    tensors = {"a": np.full(2000, float(seed)), "b": np.arange(100)}
    with open(path, "wb", buffering=0) as file:
        for piece in files.seal(tensors, {"seed": seed}):
            file.write(piece)


def started(call: Callable[[], None], at: int) -> int:
    """A forked process in which the `at`-th allocation fails."""
    import _testcapi  # not every Python was built with it

    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            _testcapi.set_nomemory(at, at + 1)
            call()
            code = 0
        except MemoryError:
            code = 3
        except OSError:
            code = 1
        finally:
            _testcapi.remove_mem_hooks()
            os._exit(code)
    return pid


def saves(save: Callable[[Path, int], None], counts: range) -> Counter[str]:
    """What became of the file at the path."""
    found: Counter[str] = Counter()
    old, new = bytes_of(save, 1), bytes_of(save, 2)
    for at in counts:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model")
            path.write_bytes(old)
            code = end(started(lambda path=path: save(path, 2), at))
            content = path.read_bytes()
            found[CODES.get(code, "killed")] += 1
            found["damaged"] += content not in (old, new)
            found["lied"] += code == 0 and content != new
    return found


def reads(counts: range) -> Counter[str]:
    """Whether what was read is right, or refused."""
    import _testcapi

    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        sealed(path, 1)
        wanted, _ = files.read_sealed(path)

        def read() -> None:
            arrays, header = files.read_sealed(path)
            _testcapi.remove_mem_hooks()
            right = header == {"seed": 1} and arrays.keys() == wanted.keys()
            if not (right and all(np.array_equal(arrays[k], wanted[k]) for k in wanted)):
                os._exit(9)

        for at in counts:
            code = end(started(read, at))
            found["wrong"] += code == 9
            found[CODES.get(code, "killed")] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=int, default=2000, help="last N")
    parser.add_argument("--step", type=int, default=1, help="every so many of them")
    wanted = parser.parse_args()
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"
    for warm in (sealed, in_place):  # what is imported at the first call is imported now
        bytes_of(warm, 0)
    counts = range(1, wanted.to + 1, wanted.step)
    results = {
        "save": saves(sealed, counts), "read": reads(counts), "control": saves(in_place, counts)
    }  # fmt: skip
    for name, found in results.items():
        print(f"{name:8} {len(counts)} allocations refused: {dict(found)}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
