"""`diabolo compress`: files → one smaller file, from which they come back exactly."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Force, Json, output
from diabolo.cli.targets import check_target
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    from diabolo.uses.compress.photographs.compressing import Lossy
    from diabolo.uses.compress.result import Result
    from diabolo.uses.compress.sources.bounds import Found

MOST_SHOWN = 16  # columns
UNITS = {"s": 1, "m": 60, "h": 3600}


def compress(
    source: Annotated[
        str,
        Parameter(
            help="A .npy, idx, .csv, .parquet or other file, or a folder of images and others."
        ),
    ],
    /,
    *,
    output: Annotated[Path, output("File to write, such as images.dbo.")],
    lossy: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, help="Photographs with loss, a third less than JPEG."
        ),
    ] = False,
    quality: Annotated[
        float | None,
        Parameter(help="Of photographs with --lossy, 0 … 1; 0.5 by default.", show_default=False),
    ] = None,
    model: Annotated[
        Path | None,
        Parameter(help="A model that --keep-model wrote, instead of training. The file needs it."),
    ] = None,
    embed: Annotated[
        bool, Parameter(negative="", show_default=False, help="Put that model into the file.")
    ] = False,
    max_error: Annotated[
        list[str] | None,
        Parameter(
            help="Round numbers by at most this: 0.001, or 0.1% of each; NAME=0.01 for one column "
            "(of an array, its number from 0); may be given again. All values are compared.",
            consume_multiple=False,
            negative="",
        ),
    ] = None,
    keep_model: Annotated[
        Path | None, Parameter(help="Write the trained model to a file of its own, too.")
    ] = None,
    budget: Annotated[str, Parameter(help="Longest training, such as 90s, 3m or 1h.")] = "3m",
    steps: Annotated[
        int | None, Parameter(help="Training steps at most: the same file every time.")
    ] = None,
    threads: Annotated[int | None, Parameter(help="Threads; all by default.")] = None,
    seed: Annotated[int, Parameter(help="Of the training.")] = 0,
    decoder: Annotated[
        Literal["context", "both", "code", "smallest"] | None,
        Parameter(
            help="What values are predicted from: those before them, a code of their row, or both. "
            "smallest: whichever is after a short training; the default for large data."
        ),
    ] = None,
    code: Annotated[
        Literal["quantised", "bits-back", "hierarchical"] | None,
        Parameter(
            help="How a row's code is stored. By default quantised beside context, else bits-back; "
            "hierarchical is bits-back in two layers."
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Make files smaller without losing a bit, by no more than you allow, or photographs with loss.

    A small network learns to predict the data and is put into the file. Decompressing gives the
    same bytes on every machine; of PNG the same pixels and metadata. The file is decoded and
    compared before this returns. Where a model does not gain, the file holds what zstandard
    makes of the data.

    With --lossy, photographs are coded by a model that comes with diabolo and come back as PNG
    that look alike; other files are kept.
    """
    seconds = duration(budget)
    check_target(output, force)
    if keep_model is not None:
        check_target(keep_model, force)
    if model is not None and (decoder or code):
        raise UsageError("--decoder and --code are for training: leave them out with --model.")
    if embed and model is None and not lossy:
        raise UsageError("--embed puts the given model into the file: pass --model, too.")
    if quality is not None and not lossy:
        raise UsageError("--quality is that of photographs with loss: pass --lossy, too.")
    if lossy:
        if keep_model is not None:
            raise UsageError("--keep-model keeps what was trained; --lossy trains nothing.")
        if decoder or code:
            raise UsageError(
                "--decoder and --code are of what loses nothing: drop --lossy, or them."
            )
        if max_error:
            raise UsageError("--max-error bounds numbers and --lossy is for photographs: drop one.")
        return _lossy(source, output, quality, model, embed, threads, json)
    from diabolo.uses.compress.coding.models import save_model
    from diabolo.uses.compress.compressing import compress as packed
    from diabolo.uses.compress.sources.bounds import merged

    bounds = merged(max_error) if max_error else None

    began = time.monotonic()
    with progress() as report:
        result = packed(
            source,
            output,
            model=model,
            embed=embed,
            max_error=bounds,
            seconds=seconds,
            steps=steps,
            seed=seed,
            n_threads=threads,
            report=report,
            decoder=decoder,
            code=code,
            compare=True,
        )
    if keep_model is not None and result.models:
        save_model(keep_model, result.models[0])
    print(_report(output, result, time.monotonic() - began, json))


def _lossy(
    source: str,
    path: Path,
    quality: float | None,
    model: Path | None,
    embed: bool,
    threads: int | None,
    json: bool,
) -> None:
    from diabolo.uses.compress.photographs.compressing import QUALITY, compress_photographs

    began = time.monotonic()
    with progress() as report:
        result = compress_photographs(
            source,
            path,
            quality=QUALITY if quality is None else quality,
            model=model,
            embed=embed,
            n_threads=threads,
            report=report,
        )
    print(_photographs(path, result, time.monotonic() - began, json))


