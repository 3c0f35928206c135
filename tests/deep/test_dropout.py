"""Networks that draw numbers of their own: each step has its own, whatever was drawn before or elsewhere."""

import pytest
import torch
from torch import nn

from deep import TorchTrainer
from deep.images import read
from deep.stacked import Stack
from deep.trainer import engine
from theory.algorithms import LRR, levels


class Dropping(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10))
        for parameter in self.parameters():
            nn.init.constant_(parameter, 0.1)
        with torch.no_grad():
            self[1].weight.mul_(torch.linspace(-1, 1, 16)[:, None])


def trained(tiny, global_seed: int, midway=None, kind=Dropping):
    torch.manual_seed(global_seed)
    trainer = TorchTrainer(tiny("unused", checkpoint=0.0), read("digits"), kind(), [LRR])
    kept, trainer.midway = [], midway
    trainer.keep = kept.append
    before = torch.random.get_rng_state()
    with engine(trainer.config):
        (level,) = levels(LRR, trainer, *trainer.initial(), 0)
    assert torch.equal(torch.random.get_rng_state(), before)  # the caller's own stream is left alone
    return level.points["final"], kept


def same(a, b) -> bool:
    return all(torch.equal(a[n], b[n]) for n in a)


def test_dropout_depends_on_seed_level_and_step_alone(tiny):
    final, kept = trained(tiny, global_seed=1)
    assert same(final, trained(tiny, global_seed=2)[0])
    for midway in kept[::3]:
        assert same(final, trained(tiny, global_seed=3, midway=midway)[0])


class Functional(Dropping):
    """Draws without any module that says so."""

    def __init__(self):
        super().__init__()
        self[3] = nn.Identity()

    def forward(self, x):
        return super().forward(torch.nn.functional.dropout(x, 0.3, self.training))


def test_draws_that_no_module_tells_of(tiny):
    finals = [trained(tiny, seed, kind=Functional)[0] for seed in (1, 2)]
    assert same(*finals)


def test_networks_that_draw_are_not_stacked(tiny):
    config = tiny("unused", together=2)
    with pytest.raises(ValueError, match="it draws random numbers in training"):
        Stack(Functional(), config, 2, (1, 8, 8))


def test_a_global_stream_would_be_caught(tiny, monkeypatch):
    monkeypatch.setattr("deep.trainer.torch.manual_seed", lambda seed: None)
    monkeypatch.setattr("deep.trainer.torch.random.fork_rng", lambda devices: torch.enable_grad())
    finals = []
    for seed in (1, 2):
        torch.default_generator.manual_seed(seed)
        trainer = TorchTrainer(tiny("unused"), read("digits"), Dropping(), [LRR])
        with engine(trainer.config):
            (level,) = levels(LRR, trainer, *trainer.initial(), 0)
        finals.append(level.points["final"])
    assert not same(*finals)
