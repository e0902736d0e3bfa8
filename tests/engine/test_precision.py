"""Products in bfloat16: what is rounded, what stays exact; replayed steps are the eager ones."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

import diabolo
from diabolo.data.batches import Batch
from diabolo.engine import precision
from diabolo.engine.precision import chosen, products_in, remark
from diabolo.engine.replay import best_step
from diabolo.engine.speed import EagerStep, FlatParameters

CLOCK = torch.zeros(())


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed))


def rounded(x):
    """To the nearest number of 8 bits, ties to even: by the bits of float32, without torch."""
    bits = np.asarray(x, dtype=np.float32).view(np.uint32).astype(np.uint64)
    bits = bits + 0x7FFF + ((bits >> 16) & 1)
    return (bits & 0xFFFF0000).astype(np.uint32).view(np.float32)


def linear_by_hand(x, w, b):
    """In float64 between the roundings: sums in float32 may fall to the other side of a tie."""
    product = rounded(x).astype(np.float64) @ rounded(w).astype(np.float64).T
    return rounded(product).astype(np.float64) + b.numpy()


def test_a_product_is_that_of_rounded_numbers():
    x, w, b = drawn(9, 70), drawn(5, 70, seed=1), 100 * drawn(5, seed=2)
    with products_in("bfloat16"):
        y = F.linear(x, w.requires_grad_(), b)
    expected = linear_by_hand(x, w.detach(), b)
    product = np.abs(expected - b.numpy())
    assert y.dtype is torch.float32
    # one unit of the 8 bits where the sums differed in order; the bias is exact: 100 times larger
    assert (np.abs(y.detach().numpy() - expected) <= product * 2**-7 + 1e-4).all()
    assert (np.abs(y.detach().numpy() - expected) < 1e-4).mean() > 0.9
    exact = F.linear(x, w, b).detach().numpy()
    assert np.abs(y.detach().numpy() - exact).max() > 1e-2, "the control: float32 is not rounded"


def test_gradients_are_products_of_rounded_numbers():
    x, w = drawn(9, 70).requires_grad_(), drawn(5, 70, seed=1).requires_grad_()
    g = drawn(9, 5, seed=3)
    with products_in("bfloat16"):
        y = F.linear(x, w)
    y.backward(g)
    found = x.grad.numpy(), w.grad.numpy()
    by_hand = rounded(g) @ rounded(w.detach()), rounded(g).T @ rounded(x.detach())
    for ours, theirs in zip(found, by_hand, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2**-7, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "shape"), [(F.conv2d, (4, 3, 5, 5)), (F.conv_transpose2d, (3, 4, 5, 5))]
)
def test_convolutions_are_those_of_rounded_numbers(function, shape):
    x, w, b = drawn(2, 3, 12, 12), drawn(*shape, seed=1), 100 * drawn(4, seed=2)
    with products_in("bfloat16"):
        y = function(x, w.requires_grad_(), b, stride=2, padding=2)
    as_double = [torch.from_numpy(rounded(t.detach()).astype(np.float64)) for t in (x, w)]
    product = function(*as_double, None, stride=2, padding=2)
    expected = product + b.double().view(-1, 1, 1)
    assert y.dtype is torch.float32
    assert ((y - expected).abs() <= product.abs() * 2**-7 + 1e-4).all()


def test_all_else_stays_exact():
    x, w = drawn(2, 1, 8, 8), drawn(1, 1, 3, 3, seed=1)  # no weight that is trained
    double = w.double().requires_grad_()
    with products_in("bfloat16"):
        moved, large = F.conv2d(x, w), F.conv2d(x.double(), double)
    with products_in("float32"):
        plain = F.conv2d(x, w.clone().requires_grad_())
    assert torch.equal(moved, F.conv2d(x, w))
    assert torch.equal(large, F.conv2d(x.double(), double))
    assert torch.equal(plain, F.conv2d(x, w))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.utils.skip_init(nn.Linear, 64, 32), nn.Tanh(), nn.utils.skip_init(nn.Linear, 32, 64)
        )
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.3, 0.3, generator=seeded())

    def forward(self, batch, clock, generator):
        return {"loss": (self.layers(batch.x) - batch.x).square().sum(1).mean()}


def test_the_replayed_step_is_the_eager_one():
    eager, replayed = Net(), Net()
    flats = FlatParameters(eager), FlatParameters(replayed)
    step = best_step(replayed, flats[1], precision="bfloat16")
    reference = EagerStep(eager, flats[0], "bfloat16")
    for number in range(20):
        batch = Batch(drawn(16, 64, seed=number))
        expected = reference(batch, CLOCK)
        assert torch.equal(step(batch, CLOCK)["loss"], expected["loss"])
        assert torch.equal(flats[0].gradient, flats[1].gradient)
    assert step.reason is None, "it was eager: nothing was compared"
    plain = Net()
    exact = EagerStep(plain, FlatParameters(plain))(batch, CLOCK)
    assert not torch.equal(exact["loss"], expected["loss"]), "nothing was rounded"


def test_digits_are_learned_as_well():
    digits = load_digits().data

    def error(precision):
        model = diabolo.Autoencoder(
            n_components=16, max_epochs=20, precision=precision, random_state=0
        ).fit(digits)
        return float(((model.inverse_transform(model.transform(digits)) - digits) ** 2).mean())

    exact, short = error("float32"), error("bfloat16")
    assert short != exact
    assert short < 1.05 * exact


WIDE = [torch.zeros(3), torch.zeros(300, 200)]


def test_who_gains_nothing_is_told(monkeypatch):
    monkeypatch.setattr(precision, "gain", lambda *sizes: 0.5)
    assert "2.0 times as long" in remark("bfloat16", "bfloat16", WIDE)
    assert remark("float32", "float32", WIDE) is None
    assert chosen("auto", WIDE) == "float32"
    assert "in float32, the quicker" in remark("auto", "float32", WIDE)
    monkeypatch.setattr(precision, "gain", lambda *sizes: 2.0)
    assert remark("bfloat16", "bfloat16", WIDE) is None
    assert chosen("auto", WIDE) == "bfloat16"
    assert chosen("auto", WIDE[:1]) == "float32", "there is no product"


def test_tiny_products_gain_nothing():
    assert precision.gain(2, 16) < 1
    assert chosen("auto", [torch.zeros(2, 16)]) == "float32"
    assert chosen("bfloat16", [torch.zeros(2, 16)]) == "bfloat16"
