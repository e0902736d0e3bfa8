"""Lossless compression: what a causal network knows costs few bits."""

from __future__ import annotations

import io
import lzma

import numpy as np
from PIL import Image

from diabolo.report.numerals import number
from diabolo.report.page import Section, Strips, Table
from diabolo.report.studio import Studio
from diabolo.uses.compress import container
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.models import model_to_bytes
from diabolo.uses.compress.coding.training import train
from diabolo.uses.compress.sources.material import Material
from diabolo.uses.compress.sources.tiles import add_images

LEARNED = 4000  # training images
PACKED = 2000  # test images
STEPS = 100  # for each epoch of the page's other models, and at most …
MOST_STEPS = 1000
UNITS = (24, 16)


def chapter(studio: Studio) -> Section:
    material = studio.material
    learned, packed, shown = (
        greys(material.unit(images))
        for images in (material.train[:LEARNED], material.test[:PACKED], studio.shown)
    )
    model, table = learn(learned, min(MOST_STEPS, STEPS * studio.budget.epochs), studio.seed)
    coded = model.encode(table[packed])
    costs = model.costs(table[shown]).sum(-1)
    return Section(
        id="compressing",
        title="Data compression",
        formula="bits = −log₂ p(x₁) − log₂ p(x₂ | x₁) − log₂ p(x₃ | x₁, x₂) − …",
        text=(
            "What can be predicted need not be stored. A small network looks at the pixels above "
            "and to the left and says how likely each value of the next one is; a coder turns "
            "likely values into few bits. All its arithmetic is in whole numbers, so that any "
            "machine that decodes makes the same predictions, and every pixel comes back exactly."
        ),
        paper="Duda 2013, “Asymmetric numeral systems”; Salimans et al. 2017, “PixelCNN++”, for "
        "the mixture of logistic densities.",
        blocks=[
            _map(studio, costs),
            _sizes(packed, len(coded.content), len(model_to_bytes(model))),
        ],
    )


def greys(images: np.ndarray) -> np.ndarray:
    """Images on the scale 0 … 1 as bytes, (n, height, width, channels)."""
    pixels = np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)
    return pixels.reshape(*pixels.shape[:3], -1)


def learn(images: np.ndarray, steps: int, seed: int) -> tuple[Model, np.ndarray]:
    """A model of such images, and the symbol of every byte."""
    found = Material()
    described = add_images(found, images)
    layout = found.streams[0].layout
    table = np.arange(256, dtype=np.int16)
    if "values" in described:  # of few values: a byte that never occurred is as its neighbour
        last = len(described["values"]) - 1
        table = np.searchsorted(described["values"], table).clip(0, last).astype(np.int16)
    rows = found.streams[0].read(0, found.streams[0].count)
    sizes = found.streams[0].sizes(0, found.streams[0].count)
    units = [UNITS] * len(layout.planes)
    done = train(layout, rows, units, sizes=sizes, steps=steps, seed=seed, n_threads=1)
    return Model(layout, done.weights), table


def _map(studio: Studio, costs: np.ndarray) -> Strips:
    most = float(max(1.0, np.quantile(costs, 0.995)))
    return Strips(
        [
            ("image", studio.strip(studio.material.unit(studio.shown), "Test images")),
            ("bits", studio.strip(costs / most, "Bits that each pixel takes")),
        ],
        f"How many bits each pixel takes, from none to {number(most)} and more: "
        f"{number(costs.mean())} on average. Empty ground is known in advance, the inside of a "
        "stroke nearly so; what costs are edges, above all where a stroke begins.",
    )


def _sizes(images: np.ndarray, coded: int, model: int) -> Table:
    """Bytes of all images, in this form and in others."""
    raw = images.tobytes()
    found = {
        "as they are": len(raw),
        "PNG, each": sum(len(_png(image)) for image in images),
        "zstandard -19": len(container.pack(raw)),
        "xz -9": len(lzma.compress(raw, preset=9)),
        "this model, its weights included": coded + model,
    }
    longest = max(found.values())
    rows = [(name, f"{size:,}", number(8 * size / images.size)) for name, size in found.items()]
    return Table(
        ["", "bytes", "bits a value"],
        rows,
        f"{len(images):,} test images that the model never saw; it takes {model:,} bytes itself. "
        "diabolo compress trains longer, on the very data that are to become small.",
        bars={1: [size / longest for size in found.values()]},
        best={1: min(range(len(rows)), key=lambda i: list(found.values())[i])},
    )


def _png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(file, "PNG")
    return file.getvalue()
