"""Which families and settings are worth a try."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from diabolo.estimators import composition
from diabolo.estimators.composition import Facts
from diabolo.estimators.seeds import Seeds
from diabolo.uses.auto.trials import USES


@dataclass(frozen=True)
class Proposals:
    """Families and settings for rows of these facts, (name, settings) each.

    n_components : code size, if it is not to be chosen.
    """

    purpose: str
    n_components: int | None
    facts: Facts
    seeds: Seeds

    def default(self) -> tuple[str, dict[str, Any]]:
        words = {} if self.n_components is None else {"n_components": self.n_components}
        return (USES[self.purpose][0], {}) if self.purpose in USES else ("Autoencoder", words)

    def groups(self) -> Iterator[list[tuple[str, dict[str, Any]]]]:
        """Candidates that are not the default: those that often do well, then random ones.

        The random ones of a group differ in their sizes alone, so that one step can train all.
        """
        dice = np.random.default_rng(self.seeds.number("candidates"))
        seen = [self.default()]
        while True:
            group = self._known() if len(seen) == 1 else self._sizes_of(dice)
            fresh = [one for k, one in enumerate(group) if one not in [*seen, *group[:k]]]
            if not fresh and self.purpose in USES:
                return
            seen += fresh
            if fresh:
                yield fresh

    def _known(self) -> list[tuple[str, dict[str, Any]]]:
        if self.purpose in USES:
            name, others = USES[self.purpose]
            return [(name, dict(settings)) for settings in others]
        words = self.default()[1]
        wide = tuple(2 * size for size in composition.hidden_sizes(self.facts))
        wider = {**words, "hidden_layer_sizes": wide, "activation": "gelu"}
        names = ("VariationalAutoencoder", "VariationalAutoencoder", "Autoencoder")
        return list(zip(names, (dict(words), wider, dict(wider)), strict=True))

    def _sizes_of(self, dice: np.random.Generator) -> list[tuple[str, dict[str, Any]]]:
        """Nine sizes of an autoencoder with settings drawn at random."""
        if self.purpose in USES:
            return []
        kind, words = self._autoencoder(dice)
        first = composition.hidden_sizes(self.facts)
        if dice.integers(2):
            first = (first[0], max(8, first[0] // 2))
        widths = [tuple(max(8, round(size * f)) for size in first) for f in (0.5, 1, 2)]
        if self.n_components is not None or self.purpose == "reduce":
            own = {} if self.n_components is None else {"n_components": self.n_components}
            return [(kind, {**words, **own, "hidden_layer_sizes": width}) for width in widths]
        codes = self._code_sizes()
        if kind == "VariationalAutoencoder":  # noise comes through unused units of these
            codes = [int(dice.choice(codes))]
        else:
            codes = sorted(int(k) for k in dice.choice(codes, min(3, len(codes)), replace=False))
        group = [
            (kind, {**words, "n_components": k, "hidden_layer_sizes": width})
            for k in codes
            for width in widths
        ]
        dice.shuffle(group)  # there may be time for the first of them only
        return group

    def _code_sizes(self) -> list[int]:
        size = composition.code_size(self.facts)
        most = max(2, min(self.facts.width - 1, 64))
        return sorted({max(1, min(most, round(size * f))) for f in (0.25, 0.5, 1, 1.5, 2, 3)})

    def _autoencoder(self, dice: np.random.Generator) -> tuple[str, dict[str, Any]]:
        """A family and its settings, but for the sizes."""
        words = _some(
            dice,
            activation=("relu", "gelu", "silu"),
            lr=(2e-3, 1e-3, 4e-3, 8e-3),
            weight_decay=(0.01, 0.1, 0.001),
        )
        kind = str(dice.choice(["Autoencoder", "DenoisingAutoencoder", "VariationalAutoencoder"]))
        if kind == "DenoisingAutoencoder":
            words["level"] = float(dice.choice([0.05, 0.1, 0.2]))
            words["noise"] = (
                "masking" if self.facts.table else str(dice.choice(["masking", "gaussian"]))
            )
        if kind == "VariationalAutoencoder":
            words["beta"] = float(dice.choice([1.0, 0.5, 0.2]))
        return kind, words


def _some(dice: np.random.Generator, **options: tuple[Any, ...]) -> dict[str, Any]:
    """One of each option; the first, which is the default, is not named."""
    drawn = {name: values[int(dice.integers(len(values)))] for name, values in options.items()}
    return {name: value for name, value in drawn.items() if value != options[name][0]}
