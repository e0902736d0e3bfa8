"""`diabolo cluster`: kinds of rows that nobody named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, Json, Split, Target, output
from diabolo.cli.targets import check_target
from diabolo.cli.usage import UsageError, guess

if TYPE_CHECKING:
    import polars as pl

    from diabolo.data.sources import Dataset
    from diabolo.uses.cluster import DeepClusterer

FORMATS = (".csv", ".parquet")
CENTRES = ".png"
MOST_COLUMNS = 100  # of rows that are written beside their clusters


def cluster(
    data: Data,
    /,
    *,
    clusters: Annotated[
        int | None,
        Parameter(("--clusters", "-k"), help="How many. Default: estimated, 20 at most."),
    ] = None,
    output: Annotated[
        Path | None, output(".csv or .parquet for the rows, each with its cluster; - for CSV.")
    ] = None,
    method: Annotated[
        str | None, Parameter(help="kmeans (the default), mixture, dec, idec or vade.")
    ] = None,
    model: Annotated[
        Path | None, Parameter(help="A file that --save wrote; nothing is trained then.")
    ] = None,
    save: Annotated[Path | None, Parameter(help="Model file to write.")] = None,
    centres: Annotated[
        Path | None, Parameter(help=".png to show the decoded centres of images on.")
    ] = None,
    target: Target = None,
    split: Split = "train",
    seed: Annotated[int, Parameter(help="Of all that is random.")] = 0,
    threads: Annotated[int | None, Parameter(help="Default: what is fastest.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Find clusters of rows.

    An autoencoder learns codes in which neighbours lie together; clusters are found on these.
    Shown beside k-means on the input, by the modularity in the graph of neighbours and, where the
    data have labels, by how well clusters agree with them. Labels are not used for anything else.
    """
    from diabolo.cli import tables

    _check_targets(output, save, centres, force)
    clusterer, dataset = _opened(
        data, model, clusters, method, seed, threads, target, split, centres
    )
    found = clusterer.predict_proba(dataset)
    frame = None if output is None else _frame(clusterer, dataset, found)
    if centres is not None:
        _write_centres(centres, clusterer)
    if save is not None:
        clusterer.save(save)
    if output is not None and frame is not None:
        tables.write(output, tables.Table([frame], len(frame), frame.columns))
        if output == tables.STDOUT:
            return
    files = [str(path) for path in (output, centres, save) if path is not None]
    report = _measured(clusterer, dataset, found, model is None) | {"files": files}
    if json:
        print(text.as_json(report))
        return
    rows = text.shape(len(dataset), dataset.shape)
    print(f"{type(clusterer.estimator_).__name__} and {clusterer.method} on {rows} of {data}")
    print(text.pairs(_lines(report, clusterer)))


def _check_targets(
    output: Path | None, save: Path | None, centres: Path | None, force: bool
) -> None:
    from diabolo.cli import tables

    if output is not None and output != tables.STDOUT:
        if output.suffix.lower() not in FORMATS:
            raise ValueError(f"{output}: clusters are written as {' or '.join(FORMATS)}.")
        check_target(output, force)
    if centres is not None and centres.suffix.lower() != CENTRES:
        raise ValueError(f"{centres}: centres are shown as {CENTRES}.")
    for path in (save, centres):
        if path is not None:
            check_target(path, force)


def _opened(
    data: str,
    model: Path | None,
    clusters: int | None,
    method: str | None,
    seed: int,
    threads: int | None,
    target: str | None,
    split: str,
    centres: Path | None,
) -> tuple[DeepClusterer, Dataset]:
    """A fitted clusterer, and the rows."""
    from diabolo.cli.models import data_for
    from diabolo.data.sources import open_dataset
    from diabolo.uses.cluster.clusterer import METHODS, DeepClusterer
    from diabolo.uses.saved import load

    if method is not None and method not in METHODS:
        raise UsageError(f"--method {method} is unknown{guess(method, METHODS)}")
    if clusters is not None and clusters < 1:
        raise UsageError(f"-k {clusters} makes no clusters: pass a number of at least 1.")
    if model is None:
        dataset = open_dataset(data, target=target, split=split)
        if centres is not None:
            _require_images(dataset)
        made = DeepClusterer(
            n_clusters=clusters, method=method or "kmeans", random_state=seed, n_threads=threads
        )
        return made.fit(dataset, dataset.labels), dataset
    if clusters is not None or method is not None:
        raise UsageError("-k and --method are for training: leave --model out.")
    loaded = load(model)
    if not isinstance(loaded, DeepClusterer):
        raise UsageError(
            f"{model} holds a {type(loaded).__name__}, which has no clusters: pass a file that "
            "diabolo cluster --save wrote."
        )
    return loaded, data_for(loaded.estimator_, data, target, split)


