"""Parts are plain values: described, rebuilt, copied, drawn from a generator alone."""

import copy
import json

import pytest
import torch
from torch import nn

from diabolo.parts import codes, networks, penalties
from diabolo.parts.spec import MissingModuleError, Part, build, describe, initialise, part_name
from laws import PARTS, drawn, noise

every_part = pytest.mark.parametrize("make", PARTS.values(), ids=PARTS)


def tensors(part):
    return {name: tensor.clone() for name, tensor in part.state_dict().items()}


def equal(left, right):
    return left.keys() == right.keys() and all(
        torch.equal(left[name], right[name]) for name in left
    )


def through_json(description):
    return json.loads(json.dumps(description, allow_nan=False))


def test_no_part_of_ours_is_left_out():
    ours = {name for name, cls in Part.table.items() if cls.__module__.startswith("diabolo.")}
    assert ours == {part_name(type(make())) for make in PARTS.values()}


@every_part
def test_described_as_json_and_built_again_it_is_the_same(make):
    part = make()
    again = build(through_json(describe(part)))
    assert type(again) is type(part)
    assert describe(again) == describe(part)
    assert str(again) == str(part)
    initialise(part, noise())
    initialise(again, noise())
    assert equal(tensors(part), tensors(again))


@every_part
def test_its_first_weights_follow_from_the_generator_alone(make):
    part = make()
    initialise(part, noise(1))
    once = tensors(part)
    initialise(part, noise(2))
    other = tensors(part)
    initialise(part, noise(1))
    assert equal(once, tensors(part))
    matrices = [name for name in once if once[name].ndim > 1 and "context_weight" not in name]
    assert not any(torch.equal(once[name], other[name]) for name in matrices)
    assert all(torch.isfinite(tensor).all() for tensor in once.values())


@every_part
def test_a_copy_has_its_own_weights(make):
    part = drawn(make)
    twin = copy.deepcopy(part)
    before = tensors(part)
    assert equal(before, tensors(twin))
    with torch.no_grad():
        for tensor in (*twin.parameters(), *twin.buffers()):
            tensor.add_(1)
    assert equal(before, tensors(part))


@every_part
def test_building_allocates_nothing_on_the_meta_device(make):
    with torch.device("meta"):
        part = build(describe(make()))
    assert all(tensor.is_meta for tensor in (*part.parameters(), *part.buffers()))


@every_part
def test_an_argument_it_does_not_have_is_refused(make):
    description = describe(make())
    with pytest.raises(ValueError, match="has no argument 'colour'"):
        build({**description, "colour": "red"})


@every_part
def test_an_argument_of_a_wrong_kind_is_refused(make):
    description = describe(make())
    networks_ = {
        "encoder",
        "decoder",
        "head",
        "network",
        "generator",
        "discriminator",
        "critic",
    }  # any module may stand there
    for name in description.keys() - {"part"}:
        for wrong in ({"part": "networks.Identity"}, [[1]], None)[name in networks_ :]:
            with pytest.raises(ValueError, match=f"cannot have {name}="):
                build({**description, name: wrong})


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ({"part": "codes.Deterministic", "dim": 3}, {"dim": 3.0}),
        ({"part": "codes.Deterministic", "dim": 3}, {"dim": True}),
        ({"part": "codes.Gaussian", "dim": 3}, {"bound": "12"}),
        ({"part": "networks.Dense", "sizes": [3, 2]}, {"sizes": [3, "2"]}),
        ({"part": "augmentations.Shift", "shape": [2, 2, 1]}, {"shape": [2, 2]}),
    ],
    ids=str,
)
def test_a_number_is_a_number_of_its_own_kind(kind, wrong):
    build(kind)
    with pytest.raises(ValueError, match="cannot have"):
        build({**kind, **wrong})


@pytest.mark.parametrize(
    "name", ["os.system", "codes.Nonsense", "likelihoods.Likelihood", "", None, 3, ["codes.TopK"]]
)
def test_a_name_that_is_not_in_the_table_is_refused(name):
    with pytest.raises(ValueError, match="unknown part"):
        build({"part": name})


def test_a_missing_argument_is_refused():
    with pytest.raises(TypeError, match="dim"):
        build({"part": "codes.Deterministic"})


def test_a_part_of_another_package_does_not_take_the_place_of_ours(monkeypatch):
    monkeypatch.setattr(Part, "table", dict(Part.table))
    theirs = type("Gaussian", (codes.Code,), {"__module__": "codes", "__annotations__": {}})
    assert Part.table["codes.Gaussian"] is codes.Gaussian
    assert Part.table["codes:Gaussian"] is theirs
    assert type(build(describe(theirs(3)))) is theirs


def test_modules_of_ones_own_have_to_be_handed_in_again():
    model = PARTS["model: plain"]()
    model.encoder = nn.Sequential(nn.Linear(6, 4, device="meta"))
    description = through_json(describe(model))
    assert description["encoder"] == {"part": "yours"}
    with pytest.raises(MissingModuleError, match=r"your own encoder.*diabolo\.load"):
        build(description)
    mine = nn.Sequential(nn.Linear(6, 4, device="meta"))
    assert build(description, {"encoder": mine}).encoder is mine


def test_what_a_part_makes_of_its_arguments_is_no_argument():
    sparsity = penalties.KLSparsity(2.0, 4, 0.1)
    assert describe(sparsity).keys() == {"part", "weight", "units", "target", "memory"}
    with pytest.raises(TypeError):
        networks.Dense((3, 2), layers=[])


def test_a_list_handed_in_is_left_alone():
    sizes = [4, 3, 2]
    part = networks.Dense(sizes)
    assert sizes == [4, 3, 2]
    assert part.sizes == (4, 3, 2)
