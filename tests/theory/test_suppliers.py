"""What a trainer supplies to the loop: a donor's masks and weights, gradients; asked for just what is needed and lacking."""

import itertools

import numpy as np
import pytest
import torch

from theory.algorithms import IMP, LRR, WR, Algorithm, At, Borrowed, Rewind, levels
from theory.criteria import Criterion
from theory.names import algorithm
from theory.redraws import REDRAWN

SHAPES = {"conv": (3, 2, 2), "fc": (4, 3), "bias": (4,), "bn": (3,)}
PRUNABLE = ("conv", "fc")
SNIP = Criterion("snip", ("gradient", "final"), lambda g, f: abs(g * f))


class Toy:
    """Weights drift, elementwise."""

    norm = frozenset({"bn"})
    batch = 1

    def __init__(self, networks=2):
        self.keys = np.arange(networks, dtype=np.uint64)

    def train(self, params, mask, level, at, rewind):
        final = {n: (0.75 * x + 0.0625 * (level + 1)) * mask.get(n, 1) for n, x in params.items()}
        return {"final": final} | {p: params for p in at}


class Lender(Toy):
    """Supplies the levels of another run, and a gradient; remembers what it was asked."""

    def __init__(self, donor, networks=2):
        super().__init__(networks)
        self.donor, self.asked = donor, []

    def supply(self, names, points, mask, level):
        self.asked.append((level, names, {n: m * 1 for n, m in mask.items()}))
        lent = {"donor": self.donor[level].points["final"], "donor mask": self.donor[level].mask}
        lent["gradient"] = {n: points["final"][n] - 0.25 for n in mask}
        return {n: lent[n] for n in names & lent.keys()}


def run(law, trainer, n=3, tensor=np.asarray, seed=0):
    rng = np.random.default_rng(seed)
    params = {name: tensor(rng.standard_normal((2, *shape))) for name, shape in SHAPES.items()}
    return list(levels(law, trainer, params, {name: tensor(np.ones((2, *SHAPES[name]), bool)) for name in PRUNABLE}, n))


@pytest.fixture(params=[np.asarray, torch.tensor], ids=["numpy", "torch"])
def tensor(request):
    return request.param


@pytest.fixture
def donor(tensor):
    return run(algorithm("LRR(fraction=0.3)"), Toy(), tensor=tensor, seed=5)


def test_masks_of_a_donor_are_taken_level_by_level(donor, tensor):
    trainer = Lender(donor)
    trace = run(algorithm("IMP(masks='donor')"), trainer, tensor=tensor)
    for level, lent in zip(trace, donor, strict=True):
        assert all(np.array_equal(level.mask[n], lent.mask[n]) for n in PRUNABLE)
    assert [(level, names) for level, names, _ in trainer.asked] == [(i, frozenset({"donor mask"})) for i in (1, 2, 3)]
    assert not any("donor mask" in level.points for level in trace)


def test_masks_of_a_donor_are_cut_to_what_is_alive(donor, tensor):
    """Masks stay nested even where the donor's are not."""
    trace = run(algorithm("IMP(masks='donor')"), Lender(donor[:1] + donor[:0:-1], 2), tensor=tensor)
    for before, after in itertools.pairwise(trace):
        assert all(not (after.mask[n] & ~before.mask[n]).any() for n in PRUNABLE)
    assert all(np.array_equal(trace[3].mask[n], donor[3].mask[n]) for n in PRUNABLE)


