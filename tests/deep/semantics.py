"""What the tests of pruning semantics share: a small network, trained by some kind of trainer, and the sentences it breaks.

The network is a convolution, batch norm and a classifier on a few of scikit-learn's digits; 8 steps a level, 3 of them warm-up.
"""

import torch
from torch import nn

from deep import Config
from deep.images import read
from deep.trainer import engine
from theory.algorithms import levels
from theory.streams import generator

SETTINGS = {"subset": 96, "batch_size": 24, "epochs": 2, "warmup": "step=3", "milestones": ("epoch=1",), "learning_rate": 0.3}


def broken(**holds):
    """The sentences that do not hold."""
    return [sentence.replace("_", " ") for sentence, good in holds.items() if not bool(good)]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def small(seed=0):
    """The network, with initial values of the seed."""
    with torch.random.fork_rng(), torch.no_grad():
        net = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
        for name in ("0.weight", "4.weight"):
            p = net.get_parameter(name)
            p.copy_(torch.from_numpy(generator(seed, name).standard_normal(tuple(p.shape)) / 6))
        net[4].bias.zero_()
    return net


def trainer(kind, law, images=None, model=small, **settings):
    """A trainer of this kind for the algorithm."""
    return kind(Config(algorithm=law, **SETTINGS | settings), images or read("digits"), model=model(), algorithms=[law])


def run(kind, law, n=2, **how):
    """The levels, and the trainer that made them."""
    t = trainer(kind, law, **how)
    with engine(t.config):
        return list(levels(law, t, *t.initial(), n)), t


def alone(t, level, i, law):
    """The end of a level that is trained by ``t`` from where it started, with nothing before it."""
    with engine(t.config):
        return t.train(level.start, level.mask, i, frozenset(), law.rewind)["final"]
