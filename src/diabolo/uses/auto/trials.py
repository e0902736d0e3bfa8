"""What was tried, what came of it, and what the figures are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

PURPOSES = ("compress", "reduce", "cluster", "detect")
# purposes that have an estimator of their own, and what else it may be told
USES = {
    "detect": ("AnomalyDetector", ({"combine": "forest"}, {"combine": "mahalanobis"})),
    "cluster": ("DeepClusterer", ({"method": "mixture"}, {"method": "idec"}, {"method": "vade"})),
}
CRITERIA = {
    "compress": "nats to tell a row, code and residual",
    "cluster": "1 - modularity in the graph of nearest neighbours",
    "reduce": "squared error per feature",
    "detect": "1 - rank correlation with the mean ranking of all",
}
Settings = Mapping[str, Any]


class Trial(NamedTuple):
    """One candidate in one round."""

    family: str
    settings: Settings  # what differs from the family's defaults
    epochs: int
    seconds: float
    criterion: float  # smaller is better
    standard_error: float

    @property
    def name(self) -> str:
        words = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return f"{self.family}({words})"


class Choice(NamedTuple):
    """The model that was chosen, trained, and how it came to be."""

    model: Any
    trial: Trial
    default: Trial
    trials: tuple[Trial, ...]
    why: str
    criterion: str  # what the figures of the trials are
    seconds: float
    interrupted: bool
