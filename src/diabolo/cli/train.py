"""`diabolo train`: data → a model file, with a short diagnosis."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, Json, Split, Target, output
from diabolo.cli.recipes import RECIPES, recipe
from diabolo.cli.settings import FAMILY, TRAINING, Settings, settings_for
from diabolo.cli.targets import check_target
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    from diabolo.data.sources import Dataset
    from diabolo.estimators.estimator import Estimator


def train(
    data: Data,
    /,
    *,
    model: Annotated[str, Parameter(help=f"{', '.join(RECIPES)}.")] = "autoencoder",
    output: Annotated[Path, output("Model file to write, such as digits.safetensors.")],
    settings: Settings | None = None,
    target: Target = None,
    split: Split = "train",
    image_size: Annotated[
        tuple[int, int] | None,
        Parameter(negative="", help="Height and width to bring the images of a folder to."),
    ] = None,
    schema: Annotated[
        str | None,
        Parameter(
            help="Columns of a table that are not what they look like: name=number, boolean, "
            "category, date or ignore, with commas between them."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        Parameter(group=TRAINING, help="File to store the run in, every half a minute."),
    ] = None,
    resume: Annotated[
        bool,
        Parameter(
            group=TRAINING, negative="", show_default=False, help="Go on from that checkpoint."
        ),
    ] = False,
    verbose: Annotated[
        bool,
        Parameter(
            ("--verbose", "-v"), negative="", show_default=False, help="A line an epoch, no bar."
        ),
    ] = False,
    force: Force = False,
    json: Json = False,
    **others: Annotated[
        str,
        Parameter(
            group=FAMILY,
            help="Any other hyper-parameter of the family's class by its name, such as "
            "--sparsity-weight 1 or --early-stopping false.",
        ),
    ],
) -> int:
    """Learn an autoencoder from data and save it as one file.

    Data and output path are checked first. Ctrl-C keeps the best model so far.
    """
    chosen = recipe(model)
    check_target(output, force)
    from diabolo.data.sources import open_dataset
    from diabolo.families import family

    kind = family(chosen.family)
    arguments = settings_for(kind, settings or Settings(), others)
    dataset = open_dataset(
        data, target=target, image_size=image_size, split=split, schema=wishes(schema)
    )
    if chosen.adapt:
        arguments = chosen.adapt(arguments, prod(dataset.shape))
    path = _checkpoint(checkpoint, resume)
    estimator = kind(**arguments, checkpoint=path, verbose=int(verbose))

    began = time.monotonic()
    interrupted = _fitted(estimator, dataset, verbose)
    seconds = time.monotonic() - began
    estimator.save(output)
    _report(estimator, dataset, output, seconds, json)
    if interrupted:
        go_on = (
            f"; go on with --checkpoint {checkpoint} --resume -f" if path and path.exists() else ""
        )
        print(f"interrupted: the best model so far is in {output}{go_on}", file=sys.stderr)
    return 130 if interrupted else 0


def wishes(given: str | None) -> dict[str, str] | None:
    """
    >>> wishes("pclass=category,name=ignore")
    {'pclass': 'category', 'name': 'ignore'}
    """
    if given is None:
        return None
    pairs = [part.rpartition("=") for part in given.split(",")]
    for name, _, kind in pairs:
        if not name or not kind:
            raise UsageError(
                f"--schema {given!r} should be like pclass=category,name=ignore: a column, and "
                "what it is."
            )
    return {name.strip(): kind.strip() for name, _, kind in pairs}


def _checkpoint(path: Path | None, resume: bool) -> Path | None:
    """Where to store the run; an unfinished one is neither lost nor taken up by accident."""
    if path is None:
        if resume:
            raise UsageError("--resume goes on from a file: name it with --checkpoint.")
        return None
    if path.exists() and not resume:
        raise FileExistsError(
            f"{path} holds an unfinished run: pass --resume to go on with it, or delete it."
        )
    if resume and not path.exists():
        print(f"{path} is not there yet: starting anew", file=sys.stderr)
    return path


def _fitted(estimator: Estimator, dataset: Dataset, verbose: bool) -> bool:
    """Fit; whether Ctrl-C ended it. Without one finished epoch there is nothing to keep."""
    try:
        with _progress(estimator, verbose):
            estimator.fit(dataset, dataset.labels)
    except KeyboardInterrupt:
        if not getattr(estimator, "n_iter_", 0):
            raise
        return True
    return False


@contextmanager
def _progress(estimator: Estimator, verbose: bool) -> Iterator[None]:
    """A bar where someone watches, lines if asked for, both to standard error."""
    if sys.stderr.isatty() and not verbose:
        from sklearn.callback import ProgressBar

        estimator.set_callbacks(ProgressBar())
    with redirect_stdout(sys.stderr):  # bar and lines know no other way to leave it alone
        yield


def _report(estimator: Estimator, dataset: Dataset, path: Path, seconds: float, json: bool) -> None:
    from diabolo.doctor.findings import to_json

    if json:
        report = {
            "file": str(path),
            "bytes": path.stat().st_size,
            "family": type(estimator).__name__,
            "rows": len(dataset),
            "epochs": estimator.n_iter_,
            "seconds": round(seconds, 3),
            "score": estimator.score(dataset),
            "diagnosis": to_json(estimator.diagnosis_),
        }
        print(text.as_json(report))
        return
    rows = text.shape(len(dataset), dataset.shape)
    epochs = text.many(estimator.n_iter_, "epoch")
    print(f"{type(estimator).__name__} on {rows}, {epochs} in {seconds:.1f} s")
    print(text.pairs((one.about, one.text) for one in estimator.diagnosis_))
    print(f"{path}: {text.size_of(path)}")
