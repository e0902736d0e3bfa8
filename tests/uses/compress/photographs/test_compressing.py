"""Folders of photographs there and back: the same pixels on every way, and nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diabolo.files import DamagedFileError
from diabolo.uses.compress import container
from diabolo.uses.compress.decompressing import decompress
from diabolo.uses.compress.listing import listing
from diabolo.uses.compress.photographs import restoring
from diabolo.uses.compress.photographs.compressing import _names, coded, compress_photographs
from diabolo.uses.compress.photographs.models import save_model
from diabolo.uses.compress.photographs.pictures import Picture
from diabolo.uses.compress.rescue import rescue
from photographed import encoder, model, scene


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A file of the small model."""
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    save_model(path, model())
    return path


def there_and_back(source: Path, folder: Path, small: Path, **options):
    packed, back = folder / "x.dbo", folder / "back"
    result = compress_photographs(source, packed, model=small, n_threads=1, **options)
    assert result.size == packed.stat().st_size
    paths = decompress(packed, back, model=small, n_threads=1, force=True)
    return result, {path.relative_to(back).as_posix(): path for path in paths}


def pixels_in(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(one.astype(float) - two).mean()))


def test_a_folder(small, tmp_path):
    source = tmp_path / "photos"
    (source / "sub").mkdir(parents=True)
    pixels = scene(90, 130)
    Image.fromarray(pixels).save(source / "one.png", icc_profile=b"colours")
    Image.fromarray(pixels[:50, :70, 1]).save(source / "sub" / "grey.png")
    Image.fromarray(pixels).save(source / "one.bmp")
    Image.fromarray(pixels).convert("P").save(source / "palette.png")
    (source / "note.txt").write_text("nothing to see")
    result, back = there_and_back(source, tmp_path, small, quality=0.7)
    assert set(back) == {"one.png", "one.bmp.png", "sub/grey.png", "palette.png", "note.txt"}
    for name in ("palette.png", "note.txt"):
        assert back[name].read_bytes() == (source / name).read_bytes()
    assert result.kept == 2
    assert result.notes == [
        f"palette.png is kept as it is: {source / 'palette.png'} has the mode P, which could not "
        "be given back. Save it as grey or RGB first."
    ]
    assert psnr(pixels_in(back["one.png"]), pixels) == pytest.approx(result.photographs[1].psnr)
    assert min(one.psnr for one in result.photographs) > 20
    assert pixels_in(back["sub/grey.png"]).shape == (50, 70)
    assert (pixels_in(back["one.png"]) == pixels_in(back["one.bmp.png"])).all()
    with Image.open(back["one.png"]) as image:
        assert image.info["icc_profile"] == b"colours"


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 17), (1, 1060), (1030, 20)])
def test_any_size(size, small, tmp_path):
    pixels = scene(*size)
    Image.fromarray(pixels).save(tmp_path / "x.bmp")
    (tmp_path / "x.bmp").write_bytes((tmp_path / "x.bmp").read_bytes() + bytes(200))
    _, back = there_and_back(tmp_path / "x.bmp", tmp_path, small, quality=0.8)
    assert pixels_in(back["x.png"]).shape == pixels.shape
    assert psnr(pixels_in(back["x.png"]), pixels) > 18


def test_a_photograph_that_would_not_get_smaller_is_kept(small, tmp_path):
    Image.fromarray(np.full((1, 1, 3), 77, np.uint8)).save(tmp_path / "x.png")
    result, back = there_and_back(tmp_path / "x.png", tmp_path, small)
    assert result.notes == ["x.png is kept as it is: it would not get smaller"]
    assert back["x.png"].read_bytes() == (tmp_path / "x.png").read_bytes()


def test_quality_is_paid_for(small, tmp_path):
    Image.fromarray(scene(128, 160)).save(tmp_path / "x.png")
    found = [
        there_and_back(tmp_path / "x.png", tmp_path, small, quality=quality)[0]
        for quality in (0.1, 0.35, 0.6)
    ]
    assert [one.size for one in found] == sorted(one.size for one in found)
    assert [one.psnr for one in found] == sorted(one.psnr for one in found)


def test_threads_make_no_difference(small, tmp_path):
    source = tmp_path / "photos"
    source.mkdir()
    for number in range(3):
        Image.fromarray(scene(70, 80, number)).save(source / f"{number}.png")
    for n_threads in (1, 2):
        compress_photographs(source, tmp_path / f"{n_threads}.dbo", model=small, n_threads=1)
        decompress(tmp_path / "1.dbo", tmp_path / f"{n_threads}", model=small, n_threads=n_threads)
    for number in range(3):
        one, two = (tmp_path / f"{n}" / f"{number}.png" for n in (1, 2))
        assert one.read_bytes() == two.read_bytes()


