"""Tables of docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterable

from diabolo.records.page import markdown
from drawn.blocks import Results, Rows, percent, said, several, span, table

STEPS = {
    "D128": "D, batch 128",
    "D1000": "D, batch 1000",
    "S": "S, batch 32",
    "stack": "32 × S at once, per model",
}


@table("step")
def step(found: Results) -> Rows:
    names = {
        "limit": "limit",
        "hand": "by hand",
        "torch": "torch",
        "diabolo": "diabolo",
        "bfloat16": "in bfloat16",
    }
    beside = {"hand": "of by hand", "torch": "of torch", "limit": "of the limit"}
    yield "", *names.values(), *beside.values()
    for section, title in STEPS.items():
        of = found[section]
        yield (
            title,
            *(duration(of[name]["µs"]) if name in of else "" for name in names),
            *(f"{of[name]['times diabolo']:.2f}" if name in of else "" for name in beside),
        )


@said("step")
def step_machine(found: Results) -> Iterable[str]:
    of_d, of_s = (found.settings(section) for section in ("D128", "S"))
    yield (
        f"{found.machine(*STEPS)}; D on {several(of_d['threads'], 'thread')}, S on "
        f"{several(of_s['threads'], 'thread')}; {of_d['clock']} time, {of_d['rounds']} rounds:"
    )


@table("fit")
def whole_fit(found: Results) -> Rows:
    of = found["whole fit"]
    yield "", "a step", "of torch"
    yield "torch, `Adam(fused=True)`", duration(of["µs a step"]["torch"]), "1"
    yield "`Autoencoder.fit`", duration(of["µs a step"]["diabolo"]), f"{of['time, torch = 1']:.3f}"


@said("fit")
def first_step(found: Results) -> Iterable[str]:
    small, large = (found["first step"][net] for net in "SD")
    yield (
        "From the call of `fit` to the end of its first step: "
        f"{duration(1e6 * small['seconds'])} on S with {small['rows']:,} rows, "
        f"{duration(1e6 * large['seconds'])} on D with {large['rows']:,} rows "
        f"({found.machine('first step')})."
    )


@table("neighbour")
def neighbour(found: Results) -> Rows:
    names = {
        "torch": "torch, all threads",
        "fixed": "diabolo, all threads",
        "chosen": "diabolo, threads chosen",
    }
    yield "", "alone", "with a neighbour", "slower"
    for name, title in names.items():
        alone, beside = found["contestants"][name].values()
        yield title, f"{alone:.1f} ms", f"{beside:.1f} ms", f"{beside / alone:.2f} times"


@said("neighbour")
def neighbour_machine(found: Results) -> Iterable[str]:
    asked = found.settings("contestants")
    yield (
        f"Net D at batch 128, {asked['seconds']:g} seconds each, first steps and trials included, "
        f"{several(asked['threads'], 'thread')} ({found.machine('contestants')}):"
    )


@said("encode")
def encode(found: Results) -> Iterable[str]:
    sections = sorted(found)
    rows = [
        (
            "threads",
            "rows a second",
            "of bare matrix products",
            "memory beyond data and codes",
            "rows a second by eight bits",
            "× float32",
            "codes off by",
            "error of decoded rows",
            "neighbours kept",
        )
    ]
    for section in sections:
        of = found[section]
        price = of["price of eight bits"]
        rows.append(
            (
                section.split()[0],
                f"{of['rows'] / of['seconds']:,.0f}",
                f"{of['share of the limit']:.2f}",
                f"{of['MB beyond data and codes']:.0f} MB",
                f"{of['rows'] / of['seconds by eight bits']:,.0f}",
                f"{of['speed by eight bits']:.1f}",
                percent(price["code"], "{:.1f} %"),
                percent(price["reconstruction"], "{:+.1f} %"),
                percent(price["neighbours"]),
            )
        )
    count = span([found[section]["rows"] for section in sections], "{:,}")
    yield f"{count} rows through 784-1000-500-250-30 ({found.machine(*sections)}):"
    yield markdown(rows)


TASKS = {
    "small": "Net S, batch 32",
    "large-128": "Net D, batch 128",
    "large-1000": "Net D, batch 1000",
    "many": "32 × S at once, steps of one of them",
    "encode": "Encoding by D",
    "quality": "The shortest fit of D that rebuilds held-out rows as well as asked",
}
COLUMNS = {  # key of a contestant's figures → head, form
    "us_per_step": ("µs a step", "{:,.0f}"),
    "seconds": ("seconds", "{:.1f}"),
    "rows_per_s": ("rows a second", "{:,.0f}"),
    "times_diabolo": ("× diabolo", "{:.2f}"),
    "first_fit_s": ("first fit", "{:.2f} s"),
    "import_s": ("import", "{:.1f} s"),
    "peak_mb": ("memory", "{:,.0f} MB"),
}


@said("peers", "python bench/peers.py --venv PATH")
def peers(found: Results) -> Iterable[str]:
    """A table for each task that has been measured."""
    for task in found.those(*TASKS):
        of = found[task]
        setting, contestants = of["setting"], of["contestants"]
        rounds = max(one["rounds"] for one in contestants.values())
        yield (
            f"{TASKS[task]}; {several(setting['threads'], 'thread')}, {setting['clock']} time, "
            f"{several(rounds, 'round')} ({found.machine(task)}):"
        )
        yield markdown([*_contest(contestants)])
        if of["left_out"]:
            reasons = "; ".join(f"{name} ({why})" for name, why in of["left_out"].items())
            yield f"Left out: {reasons}."


def _contest(contestants: dict) -> Rows:
    """The quickest first."""
    every = contestants.values()
    columns = {k: v for k, v in COLUMNS.items() if any(one.get(k) is not None for one in every)}
    if "us_per_step" in columns:
        columns.pop("rows_per_s", None)  # the same once more
    untold = {("torch by hand", "import_s")}  # it takes its data by way of diabolo
    yield "", *(head for head, _ in columns.values())
    for name in sorted(contestants, key=lambda name: contestants[name]["times_diabolo"] or 1e9):
        of = contestants[name]
        cells = [
            "—" if of.get(key) is None or (name, key) in untold else form.format(of[key])
            for key, (_, form) in columns.items()
        ]
        yield name if name.startswith("diabolo") else f"{name} {of['version']}", *cells


@table("scaling")
def scaling(found: Results) -> Rows:
    units = {
        "rows": ("row", "rows"),
        "features": ("feature", "features"),
        "code": ("unit of the code", "units of the code"),
        "depth": ("hidden level", "hidden levels"),
    }
    yield "", "training", "encoding", "multiplications, × the smallest"
    for axis, (one, many) in units.items():
        rows = found["one_thread"][axis]
        for row in rows:
            yield (
                f"{row[axis]:,} {one if row[axis] == 1 else many}",
                f"{row['step_us_per_row']:.1f}",
                f"{row['encode_us_per_row']:.1f}",
                f"{row['products'] / rows[0]['products']:.1f}",
            )


@said("scaling")
def scaling_machine(found: Results) -> Iterable[str]:
    asked = found.settings("one_thread")
    how = f"{asked['clock']} time, {several(asked['rounds'], 'round')}, " if asked else ""
    yield f"µs a row, {how}one thread ({found.machine('one_thread')}):"


@said("memory")
def memory(found: Results) -> Iterable[str]:
    of = found["epoch"]
    ways = {"path": "from its path", "map": "from a memory map", "memory": "when it is loaded"}
    used = [
        f"{of[way]['MB beyond torch']:,.0f} MB {text}" for way, text in ways.items() if way in of
    ]
    same = "the same codes, bit for bit" if of["same codes"] else "codes that differ"
    yield (
        f"A .npy of {of['bytes'] / 1e9:.1f} GB trains for an epoch in {', '.join(used)}, beyond "
        f"what torch takes; with {same}."
    )


def duration(µs: float) -> str:
    """Three digits.

    >>> duration(105.74), duration(13_520), duration(1_066_000)
    ('106 µs', '13.5 ms', '1.07 s')
    """
    for unit in ("µs", "ms"):
        if µs < 999.5:
            return f"{µs:.3g} {unit}"
        µs /= 1000
    return f"{µs:.3g} s"
