"""Places in one or two dimensions by t-SNE, for many rows: neighbours lie as they do in the data.

The neighbourhood graph (`diabolo.data.neighbours`), scaled to Σ p_ij = 1, is compared with

    q_ij = (1 + d_ij²)⁻¹ / Z,   Z = Σ_{k≠l} (1 + d_kl²)⁻¹,   minimise −Σ_ij p_ij log q_ij

over the places themselves. Z has n² terms; on a grid it is a convolution: every place becomes a
charge on its nearest 4 (in two dimensions 16) nodes, by cubic interpolation, the charges' potential
is found by FFT, and read at the places.

van der Maaten & Hinton 2008, "Visualizing data using t-SNE"; Linderman et al. 2019, "Fast
interpolation-based t-SNE for improved visualization of single-cell RNA-seq data". That few
neighbours serve as well as perplexities: Böhm, Berens & Kobak 2022, "Attraction-repulsion spectrum
in neighbor embeddings".
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor, nn

from diabolo.data.batches import Batch
from diabolo.data.neighbours import Graph
from diabolo.estimators.layouts import FEWEST, layout, once, settled
from diabolo.estimators.seeds import Seeds

MOST = 2  # dimensions
STEPS = 500
LR, BETAS = 1.0, (0.9, 0.99)
SPACING = 1 / 3  # of the grid's nodes, where (1 + d²)⁻¹ falls to a half at d = 1
NODES = 1500  # along one side at most: beyond, they lie further apart
TINY = 1e-30  # places that are all infinitely far apart have no Z


def tsne(graph: Graph, dim: int, seeds: Seeds, *, steps: int = STEPS) -> np.ndarray:
    """Places (n, dim) float32, centred; dim is 1 or 2.

    Begins with UMAP's layout, which is what t-SNE is with stronger attraction (Böhm et al. 2022):
    kinds have found together there, and need only spread out.
    """
    start = layout(graph, dim, seeds)
    if len(start) < FEWEST:
        return start
    objective = TSNE(graph, start)
    return settled("t-SNE", objective, objective.places, seeds, steps, lr=LR, betas=BETAS)


class TSNE(nn.Module):
    """−Σ p_ij log q_ij in nats, times the rows; its parameters are the places."""

    heads: Tensor  # (edges,) int64, each edge once
    ends: Tensor
    p: Tensor  # (edges,), 1 in all

    def __init__(self, graph: Graph, start: np.ndarray) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.from_numpy(start).clone())
        edges = once(graph)
        p = edges.weights / edges.weights.sum()
        for name, values in (("heads", edges.heads), ("ends", edges.ends), ("p", p)):
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    def forward(
        self, batch: Batch, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        squared = (self.places[self.heads] - self.places[self.ends]).square().sum(1)
        attraction = (self.p * torch.log1p(squared)).sum()
        loss = attraction + torch.log(normaliser(self.places).clamp(min=TINY))
        # times the rows: else the pull of one would be so small that Adam took it for nothing
        return {"loss": len(self.places) * loss}


def normaliser(places: Tensor) -> Tensor:
    """Z = Σ_{k≠l} 1/(1 + d_kl²) of places (n, d), d being 1 or 2; 0-d, with its derivative."""
    d = places.shape[1]
    low = places.detach().amin(0)
    spacing = max(SPACING, float((places.detach().amax(0) - low).max()) / NODES)
    scaled = (places - low) / spacing
    first = scaled.detach().floor()
    side = int(first.max()) + 4
    nodes, shares = _shares(scaled - first, first.long(), side)
    charges = shares.new_zeros(side**d).index_add(0, nodes.flatten(), shares.flatten())
    with torch.no_grad():
        potential = _potential(charges.reshape((side,) * d), spacing)
    # the kernel is symmetric: the sum's derivative is twice that with a potential held fixed
    half = charges @ potential.flatten()
    corners = torch.cartesian_prod(*[torch.arange(4).to(places)] * d).reshape(-1, d)
    kernel = _kernel(corners.unsqueeze(1) - corners, spacing)
    own = ((shares @ kernel) * shares).sum()  # of every place with itself, as the grid sees it
    return 2 * half - half.detach() - own


def _shares(rest: Tensor, first: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Each place's nodes, (n, 4^d) int64 in a flat grid, and its shares of them, which sum to 1.

    rest : where it is between node 1 and 2 of 0 … 3 in each direction, (n, d) in [0, 1).
    """
    before, after = rest + 1, rest - 1
    beyond = rest - 2
    cubic = torch.stack(
        [
            -rest * after * beyond / 6,
            before * after * beyond / 2,
            -before * rest * beyond / 2,
            before * rest * after / 6,
        ],
        2,
    )
    ways = first.unsqueeze(2) + torch.arange(4, device=rest.device)
    nodes, shares = ways[:, 0], cubic[:, 0]
    for j in range(1, rest.shape[1]):
        nodes = (nodes.unsqueeze(2) * side + ways[:, j].unsqueeze(1)).flatten(1)
        shares = (shares.unsqueeze(2) * cubic[:, j].unsqueeze(1)).flatten(1)
    return nodes, shares


def _potential(charges: Tensor, spacing: float) -> Tensor:
    """Σ of the kernel over the charges of all nodes, at every node."""
    side, d = charges.shape[0], charges.ndim
    size = next_fast_len(2 * side - 1, real=True)  # so that no charge is met again from behind
    steps = torch.arange(size, device=charges.device)
    steps = torch.minimum(steps, size - steps).to(charges)
    kernel = _kernel(torch.stack(torch.meshgrid([steps] * d, indexing="ij"), -1), spacing)
    shape, axes = (size,) * d, tuple(range(d))
    spectrum = torch.fft.rfftn(charges, shape, axes) * torch.fft.rfftn(kernel, shape, axes)
    return torch.fft.irfftn(spectrum, shape, axes)[(slice(side),) * d]


def _kernel(steps: Tensor, spacing: float) -> Tensor:
    """(1 + distance²)⁻¹ of nodes so many steps apart, (…, d) → (…)."""
    return 1 / (1 + spacing**2 * steps.square().sum(-1))
