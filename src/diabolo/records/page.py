"""docs/results.md, from the stored results alone."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from diabolo.files import write_atomically
from diabolo.records.papers import RECORDS
from diabolo.records.results import last
from diabolo.records.summary import choice_table, figure_table, number, overview, says

QUALITY = "quality.json"  # what bench/quality.py measures besides the papers' tables
SOAK = "soak.json"  # what the long tests counted
MUTANTS = "mutants.json"  # which changes of the code the tests noticed
TAKEN_OVER = {"hinton": "hinton2006", "burda": "burda2016", "contraction": "rifai2011"}
BARS = "▁▂▃▄▅▆▇█"
POINTS = 40  # of a curve


def write_page(results: Path, path: Path) -> None:
    """Everything in the folder of results as one page of Markdown."""
    write_atomically(path, [page(results).encode()])


def page(results: Path) -> str:
    documents = [last(record, results) for record in RECORDS.values()]
    parts = [
        "# Results on real data\n",
        "Written by `diabolo reproduce --write-docs docs/results.md` from `results/`.\n",
        "Settings were chosen on rows held out of the training set; each trained model sees the "
        "test rows once. *Unverified reference*: the published number was quoted from memory. "
        "Figures are means over seeds, *worst* the worst seed; times are those of a machine with "
        "two cores that did other work, too.\n",
        "## The papers' tables\n",
        markdown(overview(documents)) + "\n",
        *(_of_record(document) for document in documents if document["runs"]),
    ]
    quality = results / QUALITY
    if quality.exists():
        recorded = [document["id"] for document in documents if document["runs"]]
        parts += _quality(json.loads(quality.read_text()), recorded)
    parts += _counts(results)
    return "\n".join(parts)


def _of_record(document: Mapping[str, Any]) -> str:
    lines = [
        f"### {document['id']}\n",
        f"{document['paper']}, {document['row']}. {document['network']}; {document['optimiser']}; "
        f"epochs: {document['epochs']}. Data: {document['data']['name']}, "
        f"{document['data']['split']}; {document['data']['preprocessing']}. "
        f"Measured: {document['metric']}.\n",
        f"**{says(document)}**\n",
        markdown(figure_table(document)) + "\n",
        *(f"* {arm['name']}: {arm['about']}" for arm in document["arms"]),
        *(f'* for "beaten" also: {words}' for words in document["conditions"]),
        "",
    ]
    if document["gates"]:
        gates = [
            (g["name"], number(g["found"]), f"{g['expected']:g}", "yes" if g["holds"] else "**no**")
            for g in document["gates"]
        ]
        lines += [markdown([("gate", "here", "published", "holds"), *gates]) + "\n"]
    lines += _curves(document["runs"])
    if document["choices"]:
        lines += [
            "On held-out training rows:\n",
            markdown(choice_table(document["choices"])) + "\n",
        ]
    return "\n".join([*lines, f"{_speed(document)}{_machines(document['runs'])}\n"])


def _curves(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The loss of each arm's first seed, epoch by epoch, on a logarithmic scale."""
    rows = [
        (run["arm"], name, number(curve[0]), sparkline(curve), number(curve[-1]))
        for run in runs
        if run["seed"] == 0
        for name, curve in run["curves"].items()
        if len(curve) > 1
    ]
    heads = ("arm", "fit", "first epoch", "loss", "last epoch")
    return [markdown([heads, *rows]) + "\n"] if rows else []


