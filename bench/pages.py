"""The tables of docs that stand between <!-- table: NAME --> and <!-- end -->, from results/*.json.

python bench/pages.py           writes them anew; `make results` does so, too
python bench/pages.py --check   says which are not what the results say
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kept import RESULTS

from diabolo.files import write_atomically
from diabolo.records.page import markdown

DOCS = Path(__file__).resolve().parents[1] / "docs"
TABLE = re.compile(r"(?<=<!-- table: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
Rows = Iterator[Sequence[str]]
Figures = Mapping[str, Any]  # section → figures


def detect(found: Figures) -> Rows:
    names = {
        "diabolo": "`AnomalyDetector`",
        "diabolo + forest": '`AnomalyDetector(combine="forest")`',
        "isolation forest": "isolation forest, 200 trees",
        "mahalanobis": "Mahalanobis, shrunk covariance",
    }
    measured = [(sets, what) for sets in ("all", "eight") for what in ("auroc", "precision")]
    table = np.array([[found["summary"][who][a][b] for a, b in measured] for who in names])
    cells = best(table, "{:.1f}", max)
    yield "", "18 sets", "eight"
    for name, (a, b, c, d) in zip(names.values(), cells, strict=True):
        yield name, f"{a} / {b}", f"{c} / {d}"


def classify(found: Figures) -> Rows:
    yield "labels", "as they are", "control", "fewer", "corrupted", "control", "fewer"
    for section in found.values():
        of = {way: means(section, "way", way) for way in ("as they are", "corrupted")}
        errors = best(np.array([[one["error"] for one in of.values()]]).T, "{:.2f}", min)
        cells = [
            (error, f"{one['control']:.2f}", f"{100 * (1 - one['error'] / one['control']):.0f} %")
            for (error,), one in zip(errors, of.values(), strict=True)
        ]
        yield f"{section[0]['labels']:,}", *cells[0], *cells[1]


def impute(found: Figures) -> Rows:
    tables = ("titanic", "penguins", "mpg")
    names = dict.fromkeys(row["imputer"] for row in found["titanic"])
    kinds = [(table, what) for table in tables for what in ("numbers", "categories")]
    errors = [
        [means(found[table], "imputer", name)[what] for table, what in kinds] for name in names
    ]
    cells = best(np.array(errors), "{:.3f}", min)
    yield "", *tables
    for name, row in zip(names, cells, strict=True):
        shown = f"`{name}`" if name == "Imputer" else name
        yield shown, *(f"{a} / {b}" for a, b in zip(row[::2], row[1::2], strict=True))


def cluster(found: Figures) -> Rows:
    names = {name: name for name in ("k-means on pixels", "mixture on pixels", "mixture on PCA")}
    names |= {f"DeepClusterer, {m}": f"`{m}`" for m in ("kmeans", "mixture", "dec", "idec", "vade")}
    sets, measured = ("digits", "usps"), ("accuracy", "nmi", "ari")
    table = np.full((len(names), len(sets), len(measured)), np.nan)
    for i, name in enumerate(names):
        for j, data in enumerate(sets):
            for row in found.get(f"{data}, {name}", [])[:1]:
                mean = means(found[f"{data}, {name}"], "method", row["method"])
                table[i, j] = [mean[key] for key in measured]
    cells = best(table.reshape(len(names), -1), "{:.3f}", np.nanmax)
    yield " / ".join(measured), "digits (1,797), 10 seeds", "USPS (9,298), 10 seeds"
    for name, row in zip(names.values(), cells, strict=True):
        joined = [" / ".join(row[:3]), " / ".join(row[3:])]
        yield name, *("" if "nan" in text else text for text in joined)


def manifold(found: Figures) -> Rows:
    yield "surface", "model", "dimension", "geodesic", "graph", "code", "tangents", "fit"
    for name, kinds in found.items():
        for kind, runs in kinds.items():
            mean = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
            yield (
                name,
                kind,
                f"{mean['dimension']:.2f} ± {mean['its error']:.2f}",
                *(f"{mean[key]:.1%}" for key in ("geodesic", "graph", "code")),
                "" if np.isnan(mean["tangents"]) else f"{mean['tangents']:.1f}°",
                f"{mean['fit s']:.0f} s",
            )


def generate(found: Figures) -> Rows:
    measured = ("density", "coverage", "precision", "recall")
    kinds = {
        "`GenerativeAdversarialNetwork`, temperature 1": ("GenerativeAdversarialNetwork", 1.0),
        "temperature 0.5": ("GenerativeAdversarialNetwork", 0.5),
        "temperature 0.4": ("GenerativeAdversarialNetwork", 0.4),
        "temperature 0.3": ("GenerativeAdversarialNetwork", 0.3),
        "`VariationalAutoencoder`": ("VariationalAutoencoder", 1.0),
        "mixture of 100 Gaussians on PCA-50": ("mixture of 100 on PCA-50", None),
    }
    runs = [
        [run for run in found["mnist"] if (run["model"], run.get("temperature")) == kind]
        for kind in kinds.values()
    ]
    table = np.array([[[run[key] for run in own] for key in measured] for own in runs])
    yield "means over 3 seeds", *measured, "shares, worst"
    for name, row, own in zip(kinds, best(table.mean(2), "{:.2f}", max), runs, strict=True):
        least, largest = (f([run[key] for run in own]) for f, key in WORST)
        yield name, *row, f"{least:.2f} … {largest:.2f}"


WORST = ((min, "least share"), (max, "largest share"))
TABLES: dict[str, Callable[[Figures], Rows]] = {
    one.__name__: one for one in (cluster, detect, classify, impute, manifold, generate)
}


def means(rows: Sequence[Mapping[str, Any]], key: str, value: Any) -> dict[str, float]:
    """Means of all numbers over the rows that have this value."""
    own = [row for row in rows if row[key] == value]
    numbers = [name for name, one in own[0].items() if isinstance(one, int | float)]
    return {name: float(np.mean([row[name] for row in own])) for name in numbers}


def best(table: np.ndarray, form: str, which: Callable) -> list[list[str]]:
    """Numbers as texts, the best of each column in bold."""
    texts = [[form.format(value) for value in row] for row in table]
    winners = [form.format(which(column)) for column in table.T]
    return [
        [f"**{text}**" if text == top else text for text, top in zip(row, winners, strict=True)]
        for row in texts
    ]


def figures(name: str) -> Figures:
    """What results/NAME.json holds, without how it was made."""
    kept = json.loads((RESULTS / f"{name}.json").read_text())
    return {
        section: one["figures"] if isinstance(one, dict) and "figures" in one else one
        for section, one in kept.items()
    }


def written(text: str) -> str:
    """A page with its tables as the results have them."""
    return TABLE.sub(
        lambda found: f"{found[1]}{found[2]}{markdown([*TABLES[found[1]](figures(found[1]))])}\n",
        text,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    only_check = parser.parse_args().check
    pages = {page: page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))}
    old = [page for page, text in pages.items() if written(text) != text]
    for page in old:
        print(f"{page.relative_to(DOCS)}: {'is not what results say' if only_check else 'written'}")
        if not only_check:
            write_atomically(page, [written(pages[page]).encode()])
    if only_check and old:
        sys.exit(1)


if __name__ == "__main__":
    main()
