"""A model comes back from its bytes; what no model is, is refused with a sentence."""

import numpy as np
import pytest

from diabolo.files import DamagedFileError, write_sealed
from diabolo.uses.compress.photographs.codec import Codec
from diabolo.uses.compress.photographs.design import Design, point
from diabolo.uses.compress.photographs.models import (
    SHIPPED,
    Model,
    load_model,
    model_from_bytes,
    model_to_bytes,
    save_model,
    shipped,
)
from photographed import SMALL, codec, model


def test_round_trip(tmp_path):
    save_model(tmp_path / "m.safetensors", model())
    found = load_model(tmp_path / "m.safetensors")
    assert found.hash == model().hash
    assert found.design == SMALL
    for name, array in model().whole.items():
        assert (found.whole[name] == array).all()


def test_every_weight_is_part_of_the_hash():
    for name in SMALL.shapes():
        whole = {key: array.copy() for key, array in model().whole.items()}
        whole[name].reshape(-1)[-1] += 1
        assert Model(SMALL, whole).hash != model().hash


def test_whole_numbers_are_what_was_trained():
    for name, array in codec().whole().items():
        grain = 2.0 ** point(name)
        real = codec().w(name).detach().numpy()
        np.testing.assert_array_equal(array, np.rint(real * grain))
    again = Codec.of(SMALL, model().whole).whole()
    assert all((again[name] == array).all() for name, array in model().whole.items())


def test_the_model_that_comes_with_diabolo():
    assert shipped().design == Design()
    assert len(model_to_bytes(shipped())) < 800_000
    assert SHIPPED.stat().st_size < 800_000


def test_bytes_of_no_model():
    content = model_to_bytes(model())
    for bad in (b"", content[:10], content[: len(content) // 2], content + b"\0", b"\xff" * 500):
        with pytest.raises((ValueError, TypeError)):
            model_from_bytes(bad)


@pytest.mark.parametrize(
    "sizes", [[24, 24, 8, 4], [0, 24, 8, 4, [6]], [24, 24, 8, 4, []], [10**9, 1, 1, 1, [1]], "x"]
)
def test_impossible_designs(sizes, monkeypatch):
    monkeypatch.setattr(
        "diabolo.uses.compress.photographs.models._described",
        lambda design: f'{{"photographs":{sizes if sizes != "x" else 3}}}'.encode(),
    )
    content = model_to_bytes(model())
    monkeypatch.undo()
    with pytest.raises((ValueError, TypeError)):
        model_from_bytes(content)


def test_files_of_no_model(tmp_path):
    path = tmp_path / "m.safetensors"
    write_sealed(path, {"model": np.zeros(3, np.uint8)}, {"purpose": "compression"})
    with pytest.raises(DamagedFileError, match="is no model of photographs"):
        load_model(path)
    write_sealed(path, {"model": np.zeros(30, np.uint8)}, {"purpose": "photographs"})
    with pytest.raises(DamagedFileError, match="Cannot use"):
        load_model(path)
