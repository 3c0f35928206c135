"""Sequences against Ville's bound, exactly: the law of the counts by recursion, misses absorbed as they come."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, multinomial

from simulate.sequences import PRIOR, STAKES, confidence_sequence, difference_sequence, running
from simulate.statistics import clopper_pearson

LEVELS = st.sampled_from([0.5, 0.9, 0.95, 0.999])


@cache
def intervals(horizon, of, *options):
    """(low, high) by n and hits."""
    n, k = (v[1:] for v in np.tril_indices(horizon + 1))
    ends = np.stack([np.zeros((horizon + 1,) * 2), np.ones((horizon + 1,) * 2)])
    ends[:, n, k] = of(k, n, *options)
    return ends


def misses(p, horizon, of, *options):
    """P(some n ≤ horizon has p outside the interval), looking after every trial, by recursion over (n, hits)."""
    low, high = intervals(horizon, of, *options)
    law = np.zeros(horizon + 1)
    law[0] = 1
    for step in range(1, horizon + 1):
        law[1:] = law[1:] * (1 - p) + law[:-1] * p
        law[0] *= 1 - p
        law *= (low[step] <= p) & (p <= high[step])
    return 1 - law.sum()


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("p", [0.001, 0.01, 0.1, 0.25, 0.5, 0.9])
def test_misses_at_any_of_500_looks_are_at_most_nominal(p, level):
    found = misses(p, 500, confidence_sequence, level)
    assert found <= 1 - level
    assert found > (1 - level) / 20 or p < 0.1


@pytest.mark.parametrize("concentration", [0.5, 2000.0])
def test_any_concentration_keeps_the_level(concentration):
    assert all(misses(p, 250, confidence_sequence, 0.9, concentration) <= 0.1 for p in (0.02, 0.3, 0.5))


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5])
def test_a_fixed_interval_looked_at_often_misses_too_often(p):
    assert misses(p, 500, clopper_pearson) > 0.15


def capital(k, n, p, rho=30.0):
    """The bettor's capital, one trial after another, hits first (the order does not matter)."""
    log, hits = 0.0, 0
    for i in range(n):
        predicted = (rho * p + hits) / (rho + i)
        hit = i < k
        log += math.log(predicted / p if hit else (1 - predicted) / (1 - p))
        hits += hit
    return math.exp(log)


@given(n=st.integers(1, 300), share=st.floats(0, 1), level=LEVELS)
@settings(deadline=None)
def test_ends_are_where_the_bettor_has_won(n, share, level):
    k = round(share * n)
    low, high = confidence_sequence(k, n, level)
    assert low <= k / n <= high
    assert low == 0 or k > 0
    assert high == 1 or k < n
    for end, out in ((low, -1), (high, 1)):
        if 0 < end < 1:
            assert capital(k, n, end + out * 1e-9) >= (1 - 1e-6) / (1 - level)
            assert capital(k, n, end - out * 1e-7) < 1 / (1 - level)


@pytest.mark.parametrize("p", [0.03, 0.5, 0.8])
def test_the_game_is_fair(p):
    k = np.arange(21)
    assert binom.pmf(k, 20, p) @ [capital(i, 20, p) for i in k] == pytest.approx(1, rel=1e-12)


@given(n=st.integers(0, 10**6), share=st.floats(0, 1), level=LEVELS)
@settings(deadline=None)
def test_mirrored_monotone_and_nested(n, share, level):
    k = round(share * n)
    low, high = confidence_sequence(k, n, level)
    mirrored = confidence_sequence(n - k, n, level)
    assert high == 1 - mirrored[0]
    assert low == pytest.approx(1 - mirrored[1], abs=1e-15)
    wider = confidence_sequence(k, n, (1 + level) / 2)
    assert wider[0] <= low
    assert high <= wider[1]
    if k < n:
        more = confidence_sequence(k + 1, n, level)
        assert low <= more[0]
        assert high <= more[1]


@pytest.mark.parametrize("p", [0.001, 0.01, 0.1, 0.25, 0.5, 0.9])
def test_at_most_twice_as_wide_as_the_fixed_interval_at_ten_thousand(p):
    k = round(1e4 * p)
    low, high = confidence_sequence(k, 10**4)
    fixed = clopper_pearson(k, 10**4)
    assert fixed[1] - fixed[0] < high - low <= 2 * (fixed[1] - fixed[0])


def test_shapes_broadcast():
    low, high = confidence_sequence([[1], [2]], [5, 10, 20])
    assert low.shape == high.shape == (2, 3)
    assert low[1, 2] == confidence_sequence(2, 20)[0]
    assert [float(x) for x in confidence_sequence(0, 0)] == [0, 1]
    assert [float(x) for x in difference_sequence(0, 0, 0)] == [-1, 1]


