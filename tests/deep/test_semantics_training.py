"""Pruning semantics, part 3: what goes on from level to level. See part 1: a law says which of its sentences an engine breaks.

An engine is a kind of trainer here, each faulty one a few lines away from ours.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from deep import TorchTrainer
from deep.optimisers import optimiser
from deep.schedule import Schedule
from theory.algorithms import FINE_TUNING, IMP, LRR, WR, At, Rewind
from theory.streams import generator

from .semantics import alone, broken, run, same, trainer

CARRY = replace(LRR, name="carry", rewind=replace(LRR.rewind, optimiser="carry"))


# Rewound to which moment? Batch norm too?


def restarts(kind):
    class Watched(kind):
        def new_optimiser(self, rewind, level):
            began.append(self.net.snapshot())
            return super().new_optimiser(rewind, level)

    def holds(law, source, weights):
        """Do all levels begin with the weights (or all but the weights) of this point?"""
        began.clear()
        stages, _ = run(Watched, law)
        for i, (before, level) in enumerate(pairwise(stages), 1):
            points = {**stages[0].points, "init": stages[0].start, "final": before.points["final"]}
            wanted = {n: torch.where(level.mask[n], t, 0.0) if n in level.mask else t for n, t in points[source].items()}
            if not all(torch.equal(began[i][n], t) for n, t in wanted.items() if (n in level.mask) == weights):
                return False
        return True

    began = []
    return broken(
        IMP_rewinds_to_step_0=holds(IMP, "init", weights=True),
        WR_rewinds_to_its_step=holds(WR(step=5), At(5), weights=True),
        LRR_goes_on=holds(LRR, "final", weights=True),
        IMP_and_WR_rewind_batch_norm_and_its_statistics=holds(IMP, "init", False) and holds(WR(step=5), At(5), False),
        LRR_keeps_batch_norm=holds(LRR, "final", weights=False),
    )


class InitAfterWarmUp(TorchTrainer):
    """Stores the initialisation once the warm-up is over."""

    def train(self, params, mask, level, at, rewind):
        points = super().train(params, mask, level, at | frozenset({At(3)}), rewind)
        return points | ({"init": points[At(3)]} if level == 0 else {})


class StepFromLevel(TorchTrainer):
    """Rewinds to step k of the level before, not of level 0."""

    def train(self, params, mask, level, at, rewind):
        return super().train(params, mask, level, at | self.moments, rewind)


def norms(params, chosen):
    return {n: params[n] for n in params if n.startswith("1.") and (n.partition(".")[2] in chosen)}


class StatisticsStay(TorchTrainer):
    """Saves and restores parameters, not buffers."""

    def train(self, params, mask, level, at, rewind):
        points = super().train(params, mask, level, at, rewind)
        ends = norms(points["final"], ("running_mean", "running_var", "num_batches_tracked"))
        return points | {p: points[p] | ends for p in points if isinstance(p, At)} | {"init": {**self.start, **ends}}


class NormRewinds(TorchTrainer):
    """Batch norm starts anew in each level, LRR or not."""

    def train(self, params, mask, level, at, rewind):
        own = norms(self.start, ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"))
        return super().train(params | own, mask, level, at, rewind)


# What does the optimiser remember?


def memory(kind):
    stages, _ = run(kind, LRR)
    carried, t = run(kind, CARRY)
    momentum = [t.memory["optimiser final"][f"momentum_buffer:{n}"][~m] for n, m in carried[2].mask.items()]
    dead = [carried[2].points["final"][n][~m] for n, m in carried[2].mask.items()]
    return broken(
        a_level_starts_with_a_fresh_optimiser=same(
            alone(trainer(TorchTrainer, LRR), stages[1], 1, LRR), stages[1].points["final"]
        ),
        carried_momentum_is_the_old_one=not same(carried[1].points["final"], stages[1].points["final"]),
        carried_momentum_is_masked=not torch.cat([*momentum, *dead]).any(),
    )


class OneOptimiser(TorchTrainer):
    """One optimiser for all levels, with its old momentum."""

    def new_optimiser(self, rewind, level):
        self.only = getattr(self, "only", None) or super().new_optimiser(rewind, level)
        return self.only


class DenseMomentum(TorchTrainer):
    """Carries the momentum of pruned weights too."""

    def new_optimiser(self, rewind, level):
        opt = optimiser(self.config, self.net)
        for name, p in self.net.parameters_by_name.items() if level and rewind.optimiser == "carry" else ():
            opt.state[p]["momentum_buffer"] = self.memory["optimiser final"][f"momentum_buffer:{name}"].clone()
        return opt


class NeverCarries(TorchTrainer):
    """A fresh optimiser whatever the algorithm says."""

    def new_optimiser(self, rewind, level):
        return optimiser(self.config, self.net)


# Where does the learning rate start?


def rates(kind, law):
    """The learning rate of each step, by level."""

    class Watched(kind):
        def step(self, opt, images, labels):
            seen.append(opt.param_groups[0]["lr"])
            return super().step(opt, images, labels)

    seen = []
    run(Watched, law, 1)
    return seen[:8], seen[8:]


def learning_rates(kind):
    expected = [0.1, 0.2, 0.3, 0.3, *(0.1 * 0.3,) * 4]
    found = {law: rates(kind, law) for law in (LRR, IMP, FINE_TUNING)}
    return broken(
        the_warm_up_is_linear=np.allclose(found[LRR][0], expected, rtol=1e-12),
        the_schedule_restarts_warm_up_included=all(found[law][1] == found[law][0] for law in (LRR, IMP)),
        fine_tuning_holds_the_last_rate=found[FINE_TUNING][1] == [found[FINE_TUNING][0][-1]] * 8,
    )


class NoWarmUpAgain(TorchTrainer):
    """Warms up in level 0 alone."""

    def train(self, params, mask, level, at, rewind):
        self.schedule = replace(self.schedule, warmup=0) if level else self.schedule
        return super().train(params, mask, level, at, rewind)


class GoesOn(TorchTrainer):
    """The schedule goes on from level to level."""

    def train(self, params, mask, level, at, rewind):
        return super().train(params, mask, level, at, replace(rewind, schedule="hold") if level else rewind)


class AlwaysRestarts(TorchTrainer):
    """Fine-tuning with the large rates of the start."""

    def train(self, params, mask, level, at, rewind):
        return super().train(params, mask, level, at, replace(rewind, schedule="restart"))


class FromZero(Schedule):
    """A warm-up that starts at 0, where the first step does nothing."""

    def __call__(self, step):
        return self.peak * step / self.warmup if step < self.warmup else super().__call__(step)


class StartsAtZero(TorchTrainer):
    """A warm-up that starts at 0."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.schedule = FromZero(**vars(self.schedule))


