"""Sparse dictionaries: atoms of length 1, what is kept, thresholds, units brought back."""

import numpy as np
import pytest
import torch

from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts import likelihoods, networks
from diabolo.parts.dictionaries import BatchTopK, Dictionary, JumpReLU, Revival, RowTopK
from diabolo.parts.record import Pass
from laws import drawn, noise, normal

NOTHING = Pass(*[None] * len(Pass._fields))


def test_a_row_is_the_sum_of_atoms_of_length_one():
    part = drawn(lambda: Dictionary(5, 3))
    part.bias.data.add_(normal(3))
    weight = part.weight.detach().numpy()
    atoms = weight / np.linalg.norm(weight, axis=0)
    np.testing.assert_allclose(part.atoms.detach().numpy(), atoms)
    z = normal(4, 5)
    wanted = z.numpy() @ atoms.T + part.bias.detach().numpy()
    np.testing.assert_allclose(part(z).detach().numpy(), wanted)


def test_it_begins_as_the_encoders_mirror_image():
    model = drawn(
        lambda: AutoencoderModule(
            networks.Dense((3, 5), context=2),
            RowTopK(5, 2),
            Dictionary(5, 3, 2),
            likelihoods.Gaussian(),
        )
    )
    assert torch.equal(model.decoder.weight, model.encoder.layers[0].weight[:, :3].T)
    assert model.decoder.weight is not model.encoder.layers[0].weight


def test_the_largest_positive_units_of_a_row_are_kept():
    h = torch.tensor([[3.0, -9, 1, 2, 0.5], [-1, -2, 4, -3, -5]])
    wanted = torch.tensor([[3.0, 0, 0, 2, 0], [0, 0, 4, 0, 0]])
    assert torch.equal(RowTopK(5, 2).mean(h), wanted)


class TestBatchTopK:
    def test_a_batch_shares_its_units(self):
        h = torch.tensor([[5.0, 4, 3, 0.1], [0.2, -9, 0.3, 0.4]])
        wanted = torch.tensor([[5.0, 4, 3, 0], [0, 0, 0, 0.4]])
        assert torch.equal(BatchTopK(4, 2)(h, None).z, wanted)

    def test_as_many_as_a_sort_would_keep(self):
        h = normal(40, 9)
        z = BatchTopK(9, 3)(h, None).z
        largest = np.sort(h.numpy(), axis=None)[-120:]
        np.testing.assert_array_equal(np.sort(z[z != 0].numpy()), largest[largest > 0])

    def test_afterwards_a_row_is_compared_with_the_threshold_alone(self):
        part = drawn(lambda: BatchTopK(9, 2))
        h, record = normal(400, 9), NOTHING._replace(h=normal(400, 9, seed=1))
        for _ in range(300):
            part.threshold.copy_(part.statistics(record, None)["threshold"])
        kept = np.sort(record.h.relu().numpy(), axis=None)[-800]
        assert part.threshold.item() == pytest.approx(kept, rel=1e-5)
        part.eval()
        z = part(h, None).z
        assert torch.equal(z, torch.where(h >= part.threshold, h, 0.0))
        assert torch.equal(z[7:8], part(h[7:8], None).z)
        assert (z != 0).sum(1).double().mean().item() == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("kind", [RowTopK, BatchTopK, JumpReLU])
@pytest.mark.parametrize("k", [0, 6])
def test_more_units_than_there_are(kind, k):
    with pytest.raises(ValueError, match=f"k={k} units cannot be kept of 5"):
        kind(5, k)


