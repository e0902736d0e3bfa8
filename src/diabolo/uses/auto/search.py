"""Successive halving against the clock, and the last training of the one that is chosen."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from diabolo.data.columns import Columns
from diabolo.data.dataset import Dataset
from diabolo.data.rows import ArrayRows
from diabolo.estimators import composition
from diabolo.estimators.abreast import can_be_stacked, fit_abreast
from diabolo.estimators.composition import Facts
from diabolo.estimators.fits import batch_size, epochs
from diabolo.estimators.seeds import Seeds
from diabolo.families import family
from diabolo.families.autoencoder import OvercompleteWarning
from diabolo.uses import use_named
from diabolo.uses.auto.judges import Judges
from diabolo.uses.auto.proposals import Proposals
from diabolo.uses.auto.trials import CRITERIA, USES, Choice, Trial

HELD_OUT, MOST_JUDGES = 0.2, 1000
MOST_ROWS = 20_000  # that candidates learn from; the one that is chosen learns from all
THIRD = 3  # one in so many candidates goes on, with so many times the epochs
MOST_CANDIDATES = 81
RESERVED = 0.5  # of the budget at most, for the last training of the one that is chosen
SPARE = 1.5  # times what the default takes, for candidates that take longer
SURE = 2.0  # standard errors by which another one has to beat the default: it is one of many
MOST_STACKED = 200  # numbers a row; of wider ones the products take the time, not the asking
SIZES = ("n_components", "hidden_layer_sizes")
PARTNER = 0.2  # of a detector's time goes to its partner and scores
AGREEMENT = 0.02  # of a rank correlation: so much closer to all the others
ONLY_SEARCHED = "trained on the rows of the search alone"
Progress = Callable[[str], None]


@dataclass
class Candidate:
    """A family with settings, and what came of it so far."""

    family: str
    settings: dict[str, Any]
    trial: Trial | None = None
    each: np.ndarray = field(default_factory=lambda: np.empty(0))  # criterion, row by row
    scores: np.ndarray = field(default_factory=lambda: np.empty(0))  # of a detector
    model: Any = None
    epochs: int = 0
    stacked: int = 0  # with how many it was trained at once

    @property
    def value(self) -> float:
        return math.inf if self.trial is None else self.trial.criterion


@dataclass
class Search:
    """A search and its clock: candidates get a short training, the better ones a longer one."""

    dataset: Dataset
    learned: Dataset
    judges: Judges
    facts: Facts
    proposals: Proposals
    purpose: str
    seeds: Seeds
    n_threads: int | None
    say: Progress
    began: float
    budget: float
    trials: list[Trial] = field(default_factory=list)
    shared: Any = None  # the first model that was fitted
    costs: dict[int, float] = field(default_factory=dict)  # epochs → seconds of the default

    @classmethod
    def on(
        cls,
        dataset: Dataset,
        budget: float,
        purpose: str,
        n_components: int | None,
        seeds: Seeds,
        n_threads: int | None,
        progress: Progress | None,
    ) -> Search:
        began = time.monotonic()
        order = np.random.default_rng(seeds.number("judges")).permutation(len(dataset))
        held_out = min(MOST_JUDGES, max(10, round(HELD_OUT * len(dataset))))
        judges, learned = order[:held_out], order[held_out : held_out + MOST_ROWS]
        columns = Columns.learn(dataset)
        facts = Facts.of(columns, len(dataset), 0)
        to_learn, to_judge = (_rows(dataset, np.sort(rows)) for rows in (learned, judges))
        return cls(
            dataset,
            to_learn,
            Judges(purpose, to_judge, to_learn, columns, seeds),
            facts,
            Proposals(purpose, n_components, facts, seeds),
            purpose,
            seeds,
            n_threads,
            progress or (lambda line: None),
            began,
            budget,
        )

    # how much there is time for

    @property
    def left(self) -> float:
        return self.began + self.budget - time.monotonic()

    @property
    def full(self) -> int:
        """Epochs of a whole training of the default on the rows that candidates learn from."""
        rows = 0.9 * len(self.learned)
        return epochs(math.ceil(rows / batch_size(int(rows))))

    @property
    def reserve(self) -> float:
        """Seconds kept for the last training of the one that is chosen, on all rows."""
        times = len(self.dataset) / len(self.learned)
        return min(RESERVED * self.budget, SPARE * times * max(self.costs.values(), default=0.0))

    def run(self) -> Choice:
        default = Candidate(*self.proposals.default())
        candidates, interrupted = [default], False
        try:
            with (
                warnings.catch_warnings()
            ):  # nobody asked for these sizes, and the judges will tell
                warnings.simplefilter("ignore", OvercompleteWarning)
                self._rounds(default, candidates)
        except KeyboardInterrupt:
            interrupted = True
            if default.trial is None:
                raise
        if interrupted:  # there will be no further training, which members of a stack need
            candidates = [one for one in candidates if not one.stacked]
        chosen, why = self._chosen(default, candidates)
        if interrupted:
            why = f"interrupted; {why}"
        model, cut = self._last(chosen, interrupted)
        assert chosen.trial is not None
        assert default.trial is not None
        return Choice(
            model,
            chosen.trial,
            default.trial,
            tuple(self.trials),
            f"{why}; {cut}" if cut else why,
            CRITERIA[self.purpose],
            time.monotonic() - self.began,
            interrupted,
        )

    def _rounds(self, default: Candidate, candidates: list[Candidate]) -> None:
        """Some candidates at a time: all of them briefly, the best for a whole training."""
        short = max(1, math.ceil(self.full / THIRD**2))
        rungs = [self.full] if self.purpose in USES else [short, short * THIRD, self.full]
        for most in sorted({rungs[0], rungs[-1]}):  # what the default takes tells what others will
            if default.trial and THIRD * default.trial.seconds > self.left * (1 - RESERVED):
                self.say("too little time to compare others with a whole training of the default")
                return
            self._try(default, most)
            self.costs[most] = self.trials[-1].seconds
        for most in rungs[1:-1]:
            self.costs[most] = min(THIRD * self.costs[rungs[0]], self.costs[rungs[-1]])
        tried_so_far = 0
        for group in self.proposals.groups():
            count, rungs = self._affordable(rungs)
            fresh = [Candidate(*drawn) for drawn in group[:count]]
            if not fresh or tried_so_far > MOST_CANDIDATES:
                return
            tried_so_far += len(fresh)
            candidates += fresh
            for most in rungs:
                tried = self._tried(fresh, most)
                fresh = sorted(tried, key=lambda one: one.value)
                fresh = fresh[: max(1, len(fresh) // THIRD)]

    def _affordable(self, rungs: list[int]) -> tuple[int, list[int]]:
        """How many candidates there is time for, and how far the best of them will come."""
        for fewest in (THIRD, 1):
            for deep in range(len(rungs), 0, -1):
                for count in range(THIRD**2, fewest - 1, -1):
                    each = [
                        max(1, count // THIRD**place) * self._cost(most)
                        for place, most in enumerate(rungs[:deep])
                    ]
                    if SPARE * sum(each) < self.left - self.reserve:
                        return count, rungs[:deep]
        return 0, []

    def _cost(self, most: int) -> float:
        """Seconds of a candidate like the default; another partner alone is soon fitted."""
        return self.costs[most] * (PARTNER if self.purpose == "detect" else 1)

    def _tried(self, candidates: list[Candidate], most: int) -> list[Candidate]:
        """Train and judge them, at once where that can be done, as long as there is time."""
        if len(candidates) > 1 and self._is_stackable(candidates):
            self._try_abreast(candidates, most)
            return candidates
        tried = []
        for candidate in candidates:
            slower = 1.0
            if candidate.trial:
                slower = max(1.0, candidate.trial.seconds / self.costs[candidate.trial.epochs])
            if slower * self._cost(most) <= self.left - self.reserve:
                self._try(candidate, most)
                tried.append(candidate)
        return tried

    def _is_stackable(self, candidates: list[Candidate]) -> bool:
        """Whether they differ in sizes alone, and are small enough to gain by it."""
        settings = [
            {name: v for name, v in one.settings.items() if name not in SIZES} for one in candidates
        ]
        first = candidates[0]
        return (
            self.facts.width <= MOST_STACKED
            and first.trial is None  # the best of a round go on by themselves
            and self.purpose not in USES
            and all(one.family == first.family for one in candidates)
            and all(each == settings[0] for each in settings)
            and len({self._depth(one) for one in candidates}) == 1
            and can_be_stacked(self._made(first, 1, math.inf))
        )

    def _depth(self, candidate: Candidate) -> int:
        usual = composition.hidden_sizes(self.facts)
        return len(candidate.settings.get("hidden_layer_sizes", usual))

    def _try_abreast(self, candidates: list[Candidate], most: int) -> None:
        """All of them as one stack of models."""
        began, end = time.monotonic(), self.began + self.budget - self.reserve
        models = [self._made(one, most, end) for one in candidates]
        for model in models:
            model.set_params(early_stopping=False)
        fit_abreast(models, self.learned)
        share = (time.monotonic() - began) / len(models)
        for candidate, model in zip(candidates, models, strict=True):
            self._take(candidate, model, most, time.monotonic() - share, end)
            candidate.stacked = len(models)

    # one candidate

    def _try(self, candidate: Candidate, most: int) -> None:
        """Train it so long and judge it; one that fails is out of the running."""
        began = time.monotonic()
        end = self.began + self.budget - self.reserve
        model = self._made(candidate, most, end)
        try:
            self._fit(candidate, model)
        except (ValueError, ArithmeticError) as error:
            self.say(f"{candidate.family} left out: {error}")
            self._give_up(candidate, most)
            return
        self._take(candidate, model, most, began, end)

    def _give_up(self, candidate: Candidate, most: int) -> None:
        candidate.each = np.full(len(self.judges), math.inf)
        candidate.trial = Trial(candidate.family, candidate.settings, most, 0.0, math.inf, 0.0)

    def _take(self, candidate: Candidate, model: Any, most: int, began: float, end: float) -> None:
        """Judge a model that is trained."""
        each = self._judged(candidate, model)
        if not np.isfinite(each).all():
            self.say(f"{candidate.family} left out: its figures are not finite")
            self._give_up(candidate, most)
            return
        now = time.monotonic()
        value, error = float(each.mean()), float(each.std()) / math.sqrt(len(each))
        trial = Trial(candidate.family, candidate.settings, most, now - began, value, error)
        candidate.trial, candidate.model, candidate.each = trial, model, each
        candidate.stacked = 0
        candidate.epochs = most if now < end else 0  # cut short: no fair comparison
        self.trials.append(trial)
        figure = f"{value:10.4g}" if self.purpose != "detect" else " " * 10
        self.say(f"{figure}  {most:4d} epochs  {now - began:5.1f} s  {trial.name}")

    def _fit(self, candidate: Candidate, model: Any) -> None:
        """Detectors that differ in their partner alone share one ensemble."""
        if self.purpose == "detect" and self.shared is not None:
            partnered(model, self.shared, self.learned)
            return
        model.fit(self.learned)
        self.shared = model

    def _made(self, candidate: Candidate, most: int, end: float) -> Any:
        # the seed as it was given: where the default is kept, it is the one that fit would make
        fixed = {"random_state": self.seeds.root, "n_threads": self.n_threads}
        settings = dict(candidate.settings)
        if self.purpose in USES:
            return use_named(candidate.family)().set_params(**settings, **fixed)
        kind: Any = family(candidate.family)
        made = kind(**settings, **fixed, max_epochs=most)
        return made.set_callbacks(Deadline(end))

    def _judged(self, candidate: Candidate, model: Any) -> np.ndarray:
        """The criterion on every judge, smaller is better."""
        if self.purpose == "detect":  # judged later, by each other
            candidate.scores = -model.score_samples(self.judges.rows)
            return np.zeros(len(self.judges))
        return self.judges.criterion(model)

    def _agree(self, candidates: list[Candidate]) -> None:
        tried = [one for one in candidates if len(one.scores)]
        values = self.judges.disagreement([one.scores for one in tried])
        for one, value in zip(tried, values, strict=True):
            one.each = np.full(len(self.judges), value)
            assert one.trial is not None
            place = self.trials.index(one.trial)
            one.trial = one.trial._replace(criterion=value, standard_error=0.0)
            self.trials[place] = one.trial

    # which one, and its last training

    def _chosen(self, default: Candidate, candidates: list[Candidate]) -> tuple[Candidate, str]:
        """The best, if it beats the default beyond chance, though trained no longer."""
        if self.purpose == "detect":
            self._agree(candidates)
        rivals = [c for c in candidates if c is not default and 0 < c.epochs <= default.epochs]
        best = min(rivals, key=lambda c: c.value, default=None)
        if best is None or not math.isfinite(best.value):
            return default, "there was no time to compare others fairly: the default is kept"
        gain = default.each - best.each
        least = SURE * float(gain.std() / math.sqrt(len(gain)))
        least = AGREEMENT if self.purpose in USES else least
        told = f"{best.value:.4g} against {default.value:.4g} of the default"
        if not gain.mean() > least:
            return default, f"none is better beyond chance ({told}): the default is kept"
        return best, told

    def _last(self, chosen: Candidate, interrupted: bool) -> tuple[Any, str]:
        """The chosen one trained on all rows for as long as it takes, or as there is time."""
        assert chosen.trial is not None
        end, times = self.began + self.budget, len(self.dataset) / len(self.learned)
        expected = chosen.trial.seconds * times * self.full / chosen.trial.epochs
        if chosen.trial.epochs >= self.full:
            expected = chosen.trial.seconds * times
        trained = chosen.trial.epochs >= self.full and not chosen.stacked
        if interrupted or (trained and self.left < expected / 2):
            return chosen.model, ONLY_SEARCHED
        most = max(1, int(self.full * min(1.0, self.left / max(expected, 1e-9))))
        if not chosen.stacked and most * times < chosen.trial.epochs / 2:
            return chosen.model, ONLY_SEARCHED
        # epochs of all rows are longer: as many steps as a whole training has
        rows = 0.9 * len(self.dataset)
        whole = epochs(math.ceil(rows / batch_size(int(rows))))
        most = max(1, math.ceil(whole * most / self.full))
        self.say(f"training {chosen.trial.name} on all {len(self.dataset):,} rows")
        model = self._made(chosen, most, end)
        try:
            model.fit(self.dataset)
        except KeyboardInterrupt:
            if not hasattr(model, "n_iter_"):
                if chosen.stacked:
                    raise
                return chosen.model, ONLY_SEARCHED
        if self.purpose in USES:
            return model, ""
        cut = most < whole or self.left <= 0
        model.set_callbacks()
        return model, f"its last training was cut to {model.n_iter_} epochs" if cut else ""


def partnered(model: Any, fitted: Any, learned: Dataset) -> None:
    """Make `model` what its fit to `learned` would have, with the family that `fitted` has."""
    model.__dict__ |= {
        name: value for name, value in vars(fitted).items() if name not in model.get_params()
    }
    model.notes_ = []
    model._set_by(learned, Seeds.of(model.random_state))


class Deadline:
    """A callback that ends a fit at the end of the epoch in which time runs out."""

    def __init__(self, at: float) -> None:
        self.at = at

    def setup(self, estimator: Any, context: Any) -> None: ...

    def teardown(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        return time.monotonic() > self.at


def _rows(dataset: Dataset, numbers: np.ndarray) -> Dataset:
    return replace(dataset, rows=ArrayRows(dataset.rows.take(numbers)), labels=None)
