"""A coverage-guided fuzzer for everything that reads a file of ours (atheris, libFuzzer).

    python tests/faults/fuzzer.py dbo --seconds 60        dbo | sealed | model
    python tests/faults/fuzzer.py dbo --broken hash       a control: one check less must be found

Mutations repair hashes and lengths (tests/forging.py), so that the parser behind them is reached,
and the project's own functions are instrumented, so that what reaches further is kept. Whatever
the bytes, a reader ends in one of two ways: it gives back what the file says of itself, judged by
code of this file's own; or it raises DamagedFileError with one sentence. It may take SECONDS, and
ROOM beyond four times the file.

Prints how many inputs ran, how they ended, and how far coverage and corpus grew. Exit code 1:
something was found, and the bytes that did it lie in the folder of --keep.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import mmap
import os
import random
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1]))

import forging  # noqa: E402

SECONDS = 5.0
ROOM = 64 * 2**20  # bytes
LIMIT = 2**20  # bytes that a file may unpack to
LONGEST = 2**16  # bytes of an input
COUNTS = struct.Struct("<QQQd")  # inputs, refused, read, longest in seconds


class Target(NamedTuple):
    """What is fuzzed.

    seeds  : files to begin with, by name
    read   : a file; raises whatever it raises, AssertionError where the answer is wrong
    change : of a file's bytes
    broken : checks that can be taken out, each by a function
    """

    seeds: Callable[[Path], None]
    read: Callable[[Path], None]
    change: Callable[[bytes, random.Random, forging.Mutate], bytes]
    broken: dict[str, Callable[[], None]]


# compressed files


def dbo_seeds(folder: Path) -> None:
    """Images, tables, texts with models of their own, small ones; and files that are kept."""
    import numpy as np
    from PIL import Image

    from compressible import always_by_models
    from diabolo.uses.compress.compressing import compress

    random = np.random.default_rng(0)
    walks = random.integers(-9, 10, (6, 5, 6)).cumsum(1).cumsum(2)
    table = random.integers(-3, 4, (40, 2)).cumsum(0).astype(np.int32)
    with tempfile.TemporaryDirectory() as place, always_by_models():
        sources = Path(place)
        np.save(sources / "grey.npy", np.clip(walks + 128, 0, 255).astype(np.uint8))
        np.save(sources / "binary.npy", walks > 0)
        np.save(sources / "table.npy", table)
        np.save(sources / "floats.npy", table[:, 0] / 4)
        lines = [f"{a},{b / 4:.2f},{'xyz'[a % 3]},2020-01-{i % 28 + 1:02}"
                 for i, (a, b) in enumerate(table.tolist())]  # fmt: skip
        (sources / "text.csv").write_text("a,b,c,d\n" + "\n".join(lines) + "\n")
        (sources / "kept.bin").write_bytes(random.bytes(60))
        images = sources / "folder"
        images.mkdir()
        for number, pixels in enumerate(np.clip(walks[:3] + 128, 0, 255).astype(np.uint8)):
            Image.fromarray(pixels).save(images / f"{number}.png")
        (images / "note.txt").write_text("nothing")
        (images / "empty.txt").write_text("")
        for source in sorted(sources.iterdir()):
            compress(source, folder / f"{source.name}.dbo", steps=2, n_threads=1)


def read_dbo(path: Path) -> None:
    from diabolo.uses.compress import container
    from diabolo.uses.compress.decompressing import Contents

    with container.opened(path) as reader:
        contents = Contents(reader, None, LIMIT, n_threads=1)
        found = {name: b"".join(pieces) for name, pieces in contents.all()}
        entries = [entry for entry, _ in contents.groups]
    for name in found:
        assert safe(name), f"the unsafe name {name!r:.80} was given out"
    if len(entries) == 1 and entries[0]["kind"] != "images":
        content = b"".join(found.values())
        assert len(content) == entries[0]["size"] <= LIMIT, "another size than the directory says"
        hashed = base64.b64encode(hashlib.sha256(content).digest()[:16])[:22].decode()
        assert hashed == entries[0]["hash"], "contents of another hash were given out"


def safe(name: Any) -> bool:
    return isinstance(name, str) and not name.startswith("/") and ".." not in name.split("/")


class Equal:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


def without_hashes_of_contents() -> None:
    from diabolo.uses.compress import decompressing

    decompressing.shown = lambda hashed: Equal()


def without_checks_of_names() -> None:
    from diabolo.uses.compress import decompressing

    decompressing.check_names = lambda names: None


# sealed files, and the models in them


def sealed_seeds(folder: Path) -> None:
    import numpy as np

    from diabolo.files import write_sealed

    tensors = {
        "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "alive": np.array([True, False]),
        "seen": np.array(60_000),
        "none": np.zeros((0, 4)),
    }
    header = {"a": {"b": [1, 0.5, None, "höhe", True]}, "deep": [[[[1]]]]}
    write_sealed(folder / "all", tensors, header)
    write_sealed(folder / "small", {"w": np.zeros(2, np.uint8)}, {"a": 1})
    write_sealed(folder / "empty", {}, {})


def read_sealed(path: Path) -> None:
    from diabolo import files

    tensors, header = files.read_sealed(path)
    again = b"".join(bytes(piece) for piece in files.seal(tensors, header))
    assert again == path.read_bytes(), "it was read, but is not what would be written"


def without_checks_of_lengths() -> None:
    """A shape is any list."""
    from diabolo.files import sealed

    entry = sealed._entry

    def unchecked(name: str, fields: Any) -> sealed._Entry:
        if not isinstance(fields, dict) or not isinstance(fields.get("shape"), list):
            return entry(name, fields)
        return entry(name, {**fields, "shape": []})._replace(shape=tuple(fields["shape"]))

    sealed._entry = unchecked


def model_seeds(folder: Path) -> None:
    import numpy as np

    import diabolo

    rows = np.random.default_rng(0).random((30, 4))
    quick = {"n_components": 2, "max_epochs": 1, "random_state": 0, "n_threads": 1}
    dense = {**quick, "hidden_layer_sizes": (3,)}
    made = {
        "plain": diabolo.Autoencoder(**dense),
        "sparse": diabolo.SparseAutoencoder(**dense),
        "denoising": diabolo.DenoisingAutoencoder(**dense),
        "variational": diabolo.VariationalAutoencoder(**dense),
        "quantised": diabolo.VQVAE(**dense),
    }
    for name, model in made.items():
        model.fit(rows).save(folder / name)
    pictures = np.random.default_rng(1).integers(0, 256, (20, 4, 4), dtype=np.uint8)
    diabolo.ConvolutionalAutoencoder(**quick, channels=(2,)).fit(pictures).save(folder / "images")


def read_model(path: Path) -> None:
    import diabolo

    diabolo.load(path)


def without_sentences() -> None:
    from contextlib import nullcontext

    from diabolo.models import trained

    trained.damaged_if_wrong = nullcontext


TARGETS = {
    "dbo": Target(
        dbo_seeds, read_dbo, forging.changed_dbo,
        {"hash": without_hashes_of_contents, "names": without_checks_of_names},
    ),
    "sealed": Target(
        sealed_seeds, read_sealed, forging.changed_sealed, {"lengths": without_checks_of_lengths}
    ),
    "model": Target(
        model_seeds, read_model, forging.changed_sealed, {"sentences": without_sentences}
    ),
}  # fmt: skip


# the child: libFuzzer's loop


def loop(name: str, corpus: Path, counts: Path, broken: str | None, options: list[str]) -> None:
    """Never returns; libFuzzer ends the process."""
    import atheris

    target = TARGETS[name]
    with atheris.instrument_imports(include=["diabolo"]):
        from diabolo.files import DamagedFileError

        paths = sorted(corpus.iterdir())
        for seed in paths:
            target.read(seed)  # what is only imported when it is needed is instrumented, too
    whole = [seed.read_bytes() for seed in paths]

    if broken:
        target.broken[broken]()
    shared = open_counts(counts)
    done = [0, 0, 0, 0.0]
    path = Path(tempfile.mkstemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)[1])

    def one(content: bytes) -> None:
        path.write_bytes(content)
        peak, began = high_water(), time.process_time()
        try:
            target.read(path)
            done[2] += 1
        except DamagedFileError as error:
            check_sentence(str(error), str(path))
            done[1] += 1
        took = time.process_time() - began
        done[0] += 1
        done[3] = max(done[3], took)
        COUNTS.pack_into(shared, 0, *done)
        grown = high_water() - peak
        assert took < SECONDS, f"{took:.1f} s for {len(content)} bytes"
        assert grown < ROOM + 4 * len(content), f"{grown / 2**20:.0f} MiB for {len(content)} bytes"

    def change(content: bytes, most: int, seed: int) -> bytes:
        dice = random.Random(seed)
        # most of the corpus is damaged in one way already, and would be refused for that first
        changed = dice.choice(whole) if dice.random() < 0.5 else content
        for _ in range(dice.choice((1, 1, 2, 4))):
            changed = target.change(changed, dice, lambda piece: atheris.Mutate(piece, most))
        return changed if len(changed) <= most else content

    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=change)
    atheris.Fuzz()


def check_sentence(sentence: str, path: str) -> None:
    assert path in sentence, f"the file is not named: {sentence}"
    assert "\n" not in sentence, f"more than one line: {sentence!r}"
    assert len(sentence) < 400 + len(path), f"{len(sentence)} characters: {sentence:.200}"


def high_water() -> int:
    """The most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def open_counts(path: Path) -> mmap.mmap:
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), COUNTS.size)