@cache
def paired_intervals(horizon, level):
    n, a, b = (v.ravel() for v in np.meshgrid(*[np.arange(horizon + 1)] * 3, indexing="ij"))
    valid = (a + b <= n) & (n > 0)
    ends = np.empty((2, *[horizon + 1] * 3))
    ends[:, n[valid], a[valid], b[valid]] = difference_sequence(a[valid], b[valid], n[valid], level)
    return ends


def paired_misses(cells, horizon, level):
    """P(some n ≤ horizon misses), by recursion over (n, first only, second only)."""
    x, y = cells
    low, high = paired_intervals(horizon, level)
    inside = (low <= x - y) & (x - y <= high)
    law = np.zeros((horizon + 1, horizon + 1))
    law[0, 0] = 1
    for step in range(1, horizon + 1):
        new = law * (1 - x - y)
        new[1:] += law[:-1] * x
        new[:, 1:] += law[:, :-1] * y
        law = new * inside[step]
    return 1 - law.sum()


@pytest.mark.parametrize("cells", [(0.2, 0.1), (0.45, 0.05), (0.1, 0.0), (0.5, 0.5), (0.95, 0.0), (0.0, 0.02)])
def test_difference_misses_at_any_look_at_most_nominal(cells):
    assert paired_misses(cells, 36, 0.9) <= 0.1
    assert paired_misses(cells, 36, 0.5) <= 0.5


def test_differences_are_missed_by_a_bettor_who_asks_for_less():
    """The recursion finds misses where there are too many: at the level that 1/α = 2 gives, not the stated one."""
    assert paired_misses((0.45, 0.05), 36, 0.5) > 0.05


@pytest.mark.parametrize(("x", "y"), [(0.2, 0.1), (0.5, 0.02), (0.03, 0.4)])
def test_the_game_on_differences_is_fair(x, y):
    n, delta = 12, x - y
    total = 0.0
    for a in range(n + 1):
        for b in range(n + 1 - a):
            factors = [
                (1 - f + 2 * f / (1 + delta)) ** a * (1 - f) ** b * (1 - f + f / (1 + delta)) ** (n - a - b) for f in STAKES
            ]
            total += multinomial.pmf([a, b, n - a - b], n, [x, y, 1 - x - y]) * np.average(factors, weights=PRIOR)
    assert total == pytest.approx(1, rel=1e-12)


@given(data=st.data(), n=st.integers(1, 5000), level=LEVELS)
@settings(deadline=None)
def test_differences_hold_the_estimate_and_mirror(data, n, level):
    a = data.draw(st.integers(0, n))
    b = data.draw(st.integers(0, n - a))
    low, high = difference_sequence(a, b, n, level)
    assert -1 <= low <= (a - b) / n <= high <= 1
    assert difference_sequence(b, a, n, level) == (-high, -low)
    wider = difference_sequence(a, b, n, (1 + level) / 2)
    assert wider[0] <= low
    assert high <= wider[1]
    if a + b < n:
        more = difference_sequence(a + 1, b, n, level)
        assert low <= more[0]
        assert high <= more[1]


@pytest.mark.parametrize("cells", [(0.25, 0.0), (0.3, 0.05), (0.2, 0.2), (0.01, 0.0), (0.005, 0.005)])
@pytest.mark.parametrize("n", [100, 10**4, 10**6])
def test_one_sequence_is_narrower_than_two(cells, n):
    counts = np.round(np.array(cells) * n)
    low, high = difference_sequence(*counts, n)
    lows, highs = confidence_sequence(counts, n, 0.975)
    assert high - low < (highs - lows).sum()


@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(0.5, 1)), min_size=1))
def test_running_intersections(intervals):
    low, high = running(*np.array(intervals).T)
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) <= 0).all()
    assert low[-1] == max(a for a, _ in intervals)
    assert high[-1] == min(b for _, b in intervals)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: confidence_sequence(5, 4), "5 of 4"),
        (lambda: confidence_sequence(-1, 4), "-1"),
        (lambda: confidence_sequence(1, 4, 1.0), r"1\.0"),
        (lambda: confidence_sequence(1, 4, concentration=0.0), r"0\.0"),
        (lambda: difference_sequence(3, 3, 5), "at most n"),
        (lambda: difference_sequence(3, 1, 5, 0.0), r"level"),
    ],
)
def test_refuses(call, text):
    with pytest.raises(ValueError, match=text):
        call()
