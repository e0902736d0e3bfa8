"""The encoder is taught the anchors near a row's place, with a context or without."""

import pytest
import torch

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.placed import Placed
from diabolo.parts import codes, likelihoods, networks


def module(context=0):
    encoder = networks.Dense((2, 3), context=context)
    decoder = networks.Dense((1, 2), context=context)
    made = AutoencoderModule(encoder, codes.Anchored(1, 3), decoder, likelihoods.Gaussian())
    made.code.places.copy_(torch.tensor([[-1.0], [0.0], [2.0]]))
    return made


def test_the_loss_is_the_cross_entropy_with_what_is_near():
    made, x = module(), torch.tensor([[0.3, -0.2], [1.0, 0.5]])
    places = torch.tensor([[-1.0], [0.5]])
    found = Placed(made, spread=0.5)(Example(x, places), torch.zeros(()), None)["loss"]
    near = torch.exp(-((places - torch.tensor([-1.0, 0.0, 2.0])) ** 2))
    wanted = near / near.sum(1, keepdim=True)
    logs = torch.log_softmax(made.encoder(x), 1)
    assert found.item() == pytest.approx(-(wanted * logs).sum(1).mean().item(), rel=1e-5)
    found.backward()
    assert all(parameter.grad is None for parameter in made.decoder.parameters())


def test_the_context_comes_before_the_place():
    made, x = module(context=1), torch.tensor([[0.3, -0.2]])
    side, place = torch.tensor([[7.0]]), torch.tensor([[2.0]])
    together = Example(x, torch.cat([side, place], 1))
    found = Placed(made, spread=1e-4)(together, torch.zeros(()), None)["loss"]
    wanted = -torch.log_softmax(made.encoder(x, side), 1)[0, 2]
    assert found.item() == pytest.approx(wanted.item(), rel=1e-4)
