"""`diabolo reproduce`: the papers' tables, run again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Json
from diabolo.cli.usage import UsageError, guess

if TYPE_CHECKING:
    from diabolo.records import Record

STOPPED = 130  # exit code after Ctrl-C


def reproduce(
    record: Annotated[
        str | None, Parameter(help="Which to run, such as hinton2006; without one: the list.")
    ] = None,
    /,
    *,
    seeds: Annotated[
        int | None, Parameter(help="How many; fewer than the record asks for give no verdict.")
    ] = None,
    quick: Annotated[
        bool,
        Parameter(negative="", help="A fiftieth of the work, one seed; nothing is stored."),
    ] = False,
    choose: Annotated[
        bool,
        Parameter(
            negative="",
            help="Compare settings on held-out training rows; the test rows are not read.",
        ),
    ] = False,
    arm: Annotated[
        tuple[str, ...], Parameter(help="With --choose: of these arms only.", negative="")
    ] = (),
    threads: Annotated[int | None, Parameter(help="Threads; default: chosen by timing.")] = None,
    results: Annotated[Path, Parameter(help="Folder of results, one file a record.")] = Path(
        "results"
    ),
    write_docs: Annotated[
        Path | None, Parameter(help="Write the page of all results there; runs nothing.")
    ] = None,
    json: Json = False,
) -> int:
    """Run a paper's experiment again, and say whether its figure came out.

    First figures that need no training are recomputed; where one is off, nothing is compared. Then
    every arm and seed is trained; finished runs are stored at once, and a killed one goes on where
    it was. Each trained model sees the test rows once.
    """
    from diabolo.records import RECORDS

    if write_docs is not None:
        from diabolo.records.page import write_page

        write_page(results, write_docs)
        print(f"{write_docs}: {text.size_of(write_docs)}")
        return 0
    if record is None:
        _list(list(RECORDS.values()), results, json)
        return 0
    if record not in RECORDS:
        raise UsageError(_unknown(record, list(RECORDS)))
    if seeds is not None and seeds < 1:
        raise UsageError(f"--seeds {seeds} leaves nothing to run: pass at least 1.")
    one = RECORDS[record]
    strangers = [name for name in arm if name not in {a.name for a in one.arms}]
    if strangers:
        arms = ", ".join(a.name for a in one.arms)
        raise UsageError(f"{record} has no arm {strangers[0]!r}: its arms are {arms}.")
    try:
        if choose:
            _choose(one, arm, quick, results, threads, json)
        else:
            _run(one, seeds, quick, results, threads, json)
    except KeyboardInterrupt:
        _line("interrupted; what is finished is stored, and the same command goes on from there")
        return STOPPED
    return 0


def _unknown(name: str, known: list[str]) -> str:
    return f"There is no record {name!r}{guess(name, known) or '.'} diabolo reproduce lists them."


def _line(said: str) -> None:
    print(said, file=sys.stderr, flush=True)


def _run(
    record: Record, seeds: int | None, quick: bool, folder: Path, threads: int | None, json: bool
) -> None:
    from diabolo.records import reproduce

    _line(f"{record.id}  {record.paper}, {record.row}")
    document = reproduce(
        record, seeds=seeds, quick=quick, folder=folder, n_threads=threads, report=_line
    )
    print(text.as_json(document) if json else _as_text(document))


def _choose(
    record: Record,
    arms: tuple[str, ...],
    quick: bool,
    folder: Path,
    threads: int | None,
    json: bool,
) -> None:
    from diabolo.records import choose

    rows = choose(record, arms=arms, quick=quick, folder=folder, n_threads=threads, report=_line)
    if json:
        print(text.as_json(rows))
        return
    from diabolo.records.summary import choice_table

    print(text.columns(choice_table(rows)))


def _as_text(document: dict[str, Any]) -> str:
    from diabolo.records.summary import figure_table, says

    parts = [text.columns(figure_table(document))] if document["runs"] else []
    return "\n".join([*parts, f"{document['id']}: {says(document)}"])


def _list(records: list[Record], folder: Path, json: bool) -> None:
    from diabolo.records.results import last
    from diabolo.records.summary import overview

    documents = [last(record, folder) for record in records]
    print(text.as_json(documents) if json else text.columns(overview(documents)))
