"""The list, a run, choosing, the page; the runner has its own tests."""

import dataclasses
import json

import pytest

import small_record
from diabolo import records
from diabolo.records import page


@pytest.fixture
def known(monkeypatch):
    """The small record is the only one."""
    one = small_record.record(small_record.Means(), provenance="M")
    monkeypatch.setitem(records.RECORDS, "small", one)
    for name in [name for name in records.RECORDS if name != "small"]:
        monkeypatch.delitem(records.RECORDS, name)
    return one


def test_the_list(diabolo, known, tmp_path):
    code, out, err = diabolo("reproduce", "--results", tmp_path)
    assert (code, err) == (0, "")
    assert "small" in out
    assert "Somebody 1999" in out
    assert "not run yet" in out
    diabolo("reproduce", "small", "--results", tmp_path)
    _, out, _ = diabolo("reproduce", "--results", tmp_path)
    assert "1.1" in out
    assert "beaten; unverified reference" in out
    listed = json.loads(diabolo("reproduce", "--json", "--results", tmp_path).out)
    assert listed[0]["verdict"]["status"] == "beaten"


def test_a_run(diabolo, known, tmp_path):
    code, out, err = diabolo("reproduce", "small", "--results", tmp_path)
    assert code == 0
    assert "gate   one: 1, published 1: holds" in err
    assert "run    control, seed 2: distance 4.2" in err
    assert "2 (beaten ≤ 1.5), unverified reference" in out
    assert out.endswith("small: beaten; unverified reference\n")
    again = diabolo("reproduce", "small", "--json", "--results", tmp_path)
    assert "run " not in again.err
    assert json.loads(again.out) == json.loads((tmp_path / "small.json").read_text())


def test_choosing(diabolo, known, tmp_path):
    code, out, err = diabolo("reproduce", "small", "--choose", "--results", tmp_path)
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["arm", "settings", "distance", "seconds"],
        ["ours", "shift", "0", "100", "0"],
        ["ours", "shift", "1", "101", "0"],
        ["control", "103", "0"],
    ]
    assert "choice ours, shift 1: distance 101" in err


def test_the_page(diabolo, known, tmp_path):
    diabolo("reproduce", "small", "--results", tmp_path)
    (tmp_path / "quality.json").write_text(
        json.dumps({"families": {"machine": "m", "seeds": 1, "runs": [[{"model": "PCA"}]]}})
    )
    target = tmp_path / "results.md"
    assert diabolo("reproduce", "--write-docs", target, "--results", tmp_path).code == 0
    text = target.read_text()
    assert text == page.page(tmp_path)
    assert "### small" in text
    assert "| ours | distance | 1.1 | 1.2 | 3 |" in text
    assert "| PCA |" in text


def test_the_page_says_how_fast_it_was_and_what_took_too_long(known, tmp_path, monkeypatch):
    records.reproduce(known, folder=tmp_path)
    path = tmp_path / "small.json"
    document = json.loads(path.read_text())
    for run in document["runs"]:
        run["seconds"] = 1000.0
    path.write_text(json.dumps(document))
    monkeypatch.setitem(records.RECORDS, "small", dataclasses.replace(known, gflop=50_000))
    text = page.page(tmp_path)
    assert "1000 (budget 900)" in text
    assert "ours: 50,000 GFLOP a seed, 50 GFLOP/s." in text


def test_stopped_by_hand(diabolo, known, tmp_path, monkeypatch):
    ours, control = known.arms

    def stop(trial):
        raise KeyboardInterrupt

    arms = (ours, dataclasses.replace(control, learn=stop))
    monkeypatch.setitem(records.RECORDS, "small", dataclasses.replace(known, arms=arms))
    code, out, err = diabolo("reproduce", "small", "--results", tmp_path)
    assert (code, out) == (130, "")
    assert "what is finished is stored" in err
    assert len(json.loads((tmp_path / "small.json").read_text())["runs"]) == 1


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (("smal",), "There is no record 'smal'; did you mean 'small'?"),
        (("small", "--seeds", "0"), "--seeds 0 leaves nothing to run"),
        (("small", "--choose", "--arm", "mine"), "its arms are ours, control"),
    ],
)
def test_wrong_command_lines(diabolo, known, tokens, says):
    code, out, err = diabolo("reproduce", *tokens)
    assert (code, out) == (2, "")
    assert says in err
