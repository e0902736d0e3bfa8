"""Models as bytes: the same model back, few bytes, nothing else believed."""

import json
import time

import numpy as np
import pytest

from compressible import LAYOUTS, model, symbols
from diabolo.uses.compress import container
from diabolo.uses.compress.coding import models, weights


@pytest.mark.parametrize("name", LAYOUTS)
def test_model_comes_back(name):
    first = model(LAYOUTS[name])
    second = models.model_from_bytes(models.model_to_bytes(first))
    assert second.layout == first.layout
    for one, two in zip(first.weights, second.weights, strict=True):
        for before, after in zip(one or (), two or (), strict=True):
            assert before.dtype == after.dtype
            assert np.array_equal(before, after)
    for before, after in zip(first.painting or (), second.painting or (), strict=True):
        assert np.array_equal(before, after)
    for one, two in zip(first.above, second.above, strict=True):
        assert all(map(np.array_equal, one, two))
    assert models.model_hash(first) == models.model_hash(second)
    assert models.model_hash(first) != models.model_hash(model(LAYOUTS[name], seed=1))


def test_a_quantised_codes_encoder_is_in_the_models_own_file_alone(tmp_path):
    layout = LAYOUTS["grey, quantised"]
    first, rows = model(layout), symbols(layout, 9)
    content = first.encode(rows, 2).content
    within = models.model_from_bytes(models.model_to_bytes(first))
    assert np.array_equal(within.decode(content, 9, 2), rows)
    with pytest.raises(ValueError, match="has no encoder"):
        within.encode(rows)
    models.save_model(tmp_path / "m.safetensors", first)
    assert models.load_model(tmp_path / "m.safetensors").encode(rows, 2).content == content


CODE_CHANGES = {
    "kind": "ordinary", "size": 0, "units": 5000, "features": 2.0, "lines": 8, "columns": -1,
}  # fmt: skip


@pytest.mark.parametrize("name", CODE_CHANGES)
def test_impossible_codes(name):
    given = models.layout_to_json(LAYOUTS["grey, quantised"])
    given["code"] = {**given["code"], name: CODE_CHANGES[name]}
    with pytest.raises(ValueError, match="a code has"):
        models.layout_from_json(given)
    del given["code"][name]
    with pytest.raises(ValueError, match="a code is not described"):
        models.layout_from_json(given)


@pytest.mark.parametrize("above", [[], [4] * 8, [0], [5000], ["4"], 4, [2.0]])
def test_impossible_layers(above):
    given = models.layout_to_json(LAYOUTS["grey, in two layers"])
    assert given["code"]["above"] == (4,)
    given["code"]["above"] = above
    with pytest.raises(ValueError, match="a code has"):
        models.layout_from_json(given)


def test_layers_belong_to_hierarchical_codes_alone():
    given = models.layout_to_json(LAYOUTS["grey, in two layers"])
    given["code"]["kind"] = "bits-back"
    with pytest.raises(ValueError, match="a code is not described"):
        models.layout_from_json(given)
    given = models.layout_to_json(LAYOUTS["grey, by bits back"])
    given["code"]["kind"] = "hierarchical"
    with pytest.raises(ValueError, match="a code is not described"):
        models.layout_from_json(given)


def test_an_impossible_prior_is_refused():
    first = model(LAYOUTS["grey, quantised"])
    wrong = first.painting._replace(prior=np.full_like(first.painting.prior, -1))
    first.painting = wrong
    with pytest.raises(ValueError, match="impossible sharpness"):
        models.model_from_bytes(models.model_to_bytes(first))


def test_every_cut_of_a_model_is_refused():
    content = models.model_to_bytes(model(LAYOUTS["binary"]))
    for length in range(0, len(content), 7):
        with pytest.raises(ValueError):  # noqa: PT011 - any of several sentences
            models.model_from_bytes(content[:length])


CHANGES = {
    "height": 0, "width": 2**40, "reach": -1, "across": 10**9, "beside": "x", "differences": 1,
    "planes": [], "position": None,
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_impossible_layouts(name):
    given = {**models.layout_to_json(LAYOUTS["grey"]), name: CHANGES[name]}
    with pytest.raises(ValueError, match="a layout"):
        models.layout_from_json(given)


PLANE = [256, 1, -1]
GREEDY = {  # each would have a reader look at millions of symbols, or fill gigabytes, for nothing
    "all planes around": {"planes": [PLANE] * 4096, "height": 1, "width": 2, "across": 200},
    "all planes beside": {"planes": [PLANE] * 4096, "height": 1, "width": 2, "beside": 4096},
    "places in a line": {"height": 65536, "width": 2, "position": True},
}


@pytest.mark.parametrize("name", GREEDY)
def test_greedy_layouts(name):
    given = {**models.layout_to_json(LAYOUTS["grey"]), **GREEDY[name]}
    began = time.process_time()
    with pytest.raises(ValueError, match="a layout looks at more|too large for them"):
        models.layout_from_json(given)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "plane",
    [
        *([0, 1, -1], [2**20, 1, -1], [65, 0, -1], [9, 1, 4], [9, 0, 0], 5, [9, 1], [9, 1, -1, 3]),
        *([9, 1, -1, 0, []], [9, 1, -1, 99, []], [9, 1, -1, 3.0, []], [9, 1, -1, 3, 5]),
        *([9, 1, -1, 3, [9]], [9, 1, -1, 3, [-1]], [9, 1, -1, 3, [4, 4]], [9, 1, -1, 3, [5, 4]]),
        *([99, 1, -1, 3, [*range(9)]], [9, 0, -1, 3, [4]], [9, 1, -1, 3, ["4"]]),
    ],
)
def test_impossible_planes(plane):
    given = {**models.layout_to_json(LAYOUTS["grey"]), "planes": [plane]}
    with pytest.raises(ValueError, match="a plane"):
        models.layout_from_json(given)


def test_a_large_model_that_is_not_there():
    """Units are believed only as far as there are bytes."""
    text = {"layout": models.layout_to_json(LAYOUTS["grey"]), "units": [[1024, 1024]]}
    packed = container.pack(json.dumps(text).encode())
    content = len(packed).to_bytes(4, "little") + packed + bytes(100)
    with pytest.raises(ValueError, match="a model"):
        models.model_from_bytes(content)


def tensors(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    scales = (0.3, 5, 40, 700, 9000)
    drawn = [np.round(random.normal(0, scale, (17, 9))).astype(np.int64) for scale in scales]
    return [*drawn, np.zeros((0, 3), np.int64), np.array([-32768, 32767])]


def test_weights_come_back():
    given = tensors(0)
    content = weights.encode(given)
    found = weights.decode(content, [tensor.size for tensor in given])
    for before, after in zip(given, found, strict=True):
        assert np.array_equal(before.reshape(-1), after)


def test_weights_take_about_their_entropy():
    random = np.random.default_rng(1)
    drawn = np.round(random.logistic(0, 20, 20_000)).astype(np.int64).clip(-500, 500)
    entropy = (np.log(20) + 2) / np.log(2)  # of a logistic density, in bits
    assert 8 * len(weights.encode([drawn])) == pytest.approx(entropy * len(drawn), rel=0.02)
