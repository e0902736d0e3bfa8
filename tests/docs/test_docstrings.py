"""Docstrings of this project come out as the reStructuredText that is meant."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "extensions"))

from docstrings import as_rst, escaped, own_signature, part_signature
from names import target

from diabolo import BetaVAE, Imputer
from diabolo.estimators.estimator import Estimator
from diabolo.parts.corruptions import Masking

GIVEN = """\
Repairs x_ (n, *shape), *not* more.

    minimise E[−log p(x | z)]

When: there is noise.

noise, level : what is done,
    and how much.
seed : of it
returns (n,) nats.

linear   a + b
squared  a² + b²
"""
WANTED = """\
Repairs x\\_ (n, \\*shape), *not* more.

.. code-block:: text
    :class: formula

    minimise E[−log p(x | z)]

**When.** There is noise.


``noise``, ``level``
    what is done,
    and how much.

``seed``
    of it

returns (n,) nats.

.. code-block:: text

    linear   a + b
    squared  a² + b²
"""


def test_a_docstring_of_all_kinds_of_lines():
    assert "\n".join(as_rst(GIVEN)) == WANTED


def test_names_are_left_as_they_are():
    assert escaped("`n_iter_`, n_iter_ of p(x|z)") == "`n_iter_`, n_iter\\_ of p(x\\|z)"
    assert escaped("a/*.png, *not* b") == "a/\\*.png, *not* b"
    assert escaped("two `Part`s") == "two `Part`\\ s"


def test_a_signature_shows_what_is_the_familys_own():
    own = own_signature(BetaVAE)
    assert own == "(*, beta=4.0, warmup=0.0, binarise=False, capacity=0.0, **shared)"
    assert "**shared" not in own_signature(Imputer)
    assert own_signature(Estimator) is None


def test_a_part_shows_its_arguments():
    assert part_signature(Masking) == "(level=0.3, emphasis=0.5)"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("BetaVAE", "diabolo.BetaVAE"),
        ("BetaVAE(beta=4)", "diabolo.BetaVAE"),
        ("diabolo.Manifold.spectrum", "diabolo.Manifold.spectrum"),
        ("diabolo.uses.denoise", "diabolo.uses.denoise"),
        ("fit", None),
        ("diabolo train digits", None),
    ],
)
def test_what_a_literal_names(text, name):
    assert target(text) == name
