"""Every way of computing against every other: what one encodes, all decode, to the last symbol.

    python exactness.py              the quick form
    python exactness.py --long       all of it: half an hour

A way is what the processor may use (numpy's and BLAS's kernels) × threads × the library that
multiplies × rows at a time × precision; Python's own integers (tests/plain_reader.py) are one more.
Two ways are exact if the bytes that the first one writes give the second one the symbols that went
in. The control is the same model with weights that are no whole numbers, in networks and codes, so
that probabilities come from floats; in the same matrix it must break, with codes and without, and
between ways of one precision, too. Nearly every way of the control writes another file, which all
ways must read: so it keeps to OpenBLAS, 7 and 256 rows at a time and three layouts, in the long
form, too, which has all kernels.

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
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[3]))

ROWS, CONTROL = 256, 512  # a control breaks by chance: the more symbols, the surer
# wide enough that BLAS splits the products among threads
UNITS = dict.fromkeys(("grey", "grey, by bits back", "grey, in two layers"), (96, 32))
UNITS_OF_CODE = 96
QUICK = ("table", "table, quantised", "grey, in two layers")
ALL = (
    *("grey", "colour", "binary", "table", "atoms"),
    *("grey, quantised", "table, quantised"),  # beside the context
    *("colour, bits back", "table, bits back"),
    *("binary, by a quantised code", "grey, by bits back"),  # instead of it
    *("grey, in two layers", "colour, in three layers"),
)

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


def layout_of(name: str) -> Any:
    """With so many hidden units in a code that BLAS splits their products, too."""
    from compressible import LAYOUTS, TABLE
    from diabolo.uses.compress.coding.codes import Quantised

    quantised = {"table, quantised": TABLE.with_code(Quantised(5, 12, 3, lines=4, columns=1))}
    layout = (LAYOUTS | quantised)[name]
    if layout.code is None:
        return layout
    return layout.with_code(replace(layout.code, units=UNITS_OF_CODE))


def coder_of(name: str, precision: str = "float32") -> Any:
    import numpy as np

    from compressible import model

    return model(layout_of(name), dtype=np.dtype(precision).type, units=UNITS.get(name, (24, 16)))


def rows_of(name: str, floats: bool) -> Any:
    from compressible import symbols

    return symbols(layout_of(name), CONTROL if floats else ROWS)


def lanes_of(name: str, rows: int) -> int:
    """With a code, several rows follow in each lane, so that bits-back draws."""
    return rows * 2 // 5 if layout_of(name).code else rows


def made(way: Way, name: str, floats: bool) -> Any:
    """The model of a layout, as this way computes it."""
    coder = coder_of(name, way.precision)
    if coder.latents is not None:
        turned_latents(coder.latents, way, floats)
    for network in coder.networks:
        if network is not None:
            turned(network, way, floats)
    return coder


OFF = 1 + 1e-3 / 3  # a weight times this is no whole number


def turned(network: Any, way: Way, floats: bool) -> None:
    """Make a network run in pieces of so many rows, its products by another library."""
    import numpy as np

    for weights in ("_first", "_second", "_third", "_skip"):
        matrix = getattr(network, weights) * network.dtype(OFF if floats else 1)
        setattr(network, weights, by_library(matrix, way.library))
    run = in_floats if floats else type(network).run

    def in_pieces(
        rows: np.ndarray, at: int, cell: int, canvas: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        said = []
        for i in range(0, rows.shape[1], way.batch):
            some = slice(i, i + way.batch)
            beside = None if canvas is None else canvas[..., some]
            said.append(run(network, rows[:, some], at, cell, beside))
        outputs, means = zip(*said, strict=True)
        return np.concatenate(outputs, 1), None if means[0] is None else np.concatenate(means, 1)

    network.run = in_pieces


def turned_latents(latents: Any, way: Way, floats: bool) -> None:
    """Likewise the encoder and the decoder of rows' codes."""
    import numpy as np

    for weights in ("_look", "_say", "_unfold", "_paint"):
        matrix, bias = getattr(latents, weights)
        matrix = matrix * latents.dtype(OFF if floats else 1)
        setattr(latents, weights, (by_library(matrix, way.library), bias))
    for layer in latents.above:
        turned_layer(layer, way, floats)
    for owner, tables in ((latents, ("_down", "_across")), (latents._pool, ("down", "across"))):
        for table in tables:
            setattr(owner, table, by_library(getattr(owner, table), way.library))
    said = said_in_floats if floats else type(latents).said
    canvas = canvas_in_floats if floats else type(latents).canvas
    latents.said = lambda rows: np.concatenate(
        [said(latents, rows[i : i + way.batch]) for i in range(0, len(rows), way.batch)], 1
    )
    latents.canvas = lambda codes: np.concatenate(
        [canvas(latents, codes[:, i : i + way.batch]) for i in range(0, codes.shape[1], way.batch)],
        2,
    )


