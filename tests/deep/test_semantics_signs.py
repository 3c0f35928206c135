"""Pruning semantics, part 2: scopes, restarts, sign flips. See part 1: a law says which of its sentences an engine breaks."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from deep.metrics import flips, level_flips
from theory.algorithms import IMP, INITIAL_SIGNS, LEARNED_SIGNS, LRR, WR, Algorithm, At, Rewind

from .semantics import broken

# Who competes with whom?


def global_magnitude(law):
    g = torch.Generator().manual_seed(3)
    params = {n: s * torch.randn(k, generator=g) for n, s, k in (("a", 1.0, 50), ("b", 0.1, 200), ("c", 3.0, 10))}
    mask = {n: torch.ones_like(t, dtype=torch.bool) for n, t in params.items()}
    new = law.prune({"init": params, "final": params}, mask, 1, SimpleNamespace(keys=np.uint64(0), batch=0))
    kept, size = torch.cat(list(new.values())), torch.cat([t.abs() for t in params.values()])
    return broken(the_smallest_of_the_whole_network_go=size[~kept].max() <= size[kept].min() and int((~kept).sum()) == 52)


class Normalised(Algorithm):
    """Scores divided by the norm of their layer."""

    def prune(self, points, mask, level, trainer):
        scaled = {n: t / t.norm() for n, t in points["final"].items()}
        return super().prune({**points, "final": scaled}, mask, level, trainer)


# What is a restart made of?


def restarts(kind):
    """``kind(**choices)`` is a rewind."""
    parts = {"w": torch.tensor([1.0, -2.0, 0.0, -0.0, -3.0, 4.0]), "a": torch.tensor(5.0), "n": torch.tensor(6.0)}
    final = {"w": torch.tensor([-10.0, 20.0, 30.0, 40.0, -50.0, -60.0]), "a": torch.tensor(50.0), "n": torch.tensor(60.0)}
    step = {n: 7 * t for n, t in final.items()}
    mask = {"w": torch.tensor([True, True, True, True, True, False])}
    points = {"init": parts, "final": final, At(3): step}

    def start(law):
        choices = {name: getattr(law.rewind, name) for name in ("magnitude", "sign", "rest", "norm")}
        new = kind(**choices)(points, mask, frozenset({"n"}))
        return [*new["w"].tolist(), float(new["a"]), float(new["n"])], torch.signbit(new["w"][~mask["w"]]).any()

    found = {law.name: start(law) for law in (IMP, WR(step=3), LRR, LEARNED_SIGNS, INITIAL_SIGNS)}
    return broken(
        IMP_is_init_init=found["IMP"][0] == [1, -2, 0, 0, -3, 0, 5, 6],
        WR_is_step_k=found["WR(step=3)"][0] == [-70, 140, 210, 280, -350, 0, 350, 420],
        LRR_is_final_final=found["LRR"][0] == [-10, 20, 30, 40, -50, 0, 50, 60],
        learned_signs_are_init_final=found["learned-signs"][0] == [-1, 2, 0, 0, -3, 0, 5, 6],
        the_sign_of_zero_is_plus=found["initial-signs"][0][2:4] == [30, 40],
        pruned_weights_are_plus_zero=not any(minus for _, minus in found.values()),
    )


class SignFunction(Rewind):
    """|magnitude| · sign, where the sign of 0 is 0."""

    def __call__(self, points, mask, norm):
        params = super().__call__(points, mask, norm)
        return params | {n: params[n] * points[self.sign][n].sign().abs() for n in mask}


class CopySign(Rewind):
    """``copysign`` heeds the sign of −0.0."""

    def __call__(self, points, mask, norm):
        params = super().__call__(points, mask, norm)
        return params | {n: torch.copysign(params[n], points[self.sign][n]) * mask[n] for n in mask}


class AllFromInit(Rewind):
    """Signs and all the rest from where the magnitudes come from."""

    def __call__(self, points, mask, norm):
        own = Rewind(self.magnitude, self.magnitude, self.magnitude, self.magnitude)
        return own(points, mask, norm)


# What is a sign flip?


def sign_flips(count):
    """``count(before, after, mask)``: flips by layer."""
    before = {"w": torch.tensor([-1.0, 2.0, -3.0, 4.0, 0.0, -0.0]), "v": torch.tensor([1.0, 1.0])}
    after = {"w": torch.tensor([-1.0, -2.0, 0.0, 0.0, -0.0, -5.0]), "v": torch.tensor([-1.0, 1.0])}
    mask = {"w": torch.tensor([True, True, False, False, True, True]), "v": torch.tensor([True, True])}
    pruned = {n: torch.where(mask[n], t, 0.0) for n, t in before.items()}
    return broken(
        a_weight_that_is_pruned_is_no_flip=count(before, pruned, mask) == {"w": 0, "v": 0},
        the_sign_of_zero_is_plus=count(before, after, mask)["w"] == 2,
        each_layer_has_its_own=count(before, after, mask)["v"] == 1,
    )


def on_unequal_masks(before, after, mask):
    """sign(before) ≠ sign(after) wherever they are."""
    return {n: int((before[n].sign() != after[n].sign()).sum()) for n in mask}


def by_product(before, after, mask):
    """A weight that goes to or from zero has no sign there."""
    return {n: int((before[n] * after[n] * mask[n] < 0).sum()) for n in mask}


def in_all(before, after, mask):
    """One number for the network."""
    total = sum(flips(before, after, mask).values())
    return dict.fromkeys(mask, total)


def test_flips_are_counted_against_the_start_and_against_the_initialisation():
    """A weight that flips in two levels: the sum of (A) is 2, (B) is 0."""
    mask, plus, minus = {"w": torch.tensor([True])}, {"w": torch.tensor([1.0])}, {"w": torch.tensor([-1.0])}
    first, second = level_flips(mask, plus, minus, plus, None), level_flips(mask, minus, plus, plus, minus)
    assert [x["start"]["w"] for x in (first, second)] == [1, 1]
    assert [x["init"]["w"] for x in (first, second)] == [1, 0]


ROWS = {
    global_magnitude: (
        IMP,
        {
            Algorithm("IMP", scope="layer"): "the smallest of the whole network go",
            Normalised("IMP"): "the smallest of the whole network go",
        },
    ),
    restarts: (
        Rewind,
        {
            SignFunction: "the sign of zero is plus",
            CopySign: "the sign of zero is plus",
            AllFromInit: "learned signs are init final",
        },
    ),
    sign_flips: (
        flips,
        {
            on_unequal_masks: "a weight that is pruned is no flip",
            by_product: "the sign of zero is plus",
            in_all: "each layer has its own",
        },
    ),
}
FAULTY = [(law, engine, sentence) for law, (_, variants) in ROWS.items() for engine, sentence in variants.items()]


@pytest.mark.parametrize("law", ROWS, ids=lambda law: law.__name__)
def test_our_engine_keeps_the_law(law):
    assert law(ROWS[law][0]) == []


@pytest.mark.parametrize(("law", "engine", "sentence"), FAULTY, ids=lambda x: str(getattr(x, "__name__", x)))
def test_a_faulty_variant_breaks_it(law, engine, sentence):
    assert sentence in law(engine)
