"""Parametric t-SNE with a decoder: a map that shows neighbours as they are, and can be read."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.utils._param_validation import Interval

from diabolo.data.neighbours import FEWEST, as_numbers, fuzzy_graph
from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import Facts
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import Fits
from diabolo.estimators.guided import beside
from diabolo.estimators.layouts import layout
from diabolo.estimators.tsne import MOST, tsne
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.models.model import parameters_under
from diabolo.models.placed import Placed
from diabolo.parts.codes import Anchored
from diabolo.parts.neighbours import Neighbours

ROWS = 3  # to an anchor at least, on average
# σ² as a multiple of the mean square of what lies between a place and its anchor: wide enough that
# even the sharpened choice is among several anchors, and codes move smoothly between them
WIDTH = 2.0
EXTENT = 3.0  # standard deviation of the map, as a decoder likes its inputs
TIGHTEST = 1e-6  # σ² where all places are anchors


class ParametricTSNE(Estimator):
    """Autoencoder whose code is t-SNE's map of the rows, for new rows as well.

        t-SNE: minimise KL(P ‖ Q) over places,  then −Σ_k t_k log softmax_k(h(x)) over the encoder,
        then −log p(x | z(x)) over the decoder,   z(x) = Σ_k softmax_k(8 h(x)) a_k

    t-SNE keeps nearest neighbours better than any other map, but it tears what it cannot lay flat,
    and a network that gives places as numbers puts rows between the shreds. This one chooses among
    many anchors a_k spread over the map, k-means centres of all places: t_k says which are near
    the row's own.

    When: data are to be looked at, and neighbours are to be neighbours. `ParametricUMAP` makes
    clearer clumps, and rows between them are placed between them.

    Watch: distances and sizes of clumps mean nothing, in t-SNE as in UMAP; one kind may lie in
    several pieces. The encoder learns nothing from the reconstruction.

    n_components : with more than 2 the places are UMAP's, of the same graph.
    n_neighbors : of each row in the graph, 15 stand for perplexities around 10.
    anchors : at most; a third of the rows where these are fewer.
    sharpness : 8 above; 1 is the mean over what the encoder holds possible, more the likeliest.
    max_epochs : of the encoder, and again of the decoder.

    All rows are in memory while their neighbours are found; places cost O(n) a step.

    van der Maaten 2009, "Learning a parametric embedding by preserving local structure"; Linderman
    et al. 2019, "Fast interpolation-based t-SNE"; Böhm, Berens & Kobak 2022, "Attraction-repulsion
    spectrum in neighbor embeddings".
    """

    n_components: int | None = 2
    activation: str = "silu"
    n_neighbors: int = 15
    anchors: int = 1000
    sharpness: float = 8.0
    lr: float = 2e-3
    batch_size: int | None = 256
    early_stopping: bool = False

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "anchors": [Interval(Integral, 2, None, closed="left")],
        "sharpness": [Interval(Real, 0, None, closed="neither")],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        count = int(min(self.anchors, max(2, facts.rows // ROWS)))
        code = Anchored(self.code_size(facts), count, float(self.sharpness))
        return self.around(facts, code)

    def joining(self, weight: float) -> Neighbours:
        raise ValueError("this map keeps neighbours by itself: pass neighbour_weight=0.")

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        if len(fits.dataset) < FEWEST:
            return super().plan(module, fits)
        places = self._places(module, fits)
        led = beside(fits, places)
        placed = Placed(module, self._anchor(module, places))
        encoder = led.player("places", placed, parameters_under("encoder", module))
        decoder = fits.player("decoder", module, _of_the_decoder(module))
        return [led.phase("places", (encoder,)), fits.phase("decoder", (decoder,))]

    def _places(self, module: AutoencoderModule, fits: Fits) -> np.ndarray:
        """t-SNE's of all rows, (n, dim) float32, at the map's scale."""
        table = Facts.of(self.columns_, len(fits.dataset), 0).table
        x = as_numbers(fits.all_scaled(), table)
        graph = fuzzy_graph(x, int(self.n_neighbors), self._seeds.number("neighbours"))
        dim = module.code.dim
        places = (tsne if dim <= MOST else layout)(graph, dim, self._seeds)
        return EXTENT / max(float(places.std()), 1e-6) * places

    def _anchor(self, module: AutoencoderModule, places: np.ndarray) -> float:
        """Put the code's anchors among the places; σ², how widely a place is told by them."""
        code: Any = module.code
        count = min(code.anchors, len(np.unique(places, axis=0)))
        seed = self._seeds.number("anchors") % 2**31
        found = KMeans(count, n_init=1, random_state=seed).fit(places)
        centres = torch.from_numpy(found.cluster_centers_).to(code.places)
        code.places.copy_(centres[torch.arange(code.anchors) % count])
        return max(WIDTH * found.inertia_ / len(places), TIGHTEST)


def _of_the_decoder(module: AutoencoderModule) -> tuple[str, ...]:
    names = (name for name, _ in module.named_parameters())
    return tuple(name for name in names if name.startswith(("decoder.", "likelihood.")))
