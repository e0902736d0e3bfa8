"""Townsend et al. 2019, bits back with ANS: MNIST's test images as one file of real bytes."""

from __future__ import annotations

import bz2
import lzma
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from diabolo.records import gates
from diabolo.records.record import Arm, Figures, Order, Published, Record, Rows
from diabolo.records.sets import MNIST
from diabolo.records.trial import Trial
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import decompress

GREY, BINARY = "grey: bits a pixel", "binary: bits a pixel"
SOURCE = "table 2, BB-ANS, test images, model not counted"


def kinds(rows: Rows, seed: int) -> dict[str, np.ndarray]:
    """The images as they are, and as bits drawn by their greys."""
    random = np.random.default_rng(seed)
    return {GREY: rows.x, BINARY: (random.random(rows.x.shape) < rows.x / 255).astype(np.uint8)}


def learn(trial: Trial) -> Figures:
    """Both files written, read back and compared byte by byte."""
    figures: Figures = {}
    for name, images in kinds(trial.judged, trial.seed).items():
        with tempfile.TemporaryDirectory() as folder:
            figures |= _written(name, images, Path(folder), trial)
    return figures


def _written(name: str, images: np.ndarray, folder: Path, trial: Trial) -> Figures:
    source, packed = folder / "images.npy", folder / "images.dia"
    np.save(source, images)
    result = compress(
        source,
        packed,
        seconds=max(1.0, trial.settings["seconds"] * trial.pace.epochs),
        seed=trial.seed,
        n_threads=trial.n_threads,
    )
    (back,) = decompress(packed, folder / "back", n_threads=trial.n_threads)
    if back.read_bytes() != source.read_bytes():
        raise ValueError(f"{name} did not come back as they were")
    size, model = packed.stat().st_size, result.model
    return {
        name: 8 * size / images.size,
        f"{name} without the model": 8 * (size - model) / images.size,
    }


def measure(figures: Figures, trial: Trial) -> Figures:
    return figures


def packed_by(pack: Callable[[bytes], bytes]) -> Callable[[Trial], Figures]:
    """A packer for anything, on the same pixels; bits in bytes of eight, which suits it best."""

    def learn_it(trial: Trial) -> Figures:
        both = kinds(trial.judged, trial.seed)
        contents = {GREY: both[GREY].tobytes(), BINARY: np.packbits(both[BINARY]).tobytes()}
        return {
            name: gates.bits_of(pack, content, trial.judged.x.size)
            for name, content in contents.items()
        }

    return learn_it


def xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)


TOWNSEND_2019 = Record(
    id="townsend2019",
    paper="Townsend et al. 2019, Practical lossless compression with latent variables",
    year=2019,
    row="table 2, MNIST",
    data=MNIST,
    metric="bits a pixel of one file with all 10,000 test images, its model and header included; "
    "read back and compared byte by byte",
    network="causal network in whole numbers, trained on the file itself (theirs: 784-200-50)",
    optimiser="AdamW",
    epochs="by time",
    gates=(gates.GZIP, gates.BZIP, gates.GZIP_BINARY, gates.BZIP_BINARY),
    arms=(
        Arm("ours", "`diabolo compress`", learn, measure, {"seconds": 300.0}),
        Arm(
            "xz",
            "control: xz -9e",
            packed_by(xz),
            measure,
        ),
        Arm("bz2", "control: bzip2 -9", packed_by(bz2.compress), measure),
    ),
    published=(
        Published(GREY, 1.41, 1.41, 1.392, "M", f"{SOURCE}; beaten: xz, computed here"),
        Published(BINARY, 0.19, 0.19, 0.17, "M", SOURCE),
    ),
    conditions=(Order(GREY, ("ours", "xz")), Order(BINARY, ("ours", "xz"))),
    minutes=15,
)
