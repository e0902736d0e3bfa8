"""Patches cut and put together again, the noise level, and pictures denoised by what they teach."""

import numpy as np
import pytest

import diabolo
from diabolo import DenoisingAutoencoder
from diabolo.uses import denoise, filters


def picture(side=48, channels=1):
    """Soft discs with sharp rims, (side, side, channels) in [0, 1]."""
    at = np.linspace(-1, 1, side)
    y, x = np.meshgrid(at, at, indexing="ij")
    planes = [0.3 + 0.5 * (np.hypot(x - 0.2 * c, y) < 0.6) + 0.1 * x for c in range(channels)]
    return np.stack(planes, 2).astype(np.float32)


def noisy_picture(sigma=0.1, **words):
    clean = picture(**words)
    return clean + sigma * np.random.default_rng(0).normal(size=clean.shape), clean


def error(a, b):
    return np.square(a - b).mean()


@pytest.mark.parametrize("step", [1, 2, 5])
@pytest.mark.parametrize("shape", [(13, 21, 1), (6, 9, 3), (6, 6, 1)])
def test_patches_cover_every_pixel(shape, step):
    pixels = np.random.default_rng(0).uniform(size=shape)
    same = denoise.blended(pixels, 6, lambda patches: patches, step)
    assert same == pytest.approx(pixels, abs=1e-6)


def test_overlapping_patches_are_averaged():
    # each patch says its own mean: the result is the mean of means of all patches a pixel lies in
    pixels = np.arange(5.0).reshape(1, 5, 1).repeat(2, 0)
    found = denoise.blended(
        pixels, 2, lambda rows: np.broadcast_to(rows.mean((1, 2), keepdims=True), rows.shape)
    )
    assert found[0, :, 0] == pytest.approx([0.5, 1.0, 2.0, 3.0, 3.5])


def test_some_patches_are_of_all_pictures_and_none_comes_twice():
    first = np.arange(60.0).reshape(6, 10, 1)
    second = 1000 + np.arange(48.0).reshape(6, 8, 1)
    rows = denoise.some_patches([first, second], 100, seed=0)
    assert rows.shape == (5 + 3, 6, 6, 1)
    assert sorted(rows[:, 0, 0, 0]) == [0, 1, 2, 3, 4, 1000, 1001, 1002]
    assert len(denoise.some_patches([first, second], 4, seed=0)) == 4


@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_noise_level(sigma):
    noisy, _ = noisy_picture(sigma, side=200)
    assert denoise.noise_level(noisy) == pytest.approx(sigma, rel=0.06)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_teaches_itself(channels):
    noisy, clean = noisy_picture(0.1, channels=channels)
    model = denoise.learn_from_noisy(noisy, random_state=0, n_threads=1, max_epochs=60)
    found = denoise.by_patches(model, noisy)
    before, after = error(noisy, clean), error(found, clean)
    print(10 * np.log10(before / after), "dB")
    assert found.shape == noisy.shape
    assert after < before / 2.5  # 4 dB; a picture of so few pixels teaches little
    again = denoise.learn_from_noisy(noisy, random_state=0, n_threads=1, max_epochs=60)
    assert np.array_equal(denoise.by_patches(again, noisy), found)


@pytest.mark.parametrize(("kind", "level"), [("gaussian", 0.1), ("salt-and-pepper", 0.2)])
def test_clean_pictures_teach_another(kind, level, tmp_path):
    clean = picture(40)
    spoiled = denoise.with_noise(clean[None], kind, level, 1)[0]
    lessons = [np.rot90(clean).copy(), clean[::-1].copy()]
    model = denoise.learn_from_clean(
        lessons, kind, level, random_state=0, n_threads=1, max_epochs=60
    )
    found = denoise.by_patches(model, spoiled)
    assert error(found, clean) < error(spoiled, clean) / 4
    model.save(tmp_path / "patches.safetensors")
    loaded = diabolo.load(tmp_path / "patches.safetensors")
    assert np.array_equal(denoise.by_patches(loaded, spoiled), found)


def test_a_model_of_bytes_takes_pictures_too():
    clean = picture(24)
    rows = np.round(255 * denoise.some_patches([clean], 500, 0)).astype(np.uint8)
    model = DenoisingAutoencoder(max_epochs=5, random_state=0, n_threads=1).fit(rows)
    found = denoise.by_patches(model, clean)
    assert 0 <= found.min() < found.max() <= 1.01
    assert error(found, clean) < 0.05


def test_bad_pictures_and_models_are_one_sentence():
    with pytest.raises(ValueError, match="5×4 pixels holds no patch of 6×6"):
        denoise.learn_from_noisy(np.zeros((4, 5, 1)), 0.1)
    with pytest.raises(ValueError, match="one line cannot be told: pass sigma"):
        denoise.noise_level(np.zeros((1, 9)))
    with pytest.raises(ValueError, match="unknown noise 'rain': choose gaussian, salt"):
        denoise.with_noise(np.zeros((1, 8, 8)), "rain", 0.1)
    with pytest.raises(ValueError, match="unknown noise 'rain'"):
        denoise.learn_from_clean([picture(8)], "rain", 0.1)
    flat = DenoisingAutoencoder(max_epochs=1, random_state=0).fit(np.eye(30))
    with pytest.raises(ValueError, match="rows of shape .30,., which are no square patches"):
        denoise.by_patches(flat, picture(8))
    grey = denoise.learn_from_noisy(noisy_picture(side=12)[0], 0.1, max_epochs=1)
    with pytest.raises(ValueError, match="patches of grey, but the picture has 3 colours"):
        denoise.by_patches(grey, picture(12, 3))


def test_noise_is_what_it_says():
    images = np.full((50, 20, 20), 0.5)
    gaussian = denoise.with_noise(images, "gaussian", 0.2, 3)
    assert gaussian.std() == pytest.approx(0.2, rel=0.02)
    salt = denoise.with_noise(images, "salt-and-pepper", 0.3, 3)
    assert (salt == 0).mean() == pytest.approx(0.15, abs=0.01)
    assert (salt == 1).mean() == pytest.approx(0.15, abs=0.01)
    assert np.array_equal(salt, denoise.with_noise(images, "salt-and-pepper", 0.3, 3))


def test_rivals_get_their_best_setting():
    from sklearn.decomposition import PCA

    random = np.random.default_rng(0)
    clean = np.stack([picture(24)[:, :, 0] * k for k in random.uniform(0.5, 1, 12)])
    noisy = clean + 0.1 * random.normal(size=clean.shape)
    pca = PCA(8, random_state=0).fit(clean.reshape(12, -1))
    for rival, tried in (
        (filters.best_median(noisy, clean), [filters.medians(noisy, s) for s in filters.SIZES]),
        (
            filters.best_non_local_means(noisy, clean, 0.1),
            [filters.non_local_means(noisy, 0.1, h) for h in filters.STRENGTHS],
        ),
        (filters.best_components(pca, noisy, clean), []),
    ):
        best = filters.quality(rival.images, clean)
        assert best.psnr > filters.quality(noisy, clean).psnr
        assert all(best.psnr >= filters.quality(images, clean).psnr for images in tried)
        assert rival.setting
    assert filters.best_components(pca, noisy, clean).setting == "4 components"


def test_the_median_is_of_each_channel():
    images = np.random.default_rng(0).uniform(size=(2, 9, 8, 3))
    found = filters.medians(images, 3)
    assert found[1, 4, 4, 2] == np.median(images[1, 3:6, 3:6, 2])
