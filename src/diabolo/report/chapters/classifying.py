"""Classification on encoder features: few labels, with and without what all images taught."""

from __future__ import annotations

from typing import Any

import numpy as np

from diabolo.report.chapters.denoising import repaired, spoiled
from diabolo.report.numerals import per_cent
from diabolo.report.page import Block, Code, Lines, Section, Strips, Table
from diabolo.report.studio import Studio
from diabolo.uses.classify import EncoderClassifier

START = "moves"  # the model whose encoder is taken
SHARES = (100, 1000)  # labels
STEPS = 500
SHOWN = 10


def chapter(studio: Studio) -> Section:
    return Section(
        id="classification",
        title="Classification on encoder features",
        formula="minimise −log softmax(W z(x) + b)_y",
        text=(
            "An autoencoder that has to undo moves, seeing each image shifted, turned, stretched "
            "and half hidden, learns without labels what an image shows, and forgets how it lies. "
            "A softmax layer on its code needs few labels to name what it tells apart; the encoder "
            "may stay as it is (frozen) or learn from them, too (fine-tuned). The control is the "
            "same network from random weights, with the same labels for as many steps."
        ),
        paper="Bengio et al. 2007, “Greedy layer-wise training of deep networks”; Erhan et al. "
        "2010, “Why does unsupervised pre-training help deep learning?”.",
        blocks=_blocks(studio),
    )


def _blocks(studio: Studio) -> list[Block]:
    data = studio.material
    if data.train_labels is None or data.test_labels is None:
        return [Lines("Labels", ["This set comes without labels: there is nothing to classify."])]
    rows, bars, last = [], [], {}
    half = len(data.train) // 2
    for count in [one for one in SHARES if one <= half] or [half]:
        found = {
            "frozen": _wrong(studio, count, fine_tune=False),
            "fine-tuned": _wrong(studio, count),
            "from random weights": _wrong(studio, count, pretrained=False),
        }
        shares = {name: float(np.mean(wrong)) for name, wrong in found.items()}
        rows.append((f"{count:,} labels", *map(per_cent, shares.values())))
        bars.append(list(shares.values()))
        last = found
    most = max(map(max, bars)) or 1.0
    table = Table(
        ("errors on test images", "frozen", "fine-tuned", "from random weights"),
        rows,
        f"Share of test images in the wrong class. The encoder is that of the model “{START}”, "
        f"trained on {len(data.train):,} images without labels.",
        bars={k + 1: [bar[k] / most for bar in bars] for k in range(3)},
    )
    code = " ".join(repr(_classifier(studio, True, True)).split())
    return [_moved(studio), table, *_saved(studio, last), Code([code])]


def _moved(studio: Studio) -> Strips:
    """What the encoder gets to see, and what comes out."""
    data = studio.material
    images = data.test[data.one_of_each()]
    seen = spoiled(studio, START, images)
    rows = {
        "image": (data.unit(images), "Test images"),
        "moved": (seen, "The same, moved and half hidden"),
        "undone": (repaired(studio, START, seen), "What the autoencoder makes of it"),
    }
    return Strips(
        [(name, studio.strip(each, alt)) for name, (each, alt) in rows.items()],
        "Test images, what the encoder sees of them in training, and how it thinks they were.",
    )


def _classifier(studio: Studio, fine_tune: bool, pretrained: bool) -> EncoderClassifier:
    words: dict[str, Any] = {
        "control": False,
        "random_state": studio.seed,
        "fine_tune": fine_tune,
        "lr": 2e-3,
        "n_threads": 1,  # so small a step is slower on two
    }
    if pretrained:
        return EncoderClassifier(pretrained=studio[START], **words)
    from sklearn.base import clone

    return EncoderClassifier(estimator=clone(studio[START]), pretrain=False, **words)


def _wrong(
    studio: Studio, count: int, fine_tune: bool = True, pretrained: bool = True
) -> np.ndarray:
    """Which test images a classifier of so many labels gets wrong, (n,) bool."""
    data = studio.material
    chosen = np.random.default_rng(studio.seed).permutation(len(data.train))[:count]
    classifier = _classifier(studio, fine_tune, pretrained)
    batches = -(-count // classifier.batch_size)
    classifier.set_params(max_epochs=max(1, STEPS // batches))
    classifier.fit(data.train[chosen], np.asarray(data.train_labels)[chosen])
    return classifier.predict(data.test) != data.test_labels


def _saved(studio: Studio, found: dict[str, np.ndarray]) -> list[Block]:
    """Images that pre-training got right and the control wrong."""
    if not found:
        return []
    places = np.flatnonzero(found["from random weights"] & ~found["fine-tuned"])[:SHOWN]
    if len(places) < SHOWN:
        return []
    images = studio.material.unit(studio.material.test[places])
    return [
        Strips(
            [("saved", studio.strip(images, "Images that pre-training got right"))],
            "The first test images that the fine-tuned network gets right and the control wrong.",
        )
    ]
