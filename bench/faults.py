"""Faults in real system calls while a model is saved: the long form of tests/faults.

    python bench/faults.py            minutes; needs strace (Debian: apt install strace)

1. strace lets the n-th call of every kind that a save makes fail, lie, or end the process, for
   every n, and the file is judged by its bytes.
2. A limit on the size of files, from nothing up to the whole, ends saves by real short writes.
3. A process that does nothing but overwrite an 8 MB file is killed at random moments.

Each runs for ours and for `torch.save(tensors, path)`, which must be damaged: a fault that does it
no harm proves nothing. Ends with 1 if ours was damaged or that control was not.
"""

import argparse
import ctypes
import json
import mmap
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "faults")]

from injector import HEADER, Tally, bytes_of, content, end, judge, sealed, start  # noqa: E402

from diabolo import files  # noqa: E402

# name: what strace does to the call; the last reports one byte written and writes none
FAULTS = {
    "KILL": "signal=KILL",
    "ENOSPC": "error=ENOSPC",
    "EIO": "error=EIO",
    "EINTR": "error=EINTR",
    "write that lies": "retval=1",
}
# Memory and signals are no files, and the end of the process comes after the save.
NOT_FILES = {
    *("mmap", "munmap", "mremap", "brk", "mprotect", "madvise", "futex", "exit_group"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_yield", "sched_getaffinity"),
}
WRITES = {"write", "writev", "pwrite64", "pwritev"}
PR_SET_PTRACER, ANYONE = 0x59616D61, ctypes.c_ulong(-1)

Row = tuple[str, str, str, Tally]  # save, before, fault, found


def torch_in_place(path: Path, seed: int) -> None:
    import torch

    torch.save({name: torch.from_numpy(array) for name, array in content(seed).items()}, path)


SAVES: dict[str, Callable[[Path, int], None]] = {"diabolo": sealed, "torch.save": torch_in_place}


# 1. system calls


def traced(save: Callable[[], None], injection: str | None, log: Path) -> tuple[int, str]:
    """Result of a save in a forked process under strace, and what strace saw of it.

    The process waits without any system call until strace is there, so counting starts at the save.
    """
    flags = mmap.mmap(-1, 2)  # the process is ready; strace is

    def wait() -> None:
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYONE, 0, 0, 0)  # some systems let only parents
        flags[0] = 1
        while not flags[1]:
            pass

    pid = start(save, wait)
    while not flags[0]:
        time.sleep(0.001)
    command = ["strace", "-f", "-o", str(log), "-p", str(pid)]
    command += ["-e", f"inject={injection}"] if injection else []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        if "attached" not in said:
            os.kill(pid, signal.SIGKILL)
            end(pid)
            sys.exit(f"strace cannot watch another process here: {said.strip()}")
        flags[1] = 1
        code = end(pid)
        tracer.stderr.read()
    return code, log.read_text()


def calls_of(save: Callable[[Path, int], None], before: str) -> Counter[str]:
    """How often an untouched save makes each system call that concerns files."""
    with tempfile.TemporaryDirectory() as directory:
        path = prepared(directory, save, before)[0]
        code, log = traced(lambda: save(path, 2), None, Path(f"{directory}.log"))
        os.remove(f"{directory}.log")
    assert code == 0, "a save without any fault failed under strace"
    names = re.findall(r"^\d+ +(\w+)\(", log, re.MULTILINE)
    return Counter(name for name in names if name not in NOT_FILES)


def prepared(
    directory: str, save: Callable[[Path, int], None], before: str
) -> tuple[Path, bytes | None, bytes]:
    """A path in the directory, the bytes of the file there, and those of the file to come."""
    path = Path(directory, "model.safetensors")
    old = None if before == "nothing" else bytes_of(save, 1)
    if old is not None:
        path.write_bytes(old)
    return path, old, bytes_of(save, 2)


def system_calls(name: str, before: str, fault: str) -> Tally:
    """Every system call of a save, one after the other, met by the fault."""
    tally, save = Tally(), SAVES[name]
    for call, count in calls_of(save, before).items():
        if fault == "write that lies" and call not in WRITES:
            continue
        for number in range(1, count + 1):
            with tempfile.TemporaryDirectory() as directory:
                path, old, new = prepared(directory, save, before)
                injection = f"{call}:{FAULTS[fault]}:when={number}"
                log = Path(f"{directory}.log")
                code, seen = traced(lambda path=path: save(path, 2), injection, log)
                log.unlink()
                if "(INJECTED)" not in seen and "killed by SIGKILL" not in seen:
                    continue  # a call that this run did not make
                tally.points[call] += 1
                judge(tally, path, old, new, code)
                clean_up(tally, path)
    return tally


