"""Quantised codes: the nearest entry, the way of the gradient, moving averages, entries revived."""

import itertools

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import entropy

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts import likelihoods, networks
from diabolo.parts.quantisers import GradientVectorQuantiser, ScalarQuantiser, VectorQuantiser
from diabolo.parts.record import Pass
from laws import CODES, drawn, noise, normal

QUANTISERS = {
    name: make
    for name, make in CODES.items()
    if isinstance(make(), GradientVectorQuantiser | ScalarQuantiser)
}
VECTORS = {n: m for n, m in QUANTISERS.items() if isinstance(m(), GradientVectorQuantiser)}
every_quantiser = pytest.mark.parametrize("make", QUANTISERS.values(), ids=QUANTISERS)
every_vector = pytest.mark.parametrize("make", VECTORS.values(), ids=VECTORS)


def of(make):
    """An autoencoder of 6 features around the code."""
    code = make()
    return drawn(
        lambda: AutoencoderModule(
            networks.Dense((6, code.inputs)),
            code,
            networks.Dense((code.dim, 6)),
            likelihoods.Gaussian(),
        )
    )


def fed(code, h):
    """The code's buffers after a step on these h; as the engine stores them."""
    record = Pass(*[None] * len(Pass._fields))._replace(h=h)
    for name, value in code.statistics(record, noise(3)).items():
        code.get_buffer(name).copy_(value)
    return code, record


@every_quantiser
def test_what_the_numbers_stand_for_is_coded_as_these_numbers(make):
    code = drawn(make)
    combinations = [range(size) for size in code.sizes]
    every = torch.tensor(list(itertools.islice(itertools.product(*combinations), 400)))
    z = code.lookup(every)
    assert z.shape == (len(every), code.dim)
    assert len(z.unique(dim=0)) == len(every)
    again = code.indices(inverse(code, z))
    assert torch.equal(again, every)


def inverse(code, z):
    """An h that the code takes for z."""
    if not isinstance(code, ScalarQuantiser):
        return z
    inside = (z * code.radius + code.offset) / code.reach
    return torch.atanh(inside.clamp(-0.999, 0.999)) - torch.tan(code.offset / code.reach)


@every_quantiser
def test_the_gradient_goes_straight_through(make):
    code = drawn(make)
    h = normal(20, code.inputs).requires_grad_()
    z = code(h, None).z
    torch.testing.assert_close(z, code.mean(h))
    weights = normal(20, code.dim, seed=1)
    (gradient,) = torch.autograd.grad((weights * z).sum(), h)
    smooth = code.bounded(h) / code.radius if isinstance(code, ScalarQuantiser) else h
    (wanted,) = torch.autograd.grad((weights * smooth).sum(), h)
    torch.testing.assert_close(gradient, wanted)


@every_quantiser
def test_naming_the_numbers_costs_the_logarithm_of_their_count(make):
    code = drawn(make)
    rate = code(normal(5, code.inputs), None).rate
    np.testing.assert_allclose(rate.numpy(), np.log(np.prod([float(s) for s in code.sizes])))


@every_quantiser
def test_perplexity_is_the_exponential_of_the_entropy_of_their_use(make):
    code = drawn(make)
    assert code.measures(None)["perplexity"] == 1
    code, record = fed(code, normal(50, code.inputs, seed=4))
    if isinstance(code, VectorQuantiser):  # that revived the unused
        return
    counts = [np.bincount(column) for column in code.indices(record.h).T.numpy()]
    wanted = np.mean([np.exp(entropy(count)) for count in counts])
    assert code.measures(record)["perplexity"].item() == pytest.approx(wanted)


@every_vector
def test_the_nearest_entry_is_taken(make):
    code, h = drawn(make), normal(40, 6)
    for place, (vectors, entries) in enumerate(
        zip(h.split(code.size, 1), code.codebook.detach(), strict=True)
    ):
        wanted = cdist(vectors, entries).argmin(1)
        np.testing.assert_array_equal(code.indices(h)[:, place].numpy(), wanted)


@every_vector
def test_commitment_is_the_weighted_squared_distance_and_pulls_the_encoder_alone(make):
    code, h = drawn(make), normal(9, 6).requires_grad_()
    term = code(h, None).aux["commitment"]
    e = code.mean(h).detach()
    assert term.item() == pytest.approx(0.25 * (h - e).square().sum().item() / 9)
    (gradient,) = torch.autograd.grad(term, h)
    torch.testing.assert_close(gradient, 0.5 * (h.detach() - e) / 9)