def sparkline(curve: Sequence[float]) -> str:
    """
    >>> sparkline([8, 4, 2, 1])
    '█▆▃▁'
    """
    from math import log

    step = max(1, -(-len(curve) // POINTS))
    lowest = min(curve)
    kept = [log(1 + value - lowest) if lowest <= 0 else log(value) for value in curve[::step]]
    low, high = min(kept), max(kept)
    span = high - low or 1.0
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in kept)


def _speed(document: Mapping[str, Any]) -> str:
    """How fast the first arm computed, where its work was counted."""
    first = document["arms"][0]["name"]
    seconds = [run["seconds"] for run in document["runs"] if run["arm"] == first]
    if not document["gflop"] or not seconds:
        return ""
    rate = document["gflop"] / statistics.fmean(seconds)
    return f"{first}: {document['gflop']:,.0f} GFLOP a seed, {rate:.0f} GFLOP/s. "


def _machines(runs: Iterable[Mapping[str, Any]]) -> str:
    said = dict.fromkeys(
        f"{run['hardware']['processor']}, {run['hardware']['threads']} of "
        f"{run['hardware']['cores']} cores, torch {run['versions']['torch']}"
        for run in runs
    )
    return "; ".join(said) + "."


def _quality(results: Mapping[str, Any], recorded: Sequence[str]) -> list[str]:
    """What the records do not say already."""
    parts = ["## Other measurements\n", "By `python bench/quality.py`.\n"]
    for name, result in results.items():
        if TAKEN_OVER.get(name) in recorded:
            continue
        seeds = f"{result['seeds']} seed{'s' if result['seeds'] > 1 else ''}"
        parts += [f"### {name.capitalize()}\n"]
        parts += [result["about"] + "\n"] if "about" in result else []
        table = markdown(cells(averaged(result["runs"])))
        parts += [f"{table}\n", f"{seeds}; {result['machine']}.\n"]
    return parts


def _counts(results: Path) -> list[str]:
    """What the last long runs of the tests counted."""
    parts: list[str] = []
    if (results / SOAK).exists():
        sections = json.loads((results / SOAK).read_text())
        rows = [(gate, _said(one["figures"]), _made(one["made"])) for gate, one in sections.items()]
        table = markdown([("gate", "counts of the last run", "on"), *sorted(rows)])
        parts += ["## Long tests\n", "By `make soak`, gate by gate.\n", table + "\n"]
    if (results / MUTANTS).exists():
        sections = json.loads((results / MUTANTS).read_text())
        parts += ["## Mutants\n", f"{_of_mutants(sections)}\n"]
        parts += [markdown(cells(sections["files"]["figures"])) + "\n"]
        parts += [_made(sections["files"]["made"]) + ".\n"]
    return parts


def _said(figures: Mapping[str, Any]) -> str:
    """
    >>> _said({"kills": 1200, "wrong": 0, "seconds": 61})
    '1,200 kills; 0 wrong; 61 seconds'
    """
    return "; ".join(
        f"{name}: {value}" if isinstance(value, str) else f"{value:,} {name}"
        for name, value in figures.items()
    )


def _of_mutants(sections: Mapping[str, Any]) -> str:
    files, survivors = sections["files"]["figures"], sections["survivors"]["figures"]
    killed, run, made = (sum(row[key] for row in files) for key in ("killed", "run", "mutants"))
    left = f"; {made - run:,} were not run" if made > run else ""
    return (
        f"By `make mutants`: small changes of the code, each under the tests of its own file. "
        f"{killed:,} of {run:,} were noticed, {100 * killed / run:.1f} %{left}; of the "
        f"{survivors['all']} that live, {survivors['with a reason']} have a reason in "
        "`results/mutants.txt`."
    )


def _made(made: Mapping[str, Any]) -> str:
    hardware, versions = made["hardware"], made["versions"]
    return f"{hardware['processor']}, {hardware['cores']} cores, torch {versions['torch']}"


def cells(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Heads, then the rows under them.

    >>> cells([{"net": "a", "error": 1.25}, {"net": "b"}])
    [('net', 'error'), ('a', '1.25'), ('b', '')]
    """
    heads = tuple(dict.fromkeys(key for row in rows for key in row))
    return [heads, *(tuple(_cell(row.get(head, "")) for head in heads) for row in rows)]


def averaged(runs: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Row by row, the mean over seeds.

    >>> averaged([[{"net": "a", "error": 1.0}], [{"net": "a", "error": 3.0}]])
    [{'net': 'a', 'error': 2.0}]
    """
    rows = []
    for same in zip(*runs, strict=True):
        row = {}
        for key, value in same[0].items():
            values = [one[key] for one in same]
            row[key] = value if isinstance(value, str) else statistics.fmean(values)
        rows.append(row)
    return rows


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else number(value)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """
    >>> print(markdown([("a", "b"), ("1", "2")]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    heads, *others = rows
    lines = [heads, ["---"] * len(heads), *others]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