# What becomes of the momentum of a flipped sign?


def momentum_of_flips(kind):
    """The loss has no slope after the flip, so that momentum alone moves weights."""
    seen, until, name = [], 4, "1.weight"
    law = replace(LRR, name="flipped", rewind=replace(LRR.rewind, flip=0.3, flip_every=At(until)))

    class Watched(kind):
        def step(self, opt, images, labels):
            self.count = getattr(self, "count", -1) + 1
            seen.append(self.net.snapshot()[name])
            found = super().step(opt, images * (self.count % 8 < until), labels)
            seen.append(self.net.snapshot()[name])
            return found

    stages, _ = run(Watched, law, 1, model=lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10, bias=False)), weight_decay=0.0)
    before, after, *_, end = seen[2 * (8 + until) - 1 :]
    mask, flips = stages[1].mask[name], before * after < 0
    return broken(
        exactly_the_fraction_of_the_kept_flips=int(flips.sum()) == round(0.3 * int(mask.sum()))
        and torch.equal(torch.where(flips, -before, before), after),
        a_flipped_weight_is_not_pulled_back=torch.equal(after[flips], end[flips]),
        the_others_keep_their_momentum=(after != end)[mask & ~flips].float().mean() > 0.5,
    )


class PullsBack(TorchTrainer):
    """The old momentum stays."""

    def train(self, params, mask, level, at, rewind):
        return super().train(params, mask, level, at, replace(rewind, flip_momentum="keep"))


