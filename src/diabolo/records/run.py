"""Carries out a record: gates → arms × seeds → verdict; each finished run is stored at once.

The settings stand in the record. They were chosen with `choose`, which sees the training rows
alone; `reproduce` measures each trained model once on the test rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from diabolo.records import machine, verdict
from diabolo.records.record import Arm, Figures, NotHereError, Record, Split
from diabolo.records.results import Results, fingerprint
from diabolo.records.trial import FULL, QUICK, Pace, Trial

Report = Callable[[str], None]
FOLDER = Path("results")
CHOOSING_SEED = 1000  # none of those that are reported


def reproduce(
    record: Record,
    *,
    seeds: int | None = None,
    quick: bool = False,
    pace: Pace | None = None,
    folder: Path = FOLDER,
    n_threads: int | None = None,
    report: Report = lambda line: None,
) -> dict[str, Any]:
    """The whole result as plain data, as it is stored in `folder`/<id>.json.

    seeds : None: as many as the record asks for; with fewer there is no verdict.
    quick : a fiftieth of the work with one seed; nothing is stored or compared.
    pace : of a quick run.
    Runs that are stored already are not made again; one that was killed goes on where it was.
    """
    pace = (pace or QUICK) if quick else FULL
    results = Results.read(None if quick else folder / f"{record.id}.json", record)
    if record.needs:
        return results.document(record, verdict.of_record(record, {}, [], quick), quick)
    try:
        split = record.data.load()
        gates = _gates(record, report)
    except NotHereError as error:
        return results.document(record, verdict.not_comparable(str(error)), quick)
    results.gates = gates
    if all(gate["holds"] for gate in gates):
        count = 1 if quick else record.seeds if seeds is None else seeds
        _run_all(record, split, results, count, pace, folder, n_threads, report)
    found = verdict.of_record(record, results.runs(), gates, quick)
    document = results.document(record, found, quick)
    if not quick:
        results.write(document)
    return document


def _gates(record: Record, report: Report) -> list[dict[str, Any]]:
    rows = []
    for gate in record.gates:
        began = time.perf_counter()
        found = gate.measure()
        row = {
            "name": gate.name,
            "expected": gate.expected,
            "tolerance": gate.tolerance,
            "source": gate.source,
            "found": found,
            "holds": gate.holds(found),
            "seconds": time.perf_counter() - began,
        }
        says = "holds" if row["holds"] else "IS OFF"
        report(f"gate   {gate.name}: {found:.5g}, published {gate.expected:g}: {says}")
        rows.append(row)
    return rows


def _run_all(
    record: Record,
    split: Split,
    results: Results,
    seeds: int,
    pace: Pace,
    folder: Path,
    n_threads: int | None,
    report: Report,
) -> None:
    for seed in range(seeds):
        for arm in record.arms:
            mark = fingerprint(record, arm)
            if results.has(arm.name, seed, mark):
                continue
            kept = None if pace is not FULL else folder / f".{record.id}-{arm.name}-{seed}-{mark}"
            trial = Trial(
                arm.settings,
                seed,
                pace.shortened(split.train),
                pace.shortened(split.test),
                pace,
                kept,
                n_threads,
            )
            figures, seconds = carried_out(arm, trial)
            results.add(
                {
                    "arm": arm.name,
                    "seed": seed,
                    "settings": dict(arm.settings),
                    "fingerprint": mark,
                    "figures": figures,
                    "seconds": seconds,
                    "fit_seconds": trial.seconds,
                    "curves": trial.curves,
                    **machine.described(),
                }
            )
            trial.clear()
            report(f"run    {arm.name}, seed {seed}: {shown(figures)} ({seconds:.0f} s)")


def carried_out(arm: Arm, trial: Trial) -> tuple[Figures, float]:
    """The figures of one arm and seed, and how long they took."""
    began = time.perf_counter()
    learned = arm.learn(trial)
    figures = {name: float(value) for name, value in arm.measure(learned, trial).items()}
    return figures, time.perf_counter() - began


def choose(
    record: Record,
    *,
    arms: tuple[str, ...] = (),
    quick: bool = False,
    folder: Path = FOLDER,
    n_threads: int | None = None,
    report: Report = lambda line: None,
) -> list[dict[str, Any]]:
    """Each arm's candidate settings on held-out training rows; the table goes to the results.

    The test rows are not loaded into it. Candidates that stand in the results are not run again.
    """
    pace = QUICK if quick else FULL
    results = Results.read(None if quick else folder / f"{record.id}.json", record)
    split = record.data.for_choosing()
    for arm in record.arms:
        if arms and arm.name not in arms:
            continue
        for change in ({}, *arm.choices):
            settings = {**arm.settings, **change}
            if results.has_choice(arm.name, settings):
                continue
            train, judged = pace.shortened(split.train), pace.shortened(split.test)
            trial = Trial(settings, CHOOSING_SEED, train, judged, pace, None, n_threads)
            figures, seconds = carried_out(arm, trial)
            row = {"arm": arm.name, "settings": settings, "figures": figures, "seconds": seconds}
            results.choices.append(row)
            report(f"choice {arm.name}, {said(change)}: {shown(figures)} ({seconds:.0f} s)")
            if not quick:
                results.write()
    return results.choices


def said(change: Mapping[str, Any]) -> str:
    """
    >>> said({"lr": 0.01, "epochs": 3}), said({})
    ('lr 0.01, epochs 3', 'as in the record')
    """
    return ", ".join(f"{name} {value}" for name, value in change.items()) or "as in the record"


def shown(figures: Figures) -> str:
    """
    >>> shown({"error in %": 1.234567, "seconds": 12.0})
    'error in % 1.235, seconds 12'
    """
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
