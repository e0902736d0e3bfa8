"""The isometric autoencoder: a code that is a true-to-scale map of the rows' manifold."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from diabolo.data.neighbours import FEWEST
from diabolo.engine.schedule import Phase
from diabolo.estimators.composition import Facts, refuse_mixed
from diabolo.estimators.estimator import Estimator
from diabolo.estimators.fits import Fits
from diabolo.estimators.guided import guided_first
from diabolo.estimators.isomap import layout
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Deterministic
from diabolo.parts.penalties import Isometry

NARROWEST = 128  # units of a level: a curved surface needs them however few the features are
EXACT = 8  # code units up to which all directions are looked at, at every step


class IsometricAutoencoder(Estimator):
    """Autoencoder whose decoder keeps lengths: a map true to scale.

        minimise −log p(x | z) + λ ‖JᵀJ − I‖²_F,  J = ∂x̂/∂z

    Distances in the code are then distances along the rows' manifold, in scaled units; see
    `diabolo.Manifold`. An isometry is hard to find from a random start: the manifold comes out
    folded. So for the first half of the epochs codes are led to the places where Isomap puts the
    rows, and then let go.

    When: rows lie on a surface of few dimensions, and distances along it are wanted.

    Watch: a roll or a sheet can be laid flat; a sphere cannot, and rows are rebuilt worse the
    larger λ is. The guide needs rows dense enough that neighbours on the surface are nearer than
    its next fold.

    n_components : the manifold's dimension; `diabolo.Manifold` estimates it.
    isometry : λ, relative to the loss in nats. On what can be laid flat 1 and more do no harm.
    guide : weight of ½ ‖z − z_Isomap‖² in the first half; 0: no guide.
    neighbours : of every row, in Isomap's graph.

    scaling="auto" gives all columns one scale ("shared"), as distances would change otherwise.

    Gropp, Atzmon & Lipman 2020, "Isometric autoencoders"; Tenenbaum, de Silva & Langford 2000, "A
    global geometric framework for nonlinear dimensionality reduction".
    """

    isometry: float = 0.1
    guide: float = 1.0
    neighbours: int = 10
    activation: str = "silu"

    AUTO_SCALING: ClassVar[str] = "shared"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "isometry": [Interval(Real, 0, None, closed="left")],
        "guide": [Interval(Real, 0, None, closed="left")],
        "neighbours": [Interval(Integral, 1, None, closed="left")],
    }

    def default_hidden(self, facts: Facts) -> tuple[int, ...]:
        sizes = super().default_hidden(facts)
        return tuple(max(NARROWEST, size) for size in (*sizes, *sizes[-1:])[:2])

    def compose(self, facts: Facts) -> AutoencoderModule:
        refuse_mixed(facts, "lengths are of numbers alone", "Take columns of numbers without gaps.")
        dim = self.code_size(facts)
        penalty = Isometry(self.isometry, probes=0 if dim <= EXACT else EXACT // 2)
        return self.around(facts, Deterministic(dim), penalties=(penalty,))

    def plan(self, module: AutoencoderModule, fits: Fits) -> list[Phase]:
        free = fits.phase("joint", self.players(module, fits))
        if not self.guide or free.max_epochs < 2 or len(fits.dataset) < FEWEST:
            return [free]
        rows = fits.all_scaled().numpy()
        places = layout(rows, module.code.dim, self._seeds.number("isomap"), self.neighbours)
        return guided_first(free, fits, module, places, self.guide)
