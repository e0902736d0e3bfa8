"""Every way of computing against every other: what one encodes, all decode, to the last symbol.

    python exactness.py              the quick form
    python exactness.py --long       all of it: some minutes

A way is what the processor may use (numpy's and BLAS's kernels) × threads × the library that
multiplies × rows at a time × precision; Python's own integers (tests/plain_reader.py) are one more.
Two ways are exact if the bytes that the first one writes give the second one the symbols that went
in. The control is the same network with weights that are no whole numbers, so that probabilities
come from floats; in the same matrix it must break, and between ways of one precision, too.

Prints how many pairs are exact, and as its last line the numbers as JSON. Exit code 1: a pair of
ours is not exact, or the control did not break.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[3]))

ROWS = 256
UNITS = {"grey": (96, 32)}  # wide enough that BLAS splits the products among threads
QUICK, ALL = ("grey", "table"), ("grey", "colour", "binary", "table")

KERNELS = {
    "default": {},
    "AVX-512": {
        "OPENBLAS_CORETYPE": "SkylakeX",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "ATEN_CPU_CAPABILITY": "avx512",
    },
    "AVX2": {
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
    },
    "AVX": {
        "OPENBLAS_CORETYPE": "Sandybridge",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
        "MKL_ENABLE_INSTRUCTIONS": "AVX",
        "ATEN_CPU_CAPABILITY": "default",
    },
    "SSE": {
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "ATEN_CPU_CAPABILITY": "default",
    },
}
NEEDS = {"AVX-512": "avx512f", "AVX2": "avx2", "AVX": "avx", "SSE": "sse4_2"}


class Way(NamedTuple):
    kernels: str
    threads: int
    library: str
    batch: int
    precision: str

    def __str__(self) -> str:
        return " ".join(map(str, self))


PYTHON = Way("none", 1, "none", 1, "Python's integers")
Contents = dict[str, bytes]  # by layout


def ways(kernels: str, threads: int, long: bool) -> list[Way]:
    """Those that one process can do."""
    libraries = ("OpenBLAS", "MKL", "loops") if long else ("OpenBLAS",)
    return [
        Way(kernels, threads, library, batch, precision)
        for library in libraries
        for batch in ((1, 7, 256) if long else (7, 256))
        for precision in ("float32", "float64")
    ]


def processes(long: bool) -> list[tuple[str, int]]:
    """Kernels and threads, as far as this processor has them."""
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text().split()) if info.exists() else set()
    names = [name for name in KERNELS if name not in NEEDS or NEEDS[name] in flags]
    if not long:
        names = [name for name in names if name in ("default", "SSE")]
    return [(name, threads) for name in names for threads in (1, 2)]


# one way


def made(way: Way, name: str, floats: bool) -> Any:
    """The model of a layout, as this way computes it."""
    import numpy as np

    from compressible import LAYOUTS, model

    dtype = np.dtype(way.precision).type
    coder = model(LAYOUTS[name], dtype=dtype, units=UNITS.get(name, (24, 16)))
    for plane, network in enumerate(coder.networks):
        if network is not None:
            coder.networks[plane] = turned(network, way, floats)
    return coder


def turned(network: Any, way: Way, floats: bool) -> Any:
    """A network that runs in pieces of so many rows, its products by another library."""
    import numpy as np

    if floats:
        for weights in ("_first", "_second", "_third", "_skip"):
            setattr(network, weights, getattr(network, weights) * network.dtype(1 + 1e-3 / 3))
    if way.library != "OpenBLAS":
        for weights in ("_first", "_second", "_third", "_skip"):
            setattr(network, weights, getattr(network, weights).view(_library(way.library)))
    run = in_floats if floats else type(network).run

    def in_pieces(
        rows: np.ndarray, at: int, cell: int, canvas: None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        starts = range(0, rows.shape[1], way.batch)
        said = [run(network, rows[:, i : i + way.batch], at, cell) for i in starts]
        outputs, means = zip(*said, strict=True)
        return np.concatenate(outputs, 1), None if means[0] is None else np.concatenate(means, 1)

    network.run = in_pieces
    return network


def in_floats(network: Any, rows: Any, at: int, cell: int) -> tuple[Any, Any]:
    """What `Network.run` does, with nothing rounded before the end: the control."""
    import numpy as np

    linear, hidden = network.inputs.gather(rows, at)
    one = np.ones((1, rows.shape[1]))
    bias = network._bias[network._kind[cell]]
    h = np.maximum(network._first @ hidden.astype(network.dtype) + bias, 0)
    h = np.maximum(network._second @ np.concatenate([h, one]).astype(network.dtype), 0)
    outputs = network._third @ np.concatenate([h, one]).astype(network.dtype)
    means = np.floor(network._skip @ linear.astype(network.dtype)) if len(network._skip) else None
    return np.floor(outputs), means


def _library(name: str) -> type:
    import numpy as np

    class Loops(np.ndarray):
        """Products by numpy's own loops."""

        def __matmul__(self, other: np.ndarray) -> np.ndarray:
            return np.einsum("ij,jk->ik", np.asarray(self), other, optimize=False)

    class Mkl(np.ndarray):
        """Products by torch."""

        def __matmul__(self, other: np.ndarray) -> np.ndarray:
            import torch

            ours, theirs = (np.ascontiguousarray(one) for one in (self, other))
            return (torch.from_numpy(ours) @ torch.from_numpy(theirs)).numpy()

    return {"loops": Loops, "MKL": Mkl}[name]


