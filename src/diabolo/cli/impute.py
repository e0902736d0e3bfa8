"""`diabolo impute`: a table with missing cells → the same table with these filled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, Json, output
from diabolo.cli.targets import check_target
from diabolo.cli.train import wishes
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    import polars as pl

    from diabolo.uses.impute import Imputer

TEXT = (".csv", ".tsv", ".txt")
DRAW = "draw"  # name of the column that tells draws apart


def impute(
    data: Data,
    /,
    *,
    output: Annotated[Path, output("Table to write: .csv, .parquet, or .npy for numbers.")],
    draws: Annotated[
        int,
        Parameter(
            help="Write the rows so many times, each with other draws of the missing cells, and a "
            "first column that numbers them."
        ),
    ] = 0,
    model: Annotated[
        Path | None, Parameter(help="An imputer that --save wrote; else one is fitted to the data.")
    ] = None,
    save: Annotated[Path | None, Parameter(help="Keep the fitted imputer in this file.")] = None,
    schema: Annotated[
        str | None,
        Parameter(
            help="Columns that are not what they look like: name=number, boolean, category, date "
            "or ignore, with commas between them."
        ),
    ] = None,
    seed: Annotated[int, Parameter(help="Same seed: same cells.")] = 0,
    threads: Annotated[int | None, Parameter(help="Threads; default: as many as help.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Fill missing cells, each from what is known of its row.

    Only missing cells change: known ones are written as they were read, text that names rows and
    ignored columns too.
    """
    from diabolo.cli import tables

    tables.check_suffix(output)
    if output != tables.STDOUT:
        check_target(output, force)
    if save is not None:
        if model is not None:
            raise UsageError("--save keeps what is fitted, but --model is fitted already.")
        check_target(save, force)
    if draws < 0:
        raise UsageError(f"--draws {draws} should be a number of at least 0.")
    from diabolo.data.gaps import open_gaps
    from diabolo.uses.impute import Imputer
    from diabolo.uses.saved import load

    source = Path(data) if Path(data).suffix else data
    if model is None:
        imputer: Any = Imputer(schema=wishes(schema), random_state=seed, n_threads=threads)
        imputer.set_params(calibrate=True)
        imputer.fit(source)
    else:
        imputer = load(model)
        if not isinstance(imputer, Imputer):
            raise UsageError(
                f"{model} holds a {type(imputer).__name__}, which fills no cells: pass a file that "
                "diabolo impute --save wrote."
            )
    gaps = open_gaps(source, imputer.estimator_.columns_.schema)
    filled = (
        imputer.draws(source, draws, random_state=seed) if draws else [imputer.transform(source)]
    )
    _write(output, data, filled, gaps, numbered=bool(draws))
    if save is not None:
        imputer.save(save)
    if output != tables.STDOUT:
        print(_report(output, imputer, gaps, draws, save, json))


def _write(path: Path, data: str, filled: list[Any], gaps: Any, numbered: bool) -> None:
    import numpy as np
    import polars as pl

    from diabolo.cli import tables

    written = path.suffix.lower() in TEXT or path == tables.STDOUT
    if isinstance(filled[0], np.ndarray):
        rows = [one.reshape(len(one), -1) if numbered or written else one for one in filled]
        names = [f"x{j}" for j in range(int(np.prod(gaps.shape)))]
        if numbered:
            names = [DRAW, *names]
            rows = [
                np.column_stack([np.full(len(one), k + 1.0), one]) for k, one in enumerate(rows)
            ]
        tables.write(path, tables.Table(rows, sum(map(len, rows)), names))
        return
    if path.suffix.lower() == ".npy":
        raise ValueError(
            f"{path}: .npy holds numbers alone, but {data} is a table with names. Write .csv or "
            ".parquet."
        )
    header = True
    if written and Path(data).suffix.lower() in TEXT:
        from diabolo.data.csv_table import read_texts

        texts, layout = read_texts(Path(data))
        filled = [_as_written(texts, one, gaps) for one in filled]
        header = layout.header
    if numbered:
        filled = [
            one.insert_column(0, pl.Series(DRAW, np.full(len(one), k + 1)))
            for k, one in enumerate(filled)
        ]
    if not header and path != tables.STDOUT:
        from diabolo.files import write_atomically

        write_atomically(path, (one.write_csv(include_header=False).encode() for one in filled))
        return
    names = list(filled[0].columns)
    tables.write(path, tables.Table(filled, sum(map(len, filled)), names))


def _as_written(texts: pl.DataFrame, filled: pl.DataFrame, gaps: Any) -> pl.DataFrame:
    """The cells as they were read; filled ones in the manner of their columns."""
    import polars as pl

    columns = []
    for j, field in enumerate(gaps.dataset.schema.fields):
        at = gaps.missing[:, j]
        if field.kind == "empty" or not at.any():
            continue
        own = texts[field.name]
        made = _in_manner(filled[field.name], own.filter(pl.Series(~at)))
        columns.append(own.zip_with(pl.Series(~at), made).alias(field.name))
    return texts.with_columns(columns)


def _in_manner(cells: pl.Series, known: pl.Series) -> pl.Series:
    """Cells as text, with as many decimals as known ones have, and true or True as these."""
    import polars as pl

    if cells.dtype == pl.Boolean:
        capital = known.str.starts_with("T").any() or known.str.starts_with("F").any()
        yes, no = ("True", "False") if capital else ("true", "false")
        return pl.Series([yes if cell else no for cell in cells])
    if not cells.dtype.is_float():
        return cells.cast(pl.String)
    if known.str.contains("(?i)e").any():
        return cells.cast(pl.String)
    decimals = known.str.strip_chars().str.extract(r"\.(\d+)$").str.len_chars().drop_nulls()
    places = max(decimals.to_list(), default=0)
    return pl.Series([f"{cell:.{places}f}" for cell in cells.to_list()])


def _report(
    path: Path, imputer: Imputer, gaps: Any, draws: int, save: Path | None, json: bool
) -> str:
    names, missing = gaps.dataset.names, gaps.missing
    empty = {field.name for field in gaps.dataset.schema.fields if field.kind == "empty"}
    counts = zip(names, missing.sum(0), strict=True)
    cells = {name: int(n) for name, n in counts if n and name not in empty}
    alone = [*imputer.estimator_.columns_.schema.ignored, *sorted(empty)]
    if json:
        return text.as_json(
            {
                "output": str(path),
                "bytes": path.stat().st_size,
                "rows": len(missing),
                "draws": draws,
                "filled": cells,
                "columns_left_alone": alone,
                "model": None if save is None else str(save),
            }
        )
    times = f", {text.many(draws, 'draw')} of each" if draws else ""
    what = f"{text.many(sum(cells.values()), 'cell')} of {text.many(len(missing), 'row')}{times}"
    lines = [f"filled {what}", text.pairs(_lines(cells, alone, imputer))]
    kept = f"; the imputer is in {save}" if save else ""
    return "\n".join([*filter(None, lines), f"{path}: {text.size_of(path)}{kept}"])


def _lines(cells: dict[str, int], alone: list[str], imputer: Imputer) -> Iterator[tuple[str, str]]:
    schema = imputer.estimator_.columns_.schema
    assert schema is not None  # an imputer always has one
    outcomes = imputer.outcomes_
    for j, field in enumerate(schema.fields):
        if field.name not in cells:
            continue
        said = text.many(cells[field.name], "cell")
        if outcomes is not None and outcomes.counts[j]:
            said += f", of a held-out one about {outcomes.typical_error(j):.2f} deviations off"
        yield field.name, said
    if alone:
        yield "left alone", ", ".join(alone)
