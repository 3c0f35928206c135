"""Masks, restarts and success probabilities against formulas of the criteria on exact limits, and against integrals; quick."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi, norm

from theory.algorithms import LRR, WR, Algorithm, At, Rewind
from theory.basins import dense_basin, mean_cosine, sparse_basin
from theory.conditions import CONDITIONS, keeps, restart_condition, restarts, succeeds
from theory.criteria import CRITERIA, small_init_small_final
from theory.exact import ExactTrainer
from theory.initialisations import Balanced, Bounded, Gaussian
from theory.parts import restart_probability
from theory.probability import success_probability
from theory.times import escape_angle

INF = np.inf


def same(found, expected):
    assert np.allclose(found, expected, rtol=2e-12, atol=1e-14)


def limit(a0, w0):
    """(a, w) after the dense phase, infinitesimals included."""
    everything = {"w": np.ones(w0.shape, dtype=bool)}
    found = ExactTrainer(len(a0)).train({"a": a0, "w": w0}, everything, 0, frozenset(), Rewind())["final"]
    return found["a"], found["w"]


W0 = np.random.default_rng(11).normal(size=(400, 3)) * 0.9
A0 = np.random.default_rng(12).normal(size=400) * 1.3
EVEN = [
    [0.5, -0.5, 0.1],
    [-0.5, 0.5, 0.5],
    [0.5, 0.5, 0.5],
    [0.0, 0.5, 0.0],
    [-0.0, -0.5, 0.5],
    [-0.5, 0.25, 0.5],
    [0.0, -1.0, 2.0],
]
REWINDS = [
    Rewind(*parts)
    for parts in itertools.product(
        ("init", "final", "reinit", "reshuffle", "constant"), ("init", "final", "random"), ("init", "final")
    )
]


def shares(criterion, a0, w0):
    """The share of draws in which e_1 is kept, by the criterion's formula on the limit with its infinitesimals."""
    final = limit(a0, w0)[1]
    draws = np.zeros(w0.shape)  # the chance of a random score is that of a tie
    points = {"init": w0, "final": final, "random": draws}
    score = CRITERIA[criterion](*(points[p] for p in CRITERIA[criterion].needs)).astype(float)
    best = score == score.max(-1, keepdims=True)
    return best[:, 0] / best.sum(-1)


@pytest.mark.parametrize("criterion", CONDITIONS)
def test_conditions_are_the_formulas_on_the_limit(criterion):
    w0 = np.concatenate([W0, EVEN, EVEN])
    a0 = np.concatenate([A0, np.ones(7), -np.full(7, 3.0)])
    same(keeps(criterion, a0, w0), shares(criterion, a0, w0))
    assert (
        keeps(criterion, a0[:6].reshape(2, 3), w0[:6].reshape(2, 3, 3)).tolist()
        == keeps(criterion, a0[:6], w0[:6]).reshape(2, 3).tolist()
    )
    assert isinstance(keeps(criterion, 1.0, [0.5, 0.2]), float)


def restarted(rewind, a0, w0):
    """The share of restarts that learn, over every draw of a sign and of a weight."""
    final_a, final_w = limit(a0, w0)
    a = a0 if rewind.rest == "init" else final_a
    signs = {"init": [w0[:, 0] >= 0], "final": [final_w[:, 0] >= 0], "random": [True, False]}[rewind.sign]
    sizes = {"init": [w0[:, 0]], "reshuffle": [w0[:, 0]], "final": [final_w[:, 0]], "constant": [w0.std(-1)]}
    sizes = sizes.get(rewind.magnitude, list(w0.T))
    return np.mean([plus & (abs(m) > 0) & (a > -abs(m)) for plus in signs for m in sizes], axis=0)


@pytest.mark.parametrize("rewind", REWINDS, ids=lambda r: f"{r.magnitude}-{r.sign}-{r.rest}")
def test_restarts_are_the_sparse_basin(rewind):
    w0 = np.concatenate([W0, EVEN, EVEN, [[0.6, 0.0, 0.8]] * 2, [[-0.6, 0.8, 0.0]]])
    a0 = np.concatenate([A0, np.ones(7), -np.full(7, 3.0), [-1.0, -0.6, -1.0]])
    same(restarts(rewind, a0, w0), restarted(rewind, a0, w0))
    assert (
        restarts(rewind, a0[:6].reshape(2, 3), w0[:6].reshape(2, 3, 3)).tolist()
        == restarts(rewind, a0[:6], w0[:6]).reshape(2, 3).tolist()
    )
    for criterion in ("movement", "random"):
        one = Algorithm("x", rewind, criterion, count=1)
        same(succeeds(one, a0, w0), keeps(criterion, a0, w0) * restarts(rewind, a0, w0))


