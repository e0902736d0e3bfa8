"""The hierarchical variational autoencoder: a latent above the latent."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from diabolo.estimators.composition import Facts, whole_numbers
from diabolo.families.variational import VariationalAutoencoder
from diabolo.models.autoencoder import AutoencoderModule
from diabolo.parts.codes import Gaussian, Hierarchical
from diabolo.parts.networks import Dense


class HierarchicalVAE(VariationalAutoencoder):
    """Variational autoencoder with a latent above the latent.

        q(z|x) q(u|z),  p(u) p(z|u) p(x|z)
        maximise E_q[log p(x|z)] − KL(q(z|x) q(u|z) ‖ p(u) p(z|u))

    The code that `transform` returns is z, of `n_components`; its prior is itself a decoder of u,
    and so can take almost any shape.

    When: as for `VampPriorVAE`: codes have a shape of their own, and samples should follow it.

    Watch: u may stay unused, since z alone can do; `warmup` helps.

    n_top_components : units of u; None: half of z.
    top_layer_sizes : levels between z and u; None: one of twice z. The way down mirrors them.

    Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders", sec. 5 (the nets with
    two stochastic layers); Rezende, Mohamed & Wierstra 2014.
    """

    n_top_components: int | None = None
    top_layer_sizes: Sequence[int] | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_top_components": [Interval(Integral, 1, None, closed="left"), None],
        "top_layer_sizes": ["array-like", None],
    }

    def compose(self, facts: Facts) -> AutoencoderModule:
        dim = self.code_size(facts)
        above = Gaussian(int(self.n_top_components or max(1, dim // 2)))
        sizes = (2 * dim,) if self.top_layer_sizes is None else self.top_layer_sizes
        levels = whole_numbers("top_layer_sizes", sizes)
        up = Dense((dim, *levels, above.inputs), self.activation)
        down = Dense((above.dim, *levels[::-1], 2 * dim), self.activation)
        return self.drawn(facts, Hierarchical(dim, up, above, down))
