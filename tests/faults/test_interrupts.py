"""Ctrl-C leaves a whole model or none (see interrupts.py)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from soaked import counted

SCRIPT = Path(__file__).with_name("interrupts.py")


def run(times: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), "--times", str(times)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["code 130"] == found["interrupted"] == times
    assert found["too slow"] == found["orphans"] == found["left behind"] == 0
    assert found["models"] > 0.4 * times, "hardly any was in the middle of training"
    return found


def test_some_interruptions():
    run(5)


@pytest.mark.soak
def test_a_hundred_interruptions():
    with counted("Ctrl-C in training") as counts:
        found = run(100)
        counts |= {
            "interruptions": found["interrupted"],
            "with a whole model kept": found["models"],
            "wrong code, orphan or stray": 0,
            "slowest exit in s": round(found["longest"], 2),
        }
