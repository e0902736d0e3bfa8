"""New data: the adversarial network beside the variational autoencoder and the linear baseline."""

from __future__ import annotations

import numpy as np

from diabolo.report.chapters.closing import diagnosis
from diabolo.report.figures import Line, curves
from diabolo.report.numerals import per_cent
from diabolo.report.page import Beside, Block, Code, Plot, Section, Strips, Table
from diabolo.report.studio import Studio

GAN, SPACE = "adversarial", "latent space"
SHOWN = 10
COUNTED = 2000  # samples whose classes are counted


def chapter(studio: Studio) -> Section:
    return Section(
        id="generating",
        title="Generating new data",
        formula="min_G max_D  E[log D(x)] + E[log(1 − D(G(z)))],  z ~ N(0, I)",
        text=(
            "A generator G turns noise into images, a discriminator D is trained to tell them from "
            "real ones, and each learns from the other. Nobody says what an image has to look "
            "like: D’s verdict is the only loss. Here G is asked for more real-looking images than "
            "the real ones it is paired with, and D is kept smooth on both (R1 and R2)."
        ),
        paper="Goodfellow et al. 2014, “Generative adversarial nets”; Huang et al. 2024, “The GAN "
        "is dead; long live the GAN!” for this loss.",
        blocks=[
            _side_by_side(studio),
            _growth(studio),
            Beside([_players(studio), diagnosis(studio, GAN)]),
            *_shares(studio),
            Code([" ".join(repr(studio[GAN]).split())]),
        ],
    )


def drawn_from_pca(studio: Studio, count: int) -> np.ndarray:
    """Images of a normal distribution with the training images' mean and leading variances, on
    the scale 0 … 1: what a linear generator can do."""
    pca = studio.pca
    noise = np.random.default_rng(studio.seed).normal(size=(count, len(pca.components_)))
    rows = pca.inverse_transform(noise * np.sqrt(pca.explained_variance_))
    return rows.reshape(count, *studio.material.shape).astype(np.float32)


def _side_by_side(studio: Studio) -> Strips:
    unit = studio.material.unit
    drawn = {name: studio[name].sample(SHOWN, random_state=studio.seed) for name in (GAN, SPACE)}
    return Strips(
        [
            ("real", studio.strip(unit(studio.shown), "Test images")),
            ("adversarial", studio.strip(unit(drawn[GAN]), "Samples of the adversarial network")),
            ("variational", studio.strip(unit(drawn[SPACE]), "Samples of the variational one")),
            ("PCA", studio.strip(drawn_from_pca(studio, len(studio.shown)), "Samples of PCA")),
        ],
        "Test images, and images that never were: drawn at random, not chosen. PCA: a normal "
        f"distribution over {studio.budget.code} principal components, as the linear baseline.",
    )


def _growth(studio: Studio) -> Strips:
    return Strips(
        [
            (
                f"epoch {epoch}",
                studio.strip(studio.material.unit(images), f"Samples after {epoch} epochs"),
            )
            for epoch, images in studio.growth[GAN].samples
        ],
        "The same noise decoded after 1, 2, 4, … epochs, with the weights of that moment; samples "
        "above are from their moving average.",
    )


def _players(studio: Studio) -> Plot:
    history = studio[GAN].history_
    lines = [
        Line("generator", history.curve("generator/loss"), 1),
        Line("discriminator", history.curve("discriminator/game"), 0),
    ]
    drawing = curves(lines, title="Curves of both players", x_label="epoch", y_label="loss")
    return Plot(
        drawing,
        "Losses of the game, without penalties; both are log 2 ≈ 0.69 where the discriminator "
        "cannot tell. Neither falls for long, since the other gets better too.",
        "Curves of both players",
    )


def _shares(studio: Studio) -> list[Block]:
    """Whether every class is drawn as often as it should be; nothing without labels."""
    data = studio.material
    probe = studio.judge
    if probe is None:
        return []
    right = np.mean(probe.verdict(data.flat(data.test)) == np.asarray(data.test_labels).astype(str))
    columns = {"training images": probe.verdict(data.flat(data.train))}
    for title, name in (("adversarial", GAN), ("variational", SPACE)):
        rows = studio[name].sample(COUNTED, random_state=studio.seed)
        columns[title] = probe.verdict(data.flat(rows))
    columns["PCA"] = probe.verdict(drawn_from_pca(studio, COUNTED).reshape(COUNTED, -1))
    numbers = map(str, range(len(data.classes)))
    shares = [[float(np.mean(seen == n)) for seen in columns.values()] for n in numbers]
    cells = [(name, *map(per_cent, row)) for name, row in zip(data.classes, shares, strict=True)]
    most = max(row[1] for row in shares) or 1.0
    return [
        Table(
            ("class", *columns),
            cells,
            f"How often {COUNTED:,} samples are taken for each class by a linear classifier that "
            f"is right for {per_cent(float(right))} of the test images. A network that has "
            "collapsed draws some classes never.",
            bars={2: [row[1] / most for row in shares]},
        )
    ]
