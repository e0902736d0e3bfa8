"""`diabolo compress` and `diabolo decompress` as a user types them."""

import json

import numpy as np
import pytest

QUICK = ("--steps", "60", "--threads", "1")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A file of images that a model predicts better than zstandard does."""
    steps = np.random.default_rng(0).integers(-9, 10, (300, 12, 12)).cumsum(1).cumsum(2)
    path = tmp_path_factory.mktemp("images") / "images.npy"
    np.save(path, np.clip(steps + 128, 0, 255).astype(np.uint8))
    return path


def test_there_and_back(diabolo, images, tmp_path):
    packed, back = tmp_path / "x.dbo", tmp_path / "back"
    result = diabolo("compress", images, "-o", packed, *QUICK)
    assert result.code == 0, result.err
    for expected in ("times smaller", "bits a value, all bytes counted", "zstd -19", "PNG, each"):
        assert expected in result.out
    assert packed.stat().st_size < images.stat().st_size
    result = diabolo("decompress", packed, "-o", back)
    assert (result.code, result.out) == (0, f"{back}: 1 file, 43 kB\n")
    assert (back / "images.npy").read_bytes() == images.read_bytes()


def test_a_model_for_several_files(diabolo, images, tmp_path):
    model = tmp_path / "model.safetensors"
    first, second = tmp_path / "first.dbo", tmp_path / "second.dbo"
    assert diabolo("compress", images, "-o", first, "--keep-model", model, *QUICK).code == 0
    result = diabolo("compress", images, "-o", second, "--model", model, "--json")
    report = json.loads(result.out)
    assert (report["training_steps"], report["model_bytes"]) == (0, 0)
    assert report["bytes"] < first.stat().st_size
    result = diabolo("decompress", second, "-o", tmp_path / "back")
    assert result.code == 1
    assert "pass that with --model" in result.err
    result = diabolo("decompress", second, "-o", tmp_path / "back", "--model", model, "--json")
    assert json.loads(result.out)["files"] == 1


def test_it_says_when_no_model_gains(diabolo, tmp_path):
    (tmp_path / "noise.bin").write_bytes(np.random.default_rng(0).bytes(500))
    result = diabolo("compress", tmp_path / "noise.bin", "-o", tmp_path / "x.dbo", *QUICK)
    assert "no model gains here: the file holds what zstandard makes of it" in result.out
    assert (tmp_path / "x.dbo").stat().st_size <= 500 + 13 + 200


def test_what_is_in_the_way_is_left_alone(diabolo, images, tmp_path):
    taken = tmp_path / "x.dbo"
    taken.write_text("mine")
    result = diabolo("compress", images, "-o", taken, *QUICK)
    assert (result.code, taken.read_text()) == (1, "mine")
    assert "exists already: pass -f" in result.err


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("--budget", "soon"), "--budget soon is no time"),
        (("--embed",), "pass --model, too"),
        (("--model", "there-is-none"), "no such file"),
    ],
)
def test_wrong_flags(diabolo, images, tmp_path, wrong, sentence):
    result = diabolo("compress", images, "-o", tmp_path / "x.dbo", *wrong)
    assert result.code in (1, 2)
    assert sentence in result.err
    assert not (tmp_path / "x.dbo").exists()


def test_wrong_files(diabolo, images, tmp_path):
    result = diabolo("decompress", images, "-o", tmp_path / "back")
    assert result.code == 1
    assert "is no file written by diabolo compress" in result.err
    result = diabolo("decompress", tmp_path / "nothing.dbo", "-o", tmp_path / "back")
    assert result.code == 1
    assert "no such file" in result.err
    result = diabolo("compress", tmp_path / "nothing", "-o", tmp_path / "x.dbo")
    assert "There is no file or folder" in result.err
    result = diabolo("compress", images, "-o", tmp_path / "x.dbo", "--model", images, *QUICK)
    assert result.code == 1
    result = diabolo("decompress", images, "-o", tmp_path / "back", "--limit", "much")
    assert result.code == 2


@pytest.fixture(scope="module")
def track(tmp_path_factory):
    """A table of two columns that is worth a model once it is rounded."""
    path = tmp_path_factory.mktemp("track") / "track.npy"
    np.save(path, np.random.default_rng(0).normal(size=(3000, 2)).cumsum(0))
    return path


def test_bounded_parts_and_rescue(diabolo, track, tmp_path):
    packed = tmp_path / "x.dbo"
    wanted = ("--max-error", "0.1", "--max-error", "1=1%")
    result = diabolo("compress", track, "-o", packed, *wanted, *QUICK)
    assert result.code == 0, result.err
    for expected in (
        "rounded, every value compared:",
        "largest error  bound",
        "rounded, zstd -19",
        "over what the model's probabilities say; whole numbers instead of floats: ",
    ):
        assert expected in result.out
    result = diabolo("compress", track, "-o", packed, "-f", "--json", *wanted, *QUICK)
    report = json.loads(result.out)
    assert report["errors"]["0"]["bound"] == "0.1"
    assert 0.09 < report["errors"]["0"]["largest"] <= 0.1
    assert report["errors"]["1"]["largest"] <= 0.01
    assert 0 < report["over_ideal"] < 0.3
    assert abs(report["rounding_cost"]) < 0.3

    result = diabolo("decompress", packed, "--list")
    assert result.out.split() == [
        *("file", "bytes", "rows", "columns", "what"),
        *("track.npy", "48,128", "3,000", "2", "array", "of", "float64"),
    ]
    assert json.loads(diabolo("decompress", packed, "--list", "--json").out)[0]["rows"] == 3000
    assert diabolo("decompress", packed, "-o", tmp_path / "part", "--rows", "5:8").code == 0
    found = np.load(tmp_path / "part" / "track.rows-5-7.npy")
    assert (abs(found - np.load(track)[5:8])[:, 0] <= 0.1).all()
    result = diabolo("decompress", packed, "-o", tmp_path / "back", "--rescue")
    assert (result.code, result.out) == (0, f"{tmp_path / 'back'}: 1 file; nothing was damaged\n")
    packed.write_bytes(packed.read_bytes()[:-1])
    result = diabolo("decompress", packed, "-o", tmp_path / "no", "--rescue")
    assert result.code == 1
    assert "Nothing can be rescued without it" in result.err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ((), "-o is missing"),
        (("-o", "back", "--rows", "5"), "write it like 1000:2000"),
        (("-o", "back", "--rows", "5:6", "--rescue"), "leave --files and --rows out"),
    ],
)
def test_parts_that_make_no_sense(diabolo, tmp_path, flags, sentence):
    result = diabolo("decompress", tmp_path / "x.dbo", *flags)
    assert result.code == 2
    assert sentence in result.err


def test_damaged_rows_are_told(capsys):
    from pathlib import Path

    from diabolo.cli.decompress import _told
    from diabolo.uses.compress.rescue import Lost, Part, Rescued

    part = Part("x.npy", 0, 99, "x.rows-0-99.npy")
    found = Rescued(["a.txt"], [part], [Lost("x.npy", [[100, 199]], "section 3 was damaged")])
    assert _told(found, Path("back"), json=False) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "x.npy rows 0-99 are in x.rows-0-99.npy" in told
    assert "lost: rows 100-199; section 3 was damaged" in told
    assert _told(found, Path("back"), json=True) == 1
    assert json.loads(capsys.readouterr().out)["lost"][0]["rows"] == [[100, 199]]


def test_photographs_with_loss(diabolo, tmp_path):
    from PIL import Image

    from photographed import scene

    photos, packed, back = tmp_path / "photos", tmp_path / "x.dbo", tmp_path / "back"
    photos.mkdir()
    Image.fromarray(scene(80, 90)).save(photos / "one.png")
    (photos / "note.txt").write_text("nothing to see")
    result = diabolo("compress", photos, "--lossy", "--quality", "0.6", "-o", packed)
    assert result.code == 0, result.err
    assert "1 photograph with loss: " in result.out
    assert "1 file kept byte for byte" in result.out
    assert packed.stat().st_size < (photos / "one.png").stat().st_size / 3
    assert diabolo("decompress", packed, "-o", back).code == 0
    assert sorted(path.name for path in back.iterdir()) == ["note.txt", "one.png"]
    result = diabolo("compress", photos, "--lossy", "-o", packed, "--json", "-f")
    report = json.loads(result.out)
    assert report["bytes"] == packed.stat().st_size
    assert report["photographs"][0]["psnr"] == pytest.approx(report["psnr"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--quality", "0.5"), "--quality is that of photographs with loss: pass --lossy"),
        (("--lossy", "--quality", "60"), "A quality is a number between 0 and 1, not 60"),
        (("--lossy", "--keep-model", "m.safetensors"), "--lossy trains nothing"),
        (("--lossy", "--max-error", "0.1"), "--lossy is for photographs: drop one"),
    ],
)
def test_wrong_options_with_loss(options, sentence, diabolo, images, tmp_path):
    result = diabolo("compress", images, "-o", tmp_path / "x.dbo", *options)
    assert result.code != 0
    assert sentence in result.err