def test_models_within_and_without(small, tmp_path):
    Image.fromarray(scene(80, 80)).save(tmp_path / "x.png")
    packed, back = tmp_path / "x.dbo", tmp_path / "back"
    compress_photographs(tmp_path / "x.png", packed, model=small, n_threads=1)
    with pytest.raises(DamagedFileError, match=r"pass that with --model \(its hash is"):
        decompress(packed, back, n_threads=1)
    other = tmp_path / "other.safetensors"
    whole = {name: array.copy() for name, array in model().whole.items()}
    whole["synthesis_last_bias"][0] += 1
    save_model(other, type(model())(model().design, whole))
    with pytest.raises(DamagedFileError, match="another model than the one you passed"):
        decompress(packed, back, model=other, n_threads=1)
    result = compress_photographs(tmp_path / "x.png", packed, model=small, embed=True, n_threads=1)
    assert result.model > 1000
    assert decompress(packed, back, n_threads=1) == [back / "x.png"]


def forged(path: Path, change) -> None:
    """The file with another directory, its hashes repaired."""
    with container.opened(path) as reader:
        document = json.loads(json.dumps(reader.document))
        sections = [reader.section(number) for number in range(len(reader.sections))]
    change(document["files"][0])
    writer = container.Writer()
    content = container.HEAD + b"".join(map(writer.section, sections))
    path.write_bytes(content + writer.directory(document))


HUGE = 2**16


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry["pictures"][0].__setitem__(1, HUGE),
        lambda entry: (entry["pictures"][0].__setitem__(1, HUGE), entry.update(size=HUGE * 80 * 3)),
        lambda entry: (entry["pictures"][0].__setitem__(2, 2**17), entry.update(size=2**17 * 240)),
        lambda entry: entry["pictures"][0].__setitem__(2, -1),
        lambda entry: entry["pictures"][0].__setitem__(3, 2),
        lambda entry: entry["pictures"][0].__setitem__(4, 81),
        lambda entry: entry["pictures"][0].__setitem__(4, 3),
        lambda entry: entry["pictures"][0].__setitem__(5, "A" * 22),
        lambda entry: entry["pictures"][0].__setitem__(6, 5),
        lambda entry: entry["pictures"][0].__setitem__(0, "../x.png"),
        lambda entry: entry["pictures"][0].__setitem__(0, 3),
        lambda entry: entry["pictures"][0].pop(),
        lambda entry: entry.update(pictures=[]),
        lambda entry: entry.update(pictures=7),
        lambda entry: entry.update(first=1),
        lambda entry: entry.update(first="0"),
        lambda entry: entry.update(first=-1),
        lambda entry: entry.update(section=0),
        lambda entry: entry.pop("model"),
        lambda entry: entry.update(size=10**12),
    ],
)
def test_directories_that_make_no_sense(change, small, tmp_path):
    Image.fromarray(scene(80, 80)).save(tmp_path / "x.png")
    packed, back = tmp_path / "x.dbo", tmp_path / "back"
    compress_photographs(tmp_path / "x.png", packed, model=small, n_threads=1)
    forged(packed, lambda entry: None)
    assert decompress(packed, tmp_path / "whole", model=small, n_threads=1)
    forged(packed, change)
    refused(packed, back, small)


@pytest.mark.parametrize("step", [37, pytest.param(1, marks=pytest.mark.soak)])
def test_flips_and_truncations_are_noticed(step, small, tmp_path):
    Image.fromarray(scene(24, 30)).save(tmp_path / "x.bmp")
    packed, bad, back = tmp_path / "x.dbo", tmp_path / "bad.dbo", tmp_path / "back"
    compress_photographs(tmp_path / "x.bmp", packed, model=small, n_threads=1)
    content = packed.read_bytes()
    for place in range(0, 8 * len(content), step):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        bad.write_bytes(flipped)
        refused(bad, back, small)
    for length in range(0, len(content), step):
        bad.write_bytes(content[:length])
        refused(bad, back, small)


def refused(path: Path, back: Path, model: Path) -> None:
    """With one sentence, and nothing written."""
    with pytest.raises(DamagedFileError) as error:
        decompress(path, back, model=model, n_threads=1)
    assert str(error.value).startswith(f"Cannot use {path}: ")
    assert "\n" not in str(error.value)
    assert not back.exists()


