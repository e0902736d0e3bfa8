"""What every record must say, whatever its paper; a few train for a moment."""

import dataclasses
import json
from pathlib import Path

import pytest

from diabolo.records import RECORDS, reproduce
from diabolo.records.page import page
from diabolo.records.results import described
from diabolo.records.trial import Pace, Trial

ALL = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
RUNNABLE = [record for record in RECORDS.values() if not record.needs]


@ALL
def test_a_record_is_whole(record):
    assert RECORDS[record.id] is record
    json.dumps(described(record), allow_nan=False)
    assert str(record.year) in record.paper
    assert record.published
    for one in record.published:
        assert one.provenance in ("S", "M", "C")
        if one.beaten is not None:
            assert one.beaten >= one.matched if one.higher else one.beaten <= one.matched
    if record.needs:
        return
    names = [arm.name for arm in record.arms]
    assert len(set(names)) == len(names)
    assert {one.arm for one in record.published} <= set(names)
    assert record.gates
    assert 0 < record.minutes <= 15
    assert record.data.sha256
    assert all(len(checksum) == 64 for checksum in record.data.sha256.values())


@pytest.mark.parametrize("record", RUNNABLE, ids=[record.id for record in RUNNABLE])
def test_its_wiring(record, data_directory, tmp_path):
    document = reproduce(
        dataclasses.replace(record, gates=()),  # which have tests of their own
        quick=True,
        pace=Pace(rows=1 / 200, epochs=0),
        folder=tmp_path,
        n_threads=1,
    )
    assert document["verdict"]["reason"] == "a quick run proves the wiring alone"
    assert [run["arm"] for run in document["runs"]] == [arm.name for arm in record.arms]
    for one in record.published:
        figures = next(r["figures"] for r in document["runs"] if r["arm"] == one.arm)
        assert one.measure in figures or one.middle == "median"


KEEPING = [record for record in RUNNABLE if record.id not in ("adbench", "townsend2019")]


@pytest.mark.parametrize("record", KEEPING, ids=[record.id for record in KEEPING])
def test_what_was_finished_is_taken_up(record, data_directory, tmp_path, steps):
    split, pace, arm = record.data.load(), Pace(rows=1 / 400, epochs=0), record.arms[0]
    rows = pace.shortened(split.train), pace.shortened(split.test)
    figures, made = [], []
    for _ in range(2):
        trial = Trial(arm.settings, 0, *rows, pace, tmp_path / "kept", n_threads=1)
        figures.append(arm.measure(arm.learn(trial), trial))
        made.append(len(steps))
    assert figures[0] == figures[1]
    assert made[0] == made[1] > 0


def test_the_page_of_results_is_written_from_what_is_stored():
    root = Path(__file__).parents[2]
    stored = (root / "docs" / "results.md").read_text()
    assert stored == page(root / "results"), "run `make results`"
