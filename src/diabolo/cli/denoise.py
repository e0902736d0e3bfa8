"""`diabolo denoise`: noisy images → clean ones, by a model or what a picture itself teaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
from cyclopts import Parameter

from diabolo.cli import text
from diabolo.cli.flags import Force, Json, Split, Target, output
from diabolo.cli.targets import check_target
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    from diabolo.data.dataset import Dataset
    from diabolo.data.photograph import Photograph
    from diabolo.estimators.estimator import Estimator

MEASURED = 1000  # images of a set, evenly spread, that filters are tried on
PCA_PATCHES = 20_000

Qualities = dict[str, dict[str, Any]]


def denoise(
    model: Annotated[str, Parameter(help="A model file; or, alone, the picture.")],
    data: Annotated[str | None, Parameter(help="A picture, or data as for diabolo train.")] = None,
    /,
    *,
    output: Annotated[Path, output(".png for a picture; .npy, .csv, .parquet or .png for data.")],
    sigma: Annotated[
        float | None,
        Parameter(help="Of the picture's Gaussian noise, in greys of 255. Default: estimated."),
    ] = None,
    pictures: Annotated[
        Path | None, Parameter(help="Folder of clean pictures to learn from, with --noise.")
    ] = None,
    noise: Annotated[
        str | None,
        Parameter(
            help="KIND:LEVEL, such as gaussian:0.1 or salt-and-pepper:0.3 on the scale from 0 to "
            "1: what clean pictures are spoiled with for learning; with a model, what clean data "
            "are spoiled with to measure how well it is removed."
        ),
    ] = None,
    clean: Annotated[
        Path | None, Parameter(help="The clean version of the picture, to measure with.")
    ] = None,
    save: Annotated[
        Path | None, Parameter(help="Write the model that was learned, for other pictures.")
    ] = None,
    target: Target = None,
    split: Split = "train",
    epochs: Annotated[int | None, Parameter(help="Of learning; else about 3,000 steps.")] = None,
    seed: Annotated[int, Parameter(help="Same seed, threads and machine: same picture.")] = 0,
    threads: Annotated[int | None, Parameter(help="Default: what is fastest.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Remove noise from images.

    diabolo denoise PICTURE            learned from the noisy picture alone (Gaussian noise)

    diabolo denoise PICTURE --pictures FOLDER --noise salt-and-pepper:0.1

    diabolo denoise MODEL PICTURE      a model of small patches, for a picture of any size

    diabolo denoise MODEL DATA         a model of whole images, for images of that size

    Where the clean version is known, PSNR and SSIM are shown beside the median filter, non-local
    means and PCA, each with the settings that come closest to it.
    """
    from diabolo.data.photograph import is_picture

    check_target(output, force)
    if save is not None:
        check_target(save, force)
    picture = data if data is not None else model
    if is_picture(picture):
        _refuse(target is not None or split != "train", "--target and --split are for data")
        if output.suffix.lower() != ".png":
            raise UsageError(f"{output}: a picture is written as .png.")
        words: dict[str, Any] = {"random_state": seed, "n_threads": threads, "max_epochs": epochs}
        learned = _Learned(
            sigma, pictures, noise, {k: v for k, v in words.items() if v is not None}
        )
        _picture(picture, model if data else None, learned, output, clean, save, json)
        return
    if data is None:
        raise UsageError(f"{model} is no picture: name a model and data, or one picture.")
    for given, flag in ((sigma, "--sigma"), (pictures, "--pictures"), (save, "--save")):
        _refuse(given is not None, f"{flag} is for one picture")
    _refuse(
        clean is not None, "--clean is for one picture; for data pass the clean ones, and --noise"
    )
    _data(Path(model), data, output, noise, target, split, seed, json)


def _refuse(is_wrong: bool, why: str) -> None:
    if is_wrong:
        raise UsageError(f"{why}.")


def parsed_noise(given: str) -> tuple[str, float]:
    """
    >>> parsed_noise("gaussian:0.5")
    ('gaussian', 0.5)
    """
    from diabolo.uses.denoise import NOISES

    kind, _, level = given.partition(":")
    try:
        strength = float(level)
    except ValueError:
        strength = -1.0
    if kind not in NOISES or not 0 <= strength < np.inf or (kind != "gaussian" and strength > 1):
        raise UsageError(
            f"--noise {given} is not KIND:LEVEL, such as gaussian:0.1; kinds are "
            f"{', '.join(NOISES)}, levels standard deviations or shares of the pixels."
        )
    return kind, strength


# one picture