def turned_layer(layer: Any, way: Way, floats: bool) -> None:
    """Likewise a layer above a code."""
    import numpy as np

    for weights in ("_rise", "_tell", "_fall", "_lead"):
        matrix, bias = getattr(layer, weights)
        matrix = matrix * layer.dtype(OFF if floats else 1)
        setattr(layer, weights, (by_library(matrix, way.library), bias))
    through = through_in_floats if floats else type(layer)._through

    def in_pieces(one: Any, two: Any, codes: np.ndarray) -> np.ndarray:
        pieces = range(0, codes.shape[1], way.batch)
        return np.concatenate(
            [through(layer, one, two, codes[:, i : i + way.batch]) for i in pieces], 1
        )

    layer._through = in_pieces


# the controls


def in_floats(network: Any, rows: Any, at: int, cell: int, canvas: Any) -> tuple[Any, Any]:
    """What `Network.run` does, with nothing rounded before the end: the control."""
    import numpy as np

    linear, hidden = network.inputs.gather(rows, at)
    if canvas is not None:
        hidden = np.concatenate([hidden, canvas[cell]])
    one = np.ones((1, rows.shape[1]))
    bias = network._bias[network._kind[cell]]
    h = np.maximum(network._first @ hidden.astype(network.dtype) + bias, 0)
    h = np.maximum(network._second @ np.concatenate([h, one]).astype(network.dtype), 0)
    outputs = network._third @ np.concatenate([h, one]).astype(network.dtype)
    means = np.floor(network._skip @ linear.astype(network.dtype)) if len(network._skip) else None
    return np.floor(outputs), means


def said_in_floats(latents: Any, rows: Any) -> Any:
    """What `Latents.said` does, likewise."""
    import numpy as np

    (look, look_bias), (say, say_bias) = latents._look, latents._say
    h = np.maximum(look @ latents._pool(rows).astype(latents.dtype) + look_bias, 0)
    return np.floor(say @ h + say_bias)


def canvas_in_floats(latents: Any, codes: Any) -> Any:
    """What `Latents.canvas` does, likewise."""
    import numpy as np

    (unfold, unfold_bias), (paint, paint_bias) = latents._unfold, latents._paint
    code, height = latents.code, latents.layout.height
    h = np.maximum(unfold @ code.values[codes].astype(latents.dtype) + unfold_bias, 0)
    f = np.clip(paint @ h + paint_bias, -255, 255)
    lines = (latents._down @ f.reshape(code.lines, -1)).reshape(height, code.columns, -1)
    return (latents._across @ lines).reshape(latents.layout.cells, code.features, -1)


def through_in_floats(layer: Any, one: Any, two: Any, codes: Any) -> Any:
    """What `Layer._through` does, likewise."""
    import numpy as np

    from diabolo.uses.compress.coding.codes import BitsBack

    h = np.maximum(one[0] @ BitsBack.values[codes].astype(layer.dtype) + one[1], 0)
    return np.floor(two[0] @ h + two[1])


# libraries


