"""The picture of every family's page, from models that are trained on scikit-learn's digits.

    python docs/pictures.py             those that are older than the package
    python docs/pictures.py BetaVAE     these

Beside NAME.png in docs/families go NAME.caption and NAME.words, what `diabolo inspect` says.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sklearn.datasets import load_digits, make_swiss_roll
from sklearn.decomposition import PCA

import diabolo
from diabolo.families import FAMILIES
from diabolo.parts.activations import ACTIVATIONS
from diabolo.report.features import drawn_by_weights

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))
import drawing  # noqa: E402

FOLDER = HERE / "families"
PACKAGE = Path(diabolo.__file__).parent
DPI = 200  # two pixels for each of the page's
WIDTH = 7.0  # inches; pages show pictures at full width


class Picture(NamedTuple):
    """A figure, the model that it shows, and the sentence below."""

    figure: Figure
    model: Any
    caption: str


class Digits(NamedTuple):
    """Images 8×8 between 0 and 1; `shown` is one test image of each class."""

    train: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    shown: np.ndarray


def digits() -> Digits:
    data = load_digits()
    images = data.images / 16
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1437], order[1437:]
    first = [test[data.target[test] == label][0] for label in range(10)]
    return Digits(images[train], data.target[train], images[test], data.target[test], images[first])


def canvas(height: float, columns: int = 1, **words: Any) -> tuple[Figure, Any]:
    return plt.subplots(1, columns, figsize=(WIDTH, height), **words)


def error(rebuilt: np.ndarray, images: np.ndarray) -> float:
    """Squared error, summed over pixels, mean over images."""
    return float(np.square(rebuilt - images).reshape(len(images), -1).sum(1).mean())


SHARED = {"random_state": 0, "n_threads": 1, "activation": "gelu", "max_epochs": 60}
LAYER = {**SHARED, "hidden_layer_sizes": (), "n_components": 64}


# autoencoders


def autoencoder(data: Digits) -> Picture:
    model = diabolo.Autoencoder(n_components=8, hidden_layer_sizes=(128,), **SHARED)
    model.fit(data.train)
    pca = PCA(8, random_state=0).fit(data.train.reshape(-1, 64))

    def linear(images: np.ndarray) -> np.ndarray:
        flat = images.reshape(-1, 64)
        return pca.inverse_transform(pca.transform(flat)).reshape(images.shape)

    figure, ax = canvas(2.3)
    rows = {"input": data.shown, "rebuilt": model.reconstruct(data.shown)}
    drawing.strips(ax, rows | {"by PCA": linear(data.shown)})
    ours, theirs = (
        error(model.reconstruct(data.test), data.test),
        error(linear(data.test), data.test),
    )
    return Picture(
        figure,
        model,
        f"Test digits of 64 pixels rebuilt from 8 numbers. Squared error {ours:.2f}, by PCA with "
        f"as many numbers {theirs:.2f}.",
    )


def denoising(data: Digits) -> Picture:
    model = diabolo.DenoisingAutoencoder(
        n_components=128, noise="salt-and-pepper", level=0.3, **SHARED | {"max_epochs": 120}
    ).fit(data.train)
    draw = np.random.default_rng(0)
    hit = draw.random(data.shown.shape) < 0.3
    spoiled = np.where(hit, draw.integers(0, 2, hit.shape), data.shown)
    figure, ax = canvas(2.3)
    drawing.strips(
        ax, {"clean": data.shown, "corrupted": spoiled, "repaired": model.reconstruct(spoiled)}
    )
    caption = "Three in ten pixels of test digits replaced by black or white, and repaired."
    return Picture(figure, model, caption)


def sure(data: Digits) -> Picture:
    noise = np.random.default_rng(0).normal(scale=0.25, size=data.train.shape)
    model = diabolo.SUREAutoencoder(sigma=0.25, scaling="none", random_state=0, n_threads=1)
    model.fit(data.train + noise)
    noisy = data.shown + 0.25 * np.random.default_rng(1).normal(size=data.shown.shape)
    figure, ax = canvas(2.3)
    rows = {"noisy": noisy, "repaired": model.reconstruct(noisy), "clean": data.shown}
    drawing.strips(ax, rows)
    caption = "Learned from noisy digits alone (σ = ¼ of the range); no clean one was ever seen."
    return Picture(figure, model, caption)


def sparse(data: Digits) -> Picture:
    words = LAYER | {"likelihood": "bernoulli", "lr": 2e-2, "l2": 1e-2}
    words |= {"early_stopping": False}
    figure, axes = canvas(3.7, 2)
    for ax, weight in zip(axes, (0.0, 10.0), strict=True):
        model = diabolo.SparseAutoencoder(
            target_activation=0.1, sparsity_weight=weight, **words
        ).fit(data.train)
        drawing.signed(ax, drawn_by_weights(model.module_.decoder.layers[-1].weight, (8, 8)), 8)
        ax.set_title("with the penalty" if weight else "without")
    caption = (
        "What each of 64 units draws: red adds ink, blue takes it away. Sparse ones are strokes."
    )
    return Picture(figure, model, caption)


def contractive(data: Digits) -> Picture:
    figure, axes = canvas(3.0, 2, width_ratios=(1.3, 1))
    for weight in (0.0, 1.0):
        model = diabolo.ContractiveAutoencoder(
            contraction=weight, likelihood="bernoulli", tied=True, **LAYER | {"lr": 1e-2}
        ).fit(data.train)
        directions, sizes = model.tangent_directions(data.test)
        axes[0].semilogy(np.arange(1, 65), sizes.mean(0), label=f"λ = {weight:g}")
    axes[0].set(xlabel="direction", ylabel="singular value of ∂z/∂x", ylim=1e-3)
    axes[0].legend(frameon=False)
    chosen = [np.flatnonzero(data.test_labels == label)[0] for label in (0, 2, 3, 6, 7)]
    tangents = directions[chosen, :4].transpose(1, 0, 2).reshape(-1, 8, 8)
    sheets = np.concatenate([data.test[chosen], np.full_like(tangents, np.nan)])
    drawing.sheet(axes[1], sheets, 5)
    drawing.signed(axes[1], np.concatenate([np.full((5, 8, 8), np.nan), tangents]), 5)
    caption = (
        "Left: how far a code moves when its row moves in each direction, strongest first, mean "
        "over test digits. Right: digits, and the four directions that move their codes most."
    )
    return Picture(figure, model, caption)


def convolutional(data: Digits) -> Picture:
    model = diabolo.ConvolutionalAutoencoder(
        n_components=8, channels=(16, 32), **SHARED | {"activation": "relu", "max_epochs": 40}
    ).fit(data.train)
    maps = model.features(data.shown, 1).reshape(10, 16, -1)
    side = int(np.sqrt(maps.shape[2]))
    maps = maps.reshape(10, 16, side, side)
    live = maps.mean((0, 2, 3)).argsort()[::-1][:4]
    figure, ax = canvas(3.4)
    rows = {"input": data.shown, "rebuilt": model.reconstruct(data.shown)}
    for number, channel in enumerate(live, 1):
        seen = np.kron(maps[:, channel], np.ones((8 // side, 8 // side)))
        rows[f"map {number}"] = seen / seen.max()
    drawing.strips(ax, rows)
    caption = "Test digits, rebuilt from 8 numbers, and four of the first level's feature maps."
    return Picture(figure, model, caption)


def stacked(data: Digits) -> Picture:
    words = SHARED | {"activation": "sigmoid", "lr": 2e-2, "likelihood": "bernoulli"}
    words |= {"n_components": 16, "hidden_layer_sizes": (128, 64), "layer_epochs": 40}
    words |= {"layers": ("sparse", "denoising", "denoising"), "target_activation": 0.1}
    alone = diabolo.StackedAutoencoder(fine_tune=None, **words).fit(data.train)
    model = diabolo.StackedAutoencoder(**words).fit(data.train)
    figure, ax = canvas(2.3)
    drawing.strips(
        ax,
        {
            "input": data.shown,
            "layers alone": alone.reconstruct(data.shown),
            "fine-tuned": model.reconstruct(data.shown),
        },
    )
    before, after = (error(one.reconstruct(data.test), data.test) for one in (alone, model))
    caption = (
        f"Three layers, each trained by itself (squared error {before:.2f}), then all together "
        f"({after:.2f})."
    )
    return Picture(figure, model, caption)


def nested(data: Digits) -> Picture:
    model = diabolo.NestedAutoencoder(
        n_components=16, hidden_layer_sizes=(256, 128), **SHARED | {"max_epochs": 150}
    ).fit(data.train)
    counts = (1, 2, 4, 8, 16)
    rows = {"input": data.shown}
    rows |= {
        f"{n} units" if n > 1 else "1 unit": model.reconstruct_from(data.shown, n) for n in counts
    }
    figure, ax = canvas(3.9)
    drawing.strips(ax, rows)
    return Picture(figure, model, "One model; its code cut off after 1, 2, 4, 8 and 16 units.")


def dictionary(data: Digits) -> Picture:
    model = diabolo.SparseDictionary(n_components=128, k=6, **SHARED | {"max_epochs": 150}).fit(
        data.train
    )
    codes = model.transform(data.shown[:6])
    order = codes.argsort(1)[:, ::-1][:, :6]
    lines = []
    for image, code, units in zip(data.shown, codes, order, strict=False):
        sums = [np.where(np.isin(np.arange(128), units[: i + 1]), code, 0) for i in range(6)]
        lines += [image, *model.inverse_transform(np.array(sums, np.float32)).reshape(6, 8, 8)]
    figure, axes = canvas(3.6, 2, width_ratios=(1, 1))
    used = (model.transform(data.train) > 0).mean(0).argsort()[::-1][:64]
    drawing.signed(axes[0], np.asarray(model.atoms_)[used].reshape(64, 8, 8), 8)
    axes[0].set_title("the 64 atoms used most")
    drawing.sheet(axes[1], np.array(lines), 7)
    axes[1].set_title("a digit, and sums of 1 … 6 of its atoms")
    share = (model.transform(data.test) > 0).sum(1).mean()
    return Picture(figure, model, f"128 atoms, of which a test digit takes {share:.1f} on average.")


# with a prior


def variational(data: Digits) -> Picture:
    model = diabolo.VariationalAutoencoder(
        n_components=2, hidden_layer_sizes=(256, 128), **SHARED | {"max_epochs": 150, "lr": 3e-3}
    ).fit(data.train)
    figure, axes = canvas(3.5, 2)
    drawing.sheet(axes[0], plane(model, 15), 15)
    drawing.cloud(axes[1], model.transform(data.test), data.test_labels)
    caption = (
        "A code of two units. Left: what its places decode to, at equal steps of the prior's "
        "quantiles. Right: where test digits are encoded."
    )
    return Picture(figure, model, caption)


def plane(model: Any, side: int) -> np.ndarray:
    """Decoded places of the plane at equal steps of the normal distribution, top left first."""
    from scipy.stats import norm

    steps = norm.ppf(np.linspace(0.03, 0.97, side))
    x, y = np.meshgrid(steps, steps[::-1])
    return model.inverse_transform(np.stack([x.ravel(), y.ravel()], 1).astype(np.float32))


def traversed(data: Digits, model: Any, told: str) -> Picture:
    """Each unit by itself from −2 to 2, those that cost most first."""
    from diabolo.measures.latent import unit_prices

    model.fit(data.train)
    prices = unit_prices(model, data.test).nats
    steps = np.linspace(-2, 2, 10, dtype=np.float32)
    rows = {}
    for number, unit in enumerate(prices.argsort()[::-1], 1):
        z = np.zeros((10, len(prices)), np.float32)
        z[:, unit] = steps
        rows[f"unit {number}: {prices[unit]:.1f} nats"] = model.inverse_transform(z)
    figure, ax = canvas(0.55 * len(rows) + 0.4)
    drawing.strips(ax, rows)
    return Picture(figure, model, f"Each unit alone moved from −2 to 2, with its price. {told}")


DRAWN = SHARED | {"n_components": 6, "hidden_layer_sizes": (256, 128), "max_epochs": 120}
LATENT = DRAWN | {"lr": 3e-3, "batch_size": 128}


def beta(data: Digits) -> Picture:
    told = "With β = 4 only what matters most is kept."
    return traversed(data, diabolo.BetaVAE(beta=4.0, **LATENT), told)


def total_correlation(data: Digits) -> Picture:
    told = "Only the dependence between units is made dear (β = 6)."
    return traversed(data, diabolo.BetaTCVAE(beta=6.0, **LATENT), told)


def factor(data: Digits) -> Picture:
    told = "A critic makes units that depend on each other dear (γ = 6)."
    return traversed(data, diabolo.FactorVAE(critic_weight=6.0, **LATENT), told)


def matched(data: Digits, model: Any, told: str) -> Picture:
    """Codes of test digits over the prior, and draws."""
    from matplotlib.patches import Circle

    model.fit(data.train)
    figure, axes = canvas(3.5, 2)
    for radius in (1, 2):
        axes[0].add_patch(Circle((0, 0), radius, fill=False, color="0.6", lw=0.8))
    drawing.cloud(axes[0], model.transform(data.test), data.test_labels)
    drawing.sheet(axes[1], model.sample(100, random_state=0, prior="own"), 10)
    return Picture(
        figure,
        model,
        f"Left: codes of test digits; circles are one and two standard deviations of the prior. "
        f"Right: draws from it. {told}",
    )


FLAT = LATENT | {"n_components": 2}


def wasserstein(data: Digits) -> Picture:
    told = "Each code is a point, all of them together follow N(0, I)."
    return matched(data, diabolo.WassersteinAutoencoder(**FLAT), told)


def info(data: Digits) -> Picture:
    told = "A row's own KL counts half, that of all rows together instead."
    return matched(data, diabolo.InfoVAE(**FLAT), told)


def adversarial_autoencoder(data: Digits) -> Picture:
    told = "A critic of codes sees to it that they follow the prior."
    return matched(data, diabolo.AdversarialAutoencoder(critic_weight=0.3, **FLAT), told)


def importance_weighted(data: Digits) -> Picture:
    draws = (1, 2, 5, 10, 20, 50)
    figure, axes = canvas(3.0, 2, width_ratios=(1.4, 1))
    for k in (1, 20):
        model = diabolo.ImportanceWeightedAutoencoder(
            k=k, **LATENT | {"n_components": 2, "max_epochs": 60}
        ).fit(data.train)
        bounds = [model.log_likelihood(data.test[:200], n, random_state=0).mean for n in draws]
        axes[0].plot(draws, bounds, marker="o", ms=4, label=f"trained with k = {k}")
    axes[0].set(xscale="log", xlabel="draws", ylabel="log p(x) in nats, at least")
    axes[0].set_xticks(draws, draws)
    axes[0].minorticks_off()
    axes[0].legend(frameon=False)
    drawing.sheet(axes[1], model.sample(64, random_state=0), 8)
    axes[1].set_title("samples, k = 20")
    told = (
        "Left: the bound for test digits, by the number of draws that it is taken with. Trained "
        "for 20 draws, a model is worse with one and better from some on."
    )
    return Picture(figure, model, told)


def mixture(data: Digits) -> Picture:
    model = diabolo.MixtureVAE(n_clusters=10, start="mixture", **LATENT | {"n_components": 8}).fit(
        data.train
    )
    with torch.no_grad():
        means, logvars, log_shares = (x.numpy() for x in model.module_.code.prior.components())
    order = np.argsort(-log_shares)
    noise = np.random.default_rng(0).normal(size=(10, 12, means.shape[1]))
    z = means[order, None] + np.exp(logvars[order, None] / 2) * noise
    images = model.inverse_transform(z.reshape(120, -1).astype(np.float32))
    figure, ax = canvas(5.2)
    lines = zip(np.exp(log_shares[order]), images.reshape(10, 12, 8, 8), strict=True)
    drawing.strips(
        ax, {f"{'abcdefghij'[i]}  {share:.0%}": rows for i, (share, rows) in enumerate(lines)}
    )
    return Picture(
        figure, model, "A line of draws for each component of the prior, with its share."
    )


def vamp(data: Digits) -> Picture:
    model = diabolo.VampPriorVAE(n_pseudo_inputs=50, **LATENT | {"n_components": 8}).fit(data.train)
    figure, axes = canvas(2.6, 2)
    prior = model.module_.code.prior
    inputs = ACTIVATIONS[prior.link].value(prior.pseudo).detach().numpy()
    drawing.sheet(axes[0], inputs.reshape(-1, 8, 8), 10)
    axes[0].set_title("pseudo-inputs")
    drawing.sheet(axes[1], model.sample(50, random_state=0), 10)
    axes[1].set_title("draws")
    return Picture(figure, model, "The 50 learned examples that make the prior, and draws from it.")


def hierarchical(data: Digits) -> Picture:
    model = diabolo.HierarchicalVAE(
        n_top_components=4, **LATENT | {"n_components": 12, "warmup": 30}
    ).fit(data.train)
    figure, ax = canvas(4.0)
    drawing.sheet(ax, model.sample(96, random_state=0), 16)
    return Picture(
        figure, model, "Draws: u from N(0, I), z from what u says of it, then the image."
    )


def vae_gan(data: Digits) -> Picture:
    words = LATENT | {"n_components": 8}
    plain = diabolo.VariationalAutoencoder(**words).fit(data.train)
    model = diabolo.VAEGAN(**words).fit(data.train)
    figure, axes = canvas(2.6, 2)
    for ax, one, title in zip(axes, (plain, model), ("without the critic", "with it"), strict=True):
        drawing.sheet(ax, one.sample(50, random_state=0), 10)
        ax.set_title(title)
    return Picture(figure, model, "Draws of the same network trained by the bound alone, and here.")


# whole numbers


def quantised(data: Digits, model: Any, told: str) -> Picture:
    model.fit(data.train)
    figure, ax = canvas(2.6)
    drawing.strips(ax, {"input": data.shown, "rebuilt": model.reconstruct(data.shown)})
    for i, numbers in enumerate(model.indices(data.shown)):
        text = "\n".join(" ".join(map(str, numbers[j : j + 4])) for j in range(0, len(numbers), 4))
        ax.text(9 * i + 3.5, 18, text, ha="center", va="top", size=7)
    ax.text(-2, 18, "as code", ha="right", va="top")
    ax.set_ylim(25, -0.5)
    return Picture(figure, model, told)


def vector_quantised(data: Digits) -> Picture:
    model = diabolo.VQVAE(
        n_components=16, codebook_size=64, hidden_layer_sizes=(256, 128), **SHARED
    )
    return quantised(data, model, "Test digits in four whole numbers from 0 to 63: 24 bits each.")


def finite_scalar(data: Digits) -> Picture:
    model = diabolo.FSQAutoencoder(
        n_components=12, levels=4, hidden_layer_sizes=(256, 128), **SHARED
    )
    return quantised(data, model, "Test digits in twelve whole numbers from 0 to 3: 24 bits each.")


# that predict what is hidden


def half_hidden(images: np.ndarray) -> np.ndarray:
    """A mask for every image: its upper, lower, left or right half, in turn."""
    halves = np.zeros((4, 8, 8), bool)
    halves[0, :4] = halves[1, 4:] = halves[2, :, :4] = halves[3, :, 4:] = True
    return halves[np.arange(len(images)) % 4]


def masked(data: Digits) -> Picture:
    model = diabolo.MaskedAutoencoder(
        n_components=64, patch=2, hidden_layer_sizes=(256,), random_state=0, n_threads=1
    ).fit(data.train)
    mask = half_hidden(data.shown)
    seen = np.where(mask, np.nan, data.shown)
    filled = model.predict_hidden(data.shown, mask)
    figure, ax = canvas(2.3)
    drawing.strips(ax, {"visible": seen, "filled": filled, "whole": data.shown})
    return Picture(figure, model, "Half of each test digit, and the whole as predicted from it.")


def masked_ensemble(data: Digits) -> Picture:
    model = diabolo.MaskedEnsemble(n_members=8, patch=2, random_state=0, n_threads=1)
    model.fit(data.train)
    mask = half_hidden(data.shown)
    seen = np.where(mask, np.nan, data.shown)
    filled = model.predict_hidden(data.shown, mask)
    each = torch.from_numpy(model.hidden_parameters(data.shown, mask))
    members = model.module_.likelihood.mean(each).numpy().reshape(-1, *mask.shape)
    spread = np.where(mask, members.std(0), np.nan)
    figure, ax = canvas(2.9)
    rows = {"visible": seen, "predicted": filled, "spread": spread / np.nanmax(spread)}
    drawing.strips(ax, rows | {"whole": data.shown})
    told = "Half of each test digit, what eight members predict together, and where they differ."
    return Picture(figure, model, told)


# maps


def isometric(data: Digits) -> Picture:
    rows, along = make_swiss_roll(1500, random_state=0)
    model = diabolo.IsometricAutoencoder(
        n_components=2, max_epochs=60, random_state=0, n_threads=1
    ).fit(rows)
    figure = plt.figure(figsize=(WIDTH, 2.6))
    solid = figure.add_subplot(1, 2, 1, projection="3d")
    solid.scatter(*rows.T, c=along, cmap="viridis", s=5, linewidths=0)
    solid.view_init(6, -78)
    solid.set_box_aspect(None, zoom=1.3)
    solid.set_axis_off()
    flat = figure.add_subplot(1, 2, 2)
    codes = model.transform(rows) * model.columns_.scale[0]
    flat.scatter(*codes.T, c=along, cmap="viridis", s=5, linewidths=0)
    flat.set_aspect("equal")
    told = "A rolled sheet, and its code in the units of the rows: true to scale."
    return Picture(figure, model, told)


def mapped(data: Digits, model: Any, told: str) -> Picture:
    model.fit(data.train)
    codes = model.transform(data.test)
    figure, axes = canvas(3.5, 2)
    drawing.cloud(axes[0], codes, data.test_labels)
    low, high = np.quantile(codes, [0.02, 0.98], axis=0)
    x, y = np.meshgrid(np.linspace(low[0], high[0], 16), np.linspace(high[1], low[1], 16))
    places = np.stack([x.ravel(), y.ravel()], 1).astype(np.float32)
    drawing.sheet(axes[1], model.inverse_transform(places), 16)
    return Picture(figure, model, told)


def layout(data: Digits) -> Picture:
    model = diabolo.LayoutAutoencoder(n_components=2, **SHARED)
    return mapped(data, model, "Where test digits are placed, and what places decode to.")


def parametric_tsne(data: Digits) -> Picture:
    model = diabolo.ParametricTSNE(hidden_layer_sizes=(256, 128), **SHARED)
    return mapped(data, model, "Test digits placed by the network, and what places decode to.")


def parametric_umap(data: Digits) -> Picture:
    model = diabolo.ParametricUMAP(hidden_layer_sizes=(256, 128), **SHARED)
    return mapped(data, model, "Test digits placed by the network, and what places decode to.")


# new rows alone


def adversarial(data: Digits) -> Picture:
    model = diabolo.GenerativeAdversarialNetwork(
        n_components=16, max_epochs=150, random_state=0, n_threads=1
    ).fit(data.train, data.labels)
    labels = np.repeat(np.arange(10), 12)
    images = model.sample(120, labels=labels, random_state=0).reshape(12 * 10, 8, 8)
    figure, ax = canvas(5.2)
    by_class = images.reshape(10, 12, 8, 8)
    drawing.strips(ax, {f"“{label}”": rows for label, rows in enumerate(by_class)})
    return Picture(figure, model, "Twelve draws of each class.")


FIGURES: dict[str, Callable[[Digits], Picture]] = {
    name: globals()[module] for name, module in FAMILIES.items()
}


def words(model: Any) -> str:
    """What `diabolo inspect` says of the sentence."""
    from diabolo.cli.inspect import inspect

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        said = io.StringIO()
        with redirect_stdout(said):
            inspect(path)
    lines = said.getvalue().splitlines()[1:]
    last = next(i for i, line in enumerate(lines) if line.strip().startswith("weights"))
    return "\n".join(lines[: last + 1]) + "\n"


def draw(name: str) -> str:
    from diabolo.files import write_atomically

    drawing.reset()
    began = time.perf_counter()
    picture = FIGURES[name](digits())
    image = io.BytesIO()
    picture.figure.savefig(image, format="png", dpi=DPI, metadata={"Software": None})
    plt.close(picture.figure)
    FOLDER.mkdir(exist_ok=True)
    write_atomically(FOLDER / f"{name}.png", [image.getvalue()])
    write_atomically(FOLDER / f"{name}.words", [words(picture.model).encode()])
    write_atomically(FOLDER / f"{name}.caption", [picture.caption.encode()])
    return f"{name}: {time.perf_counter() - began:.0f} s"


def outdated() -> list[str]:
    """Families whose picture is older than this file or any of the package."""
    newest = max(path.stat().st_mtime for path in (*PACKAGE.rglob("*.py"), Path(__file__)))
    pictures = {name: FOLDER / f"{name}.png" for name in FIGURES}
    return [
        name
        for name, path in pictures.items()
        if not path.exists() or path.stat().st_mtime < newest
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *FIGURES], metavar="FAMILY")
    names = parser.parse_args().names or outdated()
    with get_context("spawn").Pool(int(os.environ.get("JOBS", "2"))) as pool:
        for line in pool.imap_unordered(draw, names):
            print(line, flush=True)


if __name__ == "__main__":
    main()
