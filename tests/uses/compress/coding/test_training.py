"""What is trained is what codes: the same outputs, and the length that the coder then needs."""

import numpy as np
import pytest
import torch

from compressible import CODED, CONTEXT, LAYERED, LAYOUTS, symbols
from diabolo.uses.compress.coding.autoencoder import seen
from diabolo.uses.compress.coding.chunks import Model
from diabolo.uses.compress.coding.codes import BitsBack
from diabolo.uses.compress.coding.picking import Picker, Samples
from diabolo.uses.compress.coding.training import CodeLength, train

UNITS = (24, 16)


def all_places(layout, rows) -> tuple[Picker, Samples]:
    """Every symbol of the rows once, as the objective sees them."""
    picker = Picker(layout, rows, None, 1, 0)
    where = np.arange(len(rows) * layout.cells)
    return picker, picker.samples(where, np.ones(len(where), np.float32))


def trained(layout, rows, steps=60):
    return train(layout, rows, [UNITS] * len(layout.planes), steps=steps, n_threads=1)


def whole(objective, layout) -> Model:
    """The integers of an objective, trained or not."""
    weights = [None] * len(layout.planes)
    for c, predictor in zip(objective.which, objective.predictors, strict=True):
        weights[c] = predictor.weights()
    if layout.code is None:
        return Model(layout, weights)
    painting, looking, above = objective.autoencoder.parts()
    return Model(layout, weights, painting=painting, looking=looking, above=above)


