"""What runs come to: medians, how many times as long as diabolo, a table."""

from __future__ import annotations

from statistics import median
from typing import Any

OURS = "diabolo"
Runs = dict[str, list[dict[str, Any]]]  # contestant → figures of each of its rounds
LEADING = {"epoch": "epoch_s", "many": "epoch_s", "encode": "rows_per_s", "quality": "seconds"}


def summary(task: dict[str, Any], runs: Runs) -> dict[str, Any]:
    """Medians, and how many times as long as diabolo everybody took: medians of the rounds'."""
    key = LEADING[task["kind"]]
    figures = {}
    for name, rounds in runs.items():
        row: dict[str, Any] = {"version": rounds[0]["version"], "rounds": len(rounds)}
        for field, value in rounds[0].items():
            if isinstance(value, float | int):
                values = [each[field] for each in rounds if each[field] is not None]
                row[field] = median(values) if values else None
        if task["kind"] in ("epoch", "many"):
            row["us_per_step"] = 1e6 * row["epoch_s"] * task["batch"] / task["rows"]
            row["rows_per_s"] = task["rows"] / row["epoch_s"]
        if task["kind"] == "quality":
            row["tried"] = rounds[0]["tried"]
        row["times_diabolo"] = ratio(key, rounds, runs.get(OURS, []))
        figures[name] = row
    return figures


def ratio(key: str, theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> float | None:
    pairs = [
        (a[key], b[key]) if key != "rows_per_s" else (b[key], a[key])
        for a, b in zip(theirs, ours, strict=False)
    ]
    whole = [a / b for a, b in pairs if a is not None and b is not None]
    return median(whole) if whole else None


HEADS = {
    "rows_per_s": ("rows/s", "{:,.0f}"),
    "us_per_step": ("µs a step", "{:,.1f}"),
    "seconds": ("seconds", "{:.1f}"),
    "epochs": ("epochs", "{:.0f}"),
    "times_diabolo": ("× diabolo", "{:.2f}"),
    "first_fit_s": ("first fit s", "{:.2f}"),
    "import_s": ("import s", "{:.2f}"),
    "peak_mb": ("peak MB", "{:,.0f}"),
}


def table(figures: dict[str, Any]) -> str:
    """Contestants, the quickest first."""
    columns = [key for key in HEADS if any(key in row for row in figures.values())]
    rows = [["", *(HEADS[key][0] for key in columns)]]
    order = sorted(figures, key=lambda name: figures[name]["times_diabolo"] or float("inf"))
    for name in order:
        values = [figures[name].get(key) for key in columns]
        cells = [
            "—" if value is None else HEADS[key][1].format(value)
            for key, value in zip(columns, values, strict=True)
        ]
        rows.append([name, *cells])
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    return "\n".join(
        "  "
        + row[0].ljust(widths[0])
        + "".join(c.rjust(w + 2) for c, w in zip(row[1:], widths[1:], strict=True))
        for row in rows
    )
