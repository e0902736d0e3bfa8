"""Parquet files: the same columns, types, values, missing cells and metadata come back."""

import datetime as dt
import io
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chunked import uncoded
from compressible import there_and_back
from diabolo.uses.compress.sources.files import take_apart
from diabolo.uses.compress.sources.footers import schema_of

N = 400
WALK = np.random.default_rng(0).integers(-5, 6, N).cumsum()
DAY = dt.date(2020, 1, 1)
NOON = dt.datetime(2020, 1, 1, 12)


def numbers(dtype) -> pl.Series:
    return pl.Series(abs(WALK) % 100).cast(dtype)


COLUMNS = {
    **{str(one): numbers(one) for one in (pl.Int8, pl.Int16, pl.Int32, pl.Int64)},
    **{str(one): numbers(one) for one in (pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)},
    **{str(one): numbers(one) / 4 for one in (pl.Float32, pl.Float64)},
    "Float16": pl.Series((WALK / 4).astype(np.float16)),
    "largest": pl.Series([2**64 - 1, 0, 2**63, 7] * 100, dtype=pl.UInt64),
    "odd": pl.Series([np.nan, np.inf, -np.inf, -0.0, 0.1, 5e-324, 1.7e308, 2.0] * 50),
    "truths": pl.Series(WALK > 0),
    "dates": pl.Series([DAY + dt.timedelta(int(w)) for w in WALK]),
    "times": pl.Series([dt.time(int(w) % 24, 5, 6, 789) for w in WALK]),
    "ms": pl.Series([NOON + dt.timedelta(int(w)) for w in WALK], dtype=pl.Datetime("ms")),
    "ns": pl.Series([NOON + dt.timedelta(int(w)) for w in WALK], dtype=pl.Datetime("ns", "UTC")),
    "zone": pl.Series([NOON] * N, dtype=pl.Datetime("us", "Europe/Berlin")),
    "durations": pl.Series([dt.timedelta(hours=int(w)) for w in WALK]),
    "decimals": pl.Series([Decimal(int(w)) / 100 for w in WALK], dtype=pl.Decimal(12, 2)),
    "texts": pl.Series([f"it's {w}, so {w * w}" for w in WALK]),
    "few": pl.Series([["red", "green", "é"][w % 3] for w in WALK]),
    "lines": pl.Series(["a\nb", "", "\n"] * 133 + ["\0"]),
    "categories": pl.Series(["x", "y"] * (N // 2), dtype=pl.Categorical),
    "enumeration": pl.Series(["x", "y"] * (N // 2), dtype=pl.Enum(["y", "z", "x"])),
    "bytes": pl.Series([b"\0\xff", b""] * (N // 2)),
    "nothing": pl.Series([None] * N, dtype=pl.Null),
    "constant": pl.Series([3] * N),
    "numbered": pl.Series(range(N)),
}


def without(series: pl.Series, cells: np.ndarray) -> pl.Series:
    """The series with these cells missing."""
    gone = pl.select(pl.when(pl.Series(~cells)).then(series)).to_series()
    return gone.alias(series.name)


def frames():
    for name, series in COLUMNS.items():
        series = series.alias(f"a {name}")
        yield pytest.param(pl.DataFrame([series]), id=name)
        if name != "nothing":
            gone = without(series, WALK % 4 == 0)
            yield pytest.param(pl.DataFrame([gone]), id=f"{name}, some missing")
    for name in ("Int32", "texts", "odd", "enumeration"):
        one = without(COLUMNS[name], np.arange(N) == 5)
        yield pytest.param(pl.DataFrame([one]), id=f"{name}, one missing")
        none = pl.Series([None] * N, dtype=one.dtype)
        yield pytest.param(pl.DataFrame([none]), id=f"{name}, all missing")
    yield pytest.param(pl.DataFrame([s.alias(n) for n, s in COLUMNS.items()]), id="all")
    yield pytest.param(pl.DataFrame({"x": pl.Series([], dtype=pl.Float64)}), id="no rows")
    yield pytest.param(pl.DataFrame({"x": [1.5], "": ["y"]}), id="one row")


@pytest.mark.parametrize("frame", [*frames()])
def test_all_types_come_back(frame, tmp_path):
    path = tmp_path / "t.parquet"
    frame.write_parquet(path, metadata={"made by": "nobody", "pandas": "{}"})
    (back,) = uncoded(take_apart(path))
    again = pl.read_parquet(io.BytesIO(back))
    assert again.schema == frame.schema
    assert again.equals(frame, null_equal=True)
    for name in frame.columns:
        if frame[name].dtype.is_float():  # NaN, −0 and every bit
            both = [one[name].fill_null(0).to_numpy().tobytes() for one in (frame, again)]
            assert both[0] == both[1]
    metadata = pl.read_parquet_metadata(io.BytesIO(back))
    assert (metadata["made by"], metadata["pandas"]) == ("nobody", "{}")


# NaN with a payload, and such; other writers
VALUES = {
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.UInt8: st.integers(0, 255),
    pl.Float32: st.floats(width=32),
    pl.Float64: st.floats() | st.sampled_from([0.1, 0.25, 1e6, -0.0]),
    pl.String: st.text(max_size=5),
    pl.Binary: st.binary(max_size=5),
    pl.Boolean: st.booleans(),
    pl.Date: st.dates(),
    pl.Datetime("us"): st.datetimes(),
}


@settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data(), dtype=st.sampled_from(list(VALUES)), n=st.integers(1, 90))
def test_any_column(data, dtype, n, tmp_path):
    cells = data.draw(st.lists(st.none() | VALUES[dtype], min_size=n, max_size=n))
    frame = pl.DataFrame({"x": pl.Series(cells, dtype=dtype), "y": range(n)})
    frame.write_parquet(tmp_path / "t.parquet")
    (back,) = uncoded(take_apart(tmp_path / "t.parquet"))
    again = pl.read_parquet(io.BytesIO(back))
    assert again.schema == frame.schema
    assert again.equals(frame, null_equal=True)
    if dtype.is_float():
        bits = [one["x"].fill_null(0).to_numpy().tobytes() for one in (frame, again)]
        assert bits[0] == bits[1]


def walks(n: int = 4000) -> pl.DataFrame:
    """Hours, a walk with gaps, what follows from it."""
    walk = np.random.default_rng(0).integers(-5, 6, n).cumsum()
    hours = [NOON + dt.timedelta(hours=h) for h in range(n)]
    singles = (walk * 0.067).round(3).astype(np.float32).astype(np.float64)
    return pl.DataFrame({"d": hours, "w": walk, "v": 2 * walk + 3, "s": singles}).with_columns(
        pl.when(pl.col("w") % 7 > 0).then(pl.col("w")).alias("gaps"),
        pl.when(pl.col("w") > 0).then(pl.lit("up")).otherwise(pl.lit("down")).alias("t"),
    )


@pytest.mark.parametrize("writer", ["polars", "pandas", "pyarrow"])
def test_a_table_that_a_model_is_worth_for(writer, tmp_path):
    frame, path = walks(), tmp_path / "t.parquet"
    if writer == "polars":
        frame.write_parquet(path)
    elif writer == "pandas":
        frame.to_pandas().set_index("d").to_parquet(path)
    else:
        pq.write_table(frame.to_arrow(), path, compression="brotli", row_group_size=700)
    result, found = there_and_back(path, tmp_path, steps=200)
    assert not result.fallback
    assert result.original == path.stat().st_size
    assert result.size < 0.7 * result.zstandard
    (tmp_path / "again.parquet").write_bytes(found["t.parquet"])
    assert pl.read_parquet(found["t.parquet"]).equals(pl.read_parquet(path), null_equal=True)
    if writer == "pandas":
        import pandas as pd

        pd.testing.assert_frame_equal(
            pd.read_parquet(tmp_path / "again.parquet"), pd.read_parquet(path)
        )


NOT_CODED = {
    "list": (pa.array([[1], [2], None]), "columns within columns"),
    "struct": (pa.array([{"a": 1}, {"a": 2}, None]), "columns within columns"),
    "date of 64 bits": (pa.array([0, 86_400_000, None], pa.date64()), "come back as others"),
    "fixed bytes": (pa.array([b"ab", b"cd", None], pa.binary(2)), "come back as others"),
    "time of 32 bits": (pa.array([1, 2, 3], pa.time32("ms")), "come back as others"),
    "huge decimals": (pa.array([10**30, 1, 2], pa.decimal128(38, 0)), "decimals beyond 62 bits"),
}


@pytest.mark.parametrize("name", NOT_CODED)
def test_what_would_not_come_back_is_kept_byte_for_byte(name, tmp_path):
    array, reason = NOT_CODED[name]
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": array, "y": [1, 2, 3]}), path)
    result, found = there_and_back(path, tmp_path)
    assert found == {"t.parquet": path.read_bytes()}
    (note,) = result.notes
    assert "kept byte for byte" in note
    assert reason in note


def test_what_does_not_gain_comes_back_byte_for_byte(tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"x": np.random.default_rng(0).random(50)}).write_parquet(path)
    result, found = there_and_back(path, tmp_path)
    assert result.fallback
    assert found == {"t.parquet": path.read_bytes()}


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 40 + b"PAR1", b"x" * 99])
def test_a_file_that_is_no_parquet_is_kept(content, tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    _, found = there_and_back(path, tmp_path)
    assert found == {"t.parquet": content}


def test_damaged_footers_are_refused_with_a_sentence(tmp_path):
    path = tmp_path / "t.parquet"
    walks(40).write_parquet(path)
    content, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        bad = bytearray(content)
        place = len(bad) - int(random.integers(1, 400))
        bad[place] = int(random.integers(256))
        try:
            elements = schema_of(bytes(bad))
        except ValueError as error:
            assert str(error)  # noqa: PT017
        else:
            assert len(elements) < 300


def test_a_wrong_value_is_noticed(tmp_path):
    """The hash is one of values: a table with another one in it is refused."""
    path = tmp_path / "t.parquet"
    walks(200).write_parquet(path)
    material = take_apart(path)
    read = material.streams[0].read

    def wrong(first, last):
        rows = read(first, last).copy()
        rows[0, 0, 0, -1] ^= 1
        return rows

    material.streams[0].read = wrong
    with pytest.raises(ValueError, match="does not come back as it was"):
        uncoded(material)