def clean_up(tally: Tally, path: Path) -> None:
    sealed(path, 3)
    tally.kept += os.listdir(path.parent) != [path.name]


# 2. real short writes


def size_limits(name: str, before: str, steps: int = 60) -> Tally:
    """A save on a system that lets a file grow to so many bytes and no further."""
    tally, save = Tally(), SAVES[name]
    for step in range(steps):
        with tempfile.TemporaryDirectory() as directory:
            path, old, new = prepared(directory, save, before)
            limit = len(new) * step // steps

            def set_limit(limit: int = limit) -> None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

            code = end(start(lambda path=path: save(path, 2), set_limit))
            tally.points["write"] += code != 0
            judge(tally, path, old, new, code)
            clean_up(tally, path)
    return tally


# 3. random moments


def random_kills(name: str, kills: int) -> Tally:
    """Kill a process that overwrites one 8 MB file with another, over and over."""
    tally, rng = Tally(), random.Random(0)
    arrays = [np.random.default_rng(seed).standard_normal(1_000_000) for seed in range(2)]
    save = {"diabolo": big_sealed, "torch.save": big_torch}[name]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "model.safetensors")
        whole = []
        for array in arrays:
            save(path, array)
            whole.append(path.read_bytes())
        for _ in range(kills):
            began = mmap.mmap(-1, 1)

            def forever(began: mmap.mmap = began) -> None:
                while True:
                    for array in arrays:
                        save(path, array)
                        began[0] = 1

            pid = start(forever, lambda: None)
            while not began[0]:
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.1))
            os.kill(pid, signal.SIGKILL)
            code = end(pid)
            tally.points["any"] += 1
            judge(tally, path, *whole, code)
            save(path, arrays[0])
            tally.kept += os.listdir(directory) != [path.name]
    return tally


def big_sealed(path: Path, array: np.ndarray) -> None:
    files.write_sealed(path, {"array": array}, {})


def big_torch(path: Path, array: np.ndarray) -> None:
    import torch

    torch.save({"array": torch.from_numpy(array)}, path)


# Report


def rows(kills: int) -> Iterator[Row]:
    for name in SAVES:
        for before in ("nothing", "a file"):
            for fault in FAULTS:
                yield name, before, fault, system_calls(name, before, fault)
            yield name, before, "size limit", size_limits(name, before)
        yield name, "a file", "KILL at random", random_kills(name, kills)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", help="where to save; default: the temporary directory")
    parser.add_argument("--kills", type=int, default=100, help="at random moments, for each save")
    parser.add_argument("--counts", type=Path, help="file to write the sums to, as JSON")
    chosen = parser.parse_args()
    if shutil.which("strace") is None:
        print(
            "bench/faults.py makes system calls fail with strace, which is not installed here: "
            "install it (Debian: apt install strace). The short form, pytest tests/faults, "
            "does without.",
            file=sys.stderr,
        )
        return 2
    tempfile.tempdir = chosen.directory
    print(HEADER)
    hits: dict[str, Counter[str]] = {name: Counter() for name in SAVES}
    damaged: Counter[str] = Counter()
    wrong = []
    for name, before, fault, tally in rows(chosen.kills):
        print(f"{name:11} {before:8} {fault:20} {tally}", flush=True)
        hits[name] += tally.points
        damaged[name] += tally.bad if name == "diabolo" else tally.damaged
        half = tally.points.total() / 2
        if name == "diabolo" and (tally.bad or not tally.points):
            wrong.append(f"diabolo did not survive: {fault}, {before}")
        must_break = name == "torch.save" and before == "a file" and fault != "EINTR"
        if must_break and (tally.damaged < half or not half):
            wrong.append(f"the control was not damaged by: {fault}")
    for name, counts in hits.items():
        print(f"{name}: {counts.total()} faults hit; {dict(counts)}")
    if chosen.counts:
        sums = {name: [counts.total(), damaged[name]] for name, counts in hits.items()}
        chosen.counts.write_text(json.dumps(sums))
    print("\n".join(wrong) or "ours always whole, the control damaged")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
