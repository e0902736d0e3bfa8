"""Han et al. 2022, ADBench: anomalies in tables, by the benchmark's own protocol."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split

from diabolo.records import sets
from diabolo.records.record import (
    Arm,
    Data,
    Figures,
    Gate,
    Published,
    Record,
    Rows,
    Split,
    Within,
)
from diabolo.records.trial import Trial
from diabolo.uses.detect.detector import AnomalyDetector

REPORTED = {
    "4_breastw": "4f37ce07dbc25ddad8178fdc6d664ab46d2d0000ee28c2787c3c7ff3c03ef9f6",
    "6_cardio": "bc5009bde6930b4d298b594f31b34485a9a17210cff0e8fb00a8c3068b885a2d",
    "23_mammography": "a0308ac9712d78321073b1c2dc98dc37665c0f35c1cc33019416fe8f8d7de7ea",
    "28_pendigits": "c4936b89dcdad59d303020e492f763a0f54170080d787c77497609acbb9c2d79",
    "30_satellite": "1f048f5686f1b8c16a227fdfa3c81a62cd9a92715714a6b24c69b1c5ad96b46e",
    "31_satimage-2": "1b056e357f801b8b20c3f380a30224a3c4088d7ed764ec5a24828dc9b1918d6f",
    "32_shuttle": "26900b0f6be45d9ddb7a402c9b2f956ceda42d23a8ca4cf4406b8bc1352823d1",
    "38_thyroid": "8de161b3f235b7647bb0b39a836d983ff61d67bf234edac461da2d71e889cb87",
}
OTHERS = {
    "2_annthyroid": "e738f7c58a8740d2c4aac4c71ff49ce5e1d1aa16f44178135fc9c09df05fad1b",
    "18_Ionosphere": "bca46cb0cfd1bf9ddef6cde5ad2215d54fb0189508d0d4c4eb98e788cad69001",
    "20_letter": "f986d3da80cf1fa2aea83a5ebe73b7d4800e0d4c01fdd1ae074b58d20f10d039",
    "25_musk": "2ed3f4392197b76a1e59116ff880c7720a4b026cf4842073a53b56fdea265017",
    "26_optdigits": "60de17a375a278ba220a7849727d998aa02b5e2f9fd17732a004bba28de4656e",
    "35_SpamBase": "d0c46c7928e43f6496bcd06e09de0b70f6bc8143792dfa0a43f450263d254e9b",
    "40_vowels": "4bfc4244d1c882773bbbc50d4a5db5e52276e53506e46b2d45e02d074cfcb1b6",
    "41_Waveform": "6c9d867337ad1a2f8372c1d27f4c032f0401237e2041b7c45f00de8d319ff30f",
    "42_WBC": "650f9dcb129248f67a291be0974f533ef259fcbde50fce5c8ad2a1cb2652d03b",
    "43_WDBC": "78d4606a1ab516f5b60b00c196497f3bbd6bd5e4548fd04cf5f2475209b34b85",
}
SEEDS = 3
FEWEST, MOST = 1_000, 10_000  # rows


class Table(NamedTuple):
    """One set after the protocol: what is learned from, what is judged, which of it is strange."""

    train: np.ndarray
    test: np.ndarray
    strange: np.ndarray


def names() -> Split:
    """Names of sets instead of rows: settings are chosen on those that are not reported."""
    for name, checksum in (REPORTED | OTHERS).items():
        sets.file_of("adbench", f"{name}.npz", checksum)
    return Split(Rows(np.array(list(OTHERS))), Rows(np.array(list(REPORTED))))


@lru_cache(maxsize=64)
def table(name: str, seed: int) -> Table:
    """Small sets drawn up to 1,000 rows, large ones cut to 10,000; 70 % to learn from.

    Rows are drawn up before they are split, so copies of one are on both sides: the protocol's
    doing, kept for the sake of the comparison. Columns go to [0, 1] by what is learned from.
    """
    path = sets.file_of("adbench", f"{name}.npz", (REPORTED | OTHERS)[name])
    with np.load(path, allow_pickle=False) as stored:
        x, y = stored["X"].astype(np.float64), stored["y"].astype(int)
    random = np.random.RandomState(seed)
    if len(x) < FEWEST:
        drawn = random.choice(len(x), FEWEST, replace=True)
    elif len(x) > MOST:
        drawn = random.choice(len(x), MOST, replace=False)
    else:
        drawn = np.arange(len(x))
    x, y = x[drawn], y[drawn]
    train, test, _, strange = train_test_split(x, y, test_size=0.3, stratify=y, random_state=seed)
    low, span = train.min(0), np.ptp(train, axis=0)
    span[span == 0] = 1
    return Table((train - low) / span, (test - low) / span, strange)


def forest(one: Table, seed: int) -> np.ndarray:
    """How strange an isolation forest finds the judged rows."""
    return -IsolationForest(random_state=seed).fit(one.train).score_samples(one.test)


def components(one: Table, seed: int) -> np.ndarray:
    """Squared distances along all principal components, each in its own standard deviation."""
    mean = one.train.mean(0)
    _, size, directions = np.linalg.svd(one.train - mean, full_matrices=False)
    kept = size > 1e-6 * size[0]
    along = (one.test - mean) @ directions[kept].T / size[kept]
    return (along**2).sum(1)


Judge = Callable[[Table, int], np.ndarray]


def areas(judge: Judge, which: np.ndarray, seed: int) -> np.ndarray:
    """Areas under ROC and precision-recall curve in %, (sets, 2)."""
    rows = []
    for name in which:
        one = table(str(name), seed)
        strangeness = judge(one, seed)
        rows.append(
            (
                roc_auc_score(one.strange, strangeness),
                average_precision_score(one.strange, strangeness),
            )
        )
    return 100 * np.array(rows)


def learn(trial: Trial) -> np.ndarray:
    """A detector for each set, and how far it is behind the better of two that cost seconds."""

    def judge(one: Table, seed: int) -> np.ndarray:
        detector = AnomalyDetector(
            baseline=False, random_state=seed, n_threads=trial.n_threads, **trial.settings
        )
        return -detector.fit(one.train).score_samples(one.test)

    return areas(judge, trial.judged.x, trial.seed)


def measure(found: np.ndarray, trial: Trial) -> Figures:
    plain = [areas(judge, trial.judged.x, trial.seed)[:, 0] for judge in (forest, components)]
    return {**means(found, trial), "most behind on a set": (np.max(plain, 0) - found[:, 0]).max()}


def means(found: np.ndarray, trial: Trial) -> Figures:
    return {"mean AUROC in %": found[:, 0].mean(), "mean AP in %": found[:, 1].mean()}


def control(name: str, about: str, judge: Judge) -> Arm:
    def learn_it(trial: Trial) -> np.ndarray:
        return areas(judge, trial.judged.x, trial.seed)

    return Arm(name, about, learn_it, means)


FOREST = Gate(
    "isolation forest on eight sets, mean AUROC in %, three seeds",
    92.51,
    0.3,  # 92.34 here: other versions of the forest, and of the splits' generator
    "ADBench, table of AUROC by set",
    lambda: float(
        np.mean([areas(forest, np.array(list(REPORTED)), seed)[:, 0] for seed in range(SEEDS)])
    ),
)
HAN_2022 = Record(
    id="adbench",
    paper="Han et al. 2022, ADBench: anomaly detection benchmark",
    year=2022,
    row="eight sets, no labels",
    data=Data(
        "ADBench",
        {f"{name}.npz": checksum for name, checksum in (REPORTED | OTHERS).items()},
        "70 / 30, stratified, another split each seed; anomalies stay among the rows learned from; "
        "settings are chosen on ten other sets",
        "columns to [0, 1] by the training rows; fewer than 1,000 rows are drawn up to that, as in "
        "the benchmark, before the split",
        names,
        held_out=len(OTHERS),
    ),
    metric="areas under ROC and precision-recall curve in %, means over the sets",
    network="masked autoencoders, many small ones at once",
    optimiser="AdamW",
    epochs="by the number of rows",
    gates=(FOREST,),
    arms=(
        Arm(
            "ours",
            "how badly cells are predicted from the others, with an isolation forest's depth",
            learn,
            measure,
            settings={"combine": "forest"},
            choices=({"combine": None}, {"combine": "mahalanobis"}),
        ),
        control("isolation forest", "control", forest),
        control("principal components", "control", components),
    ),
    published=(
        Published(
            "mean AUROC in %",
            92.51,
            matched=92.3,
            beaten=93.5,
            provenance="M",
            source="isolation forest, table by set",
            higher=True,
        ),
        Published(
            "mean AP in %",
            None,
            matched=65.0,
            beaten=65.0,
            provenance="C",
            source="isolation forest, computed here",
            higher=True,
        ),
    ),
    conditions=(Within("most behind on a set", -100, 5),),
    minutes=15,
)
