"""Pseudo-inputs begin as rows."""

import numpy as np
import pytest
import torch

from diabolo import VampPriorVAE

STILL = {"lr": 1e-9, "max_epochs": 1, "random_state": 0, "n_threads": 1}


@pytest.mark.parametrize("context", [None, np.arange(40.0)[:, None]])
@pytest.mark.parametrize("binary", [False, True])
def test_pseudo_inputs_start_from_training_rows(binary, context):
    rows = np.random.default_rng(0).normal(size=(40, 6))
    rows = (rows > 0).astype(np.uint8) if binary else rows
    model = VampPriorVAE(n_pseudo_inputs=7, **STILL).fit(rows, context=context)
    pseudo = model.module_.code.prior.pseudo.detach()
    x = torch.sigmoid(pseudo[:, :6]) if binary else pseudo[:, :6]
    scaled = model.columns_.scaled(torch.from_numpy(rows))
    near = torch.cdist(x, scaled.clamp(0.05, 0.95) if binary else scaled).min(1)
    np.testing.assert_allclose(near.values, 0, atol=1e-3)
    assert len(pseudo.unique(dim=0)) == 7 or binary
    if context is not None and not binary:
        np.testing.assert_allclose(pseudo[:, 6], context[near.indices, 0], atol=1e-3)


def test_more_pseudo_inputs_than_rows_are_left_to_chance():
    rows = np.random.default_rng(0).normal(size=(12, 3))
    model = VampPriorVAE(n_pseudo_inputs=20, **STILL).fit(rows)
    assert len(model.module_.code.prior.pseudo.detach().unique(dim=0)) == 20
