"""The coder's tables are the functions they stand for, and the same for ever."""

import hashlib

import numpy as np
from scipy.special import expit

from diabolo.uses.compress.coding import tables


def test_logistic():
    t = (np.arange(4096) - 2048) / 128
    assert abs(tables.LOGISTIC - 65536 * expit(t)).max() <= 0.5
    assert (np.diff(tables.LOGISTIC) >= 0).all()
    assert (tables.LOGISTIC[0], tables.LOGISTIC[2048], tables.LOGISTIC[-1]) == (0, 32768, 65536)


def test_exponential():
    assert abs(tables.EXPONENTIAL - 2**20 * np.exp(-np.arange(2048) / 128)).max() <= 0.5


def test_sharpness():
    sigma = 2.0 ** ((np.arange(128) - 32) / 8)
    error = 8 * 2**18 / sigma - tables.SHARPNESS
    assert (error >= 0).all()
    assert (error < 1.001).all()


def test_hash_of_the_tables():
    """A changed entry makes every file unreadable that was written before."""
    hashed = hashlib.sha256()
    for table in (tables.LOGISTIC, tables.EXPONENTIAL, tables.SHARPNESS):
        hashed.update(table.astype("<i8").tobytes())
    assert hashed.hexdigest()[:16] == "a70e774d66c1fd75"
