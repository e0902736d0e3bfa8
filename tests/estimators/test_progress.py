"""Callbacks see a fit as scikit-learn tasks: fit → (phase →) epoch."""

import numpy as np
import pytest
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV

from diabolo.estimators.progress import line
from diabolo.families import family


class Recorder:
    """Notes what begins and ends; asks for the end after so many epochs."""

    def __init__(self, stop_after=None):
        self.stop_after, self.events, self.fitted = stop_after, [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None):
        self.events.append(("begin", context.task_name, context.task_id))
        self.X = X

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.events.append(("end", context.task_name, context.task_id))
        if context.task_name == "epoch":
            self.fitted.append(fitted_estimator)
        return self.stop_after is not None and self.count("end", "epoch") >= self.stop_after

    def count(self, what, name):
        return sum(event[:2] == (what, name) for event in self.events)

    def names(self, what):
        return [event[1] for event in self.events if event[0] == what and event[1] != "epoch"]


def phases_of(model):
    phases = model.history_.phases
    return phases if len(phases) > 1 else []


def test_tasks_nest_and_all_that_begin_end(make, rows):
    recorder = Recorder()
    model = make().set_callbacks(recorder).fit(rows)
    assert recorder.events[0] == "setup"
    assert recorder.events[-1] == "teardown"
    assert recorder.names("begin") == ["fit", *phases_of(model)]
    assert recorder.names("end") == [*phases_of(model), "fit"]
    assert recorder.count("begin", "epoch") == recorder.count("end", "epoch") == model.n_iter_
    assert recorder.X is rows


def test_an_epoch_begins_only_after_the_last_one_has_ended(make, rows):
    recorder = Recorder()
    make().set_callbacks(recorder).fit(rows)
    epochs = [event[0] for event in recorder.events if event[1] == "epoch"]
    assert epochs == ["begin", "end"] * (len(epochs) // 2)


def test_early_stopping_leaves_no_task_open(rows):
    recorder = Recorder()
    model = family("Autoencoder")(max_epochs=200, n_iter_no_change=1, lr=0.1, random_state=0)
    model.set_callbacks(recorder).fit(rows)
    assert model.n_iter_ < 200
    assert recorder.count("begin", "epoch") == recorder.count("end", "epoch") == model.n_iter_


def test_a_callback_can_stop_a_phase(make, rows):
    recorder = Recorder(stop_after=1)
    model = make().set_callbacks(recorder).fit(rows)
    assert model.n_iter_ == max(1, len(phases_of(model)))  # one epoch each


def test_callbacks_get_an_estimator_that_is_fitted_so_far(make, rows):
    recorder = Recorder()
    model = make(early_stopping=False).set_callbacks(recorder).fit(rows)
    first, last = recorder.fitted[0], recorder.fitted[-1]
    np.testing.assert_array_equal(last.transform(rows), model.transform(rows))
    assert not np.array_equal(first.transform(rows), model.transform(rows))
    assert [one.n_iter_ for one in recorder.fitted] == list(range(1, model.n_iter_ + 1))
    assert len(first.history_.records) == 1
    assert not first.module_.training


def test_callbacks_change_nothing(make, rows):
    plain, watched = make(), make().set_callbacks(Recorder())
    np.testing.assert_array_equal(plain.fit_transform(rows), watched.fit_transform(rows))


def test_a_failing_fit_tears_down(make, rows):
    class Failing(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            raise RuntimeError("the tracker's own fault")

    recorder = Failing()
    model = make().set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="own fault"):
        model.fit(rows)
    assert recorder.events[-1] == "teardown"
    assert not model.__sklearn_is_fitted__()


def test_scoring_monitor(make, rows):
    # scoring=None fails inside scikit-learn 1.9.1, for every estimator
    monitor = ScoringMonitor(scoring={"score": lambda model, X, y: model.score(X, y)})
    model = make(early_stopping=False).set_callbacks(monitor).fit(rows, np.zeros(len(rows)))
    scores = [row["score"] for row in monitor.get_logs().data if "score" in row]
    assert len(scores) == model.n_iter_ + len(phases_of(model)) + 1
    assert scores[-1] == model.score(rows)


def test_bars_nest_in_a_grid_search(make, rows, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("rich._console", None)  # one of an earlier test knows its own width
    search = GridSearchCV(make(), {"n_components": [1, 2]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(rows)
    shown = capsys.readouterr().out
    assert "GridSearchCV" in shown
    assert type(make()).__name__ in shown
    assert "100%" in shown


def test_verbose_prints_a_line_an_epoch(make, rows, capsys):
    model = make(verbose=1, early_stopping=True).fit(rows)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_
    assert lines[0].startswith(model.history_.phases[0])
    assert "reconstruction" in lines[-1]
    assert "held out" in lines[0]
    make().fit(rows)
    assert capsys.readouterr().out == ""


def test_a_line():
    record = {"phase": "joint", "epoch": 3, "train": {"loss": 1.23456}, "lr": 0.001}
    assert line(record, 0.26) == "joint    3  loss 1.235  0.3 s"
    record["validation"] = {"loss": 2.0}
    assert line(record, 0.26) == "joint    3  loss 1.235  held out 2  0.3 s"
