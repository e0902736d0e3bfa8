"""Numbers within a bound: every value that comes back is compared here by fractions."""

import io
import math
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chunked import uncoded
from compressible import saved, smooth, there_and_back
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.sources import decimals, numbers, rounding
from diabolo.uses.compress.sources.bounds import Bounds, bound_of, merged, within
from diabolo.uses.compress.sources.files import take_apart

QUICK = settings(
    max_examples=150, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
BOUNDS = st.sampled_from(
    ["1e-3", "0.01", "0.5", "3", "1e9", "1e-300", "0.1%", "7%", "49%", "1e-13%"]
)
DTYPES = ["u1", "i1", "<i2", ">u4", "<i8", "<u8", "<f2", "<f4", "<f8", ">f8"]


def error(value, other) -> Fraction:
    return abs(Fraction(other) - Fraction(value))


def inside(value, other, bound) -> bool:
    """Whether a number is as near as it has to be, without any rounding."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value) == str(other)
    size = Fraction(bound.size)
    return error(value, other) <= (size * abs(Fraction(value)) if bound.relative else size)


def all_inside(values: np.ndarray, back: np.ndarray, bound) -> bool:
    assert values.dtype == back.dtype
    pairs = zip(values.reshape(-1).tolist(), back.reshape(-1).tolist(), strict=True)
    return all(inside(value, other, bound) for value, other in pairs)


def rounded(values: np.ndarray, bound) -> np.ndarray:
    kept: list[bytes] = []

    def keep(content: bytes) -> int:
        kept.append(content)
        return len(kept) - 1

    _, symbols, recipe = numbers.to_symbols(values, keep, bound=bound)
    return numbers.from_symbols(symbols, recipe, kept.__getitem__, values.dtype)[0]


def columns_of(dtype: str):
    """Any bits; and neighbours, so that grids are worth having."""
    dtype = np.dtype(dtype).newbyteorder("=")
    size = st.integers(1, 60)
    if dtype.kind != "f":
        return arrays.arrays(dtype, size)
    width = 8 * dtype.itemsize
    near = st.floats(-100, 100, width=width) | st.sampled_from([0.0, -0.0, 0.5, 1.25])
    return arrays.arrays(dtype, size) | arrays.arrays(dtype, size, elements=near)


@QUICK
@given(
    values=st.sampled_from(DTYPES).flatmap(columns_of),
    bound=BOUNDS.map(bound_of),
    copies=st.sampled_from([1, 40]),
)
def test_any_column_stays_within_any_bound(values, bound, copies):
    values = np.repeat(values, copies)
    back = rounded(values, bound)
    assert all_inside(values, back, bound)
    odd = ~np.isfinite(values) | ((values == 0) & np.signbit(values))
    assert values[odd].tobytes() == back[odd].tobytes()  # NaN, infinities, −0: every bit


@QUICK
@given(
    values=st.sampled_from(["<i8", "<u8", "<f4", "<f8"]).flatmap(columns_of),
    bound=BOUNDS.map(bound_of),
    data=st.data(),
)
def test_what_is_compared_is_what_fractions_say(values, bound, data):
    """`within` never lets a value pass that is beyond the bound."""
    other = data.draw(arrays.arrays(values.dtype, values.shape) | st.just(rounded(values, bound)))
    for value, one, good in zip(
        values.tolist(), other.tolist(), within(values, other, bound), strict=True
    ):
        if good:
            assert inside(value, one, bound) or value == one


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bound", ["1e-3", "1e300", "1%"])
def test_the_largest_floats_there_are(dtype, bound):
    """Behind them there is no float to be as far from as the spacing says."""
    most = np.finfo(dtype).max
    values = np.array([most, -most, np.nextafter(most, dtype(0)), 1.5] * 9, dtype)
    assert all_inside(values, rounded(values, bound_of(bound)), bound_of(bound))


GRIDS = {
    "single precision": (np.float32, "0.01", 1.99),
    "doubles": (np.float64, "1e-6", 1.99e-6),
    "shares": (np.float64, "1%", None),
}


@pytest.mark.parametrize("name", GRIDS)
def test_grids_are_as_coarse_as_the_bound_allows(name):
    dtype, bound, _ = GRIDS[name]
    bound = bound_of(bound)
    values = np.random.default_rng(0).uniform(1, 2, 20_000).astype(dtype)
    found = len(np.unique(rounded(values, bound)))
    finest = math.log(2) / (2 * bound.size) if bound.relative else 1 / (2 * bound.size)
    assert found <= min(1.1 * finest + 2, len(values))
    if dtype == np.float32:
        assert found >= 0.99 * finest


def test_decimals_keep_to_their_own_steps():
    """Of all numbers with two places, an error of .011 leaves every third: a step of .03."""
    values = np.arange(-500, 500) / 100
    assert len(np.unique(rounded(values, bound_of("0.011")))) == 334
    assert np.array_equal(rounded(values, bound_of("0.004")), values)


def test_a_broken_grid_is_noticed(monkeypatch, tmp_path):
    """The control: what the grid gets wrong must not be written."""
    path = saved(tmp_path, np.random.default_rng(0).normal(size=(300, 2)))
    good = rounding.grid_back
    monkeypatch.setattr(numbers, "within", lambda values, back, bound: np.ones(len(values), bool))
    compress(path, tmp_path / "x.dbo", max_error=0.01, steps=2, n_threads=1)
    monkeypatch.setattr(rounding, "grid_back", lambda k, s, d: good(k, s, d) + d.type(0.0101))
    (tmp_path / "x.dbo").unlink()
    with pytest.raises(RuntimeError, match="was not rounded within 0.01"):
        compress(path, tmp_path / "x.dbo", max_error=0.01, steps=2, n_threads=1)
    assert not (tmp_path / "x.dbo").exists()


# text

CELLS = st.sampled_from(["", "NA", "nan", "-0", "007", "+5", ".5", "1e5", "1E-7", "-0.00", "1e400"])
NUMERIC = (
    st.decimals(-(10**6), 10**6, allow_nan=False, places=3).map(str)
    | st.integers(-(10**20), 10**20).map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
)


@QUICK
@given(
    cells=st.lists(CELLS | NUMERIC, min_size=3, max_size=40),
    copies=st.sampled_from([1, 40]),
    bound=BOUNDS.map(bound_of),
)
def test_any_cells_stay_within_any_bound(cells, copies, bound):
    cells, kept = cells * copies, []
    found = decimals.to_symbols(cells, bound, lambda content: kept.append(content) or len(kept) - 1)
    if found is None:
        return
    (_, symbols, recipe), expected = found
    back = decimals.from_symbols(symbols, recipe, kept.__getitem__)
    assert back == expected
    for cell, other in zip(cells, back, strict=True):
        if cell != other:
            limit = Fraction(bound.amount) * (abs(Fraction(cell)) if bound.relative else 1)
            assert error(cell, other) <= limit
    part = decimals.from_symbols(symbols[2:], recipe, kept.__getitem__, 2)
    assert part == back[2:]


def test_texts_are_written_with_few_digits():
    cells = [str(float(np.float32(v))) for v in np.linspace(-9, 40, 400)]
    assert max(map(len, cells)) > 15
    for bound, most in (("0.01", 6), ("0.1", 5), ("1%", 8)):
        _, back = decimals.to_symbols(cells, bound_of(bound), lambda content: 0)
        assert max(map(len, back)) <= most
        assert decimals.largest_error(cells, back, bound_of(bound)) <= bound_of(bound).amount


def test_a_broken_text_is_noticed():
    with pytest.raises(RuntimeError, match="5 became 5.02"):
        decimals.largest_error(["1", "5"], ["1", "5.02"], bound_of("0.01"))


# whole files


def test_arrays_and_images(tmp_path):
    walk = np.random.default_rng(0).normal(size=(4000, 3)).cumsum(0)
    for array in (walk.astype(np.float32), np.asfortranarray(walk), (walk * 90).astype(">i4")):
        path = saved(tmp_path, array)
        result, found = there_and_back(path, tmp_path, max_error={"0": 0.5, "1": "1%"}, steps=60)
        back = np.load(io.BytesIO(found["x.npy"]))
        assert (back.dtype, back.flags.f_contiguous) == (array.dtype, array.flags.f_contiguous)
        assert all_inside(array[:, 0], back[:, 0], bound_of("0.5"))
        assert all_inside(array[:, 1], back[:, 1], bound_of("1%"))
        assert np.array_equal(array[:, 2], back[:, 2])
        assert [found.column for found in result.errors] == ["0", "1"]
        assert not result.fallback
        assert result.original == path.stat().st_size
    images = smooth(200, (12, 12))
    path = saved(tmp_path, images)
    exact, _ = there_and_back(path, tmp_path, steps=60)
    result, found = there_and_back(path, tmp_path, max_error=3, steps=60)
    back = np.load(io.BytesIO(found["x.npy"]))
    assert abs(back.astype(int) - images).max() == 3 == result.errors[0].largest
    assert result.size < 0.7 * exact.size


def test_tables(tmp_path):
    random = np.random.default_rng(0)
    walk = random.normal(size=3000).cumsum()
    frame = pl.DataFrame(
        {
            "day": pl.Series(np.arange(3000)).cast(pl.Date),
            "t": walk,
            "f": pl.Series((walk * 3).astype(np.float32)),
            "w": (walk * 50).astype(int),
            "s": ["up" if w > 0 else "down" for w in walk],
        }
    ).with_columns(pl.when(pl.col("w") % 5 > 0).then(pl.col("t")).alias("gaps"))
    bounds = {"t": 0.01, "f": "0.1%", "w": 2, "gaps": 0.1}
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_csv(tmp_path / "t.csv")
    for name in ("t.parquet", "t.csv"):
        folder = tmp_path / name.removeprefix("t.")
        folder.mkdir()
        result, found = there_and_back(tmp_path / name, folder, max_error=bounds, steps=60)
        read = pl.read_parquet if name.endswith("parquet") else pl.read_csv
        before, back = read(tmp_path / name), read(io.BytesIO(found[name]))
        assert before.columns == back.columns
        for column, bound in bounds.items():
            gone = before[column].is_null()
            assert (gone == back[column].is_null()).all()
            pairs = before[column].filter(~gone).to_list(), back[column].filter(~gone).to_list()
            # texts are within the bound as they are written, not as doubles round them
            slack = 1 + 2**-40 if name.endswith("csv") else 1
            wide = bound_of(bound)
            wide = type(wide)(wide.amount * type(wide.amount)(slack), wide.relative)
            assert all(inside(value, other, wide) for value, other in zip(*pairs, strict=True))
        assert before["day"].equals(back["day"])
        assert before["s"].equals(back["s"])
        assert not result.fallback
        assert {one.column for one in result.errors} == set(bounds)
        assert all(one.largest <= one.bound.size for one in result.errors)


@pytest.mark.parametrize(
    ("given_bound", "sentence"),
    [
        ({"temprature": 1}, "did you mean 'temperature'"),
        ({"place": 1}, "'place' has an error bound but holds no numbers"),
        ("much", "is no number from 0 up"),
        (-1, "is no number from 0 up"),
        ("60%", "is not below 50%"),
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_bounds_that_make_no_sense(name, given_bound, sentence, tmp_path):
    frame = pl.DataFrame({"temperature": [1.5, 2.5, 3.0], "place": ["a", "b", "c"]})
    (frame.write_csv if name.endswith("csv") else frame.write_parquet)(tmp_path / name)
    with pytest.raises(ValueError, match=sentence):
        compress(tmp_path / name, tmp_path / "x.dbo", max_error=given_bound)
    assert not (tmp_path / "x.dbo").exists()


def test_what_cannot_be_rounded_is_said(tmp_path):
    (tmp_path / "t.txt").write_text("hello")
    result, found = there_and_back(tmp_path / "t.txt", tmp_path, max_error=1)
    assert found == {"t.txt": b"hello"}
    assert "holds no numbers to round" in result.notes[0]
    with pytest.raises(ValueError, match="is a folder"):
        compress(tmp_path, tmp_path / "x.dbo", max_error=1)


def test_how_bounds_are_typed():
    assert merged(["1e-3", "a=b=0.1%"]) == {"*": "1e-3", "a=b": "0.1%"}
    with pytest.raises(ValueError, match="two error bounds"):
        merged(["a=1", "a=2"])
    bounds = Bounds.of({"*": 1e-3, "id": 0})
    assert bounds.at("id") is None
    assert str(bounds.at("x")) == "0.001"


def test_what_comes_back_is_rounded_no_further(tmp_path):
    """Rounded numbers rounded again by the same bound stay what they are."""
    path = saved(tmp_path, np.random.default_rng(0).normal(size=(300, 2)))
    (once,) = uncoded(take_apart(path, Bounds.of("1%")))
    path.write_bytes(once)
    (twice,) = uncoded(take_apart(path, Bounds.of("1%")))
    assert once == twice
