"""scikit-learn's contract for outlier detectors, all of it."""

import os

import pytest
import sklearn.utils.estimator_checks as checks

from battery import carry_out
from diabolo import AnomalyDetector, Autoencoder, MaskedEnsemble

# not run by scikit-learn's own battery; each takes (name, estimator)
LEFT_OUT = [checks.check_param_validation, checks.check_dataframe_column_names_consistency]


def short(**settings):
    members = MaskedEnsemble(n_members=2, max_epochs=10, hidden_share=1.0, likelihood="laplace")
    return AnomalyDetector(estimator=members, **settings)


DETECTORS = {
    "ensemble": lambda: short(baseline=False),
    "with a forest": lambda: short(combine="forest", contamination=0.1),
    "plain": lambda: AnomalyDetector(estimator=Autoencoder(max_epochs=3)),
}
BATTERY = [
    (name, check)
    for name, make in DETECTORS.items()
    for _, check in checks.estimator_checks_generator(make())
]


def named(value):
    if isinstance(value, str):
        return value
    return "-".join([value.func.__name__, *map(str, value.keywords.values())])


@pytest.mark.parametrize(("name", "check"), BATTERY, ids=named)
def test_check(name, check):
    carry_out(check, DETECTORS[name]())


@pytest.mark.parametrize("check", LEFT_OUT, ids=lambda check: check.__name__)
def test_checks_that_are_left_out_of_the_battery(check):
    check("AnomalyDetector", short())


def test_no_check_is_left_out():
    assert os.environ["SCIPY_ARRAY_API"] == "1"
    ran = {check.func.__name__ for _, check in BATTERY}
    assert {"check_outliers_train", "check_outliers_fit_predict", "check_outlier_corruption"} & ran
    assert len(BATTERY) >= 45 * len(DETECTORS)
