"""The examples run from beginning to end, and draw."""

import os
import runpy
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("plot_*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem.removeprefix("plot_"))
def test_an_example_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    monkeypatch.setattr(plt, "show", lambda: plt.savefig(tmp_path / "picture.png"))
    runpy.run_path(os.fspath(path))
    plt.close("all")
    assert (tmp_path / "picture.png").stat().st_size > 2000
