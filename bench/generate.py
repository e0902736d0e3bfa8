"""How good generated rows are: rings and grids of Gaussians, and MNIST.

    python bench/generate.py                          all, three seeds
    python bench/generate.py --only ring grid         points in the plane, minutes
    python bench/generate.py --only mnist --seeds 1   minutes a model

Figures go to results/generate.json, after every seed. Points in the plane: 10,000 samples, those
within 3 standard deviations of a centre count, a mode is found if it has a tenth of its share; the
control is the original game without penalty. MNIST: 10,000 samples against the 10,000 test images
in the features of a classifier that is trained here (its accuracy is printed); density and coverage
with k = 5 (Naeem et al. 2020), and the shares of the classes it sees. The network's samples are
judged at several temperatures; "chosen" is, for all seeds, the one of highest density among those
that keep a coverage of .75 and all classes within 1.4 times their shares, against 10,000 training
images.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from kept import keep
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

import diabolo
from diabolo.measures.samples import neighbourhoods

SEEDS, MINUTES = 3, 4.5
ROWS = SAMPLES = 10_000
TEMPERATURES = (1.0, 0.8, 0.6, 0.5, 0.45, 0.4, 0.35, 0.3)
VARIETY = 0.75  # coverage that a temperature has to keep
EVEN = 1.4  # times too many or too few of a class, at most
Row = dict[str, float | str]

RING = 2 * np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4])
GRID = np.array([[x, y] for x in range(-4, 5, 2) for y in range(-4, 5, 2)], float)
PLANE = {"ring": (RING, 0.02), "grid": (GRID, 0.05)}
CONTROL = {"game": "original", "penalty": 0.0}


def plane(name: str, seed: int, n_threads: int | None) -> list[Row]:
    """Default settings, and the original game as the control."""
    centres, spread = PLANE[name]
    dice = np.random.default_rng(seed)
    X = centres[dice.integers(len(centres), size=ROWS)] + spread * dice.normal(size=(ROWS, 2))
    rows: list[Row] = []
    for label, settings in (("default", {}), ("original game", CONTROL)):
        began = time.perf_counter()
        model = diabolo.GenerativeAdversarialNetwork(
            random_state=seed, n_threads=n_threads, **settings
        ).fit(X)
        rows.append(
            {
                "model": label,
                "seconds": time.perf_counter() - began,
                "epochs": model.n_iter_,
                **found(model.sample(SAMPLES, random_state=seed), centres, spread),
            }
        )
    return rows


def found(samples: np.ndarray, centres: np.ndarray, spread: float) -> Row:
    """Modes found, and the share of samples that belong to one."""
    far = np.linalg.norm(samples[:, None] - centres, axis=2)
    close = far.min(1) < 3 * spread
    counts = np.bincount(far.argmin(1)[close], minlength=len(centres))
    modes = int((counts > 0.1 * len(samples) / len(centres)).sum())
    return {"modes": modes, "of": len(centres), "within 3 sigma": float(close.mean())}


class Judge(nn.Module):
    """Classifier of 28×28 greys on [0, 1]; `features` is what its last layer sees, (n, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            [nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)]
        )
        self.hidden, self.head = nn.Linear(32 * 49, 128), nn.Linear(128, 10)

    def features(self, x: Tensor) -> Tensor:
        maps = x.unflatten(1, (1, 28, 28))
        for level in self.levels:
            maps = F.max_pool2d(F.relu(level(maps)), 2)
        return F.relu(self.hidden(maps.flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.dropout(self.features(x), 0.4, self.training))

    def learn(self, x: Tensor, y: Tensor, epochs: int = 5, rows: int = 128) -> Judge:
        steps = epochs * (len(x) // rows)
        adam = torch.optim.AdamW(self.parameters(), weight_decay=0.01)
        rate = torch.optim.lr_scheduler.OneCycleLR(adam, 3e-3, total_steps=steps)
        for step in range(steps):
            if step % (len(x) // rows) == 0:
                order = torch.randperm(len(x))
            at = order[(step % (len(x) // rows)) * rows :][:rows]
            moved = torch.roll(
                x[at].unflatten(1, (28, 28)), torch.randint(-2, 3, (2,)).tolist(), (1, 2)
            )
            loss = F.cross_entropy(self(moved.flatten(1)), y[at])
            adam.zero_grad()
            loss.backward()
            adam.step()
            rate.step()
        return self.eval()

    @torch.no_grad()
    def seen(self, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Features and classes of rows."""
        features = torch.cat([self.features(piece) for piece in x.split(1000)])
        return features.numpy(), self.head(features).argmax(1).numpy()


class Digits:
    """MNIST on [0, 1], and the judge of its samples."""

    def __init__(self) -> None:
        self.train, self.test = (diabolo.open_dataset("mnist", split=s) for s in ("train", "test"))
        torch.manual_seed(0)
        self.judge = Judge().learn(
            greys(self.train.rows.array), torch.tensor(self.train.labels).long()
        )
        self.features, classes = self.judge.seen(greys(self.test.rows.array))
        self.choosing, seen = self.judge.seen(greys(self.train.rows.array[:SAMPLES]))
        self.wanted = shares(seen)
        self.accuracy = float((classes == self.test.labels).mean())
        self.shares = shares(self.test.labels)
        print(f"judge: {self.accuracy:.2%} of the test images right", flush=True)

    def verdict(self, samples: np.ndarray) -> Row:
        features, classes = self.judge.seen(greys(samples))
        ratio = shares(classes) / self.shares
        near = neighbourhoods(self.features, features, k=5)
        return {
            "density": near.density,
            "coverage": near.coverage,
            "precision": near.precision,
            "recall": near.recall,
            "least share": float(ratio.min()),
            "largest share": float(ratio.max()),
            "judge": self.accuracy,
        }

    def allowed(
        self, model: diabolo.GenerativeAdversarialNetwork, seed: int, temperature: float
    ) -> Row:
        """Density on training rows, and whether variety is kept there."""
        samples = model.sample(SAMPLES, random_state=seed + 1000, temperature=temperature)
        features, classes = self.judge.seen(greys(samples))
        near = neighbourhoods(self.choosing, features, k=5)
        ratio = shares(classes) / self.wanted
        even = ratio.min() >= 1 / EVEN and ratio.max() <= EVEN
        return {
            "training density": near.density,
            "allowed": bool(even and near.coverage >= VARIETY),
        }


def choose(rows: list[Row]) -> None:
    """Mark one temperature for all seeds: the densest of those that are allowed in each."""
    own = [row for row in rows if "allowed" in row]
    density = {
        t: np.mean([row["training density"] for row in own if row["temperature"] == t])
        for t in TEMPERATURES
        if all(row["allowed"] for row in own if row["temperature"] == t)
    }
    heat = max(density, key=density.__getitem__, default=1.0)
    for row in own:
        row["chosen"] = row["temperature"] == heat


def shares(classes: np.ndarray) -> np.ndarray:
    return np.bincount(classes, minlength=10) / len(classes)


def greys(images: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(images, np.float32).reshape(len(images), -1) / 255)


def mnist(digits: Digits, seed: int, minutes: float, n_threads: int | None) -> list[Row]:
    """The network, a variational autoencoder and a mixture on PCA, each in the same time."""
    common = {"random_state": seed, "n_threads": n_threads}
    gan = diabolo.GenerativeAdversarialNetwork(
        lr=2e-3, averaging=0.999, max_epochs=round(GAN_EPOCHS * minutes), **common
    )
    vae = diabolo.VariationalAutoencoder(
        n_components=20,
        hidden_layer_sizes=(512, 256),
        max_epochs=round(VAE_EPOCHS * minutes),
        early_stopping=True,
        **common,
    )
    rows: list[Row] = []
    for model in (gan, vae):
        began = time.perf_counter()
        model.fit(digits.train)
        seconds = time.perf_counter() - began
        for temperature in TEMPERATURES if model is gan else (1.0,):
            samples = model.sample(SAMPLES, random_state=seed, temperature=temperature)
            rows.append(
                {
                    "model": type(model).__name__,
                    "seconds": seconds,
                    "epochs": model.n_iter_,
                    "temperature": temperature,
                    **digits.verdict(samples),
                    **(digits.allowed(gan, seed, temperature) if model is gan else {}),
                }
            )
    began = time.perf_counter()
    flat = np.asarray(digits.train.rows.array, np.float32).reshape(len(digits.train), -1)
    pca = PCA(50, random_state=seed).fit(flat)
    mixture = GaussianMixture(100, random_state=seed, max_iter=50).fit(pca.transform(flat[:20_000]))
    samples = pca.inverse_transform(mixture.sample(SAMPLES)[0]).clip(0, 255)
    rows.append(
        {
            "model": "mixture of 100 on PCA-50",
            "seconds": time.perf_counter() - began,
            **digits.verdict(samples),
        }
    )
    return rows


GAN_EPOCHS, VAE_EPOCHS = 6.0, 10.0  # a minute on two idle cores


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="*", default=[*PLANE, "mnist"])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="a model, on MNIST")
    parser.add_argument("--threads", type=int, default=None)
    wanted = parser.parse_args()
    digits = Digits() if "mnist" in wanted.only else None
    for name in wanted.only:
        rows: list[Row] = []
        for seed in range(wanted.seeds):
            for row in (
                plane(name, seed, wanted.threads)
                if name in PLANE
                else mnist(digits, seed, wanted.minutes, wanted.threads)
            ):
                rows.append({"seed": seed, **row})
                print(name, rows[-1], flush=True)
            if name not in PLANE:
                choose(rows)
            whole = seed + 1 >= SEEDS and (name in PLANE or wanted.minutes >= MINUTES)
            settings = {"minutes": wanted.minutes, "threads": wanted.threads}
            keep("generate", settings=settings, whole=whole, **{name: rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