def test_the_codebooks_gradient_moves_each_entry_to_what_chose_it():
    code, h = drawn(VECTORS["vector-quantised by gradient"]), normal(200, 6).requires_grad_()
    term = code(h, None).aux["codebook"]
    gradient, none = torch.autograd.grad(term, [code.codebook, h], allow_unused=True)
    assert none is None
    chosen = code.indices(h)
    for place, entry in itertools.product(range(code.places), range(code.entries)):
        vectors = h.detach()[chosen[:, place] == entry, 2 * place : 2 * place + 2]
        wanted = 2 * (code.codebook[place, entry] - vectors).sum(0) / 200
        torch.testing.assert_close(gradient[place, entry], wanted.detach())


def test_entries_become_k_means_of_what_chooses_them():
    """On vectors that stay, moving averages are Lloyd's algorithm, step by step smoothed."""
    code = drawn(lambda: VectorQuantiser(2, 2, 4, memory=0.9))
    centres = torch.tensor([[3.0, 3], [-3, 3], [3, -3], [-3, -3]], dtype=torch.float64)
    h = (centres[:, None] + 0.3 * normal(4, 30, 2)).flatten(0, 1)
    code.codebook[0].copy_(centres / 2)
    code.share.fill_(0.25)
    for _ in range(200):
        fed(code, h)
    means = h.view(4, 30, 2).mean(1)
    distances = cdist(means, code.codebook[0])
    assert distances.min(1).max() < 1e-6
    assert len(set(distances.argmin(1))) == 4
    torch.testing.assert_close(code.share, torch.full((4,), 0.25, dtype=torch.float64))
    assert code.measures(None)["perplexity"].item() == pytest.approx(4)


def test_one_step_of_the_averages_is_the_papers():
    code = drawn(lambda: VectorQuantiser(2, 2, 3, memory=0.9))
    h = normal(30, 2)
    code.share.fill_(1 / 3)
    before, chosen = code.codebook[0].clone(), code.indices(h)[:, 0]
    fed(code, h)
    for entry in range(3):
        mine = h[chosen == entry]
        n = 0.9 / 3 + 0.1 * len(mine) / 30
        m = 0.9 / 3 * before[entry] + 0.1 * mine.sum(0) / 30
        torch.testing.assert_close(code.codebook[0, entry], m / n)


def test_entries_that_nobody_chooses_are_put_on_the_data():
    code, h = drawn(lambda: VectorQuantiser(4, 2, 50)), normal(60, 4) + 100
    fed(code, h)
    assert code.codebook.min() > 90
    code.share[:10] = 1e-6  # forgotten
    code.codebook[0, :10] = -1000
    fed(code, h)
    assert code.codebook[0].min() > 90
    assert code.share[:10].min() >= 1 / 50


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 8, 16])
def test_levels_are_even_between_minus_one_and_one(levels):
    code = ScalarQuantiser(1, (levels,)).double()
    z = code.mean(torch.linspace(-9, 9, 5001, dtype=torch.float64)[:, None])
    wanted = (np.arange(levels) - levels // 2) / (levels // 2)
    np.testing.assert_allclose(z.unique().numpy(), wanted)
    assert (z.diff(dim=0) >= 0).all()
    assert code.bounded(torch.zeros(1, 1).double()).abs() < 0.05  # 0 stays near 0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: VectorQuantiser(5, 2, 4), "5 units do not make whole vectors of 2"),
        (lambda: VectorQuantiser(4, 2, 0), "a codebook of 0 entries holds nothing"),
        (lambda: ScalarQuantiser(2, (3,)), "must be 2 whole numbers of at least 2"),
        (lambda: ScalarQuantiser(2, (3, 1)), "must be 2 whole numbers of at least 2"),
    ],
)
def test_sizes_that_do_not_fit(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@every_quantiser
def test_a_model_reports_terms_measures_and_buffers(make):
    model = of(make)
    terms = model(Example(normal(9, 6)), torch.zeros(()), noise())
    added = {"reconstruction", "commitment", "codebook"} & terms.keys()
    torch.testing.assert_close(terms["loss"], torch.stack([terms[n] for n in added]).sum())
    assert terms["perplexity"].shape == ()
    fresh = {name for name in terms if name.startswith("buffer/")}
    assert "buffer/code.share" in fresh
    assert ("buffer/code.codebook" in fresh) == (type(model.code) is VectorQuantiser)
    buffers = dict(model.named_buffers())
    assert all(terms[n].shape == buffers[n.removeprefix("buffer/")].shape for n in fresh)
    assert not any(terms[name].requires_grad for name in fresh)
