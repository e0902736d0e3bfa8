"""`diabolo generate`: a trained model → new rows."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Force, Json, Model, output
from diabolo.cli.targets import check_target
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    import numpy as np

    from diabolo.estimators.learner import Learner

SHEET = ".png"
MOST_FILES = 100_000  # in a folder: more make most file systems slow
ON_SHEET = 400  # images, of few pixels
SHEET_PIXELS = 2**26
BYTES_A_NUMBER = {".npy": 8, ".csv": 12, ".parquet": 8}  # about, for a first estimate


def generate(
    model: Model,
    /,
    *,
    number: Annotated[int, Parameter(("--number", "-n"), help="Rows or images to make.")] = 64,
    output: Annotated[
        Path,
        output(
            "A folder for images (a sheet and a file each), .png for the sheet alone, or .csv, "
            ".parquet, .npy; - for CSV to standard output."
        ),
    ],
    seed: Annotated[
        int | None, Parameter(help="Same seed: same rows. Default: a new one, which is told.")
    ] = None,
    temperature: Annotated[
        float,
        Parameter(help="Factor of the prior's noise: below 1 typical rows, above 1 odd."),
    ] = 1.0,
    labels: Annotated[
        list[str] | None,
        Parameter(
            "--class",
            negative="",
            help="Of this class, for models that learned from labels; repeat it for several.",
        ),
    ] = None,
    context: Annotated[
        str | None,
        Parameter(help="Numbers that all rows share, such as 0,1,0, for models with a context."),
    ] = None,
    prior: Annotated[
        str | None,
        Parameter(
            help="Where an autoencoder's codes are drawn from: own, normal, or one fitted to the "
            "codes of --data: mixture, kernel, flow, vamp."
        ),
    ] = None,
    data: Annotated[
        str | None, Parameter(help="Data to whose codes the --prior is fitted (mixture).")
    ] = None,
    mean: Annotated[
        bool | None,
        Parameter(
            ("--mean",),
            negative="--draw",
            help="Show the mean of p(x|z), or draw from it. Default: the mean for images, a draw "
            "for tables.",
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Make new rows that look like the training data, in their columns and types.

    Files of rows are written a piece at a time, in bounded memory.
    """
    if number < 1:
        raise UsageError(f"-n {number} makes nothing: pass a number of at least 1.")
    folder = output.suffix == "" and str(output) != "-"
    _check_output(output, folder, force)
    from diabolo.families.saved import load
    from diabolo.uses.generate import generate as rows_of

    estimator = load(model)
    _check_amount(output, folder, number, estimator)
    seed = secrets.randbits(31) if seed is None else seed
    if data is not None:
        _fit_prior(estimator, data, prior or "mixture", seed)
    elif hasattr(estimator, "fit_prior"):
        _require_prior(estimator, prior)
    pieces = rows_of(
        estimator,
        number,
        seed=seed,
        temperature=temperature,
        labels=labels,
        context=None if context is None else _numbers(context),
        prior=prior,
        mean=mean,
    )
    pieces = chain([next(pieces)], pieces)  # what cannot be made is told before a file is begun
    if folder:
        _write_images(output, estimator, number, pieces, force)
    elif output.suffix.lower() == SHEET:
        _write_sheet(output, estimator, pieces)
    else:
        _write_rows(output, estimator, number, pieces)
    if str(output) != "-":
        print(_report(output, estimator, number, seed, json))


def _check_output(output: Path, folder: bool, force: bool) -> None:
    from diabolo.cli import tables
    from diabolo.cli.folders import check_folder

    if folder:
        check_folder(output, force)
        return
    tables.check_suffix(output, (SHEET,))
    if output != tables.STDOUT:
        check_target(output, force)


def _check_amount(output: Path, folder: bool, number: int, estimator: Learner) -> None:
    """One sentence, before any work, for more than a folder, a sheet or the disk should hold."""
    d = estimator.columns_.n_features
    if folder:
        from diabolo.cli.sheets import shape_of

        shape_of(estimator)
        if number > MOST_FILES:
            raise ValueError(
                f"{number:,} images would be as many files, about {text.size(number * d)}: at most "
                f"{MOST_FILES:,} go into a folder. Write them to one file with -o rows.npy, in "
                "bounded memory."
            )
    if output.suffix.lower() == SHEET and number > (most := _on_sheet(estimator)):
        raise ValueError(
            f"a sheet of {number:,} images is more than can be looked at: pass -n {most} at most, "
            "or a folder."
        )
    needed = number * d * BYTES_A_NUMBER.get(output.suffix.lower(), 1)
    free = shutil.disk_usage(output.absolute().parent).free
    if str(output) != "-" and needed > free:
        raise ValueError(
            f"{text.many(number, 'row')} of {text.many(d, 'number')} take about "
            f"{text.size(needed)}, but {text.size(free)} are free there: make fewer, or choose "
            "another disk."
        )


