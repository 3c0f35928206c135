"""T2a, T2b, T4, T5, T9: the loop over exact maps gives the sets of the theorems, for every start and algorithm."""

import itertools

import numpy as np
import pytest

from theory import one_input
from theory.algorithms import IMP, LRR, WR, Algorithm, Rewind
from theory.exact import learns
from theory.initialisations import initialisation
from theory.names import ALGORITHMS
from theory.one_input import Branches
from theory.population import angle
from theory.times import sign_escape_time

INITS = ("balanced", "bounded", "gaussian")


def starts(init, d, trials, seed=0):
    return initialisation(init).sample(np.random.default_rng(seed), d, trials)


def dense_basin(a0, w0):
    """D."""
    opposite = (w0[..., 0] <= 0) & ~w0[..., 1:].any(-1)
    return (a0 > -np.linalg.norm(w0, axis=-1)) & ~opposite


def sparse_basin(a0, w1):
    """B."""
    return (w1 > 0) & (a0 > -w1)


def expected(name, a0, w0):
    first, inside = w0[..., 0], dense_basin(a0, w0)
    return {
        "IMP": sparse_basin(a0, first),
        "LRR": inside,
        "dense": inside,
        "fine-tuning": inside,
        "learned-signs": inside & (a0 > -np.abs(first)),
        "initial-signs": inside & (first > 0),
    }[name]


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("name", [n for n in ALGORITHMS if n != "random"])
def test_the_sets_of_the_theorems(name, init):
    for d in (2, 3, 10):
        a0, w0 = starts(init, d, 40_000, d)
        assert np.array_equal(learns(name, a0, w0), expected(name, a0, w0))


def test_a_false_set_would_be_noticed():
    """Negative control: the published quadrant is IMP's set for balanced starts only."""
    for init, same in (("balanced", True), ("bounded", False), ("gaussian", False)):
        a0, w0 = starts(init, 5, 10_000)
        assert np.array_equal(learns("IMP", a0, w0), (a0 > 0) & (w0[:, 0] > 0)) == same


@pytest.mark.parametrize("name", [n for n in ALGORITHMS if n != "random"])
def test_one_input_is_the_sparse_neuron(name):
    for init in INITS:
        a0, w0 = starts(init, 1, 20_000)
        assert np.array_equal(learns(name, a0, w0), sparse_basin(a0, w0[:, 0]))


@pytest.mark.parametrize("name", ["IMP", "LRR", "dense"])
def test_one_input_with_label_noise(name):
    """T2b: a0 + w0 > 0 and (w0 > 0, or w0 < 0 and β₋ > 0), where β₊ > 0."""
    a0, w0 = starts("gaussian", 1, 30_000)
    plus, minus = np.random.default_rng(1).normal(size=(2, 30_000))
    noisy = Branches(0.4, plus, 0.6, minus)
    first = w0[:, 0]
    rule = (plus > 0) & (a0 + first > 0) & ((first > 0) | (minus > 0))
    assert np.array_equal(learns(name, a0, w0, branches=noisy), rule)


def test_the_rule_needs_a_positive_slope_on_the_right():
    """Negative control: without the hypothesis β₊ > 0 the rule of T2b is false."""
    assert not learns("IMP", 1.0, [0.5], branches=Branches(0.4, -0.1, 0.6, 0.1))
    assert not learns("IMP", 1.0, [0.5], branches=Branches(0.4, 0.0, 0.6, 0.1))


@pytest.mark.parametrize("init", INITS)
def test_iterative_pruning_with_label_noise(init):
    """IMP's mask needs D, which a0 + w_1 > 0 implies; LRR inherits w_1 > 0 (n = ∞ in the dense phase)."""
    a0, w0 = starts(init, 4, 20_000)
    minus = np.random.default_rng(2).normal(size=20_000)
    noisy = Branches(0.5, 1.1, 0.5, minus)
    first = w0[:, 0]
    rule = (a0 + first > 0) & ((first > 0) | (minus > 0))
    assert np.array_equal(learns("IMP", a0, w0, branches=noisy), rule)
    assert np.array_equal(learns("LRR", a0, w0, branches=noisy), dense_basin(a0, w0))


