"""The order of an epoch: a permutation that a seed and the epoch's number alone decide.

Any stretch of it can be had without the ones before, so that a run resumed in the middle of an
epoch goes on at once. The order does not depend on where the rows lie.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

# One permutation up to here: 64 MiB of int32, made in about 0.8 s.
LARGEST_PERMUTATION = 2**24


class Shuffle:
    """The numbers 0 … n-1, shuffled for one epoch.

    Up to 2^24 numbers every order is possible. Beyond that memory stays bounded: blocks of
    neighbours are shuffled first, then the numbers within windows of many blocks. Neighbours
    in the data may then meet in a window, but rarely in a batch.
    """

    def __init__(
        self,
        n: int,
        seed: int,
        epoch: int,
        *,
        largest: int = LARGEST_PERMUTATION,
        block: int = 2**10,
    ):
        self._n = n
        self._seed = (seed, epoch)
        self._window = n if n <= largest else largest // block * block
        self._block = block
        self._current: tuple[int, np.ndarray] | None = None
        self._blocks = None if n <= largest else self._shuffled_blocks()

    def between(self, first: int, last: int) -> np.ndarray:
        """The numbers at positions first … last-1 of the order, as int64."""
        parts = []
        while first < last:
            window = first // self._window
            offset = window * self._window
            stop = min(last, offset + self._window)
            parts.append(self._numbers(window)[first - offset : stop - offset])
            first = stop
        return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)

    def _numbers(self, window: int) -> np.ndarray:
        if self._current is None or self._current[0] != window:
            self._current = (window, self._made(window))
        return self._current[1]

    def _made(self, window: int) -> np.ndarray:
        size = min(self._window, self._n - window * self._window)
        within = _permutation(size, *self._seed, window)
        if self._blocks is None:
            return within
        per_window = self._window // self._block
        blocks = self._blocks[window * per_window : (window + 1) * per_window]
        numbers = blocks[:, None] * self._block + np.arange(self._block)
        return numbers.reshape(-1)[:size][within]

    def _shuffled_blocks(self) -> np.ndarray:
        """Numbers of the blocks in shuffled order; a last, shorter one stays at the end."""
        whole = self._n // self._block
        blocks = _permutation(whole, *self._seed, "blocks").astype(np.int64)
        return np.append(blocks, whole) if self._n % self._block else blocks


def _permutation(n: int, *key: int | str) -> np.ndarray:
    """A permutation of n numbers (int32 where that suffices) that `key` alone decides."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "little", signed=True))
    kind = torch.int32 if n < 2**31 else torch.int64
    return torch.randperm(n, generator=generator, dtype=kind).numpy()