def test_pixels_of_another_machine_would_be_seen(small, tmp_path, monkeypatch):
    """The control of the hash: one grey that is off by one is refused."""
    Image.fromarray(scene(80, 80)).save(tmp_path / "x.png")
    packed = tmp_path / "x.dbo"
    compress_photographs(tmp_path / "x.png", packed, model=small, n_threads=1)
    right = restoring.shown

    def off(*arguments):
        pixels = right(*arguments)
        pixels[3, 3, 0] ^= 1
        return pixels

    monkeypatch.setattr(restoring, "shown", off)
    with pytest.raises(DamagedFileError, match="'x.png' does not come back as it was"):
        decompress(packed, tmp_path / "back", model=small, n_threads=1)


@pytest.fixture
def three(small, tmp_path):
    """A file of three photographs and a note."""
    source = tmp_path / "photos"
    source.mkdir()
    for number in range(3):
        Image.fromarray(scene(70, 80, number)).save(source / f"{number}.png")
    (source / "note.txt").write_text("nothing to see")
    compress_photographs(source, tmp_path / "x.dbo", model=small, n_threads=1)
    return tmp_path / "x.dbo"


def damaged(path: Path, section: int) -> None:
    with container.opened(path) as reader:
        start = reader.sections[section][0]
    content = bytearray(path.read_bytes())
    content[start + 5] ^= 1
    path.write_bytes(content)


def test_a_damaged_chunk_loses_itself_only(three, small, tmp_path):
    decompress(three, tmp_path / "whole", model=small, n_threads=1)
    damaged(three, 1)
    refused(three, tmp_path / "back", small)
    found = rescue(three, tmp_path / "back", model=small, n_threads=1)
    assert sorted(found.names) == ["0.png", "2.png", "note.txt"]
    assert [(lost.name, lost.rows) for lost in found.lost] == [("1.png", None)]
    for name in found.names:
        assert (tmp_path / "back" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "back" / "1.png").exists()


def test_some_of_them_alone(three, small, tmp_path):
    """What is not wanted is not even read: that it is damaged is not seen."""
    decompress(three, tmp_path / "whole", model=small, n_threads=1)
    damaged(three, 1)
    options = {"model": small, "files": ["0.*", "2.*"], "n_threads": 1}
    paths = decompress(three, tmp_path / "back", **options)
    assert [path.name for path in paths] == ["0.png", "2.png"]
    for path in paths:
        assert path.read_bytes() == (tmp_path / "whole" / path.name).read_bytes()
    with pytest.raises(DamagedFileError, match="no rows of it can be had alone"):
        decompress(three, tmp_path / "rows", model=small, rows=(0, 5), files=["0.png"])


def test_they_are_listed_without_their_model(three):
    assert {one.name: one.what for one in listing(three)} == {
        "0.png": "photograph, with loss",
        "1.png": "photograph, with loss",
        "2.png": "photograph, with loss",
        "note.txt": "kept as it is",
    }


def test_names_that_are_taken():
    assert _names(["a.jpg", "a.png", "b.webp", "c/a.jpg", "a.jpg.png", "B.bmp"]) == {
        "a.jpg": "a.jpg.png.png",
        "a.png": "a.png",
        "b.webp": "b.png",
        "c/a.jpg": "c/a.png",
        "a.jpg.png": "a.jpg.png",
        "B.bmp": "B.bmp.png",
    }


def test_what_cannot_be(small, tmp_path):
    with pytest.raises(ValueError, match="between 0 and 1, not 60"):
        compress_photographs(tmp_path, tmp_path / "x.dbo", quality=60)
    with pytest.raises(FileNotFoundError, match="There is no file or folder"):
        compress_photographs(tmp_path / "nothing", tmp_path / "x.dbo")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no files"):
        compress_photographs(tmp_path / "empty", tmp_path / "x.dbo", model=small)


def test_tiles_are_coded_on_their_own(monkeypatch, small, tmp_path):
    monkeypatch.setattr("diabolo.uses.compress.photographs.chunks.TILE", 3)
    pixels = scene(100, 120)
    found = coded(encoder(), Picture(pixels, None), 40, 1)
    assert len(found.chunks) == 3 * 3
    back = restoring.pixels_of(model().decoder, found.entry, iter(found.chunks), 2)
    assert restoring.fingerprint(back.data) == found.entry.hash
