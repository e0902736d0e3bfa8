"""`diabolo cluster` writes each row's cluster, shows sizes and the comparison with k-means."""

import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

FAST = ("--threads", 1)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """90 rows of three kinds, some of it text, and a label."""
    random = np.random.default_rng(0)
    kind = np.arange(90) % 3
    numbers = random.normal(size=(90, 3)) + 8 * np.eye(3)[kind]
    frame = pl.from_numpy(numbers, schema=["height", "weight", "cluster"]).with_columns(
        pl.Series("town", ["Oslo", "Rome", None] * 30), pl.Series("kind", ["a", "b", "c"] * 30)
    )
    path = tmp_path_factory.mktemp("kinds") / "kinds.csv"
    frame.write_csv(path)
    return path


@pytest.fixture(scope="module")
def written(diabolo, kinds, tmp_path_factory):
    """The result of a whole command line, and its folder."""
    folder = tmp_path_factory.mktemp("clusters")
    result = diabolo(
        *("cluster", kinds, "-k", 3, "--target", "kind", "-o", folder / "found.csv"),
        *("--save", folder / "model.safetensors", *FAST),
    )
    assert result.code == 0, result.err
    return result, folder


def test_the_file_has_the_rows_and_their_clusters(written):
    frame = pl.read_csv(written[1] / "found.csv")
    assert frame.columns == [
        *("height", "weight", "cluster", "town"),
        *("row", "cluster_", "share", "label"),
    ]
    assert frame["row"].to_list() == list(range(90))
    names = frame.group_by("label").agg(pl.col("cluster_").n_unique())
    assert names["cluster_"].to_list() == [1, 1, 1]
    assert frame["share"].is_between(1 / 3, 1).all()


def test_text(written):
    out = written[0].out
    assert out.startswith("LayoutAutoencoder and kmeans on 90 rows of 4 columns of ")
    assert "30, 30, 30" in out
    assert "with labels" in out
    assert "accuracy 100.0%" in out
    assert "k-means on the input" in out
    assert str(written[1] / "found.csv") in "".join(out.split())


def test_a_saved_model_names_the_same_clusters(diabolo, kinds, written):
    path = written[1] / "model.safetensors"
    code, out, err = diabolo("cluster", kinds, "--model", path, "--target", "kind", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["sizes"] == [30, 30, 30]
    assert report["labels"]["accuracy"] == 1
    assert report["modularity"] is None, "that was measured on the rows it was fitted on"
    code, out, _ = diabolo("cluster", kinds, "--model", path, "--target", "kind", "-o", "-")
    assert out == (written[1] / "found.csv").read_text()


def test_the_number_is_estimated_and_centres_are_shown(diabolo, tmp_path):
    images = np.zeros((60, 9, 9), np.uint8)
    images[:30, 2:4] = 200
    images[30:, :, 5:7] = 200
    images += np.random.default_rng(0).integers(0, 40, images.shape).astype(np.uint8)
    np.save(tmp_path / "images.npy", images)
    code, out, err = diabolo(
        *("cluster", tmp_path / "images.npy", "--centres", tmp_path / "c.png", *FAST)
    )
    assert code == 0, err
    assert "the number with the largest mean silhouette" in out
    with Image.open(tmp_path / "c.png") as image:
        assert image.mode == "RGB"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("-k", 0), 2, "-k 0 makes no clusters"),
        (("--method", "kmean"), 2, "did you mean 'kmeans'?"),
        (("-o", "x.npy"), 1, "clusters are written as .csv or .parquet"),
        (("--centres", "x.jpg"), 1, "centres are shown as .png"),
        (("-k", 91), 1, "n_samples=90 should be >= n_clusters=91"),
        (("--model", "{folder}/model.safetensors", "-k", 3), 2, "leave --model out"),
        (("-o", "{folder}/found.csv"), 1, "pass -f to overwrite it"),
        (("--centres", "{folder}/c.png", "-k", 3, *FAST), 1, "rows of 5 features are no images"),
    ],
)
def test_what_cannot_be(words, code, sentence, diabolo, kinds, written):
    words = [str(word).format(folder=written[1]) for word in words]
    result = diabolo("cluster", kinds, *words)
    assert result.code == code
    assert result.out == ""
    assert sentence in result.err
    assert len(result.err.splitlines()) == 1
    assert not (written[1] / "c.png").exists()


def test_a_model_without_clusters(diabolo, digits_model):
    code, _, err = diabolo("cluster", "digits", "--model", digits_model)
    assert code == 2
    assert "holds a Autoencoder, which has no clusters" in err
