"""The layout autoencoder: codes that lie in clumps where rows come in kinds."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from diabolo.data.neighbours import FEWEST, Nearest, as_numbers, joined, nearest
from diabolo.data.tangents import nearest_moved
from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import SMALLEST, Facts, image_shape
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import Fits
from diabolo.estimators.guided import guided
from diabolo.estimators.layouts import layout
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Deterministic

SHORTEST = 20  # epochs; where places are known a third of the usual steps is enough


class LayoutAutoencoder(Estimator):
    """Autoencoder whose codes are led to a layout of the rows in which neighbours lie together.

        minimise −log p(x | z) + guide · ½ ‖z − z*‖²,  z* the row's place in UMAP's layout

    The graph of each row's nearest others is laid out as UMAP does, with clumps and gaps; encoder
    and decoder learn with these places as targets, so that new rows are placed, and any place can
    be decoded. Unlike in `ParametricUMAP` the layout comes first: it costs seconds, and no network
    has to find it.

    When: clusters are to be found; `DeepClusterer` does that with it.

    Watch: distances between clumps mean little, and clumps appear where there are none, too, as in
    every layout of nearest neighbours. Targets are of the training rows: a network that cannot
    follow them places new rows between clumps.

    guide : weight of the squared distance to the layout, relative to the loss in nats. Larger ones
        make tighter clumps, and rows that are rebuilt worse than by PCA.
    nearby : rows that each row is joined with.
    distance : "euclidean"; "tangent": between images, where small shifts, turns, stretches and
        changes of thickness count little (Simard et al. 1993); "auto": that one for images.

    McConville et al. 2021, "N2D: (not too) deep clustering via clustering the local manifold of an
    autoencoded embedding"; McInnes, Healy & Melville 2018, "UMAP".
    """

    guide: float = 0.3
    nearby: int = 15
    distance: str = "auto"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "guide": [Interval(Real, 0, None, closed="left")],
        "nearby": [Interval(Integral, 1, None, closed="left")],
        "distance": [StrOptions({"auto", "euclidean", "tangent"})],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        self._moved_shape(facts)  # or one sentence
        return self.around(facts, Deterministic(self.code_size(facts)))

    def code_size(self, facts: Facts) -> int:
        return int(self.n_components or min(10, super().code_size(facts)))

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        if not self.guide or len(fits.dataset) < FEWEST:
            return super().plan(module, fits)
        places = layout(joined(self._nearest(fits)), module.code.dim, self._seeds)
        phase = guided(fits, module, places, self.guide)
        if self.max_epochs is None:
            phase = replace(phase, max_epochs=max(SHORTEST, phase.max_epochs // 3))
        return [phase]

    def _nearest(self, fits: Fits) -> Nearest:
        facts = Facts.of(self.columns_, len(fits.dataset), 0)
        x = fits.all_scaled()
        k, seed = min(self.nearby, len(x) - 1), self._seeds.number("neighbours")
        shape = self._moved_shape(facts)
        if shape is None:
            return nearest(as_numbers(x, facts.table), k, seed)
        return nearest_moved(x, shape, k, seed)

    def _moved_shape(self, facts: Facts) -> tuple[int, int, int] | None:
        """The images' shape, where they are compared as images."""
        shape = image_shape(facts)
        are_images = not facts.table and min(shape[:2]) >= SMALLEST
        if self.distance == "tangent" and not are_images:
            raise ValueError(
                f"distance='tangent' is between images of at least {SMALLEST}x{SMALLEST} pixels, "
                "but rows are none: pass distance='euclidean'."
            )
        return shape if are_images and self.distance != "euclidean" else None
