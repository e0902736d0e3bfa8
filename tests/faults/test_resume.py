"""A killed fit goes on to the same bits: SIGKILL at random moments (see killer.py)."""

import subprocess
import sys
from pathlib import Path

import pytest

KILLER = Path(__file__).with_name("killer.py")


def kill(*options: str) -> None:
    done = subprocess.run(
        [sys.executable, str(KILLER), *options], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(600)
def test_every_family_goes_on_bit_for_bit_and_the_controls_do_not():
    kill("--kills", "1")


@pytest.mark.soak
def test_many_kills():
    kill("--kills", "20")
