"""How the gallery is asked for; the page itself has its own tests."""

import pytest

from diabolo.report import gallery


@pytest.fixture
def asked(monkeypatch):
    """Arguments of the calls to write_gallery, which writes one word."""
    calls = []

    def write_gallery(data, path, *, seed, progress):
        calls.append((data, seed))
        progress(0, 2, "plain")
        path.write_text("page")

    monkeypatch.setattr(gallery, "write_gallery", write_gallery)
    return calls


def test_a_page_with_progress_on_standard_error(diabolo, asked, tmp_path):
    path = tmp_path / "new" / "index.html"
    result = diabolo("gallery", "mnist", "-o", path, "--seed", 3)
    assert result == (0, f"{path}: 4 bytes\n", "  0 of 2  plain\n")
    assert asked == [("mnist", 3)]


def test_by_default_the_gallery_chooses_the_data(diabolo, asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert diabolo("gallery").code == 0
    assert asked == [(None, 0)]
    assert (tmp_path / "gallery" / "index.html").read_text() == "page"


def test_an_existing_page_is_kept(diabolo, asked, tmp_path):
    path = tmp_path / "index.html"
    path.write_text("mine")
    assert diabolo("gallery", "-o", path).code == 1
    assert (asked, path.read_text()) == ([], "mine")
    assert diabolo("gallery", "-o", path, "-f").code == 0
