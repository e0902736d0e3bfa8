"""`diabolo edit`: rows changed by way of their codes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Group, Parameter

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, Json, Model, Split, Target, output
from diabolo.cli.targets import check_target
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    import numpy as np

    from diabolo.data.sources import Dataset
    from diabolo.estimators.learner import Learner

WHAT = Group("What to do, one of these", sort_key=5)
SHEET = ".png"
SHOWN = 8  # rows where none are named
WITH_LABELS, WITHOUT = "0,0.5,1,1.5,2", "-2,-1,0,1,2"


class Line(NamedTuple):
    """Rows that stand beside each other: those given, what was made of them, and its name."""

    before: np.ndarray
    made: np.ndarray
    after: np.ndarray
    names: list[str]


def edit(
    model: Model,
    data: Data,
    /,
    *,
    output: Annotated[
        Path, output(".png for strips of images, or .csv, .parquet, .npy for the rows made.")
    ],
    to: Annotated[
        str | None, Parameter(group=WHAT, help="Move rows towards this label of the data.")
    ] = None,
    component: Annotated[
        int | None, Parameter(group=WHAT, help="Move rows along a principal direction of codes.")
    ] = None,
    factor: Annotated[
        int | None,
        Parameter(group=WHAT, help="Move rows along a factor of the decoder's first matrix."),
    ] = None,
    between: Annotated[
        list[str] | None,
        Parameter(
            group=WHAT, negative="", help="Go from one row to another, by their numbers: 3,7."
        ),
    ] = None,
    combine: Annotated[
        list[str] | None,
        Parameter(group=WHAT, negative="", help="Decode a - b + c, by numbers of rows: 4,9,2."),
    ] = None,
    away: Annotated[
        str | None, Parameter("--from", help="With --to: from this label. Default: from others.")
    ] = None,
    by: Annotated[
        str, Parameter(help="With --to: means (their difference) or probe (its normal).")
    ] = "means",
    hold: Annotated[
        list[str] | None, Parameter(negative="", help="With --to: labels to leave alone.")
    ] = None,
    strengths: Annotated[
        str | None,
        Parameter(
            allow_leading_hyphen=True,
            help=f"How far to move, such as {WITH_LABELS}; 1 is from one label's mean to the "
            "other's, or a standard deviation.",
        ),
    ] = None,
    path: Annotated[
        str, Parameter(help="With --between: linear, spherical or geodesic.")
    ] = "linear",
    steps: Annotated[int, Parameter(help="With --between: points on the way, with its ends.")] = 9,
    rows: Annotated[
        str | None, Parameter(help=f"Numbers of the rows to move. Default: the first {SHOWN}.")
    ] = None,
    refine: Annotated[
        int,
        Parameter(help="Steps of a search for better codes. Generators, without encoder, get 300."),
    ] = 0,
    context: Annotated[
        str | None,
        Parameter(help="Numbers that all rows share, such as 0,1,0, for models with a context."),
    ] = None,
    target: Target = None,
    split: Split = "train",
    seed: Annotated[int, Parameter(help="Of the search for codes.")] = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Change rows by changing their codes, and measure what that does.

    Directions are found in one half of the data and measured on the other: by how much a step
    moves the label, the other labels, and the rows, as a separate linear probe sees them.
    """
    _check_one(
        {
            "--to": to,
            "--component": component,
            "--factor": factor,
            "--between": between,
            "--combine": combine,
        }
    )
    _check_only_with_to(to, {"--from": away, "--hold": hold or None})
    moves = numbers(strengths or (WITH_LABELS if to else WITHOUT), "--strengths", float)
    from diabolo.cli import models, tables

    tables.check_suffix(output, (SHEET,))
    if output != tables.STDOUT:
        check_target(output, force)
    from diabolo.families.saved import load

    estimator = load(model)
    if output.suffix.lower() == SHEET:
        from diabolo.cli.sheets import shape_of

        shape_of(estimator)
    job = Job(
        estimator,
        models.data_for(estimator, data, target, split),
        None if context is None else [numbers(context, "--context", float)],
        refine,
        seed,
    )
    if between or combine:
        pairs = [numbers(one, "--between", int, 2) for one in between or ()]
        threes = [numbers(one, "--combine", int, 3) for one in combine or ()]
        lines, report = job.ways(pairs, path, steps) if pairs else job.sums(threes)
    else:
        chosen = None if rows is None else numbers(rows, "--rows", int)
        lines, report = job.moved(to, away, by, hold or [], component, factor, moves, chosen)
    made = sum(len(line.made) for line in lines)
    _write(output, estimator, lines)
    if output != tables.STDOUT:
        print(_shown(output, made, report, json))


def _check_one(given: Mapping[str, Any]) -> None:
    named = [flag for flag, value in given.items() if value is not None]
    if len(named) != 1:
        found = " and ".join(named) or "none of them"
        raise UsageError(f"say what to do by one of {', '.join(given)}; given: {found}.")


