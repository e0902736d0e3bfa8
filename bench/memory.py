"""Larger than memory: a 4 GB .npy is trained from file, in how much memory, with what result?

    python bench/memory.py [--gigabytes 4] [--skip-memory]

One epoch from the path, one from a memory map, one with everything loaded; each in a process of
its own. Printed is the peak beyond what importing torch and scikit-learn takes, and a hash of the
codes: the three must agree.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

FEATURES = 784


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
    import diabolo
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
    print(
        f"{how:8} {peak() - before:8.0f} MB beyond torch   codes {digest}   {diabolo.__version__}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--skip-memory", action="store_true", help="leave out the loaded one")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.run:
        run(*wanted.run)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.npy"
        rows = write(path, wanted.gigabytes)
        print(f"{rows:,} x {FEATURES} float32, {path.stat().st_size / 1e9:.2f} GB")
        ways = ["path", "map"] + ([] if wanted.skip_memory else ["memory"])
        hashes = set()
        for how in ways:
            command = [sys.executable, __file__, "--run", str(path), how]
            line = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            print(line, end="", flush=True)
            hashes.add(line.split("codes ")[1].split()[0])
    print("the same codes" if len(hashes) == 1 else "DIFFERENT codes")
    return 0 if len(hashes) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
