"""scikit-learn's contract, all of it, for every family: no failure, no skip, no exception made."""

import os
import warnings
from collections import Counter
from contextlib import contextmanager
from functools import partial
from unittest import SkipTest

import numpy as np
import pytest
import sklearn.utils.estimator_checks as checks

from diabolo.families import AUTOENCODERS, FAMILIES, family

# not run by scikit-learn's own battery; each takes (name, estimator)
LEFT_OUT = [
    checks.check_param_validation,
    checks.check_dataframe_column_names_consistency,
    checks.check_transformer_get_feature_names_out,
    checks.check_transformer_get_feature_names_out_pandas,
    checks.check_get_feature_names_out_error,
    checks.check_set_output_transform,
    checks.check_set_output_transform_pandas,
    checks.check_global_output_transform_pandas,
    checks.check_set_output_transform_polars,
    checks.check_global_set_output_transform_polars,
    checks.check_inplace_ensure_writeable,
]

# once more with default settings: those that depend most on how long one trains
AT_DEFAULTS = {
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_fit2d_1sample",
    "check_fit2d_1feature",
    "check_transformer_general",
}

TRANSFORMERS_ONLY = {"transformer", "out", "output"}  # words in the names of checks

# checks of scikit-learn 1.9 for a transformer and for others; fewer mean that a tag hides some
FEWEST = {name: 47 if name in AUTOENCODERS else 41 for name in FAMILIES}


def short(name):
    return family(name)(max_epochs=3)


def left_out(name):
    """Those of them that this family can be asked."""
    if name in AUTOENCODERS:
        return LEFT_OUT
    return [check for check in LEFT_OUT if not TRANSFORMERS_ONLY & set(check.__name__.split("_"))]


def battery():
    """(family, check) for all checks that scikit-learn yields, and those that it leaves out."""
    for name in FAMILIES:
        for _, check in checks.estimator_checks_generator(short(name)):
            yield name, check
        for check in left_out(name):
            yield name, partial(check, name)


def label(name, check):
    """Family, check and its settings, such as memory-mapped input."""
    return "-".join([name, check.func.__name__, *map(str, check.keywords.values())])


def parametrized(chosen):
    return pytest.mark.parametrize(("name", "check"), chosen, ids=[label(*one) for one in chosen])


BATTERY = list(battery())


@contextmanager
def as_scikit_learn_runs_it(check):
    """scikit-learn's checks shuffle by the global generator and mix frames and arrays."""
    state = np.random.get_state()  # noqa: NPY002
    with warnings.catch_warnings():
        if "output_transform" in check.func.__name__:
            warnings.filterwarnings("ignore", "X (has|does not have valid) feature names")
        try:
            yield
        except SkipTest as skipped:
            pytest.fail(f"skipped: {skipped}")
        finally:
            np.random.set_state(state)  # noqa: NPY002


@parametrized(BATTERY)
def test_check(name, check):
    with as_scikit_learn_runs_it(check):
        check(short(name))


@parametrized([(name, check) for name, check in BATTERY if check.func.__name__ in AT_DEFAULTS])
def test_check_at_default_settings(name, check):
    with as_scikit_learn_runs_it(check):
        check(family(name)())


def test_no_check_is_left_out():
    assert os.environ["SCIPY_ARRAY_API"] == "1"
    counts = Counter(name for name, _ in BATTERY)
    print(dict(counts))
    assert set(counts) == set(FAMILIES)
    for name, count in counts.items():
        assert count >= FEWEST[name] + len(left_out(name))
