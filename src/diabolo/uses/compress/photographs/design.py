"""What a model consists of: the shapes of its tensors, and where their binary points lie.

Activations have 8 bits after the point, latents 4 (in units of their step), weights as many as
`POINT` says, biases 16. A model file holds these whole numbers and nothing else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

PATCH = 16  # pixels that a latent stands for, each way
HYPER = 4  # latents that a hyper-latent stands for, each way
ANCHORS = 6  # qualities that have steps of their own; what lies between is interpolated
BETWEEN = 16  # qualities from one anchor to the next
QUALITIES = (ANCHORS - 1) * BETWEEN  # the best one's number

LAMBDA = 0.001  # of the worst quality: bits a pixel that a squared error of 1 (of 255²) is worth
RATIO = 2.6  # from one anchor to the next

ACTIVE = 8  # bits after the point of an activation
LATENT = 4  # of a latent, in units of its step
KNOWN = 2  # bits that a latent is larger than what networks see of it
SAID = 2  # bits that means and octaves are larger than the outputs that say them
STEP = 10  # of an interpolated step; an anchor's own has 4 fewer
OCTAVE = 3  # of the logarithm of a width
BIAS = 16
HIGHEST = 2**15 - 1  # an activation
WIDEST = 80  # widths of densities

# whose weights have their inputs first, as torch has them
TRANSPOSED = ("prior_first", "prior_second", "synthesis_first", "synthesis_second")


def weight_of(quality: Any) -> Any:
    """λ of a quality 0 … 80."""
    return LAMBDA * RATIO ** (quality / BETWEEN)


class Design(NamedTuple):
    """Channels of each part, and groups of latents in the order in which they are coded."""

    fine: int = 48  # at a quarter of the resolution
    middle: int = 72  # at an eighth
    hidden: int = 48  # of prior and context
    hyper: int = 24
    groups: tuple[int, ...] = (16, 32, 48, 96)

    @property
    def latents(self) -> int:
        return sum(self.groups)

    @property
    def parts(self) -> list[tuple[int, int]]:
        """First and last channel (exclusive) of each group."""
        ends = [sum(self.groups[: g + 1]) for g in range(len(self.groups))]
        return list(zip([0, *ends], ends, strict=False))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all tensors, in the order of the file."""
        fine, middle, hidden, hyper, latents = (
            self.fine, self.middle, self.hidden, self.hyper, self.latents,
        )  # fmt: skip
        wanted: dict[str, tuple[int, ...]] = {
            "analysis_first": (fine, 3, 8, 8),
            "analysis_first_norm": (fine, fine),
            "analysis_inner": (fine, fine, 3, 3),
            "analysis_outer": (fine, fine, 3, 3),
            "analysis_second": (middle, fine, 4, 4),
            "analysis_second_norm": (middle, middle),
            "analysis_third": (latents, middle, 4, 4),
            "hyper_first": (hidden, latents, 1, 1),
            "hyper_second": (hidden, hidden, 4, 4),
            "hyper_third": (hyper, hidden, 4, 4),
            "prior_first": (hyper, hidden, 4, 4),
            "prior_second": (hidden, hidden, 4, 4),
        }
        for g, (first, last) in enumerate(self.parts):
            wanted |= {
                f"group{g}_context": (hidden, last, 3, 3),
                f"group{g}_features": (hidden, hidden, 1, 1),
                f"group{g}_hidden": (hidden, hidden, 1, 1),
                f"group{g}_out": (2 * (last - first), hidden, 1, 1),
            }
        wanted |= {
            "synthesis_first": (latents, middle, 4, 4),
            "synthesis_first_norm": (middle, middle),
            "synthesis_second": (middle, fine, 4, 4),
            "synthesis_second_norm": (fine, fine),
            "synthesis_inner": (fine, fine, 3, 3),
            "synthesis_outer": (fine, fine, 3, 3),
            "synthesis_last": (3 * 16, fine, 3, 3),
        }
        biases = {
            f"{name}_bias": (shape[1] if name in TRANSPOSED else shape[0],)
            for name, shape in wanted.items()
            if not name.endswith("_context")
        }
        told = ["prior_first", "prior_second", *(f"group{g}" for g in range(len(self.groups)))]
        wanted |= biases | {f"{name}_quality": (hidden,) for name in told}
        wanted |= {f"group{g}_parity": (hidden,) for g in range(len(self.groups))}
        return wanted | {
            "steps": (ANCHORS, latents),
            "centres": (ANCHORS, hyper),
            "widths": (ANCHORS, hyper),
        }


def point(name: str) -> int:
    """Bits after the point of a tensor of this name."""
    if name.endswith(("_bias", "_quality", "_parity")):
        return BIAS
    return _POINTS.get(name) or _POINTS[name.split("_")[0].rstrip("0123456789")]


_POINTS = {
    "analysis": 8,
    "hyper": 8,
    "prior": 8,
    "group": 8,
    "synthesis": 9,
    "synthesis_last": 11,
    "steps": STEP - 4,
    "centres": LATENT,
    "widths": OCTAVE,
}
