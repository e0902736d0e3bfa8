"""A diagnosis: all that there is to say of a trained module."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diabolo.doctor.case import Case
from diabolo.doctor.codes import codes
from diabolo.doctor.findings import Finding, note
from diabolo.doctor.games import game
from diabolo.doctor.hidden import hidden_units
from diabolo.doctor.outputs import outputs
from diabolo.doctor.reconstruction import reconstruction
from diabolo.doctor.training import training
from diabolo.models.adversarial import AdversarialModule
from diabolo.models.autoencoder import AutoencoderModule

SHOWN = 5  # names of columns


def diagnose(case: Case) -> tuple[Finding, ...]:
    """Findings in the order in which they are read; none but of kinds that the doctor knows."""
    with np.errstate(invalid="ignore", over="ignore"):  # of a model whose errors are not finite
        return tuple(_findings(case))


def _findings(case: Case) -> Iterator[Finding]:
    if isinstance(case.module, AutoencoderModule):
        yield from reconstruction(case)
        yield from _labels(case)
        yield from codes(case)
        yield from hidden_units(case)
        yield from outputs(case)
    if isinstance(case.module, AdversarialModule):
        yield from game(case)
    yield from _constant_columns(case)
    yield from training(case)


def _labels(case: Case) -> Iterator[Finding]:
    """The share of wrong classes in the epoch whose weights were kept."""
    for split, rows in (("validation", "held-out"), ("train", "training")):
        terms = [r[split] for r in case.history.records if "error" in r.get(split, {})]
        if terms:
            best = min(terms, key=lambda term: term["loss"])
            yield Finding("labels", f"{best['error']:.1%} of the {rows} rows in the wrong class")
            return


def _constant_columns(case: Case) -> Iterator[Finding]:
    constant = case.columns.constant
    if constant:
        names = ", ".join(map(str, constant[:SHOWN])) + (", …" if len(constant) > SHOWN else "")
        noun = "column never varies" if len(constant) == 1 else "columns never vary"
        yield note("input", f"{len(constant)} {noun} ({names}) and could be left out")
