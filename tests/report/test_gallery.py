import re
from dataclasses import replace

import numpy as np
import pytest

from browser import HOSTILE, Reader, check_harmless
from diabolo.data.sources import open_dataset
from diabolo.report import recipes
from diabolo.report.gallery import write_gallery

TINY = recipes.Budget(2, 4, 12, (12, 8), (2, 3), 9, 3)
CHAPTERS = {
    "side-by-side": "Side by side",
    "autoencoder": "Autoencoder: undercomplete and overcomplete",
    "deep": "Deep autoencoder",
    "reduction": "Dimensionality reduction",
    "stacked": "Stacked autoencoder",
    "denoising": "Denoising autoencoder",
    "sparse": "Sparse autoencoder",
    "contractive": "Contractive autoencoder",
    "convolutional": "Convolutional autoencoder",
    "variational": "Variational autoencoder",
    "generating": "Generating new data",
    "manipulation": "Data manipulation",
    "classification": "Classification on encoder features",
    "imputation": "Missing values",
    "manifold": "Manifold learning",
    "compressing": "Data compression",
    "clustering": "Clustering",
    "detecting": "Anomaly detection",
}
SHOWN = [
    *recipes.SIDE_BY_SIDE,
    "PCA",
    "undercomplete",
    "overcomplete",
    "nothing keeps the network from copying its input",
    "First layer",
    "Second layer",
    "fine-tuned",
    "noise in",
    "clean out",
    "salt-and-pepper",
    "dB",
    "before sparsity",
    "after sparsity",
    "target ρ = 0.1",
    "units that are always on",
    "Jacobian spectra",
    "1. direction",
    "Feature maps, level 1",
    "A walk in the plane",
    "Samples",
    "KL per unit",
    "From one image to another",
    "epoch 2",
    "Curves of both players",
    "training images",
    "within classes, +1",
    "class kept",
    "taken for",
    "geodesic",
    "Arithmetic",
    "factor 1",
    "found",
    "linear probe",
    "squared error per image",
    "Learning curves",
    "held out",
    "Diagnosis",
]


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """Writes a gallery of very small models; what was told of its progress, and its text."""
    folder = tmp_path_factory.mktemp("gallery")

    def written(data, **options):
        told = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recipes, "SMALL", TINY)
            path = folder / "new" / "index.html"
            assert write_gallery(data, path, progress=lambda *n: told.append(n), **options) == path
        return path.read_text(), told

    return written


@pytest.fixture(scope="module")
def hostile_data():
    """200 of the digits; class names and the name of the set try to break out of the page."""
    digits = open_dataset("digits")
    names = np.array([f"{HOSTILE}{i}" for i in range(10)])
    return replace(
        open_dataset(digits.rows.array[:200]), labels=names[digits.labels[:200]], source=HOSTILE
    )


@pytest.fixture(scope="module")
def gallery(write, hostile_data):
    return write(hostile_data, quick=True)


def test_every_chapter_is_there_with_what_it_shows(gallery):
    read = Reader(gallery[0])
    sections = [attributes["id"] for tag, attributes in read.elements if tag == "section"]
    links = [attributes["href"] for tag, attributes in read.elements if tag == "a"]
    assert sections == list(CHAPTERS)
    assert links == [f"#{name}" for name in CHAPTERS]
    for text in [*CHAPTERS.values(), *SHOWN]:
        assert text in read.text, text


def test_nothing_is_loaded_or_run_whatever_the_data_say(gallery):
    read = check_harmless(gallery[0])
    assert HOSTILE in read.text


def test_every_picture_says_what_it_shows(gallery):
    elements = Reader(gallery[0]).elements
    texts = [attributes["alt"] for tag, attributes in elements if tag == "img"]
    texts += [attributes["aria-label"] for tag, attributes in elements if tag == "svg"]
    assert len(texts) > 40
    assert all(texts)


def test_progress_is_told_from_none_to_all(gallery):
    told = gallery[1]
    assert [done for done, _, _ in told] == list(range(len(told)))
    assert {of for _, of, _ in told} == {len(told) - 1}
    assert told[0][2] == "plain"


def test_the_same_seed_writes_the_same_page(write, hostile_data, gallery):
    again, _ = write(hostile_data, quick=True)
    assert without_times(again) == without_times(gallery[0])


def test_colour_images_without_labels_have_a_page_too(write):
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 9, 3), dtype=np.uint8)
    page, _ = write(images, quick=False, seed=3)
    read = check_harmless(page)
    assert "8 × 9 × 3 pixels" in read.text
    assert "nan" not in read.text


def test_an_unwritable_place_is_told_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_gallery("digits", tmp_path / "file" / "index.html")


def without_times(page):
    return re.sub(r"\b[\d.]+ s\b", "… s", page)
