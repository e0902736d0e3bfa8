"""`diabolo map`: data → points in the plane, beside what PCA and others make of them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Data, Force, Json, Split, Target, output
from diabolo.cli.targets import check_target
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    from diabolo.data.dataset import Dataset
    from diabolo.estimators.estimator import Estimator
    from diabolo.measures.maps import MapQuality

FEWEST = 20  # rows
PLANE = 14  # decoded images to a side
PAGE, PICTURE = ".html", ".png"


def map(  # the verb is called so
    data: Data,
    /,
    *,
    output: Annotated[
        Path, output(".html for a page, .png for a picture, or .csv, .parquet, .npy for places.")
    ],
    using: Annotated[
        Path | None, Parameter(help="A model file with a code of 2, instead of a new one.")
    ] = None,
    save: Annotated[Path | None, Parameter(help="Write the model, to place other rows.")] = None,
    rows: Annotated[
        int, Parameter(help="That are measured and given to the others, evenly spread, at most.")
    ] = 3000,
    neighbors: Annotated[
        int, Parameter(help="Of each row: fewer show the small, more the large.")
    ] = 15,
    epochs: Annotated[int | None, Parameter(help="Default: about 6,000 steps.")] = None,
    target: Target = None,
    split: Split = "train",
    seed: Annotated[int, Parameter(help="Same seed, threads and machine: same map.")] = 0,
    threads: Annotated[int | None, Parameter(help="Default: what is fastest.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Lay rows out in the plane, neighbours together, and say how true the map is.

    By a ParametricTSNE: an autoencoder whose code of two units is t-SNE's map. PCA, and UMAP and
    openTSNE where they are installed, are made of the rows that are measured.
    """
    from diabolo.cli import models, tables
    from diabolo.data.sources import open_dataset
    from diabolo.families.saved import load

    tables.check_suffix(output, (PAGE, PICTURE))
    for path in (output, *([save] if save else [])):
        if path != tables.STDOUT:
            check_target(path, force)
    if rows < FEWEST:
        raise UsageError(f"--rows {rows} are too few to measure a map by: {FEWEST} at least.")
    if using is not None:
        if save is not None or epochs is not None:
            raise UsageError(f"{using} is a model already: leave out --save and --epochs.")
        estimator, dataset = models.opened(using, data, target, split)
        if estimator.module_.code.dim != 2:
            size = estimator.module_.code.dim
            raise ValueError(f"{using} has a code of {size}, but a map needs one of 2.")
    else:
        dataset = open_dataset(data, target=target, split=split)
        if len(dataset) < FEWEST:
            count = text.many(len(dataset), "row")
            raise ValueError(f"{data} has {count}, too few for a map: it takes {FEWEST}.")
        estimator = _learned(dataset, neighbors, epochs, seed, threads)
    report = _Report(estimator, dataset, rows, seed)
    if save is not None:
        estimator.save(save)
        load(save)  # whole, or it fails here
    _write(output, report, data)
    if output == tables.STDOUT:
        return
    if json:
        print(text.as_json({"file": str(output), "bytes": output.stat().st_size, **report.plain()}))
        return
    print(f"{output}: {text.many(len(dataset), 'row')}, {text.size_of(output)}")
    print(f"measured by {text.many(report.measured, 'row')}, 5 neighbours each:")
    print(text.pairs((name, _line(q)) for name, q in report.qualities.items()))


def _learned(
    dataset: Dataset, neighbors: int, epochs: int | None, seed: int, threads: int | None
) -> Estimator:
    from diabolo.uses.map import mapper

    if neighbors < 1:
        raise UsageError(f"--neighbors {neighbors}: one at least.")
    words = {"n_neighbors": neighbors, "max_epochs": epochs, "n_threads": threads}
    print(f"learning from {text.many(len(dataset), 'row')} …", file=sys.stderr, flush=True)
    return cast("Estimator", mapper(random_state=seed, **words).fit(dataset))


class _Report:
    """Codes of all rows, and the measures of some, beside others' maps of these."""

    def __init__(self, estimator: Estimator, dataset: Dataset, most: int, seed: int) -> None:
        from diabolo.measures.rows import scaled, spread
        from diabolo.uses.map import qualities, rivals

        self.estimator, self.dataset = estimator, dataset
        self.codes = estimator.transform(replace(dataset, labels=None))
        step = -(-len(dataset) // most)
        some = scaled(estimator, spread(dataset, most))
        self.labels = None if dataset.labels is None else np.asarray(dataset.labels)
        self.some_labels = None if self.labels is None else self.labels[::step]
        self.maps = {type(estimator).__name__: self.codes[::step]}
        for rival in rivals(some.reshape(len(some), -1), seed):
            self.maps[rival.name] = rival.codes
        self.measured = len(some)
        self.qualities: dict[str, MapQuality] = qualities(some, self.maps, self.some_labels)

    def plain(self) -> dict[str, Any]:
        return {
            "rows": len(self.dataset),
            "measured_rows": self.measured,
            "neighbours": 5,
            "maps": {name: quality._asdict() for name, quality in self.qualities.items()},
        }


def _line(quality: MapQuality) -> str:
    right = "" if quality.accuracy is None else f", 5-NN {quality.accuracy:.1%} right"
    return (
        f"trustworthiness {quality.trustworthiness:.3f}, continuity {quality.continuity:.3f}, "
        f"stress {quality.stress:.3f}{right}"
    )


def _write(path: Path, report: _Report, data: str) -> None:
    from diabolo.cli import tables
    from diabolo.files import write_atomically
    from diabolo.report import atlas

    suffix = path.suffix.lower()
    if suffix == PICTURE:
        write_atomically(path, [atlas.png(report.codes, report.labels)])
    elif suffix == PAGE:
        facts = [("rows", f"{len(report.dataset):,}"), ("measured", f"{report.measured:,}")]
        plane = _plane(report)
        html = atlas.page(
            f"A map of {data}", facts, report.maps, report.qualities, report.some_labels, plane
        )
        write_atomically(path, [html.encode()])
    else:
        names, labels = ["x", "y"], report.labels
        tables.write(path, tables.Table([report.codes], len(report.codes), names, labels))


def _plane(report: _Report) -> np.ndarray | None:
    """Decoded places as images, where rows are images."""
    from diabolo.cli.sheets import greys, shape_of
    from diabolo.uses.map import grid

    try:
        shape = shape_of(report.estimator)
    except ValueError:  # rows are no images
        return None
    images = greys(report.estimator, grid(report.estimator, report.codes, PLANE), shape)
    return (images[..., 0] if shape[2] == 1 else images) / 255
