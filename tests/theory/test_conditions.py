"""T8, T9: the conditions against the loop over the exact maps, start by start, inside the basin and outside."""

import itertools
import math

import numpy as np
import pytest

from theory.algorithms import Algorithm, At, Borrowed, Level, Rewind, levels
from theory.conditions import CONDITIONS, keeps, restart_condition, restarts, succeeds
from theory.criteria import CRITERIA, small_init_small_final
from theory.exact import ExactTrainer, learned, learns
from theory.initialisations import initialisation

INITS = ("balanced", "bounded", "gaussian", "gaussian(sigma_w=0.4, sigma_a=2.0)")
MAGNITUDES, SIGNS, RESTS = ("init", "final", "reinit", "reshuffle", "constant"), ("init", "final", "random"), ("init", "final")
REWINDS = [Rewind(*parts) for parts in itertools.product(MAGNITUDES, SIGNS, RESTS)]
CERTAIN = [r for r in REWINDS if r.sign != "random" and r.magnitude != "reinit"]
TRIALS = 12_000


def starts(init, d, trials=TRIALS, seed=5):
    return initialisation(init).sample(np.random.default_rng((seed, d)), d, trials)


def dense(a0, w0, seed=0):
    """The trainer and level 0, which every criterion and every rewind share."""
    trainer = ExactTrainer(a0.size, keys=np.random.default_rng(seed).integers(0, 2**63, a0.size, dtype=np.uint64))
    start, everything = {"a": a0, "w": w0}, {"w": np.ones(w0.shape, dtype=bool)}
    return trainer, next(iter(levels(Algorithm("dense", count=1), trainer, start, everything, 0)))


def mask(criterion, trainer, level):
    return Algorithm("x", criterion=criterion, count=1).prune(level.points, level.mask, 1, trainer)


def after(rewind, given, trainer, level):
    """Has the restart on a given mask learned, by the loop?"""
    (last,) = levels(Borrowed("x", rewind, given=given), trainer, level.start, level.mask, 1, level)
    return learned(last.points["final"], last.mask["w"])


def binomial(hits, p, n):
    """Within five standard errors."""
    return abs(hits - n * p) <= 5 * math.sqrt(n * p * (1 - p)) + 1e-9


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("d", [2, 3, 10])
def test_the_mask_keeps_what_the_condition_says(init, d):
    a0, w0 = starts(init, d)
    trainer, level = dense(a0, w0)
    assert set(CONDITIONS) == set(CRITERIA)
    for criterion in CONDITIONS:
        expected, found = keeps(criterion, a0, w0), mask(criterion, trainer, level)["w"][:, 0]
        certain = (expected == 0) | (expected == 1)
        assert np.array_equal(found[certain], expected[certain] == 1), criterion
        assert np.isin(expected[~certain], [1 / d]).all(), criterion
        assert binomial(found[~certain].sum(), 1 / d, (~certain).sum()), criterion


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("d", [2, 5])
def test_the_restart_learns_where_the_condition_says(init, d):
    """Given e_1 in the mask; drawn signs and magnitudes agree in their frequencies, all others start by start."""
    a0, w0 = starts(init, d)
    trainer, level = dense(a0, w0)
    given = {"w": np.broadcast_to(np.arange(d) == 0, w0.shape)}
    for rewind in REWINDS:
        expected, found = restarts(rewind, a0, w0), after(rewind, given, trainer, level)
        certain = (expected == 0) | (expected == 1)
        assert np.array_equal(found[certain], expected[certain] == 1), rewind
        for p in np.unique(expected[~certain]):
            assert binomial(found[expected == p].sum(), p, (expected == p).sum()), (rewind, p)


@pytest.mark.parametrize("init", INITS)
def test_whole_algorithms_equal_learns(init):
    """Every criterion with every restart that is not drawn, through ``learns`` itself."""
    a0, w0 = starts(init, 4, 1500)
    for criterion, rewind in itertools.product(set(CONDITIONS) - {"random"}, CERTAIN):
        algorithm = Algorithm("x", rewind, criterion)
        expected, found = succeeds(algorithm, a0, w0), learns(algorithm, a0, w0)
        certain = (expected == 0) | (expected == 1)
        assert np.array_equal(found[certain], expected[certain] == 1), algorithm


def test_both_sides_of_every_condition_are_met():
    """Negative control: but for "always", "never" and ties, each condition separates starts, in D and outside."""
    a0, w0 = starts("gaussian(sigma_w=0.4, sigma_a=2.0)", 3)
    inside = a0 > -np.linalg.norm(w0, axis=-1)
    for name, condition in CONDITIONS.items():
        kept = keeps(name, a0, w0)
        for words, region in ((condition.inside, inside), (condition.outside, ~inside)):
            assert (len(np.unique(kept[region])) == 1) == (words in ("always", "never", "one in d", "W > 0")), name


def test_conditions_that_are_nearly_right_are_refused():
    """Mutations: the tie of zeros at T = ∞ for large_final_same_sign, the lower bound on m left out, D instead of a0 > −W."""
    a0, w0 = starts("gaussian", 5)
    trainer, level = dense(a0, w0)
    kept = mask("large_final_same_sign", trainer, level)["w"][:, 0]
    assert not kept[(w0[:, 0] < 0) & (a0 > 0)].any()
    given = {"w": np.broadcast_to(np.arange(5) == 0, w0.shape)}
    found = after(Rewind(), given, trainer, level)
    assert not np.array_equal(found, w0[:, 0] > 0)
    assert not np.array_equal(found, (w0[:, 0] > 0) & (a0 > -np.linalg.norm(w0, axis=-1)))
    assert np.array_equal(found, (w0[:, 0] > 0) & (a0 > -w0[:, 0]))


