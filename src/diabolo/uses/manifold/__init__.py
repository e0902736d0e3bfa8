"""The rows' manifold, as a trained model sees it: dimension, tangents, metric, geodesics.

A decoder g takes codes z (k,) to rows g(z) (d,), and so gives the code space a geometry of its own:

    J = ∂g/∂z                  its columns span the tangent space at g(z)
    M = JᵀJ                    the pulled-back metric: a step dz is √(dzᵀ M dz) long in the rows
    L = ∫ √(żᵀ M ż) dt         the length of a curve of codes; a geodesic is a shortest one

Arvanitidis, Hansen & Hauberg 2018, "Latent space oddity: on the curvature of deep generative
models"; Shao, Kumar & Fletcher 2018, "The Riemannian geometry of deep generative models".
"""

from diabolo.uses.manifold.explore import Geodesic, Manifold

__all__ = ["Geodesic", "Manifold"]
