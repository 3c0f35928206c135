"""How many pairs separate a difference: known tables, an independent integration, SciPy's noncentral t, and what is wrong."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from deep.power import pairs_needed, power

TABLE = {0.2: 199, 0.3: 90, 0.5: 34, 0.8: 15, 1.0: 10, 1.2: 8, 1.5: 6, 2.0: 5}
"""Pairs for a difference of so many sd, 80 % at 5 % two-sided, as the usual tables of the paired t test have them."""


def integrated(n: int, effect: float, alpha: float = 0.05) -> float:
    """P(|mean| > c·S/√n) by adaptive quadrature over the sample sd S in another variable, u = log S."""
    c, delta = stats.t.ppf(1 - alpha / 2, n - 1), effect * math.sqrt(n)

    def integrand(u: float) -> float:
        s = math.exp(u)
        density = stats.chi2.logpdf((n - 1) * s * s, n - 1) + math.log(2 * (n - 1)) + 2 * u
        return (stats.norm.sf(c * s - delta) + stats.norm.cdf(-c * s - delta)) * math.exp(density)

    centre = math.log(delta / c)
    ends = sorted({-25.0, 2.0, *(min(max(x, -25.0), 2.0) for x in (centre - 1, centre, centre + 1, -0.3, 0.3))})
    return sum(integrate.quad(integrand, a, b, limit=200)[0] for a, b in pairwise(ends))


@pytest.mark.parametrize(("effect", "n"), TABLE.items())
def test_the_usual_table(effect, n):
    assert pairs_needed(1 / effect, difference=1.0) == n
    assert pairs_needed(0.01 / effect) == n  # of one percentage point


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 20, 200])
@pytest.mark.parametrize("effect", [0.05, 0.5, 1.0, 3.0, 20.0])
def test_power_agrees_with_another_integration(n, effect):
    assert power(n, effect, 1.0) == pytest.approx(integrated(n, effect), abs=2e-8)


def test_power_agrees_with_scipy_where_that_has_a_number():
    compared = 0
    for n in (2, 3, 5, 10, 34, 1000):
        for effect in np.geomspace(0.01, 3, 12):
            delta = effect * math.sqrt(n)
            c = stats.t.ppf(0.975, n - 1)
            theirs = stats.nct.sf(c, n - 1, delta) + stats.nct.sf(c, n - 1, -delta)
            if np.isfinite(theirs):
                compared += 1
                assert power(n, effect, 1.0) == pytest.approx(theirs, abs=1e-8)
    assert compared > 50


def test_closed_forms():
    assert power(5, 1e-9, 1.0, alpha=0.03) == pytest.approx(0.03)  # no difference: found as often as the level says
    assert power(2, 1.0, 0.0) == power(2, 1.0, 1e-12) == 1
    for effect in (0.3, 1.0, 4.0):  # two pairs: S = |Z'|, an integral over two normals is one over an angle
        c, delta = stats.t.ppf(0.975, 1), effect * math.sqrt(2)

        def found(phi: float, c: float = c, delta: float = delta) -> float:
            """Mass of (Z, Z') with Z + δ > c·|Z'|, or < −c·|Z'|, along one direction from the tip of the two cones."""
            a, b = math.cos(phi) * delta, math.sin(phi) * delta  # the centre, seen from the tip
            return (
                math.exp(-(b**2) / 2)
                / math.sqrt(2 * math.pi)
                * (math.exp(-(a**2) / 2) / math.sqrt(2 * math.pi) + a * stats.norm.cdf(a))
            )

        half = math.atan(1 / c)
        both = sum(integrate.quad(found, centre - half, centre + half)[0] for centre in (0.0, math.pi))
        assert power(2, effect, 1.0) == pytest.approx(both, abs=1e-9)


@given(st.floats(1e-3, 1.0), st.floats(1e-3, 0.1), st.sampled_from([0.5, 0.8, 0.95]), st.sampled_from([0.01, 0.05, 0.1]))
@settings(max_examples=60, deadline=None)
def test_the_number_is_the_smallest_one(sd, difference, probability, alpha):
    n = pairs_needed(sd, difference, probability, alpha)
    assert power(n, difference, sd, alpha) >= probability
    assert n == 2 or power(n - 1, difference, sd, alpha) < probability


def test_the_normal_approximation_is_another_number():
    """Negative control: with z in place of t, a study of few pairs would be too small."""
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    normal = {effect: max(2, math.ceil((z / effect) ** 2)) for effect in TABLE}
    assert all(normal[effect] < n for effect, n in TABLE.items())
    assert normal[1.0] == 8
    assert power(8, 1.0, 1.0) < 0.7


def test_far_away():
    assert pairs_needed(0.0) == 2
    n = pairs_needed(30.0)
    assert n == pytest.approx(((1.959964 + 0.841621) * 3000) ** 2, rel=1e-5)


@pytest.mark.parametrize(
    ("words", "given_"),
    [
        ("sd of paired differences .* not -1", {"sd": -1}),
        ("not nan", {"sd": math.nan}),
        ("above 0, not 0", {"sd": 1.0, "difference": 0}),
        ("not at 1", {"sd": 1.0, "probability": 1}),
        ("alpha=0.9", {"sd": 1.0, "alpha": 0.9}),
    ],
)
def test_bad_numbers(words, given_):
    with pytest.raises(ValueError, match=words):
        pairs_needed(**given_)