def _on_sheet(estimator: Learner) -> int:
    """Images that a sheet shows at most."""
    from diabolo.cli.sheets import SIDE, shape_of

    height, width, _ = shape_of(estimator)
    factor = -(-SIDE // min(height, width))
    return max(1, min(ON_SHEET, SHEET_PIXELS // (height * width * factor**2)))


def _fit_prior(estimator: Any, data: str, kind: str, seed: int) -> None:
    from diabolo.cli.models import data_for

    if not hasattr(estimator, "fit_prior"):
        raise UsageError(f"a {type(estimator).__name__} draws from its own noise: no --data.")
    estimator.fit_prior(data_for(estimator, data, None, "train"), kind, random_state=seed)


def _require_prior(estimator: Any, prior: str | None) -> None:
    """The sentence about a prior that is not there, with the remedy of the command line."""
    from diabolo.estimators.sampling import prior_of

    try:
        prior_of(estimator, prior)
    except ValueError as error:
        what, remedy, _ = str(error).partition(": fit ")
        if not remedy:
            raise
        raise ValueError(
            f"{what}: pass --prior {prior or 'mixture'} and --data with rows to fit it to."
        ) from error


def _numbers(given: str) -> list[float]:
    try:
        return [float(part) for part in given.split(",")]
    except ValueError:
        raise UsageError(
            f"--context {given} should be numbers with commas between them, such as 0,1,0."
        ) from None


def _write_images(
    folder: Path, estimator: Learner, number: int, pieces: Iterator[np.ndarray], force: bool
) -> None:
    from diabolo.cli.folders import write_folder

    write_folder(folder, _files(estimator, number, pieces), force)


def _files(
    estimator: Learner, number: int, pieces: Iterator[np.ndarray]
) -> Iterator[tuple[str, bytes]]:
    """A file for each image, and at the end a sheet of the first ones."""
    import numpy as np

    from diabolo.cli.sheets import contact_sheet, enlarged, greys, png, shape_of

    shape, digits, most = shape_of(estimator), max(4, len(str(number))), _on_sheet(estimator)
    count, shown = 0, np.empty((0, *shape), np.uint8)
    for rows in pieces:
        images = greys(estimator, rows, shape)
        shown = np.concatenate([shown, images[: most - len(shown)]])
        for image in images:
            count += 1
            yield f"{count:0{digits}d}.png", png(image)
    yield "sheet.png", png(contact_sheet(enlarged(shown)))


def _write_sheet(path: Path, estimator: Learner, pieces: Iterator[np.ndarray]) -> None:
    from diabolo.files import write_atomically

    *_, (_, sheet) = _files(estimator, ON_SHEET, pieces)
    write_atomically(path, [sheet])


def _write_rows(path: Path, estimator: Learner, number: int, pieces: Iterator[np.ndarray]) -> None:
    from diabolo.cli import tables
    from diabolo.uses.generate import in_types

    columns = estimator.columns_
    tables.refuse_numbers_only(path, columns)
    names = list(columns.names or (f"x{j}" for j in range(columns.n_features)))
    typed = (in_types(rows, columns) for rows in pieces)
    tables.write(path, tables.Table(typed, number, names, whole=columns.whole_numbers))


def _report(path: Path, estimator: Learner, number: int, seed: int, json: bool) -> str:
    shape: tuple[int, ...] = estimator.columns_.shape
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    if json:
        report: dict[str, Any] = {
            "output": str(path),
            "family": type(estimator).__name__,
            "rows": number,
            "shape": list(shape),
            "files": len(files),
            "bytes": size,
            "seed": seed,
        }
        return text.as_json(report)
    return f"{path}: {text.shape(number, shape)}, {text.size(size)}, seed {seed}"
