import numpy as np
import torch

from diabolo.families.autoencoder import Autoencoder
from diabolo.report.features import drawn_by_layer, drawn_by_weights

X = np.random.default_rng(0).random((60, 64)).astype(np.float32)


def model(**params):
    settings = {"scaling": "none", "max_epochs": 1, "random_state": 0, "activation": "identity"}
    return Autoencoder(n_components=3, **settings | params).fit(X)


def test_a_linear_layer_draws_its_weights():
    fitted = model(hidden_layer_sizes=(), likelihood="gaussian", scaling="standard")
    codes = fitted.transform(X)
    drawn = drawn_by_layer(fitted.module_, 1, codes, (8, 8))
    weights = drawn_by_weights(fitted.module_.decoder.layers[0].weight, (8, 8))
    raised = 2 * codes.std(0, ddof=1)[:, None, None]
    np.testing.assert_allclose(drawn, weights * raised, rtol=1e-3, atol=1e-5)


def test_an_upper_layer_is_drawn_by_all_below_it():
    fitted = model(hidden_layer_sizes=(5,), activation="relu")
    codes = fitted.transform(X)
    drawn = drawn_by_layer(fitted.module_, 2, codes, (8, 8))
    mean, raised = codes.mean(0), 2 * codes.std(0, ddof=1)
    for unit in range(3):
        one = torch.from_numpy(np.stack([mean, mean]))
        one[1, unit] += float(raised[unit])
        with torch.no_grad():
            before, after = fitted.module_.decode(one).numpy()
        np.testing.assert_allclose(drawn[unit].ravel(), after - before, atol=1e-5)
