"""What an image is denoised with where nothing is learned, and the best linear code beside it.

Each is asked with the settings that come closest to the clean version, if that is known: a bar
that is set as high as it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from scipy.ndimage import median_filter
from sklearn.decomposition import PCA

from diabolo.measures.images import psnr, ssim

SIZES = (3, 5, 7)  # pixels of the median's window
STRENGTHS = (0.4, 0.6, 0.8, 1.0)  # of non-local means, in standard deviations of the noise
CODES = (4, 8, 16, 32, 64, 128)  # components


class Quality(NamedTuple):
    """Means over images."""

    psnr: float  # decibels
    ssim: float


class Rival(NamedTuple):
    """A filter with the setting that was chosen."""

    name: str
    setting: str
    images: np.ndarray


def quality(images: np.ndarray, clean: np.ndarray) -> Quality:
    """Of images (n, H, W) or (n, H, W, C) with values in [0, 1]; what lies beyond is cut off."""
    shown = np.clip(images, 0, 1)
    return Quality(float(psnr(shown, clean).mean()), float(ssim(shown, clean).mean()))


def medians(images: np.ndarray, size: int) -> np.ndarray:
    """The median of a square of pixels around each, channels by themselves."""
    window = (1, size, size) if images.ndim == 3 else (1, size, size, 1)
    return median_filter(images, window)


def has_non_local_means() -> bool:
    return find_spec("skimage") is not None


def non_local_means(images: np.ndarray, sigma: float, strength: float) -> np.ndarray:
    """Each pixel as the mean of those with similar surroundings (Buades, Coll & Morel 2005).

    sigma : standard deviation of the noise. By scikit-image, with patches of 5 and 6 pixels to look
    around. raises ImportError where it is not installed.
    """
    try:
        from skimage.restoration import denoise_nl_means
    except ImportError as error:
        raise ImportError(
            "non-local means are scikit-image's: pip install 'diabolo[images]'"
        ) from error
    channel = -1 if images.ndim == 4 else None
    found = [
        denoise_nl_means(
            image, 5, 6, strength * sigma, sigma=sigma, fast_mode=True, channel_axis=channel
        )
        for image in images
    ]
    return np.stack(found).reshape(images.shape)  # a single channel got lost


def from_components(pca: PCA, rows: np.ndarray, count: int) -> np.ndarray:
    """Rows (n, d) from their first so many components."""
    axes = pca.components_[:count]
    return (rows - pca.mean_) @ axes.T @ axes + pca.mean_


def best_median(noisy: np.ndarray, clean: np.ndarray) -> Rival:
    return best("median", SIZES, lambda size: medians(noisy, int(size)), clean, "{} pixels")


def best_non_local_means(noisy: np.ndarray, clean: np.ndarray, sigma: float) -> Rival:
    return best(
        "non-local means",
        STRENGTHS,
        lambda strength: non_local_means(noisy, sigma, strength),
        clean,
        "h = {} σ",
    )


def best_components(pca: PCA, noisy: np.ndarray, clean: np.ndarray) -> Rival:
    """pca : of flat images, clean or noisy, with as many components as may be chosen."""
    flat = noisy.reshape(len(noisy), -1)
    counts = [count for count in CODES if count <= len(pca.components_)]
    return best(
        "PCA",
        counts or [len(pca.components_)],
        lambda count: from_components(pca, flat, int(count)).reshape(noisy.shape),
        clean,
        "{} components",
    )


def best(
    name: str,
    settings: Sequence[float],
    made: Callable[[float], np.ndarray],
    clean: np.ndarray,
    text: str,
) -> Rival:
    """The setting of highest PSNR."""
    found = [(made(setting), setting) for setting in settings]
    images, setting = max(found, key=lambda one: quality(one[0], clean).psnr)
    return Rival(name, text.format(setting), images)
