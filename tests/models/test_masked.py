"""Conditional means from a model of hidden entries, beside the exact ones."""

import numpy as np
import torch

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.models.masked import hidden_away, outputs, predicted
from diabolo.parts import codes, corruptions, likelihoods, networks
from diabolo.parts.lenses import Visible
from laws import drawn, noise, normal


def model(emphasis=1.0):
    return drawn(
        lambda: AutoencoderModule(
            Visible(networks.Dense((8, 6, 5), "tanh")),
            codes.Deterministic(5),
            networks.Dense((5, 6, 4), "tanh"),
            likelihoods.Gaussian(),
            corruption=corruptions.Hiding(0.8, emphasis, 0.2),
        )
    )


def test_the_loss_asks_for_hidden_entries_alone():
    module, x = model(), normal(9, 4)
    hidden = module.corruption(x, noise())[0].isnan()
    rebuilt = module.decode(module.encode(hidden_away(x, hidden)))
    nats = 0.5 * (x - rebuilt).square() + 0.5 * np.log(2 * np.pi)
    wanted = 2 * nats[hidden].sum() / 9
    terms = module(Example(x), torch.zeros(()), noise())
    torch.testing.assert_close(terms["loss"], wanted)


def test_what_is_hidden_has_no_influence():
    module, x = model(), normal(9, 4)
    hidden = torch.zeros(9, 4, dtype=torch.bool)
    hidden[:, 2] = True
    other = x.clone()
    other[:, 2] += 5
    first, second = (outputs(module, rows, hidden) for rows in (x, other))
    assert torch.equal(first, second)
    filled = predicted(module, x, hidden)
    assert torch.equal(filled[:, [0, 1, 3]], x[:, [0, 1, 3]])
    assert torch.equal(filled[:, 2], module.likelihood.mean(first)[:, 2])


def test_nothing_hidden_changes_nothing():
    module, x = model(), normal(9, 4)
    none = torch.zeros(9, 4, dtype=torch.bool)
    assert torch.equal(predicted(module, x, none), x)
    assert torch.equal(hidden_away(x, none), x)
    assert torch.equal(outputs(module, x, none), module.decoder(module.encode(x)))
