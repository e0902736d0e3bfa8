"""A power cut at every instant of a save: what a disk may hold afterwards, and what must be there.

A save is traced once. A disk may have kept any of the operations that were not synced yet, in any
order: writes of a file before its fsync, changes of names before the directory's. Every such state
is made, all of them where they are few and a seeded draw where they are many, and read. What is at
the path must be the old file or the new one, whole; the new one, once the save had returned.
Controls: without either fsync some state is damaged or lost, else the trace would prove nothing.

Pillai et al. 2014, "All file systems are not created equal", sec. 3 (the abstract disk).
"""

import itertools
import os
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from diabolo import files

MANY = 300  # states looked at for one instant, at most
BLOCK = 4096  # bytes that a disk keeps or loses together


@dataclass(frozen=True)
class Write:
    file: int
    at: int
    data: bytes


@dataclass(frozen=True)
class Name:
    """The name points to the file from now on; to none, where it is removed."""

    name: str
    file: int | None


class Trace:
    """File calls of one process: operations in order, and which of them are durable when."""

    def __init__(self, monkeypatch, forget=()):
        self.operations: list[Write | Name] = []
        self.instants: list[tuple[int, frozenset[int]]] = []  # (operations so far, synced ones)
        self.synced: set[int] = set()
        self.descriptors: dict[int, int] = {}  # of files being written
        self.names: dict[str, int] = {}
        self.sizes: dict[int, int] = {}
        self.forget = forget
        self.calls = {name: getattr(os, name) for name in ("open", "write", "fsync", "replace")}
        for name in self.calls:
            monkeypatch.setattr(os, name, getattr(self, name))

    def open(self, path, flags, *args, **kwargs):
        descriptor = self.calls["open"](path, flags, *args, **kwargs)
        if flags & os.O_CREAT:
            number = len(self.sizes)
            self.descriptors[descriptor], self.names[os.fspath(path)] = number, number
            self.sizes[number] = 0
            self._did(Name(os.fspath(path), number))
        return descriptor

    def write(self, descriptor, data):
        done = self.calls["write"](descriptor, data)
        number, data = self.descriptors[descriptor], bytes(memoryview(data).cast("B")[:done])
        for start in range(0, done, BLOCK):
            piece = data[start : start + BLOCK]
            self._did(Write(number, self.sizes[number] + start, piece))
        self.sizes[number] += done
        return done

    def fsync(self, descriptor):
        self.calls["fsync"](descriptor)
        number = self.descriptors.get(descriptor)
        kind = "directory" if number is None else "file"
        if kind not in self.forget:
            self.synced |= {
                i
                for i, one in enumerate(self.operations)
                if (isinstance(one, Name) if number is None else _is_of(one, number))
            }
        self._instant()

    def replace(self, source, target):
        self.calls["replace"](source, target)
        number = self.names.pop(os.fspath(source))
        self._did(Name(os.fspath(target), number))

    def _did(self, operation):
        self.operations.append(operation)
        self._instant()

    def _instant(self):
        self.instants.append((len(self.operations), frozenset(self.synced)))


def _is_of(operation, number):
    return isinstance(operation, Write) and operation.file == number


def disks(trace, old, target):
    """(whether the save had returned, bytes at the path) for every state of the disk."""
    draw = random.Random(0)
    for instant, (count, synced) in enumerate(trace.instants):
        open_ones = [i for i in range(count) if i not in synced]
        if 2 ** len(open_ones) <= MANY:
            kept = itertools.chain.from_iterable(
                itertools.combinations(open_ones, k) for k in range(len(open_ones) + 1)
            )
        else:
            kept = (
                [i for i in open_ones if draw.random() < share] for share in np.linspace(0, 1, MANY)
            )
        for some in kept:
            yield instant == len(trace.instants) - 1, after(trace, {*synced, *some}, old, target)


def after(trace, done, old, target):
    """What is at the path when these operations have reached the disk."""
    file, found = None, old
    for i in sorted(done):
        one = trace.operations[i]
        if isinstance(one, Name) and one.name == target:
            file = one.file
    if file is not None:
        size = max(
            (
                w.at + len(w.data)
                for w in map(trace.operations.__getitem__, done)
                if _is_of(w, file)
            ),
            default=0,
        )
        content = bytearray(size)
        for i in sorted(done):
            if _is_of(trace.operations[i], file):
                one = trace.operations[i]
                content[one.at : one.at + len(one.data)] = one.data
        found = bytes(content)
    return found


@pytest.fixture
def verdicts(tmp_path, monkeypatch):
    def count(forget=(), first=False):
        """How many disks hold a damaged file, and how many the old one after the save returned."""
        target = tmp_path / "model.safetensors"
        arrays = {"weights": np.arange(20_000, dtype=np.float32)}
        if first:
            old = None
        else:
            files.write_sealed(target, {"weights": np.zeros(5, np.float32)}, {"version": 1})
            old = target.read_bytes()
        with monkeypatch.context() as patched:
            trace = Trace(patched, forget)
            files.write_sealed(target, arrays, {"version": 2})
        new = target.read_bytes()
        states = list(disks(trace, old, str(target)))
        damaged = sum(found not in (old, new) for _, found in states)
        lost = sum(returned and found != new for returned, found in states)
        return len(states), damaged, lost

    return count


@pytest.mark.parametrize("first", [False, True], ids=["replaced", "new"])
def test_no_power_cut_damages_or_loses_a_file(verdicts, first):
    states, damaged, lost = verdicts(first=first)
    print(f"{states} disks, {damaged} damaged, {lost} lost")
    assert states >= 800
    assert (damaged, lost) == (0, 0)


def test_control_without_the_files_fsync_some_are_damaged(verdicts):
    assert verdicts(forget={"file"})[1] > 0


def test_control_without_the_directorys_fsync_some_are_lost(verdicts):
    _, damaged, lost = verdicts(forget={"directory"})
    assert damaged == 0
    assert lost > 0


def test_the_trace_sees_every_byte(tmp_path, monkeypatch):
    target = Path(tmp_path) / "m.safetensors"
    with monkeypatch.context() as patched:
        trace = Trace(patched)
        files.write_sealed(target, {"w": np.arange(3000, dtype=np.float32)}, {})
    everything = set(range(len(trace.operations)))
    assert after(trace, everything, None, str(target)) == target.read_bytes()
