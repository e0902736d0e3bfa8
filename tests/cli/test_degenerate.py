"""The table of awkward data at the command line, for every family: refused whole, or learned from.

What lies in memory only is written to .npy first, where numpy can without pickling.
"""

import numpy as np
import pytest

from degenerate import BAD, GOOD, MIXED
from diabolo import load
from diabolo.cli.recipes import RECIPES


def at_the_command_line(case, folder):
    """A path or name that the command line takes for this case; None where there is none."""
    source = case.make(folder)
    if type(source) is np.ndarray and not source.dtype.hasobject:
        np.save(folder / "X.npy", source)
        return folder / "X.npy"
    return source if isinstance(source, str) or hasattr(source, "__fspath__") else None


def cases(table):
    return pytest.mark.parametrize("case", table, ids=lambda case: case.name)


@cases(BAD)
def test_bad_data_are_refused_in_one_line_and_nothing_is_written(case, tmp_path, diabolo, steps):
    source = at_the_command_line(case, tmp_path)
    model = tmp_path / "m.safetensors"
    for name in RECIPES if source is not None else ():
        result = diabolo("train", source, "--model", name, "-o", model, "--epochs", 1)
        assert result.code in (1, 2), (name, result)
        assert result.out == ""
        lines = result.err.strip().splitlines()
        assert len(lines) == 1, (name, lines)
        assert "Traceback" not in result.err
        assert not model.exists()
    assert not steps


@cases(GOOD + MIXED)
def test_good_data_are_learned_from(case, tmp_path, diabolo, steps):
    source = at_the_command_line(case, tmp_path)
    if source is None:
        return
    model = tmp_path / "m.safetensors"
    result = diabolo("train", source, "-o", model, "--epochs", 1, "--threads", 1)
    assert result.code == 0, result.err
    assert steps
    assert load(model).n_iter_ == 1


def test_most_of_the_table_can_be_written_down(tmp_path):
    known = [at_the_command_line(case, _empty(tmp_path, i)) for i, case in enumerate(GOOD + BAD)]
    assert sum(source is not None for source in known) >= 60


def _empty(folder, number):
    path = folder / str(number)
    path.mkdir()
    return path
