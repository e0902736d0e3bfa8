"""Files do not depend on what computed them; see exactness.py."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from soaked import counted

SCRIPT = Path(__file__).with_name("exactness.py")


def run(*options: str) -> dict:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(found: dict) -> None:
    ours, control = found["ours"], found["control"]
    assert ours["exact"] == ours["pairs"]
    assert set(ours["different files"].values()) == {1}
    assert any(control["broken in one precision"].values())
    if platform.machine() == "x86_64":
        assert len(ours["kernels"]) > 1, "the libraries used the same kernels all the time"


@pytest.mark.timeout(600)
def test_every_way_decodes_what_every_way_encoded():
    found = run()
    check(found)
    assert found["ours"]["pairs"] >= 81


@pytest.mark.soak
def test_all_ways():
    with counted("decoding by other kernels, threads, libraries, batches, precisions") as counts:
        found = run("--long")
        check(found)
        ours, control = found["ours"], found["control"]
        counts |= {
            "layouts, eight with codes": ours["layouts"],
            "ways": ours["ways"],
            "pairs": ours["pairs"],
            "exact": ours["exact"],
            "pairs of the control, floats": control["pairs"],
            "of them exact": control["exact"],
            "kernels": ", ".join(ours["kernels"]),
        }
