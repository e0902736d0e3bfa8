"""Members of a crowd learn in one fit what each would have learned alone, bit by bit."""

import copy

import numpy as np
import pytest
import torch

from diabolo.data.batches import Abreast, Batches
from diabolo.data.columns import Columns
from diabolo.data.sources import open_dataset
from diabolo.engine.checkpoint import Checkpoint
from diabolo.engine.crowd import Crowd, streams_from
from diabolo.engine.fit import fit
from diabolo.engine.players import Player
from diabolo.engine.schedule import Phase
from diabolo.models.autoencoder import AutoencoderModule, Example
from diabolo.parts import codes, corruptions, likelihoods, networks
from diabolo.parts.spec import initialise

COUNT, D = 3, 16  # 16 numbers a row: every member's rows are aligned as they would be alone
TABLE = np.random.default_rng(0).normal(size=(90, D)).astype(np.float32)
INDICES = [np.random.default_rng(k).permutation(90)[:60] for k in range(COUNT)]
SEEDS = (11, 12, 13)


def member(seed):
    module = AutoencoderModule(
        networks.Dense((D, 9, 8), "tanh"),
        codes.Gaussian(4),
        networks.Dense((4, 9, D), "tanh"),
        likelihoods.Gaussian(variance="shared"),
        corruption=corruptions.Masking(0.3),
        warmup=3.0,
    )
    initialise(module, torch.Generator().manual_seed(seed))
    return module


def rows():
    dataset = open_dataset(TABLE)
    return dataset, Columns.learn(dataset, "none")


def phase(objective, batches, **others):
    player = Player("joint", objective, lr=1e-2, clip=others.pop("clip", 3.0), averaging=0.9)
    return Phase("joint", (player,), batches, **{"max_epochs": 8, "patience": None, **others})


def noise():
    return torch.Generator().manual_seed(5)


def together(members, path=None, **others):
    crowd = Crowd(members)
    batches = Abreast(*rows(), batch_size=16, seeds=SEEDS, indices=INDICES)
    checkpoint = Checkpoint(path, {}, every=0) if path else None
    return fit([phase(crowd, batches, **others)], crowd, noise(), checkpoint=checkpoint)


def alone(members):
    streams = streams_from(noise(), COUNT)
    outcomes = []
    for module, stream, seed, index in zip(members, streams, SEEDS, INDICES, strict=True):
        batches = Batches(*rows(), batch_size=16, seed=seed, index=index)
        outcomes.append(fit([phase(module, batches)], module, stream))
    return outcomes


def equal(first, second):
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_every_member_learns_what_it_would_learn_alone():
    members = [member(seed) for seed in range(COUNT)]
    twins = copy.deepcopy(members)
    found, expected = together(members), alone(twins)
    assert all(map(equal, members, twins))
    assert not equal(members[0], members[1])
    curves = np.array([outcome.history.curve("reconstruction") for outcome in expected])
    np.testing.assert_allclose(found.history.curve("reconstruction"), curves.mean(0), rtol=1e-5)


def test_batches_abreast_are_those_of_each_model():
    labels, context = np.arange(90), np.random.default_rng(1).normal(size=(90, 2))
    along = {"labels": labels, "context": context, "batch_size": 16}
    whole = Abreast(*rows(), seeds=SEEDS, indices=INDICES, **along)
    for k, (seed, index) in enumerate(zip(SEEDS, INDICES, strict=True)):
        own = Batches(*rows(), seed=seed, index=index, **along)
        for start in (0, 2):
            pairs = zip(whole.epoch(4, start), own.epoch(4, start), strict=True)
            for batch, expected in pairs:
                assert all(map(torch.equal, (part[k] for part in batch), expected))


class Killed(BaseException):
    """Ends a run at once."""


class Deadly:
    """Batches that end the run before one of them."""

    def __init__(self, batches, step):
        self.batches, self.left = batches, step

    def __len__(self):
        return len(self.batches)

    def epoch(self, number, start=0):
        for batch in self.batches.epoch(number, start):
            if self.left == 0:
                raise Killed
            self.left -= 1
            yield batch


@pytest.mark.parametrize("step", [1, 26])
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, step):
    unbroken = [member(seed) for seed in range(COUNT)]
    together(unbroken)
    broken = Crowd([member(seed) for seed in range(COUNT)])
    batches = Abreast(*rows(), batch_size=16, seeds=SEEDS, indices=INDICES)
    path = tmp_path / "run"
    with pytest.raises(Killed):
        fit(
            [phase(broken, Deadly(batches, step))],
            broken,
            noise(),
            checkpoint=Checkpoint(path, {}, every=0),
        )
    resumed = [member(seed) for seed in range(COUNT)]
    together(resumed, path)
    assert all(map(equal, resumed, unbroken))


def test_held_out_rows_judge_all_members_and_the_best_weights_stay():
    members = [member(seed) for seed in range(COUNT)]
    crowd, seen = Crowd(members), []

    def evaluate(briefly=False):
        seen.append(copy.deepcopy(members))
        return {"loss": [9.0, 5.0, 3.0, 4.0, 4.0][len(seen) - 1]}

    batches = Abreast(*rows(), batch_size=16, seeds=SEEDS, indices=INDICES)
    plan = [phase(crowd, batches, evaluate=evaluate, patience=2)]
    outcome = fit(plan, crowd, noise())
    assert len(outcome.history.records) == 4
    assert all(map(equal, members, seen[2]))


def test_rows_for_everybody_are_each_ones_rows():
    crowd, clock = Crowd([member(seed) for seed in range(COUNT)]), torch.tensor(1.0)
    x = torch.from_numpy(TABLE[:20])
    shared = crowd(Example(x), clock, noise())
    each = crowd(Example(x.expand(COUNT, 20, D)), clock, noise())
    generator = noise()
    terms = [own(Example(x), clock, generator) for own in crowd.members]
    for name, value in shared.items():
        assert torch.equal(value, each[name])
        torch.testing.assert_close(value, sum(term[name] for term in terms) / COUNT)


def test_a_term_that_is_not_finite_in_one_member_is_seen():
    members = [member(seed) for seed in range(COUNT)]
    with torch.no_grad():
        members[1].decoder.layers[1].bias[0] = torch.inf
    with pytest.raises(FloatingPointError, match="reconstruction not finite in joint, epoch 1"):
        together(members)