@pytest.mark.parametrize("t", [0.5, 5.0, 100.0])
def test_the_sparse_neuron_at_a_finite_time(t):
    """Crossed by t iff T× < t; from w0 > 0 the outcome is certain at once."""
    a0, w0 = starts("gaussian", 1, 20_000)
    minus = np.random.default_rng(3).normal(size=20_000)
    noisy = Branches(0.4, 1.2, 0.6, minus)
    first = w0[:, 0]
    time = one_input.noise_escape_time(a0, first, 0.6, minus)
    found = learns("dense", a0, w0, branches=noisy, t=t)
    assert np.array_equal(found, np.where(first > 0, a0 > -first, time < t))


@pytest.mark.parametrize("init", INITS)
def test_nested(init):
    """T5: IMP ⊂ WR(t₁) ⊂ WR(t₂) ⊂ LRR."""
    a0, w0 = starts(init, 3, 3000)
    sets = [learns(algorithm, a0, w0) for algorithm in ("IMP", "WR(time=0.5)", "WR(time=2)", "WR(time=8)", "LRR")]
    for small, large in itertools.pairwise(sets):
        assert not (small & ~large).any()
        assert (large & ~small).any()
    assert np.array_equal(learns("WR(time=0)", a0, w0), sets[0])
    assert np.array_equal(learns("WR(time=1e999)", a0, w0), sets[-1])


@pytest.mark.parametrize("theta", [1.6, 2.0, 2.6, 3.0])
@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_weight_rewinding_needs_longer_than_the_escape_time(theta, scale):
    """T6: at t* itself w_1 = 0; a little later the start is rescued."""
    w0 = scale * np.array([np.cos(theta), 0.6 * np.sin(theta), 0.8 * np.sin(theta)])
    a0, time = np.linalg.norm(w0), float(sign_escape_time(angle(w0)))
    assert not learns(WR(time=time * (1 - 1e-7)), a0, w0)
    assert learns(WR(time=time * (1 + 1e-7)), a0, w0)
    assert not learns(WR(time=2 * time), -a0, w0)


def test_weight_rewinding_of_balanced_starts():
    a0, w0 = starts("balanced", 6, 4000)
    for t in (0.5, 2.0, 6.0):
        assert np.array_equal(learns(WR(time=t), a0, w0), (a0 > 0) & (sign_escape_time(angle(w0)) < t))


def test_a_given_mask():
    a0, w0 = starts("gaussian", 4, 5000)
    place = np.random.default_rng(4).integers(0, 4, 5000)
    mask = np.eye(4, dtype=bool)[place]
    assert np.array_equal(learns("random", a0, w0, mask=mask), (place == 0) & sparse_basin(a0, w0[:, 0]))
    assert np.array_equal(learns("LRR", a0, w0, mask=mask), (place == 0) & dense_basin(a0, w0))
    wide = np.array([True, False, True, True])
    assert np.array_equal(learns("IMP", a0, w0, mask=wide), dense_basin(a0, w0 * wide))
    assert not learns("LRR", a0, w0, mask=np.zeros(4, dtype=bool)).any()
    assert np.array_equal(learns("IMP", a0, w0, mask=np.ones(4, dtype=bool)), dense_basin(a0, w0))


@pytest.mark.parametrize("amounts", [{"fraction": (0.5, 0.5, 0.9)}, {"count": (7, 4, 2, 1)}, {"fraction": (0.0, 1.0)}])
@pytest.mark.parametrize("init", INITS)
def test_several_levels(amounts, init):
    """T5 holds for any number of levels down to one weight. The last rewind alone decides."""
    a0, w0 = starts(init, 8, 3000)
    imp, wr, lrr = (Algorithm("x", kind.rewind, **amounts) for kind in (IMP, WR(time=2), LRR))
    assert np.array_equal(learns(imp, a0, w0), sparse_basin(a0, w0[:, 0]))
    assert np.array_equal(learns(lrr, a0, w0), dense_basin(a0, w0))
    between = learns(wr, a0, w0)
    assert not (learns(imp, a0, w0) & ~between).any()
    assert not (between & ~learns(lrr, a0, w0)).any()


