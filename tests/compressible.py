"""Small models and data for the tests of compression; no test trains for long."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from diabolo.uses.compress.coding import latents, layers, streams
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.codes import BitsBack, Hierarchical, Quantised
from diabolo.uses.compress.coding.heads import Plane
from diabolo.uses.compress.coding.latents import Looking, Painting
from diabolo.uses.compress.coding.layers import Above
from diabolo.uses.compress.coding.layout import Inputs, Layout
from diabolo.uses.compress.coding.network import TENSORS, Weights, shapes

GREY = Layout(7, 6, (Plane(256, True, 0),), 12, 0, 4, False, True)
COLOUR = Layout(
    5,
    8,
    (Plane(256), Plane(256), Plane(256)),
    reach=6,
    across=3,
    beside=4,
    differences=True,
    position=False,
)
ATOMS = Layout(
    6,
    6,
    (Plane(256, True, 255, 5, (0, 3, 252, 253)), Plane(90, True, -1, 1, (89,)), Plane(64, True, 0)),
    reach=7,
    across=2,
    beside=1,
    differences=False,
    position=True,
)
BINARY = Layout(6, 6, (Plane(2, True, 0),), 10, 0, 4, False, True)
TABLE = Layout(
    9,
    1,
    (Plane(1000), Plane(3, False), Plane(40, True, 39), Plane(1), Plane(256)),
    reach=2,
    across=1,
    beside=8,
    differences=True,
    position=False,
)
CONTEXT = {"grey": GREY, "colour": COLOUR, "binary": BINARY, "table": TABLE}
CODED = {
    "grey, quantised": GREY.with_code(Quantised(5, 12, 3, lines=3, columns=4)),
    "colour, bits back": COLOUR.with_code(BitsBack(4, 9, 2, lines=2, columns=8)),
    "table, bits back": TABLE.with_code(BitsBack(3, 7, 2, lines=4, columns=1)),
    "binary, by a quantised code": BINARY.with_code(Quantised(6, 10, 2, 6, 6), context=False),
    "grey, by bits back": GREY.with_code(BitsBack(6, 10, 3, 7, 6), context=False),
}
LAYERED = {
    "grey, in two layers": GREY.with_code(Hierarchical(6, 10, 3, 7, 6, (4,)), context=False),
    "colour, in three layers": COLOUR.with_code(Hierarchical(5, 8, 2, 2, 8, (4, 2))),
}
MIXED = {"atoms": ATOMS}
LAYOUTS = {**CONTEXT, **MIXED, **CODED, **LAYERED}


def symbols(layout: Layout, n: int, seed: int = 0) -> np.ndarray:
    """Smooth and noisy symbols of every kind, some of them extreme, (n, height, width, planes).

    Made of whole numbers alone, so that they are the same on every machine.
    """
    random = np.random.default_rng(seed)
    shape = (n, layout.height, layout.width, len(layout.planes))
    walk = random.integers(-60, 61, shape).cumsum(1).cumsum(2) + random.integers(
        0, 1024, (n, 1, 1, 1)
    )
    folded = abs((walk % 2048) - 1023) % 1024
    rows = np.stack([folded[..., c] * p.alphabet >> 10 for c, p in enumerate(layout.planes)], -1)
    for c, plane in enumerate(layout.planes):
        if plane.edge >= 0:
            rows[..., c] = np.where(folded[..., c] < 400, plane.edge, rows[..., c])
    rows[0] = 0
    rows[-1] = [plane.alphabet - 1 for plane in layout.planes]
    return rows.astype(np.int16)


LARGEST = {"first": 40, "where": 40, "first_bias": 20_000, "second": 60, "second_bias": 20_000}
LARGEST |= {"third": 300, "third_bias": 60_000, "skip": 900}
LARGEST |= {"prior": 80, "unfold": 90, "paint": 40, "look": 100, "say": 40}
LARGEST |= {"rise": 90, "tell": 40, "fall": 90, "lead": 40}
LARGEST |= {f"{name}_bias": 5000 for name in ("rise", "tell", "fall", "lead")}
LARGEST |= {"unfold_bias": 5000, "paint_bias": 9000, "look_bias": 9000, "say_bias": 9000}


def model(
    layout: Layout, seed: int = 0, dtype: Any = np.float32, units: tuple[int, int] = (24, 16)
) -> Model:
    """Random weights, whole numbers from the start; outputs of all sizes."""
    random = np.random.default_rng(seed)
    weights: list[Weights | None] = []
    for c, plane in enumerate(layout.planes):
        if not plane.outputs:
            weights.append(None)
            continue
        wanted = shapes(plane, Inputs(layout, c), layout.positions.shape[1], units)
        weights.append(Weights(**_drawn(random, wanted, TENSORS)))
    if layout.code is None:
        return Model(layout, weights, dtype)
    drawn = _drawn(random, latents.shapes(layout), latents.TENSORS)
    painting, looking = (
        kind(**{name: drawn[name] for name in kind._fields}) for kind in (Painting, Looking)
    )
    painting = painting._replace(prior=abs(painting.prior))
    above = [
        Above(**_drawn(random, wanted, layers.TENSORS)) for wanted in layers.shapes(layout.code)
    ]
    return Model(layout, weights, dtype, painting=painting, looking=looking, above=above)


def _drawn(random: np.random.Generator, wanted: dict, dtypes: dict) -> dict[str, np.ndarray]:
    return {
        name: random.integers(-LARGEST[name], LARGEST[name] + 1, shape).astype(dtypes[name])
        for name, shape in wanted.items()
    }


# whole files; what trains is imported where it is needed, for torch takes seconds

QUICK = {"steps": 20, "n_threads": 1}


def there_and_back(source: Path, folder: Path, **options):
    """Compress, decompress; the result, and the bytes of every file that came back."""
    from diabolo.uses.compress.compressing import compress
    from diabolo.uses.compress.decompressing import decompress

    packed, back = folder / "packed.dbo", folder / "back"
    result = compress(source, packed, **{**QUICK, **options})
    decompress(packed, back, n_threads=1, force=True)
    found = {p.relative_to(back).as_posix(): p.read_bytes() for p in back.rglob("*") if p.is_file()}
    assert result.size == packed.stat().st_size
    others = sum(len(name) + 16 for name in list(found)[1:])  # a folder has names and lengths
    assert result.size <= result.zstandard + 200 + others
    return result, found


def saved(folder: Path, array: np.ndarray, name: str = "x.npy") -> Path:
    path = folder / name
    np.save(path, array)
    return path


def smooth(n: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Bytes (n, *shape) that a model predicts better than zstandard does."""
    random = np.random.default_rng(seed)
    steps = random.integers(-9, 10, (n, *shape)).cumsum(1).cumsum(2)
    return np.clip(steps + 128, 0, 255).astype(np.uint8)


