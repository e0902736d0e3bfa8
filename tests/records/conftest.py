"""A record that costs nothing, and how often it was worked on."""

import pytest

import small_record


@pytest.fixture
def means():
    return small_record.Means()


@pytest.fixture
def small(means):
    """`small(matched=…)` makes a record with other thresholds."""
    return lambda **changed: small_record.record(means, **changed)