def shaken(layout) -> CodeLength:
    """Not trained, and far from where training starts, so that every sum is felt."""
    objective = CodeLength(layout, [UNITS] * len(layout.planes), 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in objective.named_parameters():
            if "bias" in name:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return objective


@pytest.mark.parametrize("name", LAYOUTS)
def test_outputs_in_training_are_those_of_the_whole_numbers(name):
    layout = LAYOUTS[name]
    rows = symbols(layout, 20)
    objective = shaken(layout)
    coder = whole(objective, layout)
    _, samples = all_places(layout, rows)
    x = samples.x.T
    canvas, painted = None, x[:0]
    if layout.code is not None:
        codes = coder.latents.likeliest(rows)
        canvas = coder.latents.canvas(codes)
        values = torch.from_numpy(layout.code.values[codes].T.astype(np.float32))
        with torch.no_grad():
            painted = objective.autoencoder.canvas(values).T
        assert len(np.unique(canvas)) > 20
    padded = coder._padded(len(rows))
    flat = rows.reshape(len(rows), -1).T
    found = {}
    for cell, plane, at in coder._places():
        if coder.networks[plane] is not None:
            found[cell, plane] = coder.networks[plane].run(padded, at, cell, canvas)[0]
        padded[at] = flat[cell * len(layout.planes) + plane]
    start = objective.positions
    for c, predictor in zip(objective.which, objective.predictors, strict=True):
        middle = start + predictor.inputs.count
        hidden, where = x[start:middle], x[: objective.positions]
        with torch.no_grad():
            outputs = predictor.outputs(torch.cat([hidden, painted]), where).numpy() * 4096
        for cell in range(layout.cells):
            assert np.array_equal(outputs[:, cell :: layout.cells], found[cell, c])
        start = middle + len(predictor.inputs.linear)


@pytest.mark.parametrize("name", {**CODED, **LAYERED})
def test_what_the_encoder_says_in_training_is_what_the_whole_numbers_say(name):
    layout = LAYOUTS[name]
    rows, objective = symbols(layout, 50), shaken(layout)
    with torch.no_grad():
        said = objective.autoencoder.said(torch.from_numpy(seen(layout, rows)).float())
    expected = whole(objective, layout).latents.said(rows)
    assert np.array_equal(4096 * said.numpy().T, expected)
    assert len(np.unique(expected)) > 100


@pytest.mark.parametrize("name", LAYERED)
def test_what_layers_say_in_training_is_what_the_whole_numbers_say(name):
    layout = LAYOUTS[name]
    objective = shaken(layout)
    coder = whole(objective, layout).latents
    codes = coder.likeliest(symbols(layout, 50))
    for layer, found in zip(coder.above, objective.autoencoder.above, strict=True):
        above = layer.posterior(codes).likeliest()
        with torch.no_grad():
            up, down = found.up(values(codes)), found.down(values(above))
        assert np.array_equal(4096 * up.numpy().T, layer.up(codes))
        assert np.array_equal(4096 * down.numpy().T, layer.down(above))
        assert len(np.unique(up)) > 100
        codes = above


def values(codes) -> torch.Tensor:
    return torch.from_numpy(BitsBack.values[codes].T.astype(np.float32))


@pytest.mark.parametrize("name", LAYOUTS)
def test_tables_cost_next_to_nothing(name):
    """The loss, in floats, and the slots that the symbols really get: less than 0.3 % apart."""
    layout = LAYOUTS[name]
    rows = symbols(layout, 60)
    objective = CodeLength(layout, [UNITS] * len(layout.planes), 0)
    coder = whole(objective, layout)
    _, samples = all_places(layout, rows)
    generator = torch.Generator().manual_seed(0)
    if layout.code is not None:
        # many draws of the same rows, for a code's rate is an estimate
        samples = samples._replace(
            rows=torch.from_numpy(seen(layout, rows)).float(), place=torch.arange(len(samples.x))
        )
    with torch.no_grad():
        losses = [
            objective(samples, torch.zeros(()), generator)["loss"].item()
            for _ in range(1 if layout.code is None else 200)
        ]
    coded = coder.encode(rows, lanes=2)
    extra = 0.0 if layout.code is None else 0.02
    assert coded.bits == pytest.approx(np.mean(losses) * len(rows) * layout.cells, rel=3e-3 + extra)


@pytest.mark.parametrize("name", CONTEXT)
def test_confined_weights_have_safe_sums(name):
    """Shrunk row by row where that is needed, and nowhere else."""
    layout = LAYOUTS[name]
    objective = CodeLength(layout, [UNITS] * len(layout.planes), 0)
    before = [one.clone() for one in objective.parameters()]
    objective.confine()
    assert all(map(torch.equal, before, objective.parameters()))
    with torch.no_grad():
        for parameter in objective.parameters():
            if parameter.ndim == 2 and len(parameter):
                parameter[-1] *= 3e4
    with pytest.raises(ValueError, match=r"the sums of '.*' reach"):
        whole(objective, layout)
    objective.confine()
    coder = whole(objective, layout)
    rest = (one[:-1] for one in objective.parameters())
    assert all(torch.equal(a[:-1], b) for a, b in zip(before, rest, strict=True))
    rows = symbols(layout, 5)
    assert np.array_equal(coder.decode(coder.encode(rows, 1).content, 5, 1), rows)


def test_means_begin_at_guesses_from_what_is_beside():
    """A slope goes on; a channel is the one before, moved; a column stays as it was."""
    layout, line, column = LAYOUTS["atoms"], *np.mgrid[:6, :6]
    slope = np.stack([7 * line + 5 * column + 20, line + column + 9, column + 4], -1)
    means = means_at_first(layout, slope, plane=0)
    left, above, both, half, on = means[2:, 1:-1].reshape(-1, 5).T
    assert np.allclose([left, above, half], np.array([[-5.0], [-7.0], [-6.0]]) + left * 0)
    assert np.allclose(both, 0)
    assert np.allclose(on, 10 - 7)  # what is above, and twice a step to the right
    layout, random = LAYOUTS["colour"], np.random.default_rng(0)
    red = random.integers(0, 200, (5, 8))
    means = means_at_first(layout, np.stack([red, red + 9, red + 30], -1), plane=2)
    assert np.allclose(means[1:, 1:], 0)
    means = means_at_first(LAYOUTS["table"], random.integers(0, 3, (9, 1, 5)), plane=0)
    assert means.shape == (9, 1, 3)
    assert np.allclose(means[1:] - means[1:, :, :1], 0)


def means_at_first(layout, row, plane):
    """(height, width, densities) of a predictor that was not trained, less the symbols."""
    predictor = CodeLength(layout, [UNITS] * len(layout.planes), 0).predictors[plane]
    assert predictor.layout.planes[plane] == predictor.plane
    linear = []
    picker, _ = all_places(layout, row[None].astype(np.int16))
    inputs = predictor.inputs
    for cell in range(layout.cells):
        at = picker.starts[cell] + plane
        linear.append(picker.flat[at + inputs.linear])
    means = np.array(linear) @ predictor.skip.detach().numpy().T
    return means.reshape(*row.shape[:2], -1) - row[..., plane, None]


def test_training_keeps_sums_safe():
    """At a rate at which weights grow beyond what whole numbers allow."""
    layout = LAYOUTS["grey"]
    wild = train(layout, symbols(layout, 60), [UNITS], steps=200, lr=3.0, n_threads=1)
    wild.model(layout)


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


def test_blank_places_are_thinned_in_all_columns():
    """Every so manieth place would be the same columns, where a row is a multiple as long."""
    layout = LAYOUTS["grey"].__class__(8, 8, LAYOUTS["grey"].planes, 2, 0, 0, False, True)
    picker = Picker(layout, np.zeros((300, 8, 8, 1), np.int16), None, 1, 0)
    counts = np.bincount(picker.where % 64, minlength=64)
    assert len(picker.where) == pytest.approx(300 * 64 / 4, rel=0.05)
    assert counts.min() > 40


def test_global_randomness_is_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    trained(LAYOUTS["binary"], symbols(LAYOUTS["binary"], 50), steps=5)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_nothing_to_learn():
    layout = LAYOUTS["binary"]
    constant = layout.__class__(4, 4, (layout.planes[0].__class__(1),), 2, 0, 0, False, True)
    assert trained(constant, np.zeros((3, 4, 4, 1), np.int16)).weights == [None]
