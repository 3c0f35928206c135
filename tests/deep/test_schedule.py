"""Learning rates by step against torch's own schedulers, and where a level enters the schedule."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, MultiStepLR, SequentialLR

from deep import Config
from deep.schedule import Schedule
from theory.algorithms import FINE_TUNING, IMP, LRR, WR, At, Rewind


def by_torch(s):
    """The rates of the schedule ``s`` by schedulers of torch, one after the other."""
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=s.peak)
    later = {
        "step": lambda: MultiStepLR(opt, [m - s.warmup for m in s.milestones], s.gamma),
        "cosine": lambda: CosineAnnealingLR(opt, s.total - s.warmup),
        "constant": lambda: ConstantLR(opt, 1.0),
    }[s.shape]()
    if s.warmup:
        warm = LinearLR(opt, 1 / s.warmup, 1.0, s.warmup - 1) if s.warmup > 1 else ConstantLR(opt, 1.0, 1)
        later = SequentialLR(opt, [warm, later], [s.warmup])
    rates = []
    for _ in range(s.total):
        rates.append(opt.param_groups[0]["lr"])
        opt.step()
        later.step()
    return rates


@settings(deadline=None, max_examples=50)
@given(
    st.sampled_from(["step", "cosine", "constant"]),
    st.integers(0, 5),
    st.lists(st.integers(6, 30), max_size=3, unique=True),
    st.sampled_from([0.1, 0.5]),
    st.integers(10, 40),
)
def test_rates_are_those_of_torch(shape, warmup, milestones, gamma, total):
    s = Schedule(0.3, warmup, tuple(sorted(milestones)) if shape == "step" else (), gamma, 7, total, shape)
    assert [s(k) for k in range(total)] == pytest.approx(by_torch(s), rel=1e-9, abs=1e-12)


def test_a_shifted_warm_up_would_be_seen():
    s = Schedule(0.3, 4, (), 0.1, 7, 20)
    assert [s(k + 1) for k in range(19)] != pytest.approx(by_torch(s)[:19], rel=1e-9)


def test_moments_become_steps():
    s = Schedule.of(Config(epochs=15, warmup="epoch=0.5", milestones=("step=9", "epoch=10")), per_epoch=4)
    assert (s.warmup, s.milestones, s.total, s.epochs) == (2, (9, 40), 60, 15)
    assert Schedule.of(Config(epochs=15), per_epoch=4).milestones == (28, 52)
    cut = Schedule.of(Config(length="step=10"), per_epoch=4)
    assert (cut.total, cut.epochs) == (10, 3)


def test_warm_up_is_linear_and_drops_are_at_their_milestones():
    schedule = Schedule.of(Config(epochs=15, milestones=("epoch=10",)), per_epoch=4)
    assert [schedule(k) for k in range(5)] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])
    assert schedule(39) == pytest.approx(0.1)
    assert schedule(40) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("law", "entry", "rates"),
    [
        (IMP, 0, [0.5, 1.0, 1.0, 1.0, 0.1, 0.1]),
        (LRR, 0, [0.5, 1.0, 1.0, 1.0, 0.1, 0.1]),
        (FINE_TUNING, 0, [0.1] * 6),
        (WR(step=3), 0, [0.5, 1.0, 1.0, 1.0, 0.1, 0.1]),
        (replace(WR(step=3), rewind=replace(WR(step=3).rewind, schedule="replay")), 3, [1.0, 0.1, 0.1]),
        (replace(IMP, rewind=Rewind(schedule="replay")), 0, [0.5, 1.0, 1.0, 1.0, 0.1, 0.1]),
    ],
    ids=["IMP", "LRR", "fine-tuning", "WR", "WR replayed", "IMP replayed"],
)
def test_a_level_enters_and_follows_the_schedule(law, entry, rates):
    s = Schedule(1.0, 2, (4,), 0.1, 3, 6)
    assert s.entry(law.rewind) == entry
    assert [s.rate(k, law.rewind) for k in range(entry, 6)] == pytest.approx(rates)


def test_flips_come_after_whole_spans():
    s = Schedule(1.0, 0, (), 0.1, 4, 40)
    assert s.span(Rewind(flip=0.3)) is None
    assert s.span(Rewind(flip_every=At(2))) is None
    assert s.span(Rewind(flip=0.3, flip_every=At(2.5, "epoch"))) == 10


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda s: s.step(At(7)), "step=7 lies behind the end of training: 6 steps"),
        (lambda s: s.step(At(1.0, "time")), "time=1"),
        (lambda s: s.entry(replace(LRR.rewind, schedule="replay")), "not from 'final' magnitudes"),
        (lambda s: s.entry(replace(WR(step=6).rewind, schedule="replay")), "step=6, where training ends"),
        (lambda s: s.span(Rewind(flip=0.3, flip_every=At(0.1, "epoch"))), "flip_every=epoch=0.1 is less than a step"),
    ],
)
def test_what_has_no_place_in_the_schedule_is_refused(refused, words):
    with pytest.raises(ValueError, match=words):
        refused(Schedule(1.0, 2, (4,), 0.1, 3, 6))
