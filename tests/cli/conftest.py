"""The command line called in this process, and small models for it to work on."""

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from diabolo.cli.main import run

QUICK = ("--epochs", "2", "--hidden", "16", "--threads", "1")


class Result(NamedTuple):
    code: int
    out: str
    err: str


def called(*tokens):
    """Exit code and both streams of one command line."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(token) for token in tokens])
    return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def diabolo():
    return called


@pytest.fixture(scope="session")
def quick():
    """Flags that make a training short."""
    return QUICK


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def digits_model(folder):
    """A plain autoencoder of the digits, code 4."""
    path = folder / "digits.safetensors"
    result = called("train", "digits", "--code", 4, "-o", path, *QUICK)
    assert result.code == 0, result.err
    return path


@pytest.fixture(scope="session")
def vae_model(folder, table):
    """A variational autoencoder of the table, code 2."""
    path = folder / "vae.safetensors"
    result = called("train", table, "--model", "vae", "--code", 2, "-o", path, *QUICK)
    assert result.code == 0, result.err
    return path


@pytest.fixture(scope="session")
def frame():
    """120 rows of five numbers that depend on three, and a label."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(120, 3)) @ random.normal(size=(3, 5)) + 10
    frame = pl.from_numpy(rows, schema=["height", "weight", "age", "pulse", "sleep"])
    return frame.with_columns(pl.Series("kind", ["cat", "dog", "cow"] * 40))


@pytest.fixture(scope="session")
def table(folder, frame):
    """The numbers alone, as CSV."""
    path = folder / "table.csv"
    frame.drop("kind").write_csv(path)
    return path


@pytest.fixture(scope="session")
def labelled(folder, frame):
    """The same rows with their labels, as CSV."""
    path = folder / "labelled.csv"
    frame.write_csv(path)
    return path