def encoded(way: Way, names: tuple[str, ...], floats: bool) -> Contents:
    from compressible import LAYOUTS, symbols

    found = {}
    for name in names:
        rows = symbols(LAYOUTS[name], ROWS)
        if way == PYTHON:
            found[name] = in_python(name).encode(as_cells(rows), ROWS)
        else:
            found[name] = made(way, name, floats).encode(rows, ROWS).content
    return found


def is_exact(way: Way, name: str, content: bytes, floats: bool) -> bool:
    """Whether these bytes give this way the symbols that went in."""
    import numpy as np

    from compressible import LAYOUTS, symbols
    from diabolo.uses.compress.coding.rans import DamagedStreamError

    rows = symbols(LAYOUTS[name], ROWS)
    if way == PYTHON:
        return in_python(name).decode(content, ROWS, ROWS) == as_cells(rows)
    try:
        return np.array_equal(made(way, name, floats).decode(content, ROWS, ROWS), rows)
    except DamagedStreamError:
        return False


def in_python(name: str) -> Any:
    import plain_reader
    from compressible import LAYOUTS, model
    from diabolo.uses.compress.coding.models import model_to_bytes

    coder = model(LAYOUTS[name], units=UNITS.get(name, (24, 16)))
    return plain_reader.Chunks(plain_reader.model_from(model_to_bytes(coder)))


def as_cells(rows: Any) -> list[dict[tuple[int, int, int], int]]:
    _, height, width, planes = rows.shape
    places = [(y, x, c) for y in range(height) for x in range(width) for c in range(planes)]
    return [dict(zip(places, row.reshape(-1).tolist(), strict=True)) for row in rows]


# one process: some ways


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Encode by each way, or decode what all ways encoded."""
    from threadpoolctl import threadpool_info, threadpool_limits

    names, floats = tuple(task["layouts"]), task["floats"]
    mine = [Way(*way) for way in task["ways"]]
    if any(way.library == "MKL" for way in mine):
        import torch

        torch.set_num_threads(mine[0].threads)
    with threadpool_limits(mine[0].threads):
        if "contents" not in task:
            found: Any = [
                {name: content.hex() for name, content in encoded(way, names, floats).items()}
                for way in mine
            ]
        else:
            found = [
                {
                    name: [is_exact(way, name, bytes.fromhex(one), floats) for one in contents]
                    for name, contents in task["contents"].items()
                }
                for way in mine
            ]
        kernels = sorted({str(one.get("architecture")) for one in threadpool_info()} - {"None"})
    return {"found": found, "kernels": kernels}


def handed_out(task: dict[str, Any], kernels: str) -> dict[str, Any]:
    """`work` in a process that was told what to use before it imported anything."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "task")
        file.write_text(json.dumps(task))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(HERE), "--task", str(file)],
            env=os.environ | KERNELS.get(kernels, {}),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{kernels}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


# the matrix


def matrix(long: bool, floats: bool) -> dict[str, Any]:
    """Counts of pairs, and what was really used."""
    names, groups = ALL if long else QUICK, [ways(k, t, long) for k, t in processes(long)]
    if not floats:
        groups.append([PYTHON])
    tasks = [{"ways": group, "layouts": names, "floats": floats} for group in groups]
    every = [way for group in groups for way in group]
    written: list[dict[str, str]] = []
    kernels: set[str] = set()
    for task, group in zip(tasks, groups, strict=True):
        done = handed_out(task, group[0].kernels)
        written += done["found"]
        kernels |= set(done["kernels"])
    different = {name: sorted({one[name] for one in written}) for name in names}
    read: list[dict[str, list[bool]]] = []
    for task, group in zip(tasks, groups, strict=True):
        read += handed_out({**task, "contents": different}, group[0].kernels)["found"]
    exact = [
        [all(got[n][different[n].index(wrote[n])] for n in names) for got in read]
        for wrote in written
    ]
    return {
        "ways": len(every),
        "pairs": len(every) ** 2,
        "exact": sum(map(sum, exact)),
        "broken in one precision": sum(
            a.precision == b.precision and not good
            for a, row in zip(every, exact, strict=True)
            for b, good in zip(every, row, strict=True)
        ),
        "different files": {name: len(contents) for name, contents in different.items()},
        "kernels": sorted(kernels),
    }


def lines(ours: dict[str, Any], control: dict[str, Any]) -> Iterator[str]:
    for name, found in (("whole numbers", ours), ("control, floats", control)):
        files = ", ".join(f"{n} {k}" for k, n in found["different files"].items())
        yield f"{name:16} {found['ways']:4} ways {found['exact']:6} of {found['pairs']} pairs exact"
        yield f"{'':16} different files: {files}"
    yield f"{'':16} kernels of the libraries: {', '.join(ours['kernels'])}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="all ways, all layouts")
    parser.add_argument("--task", type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.task:
        print(json.dumps(work(json.loads(wanted.task.read_text()))))
        return 0
    ours, control = (matrix(wanted.long, floats) for floats in (False, True))
    print("\n".join(lines(ours, control)))
    print(json.dumps({"ours": ours, "control": control}))
    good = ours["exact"] == ours["pairs"] and set(ours["different files"].values()) == {1}
    return int(not (good and control["broken in one precision"]))


if __name__ == "__main__":
    sys.exit(main())