class ForgetsAll(TorchTrainer):
    """The momentum of all weights is forgotten."""

    def step(self, opt, images, labels):
        self.steps = getattr(self, "steps", -1) + 1
        for state in opt.state.values() if self.steps == 12 else ():
            state["momentum_buffer"].zero_()
        return super().step(opt, images, labels)


class FlipsEach(TorchTrainer):
    """Each weight flips with the given chance, pruned or not."""

    def train(self, params, mask, level, at, rewind):
        class Chance(Rewind):
            def flips(self, keys, mask, *when):
                return {n: torch.from_numpy(generator(0, n).random(tuple(m.shape)) < self.flip) for n, m in mask.items()}

        return super().train(params, mask, level, at, Chance(**vars(rewind)))


# In which precision do weights live?


def master_weights(kind):
    t = trainer(kind, LRR, precision="bfloat16")
    params, mask = t.initial()
    for n in mask:
        params[n].flatten()[::2] = -1e-9
    t.net.load(params, mask)
    there, opt, weights = t.net.snapshot(), t.new_optimiser(Rewind(), 0), t.net.parameters_by_name
    for p in weights.values():
        p.data.fill_(1.0)
        p.grad = torch.full_like(p, 1e-2)
    opt.param_groups[0]["lr"] = 1e-3
    opt.step()
    return broken(
        the_sign_of_a_small_weight_is_kept=all(torch.equal(there[n] < 0, params[n] < 0) for n in mask),
        a_small_step_is_not_lost=all((p < 1).all() for p in weights.values()),
        weights_and_momentum_are_float32=all(
            x.dtype == torch.float32 for p in weights.values() for x in (p, opt.state[p]["momentum_buffer"])
        ),
    )


class Float16(TorchTrainer):
    """Weights in float16."""

    weights = torch.float16

    def __init__(self, *args, **how):
        super().__init__(*args, **how)
        self.net.to(self.weights)


class BFloat16(Float16):
    """Weights in bfloat16, which has the range but not the digits."""

    weights = torch.bfloat16


ROWS = {
    restarts: {
        InitAfterWarmUp: "IMP rewinds to step 0",
        StepFromLevel: "WR rewinds to its step",
        StatisticsStay: "IMP and WR rewind batch norm and its statistics",
        NormRewinds: "LRR keeps batch norm",
    },
    memory: {
        OneOptimiser: "a level starts with a fresh optimiser",
        DenseMomentum: "carried momentum is masked",
        NeverCarries: "carried momentum is the old one",
    },
    learning_rates: {
        NoWarmUpAgain: "the schedule restarts warm up included",
        GoesOn: "the schedule restarts warm up included",
        StartsAtZero: "the warm up is linear",
        AlwaysRestarts: "fine tuning holds the last rate",
    },
    momentum_of_flips: {
        PullsBack: "a flipped weight is not pulled back",
        ForgetsAll: "the others keep their momentum",
        FlipsEach: "exactly the fraction of the kept flips",
    },
    master_weights: {Float16: "the sign of a small weight is kept", BFloat16: "a small step is not lost"},
}
FAULTY = [(law, engine, sentence) for law, variants in ROWS.items() for engine, sentence in variants.items()]


@pytest.mark.parametrize("law", ROWS, ids=lambda law: law.__name__)
def test_our_trainer_keeps_the_law(law):
    assert law(TorchTrainer) == []


@pytest.mark.parametrize(("law", "engine", "sentence"), FAULTY, ids=lambda x: str(getattr(x, "__name__", x)))
def test_a_faulty_variant_breaks_it(law, engine, sentence):
    assert sentence in law(engine)
