"""No bytes bring a reader down: a coverage-guided fuzzer behind the hashes (see fuzzer.py)."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from soaked import counted

pytest.importorskip(
    "atheris",
    reason="the fuzzer needs atheris, which has wheels for Linux on x86-64 and few Pythons",
)

FUZZER = Path(__file__).with_name("fuzzer.py")
SECONDS = {"dbo": 30, "sealed": 10, "model": 20}  # a minute in all
LONG = float(os.environ.get("DIABOLO_FUZZ_SECONDS", "1200"))  # for each target
CONTROLS = {
    ("dbo", "hash"): "contents of another hash were given out",
    ("dbo", "names"): "unsafe name|unhashable",
    ("sealed", "lengths"): "Error",
    ("model", "sentences"): "Error",
}


def fuzz(target: str, seconds: float, *options: str) -> tuple[int, dict]:
    done = subprocess.run(
        [sys.executable, str(FUZZER), target, "--seconds", str(seconds), *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    print(done.stderr)
    return done.returncode, json.loads(done.stdout)[0]


def check(code: int, result: dict) -> None:
    assert code == 0, result["found"]
    assert result["coverage"] > result["first"] > 0, "nothing new was reached"
    assert result["corpus"] > result["seeds"]
    assert result["inputs"] == result["refused"] + result["read"]
    assert min(result["refused"], result["read"]) > 0


@pytest.mark.timeout(180)
@pytest.mark.parametrize("target", SECONDS)
def test_a_minute_finds_nothing(target):
    code, result = fuzz(target, SECONDS[target])
    check(code, result)
    assert result["inputs"] > 100


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("target", "broken"), CONTROLS)
def test_control_with_one_check_less_it_is_found(target, broken):
    code, result = fuzz(target, 120, "--broken", broken)
    assert code == 1, f"{result['inputs']} inputs, and nobody noticed"
    assert re.search(CONTROLS[target, broken], result["found"])


@pytest.mark.soak
@pytest.mark.parametrize("target", SECONDS)
def test_long(target):
    with counted(f"coverage-guided fuzzing, {target}") as counts:
        code, result = fuzz(target, LONG)
        check(code, result)
        counts |= {
            "inputs": result["inputs"],
            "refused": result["refused"],
            "read": result["read"],
            "slowest in s": result["longest"],
            "edges of the seeds": result["first"],
            "edges in the end": result["coverage"],
            "corpus": f"{result['seeds']} → {result['corpus']}",
            "found": 0,
        }
