"""The training engine under the loop of theory: counts, nesting, where each algorithm restarts, schedules, optimisers."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from deep import TorchTrainer
from deep.images import read
from deep.models import build
from deep.schedule import Schedule
from deep.trainer import engine
from theory.algorithms import IMP, LRR, WR, At, Rewind, levels
from theory.criteria import Criterion


@pytest.fixture
def trainer(tiny):
    def make(algorithms=(), **settings):
        return TorchTrainer(tiny("unused", **settings), read("digits"), algorithms=algorithms)

    return make


@pytest.fixture
def loop(trainer):
    def go(algorithm, n=2, done=None, **settings):
        t = trainer([algorithm], **settings)
        if done:
            t.memory = done.points
        with engine(t.config):
            return list(levels(algorithm, t, *t.initial(), n, done))

    return go


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def test_counts_are_exact_and_masks_nested(stored):
    for run in stored.values():
        left = sum(m.numel() for m in run.levels[0].mask.values())
        assert sum(int(m.sum()) for m in run.levels[0].mask.values()) == left
        for before, level in pairwise(run.levels):
            left -= round(0.2 * left)
            assert sum(int(m.sum()) for m in level.mask.values()) == left
            assert all(not (m & ~before.mask[n]).any() for n, m in level.mask.items())


def test_pruned_weights_are_the_smallest_in_the_whole_network(stored):
    for name in ("LRR", "IMP", "WR(step=3)"):
        for before, level in pairwise(stored[name].levels):
            size = np.concatenate([before.final[n].abs()[before.mask[n]].numpy() for n in before.mask])
            kept = np.concatenate([level.mask[n][before.mask[n]].numpy() for n in before.mask])
            assert size[~kept].max() <= size[kept].min()


def test_pruned_weights_are_plus_zero_in_every_stored_point(stored):
    for run in stored.values():
        for level in run.levels:
            for point in (level.start, level.final):
                for n, m in level.mask.items():
                    assert (point[n][~m] == 0).all()
                    assert not torch.signbit(point[n][~m]).any()


@pytest.mark.parametrize(
    ("name", "source"), [("LRR", "final"), ("IMP", "init"), ("WR(step=3)", "step=3"), ("WR(epoch=1)", "epoch=1")]
)
def test_every_level_starts_where_the_algorithm_says_batch_norm_included(stored, name, source):
    stages = stored[name].levels
    for before, level in pairwise(stages):
        points = {"final": before.final, "init": stages[0].start}
        point = points.get(source) or stages[0].tensors(source)
        for n, tensor in level.start.items():
            assert torch.equal(tensor, torch.where(level.mask[n], point[n], 0.0) if n in level.mask else point[n]), n


def test_rewind_points_are_the_weights_after_so_many_steps(stored, trainer):
    """WR(epoch=1) and WR(step=4) name one moment here: 192 images in batches of 48."""
    t = trainer([WR(step=4)])
    with engine(t.config):
        points = t.train(*t.initial(), 0, frozenset({At(0), At(8)}), Rewind())
    assert same(points[At(4)], stored["WR(epoch=1)"].levels[0].tensors("epoch=1"))
    assert same(points[At(0)], t.initial()[0]) is False  # the network moved on
    assert same(points[At(0)], stored["WR(epoch=1)"].levels[0].start)
    assert same(points[At(8)], points["final"])


def test_algorithms_share_level_0_bit_for_bit(stored):
    first = stored["LRR"].levels[0]
    for run in stored.values():
        assert same(run.levels[0].final, first.final)
        assert run.levels[0].rows == first.rows


def test_level_0_against_a_plain_training_loop(stored, trainer):
    """An independent dense loop: no mask, no trainer, the schedule written out."""
    t = trainer()
    net = build("resnet20", 2, (1, 8, 8), 10, seed=0).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, fused=True)
    with engine(t.config):
        for epoch in range(2):
            for step, (images, labels) in enumerate(t.parts.batches(0, epoch)):
                # warm-up of 2/15 epochs is round(8/15) = 1 step, at the full rate
                optimiser.param_groups[0]["lr"] = 0.1 if epoch * 4 + step < 4 else 0.1 * 0.1
                optimiser.zero_grad()
                cross_entropy(net(images), labels).backward()
                optimiser.step()
    assert same({n: x.contiguous() for n, x in net.state_dict().items()}, stored["LRR"].levels[0].final)


def test_numpy_and_torch_prune_alike(trainer):
    t = trainer()
    params, mask = t.initial()
    for algorithm in (IMP, replace(IMP, criterion="random"), replace(IMP, scope="layer")):
        points = {"init": params, "final": params}
        arrays = {k: {n: p.numpy() for n, p in v.items()} for k, v in points.items()}
        theirs = algorithm.prune(arrays, {n: m.numpy() for n, m in mask.items()}, 1, t)
        ours = algorithm.prune(points, mask, 1, t)
        assert all(np.array_equal(ours[n].numpy(), theirs[n]) for n in mask)


def test_random_signs_keep_the_dtype(loop):
    stages = loop(replace(LRR, name="x", rewind=Rewind("final", "random", "final", "final")), 1)
    assert all(t.dtype == stages[0].start[n].dtype for n, t in stages[1].start.items())


def test_excluding_the_last_layer(loop):
    stages = loop(IMP, 1, last_layer="exclude")
    assert "fc.weight" not in stages[1].mask
    assert "conv1.weight" in stages[1].mask


@pytest.mark.parametrize(("scope", "fraction"), [("global", 0.3), ("layer", (0.5, 0.1))])
def test_halving_the_last_layer(loop, tiny, scope, fraction):
    config = tiny("unused", algorithm=replace(LRR, name="x", scope=scope, fraction=fraction), last_layer="halve")
    stages = loop(config.program, last_layer="halve")
    fractions = fraction if isinstance(fraction, tuple) else (fraction, fraction)
    for (before, level), f in zip(pairwise(stages), fractions, strict=True):
        was, alive = ({n: int(m.sum()) for n, m in stage.mask.items()} for stage in (before, level))
        last, left = (stage.pop("fc.weight") for stage in (was, alive))
        assert left == last - round(f / 2 * last)
        assert sum(alive.values()) == sum(n - round(f * n) for n in (was.values() if scope == "layer" else [sum(was.values())]))
        assert list(level.mask) == list(before.mask)
        size, kept = before.points["final"]["fc.weight"].abs()[before.mask["fc.weight"]], level.mask["fc.weight"]
        assert size[~kept[before.mask["fc.weight"]]].max() <= size[kept[before.mask["fc.weight"]]].min()


def test_halving_needs_a_fraction(tiny):
    with pytest.raises(ValueError, match="'x' does not"):
        tiny("unused", algorithm=replace(LRR, name="x", count=5), last_layer="halve")


def test_criteria_have_their_moments_remembered(loop):
    movement = Criterion("movement", (At(3), "final"), lambda early, final: abs(final) - abs(early))
    stages = loop(replace(LRR, name="movement", criterion=movement), 1)
    early, final = stages[0].points[At(3)], stages[0].points["final"]
    score = torch.cat([(final[n].abs() - early[n].abs()).flatten() for n in stages[1].mask])
    kept = torch.cat([m.flatten() for m in stages[1].mask.values()])
    assert score[~kept].max() <= score[kept].min()


def test_schedule_restarts_holds_and_replays(trainer):
    rows = []

    def rates(**schedule):
        rows.clear()
        algorithm = replace(WR(step=3), rewind=replace(WR(step=3).rewind, **schedule))
        t = trainer([algorithm])
        t.on_epoch = rows.append
        with engine(t.config):
            list(levels(algorithm, t, *t.initial(), 1))
        return [(row["level"], row["epoch"], row["learning_rate"], row["train"]["n"]) for row in rows[2:]]

    assert rates() == [(1, 1, 0.1, 192), (1, 2, 0.1 * 0.1, 192)]
    assert rates(schedule="hold") == [(1, 1, 0.1 * 0.1, 192), (1, 2, 0.1 * 0.1, 192)]
    assert rates(schedule="replay") == [(1, 1, 0.1, 48), (1, 2, 0.1 * 0.1, 192)]


def test_warm_up_is_linear(tiny):
    schedule = Schedule.of(tiny("x", epochs=15, milestones=(10,)), per_epoch=4)
    assert [schedule(k) for k in range(5)] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])
    assert schedule(39) == pytest.approx(0.1)
    assert schedule(40) == pytest.approx(0.01)


@pytest.mark.parametrize("at", [At(3.0, "time"), At(9), At(2.5, "epoch")])
def test_moments_that_a_network_does_not_have_are_refused(at, trainer):
    with pytest.raises(ValueError, match=str(at).replace(".", r"\.")):
        trainer([WR(at)])


def test_momentum_carried_and_restored(trainer, loop):
    """Carried: the masked momentum of the previous end; restored: that of the rewind point; both differ from a fresh start."""
    carry = replace(LRR, name="carry", rewind=replace(LRR.rewind, optimiser="carry"))
    restore = replace(WR(step=3), name="restore", rewind=replace(WR(step=3).rewind, optimiser="restore"))
    for algorithm, plain, source in ((carry, LRR, "momentum final"), (restore, WR(step=3), "momentum step=3")):
        stages = loop(algorithm)
        t = trainer([algorithm])
        t.memory = stages[0].points
        t.net.load(stages[1].start, stages[1].mask)
        optimiser = t.optimiser(algorithm.rewind)
        for n, p in t.net.model.named_parameters():
            momentum = stages[0].points[source][n]
            kept = torch.where(stages[1].mask[n], momentum, 0.0) if n in stages[1].mask else momentum
            assert torch.equal(optimiser.state[p]["momentum_buffer"], kept)
        assert not same(stages[1].points["final"], loop(plain)[1].points["final"])
        assert same(stages[2].points["final"], loop(algorithm, done=stages[1])[-1].points["final"])
        assert all((stages[2].points["final"][n][~m] == 0).all() for n, m in stages[2].mask.items())


def test_a_level_does_not_depend_on_what_was_trained_before(stored, trainer, loop):
    """Counters instead of streams: level 2 alone, from level 1's stored points, has the same bits."""
    run = stored["LRR"]
    stages = loop(LRR, done=run.levels and run.last("cpu"), n=3)
    assert stages[0].index == 3
    t = trainer([LRR])
    with engine(t.config):
        again = t.train(run.levels[2].start, run.levels[2].mask, 2, frozenset(), LRR.rewind)
    assert same(again["final"], run.levels[2].final)
    assert not same(again["final"], t.train(run.levels[2].start, run.levels[2].mask, 3, frozenset(), LRR.rewind)["final"])
