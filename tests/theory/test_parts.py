"""T8, T9: probabilities put together from regions, against other integrals, symmetries and quasi-random points."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, qmc

from theory import parts
from theory.algorithms import IMP, INITIAL_SIGNS, LEARNED_SIGNS, LRR, Algorithm, At, Rewind
from theory.conditions import CONDITIONS, keeps, restarts
from theory.initialisations import Balanced, Bounded, Gaussian
from theory.parts import PARTS, restart_probability
from theory.probability import success_probability
from theory.quadrature import integral

LAWS = [Balanced(), Bounded(), Gaussian(), Gaussian(sigma_w=0.4, sigma_a=2.0)]
REWINDS = [Rewind(*p) for p in itertools.product(("init", "final"), ("init", "final", "random"), ("init", "final"))]
POINTS = 2**16


def quasi_random(law, d):
    """Points of a scrambled Sobol sequence with the law of the starts."""
    u = qmc.Sobol(d + 1, seed=1).random(POINTS)
    sigma = 1 / np.sqrt(d) if law.sigma_w is None else law.sigma_w
    w0 = sigma * norm.ppf(u[:, 1:])
    r = np.linalg.norm(w0, axis=-1)
    if isinstance(law, Gaussian):
        return law.sigma_a * norm.ppf(u[:, 0]), w0
    return (2 * u[:, 0] - 1 if isinstance(law, Bounded) else np.where(u[:, 0] < 0.5, -1, 1)) * r, w0


@pytest.mark.parametrize(("law", "d"), [*((law, 2) for law in LAWS), (Bounded(), 3), (Gaussian(), 3)], ids=str)
def test_equals_the_conditions_on_quasi_random_points(law, d):
    """An integral over all d + 1 numbers, which knows nothing of order statistics: every criterion, every restart."""
    a0, w0 = quasi_random(law, d)
    kept = {criterion: keeps(criterion, a0, w0) for criterion in CONDITIONS}
    chance = {rewind: restarts(rewind, a0, w0) for rewind in REWINDS}
    for criterion, rewind in itertools.product(CONDITIONS, REWINDS):
        found = restart_probability(criterion, rewind, law, d)
        assert found.value == pytest.approx((kept[criterion] * chance[rewind]).mean(), abs=1e-3), (criterion, rewind)
        assert found.error < 1e-6


def test_regions_stand_for_every_condition():
    assert set(PARTS) == set(CONDITIONS)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.spec)
@pytest.mark.parametrize("d", [2, 10, 100])
def test_equals_the_closed_forms_of_t5(law, d):
    for algorithm in (IMP, LRR, LEARNED_SIGNS, INITIAL_SIGNS):
        for criterion in ("large_final", "large_init_large_final", "random"):
            found = restart_probability(criterion, algorithm.rewind, law, d)
            expected = success_probability(Algorithm("x", algorithm.rewind, criterion), law, d)
            assert found == (pytest.approx(float(expected), abs=1e-14), "closed form", 0.0)


def over(f, points):
    return sum(quad(f, low, high, epsabs=1e-13, limit=200)[0] for low, high in itertools.pairwise(points))


@pytest.mark.parametrize("d", [2, 10, 100])
@pytest.mark.parametrize("sigma", [None, 1.0, 3.0])
def test_balanced_starts_by_integrals_over_one_weight(d, sigma):
    """m = 1 and a0 > 0: what is left is one integral over w_01."""
    law, scale = Balanced(sigma), 1 / np.sqrt(d) if sigma is None else sigma

    def below(x):
        return (2 * norm.cdf(np.abs(x) / scale) - 1) ** (d - 1)

    def beyond(x):
        return np.where(x > 0, 2 * norm.sf(x / scale), 1.0) ** (d - 1)

    def density(x):
        return norm.pdf(x / scale) / scale

    edges = [0, *sorted(e for e in (1, 1 + scale / d, 1 + scale, 2, scale) if e < 10 * scale), 10 * scale]
    grow = over(lambda x: density(x) * beyond(x - 1), edges)
    small = over(lambda x: density(x) * beyond(max(x, 1)), edges)
    ahead, back = (over(lambda x, s=s: density(x) * below(1 - s * x), edges) for s in (1, -1))
    for rewind, (plus, minus) in ((LRR.rewind, (1, 1)), (IMP.rewind, (1, 0)), (Rewind(sign="random"), (0.5, 0.5))):
        expected = {
            "magnitude_increase": (plus + minus) * grow / 2,
            "small_init_small_final": (plus + minus) * small / 2,
            "movement": (plus * ahead + minus * back) / 2,
            "magnitude_increase_same_sign": (plus * grow + minus / 2) / 2,
        }
        for criterion, value in expected.items():
            assert restart_probability(criterion, rewind, law, d).value == pytest.approx(value, abs=1e-8), criterion


@pytest.mark.parametrize("d", [2, 10, 100])
def test_equal_scales_make_the_outer_weight_one_of_the_others(d):
    """σ_a = σ_w: one of d + 1 numbers of one law, so P(W < μ, W < |a0|) = 1/(d + 1) and P(|a0| > W > M) = 1/(d(d + 1))."""
    for criterion, lost in (("small_init", 1 / (d + 1)), ("large_init", 1 / (d * (d + 1)))):
        found = restart_probability(criterion, IMP.rewind, Gaussian(), d)
        assert found.value == pytest.approx((1 / d - lost / 2) / 2, abs=1e-9)
        assert found.kind == "quadrature"


@pytest.mark.parametrize("law", LAWS[1:], ids=lambda law: law.spec)
def test_regions_that_exclude_one_another_sum_to_all(law):
    """m > y and m < y with the same y and order of W and q; the sum over "W > q" and "W < q"."""
    d = 4
    for limit in ("W", "m", "r"):
        whole = integral(law, d, parts.Part(), limit)
        split = [integral(law, d, parts.Part(stat, order), limit) for stat in ("min", "max") for order in ("W > q", "W < q")]
        assert split[0] + split[1] == pytest.approx(whole, abs=1e-7)
        assert split[2] + split[3] == pytest.approx(whole, abs=1e-7)
        little = parts.MOVED_LITTLE
        both = integral(law, d, little, limit) + integral(law, d, little._replace(bound="m > y"), limit)
        assert both == pytest.approx(split[2], abs=1e-7)


def test_limits_of_the_scales():
    """Tiny weights: every criterion that looks for growth finds e_1. Huge ones: m/σ_w → 0, and e_1 is one of d."""
    tiny, huge = Balanced(1e-3), Balanced(1e3)
    assert restart_probability("magnitude_increase", LRR.rewind, tiny, 5).value == pytest.approx(0.5, abs=1e-9)
    assert restart_probability("movement", LRR.rewind, tiny, 5).value == pytest.approx(0.5, abs=1e-9)
    assert restart_probability("magnitude_increase", LRR.rewind, huge, 5).value == pytest.approx(0.1, abs=2e-3)
    assert restart_probability("movement", LRR.rewind, huge, 5).value == pytest.approx(0.1, abs=2e-3)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.spec)
def test_mask_one_actions(law):
    """T9: unsigned reinit does as well as rewind; a constant, by its own integral over quasi-random points."""
    a0, w0 = quasi_random(law, 3)
    for criterion in ("large_final", "large_final_diff_sign", "movement_diff_sign", "random"):
        for sign, rest in itertools.product(("init", "final", "random"), ("init", "final")):
            rewound = restart_probability(criterion, Rewind("init", sign, rest), law, 3).value
            for magnitude in ("reinit", "reshuffle"):
                assert restart_probability(criterion, Rewind(magnitude, sign, rest), law, 3).value == rewound
            constant = Rewind("constant", sign, rest)
            points = (keeps(criterion, a0, w0) * restarts(constant, a0, w0)).mean()
            assert restart_probability(criterion, constant, law, 3).value == pytest.approx(points, abs=1e-3)


def test_what_is_known_by_simulation_only():
    for magnitude, law in itertools.product(("reinit", "constant"), (Bounded(), Gaussian())):
        with pytest.raises(ValueError, match="simulation only"):
            restart_probability("movement", Rewind(magnitude), law, 3)
    with pytest.raises(ValueError, match="simulation only"):
        restart_probability("small_init", Rewind("reinit", "random", "final"), Gaussian(), 3)
    assert restart_probability("movement", Rewind("reinit", "random", "final"), Bounded(), 3).error < 1e-6
    with pytest.raises(ValueError, match="'gradient'"):
        restart_probability("gradient", Rewind(), Balanced(), 3)
    with pytest.raises(ValueError, match="step=1"):
        restart_probability("movement", Rewind(At(1)), Balanced(), 3)
