"""Pictures and sets denoised from the command line; what is wrong is said before any work."""

import io
import json

import numpy as np
import pytest
from PIL import Image

import diabolo as library
from diabolo.measures.images import psnr
from diabolo.uses.denoise import with_noise


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder with clean.png, noisy.png and a folder of two other clean pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    at = np.linspace(-1, 1, 40)
    y, x = np.meshgrid(at, at, indexing="ij")
    clean = 0.25 + 0.5 * (np.hypot(x, y) < 0.6)
    noisy = clean + 0.1 * np.random.default_rng(0).normal(size=clean.shape)
    save(clean, folder / "clean.png")
    save(noisy, folder / "noisy.png")
    (folder / "others").mkdir()
    save(clean.T[::-1] * 0.9, folder / "others" / "a.png")
    save(np.roll(clean, 5, 1), folder / "others" / "b.png")
    return folder


def save(values, path):
    Image.fromarray(np.round(255 * values.clip(0, 1)).astype(np.uint8)).save(path)


def values(path):
    with Image.open(path) as image:
        return np.asarray(image) / 255


def test_a_picture_alone(diabolo, pictures, tmp_path):
    out = tmp_path / "out.png"
    words = ("-o", out, "--clean", pictures / "clean.png", "--epochs", 40, "--threads", 1)
    code, text, err = diabolo("denoise", pictures / "noisy.png", *words, "--json")
    assert (code, err) == (0, "")
    report = json.loads(text)
    found, noisy, clean = (
        values(path)[None] for path in (out, pictures / "noisy.png", pictures / "clean.png")
    )
    quality = report["quality"]
    assert quality["denoised"]["psnr"] == pytest.approx(
        psnr(found, clean)[0], abs=0.05
    )  # in 256 greys
    assert quality["noisy"]["psnr"] == pytest.approx(psnr(noisy, clean)[0])
    assert quality["denoised"]["psnr"] > quality["noisy"]["psnr"] + 3
    assert {"median", "non-local means", "PCA of patches"} <= quality.keys()
    assert (report["width"], report["height"], report["bytes"]) == (40, 40, out.stat().st_size)
    assert "estimated" in report["model"]
    code, text, err = diabolo("denoise", pictures / "noisy.png", *words, "-f", "--sigma", 25.5)
    assert (code, err) == (0, "")
    assert "σ = 25.5 of 255 (given)" in text
    assert "denoised         PSNR " in text


