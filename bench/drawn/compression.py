"""Tables of docs/uses/compress.md."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from diabolo.records.page import markdown
from drawn.blocks import Results, Rows, best, percent, said, several, span, table

SETS = {
    "binary": "MNIST, binarised",
    "mnist": "MNIST",
    "fashion": "Fashion-MNIST",
    "cifar": "CIFAR, 4,000 images in colour",
    "shuttle": "shuttle",
    "pendigits": "pendigits",
    "satellite": "satellite",
    "letter": "letter",
    "mammography": "mammography",
    "etth2": "ETTh2 .csv",
    "titanic": "titanic .csv",
    "mpg": "mpg .csv",
}


@said("compress")
def compress(found: Results) -> Iterable[str]:
    """Bits a value (a byte, of texts), everything in the file; the fewest of a line in bold."""
    names = found.those(*SETS)
    by_others = {name: _by_others(found[name]["others"]) for name in names}
    others = [*dict.fromkeys(other for one in by_others.values() for other in one)]
    rows = [("", "raw, bytes", "ours, bytes", "model", "ours", *others, "MB/s in, out", "cores")]
    for name in names:
        of = found[name]
        values = of["raw"] if SETS[name].endswith(".csv") else of["values"] or of["raw"]
        sizes = [of["bytes"], *(by_others[name].get(other, np.nan) for other in others)]
        texts = best(8 * np.array([[size] for size in sizes]) / values, "{:.3f}", np.nanmin)
        rows.append(
            (
                SETS[name] + (", as zstandard packs it" if of["fallback"] else ""),
                f"{of['raw']:,}",
                f"{of['bytes']:,}",
                f"{of['model']:,}",
                *("" if "nan" in text else text for (text,) in texts),
                f"{of['coding MB/s'] or 0:.2f}, {of['decoding MB/s']:.2f}",
                str(found.settings(name)["threads"] or "all"),
            )
        )
    budget = span([found.settings(name)["budget"] for name in names], "{:g}")
    yield (
        "Bits a value (texts: bits a byte) with everything in the file, after at most "
        f"{budget} s of training ({found.machine(*names)}); PNG and WebP: all images in one mosaic "
        "or each for itself, whichever is less:"
    )
    yield markdown(rows)


def _by_others(sizes: dict[str, int]) -> dict[str, int]:
    """Of each format the fewest bytes."""
    found: dict[str, int] = {}
    for name, size in sizes.items():
        kind = name.removesuffix(", each").removesuffix(", mosaic").replace("WEBP", "WebP")
        found[kind] = min(size, found.get(kind, size))
    return found


@table("compress", "python bench/compress.py --decoders --budget 3600 --steps 1000 --threads 1")
def decoders(found: Results) -> Rows:
    kinds = {"context": "context", "both": "both", "code": "code, by bits-back"}
    kinds["code, two layers"] = "code, hierarchical"
    yield "", *kinds.values()
    for name in ("binary", "mnist", "cifar"):
        of = found[f"{name}, decoders"]
        texts = best(np.array([[of[kind]["bits"]] for kind in kinds]), "{:.4f}", min)
        without = [of[kind]["bits without model"] for kind in kinds]
        yield SETS[name], *(f"{a} ({b:.4f})" for (a,), b in zip(texts, without, strict=True))


@table("bounded")
def bounded(found: Results) -> Rows:
    others = ("rounded, xz -9e", "rounded, zstandard -19", "SZ3", "ZFP", "exact, xz -9e")
    yield "set", "bound, of a column's range", "file", "ours", *others
    for section in sorted(found, key=_of_series):
        of = found[section]
        sizes = [of["others"].get(other) for other in others]
        yield (
            of["set"],
            f"{of['share']:g}",
            f"{of['raw']:,}",
            f"{of['bytes']:,}",
            *("" if size is None else f"{size:,}" for size in sizes),
        )


def _of_series(section: str) -> tuple[bool, str]:
    return not section.startswith("etth2"), section


@said("bounded")
def bounded_machine(found: Results) -> Iterable[str]:
    seconds = [one["training seconds"] for one in found.values()]
    yield (
        f"Bytes with everything in the file, `python bench/bounded.py` ({found.machine(*found)}; "
        f"{span(seconds, '{:.0f}')} seconds of training):"
    )


@table("coders")
def coders(found: Results) -> Rows:
    names = {
        "ours, mixtures from their parameters": "ours, making probabilities included",
        "constriction, tables ready": "constriction 0.5, probabilities ready as tables",
        "constriction, tables made for it": "constriction 0.5, tables made for it",
        "constriction, a Gaussian instead": "constriction 0.5, one Gaussian a symbol",
    }
    of = found["coders"]
    yield "", "bits a byte", "encoding", "decoding"
    for name, title in names.items():
        one = of[name]
        yield title, f"{one['bits']:.2f}", *(f"{one[f'{way} MB/s']:.2f}" for way in WAYS)
    yield "what the probabilities say", f"{of['ideal bits']:.2f}", "", ""


WAYS = ("encoding", "decoding")

# photographs

RATES = ("0.2", "0.3", "0.5", "0.75", "1.0")
PHOTOGRAPHS = "python bench/photographs.py"


@table("photographs", PHOTOGRAPHS)
def photographs(found: Results) -> Rows:
    programs = found["kodak"]["programs"]
    yield "PSNR (RGB), dB, at bits a pixel", *RATES, "bits at equal PSNR, beside JPEG"
    for name in ("JPEG", "WebP", "diabolo", "AVIF"):
        of = programs[name]
        gain = "" if name == "JPEG" else percent(of["bd-rate"])
        yield name, *(f"{of[f'psnr at {rate}']:.1f}" for rate in RATES), gain


@table("photographs", PHOTOGRAPHS)
def photographs_each(found: Results) -> Rows:
    each = found["kodak"]["diabolo against each"]
    yield "diabolo's bits at equal PSNR, beside", "fewest of a picture", "mean", "most"
    for name in ("JPEG", "WebP", "AVIF"):
        rates = [gains[name] for gains in each.values()]
        values = (min(rates), float(np.mean(rates)), max(rates))
        yield name, *(percent(value, "{:+.0f} %") for value in values)


@said("photographs", PHOTOGRAPHS)
def photographs_cost(found: Results) -> Iterable[str]:
    seconds, model = found["kodak"]["seconds"], found["model"]
    finest = [points[-1] for points in found["points"].values()]
    bits, psnr = (float(np.mean([one[key] for one in finest])) for key in ("bits", "psnr"))
    yield (
        f"Quality 1 ends at {bits:.1f} bits and {psnr:.1f} dB. A picture of 768 x 512 took "
        f"{seconds['compress']:.1f} s to compress, decoding and comparing it included, and "
        f"{seconds['decompress']:.1f} s to decompress ({found.machine('points')}). The model has "
        f"{model['parameters'] / 1e6:.1f} million weights in {model['bytes'] / 1000:.0f} kB."
    )


@said("photographs", "python bench/photographs.py train FOLDER")
def photographs_training(found: Results) -> Iterable[str]:
    of = found["training"]
    costs = [one["bits + λ error"] for one in of["conversion"].values()]
    cost = " to ".join(f"{100 * one:.2f}" for one in (min(costs), max(costs)))
    yield (
        f"It was trained on {several(of['photographs'], 'photograph')} "
        f"({of['megapixels']:.0f} megapixels) in {of['steps']:,} steps and "
        f"{of['seconds'] / 60:.0f} minutes "
        f"({found.machine('training')}); {of['held out']} more were held out for choices. Being "
        f"whole numbers costs it {cost} % of bits + λ · error against the same weights without "
        "any rounding, since it is trained as such."
    )
