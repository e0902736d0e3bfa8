"""Figures of a bench: what a later run may take the place of."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import kept


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """`stored()` reads what was kept under the name "some"."""
    monkeypatch.setattr(kept, "RESULTS", tmp_path / "results")
    return lambda: json.loads((tmp_path / "results" / "some.json").read_text())


def test_a_section_says_what_it_was_measured_on_and_how(stored):
    kept.keep("some", settings={"rounds": 7}, first={"µs": 1.5})
    section = stored()["first"]
    assert section["figures"] == {"µs": 1.5}
    assert section["settings"] == {"rounds": 7}
    assert section["made"]["hardware"]["cores"] > 0
    assert "torch" in section["made"]["versions"]


def test_other_sections_stay_as_they_were(stored):
    kept.keep("some", first=1)
    before = stored()["first"]
    kept.keep("some", second=2)
    assert stored()["first"] == before
    assert stored()["second"]["figures"] == 2


@pytest.mark.parametrize(
    ("earlier", "later", "stays"),
    [(True, True, 2), (True, False, 1), (False, True, 2), (False, False, 2)],
)
def test_a_part_never_takes_the_place_of_the_whole(stored, capsys, earlier, later, stays):
    kept.keep("some", whole=earlier, first=1)
    kept.keep("some", whole=later, first=2)
    assert stored()["first"]["figures"] == stays
    assert ("first: not kept" in capsys.readouterr().out) == (stays == 1)


def test_a_section_of_an_older_form_is_whole(stored):
    kept.RESULTS.mkdir()
    (kept.RESULTS / "some.json").write_text(json.dumps({"first": [1, 2]}))
    kept.keep("some", whole=False, first=[3])
    assert stored() == {"first": [1, 2]}
