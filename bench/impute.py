"""Missing cells of small mixed tables: how well, and how well calibrated, beside other imputers.

    python bench/impute.py                       three tables, three seeds, all imputers
    python bench/impute.py --tables mpg --seeds 1

Of the known cells of a table 15 % are hidden. Every imputer is fitted to what is left, and fills
it. Numbers: root of the mean squared error over hidden cells, in standard deviations of the
visible cells of a column. Categories: share of hidden cells that are filled wrongly. Those of
scikit-learn get categories one-hot (missing ones as gaps) and answer with the largest entry.

Draws: share of hidden numbers inside the central 50, 80 and 90 % of 200 draws (of draws that are
equal, as whole numbers often are, a random part counts as below); expected
calibration error of the draws' most frequent category (10 bins).

The table is written to results/impute.json.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from kept import keep
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

from diabolo import Imputer

ROOT = Path(__file__).resolve().parents[1]
TABLES: dict[str, tuple[str, ...]] = {  # and the columns that are left out
    # these say once more what others say, so that every imputer could look them up
    "titanic": ("class", "who", "adult_male", "embark_town", "alive", "alone"),
    "penguins": (),
    "mpg": ("name",),  # free text
}
SEEDS = 3
HIDDEN = 0.15
INTERVALS = (0.5, 0.8, 0.9)
DRAWS = 200


def table(name: str) -> pl.DataFrame:
    frame = pl.read_csv(Path(os.environ["DIABOLO_DATA"]) / "tables" / f"{name}.csv")
    return frame.drop(TABLES[name])


def with_gaps(frame: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """The frame with hidden cells, and which they are, (n, d) bool."""
    known = ~np.column_stack([column.is_null() for column in frame])
    hidden = known & (np.random.default_rng(seed).random(known.shape) < HIDDEN)
    columns = [
        pl.select(pl.when(pl.Series(hidden[:, j])).then(None).otherwise(column))
        .to_series()
        .alias(column.name)
        for j, column in enumerate(frame)
    ]
    return pl.DataFrame(columns), hidden


def is_number(column: pl.Series) -> bool:
    return column.dtype.is_numeric()


# others


def scikit_learn(make: Callable[[int], Any]) -> Callable[[pl.DataFrame, int], pl.DataFrame]:
    """An imputer of scikit-learn on standardised numbers and one-hot categories."""

    def fill(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
        blocks, names = [], []
        for column in frame:
            if is_number(column):
                x = column.cast(pl.Float64).to_numpy()
                m, s = np.nanmean(x), np.nanstd(x) or 1.0
                blocks.append(((x - m) / s)[:, None])
                names.append((column.name, m, s))
            else:
                values = column.drop_nulls().unique().sort().to_list()
                hot = np.array([[float(cell == v) for v in values] for cell in column])
                hot[column.is_null().to_numpy()] = np.nan
                blocks.append(hot)
                names.append((column.name, values, None))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            filled = make(seed).fit_transform(np.hstack(blocks))
        columns, start = [], 0
        for (name, m, s), block in zip(names, blocks, strict=True):
            own = filled[:, start : start + block.shape[1]]
            start += block.shape[1]
            if s is None:
                columns.append(pl.Series(name, [m[i] for i in own.argmax(1)]))
            else:
                columns.append(pl.Series(name, own[:, 0] * s + m))
        return pl.DataFrame(columns)

    return fill


def means_and_modes(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    return frame.with_columns(
        column.cast(pl.Float64).fill_null(column.mean())
        if is_number(column)
        else column.fill_null(column.drop_nulls().mode().sort()[0])
        for column in frame
    )


OTHERS = {
    "mean, mode": means_and_modes,
    "5 nearest neighbours": scikit_learn(lambda seed: KNNImputer(n_neighbors=5)),
    "iterative, Bayesian ridge": scikit_learn(
        lambda seed: IterativeImputer(random_state=seed, max_iter=10)
    ),
    "iterative, 50 extra trees": scikit_learn(
        lambda seed: IterativeImputer(
            ExtraTreesRegressor(50, random_state=seed, n_jobs=1), random_state=seed, max_iter=5
        )
    ),
}


# measures


def errors(truth: pl.DataFrame, gaps: pl.DataFrame, hidden: np.ndarray, filled: pl.DataFrame):
    """(root mean squared error of numbers, share of wrong categories) over all hidden cells."""
    squares, wrong = [], []
    for j, column in enumerate(truth):
        at = np.flatnonzero(hidden[:, j])
        if is_number(column):
            scale = gaps[:, j].cast(pl.Float64).std() or 1.0
            found = filled[:, j].cast(pl.Float64).to_numpy()[at]
            squares += list(((found - column.cast(pl.Float64).to_numpy()[at]) / scale) ** 2)
        else:
            wrong += [filled[int(i), j] != column[int(i)] for i in at]
    return float(np.sqrt(np.mean(squares))), float(np.mean(wrong))


def calibration(truth: pl.DataFrame, hidden: np.ndarray, draws: list[pl.DataFrame]):
    """Coverage of each interval, and the expected calibration error of categories."""
    inside: dict[float, list[bool]] = {level: [] for level in INTERVALS}
    confidence, right, tie = [], [], np.random.default_rng(0)
    for j, column in enumerate(truth):
        at = [int(i) for i in np.flatnonzero(hidden[:, j])]
        if is_number(column):
            values = np.array([draw[:, j].cast(pl.Float64).to_numpy()[at] for draw in draws])
            x = column.cast(pl.Float64).to_numpy()[at]
            # where x stands among the draws; ties, of whole numbers, are broken at random
            below, equal = (values < x).mean(0), (values == x).mean(0)
            place = below + tie.random(len(x)) * np.maximum(equal, 1 / len(draws))
            for level in INTERVALS:
                inside[level] += list(np.abs(place - 0.5) <= level / 2)
        else:
            drawn = np.array([[draw[i, j] for i in at] for draw in draws], dtype=object)
            for k, i in enumerate(at):
                names, counts = np.unique(drawn[:, k].astype(str), return_counts=True)
                confidence.append(counts.max() / len(draws))
                right.append(str(column[i]) == names[counts.argmax()])
    confidence_, right_ = np.array(confidence), np.array(right, float)
    bins = np.minimum((confidence_ * 10).astype(int), 9)
    error = sum(
        abs(confidence_[bins == b].mean() - right_[bins == b].mean()) * (bins == b).mean()
        for b in set(bins.tolist())
    )
    return {level: float(np.mean(hits)) for level, hits in inside.items()}, float(error)


def run(names: list[str], seeds: int, others: bool, threads: int | None) -> list[dict[str, Any]]:
    rows = []
    for name in names:
        truth = table(name)
        for seed in range(seeds):
            gaps, hidden = with_gaps(truth, seed)
            for other, fill in OTHERS.items() if others else ():
                began = time.perf_counter()
                numbers, categories = errors(truth, gaps, hidden, fill(gaps, seed))
                seconds = time.perf_counter() - began
                rows.append(row(name, other, seed, numbers, categories, seconds))
            began = time.perf_counter()
            imputer = Imputer(random_state=seed, n_threads=threads)
            filled = imputer.fit_transform(gaps)
            seconds = time.perf_counter() - began
            own = row(name, "Imputer", seed, *errors(truth, gaps, hidden, filled), seconds)
            coverage, error = calibration(
                truth, hidden, imputer.draws(gaps, DRAWS, random_state=seed)
            )
            rows.append(own | {"coverage": coverage, "calibration_error": error})
            print(
                f"  {'':26} seed {seed}: coverage "
                + ", ".join(f"{level:.0%} → {share:.1%}" for level, share in coverage.items())
                + f"; calibration error of categories {error:.3f}",
                flush=True,
            )
    return rows


def row(table_: str, imputer: str, seed: int, numbers: float, categories: float, seconds: float):
    print(
        f"{table_:10} {imputer:26} seed {seed}: {numbers:.3f} / {categories:.3f}  {seconds:.1f} s",
        flush=True,
    )
    return {
        "table": table_,
        "imputer": imputer,
        "seed": seed,
        "numbers": numbers,
        "categories": categories,
        "seconds": round(seconds, 2),
    }


def summary(rows: list[dict[str, Any]]) -> str:
    tables = list(dict.fromkeys(one["table"] for one in rows))
    lines = [f"{'':28}" + "".join(f"{name:>16}" for name in tables)]
    for imputer in dict.fromkeys(one["imputer"] for one in rows):
        cells = []
        for name in tables:
            own = [r for r in rows if (r["table"], r["imputer"]) == (name, imputer)]
            numbers, categories = (
                statistics.mean(r[what] for r in own) for what in ("numbers", "categories")
            )
            cells.append(f"{numbers:.3f} / {categories:.3f}")
        lines.append(f"{imputer:28}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="*", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--own", action="store_true", help="without the others")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    rows = run(given.tables, given.seeds, not given.own, given.threads)
    print(summary(rows))
    if not given.own:
        for name in given.tables:
            own = [row for row in rows if row["table"] == name]
            keep("impute", whole=given.seeds >= SEEDS, **{name: own})


if __name__ == "__main__":
    main()