def duration(given: str) -> float:
    """
    >>> duration("90s"), duration("3m"), duration("45")
    (90.0, 180.0, 45.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", given)
    if not found:
        raise UsageError(f"--budget {given} is no time: write it like 90s, 3m or 1h.")
    return float(found[1]) * UNITS[found[2] or "s"]


class progress:
    """One line on standard error that says how far it is, where someone watches."""

    def __enter__(self) -> Callable[[str, float, float, float], None]:
        self.shown = 0
        return self.tell if sys.stderr.isatty() else lambda *_: None

    def tell(self, stage: str, done: float, of: float, bits: float) -> None:
        line = f"{stage}: {done:.0f} of {of:.0f}"
        if stage == "training":
            line = f"training: {done:.0f} of about {of:.0f} s, {bits:.3f} bits a cell"
        print(f"\r{line:<60}", end="", file=sys.stderr, flush=True)
        self.shown = 60

    def __exit__(self, *_: object) -> None:
        if getattr(self, "shown", 0):
            print("\r" + " " * self.shown + "\r", end="", file=sys.stderr, flush=True)


def _report(path: Path, result: Result, seconds: float, json: bool) -> str:
    if json:
        return text.as_json(
            {
                "file": str(path),
                "bytes": result.size,
                "original": result.original,
                "values": result.values,
                "bits_per_value": 8 * result.size / result.values if result.values else None,
                "model_bytes": result.model,
                "coded_bytes": result.coded,
                "ideal_bytes": result.ideal / 8,
                "over_ideal": result.over_ideal,
                "rounding_cost": result.rounding_cost,
                "fallback": result.fallback,
                "others": result.others,
                "training_seconds": round(result.training, 3),
                "training_steps": result.steps,
                "seconds": round(seconds, 3),
                "errors": {
                    found.column: {"bound": str(found.bound), "largest": found.largest}
                    for found in result.errors
                },
                "notes": result.notes,
            }
        )
    lines = [
        f"{path}: {text.size(result.size)} from {text.size(result.original)}, "
        f"{result.original / max(1, result.size):.2f} times smaller, in {seconds:.0f} s"
    ]
    if result.fallback:
        what = "it, rounded" if result.errors else "it"
        lines.append(f"  no model gains here: the file holds what zstandard makes of {what}")
    else:
        lines.append(
            f"  {8 * result.size / max(1, result.values):.4f} bits a value, all bytes counted "
            f"({text.size(result.model)} of them are the model)"
        )
        lines += _conversion(result)
    lines += _errors(result.errors)
    lines += [f"  {note}" for note in result.notes]
    table = [(name, f"{size:>14,} bytes") for name, size in result.others.items()]
    table.insert(0, ("this file", f"{result.size:>14,} bytes"))
    lines.append(text.pairs(table))
    return "\n".join(lines)


def _conversion(result: Result) -> list[str]:
    """What it costs in bits that a network became whole numbers, and these a code."""
    if result.over_ideal is None:
        return []
    line = f"  {result.over_ideal:.2%} over what the model's probabilities say"
    if result.rounding_cost is not None:
        line += f"; whole numbers instead of floats: {result.rounding_cost:+.2%}"
    return [line]


def _errors(errors: Sequence[Found]) -> list[str]:
    """The largest error of each column beside its bound; of many columns, the worst one."""
    if not errors:
        return []
    if len(errors) > MOST_SHOWN:
        worst = max(errors, key=lambda found: found.largest / found.bound.size)
        return [
            f"  {len(errors)} columns rounded, every value compared; the largest error is "
            f"{amount(worst)} in column {worst.column} (bound {worst.bound})"
        ]
    rows = [("column", "largest error", "bound")]
    rows += [(found.column, amount(found), str(found.bound)) for found in errors]
    return ["  rounded, every value compared:", text.columns(rows)]


def amount(found: Found) -> str:
    """An error as its bound is written, rounded up."""
    scale, unit = (100, "%") if found.bound.relative else (1, "")
    digits = 3 - math.floor(math.log10(found.largest * scale)) if found.largest else 0
    shown = math.ceil(found.largest * scale * 10.0**digits) / 10.0**digits
    return f"{shown:.4g}{unit}"


def _photographs(path: Path, result: Lossy, seconds: float, json: bool) -> str:
    if json:
        return text.as_json(
            {
                "file": str(path),
                "bytes": result.size,
                "original": result.original,
                "bits_per_pixel": result.bits,
                "psnr": result.psnr,
                "model_bytes": result.model,
                "kept": result.kept,
                "photographs": [one._asdict() for one in result.photographs],
                "seconds": round(seconds, 3),
                "notes": result.notes,
            }
        )
    lines = [
        f"{path}: {text.size(result.size)} from {text.size(result.original)}, "
        f"{result.original / max(1, result.size):.1f} times smaller, in {seconds:.0f} s"
    ]
    if result.photographs:
        lines.append(
            f"  {text.many(len(result.photographs), 'photograph')} with loss: "
            f"{result.bits:.3f} bits a pixel, PSNR {result.psnr:.1f} dB; they come back as PNG"
        )
    if result.kept:
        lines.append(f"  {text.many(result.kept, 'file')} kept byte for byte")
    return "\n".join([*lines, *(f"  {note}" for note in result.notes)])