def _check_only_with_to(to: str | None, others: Mapping[str, Any]) -> None:
    named = [flag for flag, value in others.items() if value is not None]
    if named and to is None:
        raise UsageError(f"{named[0]} goes with --to, which names the label to move to.")


def numbers(given: str, flag: str, kind: type, count: int | None = None) -> list[Any]:
    """Numbers with commas between them; a UsageError for others, or for another count."""
    example = {int: "3,7,9"[: 2 * (count or 3) - 1], float: "0,0.5,1"}[kind]
    try:
        found = [kind(part) for part in given.split(",")]
    except ValueError:
        found = []
    if not found or (count and len(found) != count) or not all(map(math.isfinite, found)):
        raise UsageError(
            f"{flag} {given} should be {count or 'some'} numbers with commas between them, such "
            f"as {example}."
        )
    return found


class Job:
    """A model and data for it; each method makes lines of rows, and a report in plain data."""

    def __init__(
        self, model: Learner, dataset: Dataset, context: Any, refine: int, seed: int
    ) -> None:
        self.model, self.dataset, self.context = model, dataset, context
        self.refine, self.seed = refine, seed

    def moved(
        self,
        to: str | None,
        away: str | None,
        by: str,
        hold: list[str],
        component: int | None,
        factor: int | None,
        strengths: list[float],
        chosen: list[int] | None,
    ) -> tuple[list[Line], dict[str, Any]]:
        """Rows moved along a direction."""
        from diabolo.uses.edit import effects, ground
        from diabolo.uses.latent import is_conditional

        if to is not None and is_conditional(self.model):
            raise ValueError(
                f"this {type(self.model).__name__} is told the class of a row, so its code holds "
                f"none: make rows of it with diabolo generate --class {to}."
            )
        place = ground.ground(
            self.model, self.dataset, random_state=self.seed, context=self.context
        )
        if to is not None:
            direction = ground.towards(place, to, away, by=by, hold=hold)
        else:
            kind = "principal" if component is not None else "factor"
            number = component if component is not None else factor
            direction = ground.unsupervised(self.model, place, kind, number or 0)
        found, shares, count = ground.measured(
            self.model, place, direction, strengths, label=to, away=away
        )
        chosen = self._choice(to, away) if chosen is None else chosen
        given = self._rows(chosen)
        moved = effects.edited(
            self.model, self._codes(chosen), direction, strengths, self._sides(chosen)
        )
        names = [f"{strength:+g}" for strength in strengths]
        lines = [Line(row[None], moved[:, i], row[:0], names) for i, row in enumerate(given)]
        report = {
            "direction": direction.name,
            "measured_rows": count,
            "probe_accuracy": None if place.probe is None else place.accuracy,
            "strengths": _by_strength(found, shares),
            "per_step": {name: found.slope(name) for name in found.attributes},
            "side_effect": found.side_effect if math.isfinite(found.side_effect) else None,
            "target": to,
        }
        return lines, report

    def ways(
        self, pairs: list[list[int]], kind: str, steps: int
    ) -> tuple[list[Line], dict[str, Any]]:
        """From one row to another."""
        from diabolo.uses.edit.paths import linear, path
        from diabolo.uses.latent import decode_scaled, in_units

        lines, report = [], []
        for pair in pairs:
            given, (a, b) = self._rows(pair), self._codes(pair)
            ends = self._sides(pair)
            sides = None if ends is None else linear(ends[0], ends[1], steps)
            way = path(self.model, a, b, kind=kind, steps=steps, context=sides)
            made = in_units(self.model, decode_scaled(self.model, way.codes, sides))
            lines.append(Line(given[:1], made, given[1:], [f"{i + 1}" for i in range(steps)]))
            report.append({"rows": pair, "length": way.length, "straight": way.straight})
        return lines, {"path": kind, "ways": report}

    def sums(self, threes: list[list[int]]) -> tuple[list[Line], dict[str, Any]]:
        """a − b + c, seen as c where there is a class or a context."""
        from diabolo.uses.latent import decode_scaled, in_units

        lines = []
        for three in threes:
            given, (a, b, c) = self._rows(three), self._codes(three)
            made = decode_scaled(self.model, (a - b + c)[None], self._sides(three[2:]))
            lines.append(Line(given, in_units(self.model, made), given[:0], ["a-b+c"]))
        return lines, {"sums": [{"rows": three} for three in threes]}

    def _choice(self, to: str | None, away: str | None) -> list[int]:
        """The first rows that there is something to move in."""
        import numpy as np

        labels = self.dataset.labels
        fit = np.ones(len(self.dataset), bool)
        if to is not None and labels is not None:
            text = np.asarray(labels).astype(str)
            fit = text != to if away is None else text == away
        return np.flatnonzero(fit)[:SHOWN].tolist()

    def _rows(self, chosen: list[int]) -> np.ndarray:
        import numpy as np

        for number in chosen:
            if not 0 <= number < len(self.dataset):
                raise ValueError(
                    f"row {number} is not among the {len(self.dataset):,} rows of "
                    f"{self.dataset.source}: they are counted from 0."
                )
        rows = self.dataset.rows.take(np.array(chosen))
        return rows.reshape(len(rows), *self.model.columns_.shape)

    def _codes(self, chosen: list[int]) -> np.ndarray:
        from dataclasses import replace

        from diabolo.data.rows import ArrayRows
        from diabolo.uses.edit.inversion import codes_of

        rows = self._rows(chosen)
        shape = tuple(rows.shape[1:])
        given = replace(self.dataset, rows=ArrayRows(rows), shape=shape, labels=None)
        sides = self._sides(chosen)
        return codes_of(self.model, given, steps=self.refine, random_state=self.seed, context=sides)

    def _sides(self, chosen: list[int]) -> np.ndarray | None:
        """What the networks see besides these rows."""
        from diabolo.uses.latent import seen_beside

        labels = None if self.dataset.labels is None else self.dataset.labels[chosen]
        return seen_beside(self.model, labels, self.context, len(chosen))


