"""How close images are to clean ones: the peak signal-to-noise ratio and the structural similarity.

    PSNR = 10 log₁₀(peak² / mean squared error)                                 in decibels
    SSIM = (2 μ_x μ_y + c₁)(2 σ_xy + c₂) / ((μ_x² + μ_y² + c₁)(σ_x² + σ_y² + c₂)), mean over windows

with local means and variances under a Gaussian window. SSIM is 1 for equal images; PSNR counts
pixels, SSIM sees edges and texture that were lost. Wang, Bovik, Sheikh & Simoncelli 2004, "Image
quality assessment: from error visibility to structural similarity".
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, SPREAD = 11, 1.5  # pixels to a side; standard deviation. Wang et al. 2004, sec. III.B
LUMINANCE, CONTRAST = 0.01, 0.03  # √c₁ and √c₂, relative to the peak
ENTRIES = 2**22  # of the images that are looked at at once


def psnr(images: np.ndarray, clean: np.ndarray, peak: float = 1.0) -> np.ndarray:
    """PSNR of each image, (n,) in decibels; ∞ where nothing is wrong.

    images, clean : (n, H, W) or (n, H, W, C). peak : from black to white.
    """
    _check(images, clean)
    error = np.square(np.subtract(images, clean, dtype=np.float64))
    with np.errstate(divide="ignore"):
        return -10 * np.log10(error.reshape(len(error), -1).mean(1) / peak**2)


def ssim(images: np.ndarray, clean: np.ndarray, peak: float = 1.0) -> np.ndarray:
    """SSIM of each image, (n,), at most 1; the mean of the channels where there are several.

    Only windows that lie within the image count. Images with a side under 11 pixels get the
    largest odd window that fits. Shapes as in `psnr`.
    """
    _check(images, clean)
    step = max(1, ENTRIES // max(1, int(np.prod(clean.shape[1:]))))
    pieces = [
        _ssim(images[i : i + step], clean[i : i + step], peak) for i in range(0, len(clean), step)
    ]
    return np.concatenate(pieces)


def _check(images: np.ndarray, clean: np.ndarray) -> None:
    if images.shape != clean.shape or images.ndim not in (3, 4):
        raise ValueError(
            f"images of shape {images.shape} cannot be compared with {clean.shape}: pass two "
            "arrays (n, H, W) or (n, H, W, C) of one shape."
        )


def _ssim(images: np.ndarray, clean: np.ndarray, peak: float) -> np.ndarray:
    n, height, width = images.shape[:3]
    x, y = (_planes(each) for each in (images, clean))
    side = min(WINDOW, height - 1 + height % 2, width - 1 + width % 2)
    window = _window(side)
    moments = _blurred(torch.cat([x, y, x * x, y * y, x * y]), window)
    mean_x, mean_y, xx, yy, xy = moments.chunk(5)
    c1, c2 = (LUMINANCE * peak) ** 2, (CONTRAST * peak) ** 2
    product, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    like = (2 * product + c1) / (squares + c1)
    alike = (2 * (xy - product) + c2) / (xx + yy - squares + c2)
    return (like * alike).flatten(1).mean(1).reshape(n, -1).mean(1).numpy()


def _planes(images: np.ndarray) -> Tensor:
    """(n · C, 1, H, W) float64, channels as images of their own."""
    values = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float64))
    if values.ndim == 4:
        values = values.movedim(3, 1).flatten(0, 1)
    return values.unsqueeze(1)


def _window(side: int) -> Tensor:
    """(side,), adds up to 1."""
    away = torch.arange(side, dtype=torch.float64) - side // 2
    weights = torch.exp(-0.5 * (away / SPREAD) ** 2)
    return weights / weights.sum()


def _blurred(planes: Tensor, window: Tensor) -> Tensor:
    """Means under the window at all places where it lies within, separably."""
    down = F.conv2d(planes, window.view(1, 1, -1, 1))
    return F.conv2d(down, window.view(1, 1, 1, -1))