def test_what_the_conditions_refuse():
    for a0, w0 in ((1.0, 1.0), (1.0, [1.0]), (1.0, [1.0, 0.0]), ([1.0, 1.0], [[1.0, 0.5], [1.0, 0.0]]), (INF, [1.0, 1.0]),
                   (1.0, [1.0, np.nan]), (np.ones(3), np.ones((4, 2)))):  # fmt: skip
        with pytest.raises(ValueError, match=r"w0|Initial values"):
            keeps("movement", a0, w0)
    for a0 in ([1.0, INF], [np.nan, 1.0]):
        with pytest.raises(ValueError, match="finite"):
            keeps("movement", a0, [[1.0, 0.5], [1.0, 0.5]])
    with pytest.raises(ValueError, match=r"d ≥ 2, not \(1,\)"):
        keeps("movement", 1.0, [1.0])
    assert keeps("movement", 1.0, [[-0.5, 0.2, 0.1]]).shape == (1,)
    for algorithm in (Algorithm("x", count=2), Algorithm("x", prunings=0), Algorithm("x", fraction=0.5)):
        with pytest.raises(ValueError, match="'x'"):
            succeeds(algorithm, 1.0, [1.0, 1.0])
    assert succeeds(Algorithm("x"), 1.0, [1.0, 1.0]) == succeeds("IMP", 1.0, [1.0, 1.0]) == 1
    with pytest.raises(ValueError, match="depends on the flow"):
        restarts(Rewind(At(1)), 1.0, [1.0, 1.0])


def test_the_words_of_the_restarts():
    words = {(r.magnitude, r.sign, r.rest): restart_condition(r) for r in REWINDS}
    assert words["init", "init", "init"] == "a0 > −W and w_01 > 0"
    assert words["final", "random", "init"] == "in D and a0 > −m and a draw of one in 2"
    assert words["final", "final", "final"] == words["init", "final", "final"] == "in D"
    assert words["reinit", "init", "final"] == "(in D or a0² < ‖w0‖² + |w_0J|²) and w_01 > 0 (J uniform on 1…d)"
    assert words["constant", "final", "init"] == "a0 > −s (s the standard deviation of w0)"
    assert restart_condition(Rewind(At(1), At(1), At(1))) == "(a, w_1) at step=1 has w_1 > 0 and a > −w_1"


LAWS = [Balanced(), Bounded(), Gaussian(), Gaussian(sigma_w=0.5, sigma_a=2.0), Gaussian(sigma_w=None, sigma_a=0.6)]


def basins(law, d):
    """P(D), P(B) as integrals over ‖w0‖, over w_1 or over the angle."""
    if isinstance(law, Gaussian):
        width = 1 / np.sqrt(d) if law.sigma_w is None else law.sigma_w
        on_sphere = quad(lambda r: chi.pdf(r, d) * norm.cdf(width * r / law.sigma_a), 0, 20, limit=200)[0]
        return on_sphere, quad(lambda x: norm.pdf(x) * norm.cdf(width * x / law.sigma_a), 0, 20, limit=200)[0]
    cosine = 1.0
    if d > 1:
        around = [quad(lambda u, k=k: np.sin(u) ** (d - 2) * np.cos(u) ** k, 0, np.pi / 2)[0] for k in (0, 1)]
        cosine = around[1] / around[0]
    return (0.5, 0.25) if isinstance(law, Balanced) else (1.0, (1 + cosine) / 4)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.spec)
def test_success_probabilities(law):
    d = np.array([1, 2, 3, 10])
    inside, on_axis = np.array([basins(law, int(n)) for n in d]).T
    assert np.allclose(dense_basin(law, d[1:]), inside[1:], rtol=1e-10)
    assert np.allclose(sparse_basin(law, d), on_axis, rtol=1e-10)
    inside[0] = on_axis[0]  # with one input D is B
    half = np.where(d == 1, on_axis, inside / 2)
    twice = np.where(d == 1, on_axis, 2 * on_axis)
    known = {"IMP": on_axis, "random": on_axis / d, "learned-signs": twice, "initial-signs": half}
    for name, expected in (known | dict.fromkeys(("LRR", "dense", "fine-tuning"), inside)).items():
        assert np.allclose(success_probability(name, law, d), expected, rtol=1e-10), name
    stuck = np.where((d == 1) & (law == Balanced()), 0, (0.5 - on_axis) / 2)
    for name, expected in (("IMP", on_axis + stuck), ("LRR", inside + stuck * (d == 1)), ("dense", inside + stuck * (d == 1))):
        assert np.allclose(success_probability(name, law, d, noise=True), expected, rtol=1e-10), name
    assert np.allclose(success_probability("random", law, d, noise=True), (on_axis + stuck) / d, rtol=1e-10)
    assert np.allclose(success_probability(WR(time=0), law, d), on_axis, rtol=1e-10)
    assert success_probability("IMP", law, [[1, 2], [3, 10]]).shape == (2, 2)


