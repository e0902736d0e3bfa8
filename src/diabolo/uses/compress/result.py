"""What compressing came to, and who is told how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.sources.bounds import Found

Report = Callable[[str, float, float, float], None]  # stage, done, of, bits a value


@dataclass
class Result:
    """What compressing came to.

    size     : bytes of the file
    original : bytes that come back
    values   : symbols that a model coded; 0 where zstandard kept everything
    model    : bytes of the models in the file
    coded    : bytes of all chunks
    ideal    : bits that the symbols take by the models' probabilities
    unrounded : bits that they would take by models whose networks are not rounded, by a sample; 0
               where no model was trained
    zstandard : bytes of the same files packed by zstandard at level 19
    fallback : whether zstandard was better
    training : seconds of training
    coding   : seconds of coding
    steps    : of training
    errors   : the largest error in each column that was rounded
    others   : what other programs make of the same, if that was asked for: bytes by their names
    notes    : what a user should know
    """

    size: int = 0
    original: int = 0
    values: int = 0
    coded: int = 0
    ideal: float = 0.0
    unrounded: float = 0.0
    model: int = 0
    zstandard: int = 0
    fallback: bool = False
    training: float = 0.0
    coding: float = 0.0
    steps: int = 0
    models: list[Model] = field(default_factory=list)
    errors: list[Found] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def over_ideal(self) -> float | None:
        """By what share the chunks are longer than the models' probabilities say."""
        return 8 * self.coded / self.ideal - 1 if self.ideal else None

    @property
    def rounding_cost(self) -> float | None:
        """What share of bits it takes more that the networks count in whole numbers."""
        return self.ideal / self.unrounded - 1 if self.unrounded else None
