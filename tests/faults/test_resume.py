"""A killed fit goes on to the same bits: SIGKILL at random moments (see killer.py)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from soaked import counted

KILLER = Path(__file__).with_name("killer.py")


def kill(*options: str) -> dict:
    done = subprocess.run(
        [sys.executable, str(KILLER), *options], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.timeout(600)
def test_every_family_goes_on_bit_for_bit_and_the_controls_do_not():
    kill("--kills", "1")


@pytest.mark.soak
def test_many_kills():
    with counted("kill and resume, every family") as counts:
        found = kill("--kills", "20")
        runs, controls = found["runs"], found["controls"]
        counts |= {
            "kills": runs["kills"],
            "in the middle of training, with a checkpoint": runs["hits"],
            "resumed runs": runs["runs"],
            "bit-identical": runs["equal"],
            "controls, without noise, moments or position": controls["runs"],
            "of them bit-identical": controls["equal"],
        }