class TestRevival:
    def model(self, idle):
        model = drawn(
            lambda: AutoencoderModule(
                networks.Dense((3, 6)),
                RowTopK(6, 2),
                Dictionary(6, 3),
                likelihoods.Gaussian(),
                penalties=(Revival(1.0, 6, 2, patience=100),),
            )
        )
        model.penalties[0].idle.copy_(torch.tensor(idle))
        return model

    def terms(self, model, x):
        return model(Example(x), torch.zeros(()), noise())

    def test_is_the_error_that_dead_units_leave_of_what_was_left(self):
        model, x = self.model([0.0, 100, 0, 150, 0, 100]), normal(8, 3)
        h = model.encoder(x).detach().numpy()
        atoms = model.decoder.atoms.detach().numpy()
        left = (x - model.reconstruct(x)).detach().numpy()
        total = 0.0
        for row, rest in zip(h, left, strict=True):
            best = sorted((1, 3, 5), key=lambda j, row=row: -row[j])[:2]
            guess = sum(max(row[j], 0) * atoms[:, j] for j in best)
            total += 0.5 * ((rest - guess) ** 2).sum() / 8
        terms = self.terms(model, x)
        assert terms["revival"].item() == pytest.approx(total)
        assert terms["dead"].item() == 0.5

    def test_its_gradient_reaches_dead_units_alone(self):
        model = self.model([0.0, 100, 0, 150, 0, 100])
        terms = self.terms(model, normal(30, 3))
        weights = [model.decoder.weight, model.encoder.layers[0].weight]
        decoder, encoder = torch.autograd.grad(terms["revival"], weights)
        dead = [False, True, False, True, False, True]
        assert (decoder != 0).any(0).tolist() == dead
        assert (encoder != 0).any(1).tolist() == dead

    def test_is_nothing_while_all_units_are_used(self):
        assert self.terms(self.model([0.0] * 6), normal(8, 3))["revival"] == 0

    def test_counts_rows_since_a_unit_was_used(self):
        part = Revival(1.0, 3, 1, patience=10)
        part.idle.copy_(torch.tensor([4.0, 4, 4]))
        z = torch.tensor([[0.0, 2, 0], [0, 0, 0]])
        fresh = part.statistics(NOTHING._replace(z=z))["idle"]
        assert fresh.tolist() == [6, 0, 6]

    def test_explained_variance_is_that_of_scikit_learn(self):
        from sklearn.metrics import r2_score

        model, x = self.model([0.0] * 6), normal(50, 3)
        wanted = r2_score(x, model.reconstruct(x).detach(), multioutput="variance_weighted")
        assert self.terms(model, x)["explained_variance"].item() == pytest.approx(max(-1, wanted))
        alone = self.terms(model, x[:1])["explained_variance"]
        assert alone == -1  # one row has no variance to explain


class TestJumpReLU:
    H = normal(5000, 3)

    def part(self, **words):
        part = drawn(lambda: JumpReLU(3, 2, **{"weight": 1.0, "width": 0.2, "start": 0.5, **words}))
        part.log_threshold.data.copy_(torch.tensor([0.3, 0.7, 1.2]).log())
        return part

    def test_a_unit_is_kept_as_it_is_above_its_threshold(self):
        part = self.part()
        z = part(self.H, None).z
        theta = np.array([0.3, 0.7, 1.2])
        h = self.H.numpy()
        np.testing.assert_allclose(z.detach().numpy(), np.where(h > theta, h, 0), rtol=1e-6)
        torch.testing.assert_close(part.mean(self.H), z)

    def test_the_slope_of_the_sparsity_is_a_finite_difference(self):
        """Of the kernel's width: the share of rows within ε/2 of the threshold, over ε."""
        part, eps, k = self.part(), 0.2, 2

        def l0(theta):
            return (self.H.numpy() > theta).sum(1).mean()

        theta = part.log_threshold.detach().exp().numpy()
        part(self.H, None).aux["sparsity"].backward()
        steps = eps / 2 * np.eye(3)
        slopes = np.array([(l0(theta + e) - l0(theta - e)) / eps for e in steps])
        wanted = 2 * (l0(theta) / k - 1) / k * slopes * theta  # by log θ
        np.testing.assert_allclose(part.log_threshold.grad.numpy(), wanted, rtol=1e-4)

    def test_the_slope_of_the_code_is_that_of_its_mean_over_rows(self):
        """d/dθ E[c·z] = −θ p(θ) c for h ~ N(0, 1), which a sum over rows only estimates."""
        part = drawn(lambda: JumpReLU(1, 1, 1.0, width=0.1, start=0.8))
        h = normal(400_000, 1)
        (2.5 * part(h, None).z).mean().backward()
        density = np.exp(-(0.8**2) / 2) / np.sqrt(2 * np.pi)
        wanted = -2.5 * 0.8 * density * 0.8  # by log θ
        assert part.log_threshold.grad.item() == pytest.approx(wanted, rel=0.02)

    def test_the_slope_by_the_unit_is_that_of_what_was_kept(self):
        part, h = self.part(), self.H[:50].clone().requires_grad_()
        part(h, None).z.sum().backward()
        assert torch.equal(h.grad, (h > part.log_threshold.exp()).double())
