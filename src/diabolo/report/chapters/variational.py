"""The variational autoencoder: a space to draw from and to walk in."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import norm

from diabolo.doctor.units import active_units
from diabolo.report.chapters.closing import closing
from diabolo.report.figures import columns, scatter
from diabolo.report.page import Beside, Plot, Section, Sheet
from diabolo.report.studio import Studio

PLANE, SPACE = "latent plane", "latent space"
SIDE = 15  # images of the walk in each direction
STEPS = 10  # of an interpolation
PAIRS = 5
MOST_POINTS = 2000


def chapter(studio: Studio) -> Section:
    return Section(
        id="variational",
        title="Variational autoencoder",
        formula="maximise E[log p(x | z)] − KL(q(z | x) ‖ p(z)),  p(z) = N(0, I)",
        text=(
            "Each image gets a small cloud of codes instead of a point, and the clouds together "
            "have to fill a normal distribution. So there are no holes: a code drawn at random "
            "decodes to a new image, a straight line between two codes to a series of images. "
            "The KL is what the code costs, in nats; units that cost nothing say nothing."
        ),
        paper="Kingma & Welling 2014, “Auto-encoding variational Bayes”; fig. 4 there is the walk; "
        "active units: Burda, Grosse & Salakhutdinov 2016.",
        blocks=[
            Beside([_walk(studio), _map(studio)]),
            Beside([_samples(studio), _rates(studio)]),
            _lines(studio),
            *closing(studio, SPACE, PLANE),
        ],
    )


def _walk(studio: Studio) -> Sheet:
    """Codes at equal steps of probability, decoded."""
    steps = norm.ppf(np.linspace(0.03, 0.97, SIDE))
    plane = np.stack(np.meshgrid(steps, -steps), axis=-1).reshape(-1, 2)
    images = studio.material.unit(studio[PLANE].inverse_transform(plane))
    return Sheet(
        studio.sheet(images, "A walk in the plane of a 2-d code", per_line=SIDE),
        f"A code of two numbers, decoded at {SIDE}×{SIDE} places, at equal steps of "
        "probability: no place is empty.",
        "A walk in the plane",
    )


def _map(studio: Studio) -> Plot:
    data = studio.material
    labels = None if data.test_labels is None else data.test_labels[:MOST_POINTS]
    codes = studio[PLANE].transform(data.test[:MOST_POINTS])
    return Plot(
        scatter(norm.cdf(codes), labels, data.classes, title="Mean codes of test images"),
        "The same plane from the other side, in the same steps: mean codes of test images, "
        "by class.",
        "Where the images lie",
    )


def _samples(studio: Studio) -> Sheet:
    images = studio[SPACE].sample(80, random_state=studio.seed)
    return Sheet(
        studio.sheet(studio.material.unit(images), "Images that never were", per_line=10),
        f"Decoded from codes of {studio.budget.drawn_from} numbers drawn from N(0, I).",
        "Samples",
    )


def _rates(studio: Studio) -> Plot:
    rates, means = _by_unit(studio)
    drawing = columns(
        np.sort(rates)[::-1].tolist(),
        title="KL of each code unit",
        x_label="code unit, sorted",
        y_label="KL, nats per image",
    )
    return Plot(
        drawing,
        f"Mean over the test images; {rates.sum():.1f} nats in all, "
        f"{active_units(means)} of {len(rates)} units active.",
        "KL per unit",
    )


def _by_unit(studio: Studio) -> tuple[np.ndarray, np.ndarray]:
    """Mean KL(q(z_j|x) ‖ p(z_j)) over test images, (units,) in nats, and the codes' means."""
    data, module = studio.material, studio.module(SPACE)
    with torch.inference_mode():
        h = module.encoder(torch.from_numpy(data.flat(data.test)))
        mean, logvar = module.code.posterior(h)
        kl = 0.5 * (mean * mean + logvar.exp() - 1 - logvar)
    return kl.mean(0).numpy(), mean.numpy()


def _lines(studio: Studio) -> Sheet:
    """Straight lines between the codes of two images, the images themselves at both ends."""
    data, model = studio.material, studio[SPACE]
    images = studio.shown[: 2 * PAIRS]
    half = len(images) // 2
    starts, ends = model.transform(images[:half]), model.transform(images[half : 2 * half])
    along = np.linspace(0, 1, STEPS)[None, :, None]
    codes = starts[:, None] * (1 - along) + ends[:, None] * along
    between = data.unit(model.inverse_transform(codes.reshape(-1, codes.shape[2])))
    between = between.reshape(half, STEPS, *data.shape)
    first, last = (data.unit(part)[:, None] for part in (images[:half], images[half : 2 * half]))
    rows = np.concatenate([first, between, last], axis=1)
    return Sheet(
        studio.sheet(rows.reshape(-1, *data.shape), "Interpolations", per_line=STEPS + 2),
        f"At both ends of a line a test image; between them {STEPS} decoded steps on the "
        "straight line from one code to the other.",
        "From one image to another",
    )
