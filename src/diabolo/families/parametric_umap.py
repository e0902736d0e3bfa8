"""Parametric UMAP with a decoder: a map that keeps neighbours, and can be read backwards."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from diabolo.data.batches import number_of_batches
from diabolo.data.neighbours import FEWEST
from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import Facts
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import Fits, epochs
from diabolo.estimators.guided import guided_first
from diabolo.estimators.layouts import curve, layout
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Deterministic
from diabolo.parts.neighbours import Neighbours

LAYOUT = 500  # steps
STEPS = 3000  # at least: a map takes longer than a reconstruction


class ParametricUMAP(Estimator):
    """Autoencoder whose codes keep neighbours together: a map that is a network.

        minimise −log p(x | z) + λ CE(graph, codes)

    The graph says which training rows are near each other; the cross-entropy draws their codes
    together and pushes others apart. In contrast to UMAP the map is a network: new rows are placed
    at once, and any place can be decoded.

    When: data are to be looked at. Take a code of two units, the default; as a penalty of other
    families see their `neighbour_weight`.

    Watch: only neighbourhoods are kept, not distances between far parts, nor how dense a part is. A
    network does not unfold data from a random start; so for the first half of the epochs codes are
    led to the places of UMAP itself, made here from the same graph, and then let go.

    neighbour_weight : λ, in nats of the reconstruction; 0: none.
    guide : weight of ½ ‖z − z_UMAP‖² in the first half; 0: no guide.
    n_neighbors : of each row in the graph; more show the large, fewer the small.
    repulsion : rows that are pushed away for each one that is drawn near (UMAP's
        negative_sample_rate). The layout keeps more neighbours with many, but a network follows
        it less.
    min_dist : how far apart the nearest codes lie; small: clumps, large: evenly spread.

    Neighbours are found among all rows in memory, exactly up to 10,000 rows and nearly so above.

    Sainburg, McInnes & Gentner 2021, "Parametric UMAP embeddings for representation and
    semisupervised learning"; McInnes, Healy & Melville 2018, "UMAP".
    """

    n_components: int | None = 2
    activation: str = "silu"
    neighbour_weight: float = 10.0
    guide: float = 60.0
    n_neighbors: int = 10
    repulsion: int = 5
    min_dist: float = 0.0
    batch_size: int | None = 256
    lr: float = 3e-3
    early_stopping: bool = False

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "guide": [Interval(Real, 0, None, closed="left")],
        "repulsion": [Interval(Integral, 1, None, closed="left")],
        "min_dist": [Interval(Real, 0, 1, closed="left")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        return self.around(facts, Deterministic(self.code_size(facts)))

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        steps = number_of_batches(len(fits.train), max(1, fits.batch_size // 2))
        most = self.max_epochs or max(epochs(steps), -(-STEPS // steps))
        free = fits.phase("joint", self.players(module, fits), most)
        if not (self.n_joined and self.guide) or free.max_epochs < 2 or len(fits.dataset) < FEWEST:
            return [free]
        places = self._places(fits, module.code.dim)
        return guided_first(free, fits, module, places, self.guide)

    def _places(self, fits: Fits, dim: int) -> np.ndarray:
        """UMAP's places of all rows, (n, dim)."""
        rows = fits.train if fits.held_out is None else np.arange(len(fits.dataset))
        return layout(
            fits.graph(rows),
            dim,
            self._seeds,
            steps=LAYOUT,
            repelled=int(self.repulsion),
            curve=curve(float(self.min_dist)),
        )

    def joining(self, weight: float) -> Neighbours:
        a, b = curve(float(self.min_dist))
        return Neighbours(weight, float(self.repulsion), a=a, b=b)
