"""A record that costs nothing: a mean, and a control that does not look at the data."""

import numpy as np

from diabolo.records.record import Arm, Data, Gate, Order, Published, Record, Rows, Split


class Means:
    """What `learn` of the small record leaves; counts how often it was called."""

    def __init__(self):
        self.learned, self.judged = [], []

    def learn(self, trial):
        self.learned.append((trial.settings["shift"], trial.seed, len(trial.train)))
        return trial.train.x.mean() + trial.settings["shift"]

    def measure(self, mean, trial):
        self.judged.append(trial.judged.x)
        return {"distance": float(abs(trial.judged.x.mean() - mean)) + trial.seed / 10}


def record(means, gate=1.0, **changed):
    """Thresholds are such that it is beaten; `changed` makes others."""
    train, test = Rows(np.zeros((100, 2))), Rows(np.ones((50, 2)))
    published = {"value": 2.0, "matched": 2.0, "beaten": 1.5, "provenance": "S"} | {
        k: changed.pop(k) for k in ("matched", "beaten", "provenance", "higher") if k in changed
    }
    return Record(
        **{
            "id": "small",
            "paper": "Somebody 1999, Means",
            "year": 1999,
            "row": "table 1",
            "data": Data(
                "zeros", {"zeros": "0"}, "100 / 50", "none", lambda: Split(train, test), 20
            ),
            "metric": "distance of means",
            "network": "none",
            "optimiser": "none",
            "epochs": "1",
            "arms": (
                Arm("ours", "near", means.learn, means.measure, {"shift": 0}, ({"shift": 1},)),
                Arm("control", "far", means.learn, means.measure, {"shift": -3}),
            ),
            "gates": (Gate("one", 1.0, 0.01, "table 1", lambda: gate),),
            "published": (Published("distance", source="table 1", **published),),
            "conditions": (Order("distance", ("ours", "control"), by=0.5),),
        }
        | changed
    )
