"""How fast rows are encoded, against the limit of the machine, and in how much memory.

    python bench/encode.py [--rows 1000000] [--threads 2]

Encoder 784-1000-500-250-30 on bytes: MNIST over and over, or noise where that is not at hand. The
limit is the four matrix products at their own shapes, on pieces of 1,024 rows that lie in the
cache; `transform` besides gathers, scales, adds biases and writes the codes. Then by way of eight
bits, and what that costs. Rounds take turns; printed is the median of their ratios. Peak memory is
that of the process: the data (once, as bytes) and the codes are told apart from what lies beyond
them. Figures go to results/encode.json, a section for each number of threads.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kept import keep
from step import hardware, images, verdict

import diabolo
from diabolo.uses.quantise import Price

SIZES = (784, 1000, 500, 250, 30)
PIECE = 1024
ROWS, ROUNDS = 1_000_000, 5


def products(rows: int) -> float:
    """Seconds of the bare products for so many rows."""
    x = torch.rand(PIECE, SIZES[0])
    weights = [torch.rand(b, a) for a, b in pairwise(SIZES)]
    outputs = [torch.empty(PIECE, b) for b in SIZES[1:]]
    began = time.perf_counter()
    for _ in range(rows // PIECE):
        h = x
        for weight, out in zip(weights, outputs, strict=True):
            h = torch.mm(h, weight.T, out=out)
    return (time.perf_counter() - began) * rows / (rows // PIECE * PIECE)


def seconds_of(encode: Callable[[np.ndarray], np.ndarray], X: np.ndarray) -> float:
    began = time.perf_counter()
    encode(X)
    return time.perf_counter() - began


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    print(hardware(wanted.threads))
    X = np.resize(images().numpy(), (wanted.rows, SIZES[0]))
    model = diabolo.Autoencoder(n_components=30, hidden_layer_sizes=SIZES[1:-1], random_state=0)
    model.set_params(max_epochs=2, early_stopping=False).fit(X[:20_000])
    fast = diabolo.quantised(model, X, bound=Price(np.inf, np.inf, 0.0))
    share = wanted.rows // ROUNDS
    shares, gains = [], []
    for i in range(ROUNDS):
        piece = X[i * share : (i + 1) * share]
        limit = products(share)
        exact = seconds_of(model.transform, piece)
        gains.append(exact / seconds_of(fast.transform, piece))
        shares.append(limit / exact)
    before = megabytes()
    exact = seconds_of(model.transform, X)
    print(f"{wanted.rows:,} rows in {exact:.1f} s, {wanted.rows / exact:,.0f} rows/s")
    beyond = megabytes() - before - 4 * SIZES[-1] * wanted.rows / 2**20
    print(f"memory beyond data and codes grew by {beyond:.0f} MB")
    verdict("share of the limit", median(shares), 0.70, True)
    eight = seconds_of(fast.transform, X)
    print(f"by eight bits in {eight:.1f} s, {wanted.rows / eight:,.0f} rows/s: {fast.price}")
    verdict("speed by eight bits, float32 = 1", median(gains), 2.0, True)
    found = {
        "rows": wanted.rows,
        "seconds": exact,
        "share of the limit": median(shares),
        "MB beyond data and codes": beyond,
        "seconds by eight bits": eight,
        "speed by eight bits": median(gains),
        "price of eight bits": fast.price._asdict(),
    }
    section = f"{wanted.threads} thread{'s' if wanted.threads > 1 else ''}"
    keep("encode", whole=wanted.rows >= ROWS, **{section: found})


if __name__ == "__main__":
    main()
