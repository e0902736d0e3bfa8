"""PSNR and SSIM against scikit-image, and closed cases."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from diabolo.measures.images import psnr, ssim


def pairs(*shape, noise=0.2):
    random = np.random.default_rng(0)
    clean = random.uniform(size=shape).cumsum(1) / shape[1]
    return clean + noise * random.normal(size=shape), clean


@pytest.mark.parametrize("shape", [(3, 28, 28), (2, 17, 40, 3), (1, 11, 12), (2, 16, 16, 1)])
def test_as_scikit_image(shape):
    images, clean = pairs(*shape)
    channel = {"channel_axis": 2} if len(shape) == 4 else {}
    for image, truth, ours, also_ours in zip(
        images, clean, psnr(images, clean, 2.0), ssim(images, clean, 2.0), strict=True
    ):
        assert ours == pytest.approx(peak_signal_noise_ratio(truth, image, data_range=2.0))
        theirs = structural_similarity(
            truth,
            image,
            data_range=2.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            **channel,
        )
        assert also_ours == pytest.approx(theirs, abs=1e-12)


def test_closed_cases():
    _, clean = pairs(2, 12, 12)
    assert np.isinf(psnr(clean, clean)).all()
    assert ssim(clean, clean) == pytest.approx(1)
    assert psnr(clean + 0.1, clean) == pytest.approx(20)  # 10 log₁₀ (1 / 0.01)
    flat = np.full((1, 12, 12), 0.2)  # without any variance only the means speak
    c1 = 0.01**2
    expected = (2 * 0.2 * 0.6 + c1) / (0.2**2 + 0.6**2 + c1)
    assert ssim(flat, flat + 0.4) == pytest.approx(expected)


def test_small_images_get_a_window_that_fits():
    (image,), (clean,) = pairs(1, 8, 9)
    away = np.exp(-0.5 * (np.arange(-3, 4) / 1.5) ** 2)  # 7 × 7
    window = np.outer(away, away) / away.sum() ** 2
    values = []
    for top in range(2):
        for left in range(3):
            x, y = (each[top : top + 7, left : left + 7] for each in (image, clean))
            mean_x, mean_y = (window * x).sum(), (window * y).sum()
            covariance = (window * (x - mean_x) * (y - mean_y)).sum()
            variances = (window * (x - mean_x) ** 2).sum() + (window * (y - mean_y) ** 2).sum()
            values.append(
                (2 * mean_x * mean_y + 1e-4) / (mean_x**2 + mean_y**2 + 1e-4)
                * (2 * covariance + 9e-4) / (variances + 9e-4)
            )  # fmt: skip
    assert ssim(image[None], clean[None])[0] == pytest.approx(np.mean(values), abs=1e-12)


def test_pieces_do_not_show(monkeypatch):
    images, clean = pairs(5, 12, 12)
    whole = ssim(images, clean)
    monkeypatch.setattr("diabolo.measures.images.ENTRIES", 300)
    assert np.array_equal(ssim(images, clean), whole)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="cannot be compared with"):
        psnr(np.zeros((2, 8, 8)), np.zeros((2, 8, 9)))
    with pytest.raises(ValueError, match=r"pass two arrays \(n, H, W\)"):
        ssim(np.zeros((8, 8)), np.zeros((8, 8)))
