import pytest

from compressible import saved, smooth
from diabolo.uses.compress.compressing import compress


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A file of images that a model was worth for, and what is in it."""
    folder = tmp_path_factory.mktemp("images")
    array = smooth(300, (12, 12))
    result = compress(saved(folder, array), folder / "x.dbo", steps=100, n_threads=1)
    assert not result.fallback
    return folder / "x.dbo", (folder / "x.npy").read_bytes()
