"""`diabolo classify`: many rows and a few labels → a class for every row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, Json, Split, output
from diabolo.cli.targets import check_target
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    import numpy as np

    from diabolo.data.dataset import Dataset
    from diabolo.uses.classify import EncoderClassifier

TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq")


def classify(
    data: Data,
    /,
    *,
    output: Annotated[
        Path, output("Table to write, .csv or .parquet: class, probability, and what was known.")
    ],
    target: Annotated[
        str | None,
        Parameter(help="Column with the labels, empty where there is none; it is not an input."),
    ] = None,
    labels_from: Annotated[
        Path | None,
        Parameter(help="A file with a label a row in its only column, or in that named --target."),
    ] = None,
    labels: Annotated[
        int | None,
        Parameter(help="Use so many labels alone, drawn evenly from the classes; for trying."),
    ] = None,
    model: Annotated[
        str | None,
        Parameter(
            help="Family to pre-train, as in diabolo train, or a file that diabolo train wrote. "
            "Default: a denoising autoencoder."
        ),
    ] = None,
    frozen: Annotated[
        bool, Parameter(negative="", help="Leave the encoder as pre-training made it.")
    ] = False,
    epochs: Annotated[int | None, Parameter(help="Of the training with labels.")] = None,
    control: Annotated[
        bool, Parameter(negative="--no-control", help="Compare with the network without it.")
    ] = True,
    save: Annotated[Path | None, Parameter(help="Keep the classifier in this file.")] = None,
    split: Split = "train",
    seed: Annotated[int, Parameter(help="Same seed: same classifier.")] = 0,
    threads: Annotated[int | None, Parameter(help="Threads; default: as many as help.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Name the class of every row, from a few labels and what all rows have in common.

    An autoencoder is trained on all rows, then a softmax layer on its code with the labels. Beside
    its error on held-out labels stands that of the same network without pre-training.
    """
    from diabolo.cli import tables

    if output != tables.STDOUT:
        if output.suffix.lower() not in (".csv", ".parquet"):
            raise UsageError(f"-o {output} should end in .csv or .parquet.")
        check_target(output, force)
    if save is not None:
        check_target(save, force)
    from diabolo.uses.classify import EncoderClassifier

    dataset, y = _labelled(data, target, labels_from, split)
    if labels is not None:
        y = few_of(y, labels, seed)
    estimator, pretrained = _start(model)
    classifier = EncoderClassifier(
        estimator=estimator,
        pretrained=pretrained,
        fine_tune=not frozen,
        control=control,
        max_epochs=epochs,
        random_state=seed,
        n_threads=threads,
    ).fit(dataset, y)
    _write(output, classifier, dataset, y)
    if save is not None:
        classifier.save(save)
    if output != tables.STDOUT:
        print(_report(output, classifier, y, save, json))


def _labelled(
    data: str, target: str | None, labels_from: Path | None, split: str
) -> tuple[Dataset, np.ndarray]:
    """The rows, and a label for each, None where there is none."""
    import numpy as np

    from diabolo.data.sources import open_dataset

    path = Path(data)
    if labels_from is not None:
        frame = _frame(labels_from)
        if target is None and frame.width != 1:
            raise UsageError(
                f"{labels_from} has {frame.width} columns: name that of the labels with --target."
            )
        name = target or frame.columns[0]
        y = _column(frame, name, labels_from)
        dataset = open_dataset(data, split=split)
        if len(y) != len(dataset):
            raise ValueError(
                f"{labels_from} has {len(y)} labels for the {len(dataset)} rows of {data}: give a "
                "line, empty or not, for each."
            )
        return dataset, y
    if path.suffix.lower() in TABLES:
        if target is None:
            raise UsageError("name the column of the labels with --target, or --labels-from FILE.")
        frame = _frame(path)
        y = _column(frame, target, path)
        return open_dataset(frame.drop(target)), y
    dataset = open_dataset(data, split=split)
    if dataset.labels is None:
        raise UsageError(f"{data} comes without labels: pass --labels-from FILE.")
    return dataset, np.asarray(dataset.labels)


def _frame(path: Path) -> Any:
    import polars as pl

    from diabolo.data.csv_table import read_csv

    if path.suffix.lower() in (".parquet", ".pq"):
        if not path.exists():
            raise FileNotFoundError(f"There is no file or folder {str(path)!r}.")
        return pl.read_parquet(path)
    return read_csv(path)


def _column(frame: Any, name: str, path: Path) -> np.ndarray:
    import numpy as np

    from diabolo.data.values import guess

    if name not in frame.columns:
        raise ValueError(
            f"{path.name} has no column {name!r} to use as target"
            f"{guess(name, frame.columns) or '. Name one of its columns.'}"
        )
    column = frame[name]
    return column.to_numpy() if not column.null_count() else np.array(column.to_list(), object)


def few_of(y: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The labels with all but `count` taken away, the rest evenly from the classes."""
    import numpy as np

    from diabolo.uses.classify import known_labels

    known, labels = known_labels(y, len(y))
    classes, numbers = np.unique(labels, return_inverse=True)
    if not len(classes) <= count <= len(labels):
        raise UsageError(
            f"--labels {count} should lie between {len(classes)}, the number of classes, and "
            f"{len(labels)}, that of labels."
        )
    order = np.random.default_rng(seed).permutation(len(numbers))
    turn = np.empty(len(numbers), int)  # of a row within its class
    for one in range(len(classes)):
        own = order[numbers[order] == one]
        turn[own] = np.arange(len(own))
    kept = np.flatnonzero(known)[np.lexsort((order.argsort(), turn))[:count]]
    few = np.full(len(y), None, dtype=object)
    few[kept] = y[kept]
    return few


def _start(model: str | None) -> tuple[Any, str | None]:
    """A family to be trained, or a file."""
    if model is None:
        return None, None
    from diabolo.cli.recipes import RECIPES, recipe
    from diabolo.families import family

    if model not in RECIPES and Path(model).exists():
        return None, model
    return family(recipe(model).family)(), None


def _write(path: Path, classifier: EncoderClassifier, dataset: Dataset, y: np.ndarray) -> None:
    import numpy as np
    import polars as pl

    from diabolo.cli import tables
    from diabolo.uses.classify import known_labels

    shares = classifier.predict_proba(dataset)
    known = known_labels(y, len(y))[0]
    frame = pl.DataFrame(
        {
            "class": classifier.classes_[shares.argmax(1)],
            "probability": shares.max(1).astype(np.float64).round(4),
            "label": [label if one else None for label, one in zip(y.tolist(), known, strict=True)],
        }
    )
    tables.write(path, tables.Table([frame], len(frame), frame.columns))


def _report(
    path: Path, classifier: EncoderClassifier, y: np.ndarray, save: Path | None, json: bool
) -> str:
    from diabolo.uses.classify import known_labels

    known, control = known_labels(y, len(y))[0], classifier.control_
    if json:
        return text.as_json(
            {
                "output": str(path),
                "bytes": path.stat().st_size,
                "rows": len(known),
                "labels": int(known.sum()),
                "classes": classifier.classes_.tolist(),
                "control": None if control is None else control._asdict(),
                "model": None if save is None else str(save),
            }
        )
    lines = [
        ("encoder", type(classifier.estimator_).__name__),
        ("labels", f"{int(known.sum()):,} of {len(classifier.classes_)} classes"),
        ("held out", "" if control is None else control.gain),
        ("classifier", "" if save is None else str(save)),
    ]
    return "\n".join(
        [
            f"classified {text.many(len(known), 'row')}",
            text.pairs(lines),
            f"{path}: {text.size_of(path)}",
        ]
    )