def test_learned_from_a_folder_saved_and_used_again(diabolo, pictures, tmp_path):
    noisy, model = pictures / "noisy.png", tmp_path / "patches.safetensors"
    code, text, err = diabolo(
        "denoise", noisy, "--pictures", pictures / "others", "--noise", "gaussian:0.1",
        "-o", tmp_path / "a.png", "--save", model, "--epochs", 20, "--threads", 1,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "learned from 2 clean pictures with gaussian noise of 0.1" in text
    code, text, err = diabolo("denoise", model, noisy, "-o", tmp_path / "b.png")
    assert (code, err) == (0, "")
    assert "by DenoisingAutoencoder of" in text
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    clean = values(pictures / "clean.png")[None]
    assert psnr(values(tmp_path / "b.png")[None], clean) > psnr(values(noisy)[None], clean) + 3


def test_transparency_and_mode_are_kept(diabolo, pictures, tmp_path):
    grey = np.asarray(Image.open(pictures / "noisy.png"))
    alpha = np.arange(1600, dtype=np.uint32).reshape(40, 40).astype(np.uint8)
    Image.fromarray(np.dstack([grey, grey, grey, alpha])).save(tmp_path / "rgba.png")
    result = diabolo(
        "denoise", tmp_path / "rgba.png", "-o", tmp_path / "out.png", "--epochs", 1,
        "--threads", 1, "--sigma", 20,
    )  # fmt: skip
    assert result.code == 0, result.err
    with Image.open(io.BytesIO((tmp_path / "out.png").read_bytes())) as image:
        assert (image.mode, image.size) == ("RGBA", (40, 40))
        assert np.array_equal(np.asarray(image)[:, :, 3], alpha)


def test_a_set_of_images(diabolo, digits_model, tmp_path):
    out = tmp_path / "out.npy"
    words = ("denoise", digits_model, "digits", "-o", out, "--noise", "gaussian:0.3")
    code, text, err = diabolo(*words, "--json")
    assert (code, err) == (0, "")
    report = json.loads(text)
    images = library.open_dataset("digits").rows.take(np.arange(1797))
    noisy = 16 * with_noise(images / 16, "gaussian", 0.3, 0)
    model = library.load(digits_model)
    assert np.load(out) == pytest.approx(model.reconstruct(noisy.astype(np.float32)), abs=1e-3)
    assert {"noisy", "denoised", "median", "PCA"} <= report["quality"].keys()
    assert report["rows"] == 1797
    code, text, err = diabolo("denoise", digits_model, "digits", "-o", tmp_path / "sheet.png")
    assert (code, err) == (0, "")
    assert "quality" not in text


def test_rows_without_noise_are_reconstructed(diabolo, vae_model, table, tmp_path):
    for verb in ("denoise", "reconstruct"):
        result = diabolo(verb, vae_model, table, "-o", tmp_path / f"{verb}.csv")
        assert result.code == 0, result.err
    first, second = (tmp_path / f"{verb}.csv" for verb in ("denoise", "reconstruct"))
    assert first.read_bytes() == second.read_bytes()


WRONG = {
    "clean of another size": ("{noisy}", "--clean", "{small}"),
    "not a picture alone": ("digits",),
    "no folder": ("{noisy}", "--pictures", "nowhere", "--noise", "gaussian:0.1"),
    "pictures without noise": ("{noisy}", "--pictures", "{folder}"),
    "noise of no kind": ("{noisy}", "--pictures", "{folder}", "--noise", "rain:0.1"),
    "noise of no level": ("{noisy}", "--pictures", "{folder}", "--noise", "gaussian:much"),
    "no standard deviation": ("{noisy}", "--sigma", "-3"),
    "a model and settings": ("{model}", "{noisy}", "--epochs", "3"),
    "a model of flat rows": ("{vae}", "{noisy}"),
    "sigma of a set": ("{model}", "digits", "--sigma", "3"),
    "noise on a table": ("{vae}", "{table}", "--noise", "gaussian:0.1"),
    "a palette": ("{palette}",),
    "no such file": ("nowhere.png",),
}
SAYS = {
    "clean of another size": (1, "small.png is 7×7×1, but the noisy picture is 40×40×1."),
    "not a picture alone": (2, "digits is no picture: name a model and data, or one picture."),
    "no folder": (1, "nowhere is no folder."),
    "pictures without noise": (2, "--pictures and --noise go together"),
    "noise of no kind": (2, "--noise rain:0.1 is not KIND:LEVEL, such as gaussian:0.1"),
    "noise of no level": (2, "--noise gaussian:much is not KIND:LEVEL"),
    "no standard deviation": (2, "--sigma -3 is no standard deviation above 0."),
    "a model and settings": (2, "is a model already: nothing is learned."),
    "a model of flat rows": (1, "which are no square patches of a picture."),
    "sigma of a set": (2, "--sigma is for one picture."),
    "noise on a table": (1, "this model's rows are none: leave out --noise."),
    "a palette": (1, "palette.png has the mode P, which could not be given back."),
    "no such file": (1, "nowhere.png"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(
    diabolo, case, pictures, digits_model, vae_model, table, tmp_path
):
    save(np.zeros((7, 7)), tmp_path / "small.png")
    Image.open(pictures / "noisy.png").convert("P").save(tmp_path / "palette.png")
    places = {
        "noisy": pictures / "noisy.png", "folder": pictures / "others", "model": digits_model,
        "vae": vae_model, "table": table, "small": tmp_path / "small.png",
        "palette": tmp_path / "palette.png",
    }  # fmt: skip
    suffix = ".npy" if case in ("noise on a table", "sigma of a set") else ".png"
    out = tmp_path / f"out{suffix}"
    result = diabolo("denoise", *(word.format(**places) for word in WRONG[case]), "-o", out)
    code, sentence = SAYS[case]
    assert result.code == code, result
    assert sentence in result.err
    assert result.err.count("\n") == 1
    assert not out.exists()


def test_nothing_is_overwritten(diabolo, pictures, tmp_path):
    (tmp_path / "out.png").write_bytes(b"mine")
    result = diabolo("denoise", pictures / "noisy.png", "-o", tmp_path / "out.png")
    assert result.code == 1
    assert "pass -f to overwrite" in result.err
    assert (tmp_path / "out.png").read_bytes() == b"mine"
    result = diabolo("denoise", pictures / "noisy.png", "-o", tmp_path / "out.jpg")
    assert result.code == 2
    assert "a picture is written as .png" in result.err
