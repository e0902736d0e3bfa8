"""How small tables get within a bound of error, beside other programs. All bytes counted.

    python bench/bounded.py                     all sets, two bounds, a minute of training each
    python bench/bounded.py --only etth2        some of them

Each column may be off by a share of its range, 1e-3 or 1e-2 of the largest value less the smallest:
absolute bounds, the same for everyone. Every file is decoded and every value compared.

"rounded, …": the whole numbers round(v / 2ε) of each column, one behind the other in as few bytes
as hold them, packed by xz -9e or zstandard -19 (also their differences, where that is less); what
predicts in ours is then the only difference. ZFP and SZ3 are measured where zfpy and pysz are
installed (they are not among this project's packages), column by column, each with the best of its
own settings; their errors are compared, too, and a "!" says that the bound was broken.

Figures go to results/bounded.json.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as selectors
from kept import keep

from diabolo.uses.compress import baselines, container
from diabolo.uses.compress.compressing import compress
from diabolo.uses.compress.decompressing import decompress

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("DIABOLO_DATA", ROOT.parent / "shared" / "data"))
SHARES = (1e-3, 1e-2)
BUDGET = 60.0  # seconds of training


def etth2() -> pl.DataFrame:
    return pl.read_csv(DATA / "ett" / "ETTh2.csv")


def singles() -> pl.DataFrame:
    return etth2().select(pl.col(pl.Float64).cast(pl.Float32))


def adbench(name: str) -> pl.DataFrame:
    return pl.DataFrame(np.load(next((DATA / "adbench").glob(f"*_{name}.npz")))["X"])


SETS = {
    "etth2 .csv": (etth2, "t.csv"),
    "etth2, single precision .parquet": (singles, "t.parquet"),
    "shuttle .npy": (lambda: adbench("shuttle"), "t.npy"),
    "mammography .npy": (lambda: adbench("mammography"), "t.npy"),
}


def written(frame: pl.DataFrame, path: Path, source: str) -> None:
    if path.suffix == ".npy":
        np.save(path, frame.to_numpy())
    elif source.startswith("etth2 .csv"):
        path.write_bytes((DATA / "ett" / "ETTh2.csv").read_bytes())
    else:
        frame.write_parquet(path)


def read(path: Path) -> pl.DataFrame:
    if path.suffix == ".npy":
        return pl.DataFrame(np.load(path))
    return pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)


def measured(name: str, share: float, options: argparse.Namespace) -> dict:
    make, file = SETS[name]
    frame = make()
    numbers = frame.select(selectors.numeric())
    bounds = {
        column: float(f"{share * (numbers[column].max() - numbers[column].min()):.1e}")
        for column in numbers.columns
    }
    bounds = {column: bound for column, bound in bounds.items() if bound}
    with tempfile.TemporaryDirectory() as place:
        path, packed = Path(place) / file, Path(place) / "x.dbo"
        written(frame, path, name)
        names = {c: str(i) for i, c in enumerate(frame.columns)} if file.endswith("npy") else {}
        result = compress(
            path,
            packed,
            max_error={names.get(column, column): bound for column, bound in bounds.items()},
            seconds=options.budget,
            steps=options.steps,
            n_threads=options.threads,
        )
        (back,) = decompress(packed, Path(place) / "back", n_threads=options.threads)
        again = read(back)
        for column, bound in bounds.items():
            # cells of a text are within the bound as decimals; as doubles to their last bit
            slack = 1 + 1e-9 if file.endswith("csv") else 1
            error = (again[column].cast(pl.Float64) - frame[column].cast(pl.Float64)).abs().max()
            assert error <= bound * slack, (column, error, bound)
        row = {
            "set": name,
            "share": share,
            "raw": path.stat().st_size,
            "bytes": result.size,
            "model": result.model,
            "fallback": result.fallback,
            "training seconds": result.training,
            "over ideal": result.over_ideal,
            "rounding cost": result.rounding_cost,
        }
        arrays = [(numbers[column].to_numpy(), bound) for column, bound in bounds.items()]
        row["others"] = {
            "exact, xz -9e": len(baselines.xz(path.read_bytes())),
            "our rounded file, xz -9e": len(baselines.xz(back.read_bytes())),
            **rounded(arrays),
            **elsewhere([(floats(values), bound) for values, bound in arrays]),
        }
    print(f"{name}, {share:g}: {row['bytes']:,} bytes (model {row['model']:,}) of {row['raw']:,}")
    for other, size in sorted(row["others"].items(), key=lambda item: item[1]):
        print(f"    {other:28} {size:>10,}  {size / row['bytes']:.2f}")
    return row


def rounded(columns: list[tuple[np.ndarray, float]]) -> dict[str, int]:
    """The control: the same error, no network."""
    plain, differing = io.BytesIO(), io.BytesIO()
    for values, bound in columns:
        k = np.rint(values.astype(np.float64) / (2 * bound)).astype(np.int64)
        for file, numbers in ((plain, k - k.min()), (differing, np.diff(k, prepend=0))):
            least = np.min_scalar_type(int(numbers.min())), np.min_scalar_type(int(numbers.max()))
            whole = numbers.astype(np.promote_types(*least))
            file.write(whole.view(np.uint8).reshape(len(whole), -1).T.tobytes())
    contents = plain.getvalue(), differing.getvalue()
    return {
        "rounded, xz -9e": min(len(baselines.xz(one)) for one in contents),
        "rounded, zstandard -19": min(len(container.pack(one)) for one in contents),
    }


def floats(values: np.ndarray) -> np.ndarray:
    """For programs that bound the error of floats alone."""
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def elsewhere(columns: list[tuple[np.ndarray, float]]) -> dict[str, int]:
    found = {}
    if find_spec("zfpy"):
        import zfpy

        size, good = 0, True
        for values, bound in columns:
            packed = zfpy.compress_numpy(np.ascontiguousarray(values), tolerance=bound)
            size += len(packed)
            good &= bool((abs(zfpy.decompress_numpy(packed) - values) <= bound).all())
        found["ZFP" + "!" * (not good)] = size
    if find_spec("pysz"):
        size, good = 0, True
        for values, bound in columns:
            best, right = min(sz3(np.ascontiguousarray(values), bound), key=lambda one: one[0])
            size, good = size + best, good and right
        found["SZ3" + "!" * (not good)] = size
    return found


def sz3(values: np.ndarray, bound: float) -> list[tuple[int, bool]]:
    """Bytes by each of its algorithms, and whether the bound held."""
    import pysz

    found = []
    for name in ("INTERP_LORENZO", "LORENZO_REG", "INTERP"):
        config = pysz.szConfig()
        config.errorBoundMode = pysz.szErrorBoundMode.ABS
        config.absErrorBound = bound
        config.cmprAlgo = getattr(pysz.szAlgorithm, name)
        packed, _ = pysz.sz.compress(values, config)
        back, _ = pysz.sz.decompress(packed, values.dtype, values.shape)
        found.append((len(packed), bool((abs(back - values) <= bound).all())))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="sets whose names hold one of these")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds of training each")
    parser.add_argument("--steps", type=int, help="of training each, at most")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    names = [n for n in SETS if not options.only or any(one in n for one in options.only)]
    for name in names:
        for share in SHARES:
            row = measured(name, share, options)
            if options.steps is None:
                whole = options.budget >= BUDGET
                keep("bounded", whole=whole, **{f"{name}, {share:g}": row})


if __name__ == "__main__":
    main()
