"""One algorithm, two engines: the neuron as an ``nn.Module`` run through ``deep`` is, trial by trial, the one of ``simulate``.

f(x) = a·relu(w·x), loss ½ mean (f(x) − y)², the whole sample as one batch, constant steps, float64. Both engines get the same
initial values, samples, keys and explicit numbers of weights that stay (by default one stays on the neuron, a fifth goes on a
network). Initial weights are multiples of ½: zeros ask for the sign of 0, equal magnitudes for the keyed order of ties.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from deep import Config, TorchTrainer
from deep.trainer import engine
from simulate import trials
from simulate.config import Config as Simulation
from simulate.data import draw, trial_keys
from theory.algorithms import IMP, INITIAL_SIGNS, LEARNED_SIGNS, LRR, RANDOM, WR, Rewind, levels, next_start

TRIALS, D, N, STEPS, ETA = 24, 5, 40, 60, 0.3
COUNTS = (4, 2)
FLIPPED = replace(LRR, name="LRR, signs flipped", rewind=replace(LRR.rewind, flip=0.3))
TIED = replace(IMP, name="IMP by initial size", criterion="large_init")
LAWS = (IMP, LRR, WR(step=20), RANDOM, LEARNED_SIGNS, INITIAL_SIGNS, FLIPPED, TIED)


class Neuron(nn.Module):
    """x ↦ a·relu(w·x)."""

    def __init__(self, a, w):
        super().__init__()
        self.inner = nn.Linear(len(w), 1, bias=False)
        self.a = nn.Parameter(torch.tensor(a))
        self.inner.weight = nn.Parameter(torch.from_numpy(w)[None])

    def forward(self, x):
        return self.a * torch.relu(self.inner(x))[:, 0]


class Sample:
    """``deep.data.Data``: all points at once, again and again."""

    per_epoch, shape, classes, digest, sizes = STEPS, (D, 1, 1), 1, "sample", {"train": N, "validation": 0, "test": 0}
    batch_size = N

    def __init__(self, X, y):
        self.all = torch.from_numpy(X), torch.from_numpy(y)

    def batches(self, level, epoch, first=0):
        for _ in range(first, STEPS):
            yield self.all

    def evaluation(self, part, size):
        yield self.all


def half_mean_square(outputs, y):
    return ((outputs - y) ** 2).mean() / 2


@pytest.fixture(scope="module")
def sample():
    """The settings of ``simulate``, initial values given; the samples and keys that belong to them."""
    own = {"n": N, "d": D, "sigma": 0.2, "eta": ETA, "t": STEPS * ETA, "trials": TRIALS, "seed": 5, "engine": "gd"}
    drawn = draw(Simulation(**own), trial_keys(Simulation(**own), np.arange(TRIALS)))
    w0 = np.round(drawn.w0 * 4) / 2
    assert (w0 != 0).any(1).all()
    config = Simulation(**own, a0=drawn.a0, w0=w0, algorithms=tuple(law.default(count=COUNTS) for law in LAWS))
    return config, draw(config, drawn.keys)


@pytest.fixture(scope="module")
def simulated(sample):
    """The Dataset of ``trials`` after each number of prunings."""
    return {n: trials(sample[0].but(levels=n)) for n in (1, 2)}


def network(sample, law, trial, moments=(), keys=None):
    """One trial as ``deep`` trains it: the trainer."""
    batch = sample[1]
    config = Config(
        algorithm=law, precision="float64", schedule="constant", learning_rate=ETA, momentum=0.0, weight_decay=0.0,
        length=f"step={STEPS}", batch_size=N, validation=0.0,
    )  # fmt: skip
    return TorchTrainer(
        config, Sample(np.ascontiguousarray(batch.X[trial].T), batch.y[trial]), model=Neuron(batch.a0[trial], batch.w0[trial]),
        algorithms=[law, *moments], loss=half_mean_square, keys=batch.keys[trial] if keys is None else keys,
    )  # fmt: skip


def run(law, trainer, n, done=None):
    """The levels after ``done`` up to level ``n``."""
    with engine(trainer.config):
        return list(levels(law, trainer, *trainer.initial(), n, done))


@pytest.fixture(scope="module")
def dense(sample):
    """Level 0 of each trial, which all algorithms share."""
    law = IMP.default(count=COUNTS)
    return [run(law, network(sample, law, trial, LAWS), 0)[0] for trial in range(TRIALS)]


def _close(params, a, w):
    """To 10⁻¹² of the largest weight."""
    ours, theirs = np.append(params["inner.weight"][0], params["a"]), np.append(w, a)
    return np.allclose(ours, theirs, rtol=0, atol=1e-12 * np.abs(theirs).max())


def test_level_0_is_that_of_simulate(simulated, dense):
    for trial, level in enumerate(dense):
        theirs = simulated[1].isel(trial=trial)
        assert _close(level.start, theirs["a0"], theirs["w0"])
        assert _close(level.points["final"], theirs["dense_a"], theirs["dense_w"])
    assert not np.allclose(simulated[1].dense_w, simulated[1].w0, rtol=0.1)  # it did train


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_masks_are_equal_and_weights_agree_at_every_level(sample, simulated, dense, law):
    law = law.default(count=COUNTS)
    for trial in range(TRIALS):
        for level in run(law, network(sample, law, trial), len(COUNTS), dense[trial]):
            theirs = simulated[level.index].sel(algorithm=str(law)).isel(trial=trial)
            assert np.array_equal(level.mask["inner.weight"][0], theirs["mask"]), (trial, level.index)
            assert _close(level.start, theirs["restart_a"], theirs["restart_w"]), (trial, level.index)
            assert _close(level.points["final"], theirs["a"], theirs["w"]), (trial, level.index)


def test_the_trials_tell_the_algorithms_apart(simulated):
    """No two algorithms end alike in all trials, so none of the agreements above is trivial."""
    ends = simulated[2].w.values
    assert all(not np.allclose(ends[i], ends[j]) for i in range(len(LAWS)) for j in range(i))
    assert (simulated[2].mask.sum("coordinate") == COUNTS[-1]).all()


def wrong(sample, simulated, dense, law, faulty=None, keys=None):
    """How many masks and how many restarts of level 1 ``faulty``, or ``law`` with other keys, gets wrong."""
    law, name, found = (faulty or law).default(count=COUNTS), str(law), np.zeros(2, int)
    for trial in range(TRIALS):
        mask, start = next_start(law, network(sample, law, trial, keys=keys), dense[trial])
        theirs = simulated[1].sel(algorithm=name).isel(trial=trial)
        same = np.array_equal(mask["inner.weight"][0], theirs["mask"]), _close(start, theirs["restart_a"], theirs["restart_w"])
        found += np.logical_not(same)
    return found.tolist()


class SignOfZeroIsZero(Rewind):
    """Takes sign(0) = 0, as ``torch.sign`` does."""

    def __call__(self, points, mask, norm):
        params = super().__call__(points, mask, norm)
        return {n: x * points[self.sign][n].sign().abs() if n in mask else x for n, x in params.items()}


class SignOfZeroIsMinus(Rewind):
    """Takes sign(0) = −, as ``where(w > 0, 1, -1)`` does."""

    def __call__(self, points, mask, norm):
        params = super().__call__(points, mask, norm)
        return {n: torch.where(points[self.sign][n] == 0, -x, x) if n in mask else x for n, x in params.items()}


@pytest.mark.parametrize("faulty", [SignOfZeroIsZero, SignOfZeroIsMinus])
def test_another_sign_of_zero_is_caught(sample, simulated, dense, faulty):
    law = replace(INITIAL_SIGNS, rewind=faulty(**vars(INITIAL_SIGNS.rewind)))
    masks, restarts = wrong(sample, simulated, dense, INITIAL_SIGNS, law)
    assert masks == 0
    assert restarts > 10
    assert wrong(sample, simulated, dense, INITIAL_SIGNS) == [0, 0]


@pytest.mark.parametrize("law", [TIED, RANDOM, FLIPPED], ids=str)
def test_another_key_is_caught(sample, simulated, dense, law):
    masks, restarts = wrong(sample, simulated, dense, law, keys=np.uint64(3))
    assert (restarts if law is FLIPPED else masks) > 5
    assert (masks == 0) == (law is FLIPPED)