def test_the_final_a_rescues_starts_outside_the_basin():
    """a_s = −√c > −m iff a0² < ‖w0‖² + m²: a rewound w_1 > 0 with the learned a succeeds where the dense flow dies."""
    rewind = Rewind("init", "init", "final")
    assert restarts(rewind, -1.0, [0.6, 0.8]) == 1
    assert learns(Algorithm("x", rewind), -1.0, [0.6, 0.8])
    edge = math.sqrt(1.36)
    for a0, verdict in ((-edge * (1 - 1e-9), True), (-edge * (1 + 1e-9), False)):
        assert restarts(rewind, a0, [0.6, 0.8]) == verdict
        assert learns(Algorithm("x", rewind), a0, [0.6, 0.8]) == verdict
    assert not learns("LRR", -1.0, [0.6, 0.8])
    assert not learns("IMP", -1.0, [0.6, 0.8])


EQUAL = [
    ("large_init", 1.0, [0.5, -0.5, 0.1], 1 / 2),
    ("large_init", 1.0, [-0.5, 0.5, 0.5], 1 / 3),
    ("small_init", 1.0, [0.5, 0.5, 2.0], 1 / 2),
    ("large_init_large_final", 1.0, [0.0, 0.5, 0.1], 0),
    ("magnitude_increase_same_sign", 1.0, [-0.5, 0.5, 0.0], 1 / 2),
    ("magnitude_increase_diff_sign", -2.0, [0.0, 0.5, 0.1], 1),
    ("movement_diff_sign", 1.0, [0.3, 0.5, 0.1], 1 / 3),
    ("large_final_diff_sign", -2.0, [-0.3, 0.5, 0.1], 1 / 3),
]


@pytest.mark.parametrize(("criterion", "a0", "w0", "share"), EQUAL)
def test_exact_ties(criterion, a0, w0, share):
    """Equal scores fall to e_1 in its share of the draws."""
    n = 4000
    assert keeps(criterion, a0, w0) == pytest.approx(share)
    trainer, level = dense(np.full(n, a0), np.tile(np.array(w0), (n, 1)))
    assert binomial(mask(criterion, trainer, level)["w"][:, 0].sum(), share, n)


WORDS = {"|w_0J|": "wJ", "‖w0‖": "r", "w_01": "w1", "²": "**2", "−": "-", "in D": "D", " and ": ") & (", " or ": ") | ("}


@pytest.mark.parametrize("rewind", REWINDS, ids=lambda r: f"{r.magnitude}-{r.sign}-{r.rest}")
def test_the_words_of_a_restart_are_its_function(rewind):
    """The sentence, read as Python on the quantities that it names, is the function."""
    a0, w0 = starts("gaussian(sigma_w=0.4, sigma_a=2.0)", 3, 2000)
    r, c = np.linalg.norm(w0, axis=-1), a0**2 - (w0**2).sum(-1)
    names = {"a0": a0, "D": a0 > -r, "w1": w0[:, 0], "W": abs(w0[:, 0]), "s": w0.std(-1), "r": r}
    names["m"] = np.sqrt(2 / (c + np.sqrt(c * c + 4)))
    words = restart_condition(rewind).split(" (J")[0].split(" (s the")[0]
    share = 0.5 if words.endswith(" and a draw of one in 2") else 1
    words = words.removesuffix(" and a draw of one in 2")
    for old, new in WORDS.items():
        words = words.replace(old, new)
    told = [eval(f"({words})", {"__builtins__": {}}, names | {"wJ": abs(w0[:, j])}) for j in range(3)]
    assert np.allclose(share * np.mean(told, axis=0), restarts(rewind, a0, w0))


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (lambda: keeps("largest", 1.0, [1.0, 1.0]), "'largest'"),
        (lambda: keeps("movement", 1.0, [1.0]), r"\(1,\)"),
        (lambda: keeps("movement", np.nan, [1.0, 1.0]), "NaN"),
        (lambda: keeps("movement", 1.0, [1.0, 0.0]), "axis of e_1"),
        (lambda: keeps("movement", np.ones(3), np.ones((4, 2))), r"\(3,\) does not fit w0 of shape \(4, 2\)"),
        (lambda: restarts(Rewind(At(1)), 1.0, [1.0, 1.0]), "step=1 depends on the flow"),
        (lambda: succeeds(Algorithm("x", count=2), 1.0, [1.0, 1.0]), "'x'"),
        (lambda: succeeds(Algorithm("x", criterion=small_init_small_final(2.0)), 1.0, [1.0, 1.0]), "'x'"),
        (lambda: succeeds("dense", 1.0, [1.0, 1.0]), "'dense'"),
    ],
)
def test_bad_input_gets_one_sentence(call, shown):
    with pytest.raises(ValueError, match=shown):
        call()


def test_shapes():
    a0, w0 = np.ones((4, 1)), np.full((5, 3), 0.5)
    assert keeps("movement", a0, w0).shape == (4, 5)
    assert restarts(Rewind("reinit", "random"), a0, w0).shape == (4, 5)
    assert keeps("movement", 1.0, w0[0]).shape == ()
    assert isinstance(dense(np.ones(2), w0[:2])[1], Level)