def _by_strength(found: Any, shares: Any) -> list[dict[str, Any]]:
    lines = []
    for i, strength in enumerate(found.strengths.tolist()):
        line: dict[str, Any] = {"strength": strength, "distance": float(found.distance[i])}
        if shares is not None:
            line["taken_for_target"] = float(shares[i])
        if found.attributes:
            line["log_odds"] = {name: float(v[i]) for name, v in found.attributes.items()}
        lines.append(line)
    return lines


def _write(path: Path, model: Learner, lines: list[Line]) -> None:
    """Strips of images, or the rows made, each with the line that it is in and its place there."""
    import numpy as np

    if path.suffix.lower() == SHEET:
        from diabolo.cli.sheets import contact_sheet, enlarged, greys, png, shape_of
        from diabolo.files import write_atomically

        shape = shape_of(model)
        rows = [part for line in lines for part in (line.before, line.made, line.after)]
        images = np.concatenate([greys(model, part, shape) for part in rows if len(part)])
        per_line = len(images) // len(lines)
        write_atomically(path, [png(contact_sheet(enlarged(images), per_line))])
        return
    from diabolo.cli import tables
    from diabolo.uses.generate import in_types

    columns = model.columns_
    made = in_types(np.concatenate([line.made for line in lines]), columns)
    labels = [f"{i + 1}: {name}" for i, line in enumerate(lines) for name in line.names]
    names = list(columns.names or (f"x{j}" for j in range(columns.n_features)))
    table = tables.Table([made], len(made), names, np.array(labels), "edit", columns.whole_numbers)
    tables.write(path, table)


def _shown(path: Path, made: int, report: dict[str, Any], json: bool) -> str:
    if json:
        return text.as_json(
            {"file": str(path), "bytes": path.stat().st_size, "rows": made, **report}
        )
    lines = text.pairs(_lines(report))
    head = f"{path}: {text.many(made, 'row')}, {text.size_of(path)}"
    return f"{head}\n{lines}" if lines else head


def _lines(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for way in report.get("ways", ()):
        yield (
            f"{way['rows'][0]} to {way['rows'][1]}",
            f"{report['path']}, length {way['length']:.3g} (straight {way['straight']:.3g})",
        )
    if "direction" not in report:
        return
    target, slopes = report["target"], report["per_step"]
    yield "direction", f"{report['direction']}, on {text.many(report['measured_rows'], 'row')}"
    if report["probe_accuracy"] is not None:
        share = 100 * report["probe_accuracy"]
        yield "judge", f"linear probe of the rows, right for {share:.1f} % of those it did not see"
    for line in report["strengths"]:
        yield f"at {line['strength']:+g}", _line(line, target)
    if target is not None:
        yield "per step", f"log-odds of {target} {slopes[target]:+.2f}"
        share = report["side_effect"]
        others = "of that on the other labels (r.m.s.)"
        yield "side effect", "the label does not move" if share is None else f"{share:.2f} {others}"
    elif slopes:
        most = sorted(slopes, key=lambda name: -abs(slopes[name]))[:3]
        yield "per step", ", ".join(f"log-odds of {name} {slopes[name]:+.2f}" for name in most)
    yield "units", "rows move by the root mean square over features, in scaled units"


def _line(line: dict[str, Any], target: str | None) -> str:
    parts = [f"rows moved by {line['distance']:.3f}"]
    if target is not None and "taken_for_target" in line:
        parts.insert(0, f"{100 * line['taken_for_target']:.0f} % taken for {target}")
    return ", ".join(parts)
