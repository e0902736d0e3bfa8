"""Missing values: pixels that are not there, predicted from those that are."""

from __future__ import annotations

import numpy as np

from diabolo.families.masked import MaskedAutoencoder
from diabolo.report.numerals import number
from diabolo.report.page import Code, Section, Strips, Table
from diabolo.report.studio import Studio

ROWS = 4000  # to learn from
STEPS = 500
MEASURED = 500  # test images
MISSING = {"half of all pixels": "scattered", "a square": "square"}


def chapter(studio: Studio) -> Section:
    data = studio.material
    train = data.flat(data.train[:ROWS])
    model = _model(studio, len(train)).fit(train.reshape(-1, *data.shape))
    means = train.mean(0)
    test = data.flat(data.test[:MEASURED])
    strips, rows = [], []
    for title, kind in MISSING.items():
        gone = _gone(kind, test.shape, studio)
        images = np.where(gone, 0.0, test).reshape(-1, *data.shape)
        filled = model.predict_hidden(images, gone.reshape(images.shape)).reshape(test.shape)
        plain = np.where(gone, means, test)
        rows.append((title, *(number(_error(test, one, gone)) for one in (filled, plain))))
        places = [p for p in data.one_of_each() if p < len(test)]
        shown = {
            "whole": test,
            "missing": np.where(gone, 0.5, test),
            "filled": filled,
            "means": plain,
        }
        strips.append(
            Strips(
                [
                    (name, studio.strip(images[places].reshape(-1, *data.shape), name))
                    for name, images in shown.items()
                ],
                f"Test images with {title} missing (grey), filled from what is left, and filled "
                "with each pixel’s mean.",
            )
        )
    return Section(
        id="imputation",
        title="Missing values",
        formula="minimise E_mask[−log p(x_hidden | x_visible)]",
        text=(
            "An autoencoder that always sees a part of its input only, another one at every step, "
            "learns to predict any part from any other. For tables, an Imputer averages many small "
            "ones that are trained at once, and draws what may have been there."
        ),
        paper="Du, Melis & Wang 2024, “ReMasker: imputing tabular data with masked autoencoding”.",
        blocks=[
            *strips,
            Table(
                ("missing", "squared error of a missing pixel", "with means"),
                rows,
                f"On {len(test):,} test images, on the scale 0 … 1.",
            ),
            Code([" ".join(repr(model).split())]),
        ],
    )


def _model(studio: Studio, rows: int) -> MaskedAutoencoder:
    patch = 4 if studio.material.features >= 256 else 0
    return MaskedAutoencoder(
        n_components=64,
        hidden_layer_sizes=(256,),
        patch=patch,
        likelihood="bernoulli",
        batch_size=128,
        max_epochs=max(1, STEPS * 128 // rows),
        random_state=studio.seed,
    )


def _gone(kind: str, shape: tuple[int, ...], studio: Studio) -> np.ndarray:
    """Pixels that are missing, (n, d) bool."""
    draw = np.random.default_rng(studio.seed)
    if kind == "scattered":
        return draw.random(shape) < 0.5
    height, width, *channels = studio.material.shape
    gone = np.zeros((shape[0], height, width, *channels), bool)
    size = height * 2 // 5
    for image in gone:
        top, left = draw.integers(height // 6, height - size - height // 6 + 1, 2)
        image[top : top + size, left : left + size] = True
    return gone.reshape(shape)


def _error(test: np.ndarray, filled: np.ndarray, gone: np.ndarray) -> float:
    return float(np.square(filled - test, dtype=np.float64)[gone].mean())
