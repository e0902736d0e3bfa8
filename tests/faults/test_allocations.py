"""Refused memory leaves no damaged file and no wrong answer (see allocations.py)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from soaked import counted

pytest.importorskip("_testcapi", reason="this Python was built without what makes memory fail")
SCRIPT = Path(__file__).with_name("allocations.py")


def run(*options: str) -> dict[str, dict[str, int]]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return json.loads(done.stdout.splitlines()[-1])


def check(found: dict[str, dict[str, int]]) -> None:
    save, read, control = (found[name] for name in ("save", "read", "control"))
    assert save["MemoryError"] > 5, "the saves had what they needed"
    assert read["MemoryError"] > 5
    assert save["damaged"] == save["lied"] == 0
    assert read["wrong"] == 0
    assert not save.get("killed")
    assert not read.get("killed")
    assert control["damaged"] > 0, "nothing was damaged where it should have been"


def test_some_allocations():
    check(run("--to", "600", "--step", "5"))


@pytest.mark.soak
def test_every_allocation():
    with counted("memory refused") as counts:
        found = run("--to", "2000")
        check(found)
        counts |= {
            "allocations refused in saves": found["save"]["MemoryError"],
            "allocations refused in reads": found["read"]["MemoryError"],
            "damaged or wrong": found["save"]["damaged"] + found["read"]["wrong"],
            "damaged by the control": found["control"]["damaged"],
        }