class _Learned:
    """How a model of patches is made, where there is none yet."""

    def __init__(
        self, sigma: float | None, pictures: Path | None, noise: str | None, words: dict[str, Any]
    ) -> None:
        if sigma is not None and not 0 < sigma < np.inf:
            raise UsageError(f"--sigma {sigma:g} is no standard deviation above 0.")
        if (pictures is None) != (noise is None):
            raise UsageError("--pictures and --noise go together: clean pictures, and their noise.")
        self.sigma, self.pictures, self.words = sigma, pictures, words
        self.noise = None if noise is None else parsed_noise(noise)

    @property
    def asks(self) -> bool:
        """Whether anything was said about learning."""
        return self.sigma is not None or self.pictures is not None or "max_epochs" in self.words

    def model(self, photograph: Photograph) -> tuple[Estimator, str]:
        """A fitted model, and where it comes from."""
        from diabolo.uses import denoise as use

        if self.pictures is not None and self.noise is not None:
            clean = clean_pictures(self.pictures, photograph.pixels.shape[2])
            model: Estimator = use.learn_from_clean(clean, *self.noise, **self.words)
            kind, level = self.noise
            count = text.many(len(clean), "clean picture")
            return model, f"learned from {count} with {kind} noise of {level:g}"
        sigma = self.sigma / 255 if self.sigma else use.noise_level(photograph.pixels)
        model = use.learn_from_noisy(photograph.pixels, sigma, **self.words)
        how = "given" if self.sigma else "estimated"
        return model, f"learned from itself, Gaussian noise of σ = {255 * sigma:.1f} of 255 ({how})"


def clean_pictures(folder: Path, channels: int) -> list[np.ndarray]:
    """All pictures in a folder, in grey or colour as the noisy one is."""
    from diabolo.data.photograph import is_picture, open_photograph

    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder.")
    paths = sorted(path for path in folder.iterdir() if is_picture(path))
    if not paths:
        raise ValueError(f"{folder} holds no pictures.")
    found = [open_photograph(path).pixels for path in paths]
    if channels == 1:
        return [pixels.mean(2, keepdims=True) for pixels in found]
    return [np.broadcast_to(pixels, (*pixels.shape[:2], 3)) for pixels in found]


def _picture(
    path: str,
    model: str | None,
    learned: _Learned,
    output: Path,
    clean: Path | None,
    save: Path | None,
    json: bool,
) -> None:
    from diabolo.cli.models import require_encoder
    from diabolo.data.photograph import open_photograph
    from diabolo.families.saved import load
    from diabolo.files import write_atomically
    from diabolo.uses.denoise import by_patches

    photograph = open_photograph(path)
    truth = None if clean is None else _truth(photograph, clean)
    if model is None:
        estimator, origin = learned.model(photograph)
    else:
        _refuse(learned.asks or save is not None, f"{model} is a model already: nothing is learned")
        loaded = load(Path(model))
        require_encoder(loaded, Path(model))
        estimator, origin = cast("Estimator", loaded), f"by {type(loaded).__name__} of {model}"
    pixels = by_patches(estimator, photograph.pixels)
    if save is not None:
        estimator.save(save)
    write_atomically(output, [photograph.png(pixels)])
    measured = None if truth is None else _of_picture(photograph.pixels, pixels, truth)
    shape = {"width": pixels.shape[1], "height": pixels.shape[0]}
    if json:
        report = {"file": str(output), "bytes": output.stat().st_size, **shape, "model": origin}
        print(text.as_json(report | ({} if measured is None else {"quality": measured})))
        return
    print(f"{output}: {shape['width']}×{shape['height']}, {text.size_of(output)}, {origin}")
    if measured is not None:
        print(text.pairs(_lines(measured)))


def _truth(noisy: Photograph, clean: Path) -> np.ndarray:
    from diabolo.data.photograph import open_photograph

    pixels = open_photograph(clean).pixels
    if pixels.shape != noisy.pixels.shape:
        sizes = [f"{p.shape[1]}×{p.shape[0]}×{p.shape[2]}" for p in (pixels, noisy.pixels)]
        raise ValueError(f"{clean} is {sizes[0]}, but the noisy picture is {sizes[1]}.")
    return pixels


def _of_picture(noisy: np.ndarray, ours: np.ndarray, clean: np.ndarray) -> Qualities:
    from sklearn.decomposition import PCA

    from diabolo.uses import denoise as use
    from diabolo.uses import filters

    rows = use.some_patches([noisy], PCA_PATCHES, 0)
    pca = PCA(min(64, rows[0].size), random_state=0).fit(rows.reshape(len(rows), -1))

    def linear(count: int) -> np.ndarray:
        def rebuilt(given: np.ndarray) -> np.ndarray:
            flat = given.reshape(len(given), -1)
            return filters.from_components(pca, flat, count).reshape(given.shape)

        return use.blended(noisy, use.PATCH, rebuilt)

    sigma = float(np.std(noisy - clean))
    components = filters.best(
        "PCA of patches",
        (8, 16, 24, 32, 48),
        lambda n: linear(int(n))[None],
        clean[None],
        f"{{}} of {rows[0].size} components",
    )
    rivals = [*_filters(noisy[None], clean[None], sigma), components]
    return _qualities(noisy[None], ours[None], clean[None], rivals)


