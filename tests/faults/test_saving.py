"""A save is the old file or the new one under every fault, and the controls are not."""

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from diabolo.files import atomic, sealed, strict
from soaked import counted

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def results():
    run = subprocess.run(
        [sys.executable, HERE / "injector.py"], capture_output=True, text=True, timeout=240
    )
    assert run.returncode == 0, run.stderr
    table, _, numbers = run.stdout.rstrip().rpartition("\n")
    return table, json.loads(numbers)


def of(results, save):
    return [row for row in results[1] if row["save"] == save]


def hits(rows):
    return sum((Counter(row["points"]) for row in rows), Counter())


def test_no_fault_in_a_save_does_damage(results, capsys):
    rows = of(results, "diabolo")
    with capsys.disabled():
        print(f"\n{results[0]}\nfaults that hit diabolo, by call: {dict(hits(rows))}")
    for row in rows:
        assert row["points"], row
        assert row["bad"] == 0, row


def test_the_faults_hit_every_step_of_the_recipe(results):
    rows = of(results, "diabolo")
    assert hits(rows).total() > 600
    steps = {"open", "flock", "write", "fsync", "open file", "file.readinto", "replace", "close"}
    assert steps < set(hits(rows))
    kills = [row for row in rows if row["fault"] == "KILL"]
    assert all(row["strays"] > 5 for row in kills)  # killed in the middle, not before it began


def test_the_same_faults_destroy_what_torch_saves_in_place(results):
    rows = of(results, "torch.save")
    assert len(rows) == 3
    for row in rows:
        assert row["damaged"] >= hits([row]).total() / 2 > 0, row


def test_without_reading_back_a_lying_disk_goes_unnoticed(results):
    (row,) = of(results, "unverified")
    assert row["damaged"] == row["lied"] == hits([row]).total() > 0


@pytest.mark.parametrize("module", [atomic, sealed, strict])
def test_no_file_call_is_left_out(module):
    """Every call of `os` in the source is shimmed, or touches no file."""
    sys.path.insert(0, str(HERE))
    try:
        from injector import CALLS
    finally:
        sys.path.remove(str(HERE))
    pure = {"fsencode", "strerror"}
    tree = ast.parse(Path(module.__file__).read_text())
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "os"
    }
    assert called - pure <= set(CALLS)


@pytest.mark.soak
def test_system_calls(capsys, tmp_path):
    """The long form: faults in the kernel's calls, by strace."""
    command = [sys.executable, HERE.parents[1] / "bench" / "faults.py"]
    command += ["--counts", tmp_path / "counts"]
    with counted("faults in system calls of a save") as counts:
        with capsys.disabled():
            run = subprocess.run(command, env=os.environ, timeout=3600)
        assert run.returncode == 0
        found = json.loads((tmp_path / "counts").read_text())
        (hits, bad), (others, damaged) = found["diabolo"], found["torch.save"]
        counts |= {
            "faults that hit": hits,
            "damaged, lost or unreported": bad,
            "faults that hit the control, torch.save": others,
            "that damaged it": damaged,
        }