def _require_images(dataset: Dataset) -> None:
    """Raise a ValueError, before any training, for rows whose centres cannot be shown."""
    from diabolo.estimators.composition import Facts, image_shape

    d = int(np.prod(dataset.shape))
    height, _, channels = image_shape(Facts(d, tuple(dataset.shape), "real", None, 0, 0))
    if height == 1 or channels not in (1, 3) or dataset.schema is not None:
        raise ValueError(f"rows of {d} features are no images: leave --centres out.")


def _write_centres(path: Path, clusterer: DeepClusterer) -> None:
    from diabolo.cli.sheets import contact_sheet, enlarged, greys, png, shape_of
    from diabolo.files import write_atomically

    shape = shape_of(clusterer.estimator_)
    images = greys(clusterer.estimator_, np.asarray(clusterer.decoded_centers()), shape)
    write_atomically(path, [png(contact_sheet(enlarged(images)))])


def _frame(clusterer: DeepClusterer, dataset: Dataset, shares: np.ndarray) -> pl.DataFrame:
    """Rows with their number, cluster and share; their own columns, too, if they are a table."""
    import polars as pl

    from diabolo.data.originals import as_polars

    columns = clusterer.estimator_.columns_
    own = pl.DataFrame()
    if columns.schema is not None:
        rows = dataset.rows.take(np.arange(len(dataset)))
        own = as_polars(columns.as_given(np.asarray(rows, np.float64)))
    elif columns.names is not None and len(columns.names) <= MOST_COLUMNS:
        rows = dataset.rows.take(np.arange(len(dataset)))
        own = pl.from_numpy(rows.reshape(len(rows), -1), schema=list(columns.names))
    found = {
        "row": pl.Series(range(len(shares)), dtype=pl.Int64),
        "cluster": pl.Series(shares.argmax(1), dtype=pl.Int64),
        "share": pl.Series(shares.max(1).astype(np.float64)),
    }
    if dataset.labels is not None:
        found["label"] = pl.Series(np.asarray(dataset.labels))
    beside = [series.alias(_free(name, own)) for name, series in found.items()]
    return pl.DataFrame([*own.get_columns(), *beside])


def _free(name: str, frame: pl.DataFrame) -> str:
    """A name that the user's own columns have left."""
    while name in frame.columns:
        name += "_"
    return name


def _measured(
    clusterer: DeepClusterer, dataset: Dataset, shares: np.ndarray, trained: bool
) -> dict[str, Any]:
    from diabolo.measures.clusters import agreement

    found, report = shares.argmax(1), clusterer.report_
    labels = None if dataset.labels is None else agreement(dataset.labels, found)
    kmeans = report.kmeans_labels if trained else None
    return {
        "rows": len(dataset),
        "clusters": clusterer.n_clusters_,
        "sizes": np.bincount(found, minlength=clusterer.n_clusters_).tolist(),
        "silhouettes": {str(k): value for k, value in clusterer.silhouettes_.items()},
        "clear": float((shares.max(1) > 0.5).mean()),
        "modularity": report.modularity if trained else None,
        "modularity_of_kmeans": report.of_kmeans if trained else None,
        "labels": None if labels is None else labels._asdict(),
        "labels_of_kmeans": None if kmeans is None else kmeans._asdict(),
        "worse_than_kmeans": report.is_worse if trained else None,
    }


def _lines(report: dict[str, Any], clusterer: DeepClusterer) -> Iterator[tuple[str, str]]:
    estimated = ""
    if (tried := clusterer.silhouettes_) and (best := tried.get(clusterer.n_clusters_)) is not None:
        estimated = f", the number with the largest mean silhouette ({best:.2f})"
    yield "clusters", f"{report['clusters']}{estimated}"
    yield "sizes", ", ".join(f"{size:,}" for size in report["sizes"])
    yield (
        "clear",
        f"{report['clear']:.1%} of the rows belong to one cluster more than to all others",
    )
    if report["modularity"] is not None:
        ours, theirs = report["modularity"], report["modularity_of_kmeans"]
        yield "modularity", f"{ours:.3f}, k-means on the input {theirs:.3f}"
    for name, of in (("labels", "with labels"), ("labels_of_kmeans", "k-means on the input")):
        if (found := report[name]) is not None:
            yield of, _agreement(found)
    if report["worse_than_kmeans"]:
        yield "note", "k-means on the input does better: these codes gain nothing here"
    yield "written", ", ".join(report["files"])


def _agreement(found: dict[str, float]) -> str:
    return f"accuracy {found['accuracy']:.1%}, NMI {found['nmi']:.3f}, ARI {found['ari']:.3f}"
