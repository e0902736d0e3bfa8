"""An entry of the directory → PNG files of the pictures in it.

    {"kind": "photographs", "size": bytes of all pixels, "model": its hash,
     "section": the model (left out where it is kept elsewhere), "first": section of the first tile,
     "pictures": [[name, height, width, channels, quality, hash of the pixels, profile], …]}

Tiles are sections one behind the other, picture by picture, line by line. A profile is the number
of kept bytes, or −1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from diabolo.uses.compress.container import Reader
from diabolo.uses.compress.content import fingerprint
from diabolo.uses.compress.photographs.chunks import decoded, tiles
from diabolo.uses.compress.photographs.decoder import Decoder
from diabolo.uses.compress.photographs.design import PATCH, QUALITIES
from diabolo.uses.compress.photographs.models import Model, model_from_bytes, shipped
from diabolo.uses.compress.photographs.pictures import LONGEST, grey, png
from diabolo.uses.compress.pool import in_threads
from diabolo.uses.compress.result import Report
from diabolo.uses.compress.sources.grids import Span

_TYPES = [str, int, int, int, int, str, int]


class Described(NamedTuple):
    """What the directory says of a picture."""

    name: str
    height: int
    width: int
    channels: int
    quality: int
    hash: str
    profile: int

    @property
    def size(self) -> int:
        """Bytes of its pixels."""
        return self.height * self.width * self.channels

    @property
    def latents(self) -> tuple[int, int]:
        """Lines and cells of its latents."""
        return -(-self.height // PATCH), -(-self.width // PATCH)


def described(entry: dict[str, Any]) -> list[Described]:
    """The pictures of an entry; raises ValueError where they make no sense."""
    pictures = []
    for given in entry["pictures"]:
        if [type(value) for value in given] != _TYPES:
            raise ValueError("its directory has photographs that make no sense")
        one = Described(*given)
        if not (
            1 <= one.height <= LONGEST
            and 1 <= one.width <= LONGEST
            and one.channels in (1, 3)
            and 0 <= one.quality <= QUALITIES
        ):
            raise ValueError("its directory has photographs that make no sense")
        pictures.append(one)
    if not pictures or sum(one.size for one in pictures) != entry["size"]:
        raise ValueError("its directory has photographs that make no sense")
    return pictures


def photographs_of(
    entry: dict[str, Any],
    reader: Reader,
    fetch: Callable[[Any], bytes],
    given: Model | None,
    n_threads: int | None,
    report: Report,
    span: Span = None,
) -> Iterator[bytes]:
    """A PNG file for each picture; raises ValueError for pixels that are not the right ones.

    span : of these pictures; None: all. Tiles of others are not read.
    """
    decoder = _model(entry, reader, given).decoder
    begin, end = span or (0, None)
    places, first = [], entry["first"]
    for one in described(entry):
        places.append((one, first))
        first += len(tiles(*one.latents))
    places = places[begin:end]
    pictures = [one for one, _ in places]
    inner = n_threads if len(pictures) == 1 else 1

    def pixels_at(place: tuple[Described, int]) -> np.ndarray:
        one, first = place
        sections = range(first, first + len(tiles(*one.latents)))
        contents = (reader.section(number) for number in sections)
        return pixels_of(decoder, one, contents, inner)

    found = in_threads(pixels_at, places, n_threads)
    for done, (one, pixels) in enumerate(zip(pictures, found, strict=True), 1):
        if fingerprint(np.ascontiguousarray(pixels).data) != one.hash:
            raise ValueError(
                f"{one.name!r} does not come back as it was: the file was damaged, or made with "
                "another model"
            )
        report("decoding", done, len(pictures), 0)
        yield png(pixels, None if one.profile < 0 else fetch(one.profile))


def pixels_of(
    decoder: Decoder, one: Described, contents: Iterator[bytes], n_threads: int | None = 1
) -> np.ndarray:
    """(height, width, channels) bytes from the chunks of a picture's tiles."""
    lines, cells = one.latents
    latents = np.empty((decoder.design.latents, lines, cells), np.int16)

    def tile_at(place: Any) -> tuple[Any, np.ndarray]:
        tile, content = place
        return tile, decoded(decoder, content, one.quality, tile.lines, tile.cells)

    for tile, part in in_threads(
        tile_at, zip(tiles(lines, cells), contents, strict=True), n_threads
    ):
        latents[:, *tile.within()] = part
    return shown(decoder, one, latents, n_threads)


def shown(
    decoder: Decoder, one: Described, latents: np.ndarray, n_threads: int | None = 1
) -> np.ndarray:
    """(height, width, channels) bytes of a picture's latents."""
    colours = decoder.pixels(latents, one.quality, one.height, one.width, n_threads)
    return grey(colours) if one.channels == 1 else colours


def _model(entry: dict[str, Any], reader: Reader, given: Model | None) -> Model:
    """From the file, or the one that was handed in, or the one that comes with diabolo."""
    wanted = entry["model"]
    if "section" in entry:
        model = model_from_bytes(reader.section(entry["section"]))
        if model.hash != wanted:
            raise ValueError("the model in it is not the one it was made with")
        return model
    model = shipped() if given is None else given
    if model.hash == wanted:
        return model
    if given is None:
        raise ValueError(
            "its photographs were made with a model that is not in it, nor the one of this "
            f"diabolo: pass that with --model (its hash is {wanted})"
        )
    raise ValueError(
        f"it was made with another model than the one you passed (hash {wanted}, yours has "
        f"{given.hash})"
    )