@pytest.mark.parametrize("part", ["magnitude", "sign", "rest", "norm"])
def test_each_part_of_a_restart_may_be_a_donor_s(donor, tensor, part):
    trainer = Lender(donor)
    trace = run(algorithm(f"IMP({part}='donor', fraction=0.3)"), trainer, tensor=tensor)
    assert [names for _, names, _ in trainer.asked] == [frozenset({"donor"})] * 3
    for level in trace[1:]:
        init, lent = level.points["init"], donor[level.index].points["final"]
        source = {p: lent if p == part else init for p in ("magnitude", "sign", "rest", "norm")}
        for n in PRUNABLE:
            signs = np.where(np.asarray(source["sign"][n]) < 0, -1, 1)
            assert np.array_equal(
                level.start[n], signs * np.abs(np.asarray(source["magnitude"][n])) * np.asarray(level.mask[n])
            )
        assert np.array_equal(level.start["bias"], source["rest"]["bias"])
        assert np.array_equal(level.start["bn"], source["norm"]["bn"])
    assert not any("donor" in level.points for level in trace)


def test_a_criterion_may_score_by_a_gradient_or_a_donor(donor, tensor):
    trainer = Lender(donor)
    trace = run(Algorithm("snip", Rewind(sign="donor"), SNIP, fraction=0.3), trainer, tensor=tensor)
    for before, after in itertools.pairwise(trace):
        kept, score = ({n: np.asarray(x) for n, x in part.items()} for part in (after.mask, before.points["final"]))
        alive = {n: np.asarray(m) for n, m in before.mask.items()}
        flat = np.concatenate([np.abs((score[n] - 0.25) * score[n]).reshape(2, -1) for n in PRUNABLE], -1)
        new, old = (np.concatenate([m[n].reshape(2, -1) for n in PRUNABLE], -1) for m in (kept, alive))
        assert (np.where(new, flat, np.inf).min(-1) >= np.where(old & ~new, flat, -np.inf).max(-1)).all()
    assert [names for _, names, _ in trainer.asked] == [frozenset({"gradient"}), frozenset({"donor"})] * 3
    for (_, _, before), (_, _, after) in zip(trainer.asked[::2], trainer.asked[1::2], strict=True):
        assert sum(after[n].sum() for n in PRUNABLE) < sum(before[n].sum() for n in PRUNABLE)  # pruning lies between
    own = Algorithm("x", criterion=Criterion("donor", ("donor",), abs), fraction=0.3)
    assert run(own, Lender(donor), tensor=tensor)[1].mask["fc"].shape == (2, 4, 3)


@pytest.mark.parametrize("law", [IMP, LRR, WR(At(2)), algorithm("random(sign='random')"),
                                 *(Algorithm("x", Rewind(m)) for m in REDRAWN)], ids=str)  # fmt: skip
def test_nothing_is_asked_of_a_trainer_that_knows_it_already(donor, law):
    trainer = Lender(donor)
    run(law, trainer)
    assert trainer.asked == []
    given = Borrowed("given", given={n: np.ones(SHAPES[n], bool) for n in PRUNABLE}, masks="donor", criterion=SNIP)
    run(given, trainer)
    assert trainer.asked == []


class Forgetful(Lender):
    """Knows nothing that it is asked."""

    def supply(self, names, points, mask, level):
        return {}


@pytest.mark.parametrize("kind", [Toy, lambda: Forgetful([])], ids=["no supply", "not known"])
@pytest.mark.parametrize(
    ("law", "sentence"),
    [
        (Algorithm("x", criterion=SNIP), "The criterion 'snip' needs the point 'gradient'; this trainer has init, final."),
        (algorithm("IMP(masks='donor')"), "The mask of \"IMP(masks='donor')\" needs the point 'donor mask'; this trainer"),
        (algorithm("IMP(sign='donor')"), "The rewind of \"IMP(sign='donor')\" needs the point 'donor'; this trainer has init"),
    ],
)
def test_what_nobody_has_is_one_sentence(kind, law, sentence):
    with pytest.raises(ValueError) as error:
        run(law, kind())
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_a_moment_that_was_not_remembered_is_one_sentence():
    (dense,) = run(IMP, Toy(), n=0)
    params, mask = dense.start, dense.mask
    with pytest.raises(
        ValueError, match=r"The rewind of 'WR\(step=2\)' needs the point 'step=2'; this trainer has init, final"
    ):
        list(levels(WR(At(2)), Toy(), params, mask, 1, dense))
