"""The environment of the other libraries: made once, torch there the release that is here."""

from __future__ import annotations

import importlib.metadata
import subprocess
import venv
from pathlib import Path

ALONE = {"clustpy"}  # without what it asks for: torchvision, which comes for CUDA only


def prepared(path: Path, wanted: dict[str, list[str]]) -> tuple[Path, dict[str, str]]:
    """The interpreter that has the other libraries, and why some of them are not there.

    wanted : contestant → what has to be installed for it.
    """
    python = path / "bin" / "python"
    if not python.exists():
        print(f"making an environment for the other libraries in {path}", flush=True)
        venv.create(path, with_pip=True)
    left_out = {}
    for name, packages in wanted.items():
        done = path / f"ready-{name.replace(' ', '-')}"
        if done.exists():
            continue
        reason = _installed(python, packages, name in ALONE)
        if reason:
            left_out[name] = f"cannot be installed: {reason}"
        else:
            done.touch()
    return python, left_out


def _installed(python: Path, packages: list[str], last_alone: bool) -> str | None:
    """Install what is missing, torch never as another release; None or why it went wrong."""
    release = importlib.metadata.version("torch").partition("+")[0]
    pinned = python.parent.parent / "constraints.txt"
    pinned.write_text(f"torch=={release}\n")
    call = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    steps = [[*call, "-c", str(pinned), *(packages[:-1] if last_alone else packages)]]
    if last_alone:
        steps.append([*call, "--no-deps", packages[-1]])
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            return last_line(done.stderr)
    listed = [str(python), "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    unwanted = [line for line in found.splitlines() if line.startswith(("nvidia", "torchvision"))]
    return f"it brought {', '.join(unwanted)}" if unwanted else None


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and "WARNING" not in line]
    return lines[-1].strip()[:300] if lines else ""
