"""Data manipulation: images changed by way of their codes, and what that does besides."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from diabolo.report.numerals import number, per_cent
from diabolo.report.page import Block, Section, Sheet, Strips, Table
from diabolo.report.sheets import Picture
from diabolo.report.studio import Studio
from diabolo.uses.edit.directions import (
    FEWEST,
    Direction,
    factors,
    matched_difference,
    mean_difference,
)
from diabolo.uses.edit.effects import edited
from diabolo.uses.edit.inversion import invert
from diabolo.uses.edit.paths import PATHS, path
from diabolo.uses.latent import decode_scaled, in_units

SPACE, GAN = "latent space", "adversarial"
STEPS = 10  # of a way, ends included
PAIRS = 3
STRENGTHS = (-1.0, -0.5, 0.0, 0.5, 1.0)
TOWARDS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
EDITED = 4  # images that are shown edited
OUTER = 0.85  # quantile of the attribute: still further out codes are as rare as their sums
FACTORS = 3


def chapter(studio: Studio) -> Section:
    what = encoded(studio)
    return Section(
        id="manipulation",
        title="Data manipulation",
        formula="x′ = g(z(x) + s·v)",
        text=(
            "In a good code space a step in one direction changes one thing. The direction comes "
            "from examples: the mean code of images that have it, minus the mean code of those "
            "that do not. Then every image can be moved, a little or a lot, and two can be joined "
            "by a way. How far an edit reaches, and what else it changes, is measured on test "
            "images by a classifier that knows nothing of the code."
        ),
        paper="Radford, Metz & Chintala 2016 for arithmetic; Shao, Kumar & Fletcher 2018 for "
        "geodesics; Shen & Zhou 2021 for factors; Creswell & Bharath 2018 for inversion.",
        blocks=[
            *_attribute(studio, what),
            *_label(studio),
            *_ways(studio),
            _sums(studio, what),
            _factors(studio),
            _inversion(studio),
        ],
    )


class Attribute(NamedTuple):
    """Something that every image has more or less of, (n, …) on the scale 0 … 1 → (n,)."""

    name: str
    meaning: str
    measure: Callable[[np.ndarray], np.ndarray]


def attributes(studio: Studio) -> list[Attribute]:
    """What could be edited, best known first; strokes can also lean."""
    name = "ink" if studio.material.ink else "brightness"
    light = Attribute(name, "mean over pixels, from 0 to 1", brightness)
    lean = Attribute("slant", "pixels to the right per pixel upwards", slant)
    return [light, lean] if studio.material.ink else [light]


def encoded(studio: Studio) -> Attribute:
    """The first attribute of which a step moves a third at least of the way between its ends; the
    last if none does. Where all images have equally much of one, the code need not hold it."""
    *others, last = attributes(studio)
    data = studio.material
    for one in others:
        values = np.sort(one.measure(data.unit(data.train)))
        third = len(values) // 3
        way = float(values[-third:].mean() - values[:third].mean())
        if _measured(studio, attribute_directions(studio, one)[1], one)[1] > way / 3:
            return one
    return last


def brightness(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).mean(1)


def slant(images: np.ndarray) -> np.ndarray:
    """By how much strokes lean to the right, (n,): pixels to the side per pixel upwards, the slope
    of the least-squares line through the ink; images (n, H, W) on the scale 0 … 1."""
    ink = np.clip(images, 0, None) + 1e-6
    ink = ink / ink.sum((1, 2), keepdims=True)
    up, right = np.meshgrid(*(np.arange(s, dtype=float) for s in images.shape[1:]), indexing="ij")
    up = -(up - (ink * up).sum((1, 2))[:, None, None])
    right = right - (ink * right).sum((1, 2))[:, None, None]
    return (ink * up * right).sum((1, 2)) / (ink * up * up).sum((1, 2))


def attribute_directions(studio: Studio, what: Attribute) -> tuple[Direction, Direction]:
    """From the third of the training images with least of the attribute to that with most: over all
    images, and averaged over classes, so that these are held (the same where there are none)."""
    data = studio.material
    order = np.argsort(what.measure(data.unit(data.train)), kind="stable")
    third = len(order) // 3
    ends, much = np.concatenate([order[:third], order[-third:]]), np.arange(2 * third) >= third
    codes = studio[SPACE].transform(data.train[ends])
    plain = mean_difference(codes, much, True)
    if data.train_labels is None:
        return plain, plain
    try:
        return plain, matched_difference(codes, much, data.train_labels[ends], True)
    except ValueError:  # every class has only much of it, or only little
        return plain, plain


def _attribute(studio: Studio, what: Attribute) -> list[Block]:
    """Images with less and with more of the attribute, and what their classes do meanwhile."""
    model, data = studio[SPACE], studio.material
    plain, held = attribute_directions(studio, what)
    strip = edited(model, model.transform(studio.shown), held, STRENGTHS)
    rows = [
        (f"{what.name} {_signed(s)}", _strip(studio, images, f"{what.name} {_signed(s)}"))
        for s, images in zip(STRENGTHS, strip, strict=True)
    ]
    kinds = [("all images", plain)]
    if data.train_labels is not None:
        kinds.append(("within classes", held))
    cells, slopes = [], []
    for name, direction in kinds:
        measured, slope = _measured(studio, direction, what)
        cells += [
            (f"{name}, {_signed(s)}", *line) for s, line in zip(STRENGTHS, measured, strict=True)
        ]
        slopes.append(f"{number(slope)} ({name})")
    return [
        Strips(
            [("input", _strip(studio, studio.shown, "Test images")), *rows],
            f"Less and more {what.name}: one direction for all images, from the mean code of the "
            "third of the training images that have least of it to the third that have most, "
            "within each class. A step of 1 is the whole way.",
        ),
        Table(
            ("direction, steps", what.name, "class kept", "moved"),
            cells,
            f"Means over {len(data.test):,} test images. Found over all images, a direction may "
            "also lead from the classes that have little of it to those that have much; found "
            "within classes and averaged, it does not. "
            f"{what.name.capitalize()}: {what.meaning}; per step {', '.join(slopes)}. Class kept: "
            "how often a linear classifier of the images sees the same as at 0. Moved: root mean "
            "square over pixels.",
        ),
    ]


def _measured(
    studio: Studio, direction: Direction, what: Attribute
) -> tuple[list[tuple[str, ...]], float]:
    """Mean attribute, share of classes kept and distance at every strength; attribute per step."""
    model, data = studio[SPACE], studio.material
    moved = edited(model, model.transform(data.test), direction, STRENGTHS)
    still = data.flat(moved[STRENGTHS.index(0.0)])
    probe = studio.judge
    lines: list[tuple[str, ...]] = []
    values: list[float] = []
    for images in moved:
        rows = data.flat(images)
        kept = np.nan if probe is None else np.mean(probe.verdict(rows) == probe.verdict(still))
        distance = np.sqrt(np.square(rows - still).mean())
        values.append(float(what.measure(data.unit(images)).mean()))
        lines.append(
            (f"{values[-1]:.3f}".replace("-", "−"), per_cent(float(kept)), f"{distance:.3f}")
        )
    return lines, float(np.polyfit(STRENGTHS, values, 1)[0])


def _signed(strength: float) -> str:
    return number(strength) if strength <= 0 else f"+{number(strength)}"


def _label(studio: Studio) -> list[Block]:
    """One class turned into another; nothing without labels."""
    data, model = studio.material, studio[SPACE]
    probe, (source, goal) = studio.judge, (1, 0)
    if probe is None or data.train_labels is None:
        return []
    if min(np.bincount(data.train_labels, minlength=2)[:2]) < FEWEST:
        return []
    codes = model.transform(data.train)
    direction = mean_difference(codes, data.train_labels, goal, source)
    images = data.test[data.test_labels == source]
    if not len(images):
        return []
    moved = edited(model, model.transform(images), direction, TOWARDS)
    names = data.classes[source], data.classes[goal]
    shown = np.concatenate([images[:EDITED][None], moved[:, :EDITED]])  # (1 + s, n, …)
    lines = np.moveaxis(shown, 0, 1).reshape(-1, *data.shape)
    verdicts = [probe.verdict(data.flat(rows)) for rows in moved]
    cells = [
        (
            number(s),
            *(per_cent(float(np.mean(seen == str(label)))) for label in (source, goal)),
            per_cent(float(np.mean((seen != str(source)) & (seen != str(goal))))),
        )
        for s, seen in zip(TOWARDS, verdicts, strict=True)
    ]
    per_line = 1 + len(TOWARDS)
    return [
        Sheet(
            studio.sheet(data.unit(lines), f"{names[0]} becomes {names[1]}", per_line=per_line),
            f"Test images of “{names[0]}”, each followed by its edits: "
            f"{', '.join(map(number, TOWARDS))} steps along the difference of the classes’ means.",
            f"From {names[0]} to {names[1]}",
        ),
        Table(
            ("steps", f"taken for {names[0]}", f"taken for {names[1]}", "for another"),
            cells,
            f"What a linear classifier of the images makes of {len(images):,} test images of "
            f"“{names[0]}” after so many steps.",
        ),
    ]


def _ways(studio: Studio) -> list[Block]:
    """Three kinds of way between test images, and how long they are."""
    model = studio[SPACE]
    images = studio.shown[: 2 * PAIRS]
    pairs = len(images) // 2
    starts, ends = model.transform(images[:pairs]), model.transform(images[pairs : 2 * pairs])
    rows, lengths = [], dict.fromkeys(PATHS, 0.0)
    for a, b in zip(starts, ends, strict=True):
        for kind in PATHS:
            way = path(model, a, b, kind=kind, steps=STEPS)
            between = in_units(model, decode_scaled(model, way.codes))
            rows.append((kind, _strip(studio, between.reshape(-1, *studio.material.shape), kind)))
            lengths[kind] += way.length / pairs
    told = ", ".join(f"{kind} {number(length)}" for kind, length in lengths.items())
    return [
        Strips(
            rows,
            f"From one test image to another in {STEPS} steps. Linear: straight in the code. "
            "Spherical: at the distance from 0 that codes have. Geodesic: the way along which "
            "the images change least, by minimising the energy of the decoded curve. Mean "
            f"lengths, as the decoder sees them: {told}.",
        )
    ]


def _sums(studio: Studio, what: Attribute) -> Sheet:
    """a − b + c, where a and b differ in the attribute."""
    data, model = studio.material, studio[SPACE]
    shown = studio.shown[: 2 * (len(studio.shown) // 2)]
    value = what.measure(data.unit(data.test))
    labels = np.zeros(len(value), int) if data.test_labels is None else data.test_labels
    kinds, lines = np.unique(labels), []
    for i, image in enumerate(shown):
        own = np.flatnonzero(labels == kinds[i % len(kinds) - 1])
        order = own[np.argsort(value[own])]
        a, b = (data.test[order[int(q * (len(order) - 1))]] for q in (OUTER, 1 - OUTER))
        codes = model.transform(np.stack([a, b, image]))
        made = model.inverse_transform((codes[0] - codes[1] + codes[2])[None])
        lines += [a, b, image, made.reshape(data.shape)]
    return Sheet(
        studio.sheet(data.unit(np.stack(lines)), "Sums of codes", per_line=8),
        f"Always four images: a, b, c, and what the code z(a) − z(b) + z(c) decodes to. a and b "
        f"are of one class, with much {what.name} and with little; c gets their difference.",
        "Arithmetic",
    )


def _factors(studio: Studio) -> Strips:
    """Directions that the generator's first matrix stretches most; no label is needed."""
    model = studio[GAN]
    codes = np.random.default_rng(studio.seed).normal(size=(2, studio.module(GAN).prior.dim))
    rows = []
    for direction in factors(model, FACTORS):
        strip = edited(
            model, codes.astype(np.float32), direction, np.linspace(-3, 3, STEPS // 2).tolist()
        )
        images = np.moveaxis(strip, 0, 1).reshape(-1, *studio.material.shape)
        rows.append((direction.name, _strip(studio, images, direction.name)))
    return Strips(
        rows,
        "Without any label: two samples of the adversarial network, each moved from −3 to +3 along "
        "the directions of its noise that the generator’s first layer stretches most.",
    )


def _inversion(studio: Studio) -> Strips:
    """What a generator makes that is nearest to given images, though it has no encoder."""
    model = studio[GAN]
    found = invert(model, studio.shown, random_state=studio.seed)
    rebuilt = in_units(model, decode_scaled(model, found.codes))
    before, after = (float(error.mean()) for error in (found.guess, found.error))
    return Strips(
        [
            ("input", _strip(studio, studio.shown, "Test images")),
            ("found", _strip(studio, rebuilt.reshape(studio.shown.shape), "Nearest generated")),
        ],
        "Test images, and the nearest that the adversarial network’s generator can make: the best "
        "of 1,000 draws, then a search along the gradient of the noise. Squared error per pixel: "
        f"{number(before)} at the start, {number(after)} at the end.",
    )


def _strip(studio: Studio, images: np.ndarray, alt: str) -> Picture:
    return studio.strip(studio.material.unit(images), alt)
