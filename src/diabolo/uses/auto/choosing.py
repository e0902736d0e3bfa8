"""A model for these rows within this time, please."""

from __future__ import annotations

import math
import re
from typing import Any

from diabolo.data.sources import open_dataset
from diabolo.estimators.seeds import Seeds
from diabolo.uses.auto.search import Progress, Search
from diabolo.uses.auto.trials import PURPOSES, Choice

FEWEST = 40  # rows: a fifth judges, and of the others the fits hold out a tenth


def seconds_of(budget: str | float) -> float:
    """
    >>> seconds_of("5m"), seconds_of("90s"), seconds_of("1.5h"), seconds_of(30)
    (300.0, 90.0, 5400.0, 30.0)
    """
    if isinstance(budget, int | float) and not isinstance(budget, bool):
        number, unit = float(budget), "s"
    else:
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*(s|m|h|sec|min|)\s*", str(budget))
        if found is None:
            raise ValueError(
                f"a budget of {budget!r} is no time: write seconds, minutes or hours, as in 90s, "
                "5m or 1.5h."
            )
        number, unit = float(found[1]), (found[2] or "s")[0]
    seconds = number * {"s": 1, "m": 60, "h": 3600}[unit]
    if not 0 < seconds < math.inf:
        raise ValueError(f"a budget of {budget!r} leaves no time: give a second at least.")
    return seconds


def choose(
    X: Any,
    budget: str | float = "5m",
    purpose: str = "compress",
    *,
    n_components: int | None = None,
    schema: Any = None,
    random_state: Any = None,
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Choice:
    """The model for rows X that came out best within the budget, trained on all of them.

    budget : of wall clock, "90s", "5m", "1.5h" or seconds. An epoch that has begun is finished.
    purpose : "compress", "reduce", "cluster" or "detect".
    n_components : code size, if it is not to be chosen; for "reduce" None is the default size.
    progress : told in a line whatever happens.

    Ctrl-C ends the search and keeps the best so far.
    """
    seconds = seconds_of(budget)
    if purpose not in PURPOSES:
        raise ValueError(f"purpose={purpose!r} is unknown. Known are {', '.join(PURPOSES)}.")
    dataset = open_dataset(X, schema=schema)
    if len(dataset) < FEWEST:
        raise ValueError(
            f"{dataset.source} has {len(dataset)} rows, too few to choose by: {FEWEST} are needed. "
            "Use a family with its defaults."
        )
    search = Search.on(
        dataset, seconds, purpose, n_components, Seeds.of(random_state), n_threads, progress
    )
    return search.run()
