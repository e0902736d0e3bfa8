"""Whether two fitted estimators are the same, bit for bit."""

import numpy as np


def weights(model):
    state = model.module_.state_dict()
    return {name: tensor.numpy().copy() for name, tensor in state.items()}


def same(a, b):
    a, b = weights(a), weights(b)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
