"""The order of the examples: from what everyone needs to what few do."""

from __future__ import annotations

ORDER = (
    "reconstruct",
    "latent_plane",
    "denoise",
    "map",
    "cluster",
    "classify",
    "generate",
    "edit",
    "detect",
    "impute",
    "sparse_features",
    "stacked",
    "manifold",
    "compress",
    "encode",
    "auto",
    "check",
)


class InOrder:
    """A key for sphinx-gallery; examples that are not named here come last."""

    def __init__(self, src_dir: str) -> None:
        self.src_dir = src_dir

    def __call__(self, filename: str) -> int:
        name = filename.removeprefix("plot_").removesuffix(".py")
        return ORDER.index(name) if name in ORDER else len(ORDER)
