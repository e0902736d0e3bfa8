"""Larger than memory: a 4 GB .npy is trained from file, in how much memory, with what result?

    python bench/memory.py [--gigabytes 4] [--skip-memory]

One epoch from the path, one from a memory map, one with everything loaded; each in a process of
its own. Printed is the peak beyond what importing torch and scikit-learn takes, and a hash of the
codes: the three must agree. Figures go to results/memory.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FEATURES = 784
GIGABYTES = 4.0


def write(path: Path, gigabytes: float) -> int:
    """Blocks of rows around a few centres, float32; written piece by piece."""
    rows = int(gigabytes * 1e9 / (4 * FEATURES))
    array = np.lib.format.open_memmap(path, "w+", np.float32, (rows, FEATURES))
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(16, FEATURES)).astype(np.float32)
    for first in range(0, rows, 20_000):
        n = min(20_000, rows - first)
        noise = rng.standard_normal((n, FEATURES), dtype=np.float32)
        array[first : first + n] = centres[rng.integers(0, 16, n)] + 0.3 * noise
        array.flush()
    return rows


def peak() -> float:
    """MB; `ru_maxrss` would begin with what the parent process had, which wrote the file."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def run(path: str, how: str) -> None:
    from diabolo.families.autoencoder import Autoencoder

    before = peak()
    data = {
        "path": lambda: path,
        "map": lambda: np.load(path, mmap_mode="r"),
        "memory": lambda: np.load(path),
    }[how]()
    model = Autoencoder(
        n_components=8,
        hidden_layer_sizes=(64,),
        max_epochs=1,
        batch_size=1000,
        random_state=0,
        n_threads=1,
    )
    codes = model.fit(data).transform(data)
    digest = hashlib.sha256(codes.tobytes()).hexdigest()[:16]
    print(json.dumps({"MB beyond torch": peak() - before, "codes": digest}))


def measured(path: Path, how: str) -> dict[str, Any]:
    """What a process of its own found."""
    command = [sys.executable, __file__, "--run", str(path), how]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    print(f"{how:8} {found['MB beyond torch']:8.0f} MB beyond torch   codes {found['codes']}")
    sys.stdout.flush()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=GIGABYTES)
    parser.add_argument("--skip-memory", action="store_true", help="leave out the loaded one")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.run:
        run(*wanted.run)
        return 0
    from kept import keep  # here, for it imports much that would count in the processes measured

    ways = ["path", "map"] + ([] if wanted.skip_memory else ["memory"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.npy"
        rows, size = write(path, wanted.gigabytes), path.stat().st_size
        print(f"{rows:,} x {FEATURES} float32, {size / 1e9:.2f} GB", flush=True)
        found = {how: measured(path, how) for how in ways}
    same = len({one["codes"] for one in found.values()}) == 1
    print("the same codes" if same else "DIFFERENT codes")
    whole = wanted.gigabytes >= GIGABYTES and not wanted.skip_memory
    keep("memory", whole=whole, epoch={"rows": rows, "bytes": size, "same codes": same, **found})
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
