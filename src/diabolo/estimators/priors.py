"""Priors that are fitted to codes after training: what `model.fit_prior(X, kind)` makes.

Each is an object with settings, `fit(codes)`, `sample` and `log_prob`; what it learned is
`density_`, a part that is kept in the model file.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn

from diabolo.data.batches import Batch, Batches
from diabolo.data.columns import Columns
from diabolo.data.sources import open_dataset
from diabolo.engine.events import Terms
from diabolo.engine.fit import fit as carry_out
from diabolo.engine.players import Player
from diabolo.engine.schedule import Evaluation, Phase
from diabolo.estimators.seeds import Seeds
from diabolo.parts.densities import Blend, KernelDensity, MeanPosterior
from diabolo.parts.flows import Flow
from diabolo.parts.priors import Prior, StandardNormal
from diabolo.parts.spec import initialise

RIDGE = 1e-4  # of a unit's variance: units that never vary have none of their own
QUERIES = 300  # codes by which a bandwidth is judged


@dataclasses.dataclass
class FittedPrior:
    """What all kinds share.

    A kind says whether it is fitted to draws from the posteriors or to their moments.
    """

    kind: ClassVar[str]
    density: ClassVar[type[Prior]]
    wants_moments: ClassVar[bool] = False  # of q(z|x): only models with a posterior have them

    def fit(self, codes: Any, random_state: Any = None) -> Self:
        """Fit to codes (n, dim); with `wants_moments` to (n, 2·dim), means before log-variances."""
        codes = np.asarray(codes, np.float32)
        if codes.ndim != 2 or len(codes) < 2 or not np.isfinite(codes).all():
            raise ValueError(
                f"codes of shape {codes.shape} are none to fit a prior to: pass at least two rows "
                "of finite numbers."
            )
        self.density_ = self._fitted(codes, Seeds.of(random_state))
        return self

    def sample(
        self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """(n, dim)."""
        return self.density_.sample(n, generator, temperature)

    def log_prob(self, z: Tensor) -> Tensor:
        """(…, dim) → (…) in nats."""
        return self.density_.log_prob(z)

    def _fitted(self, codes: np.ndarray, seeds: Seeds) -> Prior:
        raise NotImplementedError


@dataclasses.dataclass
class Normal(FittedPrior):
    """N(0, I), whatever the codes are: right where training pulled them there."""

    kind: ClassVar[str] = "normal"
    density: ClassVar[type[Prior]] = StandardNormal

    def _fitted(self, codes: np.ndarray, seeds: Seeds) -> Prior:
        return StandardNormal(codes.shape[1])


@dataclasses.dataclass
class Mixture(FittedPrior):
    """Gaussians with full covariances, by expectation-maximisation (scikit-learn's).

    n_components : how many; 1 is one Gaussian with the codes' mean and covariance.
    most : codes that are looked at, evenly spread over the rows.

    Ghosh et al. 2020, sec. 4: ten of them after training, on the codes of a plain autoencoder.
    """

    kind: ClassVar[str] = "mixture"
    density: ClassVar[type[Prior]] = Blend
    n_components: int = 10
    most: int = 20_000

    def _fitted(self, codes: np.ndarray, seeds: Seeds) -> Prior:
        from sklearn.mixture import GaussianMixture  # takes half a second

        _require_whole("n_components", self.n_components)
        codes = _spread(codes, self.most).astype(np.float64)
        offset, scale = _moments(codes)
        count = min(self.n_components, len(codes))
        mixture = GaussianMixture(
            count, reg_covar=RIDGE, random_state=seeds.number("mixture") >> 32
        )
        with warnings.catch_warnings():  # the best of so many rounds will do
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit((codes - offset) / scale)
        density = Blend(codes.shape[1], count)
        _put(density.log_weights, np.log(mixture.weights_))
        _put(density.means, mixture.means_ * scale + offset)
        _put(density.roots, np.linalg.cholesky(mixture.covariances_) * scale[:, None])
        return density


@dataclasses.dataclass
class Kernel(FittedPrior):
    """A Gaussian kernel on every code, with the shape of the codes' covariance.

    bandwidth : kernels' size relative to the codes' covariance; None: the one under which codes
        are likeliest, each without its own kernel.
    most : kernels, on codes evenly spread over the rows.
    """

    kind: ClassVar[str] = "kernel"
    density: ClassVar[type[Prior]] = KernelDensity
    bandwidth: float | None = None
    most: int = 10_000

    def _fitted(self, codes: np.ndarray, seeds: Seeds) -> Prior:
        if self.bandwidth is not None and not self.bandwidth > 0:
            raise ValueError(f"bandwidth={self.bandwidth!r} must be positive.")
        codes = _spread(codes, self.most)
        _, scale = _moments(codes.astype(np.float64))
        covariance = np.atleast_2d(np.cov(codes, rowvar=False)) + RIDGE * np.diag(scale**2)
        root = np.linalg.cholesky(covariance)
        white = np.linalg.solve(root, (codes - codes.mean(0)).T).T
        size = self.bandwidth or likeliest_bandwidth(white)
        density = KernelDensity(codes.shape[1], len(codes))
        _put(density.points, codes)
        _put(density.root, size * root)
        return density


def likeliest_bandwidth(white: np.ndarray) -> float:
    """Size h of kernels N(·, h² I) by which white codes (n, dim) are likeliest, left out in turn.

    Of 30 sizes around Scott's n^(−1/(dim + 4)).
    """
    n, dim = white.shape
    every = -(-n // QUERIES)
    own = np.arange(0, n, every)
    squares = (white * white).sum(1)
    squared = squares[own, None] + squares - 2 * white[own] @ white.T
    squared[np.arange(len(own)), own] = np.inf
    table = torch.from_numpy(squared.astype(np.float32))
    sizes = n ** (-1 / (dim + 4)) * np.geomspace(0.1, 2, 30)
    scores = [float((table / (-2 * h * h)).logsumexp(1).mean()) - dim * math.log(h) for h in sizes]
    return float(sizes[int(np.argmax(scores))])


@dataclasses.dataclass
class Posteriors(FittedPrior):
    """The mean posterior q(z|x) of some training rows, for models that have one.

    most : posteriors, of rows evenly spread.
    """

    kind: ClassVar[str] = "vamp"
    density: ClassVar[type[Prior]] = MeanPosterior
    wants_moments: ClassVar[bool] = True
    most: int = 1000

    def _fitted(self, codes: np.ndarray, seeds: Seeds) -> Prior:
        means, logvars = np.split(_spread(codes, self.most), 2, axis=1)
        density = MeanPosterior(means.shape[1], len(means))
        _put(density.means, means)
        _put(density.logvars, logvars)
        return density


@dataclasses.dataclass
class MaskedFlow(FittedPrior):
    """A masked autoregressive flow, trained by the engine's loop.

    blocks, hidden : see `diabolo.parts.flows.Flow`.
    max_epochs : None: about 4,000 steps. A tenth of the codes is held out and says when to stop.
    """

    kind: ClassVar[str] = "flow"
    density: ClassVar[type[Prior]] = Flow
    blocks: int = 5
    hidden: Sequence[int] = (64, 64)
    max_epochs: int | None = None
    lr: float = 1e-3

    STEPS: ClassVar[int] = 4000
    HELD_OUT: ClassVar[float] = 0.1
    FEWEST: ClassVar[int] = 50  # codes; of fewer none are held out

    def _fitted(self, codes: np.ndarray, seeds: Seeds) -> Prior:
        _require_whole("blocks", self.blocks)
        flow = Flow(codes.shape[1], self.blocks, tuple(self.hidden))
        initialise(flow, seeds.generator("flow"))
        offset, scale = _moments(codes.astype(np.float64))
        _put(flow.offset, offset)
        _put(flow.scale, scale)
        carry_out([self._phase(flow, codes, seeds)], flow, seeds.generator("noise"))
        return flow.eval()

    def _phase(self, flow: Flow, codes: np.ndarray, seeds: Seeds) -> Phase:
        dataset = open_dataset(codes)
        columns = Columns.learn(dataset, "none")
        order = np.random.default_rng(seeds.number("split")).permutation(len(codes))
        held_out = int(self.HELD_OUT * len(codes)) if len(codes) >= self.FEWEST else 0
        size = min(256, max(16, len(codes) // 20))
        train = Batches(
            dataset, columns, batch_size=size, seed=seeds.number("order"), index=order[held_out:]
        )
        judge = None
        if held_out:
            judge = Batches(dataset, columns, batch_size=size, seed=0, index=order[:held_out])
        return Phase(
            "flow",
            (Player("flow", Likeliest(flow), lr=self.lr, weight_decay=0.0, clip=10.0),),
            train,
            evaluate=_evaluation(flow, judge) if judge else None,
            max_epochs=self.max_epochs or max(20, -(-self.STEPS // len(train))),
            patience=10 if judge else None,
        )


class Likeliest(nn.Module):
    """−log p of the batch under a density: the objective of maximum likelihood."""

    def __init__(self, density: Prior) -> None:
        super().__init__()
        self.density = density

    def forward(self, batch: Batch, clock: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": -self.density.log_prob(batch.x).mean()}


def _evaluation(flow: Flow, held_out: Batches) -> Evaluation:
    def evaluate(briefly: bool = False) -> Terms:
        with torch.no_grad():
            total = sum(float(-flow.log_prob(b.x).sum()) for b in held_out.in_order())
        return {"loss": total / held_out.n_rows}

    return evaluate


KINDS: dict[str, type[FittedPrior]] = {
    cls.kind: cls for cls in (Normal, Mixture, Kernel, Posteriors, MaskedFlow)
}


def make(kind: Any, settings: dict[str, Any]) -> FittedPrior:
    """The prior of that name with these settings, or one that was handed in as an object.

    raises ValueError for a name that is not among KINDS, TypeError for settings that it lacks.
    """
    if isinstance(kind, FittedPrior) and not settings:
        return dataclasses.replace(kind)
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind={kind!r} of prior is unknown. Known are {', '.join(KINDS)}.")
    known = [field.name for field in dataclasses.fields(KINDS[kind])]
    if unknown := sorted(settings.keys() - set(known)):
        takes = ", ".join(known) or "no settings"
        raise TypeError(f"a prior of kind {kind!r} has no {unknown[0]!r}: it takes {takes}.")
    return KINDS[kind](**settings)


def _spread(codes: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows, evenly spread."""
    _require_whole("most", most)
    return codes[:: -(-len(codes) // most)]


def _moments(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every unit; of those that never vary that of the others."""
    scale = codes.std(0)
    usual = scale.mean() or 1.0
    return codes.mean(0), np.where(scale > 1e-6 * usual, scale, usual)


def _put(buffer: Tensor, values: np.ndarray) -> None:
    buffer.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def _require_whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name}={value!r} must be a whole number of at least 1.")