# sets of images, or rows


def _data(
    path: Path,
    data: str,
    output: Path,
    noise: str | None,
    target: str | None,
    split: str,
    seed: int,
    json: bool,
) -> None:
    from diabolo.cli import models, tables
    from diabolo.cli.sheets import write_sheet

    tables.check_suffix(output, (".png",))
    estimator, dataset = models.opened(path, data, target, split)
    columns, measured = estimator.columns_, None
    tables.refuse_numbers_only(output, columns)
    if noise is not None:
        clean, dataset = dataset, _spoiled(estimator, dataset, *parsed_noise(noise), seed)
        measured = _of_set(estimator, dataset, clean)
    if output.suffix.lower() == ".png":
        written = write_sheet(output, estimator, dataset)
    else:
        written = len(dataset)
        names = list(columns.names or (f"x{j}" for j in range(columns.n_features)))
        pieces = models.through(estimator.reconstruct, estimator, dataset)
        label = target or "label"
        tables.write(output, tables.Table(pieces, len(dataset), names, dataset.labels, label))
    if output == tables.STDOUT:
        return
    if json:
        report = {"file": str(output), "bytes": output.stat().st_size, "rows": written}
        print(text.as_json(report | ({} if measured is None else {"quality": measured})))
        return
    print(f"{output}: {text.many(written, 'row')}, {text.size_of(output)}")
    if measured is not None:
        print(text.pairs(_lines(measured)))


def _spoiled(estimator: Estimator, dataset: Dataset, kind: str, level: float, seed: int) -> Dataset:
    """The rows with noise of so many of the model's scaled units, in the data's own."""
    import torch

    from diabolo.data.rows import ArrayRows
    from diabolo.estimators.rowwise import PIECE
    from diabolo.measures.rows import scaled
    from diabolo.uses.denoise import with_noise

    columns = estimator.columns_
    if columns.schema is not None:
        raise ValueError("--noise is for numbers alone, but rows of this model are a mixed table.")
    noisy = torch.from_numpy(with_noise(scaled(estimator, dataset), kind, level, seed))
    # not rounded: noise leads beyond black and white
    wide = [
        (rows.double().numpy() * columns.scale + columns.offset).astype(np.float32)
        for rows in noisy.split(PIECE)
    ]
    rows = np.concatenate(wide).reshape(-1, *columns.shape)
    return replace(dataset, rows=ArrayRows(rows), shape=columns.shape)


def _of_set(estimator: Estimator, noisy: Dataset, clean: Dataset) -> Qualities:
    """PSNR and SSIM of some images on the scale 0 … 1, beside filters and PCA of the clean ones."""
    from diabolo.doctor.linear import fitted_pca
    from diabolo.estimators.composition import Facts, image_shape
    from diabolo.measures.rows import rebuilt, scaled, spread
    from diabolo.uses import filters

    height, width, channels = image_shape(Facts.of(estimator.columns_, 0, 0))
    if min(height, width) < 3 or estimator.columns_.kind == "real":
        raise ValueError(
            "PSNR and SSIM are of images with values from black to white, but this model's rows "
            "are none: leave out --noise."
        )
    shape = (height, width) if channels == 1 else (height, width, channels)
    x, given, ours = (
        rows.reshape(-1, *shape)
        for rows in (
            scaled(estimator, spread(clean, MEASURED)),
            scaled(estimator, spread(noisy, MEASURED)),
            rebuilt(estimator, spread(noisy, MEASURED)),
        )
    )
    other = scaled(estimator, spread(clean, 5 * MEASURED))
    pca = fitted_pca(other, min(128, other.shape[1]))
    rivals = [
        *_filters(given, x, float(np.std(given - x))),
        filters.best_components(pca, given, x),
    ]
    return _qualities(given, ours, x, rivals)


# both


def _filters(noisy: np.ndarray, clean: np.ndarray, sigma: float) -> Iterator[Any]:
    from diabolo.uses import filters

    yield filters.best_median(noisy, clean)
    if filters.has_non_local_means():
        yield filters.best_non_local_means(noisy, clean, sigma)


def _qualities(
    noisy: np.ndarray, ours: np.ndarray, clean: np.ndarray, rivals: list[Any]
) -> Qualities:
    from diabolo.uses.filters import quality

    found = {"noisy": (noisy, ""), "denoised": (ours, "")}
    found |= {rival.name: (rival.images, rival.setting) for rival in rivals}
    return {
        name: quality(images, clean)._asdict() | ({"setting": setting} if setting else {})
        for name, (images, setting) in found.items()
    }


def _lines(measured: Qualities) -> Iterator[tuple[str, str]]:
    for name, row in measured.items():
        setting = f"  ({row['setting']})" if "setting" in row else ""
        yield name, f"PSNR {row['psnr']:.2f} dB, SSIM {row['ssim']:.3f}{setting}"
