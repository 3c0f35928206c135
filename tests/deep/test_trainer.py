"""The training engine under the loop of theory: counts, nesting, where each algorithm restarts, schedules, optimisers."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from deep import Config, TorchTrainer
from deep.images import read
from deep.models import build
from deep.trainer import Diverged, engine
from theory.algorithms import FINE_TUNING, IMP, LRR, WR, At, Rewind, levels
from theory.criteria import Criterion

from .semantics import SETTINGS, same, small

CARRY = replace(LRR, name="carry", rewind=replace(LRR.rewind, optimiser="carry"))
FLIPS = replace(LRR, name="flips", rewind=replace(LRR.rewind, flip=0.3, flip_every=At(3)))
FIXED = replace(LRR, name="fixed", rewind=replace(LRR.rewind, signs="fixed"))


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
    assert same(points[At(0)], stored["WR(epoch=1)"].levels[0].start)
    assert same(points[At(0)], t.initial()[0])
    assert not same(points[At(8)], t.initial()[0])
    assert same(points[At(8)], points["final"])


def test_algorithms_share_level_0_bit_for_bit(stored):
    first = stored["LRR"].levels[0]
    for run in stored.values():
        assert same(run.levels[0].final, first.final)
        assert run.levels[0].rows == first.rows


def test_level_0_against_a_plain_training_loop(stored, trainer):
    """An independent dense loop: no mask, no trainer, the schedule written out."""
    t = trainer()
    net = build("resnet20", (1, 8, 8), 10, seed=0, width=2).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, fused=True)
    with engine(t.config):
        for epoch in range(2):
            for step, (images, labels) in enumerate(t.data.batches(0, epoch)):
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


@pytest.mark.parametrize("at", [At(3.0, "time"), At(9), At(2.5, "epoch")])
def test_moments_that_a_network_does_not_have_are_refused(at, trainer):
    with pytest.raises(ValueError, match=str(at).replace(".", r"\.")):
        trainer([WR(at)])


def test_momentum_carried_and_restored(trainer, loop):
    """Carried: the masked momentum of the previous end; restored: that of the rewind point; both differ from a fresh start."""
    carry = replace(LRR, name="carry", rewind=replace(LRR.rewind, optimiser="carry"))
    restore = replace(WR(step=3), name="restore", rewind=replace(WR(step=3).rewind, optimiser="restore"))
    for algorithm, plain, source in ((carry, LRR, "optimiser final"), (restore, WR(step=3), "optimiser step=3")):
        stages = loop(algorithm)
        t = trainer([algorithm])
        t.memory = stages[0].points
        t.net.load(stages[1].start, stages[1].mask)
        optimiser = t.new_optimiser(algorithm.rewind, 1)
        for n, p in t.net.parameters_by_name.items():
            momentum = stages[0].points[source][f"momentum_buffer:{n}"]
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


def of_small(law, **settings):
    """A trainer of the small network."""
    return TorchTrainer(Config(algorithm=law, **SETTINGS | settings), read("digits"), model=small(), algorithms=[law])


def ended(t, law, n=2):
    """All levels of a trainer."""
    with engine(t.config):
        return list(levels(law, t, *t.initial(), n))


@pytest.mark.parametrize(
    ("law", "settings"),
    [
        (WR(step=5), {}),
        (CARRY, {}),
        (CARRY, {"optimiser": "adamw", "learning_rate": 1e-2}),
        (FLIPS, {}),
        (FIXED, {}),
        (replace(WR(step=5), name="r", rewind=replace(WR(step=5).rewind, schedule="replay", optimiser="restore")), {}),
    ],
    ids=lambda x: getattr(x, "name", None) or x.get("optimiser", "sgd"),
)
def test_a_level_goes_on_from_any_of_its_steps_to_the_same_bits(law, settings):
    """Midway objects of every step, each taken up by a trainer that knows nothing else of the level."""
    whole, kept = of_small(law, checkpoint=0.0, **settings), []
    whole.keep = kept.append
    stages = ended(whole, law)
    assert {at.level for at in kept} == {0, 1, 2}
    assert len(kept) >= 3 * 7 - 5 * 2 * (law.name == "r")
    for at in kept:
        t = of_small(law, **settings)
        t.midway, level = at, stages[at.level]
        t.memory = stages[at.level - 1].points if at.level else {}
        with engine(t.config):
            points = t.train(level.start, level.mask, at.level, law.moments if at.level == 0 else frozenset(), law.rewind)
        assert all(same(point, level.points[name]) for name, point in points.items()), (at.level, at.step)
        if at.level == 2:
            assert t.rows == whole.rows


def test_a_checkpoint_without_the_optimiser_would_be_seen():
    whole, kept = of_small(LRR, checkpoint=0.0), []
    whole.keep = kept.append
    (first, *_), t = ended(whole, LRR, 0), of_small(LRR)
    t.midway = kept[3]
    for tensor in t.midway.tensors["optimiser"].values():
        tensor.zero_()
    with engine(t.config):
        assert not same(t.train(first.start, first.mask, 0, frozenset(), LRR.rewind)["final"], first.points["final"])


def test_a_checkpoint_of_another_level_is_refused():
    whole, kept = of_small(LRR, checkpoint=0.0), []
    whole.keep = kept.append
    ended(whole, LRR, 0)
    t = of_small(LRR)
    t.midway = kept[0]
    with engine(t.config), pytest.raises(ValueError, match=r"of level 0, step 1, not of level 1"):
        t.train(*t.initial(), 1, frozenset(), LRR.rewind)


def test_evaluation_is_the_plain_mean_over_a_part():
    t = of_small(LRR, label_smoothing=0.1)
    ended(t, LRR, 0)
    t.net.eval()
    for part in ("train", "validation", "test"):
        images, labels = (torch.cat(x) for x in zip(*t.data.evaluation(part, 7), strict=True))
        with torch.no_grad():
            outputs = t.net(images)
        found = t.evaluate(part)
        assert found["n"] == len(labels) == t.data.sizes[part]
        assert found["correct"] == int((outputs.argmax(1) == labels).sum())
        assert found["loss"] == pytest.approx(float(cross_entropy(outputs, labels)), rel=1e-5)  # not smoothed


def test_metrics_of_an_epoch_are_those_of_its_batches():
    seen, t = [], of_small(LRR)
    step = t.step
    t.step = lambda *batch: seen.append(step(*batch)) or seen[-1]
    ended(t, LRR, 0)
    for i, row in enumerate(t.rows):
        batches = seen[4 * i : 4 * i + 4]
        assert row["train"]["loss"] == pytest.approx(float(sum(loss.double() for loss, _ in batches)) / 4, rel=1e-12)
        assert row["train"]["correct"] == sum(int(hits) for _, hits in batches)
        assert row["train"]["n"] == 96
        assert row["epoch"] == i + 1


def test_the_gradient_that_is_supplied_is_that_of_the_whole_training_loss():
    """Of pruned weights too, as if they were alive; the network stays masked as it was asked to be afterwards."""
    t = of_small(LRR)
    level = ended(t, LRR, 1)[1]
    found = t.supply(frozenset({"gradient", "donor"}), level.points, level.mask, 2)
    assert list(found) == ["gradient"]
    net = small()
    net.load_state_dict(level.points["final"])
    net.eval()
    ((images, labels),) = t.data.evaluation("train", 96)
    cross_entropy(net(images), labels).backward()
    for name in level.mask:
        assert torch.allclose(found["gradient"][name], net.get_parameter(name).grad, rtol=1e-4, atol=1e-7)
        assert found["gradient"][name][~level.mask[name]].abs().max() > 0


def test_clipping_sees_the_gradient_of_the_weights_alive():
    """One step by hand; the gradient of pruned weights would change the norm."""
    t = of_small(LRR, clip=0.05, momentum=0.0, weight_decay=0.0, precision="float64")
    level = ended(t, LRR, 1)[1]
    t.net.load(level.start, level.mask)
    t.net.train()
    t.net.zero_grad()
    images, labels = next(t.data.batches(1, 0))
    loss, _ = t.network.training_pass(images, labels)
    loss.backward()
    slopes = {n: p.grad.clone() for n, p in t.net.parameters_by_name.items()}
    norm = torch.cat([g.flatten() for g in slopes.values()]).norm()
    assert norm > 0.05
    assert all((slopes[n][~m] == 0).all() for n, m in level.mask.items())
    t.net.load(level.start, level.mask)
    opt = t.new_optimiser(LRR.rewind, 1)
    t.step(opt, images, labels)
    for n, p in t.net.parameters_by_name.items():
        wanted = t.config.learning_rate * slopes[n] * 0.05 / norm
        before = torch.where(level.mask[n], level.start[n], 0.0) if n in level.mask else level.start[n]
        assert torch.allclose(before - p, wanted, rtol=1e-4, atol=1e-12), n


def test_fixed_signs_stay_in_their_orthant_and_free_ones_do_not():
    crossed = {}
    for law in (FIXED, LRR):
        stages = ended(of_small(law, learning_rate=1.0), law)
        crossed[law.name] = sum(
            int((level.start[n] * level.points["final"][n] < 0).sum()) for level in stages[1:] for n in level.mask
        )
        assert sum(int((stages[0].start[n] * stages[0].points["final"][n] < 0).sum()) for n in stages[0].mask) > 0
    assert crossed["fixed"] == 0 < crossed["LRR"]


def test_a_network_that_diverges_is_seen_where_signs_are_fixed_too():
    for law in (LRR, FIXED):
        t = of_small(law, learning_rate=1e18)
        with engine(t.config), pytest.raises(Diverged, match=r"learning_rate=1e\+18, seed=0"):
            t.train(*t.initial(), 1, frozenset(), law.rewind)


def test_a_level_may_end_inside_an_epoch():
    stages = ended(t := of_small(FINE_TUNING, length="step=6", milestones=()), FINE_TUNING, 1)
    assert [row["train"]["n"] for row in t.rows] == [96, 48]
    assert same(stages[0].points["final"], of_length(6))
    assert not same(stages[0].points["final"], of_length(7))


def of_length(steps):
    """Level 0 after so many steps of a longer one."""
    t = of_small(WR(step=steps), milestones=())
    return ended(t, WR(step=steps), 0)[0].points[At(steps)]


def test_the_engine_sets_and_restores_threads_precision_and_determinism():
    def state():
        return (
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_float32_matmul_precision(),
            torch.backends.cudnn.allow_tf32,
            torch.backends.cudnn.benchmark,
        )

    before = state()
    with engine(Config(threads=2, deterministic=False, precision="tf32")):
        assert state() == (2, False, "high", True, True)
    with engine(Config(threads=1)):
        assert state() == (1, True, "highest", False, False)
    assert state() == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_missing_device_is_named():
    with pytest.raises(ValueError, match="'cuda'"), engine(Config(device="cuda")):
        pass


def test_a_loss_alone_is_refused():
    with pytest.raises(ValueError, match="only the loss was given"):
        TorchTrainer(Config(), read("digits"), loss=cross_entropy)
