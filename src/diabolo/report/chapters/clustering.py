"""Clustering: kinds of images that nobody named."""

from __future__ import annotations

import numpy as np
import torch

from diabolo.data.neighbours import fuzzy_graph
from diabolo.estimators.layouts import layout
from diabolo.estimators.seeds import Seeds
from diabolo.families.layout import LayoutAutoencoder
from diabolo.report.figures import scatter
from diabolo.report.numerals import number, per_cent
from diabolo.report.page import Beside, Code, Plot, Section, Sheet, Table
from diabolo.report.studio import Studio
from diabolo.uses.cluster import DeepClusterer

ROWS = 1500  # that are clustered
NEIGHBOURS, STEPS = 15, 100  # of the map
MEMBERS = 11  # shown of each cluster


def chapter(studio: Studio) -> Section:
    images, labels = studio.material.train[:ROWS], studio.material.train_labels
    labels = None if labels is None else labels[:ROWS]
    clusterer = DeepClusterer(
        estimator=LayoutAutoencoder(
            n_components=10, hidden_layer_sizes=(128,), guide=1, batch_size=64, max_epochs=25
        ),
        n_clusters=len(studio.material.classes) or None,
        random_state=studio.seed,
    ).fit(images, labels)
    return Section(
        id="clustering",
        title="Clustering",
        formula="minimise  −log p(x | z) + ½ ‖z − z*‖²,  z* the layout of nearest neighbours",
        text=(
            "Which images belong together, when nobody says what they show? Each is joined with "
            "its nearest others, where small shifts, turns and stretches count little. The graph "
            "is laid out so that neighbours lie together, codes are led to these places, and "
            "k-means finds the clumps. Labels are used for nothing but the table."
        ),
        paper="McConville et al. 2021, “N2D”; McInnes et al. 2018, “UMAP”; Simard et al. 1993 for "
        "the distance; Xie et al. 2016, “Unsupervised deep embedding for clustering analysis”.",
        blocks=[
            Beside([_map(studio, clusterer, images), _members(studio, clusterer, images)]),
            _table(clusterer),
            Code([" ".join(repr(clusterer).split())]),
        ],
    )


def _map(studio: Studio, clusterer: DeepClusterer, images: np.ndarray) -> Plot:
    title = "Codes, coloured by cluster"
    names = [str(k + 1) for k in range(clusterer.n_clusters_)]
    codes = torch.from_numpy(clusterer.estimator_.transform(images))
    plane = layout(fuzzy_graph(codes, NEIGHBOURS), 2, Seeds.of(studio.seed), steps=STEPS)
    return Plot(
        scatter(plane, clusterer.labels_, names, title=title),
        f"The codes of {len(images):,} images, ten numbers each, laid out in the plane; colours "
        "and numbers are the clusters that were found.",
        title,
    )


def _members(studio: Studio, clusterer: DeepClusterer, images: np.ndarray) -> Sheet:
    """Each line a cluster: its decoded centre, then some of its members."""
    unit, lines = studio.material.unit, []
    centres = np.asarray(clusterer.decoded_centers()).reshape(-1, *studio.material.shape)
    for k, centre in enumerate(centres):
        own = np.flatnonzero(clusterer.labels_ == k)
        some = own[np.linspace(0, len(own) - 1, MEMBERS).astype(int)]
        lines.append(np.concatenate([unit(centre[None]), unit(images[some])]))
    title = "Decoded centres and members"
    return Sheet(
        studio.sheet(np.concatenate(lines), title, per_line=MEMBERS + 1),
        "Each line a cluster, 1 at the top: what its centre decodes to, then eleven of its images, "
        "not chosen.",
        title,
    )


def _table(clusterer: DeepClusterer) -> Table:
    report = clusterer.report_
    found = [
        ("clusters of codes", report.modularity, report.labels),
        ("k-means on pixels", report.of_kmeans, report.kmeans_labels),
    ]
    heads = ["", "modularity"]
    cells = [[name, number(modularity)] for name, modularity, _ in found]
    if report.labels is not None:
        heads += ["accuracy", "NMI", "ARI"]
        for row, (_, _, labels) in zip(cells, found, strict=True):
            assert labels is not None  # either both or none
            row += [per_cent(labels.accuracy), number(labels.nmi), number(labels.ari)]
    return Table(
        tuple(heads),
        [tuple(row) for row in cells],
        "Modularity: share of nearest neighbours that share a cluster, less what chance would "
        "give; it needs no label. Accuracy: under the best naming of clusters by classes.",
    )
