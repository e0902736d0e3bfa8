"""The page shows what long runs counted."""

import json

from diabolo.records.page import page

MADE = {
    "hardware": {"processor": "AMD EPYC", "cores": 2, "threads": 1, "load": 0.5},
    "versions": {"torch": "2.13.0+cpu"},
}


def test_without_long_runs_there_is_nothing_of_them(tmp_path):
    assert "Long tests" not in page(tmp_path)
    assert "Mutants" not in page(tmp_path)


def test_counts_of_long_runs(tmp_path):
    figures = {"kills": 1200, "different": 0, "kernels": "Haswell"}
    sections = {"kill and resume": {"made": MADE, "figures": figures}}
    (tmp_path / "soak.json").write_text(json.dumps(sections))
    assert (
        "| kill and resume | 1,200 kills; 0 different; kernels: Haswell | AMD EPYC, 2 cores, "
        "torch 2.13.0+cpu |"
    ) in page(tmp_path)


def test_counts_of_mutants(tmp_path):
    files = [{"file": "files.py", "mutants": 10, "run": 10, "killed": 9, "survived": 1}]
    survivors = {"all": 1, "with a reason": 1}
    sections = {
        "files": {"made": MADE, "figures": files},
        "survivors": {"made": MADE, "figures": survivors},
    }
    (tmp_path / "mutants.json").write_text(json.dumps(sections))
    found = page(tmp_path)
    assert "9 of 10 were noticed, 90.0 %; of the 1 that live, 1 have a reason" in found
    assert "| files.py | 10 | 10 | 9 | 1 |" in found
