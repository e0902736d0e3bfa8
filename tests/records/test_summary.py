"""Rows that are shown of stored results."""

from diabolo.records.summary import lines


def test_worst_knows_of_controls_which_way_is_better():
    published = {"measure": "accuracy", "arm": "ours", "higher": True, "middle": "mean"}
    runs = [
        {"arm": arm, "seconds": 1.0, "figures": {"accuracy": value, "width": value}}
        for arm, value in (("ours", 0.9), ("ours", 0.8), ("control", 0.7), ("control", 0.5))
    ]
    document = {
        "arms": [{"name": "ours"}, {"name": "control"}],
        "published": [published],
        "runs": runs,
    }
    found = {(line.arm, line.measure): line.worst for line in lines(document)}
    assert found == {
        ("ours", "accuracy"): 0.8,
        ("control", "accuracy"): 0.5,
        ("ours", "width"): None,  # neither way is better
        ("control", "width"): None,
    }