def folder_of_images(folder: Path) -> dict[str, np.ndarray]:
    """PNG of several sizes and modes, with metadata, and a note; the pixels by name."""
    pixels = {
        "a/one.png": smooth(1, (130, 140))[0],
        "a/two.png": smooth(1, (190, 170), 1)[0],
        "three.png": smooth(1, (20, 166, 3), 2)[0],
        "b/c/four.png": smooth(1, (128, 128, 3), 3)[0],
    }
    for name, array in pixels.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = PngImagePlugin.PngInfo()
        text.add_text("Title", f"picture {name}")
        Image.fromarray(array).save(path, pnginfo=text, dpi=(300, 300))
    Image.fromarray(pixels["a/one.png"]).convert("P").save(folder / "palette.png")
    Image.fromarray(pixels["three.png"]).save(folder / "photo.jpg")
    (folder / "note.txt").write_text("nothing to see")
    return pixels


@contextmanager
def always_by_models(units: tuple[int, int] = (4, 4), chunk: int = streams.CHUNK):
    """Models code whatever can be coded, however little there is, with so few hidden units.

    chunk : symbols of a chunk, about
    """
    from diabolo.uses.compress import choosing, compressing

    kept = compressing._coded, choosing._units, streams.CHUNK

    def coded(room, material, result, *rest):
        plain, result.zstandard = result.zstandard, 2**40
        gains = kept[0](room, material, result, *rest)
        result.zstandard = plain
        return gains

    compressing._coded, choosing._units = coded, lambda layout, paid: units
    streams.CHUNK = chunk
    try:
        yield
    finally:
        compressing._coded, choosing._units, streams.CHUNK = kept
