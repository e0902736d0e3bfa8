"""What is trained is what codes: the same outputs, and the length that the coder then needs."""

import numpy as np
import pytest
import torch

from compressible import LAYOUTS, symbols
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.training import CodeLength, Picker, Samples, train

UNITS = (24, 16)


def all_places(layout, rows) -> tuple[Picker, Samples]:
    """Every symbol of the rows once, as the objective sees them."""
    picker = Picker(layout, rows, None, 1, 0)
    where = np.arange(len(rows) * layout.cells)
    return picker, picker.samples(where, np.ones(len(where), np.float32))


def trained(layout, rows, steps=60):
    return train(layout, rows, [UNITS] * len(layout.planes), steps=steps, n_threads=1)


@pytest.mark.parametrize("name", LAYOUTS)
def test_outputs_in_training_are_those_of_the_whole_numbers(name):
    layout = LAYOUTS[name]
    rows = symbols(layout, 20)
    objective = CodeLength(layout, [UNITS] * len(layout.planes), 0)
    weights = [None] * len(layout.planes)
    for c, predictor in zip(objective.which, objective.predictors, strict=True):
        weights[c] = predictor.weights()
    coder = Model(layout, weights)
    _, samples = all_places(layout, rows)
    padded = coder._padded(len(rows))
    flat = rows.reshape(len(rows), -1).T
    found = {}
    for cell, plane, at in coder._places():
        if coder.networks[plane] is not None:
            found[cell, plane] = coder.networks[plane].run(padded, at, cell)[0]
        padded[at] = flat[cell * len(layout.planes) + plane]
    start = objective.positions
    for c, predictor in zip(objective.which, objective.predictors, strict=True):
        middle = start + predictor.inputs.count
        hidden, where = samples.x[:, start:middle], samples.x[:, : objective.positions]
        with torch.no_grad():
            outputs = predictor.outputs(hidden, where).numpy() * 4096
        for cell in range(layout.cells):
            assert np.array_equal(outputs[cell :: layout.cells].T, found[cell, c])
        start = middle + len(predictor.inputs.linear)


@pytest.mark.parametrize("name", LAYOUTS)
def test_tables_cost_next_to_nothing(name):
    """The loss, in floats, and the slots that the symbols really get: less than 0.3 % apart."""
    layout = LAYOUTS[name]
    rows = symbols(layout, 60)
    objective = CodeLength(layout, [UNITS] * len(layout.planes), 0)
    _, samples = all_places(layout, rows)
    with torch.no_grad():
        loss = objective(samples, torch.zeros(()), torch.Generator())["loss"].item()
    weights = [None] * len(layout.planes)
    for c, predictor in zip(objective.which, objective.predictors, strict=True):
        weights[c] = predictor.weights()
    coded = Model(layout, weights).encode(rows)
    assert coded.bits == pytest.approx(loss * len(rows) * layout.cells, rel=3e-3)


def test_training_shortens_the_code():
    layout = LAYOUTS["grey"]
    rows = symbols(layout, 400)
    few, many = (Model(layout, trained(layout, rows, steps).weights) for steps in (2, 300))
    new = symbols(layout, 200, seed=1)
    assert many.encode(new).bits < 0.8 * few.encode(new).bits


def test_blank_places_are_thinned_without_bias():
    """Weighted, the positions picked are the whole: the mean symbol is the mean of all."""
    layout = LAYOUTS["grey"]
    rows = symbols(layout, 3000)
    rows[:, :4] = 0
    picker = Picker(layout, rows, None, 40, 0)
    assert len(picker.where) < 0.7 * len(rows) * layout.cells
    sums = np.zeros(2)
    for batch in picker.epoch(0):
        sums += (batch.y * batch.weight).sum().item(), batch.weight.sum().item()
    assert sums[0] / sums[1] == pytest.approx(rows.mean(), rel=0.03)


def test_global_randomness_is_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    trained(LAYOUTS["binary"], symbols(LAYOUTS["binary"], 50), steps=5)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_nothing_to_learn():
    layout = LAYOUTS["binary"]
    constant = layout.__class__(4, 4, (layout.planes[0].__class__(1),), 2, 0, 0, False, True)
    assert trained(constant, np.zeros((3, 4, 4, 1), np.int16)).weights == [None]
