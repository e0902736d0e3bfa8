"""The decoder is the one that takes fewest bytes; and which are tried at all."""

import numpy as np
import pytest

from compressible import BINARY, GREY, TABLE, saved, smooth, there_and_back
from diabolo.uses.compress import choosing
from diabolo.uses.compress.choosing import Candidate, check_decoder, considered, fitted, measured
from diabolo.uses.compress.coding.codes import BitsBack, Quantised
from diabolo.uses.compress.coding.models import model_to_bytes
from diabolo.uses.compress.coding.streams import Stream
from diabolo.uses.compress.coding.training import train

MANY = 2**30  # bytes: any model would pay


def kinds_of_rows(n: int) -> Stream:
    """Noise without any order, or its negative: what is near says nothing, the kind all."""
    random = np.random.default_rng(0)
    pattern = random.integers(0, 2, (6, 6, 1))
    rows = pattern ^ random.integers(0, 2, (n, 1, 1, 1)) ^ (random.random((n, 6, 6, 1)) < 0.01)
    return stream(BINARY, rows.astype(np.int16))


def stream(layout, rows) -> Stream:
    return Stream(layout, len(rows), lambda first, last: rows[first:last], lambda *_: None)


def test_a_code_pays_where_rows_are_of_few_kinds():
    """… and what it is said to save on a sample, it saves."""
    given = kinds_of_rows(3000)
    near = Candidate(
        "context", given.layout.__class__(6, 6, BINARY.planes, 1, 0, 0, False, False), (8, 8)
    )
    code = Quantised(3, 16, 1, 6, 6)
    both = Candidate("both", near.layout.with_code(code), (8, 8))
    found = []
    for one in (near, both):
        rows = given.read(0, given.count)
        done = train(one.layout, rows, [one.units], steps=300, n_threads=1)
        model = done.model(one.layout)
        whole = len(model.encode(rows).content) + len(model_to_bytes(model))
        assert measured(given, model) == pytest.approx(whole, rel=0.05)
        found.append(whole)
    assert found[1] < 0.6 * found[0]


def test_the_smallest_is_taken_and_the_others_are_told(monkeypatch):
    given = kinds_of_rows(400)
    monkeypatch.setattr(choosing, "measured", lambda stream, model: model.layout.reach + 1.0)
    given.layout = given.layout.__class__(8, 8, BINARY.planes, 10, 0, 0, False, False)
    rows = np.zeros((400, 8, 8, 1), np.int16)
    given = stream(given.layout, rows)
    model, _, notes = fitted(
        given,
        9999,
        seconds=60,
        steps=20,
        seed=0,
        n_threads=1,
        report=lambda *_: None,
        decoder="smallest",
    )
    assert model.layout.reach == 0
    assert notes == [
        "decoder: code; bytes with model, from 256 of 400 rows after 0 s of training each: "
        "context 11, both 11, code 1"
    ]


def test_what_is_tried():
    large = GREY.__class__(8, 8, GREY.planes, 12, 0, 4, False, True)
    names = [one.name for one in considered(large, MANY, None, None)]
    assert names == ["context", "both", "code"]
    for layout, paid in ((large, 10_000), (GREY, MANY), (TABLE, MANY)):
        assert [one.name for one in considered(layout, paid, None, None)] == ["context"]
    assert len(considered(TABLE, 10_000, "smallest", None)) == 3
    (one,) = considered(GREY, 10_000, "both", "bits-back")
    assert isinstance(one.layout.code, BitsBack)
    assert one.layout.reach == GREY.reach
    (one,) = considered(TABLE, 10_000, "code", None)
    assert isinstance(one.layout.code, BitsBack)
    assert one.layout.context(0) == ()
    (one,) = considered(GREY, 10_000, "code", "hierarchical")
    assert one.layout.code.layers == (32, 16)
    (one,) = considered(GREY, 10_000, "context", None)
    assert one.layout == GREY


@pytest.mark.parametrize(
    ("decoder", "code", "sentence"),
    [
        ("contxt", None, "unknown decoder 'contxt': .*; did you mean 'context'?"),
        ("both", "bitsback", "unknown code 'bitsback': .*; did you mean 'bits-back'?"),
        ("context", "quantised", "'context' has no code"),
    ],
)
def test_what_cannot_be_meant(decoder, code, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_decoder(decoder, code)


DECODERS = [("both", None), ("both", "bits-back"), ("code", "quantised"), ("code", None)]
DECODERS += [("code", "hierarchical"), ("both", "hierarchical")]


@pytest.mark.parametrize(("decoder", "code"), DECODERS)
def test_whole_files(decoder, code, tmp_path):
    source = saved(tmp_path, smooth(1200, (12, 10)))
    result, found = there_and_back(source, tmp_path, decoder=decoder, code=code, steps=80)
    assert found["x.npy"] == source.read_bytes()
    if not result.fallback:
        assert result.models[0].layout.code.kind == (
            code or {"both": "quantised", "code": "bits-back"}[decoder]
        )


def test_a_kept_model_with_a_code(tmp_path):
    """It codes new data: its own file has the encoder."""
    from diabolo.uses.compress.coding.models import save_model

    source = saved(tmp_path, smooth(1200, (12, 10)))
    result, _ = there_and_back(source, tmp_path, decoder="both", steps=80)
    save_model(tmp_path / "m.safetensors", result.models[0])
    from diabolo.uses.compress.compressing import compress
    from diabolo.uses.compress.decompressing import decompress

    new = saved(tmp_path, smooth(1200, (12, 10), 1), "new.npy")
    result = compress(new, tmp_path / "new.dbo", model=tmp_path / "m.safetensors", n_threads=1)
    assert not result.fallback
    assert result.model == 0
    (back,) = decompress(
        tmp_path / "new.dbo", tmp_path / "new", model=tmp_path / "m.safetensors", n_threads=1
    )
    assert back.read_bytes() == new.read_bytes()


def test_colours_with_codes(tmp_path):
    source = saved(tmp_path, smooth(300, (9, 8, 3)))
    _, found = there_and_back(source, tmp_path, decoder="both", code="bits-back")
    assert found["x.npy"] == source.read_bytes()


def test_a_table_with_codes(tmp_path):
    walk = np.random.default_rng(3).integers(-5, 6, 6000).cumsum()
    source = tmp_path / "t.csv"
    source.write_text("a,b\n" + "".join(f"{a},{3 * a // 2}\n" for a in walk.tolist()))
    _, found = there_and_back(source, tmp_path, decoder="both")
    assert found["t.csv"] == source.read_bytes()
