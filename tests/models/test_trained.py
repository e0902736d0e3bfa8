"""A model file: what comes back, and what is refused, in one sentence and before any memory."""

import copy
import json
import os
import re
import resource

import numpy as np
import pytest
import torch
from torch import nn

from diabolo.files import DamagedFileError, read_sealed, write_sealed
from diabolo.models import trained
from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts import codes, likelihoods, networks
from diabolo.parts.spec import MissingModuleError, describe, initialise
from laws import MODELS, greys, noise

every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
HEADER = {"family": "Autoencoder", "history": {"loss": [2.5, 1.25]}, "context": 0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def started(make):
    model = make()
    initialise(model, noise())
    return model.eval()


@every_model
def test_what_was_saved_comes_back(path, make):
    model = started(make)
    trained.save(path, model, HEADER)
    again, header = trained.load(path)
    assert describe(again) == describe(model)
    assert not again.training
    assert HEADER.items() <= header.items()
    state = model.state_dict()
    assert again.state_dict().keys() == state.keys()
    assert all(torch.equal(again.state_dict()[name], state[name]) for name in state)
    x = greys(5, 6).float()
    assert torch.equal(again.reconstruct(x), model.reconstruct(x))
    clock = torch.tensor(9.0)
    theirs, ours = (m(Example(x), clock, noise(1))["loss"] for m in (again, model))
    assert torch.equal(theirs, ours)
    assert all(p.requires_grad for p in again.parameters())


@every_model
def test_what_came_back_can_be_trained_and_saved_again(path, make):
    trained.save(path, started(make), HEADER)
    first = path.read_bytes()
    model, _ = trained.load(path)
    trained.save(path, model, HEADER)
    assert path.read_bytes() == first
    model(Example(greys(5, 6).float()), torch.tensor(9.0), noise())["loss"].backward()
    assert any(p.grad is not None for p in model.parameters())


def test_the_header_says_what_made_it_but_not_where_or_who(path):
    trained.save(path, started(MODELS["plain"]), HEADER)
    made = trained.load(path)[1]["made"]
    assert {"torch", "numpy", "scikit-learn", "python", "machine", "threads"} == set(made)
    assert os.getcwd() not in json.dumps(made)


# modules of one's own


def with_own_encoder():
    own = nn.Sequential(nn.Linear(6, 4, device="meta"), nn.BatchNorm1d(4, device="meta"))
    own = own.to_empty(device="cpu")
    with torch.no_grad():
        for index, tensor in enumerate((*own.parameters(), *own.buffers())):
            tensor.fill_(index + 1)
    return AutoencoderModule(
        own, codes.Deterministic(4), networks.Dense((4, 6)), likelihoods.Gaussian()
    )


def test_modules_of_ones_own_are_filled_and_the_one_handed_in_is_left_alone(path):
    model = started(with_own_encoder)
    trained.save(path, model, HEADER)
    mine = with_own_encoder().encoder
    with torch.no_grad():
        for tensor in (*mine.parameters(), *mine.buffers()):
            tensor.zero_()
    again, _ = trained.load(path, {"encoder": mine})
    x = greys(5, 6).float()
    assert torch.equal(again.encode(x), model.encode(x))
    assert all((tensor == 0).all() for tensor in (*mine.parameters(), *mine.buffers()))
    assert mine.training


def test_modules_of_ones_own_are_asked_for(path):
    trained.save(path, started(with_own_encoder), HEADER)
    with pytest.raises(MissingModuleError, match=r"made with your own encoder.*load\(path"):
        trained.load(path)


def test_another_module_of_ones_own_is_refused(path):
    trained.save(path, started(with_own_encoder), HEADER)
    with pytest.raises(MissingModuleError, match="not like the one that was saved"):
        trained.load(path, {"encoder": nn.Linear(6, 4, device="meta").to_empty(device="cpu")})


# enemies: a valid seal around nonsense


def plain(path):
    trained.save(path, started(MODELS["plain"]), HEADER)
    return read_sealed(path)


def refusal(path):
    """The sentence with which the file is refused, having cost next to no memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DamagedFileError) as caught:
        trained.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert len(sentence) < 400 + len(str(path))
    return sentence


def hostile(change):
    def applied(description):
        description = copy.deepcopy(description)
        change(description)
        return description

    return applied


def put(*keys, value):
    """A change of the description: description[keys…] = value."""

    def change(description):
        for key in keys[:-1]:
            description = description[key]
        description[keys[-1]] = value

    return hostile(change)


GIANT = 10**12
DESCRIPTIONS = {
    "nothing": lambda d: None,
    "a number": lambda d: 7,
    "a list": lambda d: [d],
    "another part": lambda d: d["encoder"],
    "an unknown part": put("encoder", "part", value="os.system"),
    "a part of the same file's module": put("encoder", "part", value="spec.Part"),
    "an abstract part": put("code", value={"part": "codes.Code", "dim": 4}),
    "an unknown argument": put("encoder", "__init__", value="x"),
    "a missing argument": hostile(lambda d: d["encoder"].pop("sizes")),
    "giant layers": put("encoder", "sizes", value=[GIANT, GIANT, GIANT]),
    "one giant layer": put("encoder", "sizes", value=[6, 2**40, 4]),
    "a layer beyond all numbers": put("encoder", "sizes", value=[6, 10**40, 4]),
    "negative layers": put("encoder", "sizes", value=[6, -5, 4]),
    "no layers": put("encoder", "sizes", value=[]),
    "one level": put("encoder", "sizes", value=[6]),
    "text for layers": put("encoder", "sizes", value="654"),
    "thousands of layers": put("encoder", "sizes", value=[1] * 9000),
    "an unknown activation": put("encoder", "activation", value="__class__"),
    "a giant code": put("code", "dim", value=GIANT),
    "a code that does not fit": put("code", "dim", value=5),
    "a code of another kind": put("code", value={"part": "codes.Gaussian", "dim": 4}),
    "more kept units than there are": put("code", value={"part": "codes.TopK", "dim": 4, "k": 9}),
    "a decoder of another width": put("decoder", "sizes", value=[4, 5, 1]),
    "a decoder of other parameters": put("likelihood", "variance", value="entry"),
    "a network where a code belongs": put("code", value={"part": "networks.Identity"}),
    "a code where a network belongs": put(
        "encoder", value={"part": "codes.TopK", "dim": 6, "k": 2}
    ),
    "a giant context": put("encoder", "context", value=GIANT),
    "an unknown variance": put("likelihood", "variance", value="no such"),
    "an unknown link": put("likelihood", "link", value="no such"),
    "giant numbers of levels": put(
        "likelihood", value={"part": "likelihoods.Categorical", "levels": GIANT}
    ),
    "no levels": put("likelihood", value={"part": "likelihoods.Categorical", "levels": 0}),
    "a penalty with giant buffers": put(
        "penalties", value=[{"part": "penalties.KLSparsity", "units": GIANT}]
    ),
    "a penalty that is none": put("penalties", value=[{"part": "networks.Identity"}]),
    "a penalty with a target beyond 1": put(
        "penalties", value=[{"part": "penalties.KLSparsity", "target": 7.0}]
    ),
    "a mirror of nothing": put("decoder", value={"part": "networks.Mirror", "sizes": [4, 2, 6]}),
    "images without channels": put(
        "encoder",
        value={
            "part": "networks.ConvolutionalEncoder",
            "shape": [2, 3, 1],
            "outputs": 4,
            "channels": [],
        },
    ),
    "giant images": put(
        "encoder",
        value={"part": "networks.ConvolutionalEncoder", "shape": [GIANT, GIANT, 3], "outputs": 4},
    ),
    "empty images": put(
        "encoder",
        value={"part": "networks.ConvolutionalEncoder", "shape": [0, 0, 0], "outputs": 4},
    ),
    "a warm-up of text": put("warmup", value="long"),
    "models in models": put("encoder", value={"part": "autoencoder.AutoencoderModule"}),
    "itself as head": hostile(lambda d: d.update(head=copy.deepcopy(d))),
}


@pytest.mark.parametrize("change", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_a_description_of_nonsense_is_refused(path, change):
    arrays, header = plain(path)
    write_sealed(path, arrays, {**header, "module": change(header["module"])})
    assert "holds no model this version can build" in refusal(path)


TENSORS = {
    "a missing tensor": (
        lambda arrays: arrays.pop("encoder.layers.0.bias"),
        "tensor 'encoder.layers.0.bias' has no counterpart",
    ),
    "one too many": (
        lambda arrays: arrays.update(extra=np.zeros(3, np.float32)),
        "tensor 'extra' has no counterpart",
    ),
    "a wrong shape": (
        lambda arrays: arrays.update({"encoder.layers.0.bias": np.zeros((5, 1), np.float32)}),
        r"should be torch.float32 of \(5,\), but is torch.float32 of \(5, 1\)",
    ),
    "another type": (
        lambda arrays: arrays.update({"encoder.layers.0.bias": np.zeros(5, np.int64)}),
        r"should be torch.float32 of \(5,\), but is torch.int64 of \(5,\)",
    ),
    "no tensors at all": (lambda arrays: arrays.clear(), "has no counterpart"),
}


@pytest.mark.parametrize(("change", "sentence"), TENSORS.values(), ids=TENSORS)
def test_tensors_that_contradict_the_description_are_refused(path, change, sentence):
    arrays, header = plain(path)
    change(arrays)
    write_sealed(path, arrays, header)
    with pytest.raises(DamagedFileError, match=sentence):
        trained.load(path)


@pytest.mark.parametrize(
    "part",
    [{"part": "codes.TopK", "dim": 6, "k": 2}, {"part": "networks.Identity"}],
    ids=["a code", "nothing"],
)
@pytest.mark.parametrize("place", ["encoder", "decoder"])
def test_what_is_no_network_is_refused_though_its_tensors_fit(path, place, part):
    arrays, header = plain(path)
    for name in [name for name in arrays if name.startswith(place)]:
        del arrays[name]
    header["module"][place] = part
    write_sealed(path, arrays, header)
    assert re.search("has no attribute|its (encoder|decoder) is", refusal(path))


def test_a_description_larger_than_any_models_is_not_built_first(path):
    arrays, header = plain(path)
    header["module"]["encoder"]["sizes"] = [1] * 20_000
    write_sealed(path, arrays, header)
    assert "more than 10,000 entries" in refusal(path)


def test_a_file_without_a_model_is_refused(path):
    write_sealed(path, {}, {"family": "Autoencoder"})
    assert "no 'module'" in refusal(path)


def test_every_flipped_bit_is_refused(path):
    model = AutoencoderModule(
        networks.Dense((2, 1)),
        codes.Deterministic(1),
        networks.Dense((1, 2)),
        likelihoods.Gaussian(),
    )
    initialise(model, noise())
    trained.save(path, model, {})
    content = path.read_bytes()
    refused = 0
    with open(path, "r+b", buffering=0) as file:
        for place, byte in enumerate(content):
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), place)
                try:
                    trained.load(path)
                except DamagedFileError:
                    refused += 1
            os.pwrite(file.fileno(), bytes([byte]), place)
    assert refused == 8 * len(content)
    trained.load(path)