def test_several_levels_that_keep_several_weights():
    """Pruning e_2 … only is a dense neuron again: IMP's set is D of the start on the mask."""
    a0, w0 = starts("gaussian", 5, 5000)
    two = Algorithm("x", count=2)
    partner = 1 + np.abs(w0[:, 1:]).argmax(-1)
    kept = w0 * (np.eye(5, dtype=bool)[0] | np.eye(5, dtype=bool)[partner])
    assert np.array_equal(learns(two, a0, w0), dense_basin(a0, w0) & dense_basin(a0, kept))


CRITERIA_IN_THE_BASIN = {
    "large_final": lambda first, rest, m: first != 0,
    "small_final": lambda first, rest, m: first != first,
    "large_init": lambda first, rest, m: np.abs(first) > rest.max(-1),
    "small_init": lambda first, rest, m: np.abs(first) < rest.min(-1),
    "large_init_large_final": lambda first, rest, m: first != 0,
    "small_init_small_final": lambda first, rest, m: np.maximum(np.abs(first), m) < rest.min(-1),
    "magnitude_increase": lambda first, rest, m: np.abs(first) - m < rest.min(-1),
    "movement": lambda first, rest, m: np.abs(m - first) > rest.max(-1),
    "magnitude_increase_same_sign": lambda first, rest, m: (first < 0) | (first - m < rest.min(-1)),
}


@pytest.mark.parametrize("criterion", CRITERIA_IN_THE_BASIN)
@pytest.mark.parametrize("init", INITS)
def test_mask_criteria(criterion, init):
    """T8: which starts in D keep e_1."""
    a0, w0 = starts(init, 5, 10_000)
    c = (a0 - np.linalg.norm(w0, axis=-1)) * (a0 + np.linalg.norm(w0, axis=-1))
    m = np.sqrt(2 / (c + np.sqrt(c * c + 4)))
    kept = CRITERIA_IN_THE_BASIN[criterion](w0[:, 0], np.abs(w0[:, 1:]), m)
    for kind in (IMP, LRR):
        found = learns(Algorithm("x", kind.rewind, criterion), a0, w0)
        assert np.array_equal(found, kept & expected(kind.name, a0, w0))


@pytest.mark.parametrize("criterion", ["large_final_diff_sign", "magnitude_increase_diff_sign"])
def test_criteria_that_want_a_new_sign_leave_nothing_to_imp(criterion):
    a0, w0 = starts("balanced", 5, 5000)
    found = learns(Algorithm("x", IMP.rewind, criterion), a0, w0)
    assert found.sum() < 0.3 * learns("IMP", a0, w0).sum()  # ties where the sign stayed: one in d
    assert not found[w0[:, 0] < 0].any()


def test_ties_fall_alike_in_any_batch():
    """large_final_diff_sign scores 0 for all weights where w_1 keeps its sign: a tie, won by e_1 once in d."""
    tied = Algorithm("x", LRR.rewind, "large_final_diff_sign")
    a0, w0 = starts("balanced", 4, 4000)
    keep = (w0[:, 0] > 0) & (a0 > 0)
    a0, w0 = a0[keep], w0[keep]
    together = learns(tied, a0, w0)
    assert abs(together.mean() - 1 / 4) < 5 * np.sqrt(3 / 16 / together.size)
    assert np.array_equal(learns(tied, a0[::-1], w0[::-1]), together[::-1])
    assert [bool(learns(tied, a0[i], w0[i])) for i in range(40)] == together[:40].tolist()


def test_edges():
    w0 = np.array([[-0.6, 0.8]])
    r = float(np.linalg.norm(w0))
    starts_and_lrr = [(-r, False), (np.nextafter(-r, 0), True), (np.nextafter(-r, -2), False), (0.0, True)]
    for a0, verdict in starts_and_lrr:
        assert learns("LRR", a0, w0[0]) == verdict
    assert not learns("LRR", 1.0, [-1.0, 0.0])
    assert learns("LRR", 1.0, [-1.0, 1e-12])
    assert not learns("LRR", 1.0, [0.0, 0.0])
    assert not learns("IMP", -0.5, [0.5, 0.5])  # a0 = −w_1
    assert learns("LRR", -0.5, [0.5, 0.5])
    assert learns("IMP", np.nextafter(-0.5, 0), [0.5, 0.5])
    assert not learns("IMP", 1.0, [0.0, 0.5])
    assert learns("LRR", 0.0, [0.0, 1.0])
    assert not learns("LRR", -3.0, [1.0, 0.0])
    assert not learns("LRR", -1.0, [1.0, 0.0])


