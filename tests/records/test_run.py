"""The runner: gates before work, every run stored at once, the test rows at the end."""

import dataclasses
import json

import numpy as np
import pytest

from diabolo.records.record import NotHereError, Order, Published, Within
from diabolo.records.run import choose, reproduce
from diabolo.records.trial import Pace


def test_every_arm_and_seed_once(small, means, tmp_path):
    document = reproduce(small(), folder=tmp_path)
    assert means.learned == [(s, seed, 100) for seed in range(3) for s in (0, -3)]
    assert document == json.loads((tmp_path / "small.json").read_text())
    run = document["runs"][1]
    assert (run["arm"], run["seed"], run["figures"]) == ("control", 0, {"distance": 4.0})
    assert run["hardware"]["cores"] >= 1
    assert "torch" in run["versions"]
    assert document["verdict"] == {"status": "beaten", "reason": ""}


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"beaten": 1.05}, "matched", ""),  # the mean over seeds is 1.1
        ({"matched": 1.05, "beaten": 1.0}, "missed", ""),
        ({"beaten": None}, "matched", ""),
        ({"conditions": (Order("distance", ("ours", "control"), by=3.5),)}, "matched", "hold"),
        ({"conditions": (Within("distance", 0.0, 1.0),)}, "matched", "hold"),
        ({"conditions": (Within("distance", 1.0, 1.2),)}, "beaten", ""),
        ({"higher": True, "matched": 1.05, "beaten": 1.2}, "matched", ""),
    ],
)
def test_the_verdict(small, tmp_path, changed, status, reason):
    verdict = reproduce(small(**changed), folder=tmp_path)["verdict"]
    assert verdict["status"] == status
    assert reason in verdict["reason"]


def test_nothing_is_compared_where_a_gate_is_off(small, means, tmp_path):
    document = reproduce(small(gate=1.02), folder=tmp_path)
    assert means.learned == []
    assert document["verdict"]["status"] == "not comparable"
    assert "gate 'one' is off: 1.02, published 1" in document["verdict"]["reason"]


def test_a_gate_that_is_off_later_withdraws_the_verdict(small, tmp_path):
    assert reproduce(small(), folder=tmp_path)["verdict"]["status"] == "beaten"
    assert reproduce(small(gate=2), folder=tmp_path)["verdict"]["status"] == "not comparable"


def test_an_interrupted_record_goes_on(small, means, tmp_path):
    record = small()

    def learn(trial):
        if len(means.learned) == 3:
            raise KeyboardInterrupt
        return means.learn(trial)

    arms = tuple(dataclasses.replace(arm, learn=learn) for arm in record.arms)
    with pytest.raises(KeyboardInterrupt):
        reproduce(dataclasses.replace(record, arms=arms), folder=tmp_path)
    assert len(json.loads((tmp_path / "small.json").read_text())["runs"]) == 3
    document = reproduce(record, folder=tmp_path)
    assert means.learned == [(s, seed, 100) for seed in range(3) for s in (0, -3)]
    assert document["verdict"]["status"] == "beaten"


def test_changed_settings_void_what_was_stored(small, means, tmp_path):
    record = small()
    reproduce(record, folder=tmp_path)
    ours, control = record.arms
    ours = dataclasses.replace(ours, settings={"shift": 0.25})
    means.learned.clear()
    document = reproduce(dataclasses.replace(record, arms=(ours, control)), folder=tmp_path)
    assert means.learned == [(0.25, seed, 100) for seed in range(3)]
    assert len(document["runs"]) == 6


def test_fewer_seeds_give_no_verdict(small, tmp_path):
    verdict = reproduce(small(), seeds=2, folder=tmp_path)["verdict"]
    assert verdict == {"status": "not comparable", "reason": "2 of 3 seeds"}


def test_a_quick_run_is_a_fiftieth_and_leaves_nothing(small, means, tmp_path):
    document = reproduce(small(), quick=True, folder=tmp_path)
    assert means.learned == [(0, 0, 10), (-3, 0, 10)]
    assert [len(rows) for rows in means.judged] == [5, 5]
    assert list(tmp_path.iterdir()) == []
    assert document["verdict"]["reason"] == "a quick run proves the wiring alone"
    paces = []
    record = small()
    arms = [dataclasses.replace(a, learn=lambda t: paces.append(t) or 0.0) for a in record.arms]
    reproduce(dataclasses.replace(record, arms=tuple(arms)), quick=True, folder=tmp_path)
    assert [(t.epochs(100), t.epochs(1), t.draws(5000)) for t in paces] == [(20, 1, 100)] * 2


def test_missing_data_are_said(small, tmp_path):
    def absent():
        raise NotHereError("needs usps/usps.npz")

    record = small()
    record = dataclasses.replace(record, data=dataclasses.replace(record.data, load=absent))
    verdict = reproduce(record, folder=tmp_path)["verdict"]
    assert verdict == {"status": "not comparable", "reason": "needs usps/usps.npz"}


def test_what_needs_a_gpu_is_listed_only(small, means, tmp_path):
    verdict = reproduce(small(needs="a GPU"), folder=tmp_path)["verdict"]
    assert verdict == {"status": "not comparable", "reason": "needs a GPU"}
    assert means.learned == []


def test_choosing_never_meets_the_test_rows(small, means, tmp_path):
    rows = choose(small(), folder=tmp_path)
    assert [row["settings"] for row in rows] == [{"shift": 0}, {"shift": 1}, {"shift": -3}]
    assert {len(rows) for rows in means.judged} == {20}
    assert all(np.all(rows == 0) for rows in means.judged)  # the test rows are ones
    assert {seed for _, seed, _ in means.learned}.isdisjoint(range(3))
    assert json.loads((tmp_path / "small.json").read_text())["choices"] == rows
    means.learned.clear()
    choose(small(), folder=tmp_path)
    assert means.learned == []


def test_a_damaged_result_is_said(small, tmp_path):
    (tmp_path / "small.json").write_text('{"version": 1}')
    with pytest.raises(ValueError, match="small.json is no result of this diabolo"):
        reproduce(small(), folder=tmp_path)


def test_a_goal_that_is_not_reached_counts_as_missed(small, tmp_path, means):
    record = small()
    ours, control = record.arms
    ours = dataclasses.replace(ours, measure=lambda mean, trial: {})
    record = dataclasses.replace(record, arms=(ours, control), conditions=())
    document = reproduce(record, folder=tmp_path, pace=Pace())
    assert document["verdict"]["status"] == "missed"


def test_means_medians_and_worst():
    runs = {"ours": [{"s": 1.0}, {"s": 2.0}, {"s": 9.0}]}
    mean = Published("s", 3, 3, 2, "S", "table")
    assert (mean.ours(runs), mean.worst(runs)) == (4.0, 9.0)
    assert Published("s", 3, 3, 2, "S", "table", middle="median").ours(runs) == 2.0
    assert Published("s", 3, 3, 4, "S", "table", higher=True).worst(runs) == 1.0
