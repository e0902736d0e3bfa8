"""scikit-learn's checks of an estimator for a use, each a test."""

from functools import partial

import numpy as np
import pytest
import sklearn.utils.estimator_checks as checks


def every_check(estimator, *more):
    """Parametrises a test with `check`: those that scikit-learn yields for the estimator, two that
    its own battery leaves out, and more of those; each is to be `carried_out`."""
    left_out = [
        checks.check_param_validation,
        checks.check_dataframe_column_names_consistency,
        *more,
    ]
    chosen = [check for _, check in checks.estimator_checks_generator(estimator)]
    chosen += [partial(check, type(estimator).__name__) for check in left_out]
    return pytest.mark.parametrize("check", chosen, ids=lambda check: check.func.__name__)


def carry_out(check, estimator):
    """Some checks seed numpy's global generator; it is put back."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002
