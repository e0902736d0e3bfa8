"""idx files byte by byte, and labels beside them."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from diabolo.data import idx, spill
from diabolo.data.idx import open_idx, read_idx

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def content(array, code):
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@st.composite
def any_array(draw):
    dtype = draw(st.sampled_from(list(CODES)))
    return CODES[dtype], draw(arrays(np.dtype(dtype), array_shapes(max_dims=4, max_side=5)))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_array(), st.booleans())
def test_every_type_and_shape_is_read_back(tmp_path, coded, zipped):
    code, array = coded
    raw = content(array, code)
    (tmp_path / "a.idx").write_bytes(gzip.compress(raw) if zipped else raw)
    found = read_idx(tmp_path / "a.idx")
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, array)


def test_the_exact_bytes_of_a_tiny_file(tmp_path):
    (tmp_path / "a.idx").write_bytes(bytes.fromhex("00000b02 00000002 00000001 0001 fffe"))
    assert read_idx(tmp_path / "a.idx").tolist() == [[1], [-2]]


@pytest.mark.parametrize("large", [0, 2**30])
def test_rows_are_the_same_in_memory_and_unpacked(tmp_path, monkeypatch, large):
    monkeypatch.setattr(spill, "LARGE", large)
    monkeypatch.setattr(idx, "_PIECE", 50)
    array = np.arange(5 * 4 * 3, dtype=np.int32).reshape(5, 4, 3)
    (tmp_path / "a.idx").write_bytes(gzip.compress(content(array, 0x0C)))
    rows = open_idx(tmp_path / "a.idx").rows
    assert (rows.array is None) == (large == 0)
    np.testing.assert_array_equal(rows.take(np.arange(5)), array)


@pytest.mark.parametrize("zipped", [False, True])
def test_every_truncation_is_refused(tmp_path, zipped):
    raw = content(np.arange(12, dtype=np.uint8).reshape(4, 3), 8)
    whole = gzip.compress(raw) if zipped else raw
    for length in range(len(whole)):
        (tmp_path / "a.idx").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="truncated|damaged|not an idx file"):
            open_idx(tmp_path / "a.idx")


def test_labels_beside_the_images_are_found(tmp_path):
    images = tmp_path / "t10k-images-idx3-ubyte"
    images.write_bytes(content(np.zeros((3, 2, 2), np.uint8), 8))
    assert open_idx(images).labels is None
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(content(np.array([4, 0, 9], np.uint8), 8)))
    assert open_idx(images).labels.tolist() == [4, 0, 9]
    labels.write_bytes(gzip.compress(content(np.array([4, 0], np.uint8), 8)))
    with pytest.raises(ValueError, match="has 3 rows, but .* has labels"):
        open_idx(images)


def test_labels_alone_are_no_data(tmp_path):
    (tmp_path / "a-idx1-ubyte").write_bytes(content(np.arange(5, dtype=np.uint8), 8))
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
        open_idx(tmp_path / "a-idx1-ubyte")
