"""Model files of earlier releases load, and give the codes they gave then.

Each release adds its files here; none is ever made anew.
"""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import diabolo

FILES = sorted((Path(__file__).parent / "fixtures").glob("*.safetensors"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_of_earlier_releases(path):
    codes = np.loadtxt(path.with_suffix(".codes.csv"), delimiter=",")
    model = diabolo.load(path)
    np.testing.assert_allclose(model.transform(load_digits().data[:5]), codes, atol=1e-5)
    assert model.history_.records
    assert path.stem.startswith(type(model).__name__.lower()[:6])


def test_there_is_one():
    assert FILES