def test_weight_rewinding_and_cosines():
    for t, d in itertools.product((0.5, 2.0, 20.0), (2, 3, 10)):
        edge = escape_angle(t)
        below, all_ = (quad(lambda u, d=d: np.sin(u) ** (d - 2), 0, end)[0] for end in (edge, np.pi))
        assert success_probability(WR(time=t), "balanced", d) == pytest.approx(below / all_ / 2, rel=1e-10)
    for d in (2, 3, 10):
        around = [quad(lambda u, k=k, d=d: np.sin(u) ** (d - 2) * np.cos(u) ** k, 0, np.pi / 2)[0] for k in (0, 1)]
        assert mean_cosine(d) == pytest.approx(around[1] / around[0], rel=1e-10)
    assert mean_cosine(1) == pytest.approx(1)


MOVEMENT = Algorithm("x", criterion="movement")
UNKNOWN_TO_T5 = Rewind("final", "final", "init")


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.spec)
def test_which_formula_answers(law):
    """T5 where it holds; ``parts`` for other criteria and restarts; without pruning neither criterion nor restart matters."""
    d = np.array([[2, 3]])
    for algorithm in (MOVEMENT, Algorithm("x", UNKNOWN_TO_T5), Algorithm("x", criterion="movement", prunings=1)):
        expected = [[restart_probability(str(algorithm.criterion), algorithm.rewind, law, n).value for n in (2, 3)]]
        same(success_probability(algorithm, law, d), expected)
    on_axis = sparse_basin(law, d)
    same(success_probability(Algorithm("x", prunings=1), law, d), on_axis)
    same(success_probability(Algorithm("x", criterion="random", prunings=1), law, d), on_axis / d)
    same(success_probability(Algorithm("x", criterion="large_init_large_final"), law, d), on_axis)
    same(success_probability(Algorithm("x", prunings=1), law, d, noise=True), (on_axis + 0.5) / 2)
    for criterion, rewind in (("movement", Rewind()), ("random", LRR.rewind), ("large_final", Rewind())):
        dense = Algorithm("x", rewind, criterion, prunings=0)
        same(success_probability(dense, law, d), dense_basin(law, d))
        same(success_probability(dense, law, d, noise=True), dense_basin(law, d))
    for algorithm in (MOVEMENT, WR(time=1.0)):
        assert success_probability(algorithm, law, 1) == sparse_basin(law, np.array(1))
    both = np.array([1, 3])
    same(success_probability(MOVEMENT, law, both)[0], sparse_basin(law, both)[0])
    if law == Balanced():
        same(success_probability(WR(time=1.0), law, both), [0.25, float(success_probability(WR(time=1.0), law, 3))])


@pytest.mark.parametrize("d", [0, 0.5, 2.5, -1, [2, -1], [2, 2.5], [0, 2], "many", [-2.0, 3.0]])
def test_a_number_of_inputs_is_whole(d):
    with pytest.raises(ValueError, match="whole number"):
        success_probability("IMP", "balanced", d)


@pytest.mark.parametrize(
    ("algorithm", "law", "d", "noise", "shown"),
    [
        (Algorithm("x", UNKNOWN_TO_T5), "gaussian", 1, False, "d ≥ 2 inputs, not for 1"),
        (Algorithm("x", UNKNOWN_TO_T5), "gaussian", 2, True, "final, final, init"),
        (Algorithm("x", Rewind(At(1, "time"), At(2, "time"), At(1, "time"))), "balanced", 2, False, "At, At, At"),
        (Algorithm("x", Rewind(At(1, "time"), At(1, "time"), At(2, "time"))), "balanced", 2, False, "At, At, At"),
        (Algorithm("x", Rewind(At(1, "time"), "init", "init")), "balanced", 2, False, "At, init, init"),
        (MOVEMENT, "balanced", 2, True, "'movement'"),
        (Algorithm("x", count=2), "balanced", 2, False, "own amount"),
        (Algorithm("x", criterion="movement", fraction=0.5), "balanced", 2, False, "own amount"),
        (Algorithm("x", criterion=small_init_small_final(2.0)), "balanced", 2, False, "small_init_small_final"),
        (WR(time=1.0), "gaussian", 2, False, "balanced starts only"),
        ("learned-signs", "balanced", 3, True, "with label noise"),
        ("initial-signs", "balanced", 3, True, "with label noise"),
    ],
)
def test_what_has_no_probability(algorithm, law, d, noise, shown):
    with pytest.raises(ValueError, match=shown):
        success_probability(algorithm, law, d, noise=noise)