def by_library(matrix: Any, name: str) -> Any:
    """The matrix, whose products with others are then made by that library."""
    return matrix if name == "OpenBLAS" else matrix.view(_library(name))


@cache
def _library(name: str) -> type:
    import numpy as np

    class Loops(np.ndarray):
        """Products by numpy's own loops."""

        def __matmul__(self, other: np.ndarray) -> np.ndarray:
            return np.einsum("ij,...jk->...ik", np.asarray(self), other, optimize=False)

    class Mkl(np.ndarray):
        """Products by torch."""

        def __matmul__(self, other: np.ndarray) -> np.ndarray:
            import torch

            ours, theirs = (np.ascontiguousarray(one) for one in (self, other))
            return (torch.from_numpy(ours) @ torch.from_numpy(theirs)).numpy()

    return {"loops": Loops, "MKL": Mkl}[name]


# files


def encoded(way: Way, names: tuple[str, ...], floats: bool) -> Contents:
    found = {}
    for name in names:
        rows = rows_of(name, floats)
        lanes = lanes_of(name, len(rows))
        if way == PYTHON:
            found[name] = in_python(name).encode(as_cells(rows), lanes)
        else:
            found[name] = made(way, name, floats).encode(rows, lanes).content
    return found


def is_exact(way: Way, name: str, content: bytes, floats: bool) -> bool:
    """Whether these bytes give this way the symbols that went in."""
    import numpy as np

    from diabolo.uses.compress.coding.rans import DamagedStreamError

    rows = rows_of(name, floats)
    lanes = lanes_of(name, len(rows))
    if way == PYTHON:
        return in_python(name).decode(content, len(rows), lanes) == as_cells(rows)
    try:
        found = made(way, name, floats).decode(content, len(rows), lanes)
    except DamagedStreamError:
        return False
    return np.array_equal(found, rows)


def in_python(name: str) -> Any:
    import plain_reader
    from diabolo.uses.compress.coding import weights
    from diabolo.uses.compress.coding.models import model_to_bytes

    coder = coder_of(name)
    encoder = weights.encode(coder.looking) if coder.looking else b""
    return plain_reader.Chunks(plain_reader.model_from(model_to_bytes(coder), encoder))


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
    whole = long and not floats
    names, groups = ALL if whole else QUICK, [ways(k, t, whole) for k, t in processes(long)]
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
    exact = {
        name: [[got[name][different[name].index(wrote[name])] for got in read] for wrote in written]
        for name in names
    }
    return {
        "ways": len(every),
        "layouts": len(names),
        "pairs": len(every) ** 2,
        "exact": sum(
            all(exact[name][a][b] for name in names)
            for a in range(len(every))
            for b in range(len(every))
        ),
        "broken in one precision": {
            name: sum(
                a.precision == b.precision and not good
                for a, row in zip(every, pairs, strict=True)
                for b, good in zip(every, row, strict=True)
            )
            for name, pairs in exact.items()
        },
        "different files": {name: len(contents) for name, contents in different.items()},
        "kernels": sorted(kernels),
    }


def lines(ours: dict[str, Any], control: dict[str, Any]) -> Iterator[str]:
    for name, found in (("whole numbers", ours), ("control, floats", control)):
        files = ", ".join(f"{n} {k}" for k, n in found["different files"].items())
        yield f"{name:16} {found['ways']:4} ways {found['exact']:6} of {found['pairs']} pairs exact"
        yield f"{'':16} different files: {files}"
        broken = ", ".join(f"{n} {k}" for k, n in found["broken in one precision"].items() if n)
        yield f"{'':16} pairs of one precision that are not: {broken or 'none'}"
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
    return int(not (good and breaks(control)))


def breaks(control: dict[str, Any]) -> bool:
    """Whether both kinds of layouts broke: those with codes, and those without."""
    broken = {name for name, pairs in control["broken in one precision"].items() if pairs}
    with_code = {name for name in broken if layout_of(name).code}
    return bool(with_code) and bool(broken - with_code)


if __name__ == "__main__":
    sys.exit(main())
