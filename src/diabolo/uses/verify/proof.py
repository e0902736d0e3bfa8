"""What a proof is, the list of all, and how they are carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class CannotTellError(Exception):
    """Something that a proof needs is not on this machine; says what."""


@dataclass(frozen=True)
class Proof:
    """A claim, the figure that settles it, and how large the figure may be."""

    name: str
    measure: Callable[[], float]
    tolerance: float

    @property
    def compares(self) -> str:
        """What the figure is, with its unit."""
        return (self.measure.__doc__ or "").partition("\n")[0].rstrip(".")


PROOFS: list[Proof] = []


def proof(name: str, at_most: float) -> Callable[[Callable[[], float]], Callable[[], float]]:
    """Puts what it decorates on the list: its figure settles the claim, and may be that large."""

    def listed(measure: Callable[[], float]) -> Callable[[], float]:
        PROOFS.append(Proof(name, measure, at_most))
        return measure

    return listed


def run_proofs(report: Callable[[str], None]) -> bool:
    """Carry out all proofs, one line each; whether none failed (one that cannot tell did not)."""
    held = [_holds(claim, report) for claim in PROOFS]
    return all(held)


def _holds(claim: Proof, report: Callable[[str], None]) -> bool:
    try:
        figure = claim.measure()
    except CannotTellError as reason:
        report(f"skipped  {claim.name}: {reason}")
        return True
    except Exception as error:  # a proof that breaks off proves nothing
        report(f"FAILS    {claim.name}: {type(error).__name__}: {error}")
        return False
    holds = figure <= claim.tolerance  # never so where the figure is not a number
    report(
        f"{'holds   ' if holds else 'FAILS   '} {claim.name}. {claim.compares}: "
        f"{figure:.2g} (at most {claim.tolerance:g})"
    )
    return holds
