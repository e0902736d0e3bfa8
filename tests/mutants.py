"""Breaks losses, readers, writers and resume in small ways: the tests must notice.

    make mutants                          all of it: some six minutes on one core
    python tests/mutants.py --collect     what the last run came to

mutmut changes one operator, number, text or argument at a time and runs the tests that reach that
function (which files, which tests: pyproject.toml, tool.mutmut). Counts go to results/mutants.json,
and from there to docs/results.md. Mutants that live are compared with results/mutants.txt, where
each has its reason why no test can tell it from the original, or why none should; one that is not
there is printed. Exit code 1: less than 80 % were killed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from soaked import keep

ROOT = Path(__file__).resolve().parents[1]
REASONS = ROOT / "results" / "mutants.txt"
ENOUGH = 80  # per cent


class Survivor(NamedTuple):
    """A change that no test noticed."""

    function: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.function}\n  - {self.before}\n  + {self.after}"


def run() -> None:
    limits = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1"]
    subprocess.run(command, cwd=ROOT, env=os.environ | limits, check=True)


def explained(text: str) -> set[Survivor]:
    """What results/mutants.txt knows: a function, changes as - and + lines, then words."""
    found, function, before = set(), "", ""
    for line in text.splitlines():
        if line.startswith("diabolo."):
            function = line.strip()
        elif line.startswith("  - "):
            before = line[4:]
        elif line.startswith("  + "):
            found.add(Survivor(function, before, line[4:]))
    return found


def collected() -> tuple[list[dict[str, Any]], list[Survivor]]:
    """Counts of every file, and who lives."""
    from mutmut.configuration import config
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    os.chdir(ROOT)
    figures, living = [], []
    for path in config().only_mutate:
        codes = json.loads(Path("mutants", f"{path}.meta").read_text())["exit_code_by_key"]
        status = {name: status_by_exit_code[code] for name, code in codes.items()}
        counts = Counter(status.values())
        lives = [name for name, what in status.items() if what in ("survived", "no tests")]
        living += [survivor(name, get_diff_for_mutant(name)) for name in lives]
        killed = counts["killed"] + counts["timeout"] + counts["segfault"]
        figures.append(
            {
                "file": path.removeprefix("src/diabolo/"),
                "mutants": len(codes),
                "run": len(codes) - counts["not checked"],
                "killed": killed,
                "survived": len(lives),
            }
        )
    return figures, living


def survivor(name: str, diff: str) -> Survivor:
    lines = diff.splitlines()
    before = [line[1:].strip() for line in lines if line.startswith("-") and line[:3] != "---"]
    after = [line[1:].strip() for line in lines if line.startswith("+") and line[:3] != "+++"]
    return Survivor(plain(name), " ".join(before), " ".join(after))


def plain(name: str) -> str:
    """
    >>> plain("diabolo.parts.codes.xǁTopKǁmean__mutmut_3")
    'diabolo.parts.codes.TopK.mean'
    >>> plain("diabolo.files.sealed.x__entry__mutmut_1")
    'diabolo.files.sealed._entry'
    """
    module, _, function = name.rpartition("__mutmut_")[0].rpartition(".")
    own = function.removeprefix("xǁ").replace("ǁ", ".") if "ǁ" in function else function[2:]
    return f"{module}.{own}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collect", action="store_true", help="of the last run; runs nothing")
    wanted = parser.parse_args()
    if not wanted.collect:
        run()
    figures, living = collected()
    known = explained(REASONS.read_text()) if REASONS.exists() else set()
    for one in living:
        if one not in known:
            print(f"\n{one}")
    print()
    for row in figures:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    killed, ran = (sum(row[key] for row in figures) for key in ("killed", "run"))
    with_reason = sum(one in known for one in living)
    share = 100 * killed / max(1, ran)
    print(f"{killed} of {ran} killed, {share:.1f} %; {with_reason} of {len(living)} have a reason")
    keep("mutants", files=figures, survivors={"all": len(living), "with a reason": with_reason})
    return int(share < ENOUGH or ran < sum(row["mutants"] for row in figures))


if __name__ == "__main__":
    sys.exit(main())
