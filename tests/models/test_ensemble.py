"""An ensemble of masked autoencoders is its members: their losses, their predictions."""

import pytest
import torch

from diabolo.models import masked
from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.ensemble import EnsembleModule
from diabolo.parts import augmentations, codes, corruptions, likelihoods, networks
from diabolo.parts.lenses import Visible
from diabolo.parts.spec import build, describe
from laws import drawn, noise, normal


def ensemble(count=3):
    return drawn(
        lambda: EnsembleModule(
            AutoencoderModule(
                Visible(networks.Dense((8, 6, 5), "tanh")),
                codes.Deterministic(5),
                networks.Dense((5, 6, 8), "tanh"),
                likelihoods.Laplace(),
                augmentation=augmentations.Within(1.5),
                corruption=corruptions.Hiding(0.8, 1.0, 0.2),
            ),
            count,
        )
    )


def test_members_share_nothing_but_their_form():
    module = ensemble()
    first, *others = (own.encoder.network.layers[0].weight for own in module.members)
    assert module.member is module.members[0]
    for other in others:
        assert other.shape == first.shape
        assert not torch.equal(other, first)
    names = [name for name, _ in module.named_parameters()]
    assert len(names) == 3 * len(list(module.member.named_parameters()))


def test_the_description_holds_one_member_and_the_count():
    again = build(describe(ensemble(5)))
    assert len(again.members) == 5
    assert describe(again) == describe(ensemble(5))


@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_a_count_that_is_none_is_refused(count):
    with pytest.raises(ValueError, match=r"is not among 1 … 1024 members"):
        ensemble(count)


def test_predictions_are_the_members_mean_where_hidden():
    module, x = ensemble(), normal(9, 4)
    hidden = torch.rand(9, 4, generator=noise()) < 0.5
    found = module.predicted(x, hidden)
    each = [masked.predicted(own, x.clamp(-1.5, 1.5), hidden) for own in module.members]
    torch.testing.assert_close(found[hidden], (sum(each) / 3)[hidden])
    assert torch.equal(found[~hidden], x[~hidden])
    outputs = module.outputs(x, hidden)
    torch.testing.assert_close(
        outputs[1], masked.outputs(module.members[1], x.clamp(-1.5, 1.5), hidden)
    )
    assert outputs.shape == (3, 9, 8)


def test_the_loss_is_the_members_mean():
    module, batch = ensemble(), Example(normal(9, 4))
    found, stream = module(batch, torch.zeros(()), noise()), noise()
    each = [own(batch, torch.zeros(()), stream)["loss"] for own in module.members]
    torch.testing.assert_close(found["loss"], sum(each) / 3)
