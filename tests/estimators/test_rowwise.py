"""A row's result is the same, bit for bit, whatever rows come with it and wherever it stands."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from diabolo.estimators import rowwise
from diabolo.estimators.rowwise import PIECE, TOGETHER, Alone, apply, require_finite
from diabolo.families import AUTOENCODERS, family
from diabolo.parts.activations import ACTIVATIONS

N, D = 1000, 784
PIECES = (1, 2, 7, 16, 33, 100, 255, 999)


def differences(function, X):
    """What of function(X) depends on the company of a row: "order", or sizes of pieces."""
    whole = function(X)
    order = np.random.default_rng(1).permutation(len(X))
    found = [] if np.array_equal(function(X[order]), whole[order]) else ["order"]
    for size in PIECES:
        pieces = [function(X[first : first + size]) for first in range(0, len(X), size)[:6]]
        together = np.concatenate(pieces)
        if not np.array_equal(together, whole[: len(together)]):
            found.append(size)
    return found


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((N, D))


@pytest.fixture(scope="module", params=AUTOENCODERS)
def fitted(request, images):
    # 50 → 3: narrow products, rows not on multiples of 16 bytes
    sizes = {"n_components": 3, "hidden_layer_sizes": (50,), "channels": (4, 8)}
    return family(request.param)(max_epochs=1, random_state=0, **sizes).fit(images)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("method", ["transform", "score_samples"])
def test_a_row_does_not_depend_on_its_company(fitted, images, method, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert differences(getattr(fitted, method), images) == []
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("d", "hidden", "code"), [(3, (32,), 1), (13, (7,), 5), (64, (), 8), (257, (100, 50), 2)]
)
@pytest.mark.parametrize("name", ["Autoencoder", "ConvolutionalAutoencoder"])
def test_odd_widths(name, d, hidden, code):
    X = np.random.default_rng(0).normal(size=(300, d))
    make = family(name)
    model = make(max_epochs=1, random_state=0, n_components=code, hidden_layer_sizes=hidden)
    model.fit(X)
    assert differences(model.transform, X) == []
    assert differences(model.score_samples, X) == []


def test_more_rows_than_a_piece(images):
    X = np.concatenate([images, images[::-1], images])
    model = family("Autoencoder")(max_epochs=1, random_state=0, n_components=3).fit(images)
    codes = model.transform(X)
    np.testing.assert_array_equal(codes[:N], codes[2 * N :])
    np.testing.assert_array_equal(codes[:N], codes[N : 2 * N][::-1])


def test_the_measure_sees_dependence(images):
    assert differences(lambda X: X - X.min(0), images[:, :5]) == list(PIECES)
    assert "order" in differences(lambda X: X * np.arange(len(X))[:, None], images[:, :5])


@pytest.mark.parametrize("outputs", [1, 2, 15, 16, 17])
@pytest.mark.parametrize("bias", [True, False])
def test_wide_linear_is_linear(outputs, bias):
    noise = torch.Generator().manual_seed(0)
    x, weight = torch.randn(5, 7, generator=noise), torch.randn(outputs, 7, generator=noise)
    b = torch.randn(outputs, generator=noise) if bias else None
    with Alone():
        out = F.linear(x, weight, b)
    expected = x.double() @ weight.T.double() + (0 if b is None else b.double())
    assert out.shape == (5, outputs)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("inputs", "outputs"), [(784, 1000), (500, 250), (257, 300), (64, 2000)])
def test_large_products_do_not_depend_on_company(inputs, outputs, threads):
    noise = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(n, inputs, generator=noise) for n in (PIECE, outputs))
    b, before = torch.randn(outputs, generator=noise), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        whole = apply(lambda x, _: F.linear(x, weight, b), x)
        many, fixed = Alone(again=True), torch.nn.Parameter(weight)
        for _ in range(2):  # laid out, and as it was laid out
            assert torch.equal(apply(lambda x, _: F.linear(x, fixed, b), x, None, many), whole)
        assert len(many._laid_out) == 1
        apply(lambda x, _: F.linear(x, weight.clone(), b), x, None, many)  # made for the moment
        assert len(many._laid_out) == 1
        for first, last in [(0, 1), (5, 40), (100, 612), (7, 1024)]:
            some = apply(lambda x, _: F.linear(x, weight, b), x[first:last])
            assert torch.equal(some, whole[first:last])
    finally:
        torch.set_num_threads(before)
    expected = x.double() @ weight.T.double() + b.double()
    torch.testing.assert_close(whole.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "weight",
    [
        torch.zeros(300, 300, dtype=torch.float64),
        torch.zeros(400, 300).T,
        torch.zeros(400, 300)[:, ::2],
    ],
    ids=["double", "transposed", "strided"],
)
def test_other_large_products_are_torch_s(weight):
    x = torch.ones(3, weight.shape[1], dtype=weight.dtype)
    with Alone(again=True) as mode:
        assert torch.equal(F.linear(x, weight), torch.zeros(3, len(weight), dtype=weight.dtype))
    assert not mode._laid_out


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 3, 37, 200])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_do_not_depend_on_company(name, width, threads):
    x = 3 * torch.randn(PIECE, width, generator=torch.Generator().manual_seed(0))
    value, before = ACTIVATIONS[name].value, torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        whole = apply(lambda x, _: value(x), x)
        for first, last in [(0, 1), (5, 53), (100, 612), (3, 1003), (7, 1024)]:
            assert torch.equal(apply(lambda x, _: value(x), x[first:last]), whole[first:last])
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(whole, value(x), rtol=1e-6, atol=1e-6)


def test_torch_s_own_do(monkeypatch):
    """The control: without the measure the test above sees a dependence."""
    monkeypatch.setattr(rowwise, "BY_VECTORS", set())

    def depends(name: str) -> bool:
        try:
            test_activations_do_not_depend_on_company(name, 37, 1)
        except AssertionError:
            return True
        return False

    if not any(map(depends, ACTIVATIONS)):
        pytest.skip("this processor computes what is left over as it computes vectors")


def test_maps_keep_their_layout():
    x = torch.randn(5, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    for image in (x, x.to(memory_format=torch.channels_last)):
        with Alone():
            out = F.silu(image)
        assert out.stride() == image.stride()
        torch.testing.assert_close(out, F.silu(image))


def test_large_products_have_their_derivative():
    noise = torch.Generator().manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(300, 300, generator=noise))

    def slope(x, _):
        with torch.inference_mode(False), torch.enable_grad():
            x = x.clone().requires_grad_()
            return torch.autograd.grad(F.linear(x, weight).sum(), x)[0]

    found = apply(slope, torch.randn(20, 300, generator=noise))
    torch.testing.assert_close(found, weight.detach().sum(0).expand(20, -1))


def test_few_rows_are_filled_up_and_cut_off_again():
    seen = []

    def function(x, side):
        seen.append((x.shape, side.shape, x[3:].any(), side[3:].any()))
        return x + 1

    x = torch.ones(3, 2)
    torch.testing.assert_close(apply(function, x, torch.ones(3, 1)), x + 1)
    assert seen == [((TOGETHER, 2), (TOGETHER, 1), False, False)]


def test_a_result_that_is_not_finite_names_its_row():
    out = torch.zeros(4, 2)
    out[2, 1] = torch.inf
    with pytest.raises(ValueError, match="row 1026 of X lies so far outside the training data"):
        require_finite(out, 1024)
