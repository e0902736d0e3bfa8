"""How small files get without losing a bit, beside other programs. All bytes counted.

    python bench/compress.py                       all sets, 3 minutes of training each
    python bench/compress.py --only mnist binary   some of them
    python bench/compress.py --budget 60           shorter training
    python bench/compress.py --decoders            context, code or both: no files, but 256 rows of
                                                   each set coded, and as many more; model included

Every file is decoded and compared with what went in. "bits" are bits a value with everything in the
file; "model" is what of them the model takes, "over ideal" how much longer the chunks are than the
model's own probabilities say. Speeds are MB of raw data a second, without training. Others pack the
same bytes: gzip -9, bzip2 -9, xz -9e, zstandard -19 whole; PNG and WebP (lossless, method 6) each
image for itself, and all images in one mosaic. Parquet with brotli gets the columns.

Figures go to results/compress.json.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from kept import keep

from diabolo.data.idx import read_idx
from diabolo.uses.compress import baselines, choosing, container
from diabolo.uses.compress.coding.models import model_to_bytes
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import decompress
from diabolo.uses.compress.pool import one_thread_each
from diabolo.uses.compress.sources.material import Material
from diabolo.uses.compress.sources.tiles import add_images

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("DIABOLO_DATA", ROOT.parent / "shared" / "data"))


def greys(name: str) -> np.ndarray:
    return read_idx(DATA / name / "t10k-images-idx3-ubyte.gz")


def binarised() -> np.ndarray:
    """Each pixel white with the probability that its grey says (Salakhutdinov & Murray 2008)."""
    images = greys("mnist")
    return (np.random.default_rng(0).random(images.shape) * 255 < images).astype(np.uint8)


def adbench(name: str) -> np.ndarray:
    return np.load(next((DATA / "adbench").glob(f"*_{name}.npz")))["X"]


ARRAYS = {
    "binary": binarised,
    "mnist": lambda: greys("mnist"),
    "fashion": lambda: greys("fashion-mnist"),
    "cifar": lambda: np.load(DATA / "cifar10" / "cifar10_4k_lossless.npz")["x"],
    "shuttle": lambda: adbench("shuttle"),
    "pendigits": lambda: adbench("pendigits"),
    "satellite": lambda: adbench("satellite"),
    "letter": lambda: adbench("letter"),
    "mammography": lambda: adbench("mammography"),
}
BUDGET = 180.0  # seconds of training a set
STEPS = 1000  # of each decoder where they are compared, at least
TEXTS = {
    "etth2": DATA / "ett" / "ETTh2.csv",
    "titanic": DATA / "tables" / "titanic.csv",
    "mpg": DATA / "tables" / "mpg.csv",
}


def measured(name: str, budget: float, steps: int | None, n_threads: int | None) -> dict:
    """One file, compressed, decompressed, compared."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if name in ARRAYS:
            source = folder / f"{name}.npy"
            np.save(source, ARRAYS[name]())
        else:
            source = TEXTS[name]
        began = time.perf_counter()
        result = compress(
            source, folder / "x.dbo", seconds=budget, steps=steps, n_threads=n_threads
        )
        whole = time.perf_counter() - began
        raw = source.stat().st_size
        began = time.perf_counter()
        decompress(folder / "x.dbo", folder / "back", n_threads=n_threads)
        back = time.perf_counter() - began
        content = source.read_bytes()
        assert (folder / "back" / source.name).read_bytes() == content
        row = {
            "set": name,
            "raw": raw,
            "bytes": result.size,
            "values": result.values,
            "bits": 8 * result.size / (result.values or raw),
            "model": result.model,
            "bits without model": 8 * (result.size - result.model) / (result.values or raw),
            "over ideal": result.over_ideal,
            "fallback": result.fallback,
            "training seconds": result.training,
            "training steps": result.steps,
            "seconds": whole,
            "coding MB/s": result.coding and raw / result.coding / 1e6,
            "decoding MB/s": raw / back / 1e6,
        }
        print(
            f"{name:12} {row['bytes']:>10,} bytes  {row['bits']:.4f} bits a value "
            f"({row['bits without model']:.4f} without model)  {row['training steps']} steps in "
            f"{row['training seconds']:.0f} s  coding {row['coding MB/s'] or 0:.2f}, decoding "
            f"{row['decoding MB/s']:.2f} MB/s" + ("  FALLBACK" if row["fallback"] else ""),
            flush=True,
        )
        return {**row, "others": others(name, content)}


