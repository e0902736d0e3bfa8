"""Tables of docs/uses, but for compressing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from diabolo.records.page import markdown
from drawn.blocks import Results, Rows, best, means, percent, said, several, span, table, where


@table("detect")
def detect(found: Results) -> Rows:
    names = {
        "diabolo": "`AnomalyDetector`",
        "diabolo + forest": '`AnomalyDetector(combine="forest")`',
        "isolation forest": "isolation forest, 200 trees",
        "mahalanobis": "Mahalanobis, shrunk covariance",
    }
    measured = [(sets, what) for sets in ("all", "eight") for what in ("auroc", "precision")]
    figures = np.array([[found["summary"][who][a][b] for a, b in measured] for who in names])
    cells = best(figures, "{:.1f}", max)
    yield "", "18 sets", "eight"
    for name, (a, b, c, d) in zip(names.values(), cells, strict=True):
        yield name, f"{a} / {b}", f"{c} / {d}"


@said("detect")
def detect_time(found: Results) -> Iterable[str]:
    seconds = [row["seconds"] for row in found["tables"] if row["who"] == "diabolo"]
    images = found["images"]
    classes = [one["auroc"] for one in images["classes"].values()]
    yield (
        f"A fit and the scores of a set took {span(seconds, '{:.0f}')} s, in the median "
        f"{np.median(seconds):.0f} s ({found.machine('tables')})."
    )
    yield (
        f"MNIST with one class known, images tested among all ten: {images['mean']:.1f}, mean of "
        f"the ten classes ({span(classes, '{:.1f}')}), by a plain `Autoencoder(n_components=16)`."
    )


@table("classify")
def classify(found: Results) -> Rows:
    yield "labels", "as they are", "control", "fewer", "corrupted", "control", "fewer"
    for section in found.values():
        of = [means(where(section, way=way)) for way in ("as they are", "corrupted")]
        errors = best(np.array([[one["error"] for one in of]]).T, "{:.2f}", min)
        cells = [
            (error, f"{one['control']:.2f}", percent(1 - one["error"] / one["control"]))
            for (error,), one in zip(errors, of, strict=True)
        ]
        yield f"{section[0]['labels']:,}", *cells[0], *cells[1]


@said("classify")
def classify_time(found: Results) -> Iterable[str]:
    minutes = [row["pretraining_seconds"] / 60 for section in found.values() for row in section]
    seconds = [row["seconds"] for row in found["1000 labels"]]
    yield (
        f"Pre-training took {span(minutes, '{:.0f}')} minutes, a fit with 1,000 labels "
        f"{span(seconds, '{:.0f}')} s ({found.machine(*found)})."
    )


@table("impute")
def impute(found: Results) -> Rows:
    tables = ("titanic", "penguins", "mpg")
    names = dict.fromkeys(row["imputer"] for row in found["titanic"])
    errors = [
        [
            means(where(found[name], imputer=imputer))[what]
            for name in tables
            for what in ("numbers", "categories")
        ]
        for imputer in names
    ]
    cells = best(np.array(errors), "{:.3f}", min)
    yield "", *tables
    for name, row in zip(names, cells, strict=True):
        shown = f"`{name}`" if name == "Imputer" else name
        yield shown, *(f"{a} / {b}" for a, b in zip(row[::2], row[1::2], strict=True))


@said("impute")
def impute_draws(found: Results) -> Iterable[str]:
    """How often draws hold what was hidden, and the time of a fit."""
    own = {name: where(rows, imputer="Imputer") for name, rows in found.items()}

    def covered(level: str) -> str:
        shares = [np.mean([row["coverage"][level] for row in rows]) for rows in own.values()]
        return f"{span([100 * share for share in shares], '{:.0f}')} %"

    errors = [f"{means(rows)['calibration_error']:.2f}" for rows in own.values()]
    seconds = [row["seconds"] for rows in own.values() for row in rows]
    yield (
        f"Of the hidden numbers {covered('0.5')} lie in the central half of the draws, "
        f"{covered('0.8')} in the central 80 %, and {covered('0.9')} in the central 90 %; the "
        f"expected calibration error of categories is {', '.join(errors)} ({', '.join(own)}). A "
        f"fit took {span(seconds, '{:.0f}')} s ({found.machine(*found)})."
    )


@table("cluster")
def cluster(found: Results) -> Rows:
    names = {name: name for name in ("k-means on pixels", "mixture on pixels", "mixture on PCA")}
    names |= {f"DeepClusterer, {m}": f"`{m}`" for m in ("kmeans", "mixture", "dec", "idec", "vade")}
    sets, measured = ("digits", "usps"), ("accuracy", "nmi", "ari")
    figures = np.full((len(names), len(sets), len(measured)), np.nan)
    for i, name in enumerate(names):
        for j, data in enumerate(sets):
            if rows := found.get(f"{data}, {name}"):
                mean = means(rows)
                figures[i, j] = [mean[key] for key in measured]
    cells = best(figures.reshape(len(names), -1), "{:.3f}", np.nanmax)
    seeds = [several(len(found[f"{data}, {BEST}"]), "seed") for data in sets]
    yield " / ".join(measured), f"digits (1,797), {seeds[0]}", f"USPS (9,298), {seeds[1]}"
    for name, row in zip(names.values(), cells, strict=True):
        joined = [" / ".join(row[:3]), " / ".join(row[3:])]
        yield name, *("" if "nan" in text else text for text in joined)


BEST = "DeepClusterer, kmeans"


@said("cluster")
def cluster_worst(found: Results) -> Iterable[str]:
    digits, usps = (found[f"{data}, {BEST}"] for data in ("digits", "usps"))
    worst = [min(row["accuracy"] for row in rows) for rows in (digits, usps)]
    counts = [span([row["k"] for row in rows], "{:.0f}") for rows in (digits, usps)]
    yield (
        f"The worst seed of `kmeans` has an accuracy of {worst[0]:.3f} on the digits and "
        f"{worst[1]:.3f} on USPS. The number of clusters, where it is not given: {counts[0]} and "
        f"{counts[1]}. USPS takes {span([row['seconds'] for row in usps], '{:.0f}')} s "
        f"({found.machine(f'usps, {BEST}')})."
    )


@table("manifold")
def manifold(found: Results) -> Rows:
    yield "surface", "model", "dimension", "geodesic", "graph", "code", "tangents", "fit"
    for name, kinds in found.items():
        for kind, runs in kinds.items():
            mean = means(runs)
            yield (
                name,
                kind,
                f"{mean['dimension']:.2f} ± {mean['its error']:.2f}",
                *(f"{mean[key]:.1%}" for key in ("geodesic", "graph", "code")),
                "" if np.isnan(mean["tangents"]) else f"{mean['tangents']:.1f}°",
                f"{mean['fit s']:.0f} s",
            )


@table("denoise")
def denoise(found: Results) -> Rows:
    """PSNR in dB / SSIM, the highest PSNR of a line in bold."""
    ways = {  # head → what it is called in the results
        "noisy": ("noisy",),
        "from itself": ("alone",),
        "from others, clean": ("others", "DenoisingAutoencoder"),
        "median": ("median",),
        "non-local means": ("non-local means",),
        "PCA": ("PCA",),
    }
    kodak, mnist = found["kodak"], found.get("mnist", [])
    pictures = [*dict.fromkeys(row["picture"] for row in kodak)]
    lines = {
        "Kodak's first picture": where(kodak, picture=pictures[0]),
        f"mean of {len(pictures)} Kodak pictures": kodak,
        **{
            f"MNIST, {noise}": where(mnist, noise=noise)
            for noise in dict.fromkeys(row["noise"] for row in mnist)
        },
    }
    yield "", *ways
    for line, rows in lines.items():
        own = [[row for row in rows if row["name"] in names] for names in ways.values()]
        figures = [means(some) if some else None for some in own]
        top = max(one["psnr"] for one in figures if one)
        texts = ["" if one is None else f"{one['psnr']:.2f} / {one['ssim']:.3f}" for one in figures]
        yield (
            line,
            *(
                f"**{text}**" if one and one["psnr"] == top else text
                for text, one in zip(texts, figures, strict=True)
            ),
        )


@table("map")
def map_of_digits(found: Results) -> Rows:
    measured = ("5-NN", "MSE", "trust", "continuity", "stress")
    names = {
        "PCA": "PCA",
        "ParametricTSNE": "`ParametricTSNE`, 784-1000-500-250-2",
        "ParametricUMAP": "`ParametricUMAP`, likewise",
        "UMAP": "UMAP of the test images alone",
        "openTSNE": "openTSNE of the test images alone",
    }
    yield "", "5-NN", "squared error a pixel", "trustworthiness", "continuity", "stress"
    for name, shown in names.items():
        if name in found or name in ("PCA", "ParametricTSNE"):
            mean = means(found[name])
            mean = {"5-NN": mean.get("5-NN, leaving one out"), **mean}
            yield shown, *(f"{mean[key]:.4f}" if key in mean else "" for key in measured)
    published = "Sainburg et al. 2021, on training images, convolutional:"
    yield f"{published} UMAP with a decoder", "0.9537", "0.0360", "0.9675", "", ""
    yield f"{published} autoencoder", "0.7926", "0.0369", "0.9663", "", ""


@said("map")
def map_time(found: Results) -> Iterable[str]:
    seconds = [row["seconds"] for row in found["ParametricTSNE"]]
    minutes = span([one / 60 for one in seconds], "{:.0f}")
    machine = found.machine("ParametricTSNE")
    yield f"Means over {several(len(seconds), 'seed')}; a map took {minutes} minutes ({machine})."


@said("auto")
def auto(found: Results) -> Iterable[str]:
    """Of every set: default and choice, means over seeds, and the change of the worst seed."""
    names = found.those("titanic", "digits", "mnist", "cardio")
    rows = [("", "judged by", "default", "chosen", "better by", "worst seed", "its time", "budget")]
    for name in names:
        runs = found[name]
        mean = means(runs)
        rows.append(
            (
                f"{name}, {several(len(runs), 'seed')}",
                "AUROC" if runs[0]["purpose"] == "detect" else "nats a row",
                f"{mean['default']:,.4g}",
                f"{mean['chosen']:,.4g}",
                percent(mean["change"] / 100, "{:+.1f} %"),
                percent(min(run["change"] for run in runs) / 100, "{:+.1f} %"),
                f"{mean['seconds']:.0f} s",
                runs[0]["budget"],
            )
        )
    yield markdown(rows)
    yield f"{found.machine(*names)}."
