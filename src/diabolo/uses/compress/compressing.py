"""Compress a source into one file."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from diabolo import files as disk
from diabolo.uses.compress import container
from diabolo.uses.compress.baselines import others
from diabolo.uses.compress.choosing import Fitted, check_decoder, fitted
from diabolo.uses.compress.coding.chunks import Coded, Model
from diabolo.uses.compress.coding.models import load_model, model_hash, model_to_bytes
from diabolo.uses.compress.coding.streams import Stream
from diabolo.uses.compress.content import from_start
from diabolo.uses.compress.decompressing import verify
from diabolo.uses.compress.pool import in_processes, one_thread_each
from diabolo.uses.compress.result import Report, Result
from diabolo.uses.compress.sources.bounds import Bounds, Given
from diabolo.uses.compress.sources.files import take_apart
from diabolo.uses.compress.sources.material import Material, together

SECONDS = 180.0


def compress(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    embed: bool = False,
    max_error: Given = None,
    seconds: float = SECONDS,
    steps: int | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    report: Report | None = None,
    decoder: str | None = None,
    code: str | None = None,
    compare: bool = False,
) -> Result:
    """Write the files of `source` to one file at `path`, from which they come back exactly.

    model   : a file that `save_model` wrote; without one, models are trained on the source itself
              and embedded.
    embed   : put the given model into the file, so that it can be decompressed without it
    max_error : how far numbers may be from what they were: 1e-3 (absolute), "0.1%" (relative), or
              a bound for each column by its name, "*" for all others; columns of arrays are named
              by their number. What comes back then is `source` with its numbers rounded, and every
              one of them was compared.
    seconds : of training at most, in all
    steps   : of training at most, for each stream
    report  : told what is going on
    decoder : what symbols are predicted from: "context", "both", "code" (`choosing`); "smallest":
              the one with which a short training of each comes to the fewest bytes; None: context,
              or the smallest where the data are large
    code    : "quantised", "bits-back", "hierarchical" (`coding.codes`); None: as `choosing` has it
    compare : whether to pack the files by other programs, too (`baselines`)

    The file is never larger than what zstandard at level 19 makes of the same files, by more than
    200 bytes and their names: where the models do not gain, it holds just that.
    raises OSError, ValueError with one sentence. What was at `path` is replaced only by a whole
    file.
    """
    disk.check_writable(path)
    check_decoder(decoder, code)
    report = report or (lambda *_: None)
    bounds = Bounds.of(max_error)
    folder = Path(path).absolute().parent
    material = take_apart(source, bounds, folder)
    result = Result(original=material.raw, notes=material.notes)
    result.errors = bounds.found if bounds else []
    given = None if model is None else load_model(model)
    report("zstandard", 0, 1, 0)

    def fit(stream: Stream, share: float) -> Fitted:
        """A model for a stream that holds this share of all symbols."""
        return fitted(
            stream,
            result.zstandard * share,
            seconds=seconds * share,
            steps=steps,
            seed=seed,
            n_threads=n_threads,
            report=partial(report, "training"),
            decoder=decoder,
            code=code,
        )

    with (
        tempfile.TemporaryFile(dir=folder) as plain,
        tempfile.TemporaryFile(dir=folder) as room,
        one_thread_each(),
    ):
        plain.writelines(container.packed(material.whole))
        result.zstandard = plain.tell()
        gains = material.streams and _coded(
            room, material, result, given, embed, fit, n_threads, report
        )
        if not gains:
            room.seek(0)
            room.truncate()
            _kept(room, material, plain, result)
        container.write(path, from_start(room))
    verify(path, given, None, n_threads, report)
    if compare:
        result.others = others(material, result.zstandard)
    return result


def _coded(
    room: IO[bytes],
    material: Material,
    result: Result,
    given: Model | None,
    embed: bool,
    fit: Callable[[Stream, float], Fitted],
    n_threads: int | None,
    report: Report,
) -> bool:
    """Write the file as the models code it; whether that is smaller than zstandard's."""
    writer = container.Writer()
    room.write(container.HEAD)
    room.writelines(writer.keep(material.kept))
    described = []
    total = sum(stream.symbols for stream in material.streams) or 1
    for number, stream in enumerate(material.streams):
        share, before, rounding = stream.symbols / total, result.ideal, None
        fits = given is not None and given.layout.fits(stream.layout)
        if fits:
            assert given is not None
            model = given
        else:
            if given is not None:
                result.notes.append(
                    f"the model was made for other data than stream {number}: trained a new one"
                )
            model, trained, notes = fit(stream, share)
            rounding = trained.rounding
            result.notes += notes
            result.training += trained.seconds
            result.steps += trained.steps
        entry: dict[str, Any] = {}
        entry["hash"] = model_hash(model)
        if not fits or embed:
            packed = model_to_bytes(model)
            room.write(writer.section(packed))
            entry["model"] = len(writer.sections) - 1
            result.model += len(packed)
        result.models.append(model)
        chunks = []
        began = time.monotonic()
        for coded, rows in _encoded(stream, model, n_threads, report):
            room.write(writer.section(coded.content))
            result.coded += len(coded.content)
            result.ideal += coded.bits
            chunks.append([len(writer.sections) - 1, coded.lanes, rows])
            if room.tell() > result.zstandard:
                return False
        result.coding += time.monotonic() - began
        if rounding is not None:
            result.unrounded += (result.ideal - before) / (1 + rounding)
        described.append({**entry, "chunks": chunks})
        result.values += stream.symbols
    document = {"files": material.files, "streams": described, "kept": writer.kept}
    room.write(writer.directory(document))
    result.size = room.tell()
    names = sum(len(name) for name, _ in material.original)
    return result.size <= result.zstandard + 100 + names


def _kept(room: IO[bytes], material: Material, plain: IO[bytes], result: Result) -> None:
    """Write the file as zstandard packs it."""
    lists = Material()
    entry = together(lists.keep, material.original)
    writer = container.Writer()
    room.write(container.HEAD)
    room.writelines(writer.packed(from_start(plain)))  # the first kept one: all files together
    room.writelines(writer.keep(lists.kept[1:]))
    room.write(writer.directory({"files": [entry], "streams": [], "kept": writer.kept}))
    result.size = room.tell()
    result.original = entry["size"]
    result.fallback, result.values, result.model, result.models = True, 0, 0, []


def _encoded(
    stream: Stream, model: Model, n_threads: int | None, report: Report
) -> Iterator[tuple[Coded, int]]:
    """Each chunk, and its rows, in order."""
    chunks = stream.chunks()
    rows = ((stream.read(*chunk), None, stream.sizes(*chunk)) for chunk in chunks)
    coded = in_processes(model.encode, rows, n_threads, len(chunks), stream.symbols)
    for done, (one, (first, last)) in enumerate(zip(coded, chunks, strict=True), 1):
        report("coding", done, len(chunks), 0)
        yield one, last - first
