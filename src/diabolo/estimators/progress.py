"""The engine's news as scikit-learn callback tasks: fit → phase → epoch.

Progress bars and trackers are plain `sklearn.callback` classes; inside a grid search their bars
nest under the search's own.
"""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, Any

from diabolo.engine.events import History

if TYPE_CHECKING:
    from sklearn.callback import CallbackContext

    from diabolo.estimators.estimator import Estimator


class Tasks:
    """Watches a fit on behalf of an estimator's callbacks; prints a line an epoch if asked.

    X, y, context : as given to `fit`; callbacks that score epochs are handed them.
    """

    def __init__(
        self,
        estimator: Estimator,
        verbose: int = 0,
        X: Any = None,
        y: Any = None,
        context: Any = None,
    ) -> None:
        self.estimator, self.verbose = estimator, verbose
        metadata = None if context is None else {"context": context}
        self.data: dict[str, Any] = {"X": X, "y": y, "metadata": metadata}
        self.epoch: CallbackContext | None = None

    def begin(self, phases: list[tuple[str, int]]) -> None:
        self.flat = len(phases) == 1  # then epochs hang directly under the fit
        subtasks = phases[0][1] if self.flat else len(phases)
        self.root = self.estimator._init_callback_context(max_subtasks=subtasks)
        self._begin(self.root)

    def begin_phase(self, name: str, epochs: int) -> None:
        self.phase = self.root
        if not self.flat:
            self.phase = self.root.subcontext(task_name=name, max_subtasks=epochs)
            self._begin(self.phase)

    def begin_epoch(self) -> None:
        if self.epoch is None:  # else the same one goes on, after a loss that was not a number
            self.epoch = self.phase.subcontext(task_name="epoch")
            self._begin(self.epoch)

    def end_epoch(self, record: dict[str, Any], seconds: float, history: History) -> bool:
        if self.verbose:
            sys.stdout.write(line(record, seconds) + "\n")
            sys.stdout.flush()
        assert self.epoch is not None  # the engine begins every epoch
        epoch, self.epoch = self.epoch, None
        return self._end(epoch, history)

    def end_phase(self, history: History) -> None:
        if not self.flat:
            self._end(self.phase, history)

    def end(self, history: History) -> None:
        self._end(self.root, history)

    def _begin(self, context: CallbackContext) -> None:
        context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def _end(self, context: CallbackContext, history: History) -> bool:
        return context.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=lambda: self._as_fitted(history),
            **self.data,
        )

    def _as_fitted(self, history: History) -> dict[str, Any]:
        """What makes a copy of the estimator look as if the fit had ended here."""
        module = copy.deepcopy(self.estimator.module_).eval()
        so_far = History(list(history.records), list(history.seconds), list(history.notes))
        return {"module_": module, "history_": so_far, "n_iter_": len(so_far.records)}


def line(record: dict[str, Any], seconds: float) -> str:
    """One epoch in one line: phase, epoch, training terms, held-out loss, seconds."""
    terms = "  ".join(f"{name} {value:.4g}" for name, value in record["train"].items())
    held_out = record.get("validation")
    tail = f"  held out {held_out['loss']:.4g}" if held_out else ""
    return f"{record['phase']} {record['epoch']:>4}  {terms}{tail}  {seconds:.1f} s"
