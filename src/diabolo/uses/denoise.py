"""Pictures of any size, denoised by what a model knows of small patches.

A picture is cut into overlapping patches, each is rebuilt, and every pixel is the mean of all
patches that it lies in: patches alone would show their borders, and each pixel is judged from many
places around it. The model can come from

    the noisy picture itself    a SUREAutoencoder of its patches; Gaussian noise, no clean picture
    clean pictures              a DenoisingAutoencoder of their patches, with noise added
    a file                      any autoencoder of small images

Elad & Aharon 2006, "Image denoising via sparse and redundant representations", for patches;
Soltanayev & Chun 2018 for learning without clean ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from diabolo.data.columns import Columns
from diabolo.data.sources import open_dataset
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.seeds import Seeds
from diabolo.families.denoising import DenoisingAutoencoder
from diabolo.families.sure import SUREAutoencoder
from diabolo.parts import corruptions

PATCH = 6  # pixels to each side; 8 gains .1 dB and takes twice as long
PATCHES = 60_000  # that are learned from, at most
SETTINGS: dict[str, Any] = {
    "hidden_layer_sizes": (256,),
    "n_components": 64,
    "activation": "gelu",
    "batch_size": 256,
    "early_stopping": False,
}
STEPS = 3000
AT_ONCE = 2**16  # patches that are rebuilt at a time
MEDIAN = 0.6745  # of the size of a standard normal number

NOISES = {
    "gaussian": corruptions.GaussianNoise,
    "salt-and-pepper": corruptions.SaltAndPepper,
    "masking": corruptions.Masking,
}


def noise_level(pixels: np.ndarray) -> float:
    """Standard deviation of Gaussian noise in a picture (H, W) or (H, W, C), in its units.

    By the median size of diagonal differences of 2×2 pixels, which edges hardly touch (Donoho &
    Johnstone 1994, "Ideal spatial adaptation by wavelet shrinkage", sec. 4.2). Fine texture counts
    as noise.
    """
    if min(pixels.shape[:2]) < 2:
        raise ValueError("the noise of a picture of one line cannot be told: pass sigma.")
    a = np.asarray(pixels, np.float64)
    height, width = (side // 2 * 2 for side in a.shape[:2])
    a = a[:height, :width]
    diagonal = (a[::2, ::2] - a[::2, 1::2] - a[1::2, ::2] + a[1::2, 1::2]) / 2
    return float(np.median(np.abs(diagonal)) / MEDIAN)


def with_noise(images: np.ndarray, kind: str, level: float, random_state: Any = 0) -> np.ndarray:
    """Images on the scale 0 … 1 with noise, float32.

    kind : "gaussian" (level: standard deviation), "salt-and-pepper" or "masking" (level: share of
        the pixels).
    """
    if kind not in NOISES:
        raise ValueError(f"unknown noise {kind!r}: choose {', '.join(NOISES)}.")
    flat = torch.from_numpy(np.asarray(images, np.float32).reshape(len(images), -1))
    noisy, _ = NOISES[kind](level).corrupt(flat, Seeds.of(random_state).generator("noise"))
    return noisy.numpy().reshape(images.shape)


def patches_of(pixels: np.ndarray, size: int = PATCH) -> np.ndarray:
    """All patches of a picture (H, W, C), a view (H − size + 1, W − size + 1, size, size, C)."""
    if min(pixels.shape[:2]) < size:
        raise ValueError(
            f"a picture of {pixels.shape[1]}×{pixels.shape[0]} pixels holds no patch of "
            f"{size}×{size}."
        )
    return sliding_window_view(pixels, (size, size), axis=(0, 1)).transpose(0, 1, 3, 4, 2)


def some_patches(
    pictures: Sequence[np.ndarray], count: int, seed: int, size: int = PATCH
) -> np.ndarray:
    """Patches at random places of pictures (H, W, C), (n, size, size, C) float32, none twice."""
    views = [patches_of(pixels, size) for pixels in pictures]
    sizes = [view.shape[0] * view.shape[1] for view in views]
    ends = np.cumsum(sizes)
    random = np.random.default_rng(seed)
    chosen = np.sort(random.permutation(ends[-1])[:count])
    which = np.searchsorted(ends, chosen, side="right")
    found = []
    for number, view in enumerate(views):
        places = chosen[which == number] - (ends[number] - sizes[number])
        found.append(view[places // view.shape[1], places % view.shape[1]])
    return np.concatenate(found).astype(np.float32)


def learn_from_noisy(
    pixels: np.ndarray, sigma: float | None = None, *, random_state: Any = 0, **settings: Any
) -> SUREAutoencoder:
    """A model of the patches of one noisy picture (H, W, C), which has no clean version.

    sigma : standard deviation of its noise, in its units; None: estimated.
    settings : of the family.
    """
    sigma = noise_level(pixels) if sigma is None else sigma
    rows = some_patches([pixels], PATCHES, Seeds.of(random_state).number("patches"))
    scale = float(Columns.learn(open_dataset(rows), "shared").scale[0])
    model = SUREAutoencoder(sigma=sigma / scale, **_settings(rows, random_state, settings))
    return model.fit(rows)


def learn_from_clean(
    pictures: Sequence[np.ndarray],
    kind: str,
    level: float,
    *,
    random_state: Any = 0,
    **settings: Any,
) -> DenoisingAutoencoder:
    """A model of the patches of clean pictures (H, W, C) on the scale 0 … 1, for one kind of noise.

    kind, level : as in `with_noise`.
    """
    if kind not in NOISES:
        raise ValueError(f"unknown noise {kind!r}: choose {', '.join(NOISES)}.")
    rows = some_patches(pictures, PATCHES, Seeds.of(random_state).number("patches"))
    given = _settings(rows, random_state, {"lr": 3e-3} | settings)
    if kind == "gaussian":  # no black and white to be set to: centred, it learns faster
        scale = float(Columns.learn(open_dataset(rows), "shared").scale[0])
        given, level = {"scaling": "shared"} | given, level / scale
    else:
        given = {"scaling": "none"} | given
    return DenoisingAutoencoder(noise=kind, level=level, **given).fit(rows)


def _settings(rows: np.ndarray, random_state: Any, given: dict[str, Any]) -> dict[str, Any]:
    steps = -(-len(rows) // SETTINGS["batch_size"])
    epochs = {"max_epochs": max(1, round(STEPS / steps))}
    return SETTINGS | epochs | {"random_state": random_state} | given


def by_patches(model: Estimator, pixels: np.ndarray, step: int = 1) -> np.ndarray:
    """A picture (H, W, C) on the scale 0 … 1, rebuilt by a model of its patches, float32.

    The model may have been fitted on bytes. step : pixels from one patch to the next.
    """
    size, channels = patch_of(model)
    if pixels.shape[2] != channels:
        raise ValueError(
            f"this model knows patches of {_colours(channels)}, but the picture has "
            f"{_colours(pixels.shape[2])}."
        )
    dtype = np.dtype(model.columns_.dtype)
    white = np.iinfo(dtype).max if dtype.kind in "iu" else 1

    def rebuilt(rows: np.ndarray) -> np.ndarray:
        found = model.reconstruct((white * rows).reshape(-1, *model.columns_.shape))
        return found.reshape(rows.shape) / np.float32(white)

    return blended(pixels, size, rebuilt, step)


def blended(
    pixels: np.ndarray, size: int, rebuilt: Callable[[np.ndarray], np.ndarray], step: int = 1
) -> np.ndarray:
    """What a function of patches (n, size, size, C) makes of a picture; means where they meet."""
    view = patches_of(np.asarray(pixels, np.float32), size)
    tops, lefts = (places(length, step) for length in view.shape[:2])
    total = np.zeros(pixels.shape)
    count = np.zeros((*pixels.shape[:2], 1))
    lines = max(1, AT_ONCE // len(lefts))
    for first in range(0, len(tops), lines):
        some = tops[first : first + lines]
        given = view[some][:, lefts]
        found = rebuilt(given.reshape(-1, *given.shape[2:])).reshape(given.shape)
        for a in range(size):
            for b in range(size):
                at = np.ix_(some + a, lefts + b)
                total[at] += found[:, :, a, b]
                count[at] += 1
    return (total / count).astype(np.float32)


def places(count: int, step: int) -> np.ndarray:
    """Where patches begin, of `count` places: every `step`-th and the last.

    >>> places(8, 3).tolist(), places(7, 3).tolist(), places(1, 3).tolist()
    ([0, 3, 6, 7], [0, 3, 6], [0])
    """
    return np.unique(np.append(np.arange(0, count, step), count - 1))


def patch_of(model: Estimator) -> tuple[int, int]:
    """(pixels to a side, channels) of the square images that a model was fitted on."""
    height, width, channels = (*model.columns_.shape, 1, 1)[:3]
    if model.columns_.schema is not None or height != width or width == 1:
        raise ValueError(
            f"this {type(model).__name__} was fitted on rows of shape {model.columns_.shape}, "
            "which are no square patches of a picture."
        )
    return height, channels


def _colours(channels: int) -> str:
    return "grey" if channels == 1 else f"{channels} colours"