def decoders(name: str, budget: float, steps: int | None, n_threads: int | None) -> dict[str, dict]:
    """What each decoder of `choosing` comes to after as much training, by a sample of the rows."""
    images = ARRAYS[name]()
    material = Material()
    add_images(material, images if images.ndim == 4 else images[..., None])
    (stream,) = material.streams
    paid = len(container.pack(images.tobytes()))
    found = {}
    for label, decoder, code in DECODERS:
        model, trained, _ = choosing.fitted(
            stream, paid, seconds=budget, steps=steps, seed=0, n_threads=n_threads,
            report=lambda *_: None, decoder=decoder, code=code,
        )  # fmt: skip
        size, weights = choosing.measured(stream, model), len(model_to_bytes(model))
        found[label] = {
            "bits": 8 * size / stream.symbols,
            "bits without model": 8 * (size - weights) / stream.symbols,
            "model": weights,
            "training seconds": trained.seconds,
            "training steps": trained.steps,
        }
        print(
            f"{name:12} {label:16} {8 * size / stream.symbols:.4f} bits a value "
            f"({8 * (size - weights) / stream.symbols:.4f} without the model's {weights:,} bytes)  "
            f"{trained.steps} steps in {trained.seconds:.0f} s",
            flush=True,
        )
    return found


DECODERS = (
    *((decoder, decoder, None) for decoder in choosing.DECODERS),
    ("code, two layers", "code", "hierarchical"),
)


def others(name: str, content: bytes) -> dict[str, int]:
    found = {
        "gzip -9": len(gzip.compress(content, 9)),
        "bzip2 -9": len(baselines.bzip2(content)),
        "xz -9e": len(baselines.xz(content)),
        "zstandard -19": len(container.pack(content)),
    }
    if name in ("binary", "mnist", "fashion", "cifar"):
        images = ARRAYS[name]()
        images = images if images.ndim == 4 else images[..., None]
        if name == "binary":
            images = images * 255
        for kind in ("PNG", "WEBP"):
            found[f"{kind}, each"] = sum(len(baselines.one(image, kind)) for image in images)
            found[f"{kind}, mosaic"] = len(baselines.one(mosaic(images), kind))
        return found
    table = pl.DataFrame(ARRAYS[name]()) if name in ARRAYS else pl.read_csv(TEXTS[name])
    file = io.BytesIO()
    table.write_parquet(file, compression="brotli", compression_level=11)
    return {**found, "Parquet, brotli": len(file.getvalue())}


def mosaic(images: np.ndarray) -> np.ndarray:
    """All images in one, about as wide as high (n, h, w, c) → (H, W, c)."""
    n, height, width, channels = images.shape
    across = int(n**0.5)
    rows = -(-n // across)
    padded = np.zeros((rows * across, height, width, channels), np.uint8)
    padded[:n] = images
    grid = padded.reshape(rows, across, height, width, channels).swapaxes(1, 2)
    return grid.reshape(rows * height, across * width, channels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*ARRAYS, *TEXTS])
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds of training each")
    parser.add_argument("--steps", type=int, help="of training each, at most")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--decoders", action="store_true", help="compare them, write no files")
    options = parser.parse_args()
    settings = {name: getattr(options, name) for name in ("budget", "steps", "threads")}
    if options.decoders:
        with one_thread_each():
            for name in options.only or ["binary", "mnist", "cifar"]:
                found = decoders(name, options.budget, options.steps, options.threads)
                whole = options.steps is None or options.steps >= STEPS
                keep("compress", settings=settings, whole=whole, **{f"{name}, decoders": found})
        return
    for name in options.only or [*ARRAYS, *TEXTS]:
        row = measured(name, options.budget, options.steps, options.threads)
        print(
            " " * 12,
            "  ".join(
                f"{other} {8 * size / (row['values'] or row['raw']):.3f}"
                for other, size in sorted(row["others"].items(), key=lambda item: item[1])
            ),
            flush=True,
        )
        if options.steps is None:
            whole = options.budget >= BUDGET
            keep("compress", settings=settings, whole=whole, **{name: row})


if __name__ == "__main__":
    main()
