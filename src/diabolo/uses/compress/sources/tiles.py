"""Images of any size as equal pieces, and what predicts their pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from diabolo.uses.compress.coding.heads import Plane
from diabolo.uses.compress.coding.layout import Layout
from diabolo.uses.compress.coding.streams import Stream
from diabolo.uses.compress.content import Array, blocks
from diabolo.uses.compress.sources.material import Material
from diabolo.uses.compress.sources.planes import plane_of

TILE = 64  # lines and cells of a tile of a large image
DENSITIES = 5  # of a pixel: one for each of the guesses that training starts from


def add_images(found: Material, images: Array, few: bool = False) -> dict[str, Any]:
    """Images of one size, whole where they are small, else in tiles.

    images : (n, height, width, channels) bytes
    few : whether symbols are ranks among the values that occur; they are where those are few
    """
    n, height, width, channels = images.shape
    counts = sum(map(counted, blocks(images)), np.zeros((channels, 256), np.int64))
    values = np.flatnonzero(counts.sum(0))
    few = few or len(values) <= 16
    table = np.searchsorted(values, np.arange(256)).astype(np.int16)
    tiles = Tiles.equal(n, height, width)

    @lru_cache(maxsize=4)
    def image(number: int) -> np.ndarray:
        return images[number : number + 1][0]

    def read(first: int, last: int) -> np.ndarray:
        whole = tiles.each == 1
        rows = images[first:last] if whole else tiles.cut(image, first, last, channels)
        return table[rows] if few else rows.astype(np.int16)

    levels = values if few else np.arange(256)
    planes = [plane_of(one[levels], DENSITIES) for one in counts]
    found.streams.append(image_stream(tiles, planes, read))
    described: dict[str, Any] = {"stream": len(found.streams) - 1}
    return {**described, "values": values.tolist()} if few else described


def counted(images: np.ndarray) -> np.ndarray:
    """(channels, 256) how often each value occurs in images (…, channels)."""
    channels = range(images.shape[-1])
    return np.stack([np.bincount(images[..., c].reshape(-1), minlength=256) for c in channels])


def image_stream(
    tiles: Tiles, planes: Sequence[Plane], read: Callable[[int, int], np.ndarray]
) -> Stream:
    """The stream of tiles of images, with what is known to predict pixels."""
    whole = tiles.each == 1
    photo = all(plane.edge < 0 for plane in planes) and planes[0].alphabet > 16
    binary = planes[0].alphabet == 2
    smooth = 6 if len(planes) > 1 else 12  # more cells of a photograph slow training down
    layout = Layout(
        tiles.height,
        tiles.width,
        tuple(planes),
        reach=60 if binary else smooth if photo else 20,
        across=6,
        beside=4,
        differences=photo,
        position=whole and not photo,
    )
    return Stream(layout, tiles.count, read, tiles.sizes)


class Tiles:
    """Images of any size cut into equal pieces: where each lies, and the way back.

    heights, widths : of all images. Small images are a tile each, larger ones several of 64 x 64.
    """

    def __init__(self, heights: np.ndarray, widths: np.ndarray) -> None:
        self.heights, self.widths = heights, widths
        self.uniform = heights.strides == (0,)  # one size, never written out for each image
        tallest, widest = (int(heights[0]), int(widths[0])) if self.uniform else (
            int(heights.max()), int(widths.max())
        )  # fmt: skip
        small = max(tallest, widest) <= TILE
        self.height, self.width = (tallest, widest) if small else (TILE, TILE)
        self.each = -(-tallest // self.height) * -(-widest // self.width)
        self.ends = np.zeros(0, np.int64)
        if not self.uniform:
            self.ends = np.cumsum(-(-heights // self.height) * -(-widths // self.width))
        self.count = len(heights) * self.each if self.uniform else int(self.ends[-1])
        even = tallest % self.height == 0 and widest % self.width == 0
        self.exact = self.uniform and even

    @classmethod
    def equal(cls, n: int, height: int, width: int) -> Tiles:
        """Of n images of one size."""
        return cls(np.broadcast_to(np.int64(height), n), np.broadcast_to(np.int64(width), n))

    def places(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of tiles first … last − 1: the image, and the tile's first line and column in it."""
        number = np.arange(first, last)
        if self.uniform:
            image, within = np.divmod(number, self.each)
        else:
            image = np.searchsorted(self.ends, number, side="right")
            within = number - np.concatenate([[0], self.ends])[image]
        line, column = np.divmod(within, -(-self.widths[image] // self.width))
        return image, line * self.height, column * self.width

    def holding(self, span: tuple[int, int] | None) -> tuple[int, int]:
        """First and last tile (exclusive); None: all of them."""
        return (0, self.count) if span is None else span

    def sizes(self, first: int, last: int) -> np.ndarray | None:
        """(n, 2) lines and columns that each of these tiles has; None: all of them."""
        if self.exact:
            return None
        image, y, x = self.places(first, last)
        lines = np.minimum(self.heights[image] - y, self.height)
        return np.stack([lines, np.minimum(self.widths[image] - x, self.width)], 1)

    def cut(
        self, image: Callable[[int], np.ndarray], first: int, last: int, channels: int
    ) -> np.ndarray:
        """Tiles first … last − 1 as (n, height, width, channels) bytes, 0 beyond an edge."""
        rows = np.zeros((last - first, self.height, self.width, channels), np.uint8)
        held: tuple[int, np.ndarray] | None = None
        places = zip(*(place.tolist() for place in self.places(first, last)), strict=True)
        for row, (number, y, x) in zip(rows, places, strict=True):
            if held is None or held[0] != number:
                held = number, image(number)
            piece = held[1][y : y + self.height, x : x + self.width]
            row[: piece.shape[0], : piece.shape[1]] = piece
        return rows

    def of_images(self, first: int, last: int) -> tuple[int, int]:
        """First and last tile (exclusive) of these images."""
        if self.uniform:
            return first * self.each, last * self.each
        ends = np.concatenate([[0], self.ends])
        return int(ends[first]), int(ends[last])

    def within(self, first: int, last: int) -> tuple[int, int]:
        """First and last (exclusive) of the images that lie in these tiles as a whole."""
        if self.uniform:
            return -(-first // self.each), last // self.each
        ends = np.concatenate([[0], self.ends])
        begins, stops = np.searchsorted(ends, (first, last + 1))
        return int(begins), int(stops) - 1

    def joined(
        self, tiles: Iterator[np.ndarray], first: int = 0, last: int | None = None
    ) -> Iterator[np.ndarray]:
        """Whole images, each (height, width, channels), from all their tiles in order."""
        for h, w in zip(self.heights[first:last], self.widths[first:last], strict=True):
            h, w = int(h), int(w)
            if (h, w) == (self.height, self.width):
                yield next(tiles)
                continue
            image: np.ndarray | None = None
            for y in range(0, h, self.height):
                for x in range(0, w, self.width):
                    tile = next(tiles)
                    if image is None:
                        image = np.empty((h, w, tile.shape[2]), tile.dtype)
                    piece = image[y : y + self.height, x : x + self.width]
                    piece[:] = tile[: piece.shape[0], : piece.shape[1]]
            assert image is not None
            yield image