# the parent: seeds, what libFuzzer said, what it comes to


def fuzz(
    name: str, seconds: float, broken: str | None = None, seed: int = 1, keep: Path | None = None
) -> dict[str, Any]:
    """Run one target for so long; what happened, by name."""
    with tempfile.TemporaryDirectory() as place:
        corpus, counts = Path(place, "corpus"), Path(place, "counts")
        corpus.mkdir()
        counts.write_bytes(bytes(COUNTS.size))
        TARGETS[name].seeds(corpus)
        seeds = len(list(corpus.iterdir()))
        artifacts = f"{keep}/" if keep else f"{place}/"
        command = [sys.executable, "-W", "ignore", str(HERE), name, "--child", str(corpus)]
        command += ["--counts", str(counts), *(["--broken", broken] if broken else [])]
        command += ["--", f"-max_total_time={seconds:.0f}", f"-seed={seed}", f"-max_len={LONGEST}"]
        command += [f"-timeout={12 * SECONDS:.0f}", "-rss_limit_mb=4096", "-len_control=0"]
        command += [f"-artifact_prefix={artifacts}", "-print_final_stats=1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        ran, refused, read, longest = COUNTS.unpack(counts.read_bytes())
        return {
            "target": name,
            "inputs": ran,
            "refused": refused,
            "read": read,
            "longest": round(longest, 3),
            "seeds": seeds,
            "corpus": len(list(corpus.iterdir())),
            **dict(zip(("first", "coverage"), coverage(done.stderr), strict=True)),
            "found": None if done.returncode == 0 else said(done.stdout + done.stderr),
        }


def coverage(log: str) -> tuple[int, int]:
    """Edges reached by the seeds, and at the end."""
    first = re.search(r"INITED +cov: (\d+)", log)
    every = re.findall(r"cov: (\d+)", log)
    return int(first[1]) if first else 0, int(every[-1]) if every else 0


def said(log: str) -> str:
    """What libFuzzer stopped for: the exception, or its own words."""
    exception = re.search(r"Uncaught Python exception: ===\n(.*(?:\n.*)?)", log)
    other = re.search(r"ERROR: libFuzzer: (.*)", log)
    return exception[1] if exception else other[1] if other else log[-800:]


def lines(results: list[dict[str, Any]]) -> Iterator[str]:
    yield "target   inputs  refused     read  longest s  edges: seeds  in the end  corpus"
    for r in results:
        yield (
            f"{r['target']:6} {r['inputs']:8} {r['refused']:8} {r['read']:8} {r['longest']:10} "
            f"{r['first']:13} {r['coverage']:11}  {r['seeds']} → {r['corpus']}"
        )
        if r["found"]:
            yield f"FOUND: {r['found']}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--broken", help="take out one check; something must then be found")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the bytes of what was found")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--counts", type=Path, help=argparse.SUPPRESS)
    ours, theirs = sys.argv[1:], []
    if "--" in ours:
        ours, theirs = ours[: ours.index("--")], ours[ours.index("--") + 1 :]
    wanted = parser.parse_args(ours)
    if wanted.child:
        loop(wanted.targets[0], wanted.child, wanted.counts, wanted.broken, theirs)
    results = []
    for name in wanted.targets:
        results.append(fuzz(name, wanted.seconds, wanted.broken, wanted.seed, wanted.keep))
        print("\n".join(lines(results[-1:])), file=sys.stderr, flush=True)
    print(json.dumps(results))
    return int(any(result["found"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
