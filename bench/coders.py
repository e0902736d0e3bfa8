"""Our coder beside constriction's: the same symbols under the same probabilities.

    python bench/coders.py

Bytes drawn from mixtures of three logistic densities, another one for every byte, as a network says
them (`coding/heads.py`). Ours codes 1,000 lanes a step. constriction (Bamler 2022, compiled Rust)
codes one symbol after the other and takes a table of probabilities for each; making those tables
counts, for there are none before. Its own parametric family, one Gaussian for every symbol, is
there for comparison: it needs no tables, and says less. MB of symbols a second, one thread.

constriction is no dependency of this project: pip install constriction.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from kept import keep
from threadpoolctl import threadpool_limits

from diabolo.uses.compress.coding import rans
from diabolo.uses.compress.coding.heads import Head, Plane

LANES, STEPS = 1000, 100
PLANE = Plane(256)


def outputs(random: np.random.Generator) -> np.ndarray:
    """(9, LANES) of a network: weights, means, and widths of 2 to 16 greys."""
    weights = random.normal(0, 1, (3, LANES))
    means = random.uniform(1, 7, (1, LANES)) + random.normal(0, 0.3, (3, LANES))
    widths = random.uniform(-4, -1, (3, LANES))
    return np.floor(4096 * np.concatenate([weights, means, widths]))


def ours(said: list[np.ndarray], symbols: np.ndarray) -> dict[str, float]:
    linear = np.zeros((3, LANES))

    def encode() -> bytes:
        steps = [
            step
            for one, row in zip(said, symbols, strict=True)
            for step in Head(PLANE, one, linear).intervals(row)
        ]
        return rans.encode(reversed(steps), LANES)

    def decode() -> np.ndarray:
        coder = rans.Decoder(content, LANES)
        lanes = slice(LANES)
        return np.stack([Head(PLANE, one, linear).decode(coder, lanes, LANES) for one in said])

    content, encoding = timed(encode)
    back, decoding = timed(decode)
    assert np.array_equal(back, symbols)
    return figures(len(content), encoding, decoding, symbols.size)


def tables(said: list[np.ndarray]) -> np.ndarray:
    """(symbols, 256) float32 probabilities."""
    values = np.tile(np.arange(PLANE.alphabet + 1)[:, None], LANES)
    pieces = []
    for one in said:
        starts = Head(PLANE, one, np.zeros((3, LANES)))._mixture(slice(None)).starts(values)
        pieces.append(np.diff(starts, axis=0).T / np.float32(rans.SLOTS))
    # line by line: constriction 0.5 reads another order as if it were this one
    return np.ascontiguousarray(np.concatenate(pieces), np.float32)


def theirs(stream: Any, model: Any, parameters: Callable[[], Any], symbols: np.ndarray) -> dict:
    flat = symbols.reshape(-1).astype(np.int32)

    def encode() -> np.ndarray:
        coder = stream.stack.AnsCoder()
        coder.encode_reverse(flat, model, *parameters())
        return coder.get_compressed()

    def decode() -> np.ndarray:
        return stream.stack.AnsCoder(content).decode(model, *parameters())

    content, encoding = timed(encode)
    back, decoding = timed(decode)
    assert np.array_equal(back, flat)
    return figures(content.nbytes, encoding, decoding, symbols.size)


def figures(size: int, encoding: float, decoding: float, count: int) -> dict[str, float]:
    return {
        "bits": 8 * size / count,
        "encoding MB/s": count / encoding / 1e6,
        "decoding MB/s": count / decoding / 1e6,
    }


def timed(work: Callable[[], Any], rounds: int = 5) -> tuple[Any, float]:
    """What it gives, and the quickest of some rounds in seconds of this process."""
    took = []
    for _ in range(rounds):
        began = time.process_time()
        found = work()
        took.append(time.process_time() - began)
    return found, min(took)


def main() -> None:
    random = np.random.default_rng(0)
    said = [outputs(random) for _ in range(STEPS)]
    chances = tables(said).astype(np.float64)
    drawn = (chances.cumsum(1) < random.random((len(chances), 1))).sum(1).clip(0, 255)
    symbols = drawn.reshape(STEPS, LANES)
    found = {"ours, mixtures from their parameters": ours(said, symbols)}
    try:
        stream = importlib.import_module("constriction").stream
    except ImportError:
        sys.exit("constriction is not installed, so there is nothing to compare with: install it.")
    every = stream.model.Categorical(perfect=False)
    ready = tables(said)
    found["constriction, tables made for it"] = theirs(
        stream, every, lambda: (tables(said),), symbols
    )
    found["constriction, tables ready"] = theirs(stream, every, lambda: (ready,), symbols)
    values = np.arange(256)
    means = (chances * values).sum(1)
    spreads = np.sqrt((chances * (values - means[:, None]) ** 2).sum(1))
    found["constriction, a Gaussian instead"] = theirs(
        stream, stream.model.QuantizedGaussian(0, 255), lambda: (means, spreads), symbols
    )
    ideal = -np.log2(chances[np.arange(len(drawn)), drawn]).mean()
    print(f"{symbols.size:,} symbols, {ideal:.4f} bits each by their probabilities")
    for name, row in found.items():
        print(
            f"{name:40} {row['bits']:.4f} bits  encoding {row['encoding MB/s']:6.2f}, "
            f"decoding {row['decoding MB/s']:6.2f} MB/s"
        )
    keep("coders", coders={"ideal bits": ideal, **found})


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
