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
from diabolo.uses.compress.choosing import fitted
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.models import model_to_bytes
from diabolo.uses.compress.coding.streams import Stream
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import decompress
from diabolo.uses.compress.sources.material import Material
from diabolo.uses.compress.sources.tiles import add_images

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


def by_code(trial: Trial) -> Figures:
    """Their kind of decoder: the code alone, by bits-back; chunks coded, decoded and compared.

    No file, for with its model it would be larger than what zstandard makes.
    """
    figures: Figures = {}
    for name, images in kinds(trial.judged, trial.seed).items():
        material = Material()
        add_images(material, images.reshape(-1, 28, 28, 1))
        (stream,) = material.streams
        model, _, _ = fitted(
            stream,
            images.size / 4,
            seconds=max(1.0, trial.settings["seconds"] * trial.pace.epochs),
            steps=None,
            seed=trial.seed,
            n_threads=trial.n_threads,
            report=lambda *_: None,
            decoder="code",
        )
        coded = sum(_coded(model, stream, *chunk) for chunk in stream.chunks())
        figures[name] = 8 * (coded + len(model_to_bytes(model))) / images.size
        figures[f"{name} without the model"] = 8 * coded / images.size
    return figures


def _coded(model: Model, stream: Stream, first: int, last: int) -> int:
    """Bytes of some rows, read back and compared."""
    rows, sizes = stream.read(first, last), stream.sizes(first, last)
    coded = model.encode(rows, None, sizes)
    if not np.array_equal(model.decode(coded.content, len(rows), coded.lanes, sizes), rows):
        raise ValueError("rows did not come back as they were")
    return len(coded.content)


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
        Arm("code", "code alone, by bits-back", by_code, measure, {"seconds": 120.0}),
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
