"""Codes cost what their tables say; with bits-back, a row costs its bound, and never less."""

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from compressible import BINARY, GREY, model, symbols
from diabolo.uses.compress.coding.codes import BitsBack, Density, Hierarchical, Quantised
from diabolo.uses.compress.coding.rans import Stack
from diabolo.uses.compress.coding.tables import SHARPNESS

ONE = BINARY.with_code(BitsBack(1, 8, 2, 3, 3))  # a code of one entry: all its values can be tried


def posterior(n: int = 50, size: int = 3) -> Density:
    random = np.random.default_rng(0)
    mean = random.integers(-5000, 5001, (size, n))
    return Density(mean, SHARPNESS[random.integers(32, 96, (size, n))])


def slots(q: Density, entry: int) -> np.ndarray:
    """(256, n) of every value."""
    n = q.mean.shape[1]
    return np.diff(q.starts(entry, np.tile(np.arange(257)[:, None], n)), axis=0)


def test_bins_are_equally_likely_under_a_logistic_density():
    mass = np.diff(expit(np.concatenate([[-np.inf], BitsBack.edges / 1024, [np.inf]])))
    assert abs(256 * mass - 1).max() < 0.07
    assert (np.diff(BitsBack.edges) > 0).all()
    assert abs(BitsBack.values).max() <= 255
    assert np.corrcoef(BitsBack.values[1:-1], (BitsBack.edges[1:] + BitsBack.edges[:-1]))[0, 1] > (
        0.9999
    )


def test_posteriors_are_logistic_densities_over_the_bins():
    q = posterior()
    for entry in range(3):
        found = slots(q, entry)
        assert (found >= 1).all()
        assert (found.sum(0) == 65536).all()
        scale = 2**15 / q.sharpness[entry]
        edges = np.concatenate([[-np.inf], BitsBack.edges, [np.inf]])[:, None] / 1024
        expected = np.diff(expit((edges - q.mean[entry] / 1024) / scale), axis=0)
        assert abs(found / 65536 - expected).max() < 0.01


def test_the_likeliest_value_is_where_the_mean_is():
    said = np.concatenate([posterior().mean << 2, np.full((3, 50), -30_000)])
    q = Density.of(said)
    for entry, found in enumerate(BitsBack(3, 1, 1, 1, 1).likeliest(said)):
        assert (abs(slots(q, entry).argmax(0) - found) <= 1).all()


def test_quantised_prior():
    code = Quantised(2, 1, 1, 1, 1)
    starts = code.prior(np.array([32, 56]))
    v = np.arange(-31, 32)
    for row, scale in zip(starts, (1, 8), strict=True):
        expected = expit((v + 0.5) / scale) - expit((v - 0.5) / scale)
        found = np.diff(row) / 65536
        assert (np.diff(row) >= 1).all()
        assert abs(found[1:-1] - expected[1:-1]).max() < 0.002
        assert (row[0], row[-1]) == (0, 65536)


def test_what_was_borrowed_is_given_back():
    stack, random = Stack(50), np.random.default_rng(1)
    for _ in range(40):
        stack.put(slice(50), random.integers(0, 60_000, 50), random.integers(1, 5000, 50))
    before, q = stack.content(), posterior()
    for rows in (range(50), range(7, 27)):
        drawn, bits = q.borrow(stack, rows)
        assert 8 * (len(before) - len(stack.content())) == pytest.approx(bits, abs=16 * len(rows))
        q.give_back(stack, drawn, rows)
        assert stack.content() == before


def test_draws_are_from_the_posterior():
    """How often a bin is drawn is what q says, though the same slots lie on top of all lanes."""
    stack, random = Stack(4000), np.random.default_rng(2)
    for _ in range(4):
        stack.put(slice(4000), random.integers(0, 400, 4000), np.full(4000, 300))
    q = Density(np.full((1, 4000), 700), np.full((1, 4000), SHARPNESS[70]))
    drawn, _ = q.borrow(stack, range(4000))
    expected = slots(q, 0)[:, 0] / 65536
    found = np.bincount(drawn[0], minlength=256) / 4000
    assert abs(np.cumsum(found) - np.cumsum(expected)).max() < 1.63 / np.sqrt(4000)  # at 1 %


