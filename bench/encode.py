"""How fast rows are encoded, against the limit of the machine, and in how much memory.

    python bench/encode.py [--rows 1000000]

Encoder 784-1000-500-250-30 on bytes. The limit is the four matrix products at their own shapes, on
pieces of 1,024 rows that lie in the cache; `transform` besides gathers, scales, adds biases and
writes the codes. Rounds take turns; printed is the median of their ratios. Peak memory is that of
the process: the data (once, as bytes) and the codes are told apart from what lies beyond them.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from step import hardware

import diabolo

SIZES = (784, 1000, 500, 250, 30)
PIECE = 1024


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


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    wanted = parser.parse_args()
    print(hardware(torch.get_num_threads()))
    X = np.random.default_rng(0).integers(0, 256, (wanted.rows, SIZES[0]), dtype=np.uint8)
    model = diabolo.Autoencoder(n_components=30, hidden_layer_sizes=SIZES[1:-1], random_state=0)
    model.set_params(max_epochs=1, early_stopping=False).fit(X[:2000])
    rounds = 5
    share = wanted.rows // rounds
    ratios = []
    for i in range(rounds):
        limit = products(share)
        began = time.perf_counter()
        model.transform(X[i * share : (i + 1) * share])
        ratios.append(limit / (time.perf_counter() - began))
    before = megabytes()
    began = time.perf_counter()
    codes = model.transform(X)
    seconds = time.perf_counter() - began
    print(f"{wanted.rows:,} rows in {seconds:.1f} s, {wanted.rows / seconds:,.0f} rows/s")
    print(f"share of the limit {median(ratios):.2f}   (asked 0.70; rounds {np.round(ratios, 2)})")
    beyond = megabytes() - before - codes.nbytes / 2**20
    print(f"memory beyond data and codes grew by {beyond:.0f} MB")


if __name__ == "__main__":
    main()