@pytest.mark.parametrize("d", [1, 3])
def test_shapes(d):
    a0, w0 = np.ones((4, 1)), np.full((5, d), 0.5)
    found = learns("LRR", a0, w0)
    assert found.shape == (4, 5)
    assert found.dtype == bool
    assert found.all()
    assert learns("IMP", 1.0, w0[0]).shape == ()
    assert learns("IMP", np.zeros(0), np.zeros((0, d))).shape == (0,)
    noisy = Branches(0.5, np.ones((4, 1)), 0.5, 0.0)
    assert learns("IMP", a0, w0, branches=noisy).shape == (4, 5)


@pytest.mark.parametrize("t", [3.0, 20.0])
def test_a_finite_time_for_lrr_is_rewinding_to_that_time(t):
    a0, w0 = starts("bounded", 3, 300)
    keeps = learns("LRR", a0, w0, t=t)
    assert not (keeps & ~learns(WR(time=t), a0, w0)).any()
    assert not (learns("dense", a0, w0, t=t) & ~learns("dense", a0, w0)).any()


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (lambda: learns("IPM", 1.0, [1.0]), "Did you mean 'IMP'"),
        (lambda: learns("IMP", np.nan, [1.0]), "not nan"),
        (lambda: learns("IMP", 1.0, [np.inf, 1.0]), "not inf"),
        (lambda: learns("IMP", 1.0, 1.0), r"\(\)"),
        (lambda: learns("IMP", 1.0, np.zeros((3, 0))), r"\(3, 0\)"),
        (lambda: learns("IMP", np.ones(3), np.ones((4, 2))), r"\(3,\) does not fit w0 of shape \(4, 2\)"),
        (lambda: learns("IMP", 1.0, [1.0], t=-1.0), "not -1.0"),
        (lambda: learns("IMP", 1.0, [1.0], t=np.nan), "not nan"),
        (lambda: learns("random", 1.0, [1.0, 1.0]), "give the mask"),
        (lambda: learns(Algorithm("x", Rewind(sign="random")), 1.0, [1.0, 1.0]), "random signs"),
        (lambda: learns(Algorithm("x", Rewind(sign="random")), 1.0, [1.0, 1.0], mask=[True, False]), "random signs"),
        (lambda: learns(Algorithm("x", Rewind("reinit")), 1.0, [1.0, 1.0]), "random magnitudes"),
        (lambda: learns(Algorithm("x", Rewind("reshuffle"), count=2), 1.0, [1.0, 1.0]), "random magnitudes"),
        (lambda: learns(Algorithm("x", Rewind("reshuffle")), 1.0, [1.0, 1.0], mask=[True, True]), "random magnitudes"),
        (lambda: learns("IMP", 1.0, [1.0, 1.0], mask=[1, 0]), "not of int"),
        (lambda: learns("WR(step=3)", 1.0, [1.0, 1.0]), "units of step"),
        (lambda: learns("WR(time=3)", 1.0, [1.0, 1.0], t=2.0), "behind the end"),
        (lambda: learns("IMP", 1.0, [1.0], branches=(1, 2, 3)), r"\(1, 2, 3\)"),
        (lambda: learns("IMP", 1.0, [1.0], branches=Branches(0.5, np.nan, 0.5, 0.0)), "without NaN"),
        (lambda: learns("IMP", 1.0, [1.0], branches=Branches(-0.5, 1.0, 0.5, 0.0)), "s± ≥ 0"),
        (lambda: learns("IMP", 1.0, [1.0], branches=Branches(0.5, np.ones(3), 0.5, 0.0)), "shape"),
    ],
)
def test_bad_input_gets_one_sentence(call, shown):
    with pytest.raises(ValueError, match=shown) as error:
        call()
    assert "\n" not in str(error.value)