@pytest.fixture(scope="module")
def enumerated():
    """A model with one entry: log₂ q(c|x) (256, n) and log₂ p(x, c) (256, n), all c tried."""
    coder, rows = model(ONE), symbols(ONE, 300)
    latents = coder.latents
    q = np.log2(slots(latents.posterior(rows), 0)) - 16
    joint = np.zeros((256, len(rows)))
    for value in range(256):
        codes = np.full((1, len(rows)), value)
        steps = coder._said(rows, None, codes)
        for which, _, owned in steps.steps:
            at = slice(None) if which is None else which
            joint[value, at] += np.log2(owned.astype(float)) - 16
    return coder, rows, q, joint


def test_a_row_costs_its_bound(enumerated):
    """Bytes of 300 rows, less the start, against the bound by enumeration: within the noise."""
    coder, rows, q, joint = enumerated
    bound = (2**q * (q - joint)).sum(0)  # expected bits of each row
    spread = np.sqrt(((2**q * (q - joint) ** 2).sum(0) - bound**2).sum())
    coded = coder.encode(rows, 1)
    start = 8 + 28  # the last row's code is paid in full, and the lane's state
    assert coded.bits == pytest.approx(bound.sum(), abs=4 * spread + start)
    assert 8 * len(coded.content) == pytest.approx(coded.bits, abs=64)
    not_back = coder.encode(rows, 300).bits
    assert not_back - coded.bits > 0.8 * (-(2**q * q).sum(0)).sum() - 4 * spread


def test_a_row_of_two_layers_costs_its_bound():
    """Every pair of values enumerated: 256 of the code, 256 of the layer above."""
    layout = BINARY.with_code(Hierarchical(1, 8, 2, 3, 3, (1,)))
    coder, rows = model(layout), symbols(layout, 300)
    latents, (layer,) = coder.latents, coder.latents.above
    every = np.arange(256)[None]
    up = np.log2(slots(layer.posterior(every), 0)) - 16  # (above, below): log₂ q(c″ | c)
    down = np.log2(slots(layer.prior(every), 0)).T - 16  # (above, below): log₂ p(c | c″)
    rate = up - down + 8  # log₂ P(c″) is −8
    codes, varied = (2**up * rate).sum(0), (2**up * rate**2).sum(0)
    varied -= codes**2
    assert codes.std() > 0.5  # bits: values of the code are charged differently
    q = np.log2(slots(latents.posterior(rows), 0)) - 16
    rest = np.zeros((256, len(rows)))
    for value in range(256):
        steps = coder._said_beneath(rows, None, np.full((1, len(rows)), value))
        for which, _, owned in steps.steps:
            at = slice(None) if which is None else which
            rest[value, at] += 16 - np.log2(owned.astype(float))
    cost = q + codes[:, None] + rest
    bound = (2**q * cost).sum(0)
    spread = np.sqrt(((2**q * (cost**2 + varied[:, None])).sum(0) - bound**2).sum())
    coded = coder.encode(rows, 1)
    start = 16 + 28  # both layers of the last row are paid in full, and the lane's state
    assert coded.bits == pytest.approx(bound.sum(), abs=4 * spread + start)
    assert 8 * len(coded.content) == pytest.approx(coded.bits, abs=64)
    assert np.array_equal(coder.decode(coded.content, 300, 1), rows)


def test_no_row_costs_less_than_the_marginal_says(enumerated):
    _, _, q, joint = enumerated
    bound = (2**q * (q - joint)).sum(0)
    marginal = -logsumexp(joint * np.log(2), axis=0) / np.log(2)
    assert (bound >= marginal).all()
    # and for the exact posterior the two are equal: the enumeration is right
    exact = joint + marginal
    assert (2**exact * (exact - joint)).sum(0) == pytest.approx(marginal)


def test_every_lane_pays_once_to_start():
    layout = GREY.with_code(BitsBack(8, 8, 2, 3, 3))
    coder, rows = model(layout), symbols(layout, 64)
    bits = [coder.encode(rows, lanes).bits for lanes in (1, 4, 16, 64)]
    assert (np.diff(bits) > 0).all()


def test_a_code_that_needs_more_bits_than_there_are():
    """Two tiny rows and a code of 200 entries: nothing can be drawn, so every row pays in full."""
    layout = BINARY.with_code(BitsBack(200, 4, 1, 1, 1))
    coder, rows = model(layout), symbols(layout, 2)
    coder.latents.posterior = lambda rows: Density(
        np.full((200, len(rows)), 9000), np.full((200, len(rows)), SHARPNESS[0])
    )
    coded = coder.encode(rows, 1)
    assert np.array_equal(coder.decode(coded.content, 2, coded.lanes), rows)
