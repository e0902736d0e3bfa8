"""How well noise is removed: MNIST beside median, non-local means and PCA, and Kodak's pictures.

    python bench/denoise.py                             all, three seeds
    python bench/denoise.py --only mnist --seeds 1      minutes
    python bench/denoise.py --only kodak --pictures 2   a minute or two a picture

MNIST: a DenoisingAutoencoder fitted to the 60,000 clean training images, with noise of the kind and
level that it is then tested on, drawn anew at every step; settings were chosen on training rows
50,000 … 60,000. Rivals get the setting that is best on 500 of those; PCA is the better one of
those fitted to clean and to noisy training images. All are measured on the same noisy test images,
non-local means (which take milliseconds an image) on every fifth. Values are cut off at 0 and 1.

Kodak: eight pictures with Gaussian noise of 25 / 255, rounded to bytes as a file holds them.
"Alone": learned from the noisy picture itself; σ estimated. "Others": a DenoisingAutoencoder of
patches of the four pictures of the other half, clean, with the same noise. The filters get the true
σ and the setting that is best for each picture.

Figures go to results/denoise.json.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from kept import keep
from sklearn.decomposition import PCA

import diabolo
from diabolo.data.photograph import open_photograph
from diabolo.uses import denoise, filters
from diabolo.uses.filters import Rival, quality

ROOT = Path(__file__).resolve().parents[1]
NOISES = {"salt-and-pepper": 0.3, "gaussian": 0.5}
SETTINGS: dict[str, Any] = {
    "hidden_layer_sizes": (1024,),
    "n_components": 256,
    "activation": "gelu",
    "likelihood": "bernoulli",
    "early_stopping": False,
    "max_epochs": 12,
}
CHOSEN_ON, LEARNED_FROM = 500, 20_000
SEEDS, PICTURES = 3, 8
SPARSE = 5
SIGMA = 25
Row = dict[str, Any]


def images(split: str) -> np.ndarray:
    dataset = diabolo.open_dataset("mnist", split=split)
    return dataset.rows.take(np.arange(len(dataset))).astype(np.float32) / 255


def mnist(kind: str, seed: int, n_threads: int | None, quick: bool) -> list[Row]:
    level, train, test = NOISES[kind], images("train"), images("test")
    train, test = (train[:6000], test[:500]) if quick else (train, test)
    noisy = denoise.with_noise(test, kind, level, seed)
    began = time.perf_counter()
    model = diabolo.DenoisingAutoencoder(
        noise=kind, level=level, scaling="none", random_state=seed, n_threads=n_threads, **SETTINGS
    ).fit(train.reshape(len(train), -1))
    seconds = time.perf_counter() - began
    rows = [row("noisy", noisy, test)]
    rebuilt = model.reconstruct(noisy.reshape(len(noisy), -1)).reshape(test.shape)
    rows.append({**row("DenoisingAutoencoder", rebuilt, test), "seconds": seconds})
    rows += rivals(kind, level, train, noisy, test, seed)
    return [{"noise": f"{kind} {level}", "seed": seed, **each} for each in rows]


def rivals(
    kind: str, level: float, train: np.ndarray, noisy: np.ndarray, test: np.ndarray, seed: int
) -> list[Row]:
    """With settings chosen on some training images."""
    clean = train[-CHOSEN_ON:]
    held = denoise.with_noise(clean, kind, level, 1000 + seed)
    sigma = float(np.std(held - clean))
    size = filters.best_median(held, clean)
    rows = [chosen(size, filters.medians(noisy, number(size)), test)]
    best = filters.best_non_local_means(held, clean, sigma)
    some = noisy[::SPARSE]
    found = filters.non_local_means(some, sigma, number(best))
    rows.append(chosen(best, found, test[::SPARSE]))
    learned = train[:-CHOSEN_ON][:LEARNED_FROM]
    pcas = []
    for name, fitted in (
        ("clean", learned),
        ("noisy", denoise.with_noise(learned, kind, level, 2000 + seed)),
    ):
        pca = PCA(max(filters.CODES), random_state=0).fit(fitted.reshape(len(fitted), -1))
        rival = filters.best_components(pca, held, clean)
        pcas.append((quality(rival.images, clean).psnr, name, pca, rival))
    _, name, pca, rival = max(pcas, key=lambda one: one[0])
    flat = filters.from_components(pca, noisy.reshape(len(noisy), -1), int(number(rival)))
    fitted_to = Rival(rival.name, f"{rival.setting}, fitted to {name} images", rival.images)
    return [*rows, chosen(fitted_to, flat.reshape(test.shape), test)]


def number(rival: Rival) -> Any:
    """The number in a setting such as "h = 0.6 σ" or "32 components"."""
    (found,) = [word for word in rival.setting.split() if word.replace(".", "").isdigit()]
    return float(found) if "." in found else int(found)


def row(name: str, found: np.ndarray, clean: np.ndarray, **more: Any) -> Row:
    return {"name": name, **quality(found, clean)._asdict(), **more}


def chosen(rival: Rival, found: np.ndarray, clean: np.ndarray) -> Row:
    return row(rival.name, found, clean, setting=rival.setting)


def kodak(count: int, seed: int, n_threads: int | None, epochs: int | None) -> list[Row]:
    folder = Path(os.environ["DIABOLO_DATA"]) / "kodak"
    paths = sorted(folder.glob("*.png"))
    clean = [open_photograph(path).pixels for path in paths]
    half = len(clean) // 2
    words = {"random_state": seed, "n_threads": n_threads}
    words |= {"max_epochs": epochs} if epochs else {}
    taught = [
        denoise.learn_from_clean(others, "gaussian", SIGMA / 255, **words)
        for others in (clean[half:], clean[:half])
    ]
    rows = []
    for place in range(min(count, len(clean))):
        truth = clean[place]
        noise = np.random.default_rng([seed, place]).normal(0, SIGMA, truth.shape)
        noisy = (np.clip(np.round(255 * truth + noise), 0, 255) / 255).astype(np.float32)
        began = time.perf_counter()
        model = denoise.learn_from_noisy(noisy, **words)
        alone = denoise.by_patches(model, noisy)
        seconds = time.perf_counter() - began
        others = denoise.by_patches(taught[place >= half], noisy)
        found = [
            row("noisy", noisy[None], truth[None]),
            row("alone", alone[None], truth[None], seconds=seconds),
            row("others", others[None], truth[None]),
            *(
                chosen(rival, rival.images, truth[None])
                for rival in (
                    filters.best_median(noisy[None], truth[None]),
                    filters.best_non_local_means(noisy[None], truth[None], SIGMA / 255),
                )
            ),
        ]
        rows += [{"picture": paths[place].stem, "seed": seed, **each} for each in found]
        show(rows[-len(found) :])
    return rows


def show(rows: list[Row]) -> None:
    for each in rows:
        words = [f"{k} {v:.1f}" if isinstance(v, float) else str(v) for k, v in each.items()
                 if k not in ("psnr", "ssim")]  # fmt: skip
        print(f"PSNR {each['psnr']:6.2f}  SSIM {each['ssim']:.3f}  {', '.join(words)}", flush=True)


def summary(rows: list[Row], by: str) -> None:
    """Means over seeds, and over pictures."""
    print()
    for key in dict.fromkeys((each.get(by, ""), each["name"]) for each in rows):
        some = [each for each in rows if (each.get(by, ""), each["name"]) == key]
        psnr, ssim = (np.mean([each[name] for each in some]) for name in ("psnr", "ssim"))
        print(f"{key[0]!s:22} {key[1]:22} PSNR {psnr:6.2f}  SSIM {ssim:.3f}  ({len(some)} runs)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=("mnist", "kodak"), default=["mnist", "kodak"])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of MNIST; Kodak has one")
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--epochs", type=int, help="of Kodak's models, to try things")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--quick", action="store_true", help="few rows of MNIST, to try things")
    given = parser.parse_args()
    rows: dict[str, list[Row]] = {}
    if "mnist" in given.only:
        rows["mnist"] = []
        for seed in range(given.seeds):
            for kind in NOISES:
                rows["mnist"] += mnist(kind, seed, given.threads, given.quick)
                show(rows["mnist"][-5:])
            if not given.quick:
                keep("denoise", whole=seed + 1 >= SEEDS, mnist=rows["mnist"])
        summary(rows["mnist"], "noise")
    if "kodak" in given.only:
        rows["kodak"] = kodak(given.pictures, 0, given.threads, given.epochs)
        summary(rows["kodak"], "")
        if given.epochs is None:
            keep("denoise", whole=given.pictures >= PICTURES, kodak=rows["kodak"])


if __name__ == "__main__":
    main()
