"""Paired intervals and control variates: coverage by exact enumeration, and the lemma that makes one number decide."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multinomial

from simulate.paired import _tail, controlled, paired_difference, paired_interval
from simulate.statistics import clopper_pearson

CELLS = [(0.2, 0.1), (0.45, 0.05), (0.02, 0.0), (0.5, 0.5), (0.6, 0.35), (0.25, 0.25), (1.0, 0.0), (0.3, 0.0), (0.01, 0.4)]


@cache
def intervals(n, level=0.95):
    """All counts of n trials (pairs, 2) and their intervals (pairs, 2)."""
    counts = np.array([(x, y) for x in range(n + 1) for y in range(n + 1 - x)])
    return counts, np.array([paired_interval(int(x), int(y), n, level) for x, y in counts])


def coverage(cells, n, level=0.95, of=intervals):
    counts, ends = of(n, level)
    law = multinomial.pmf(np.c_[counts, n - counts.sum(-1)], n, [*cells, 1 - sum(cells)])
    value = cells[0] - cells[1]
    return law[(ends[:, 0] <= value + 1e-12) & (value - 1e-12 <= ends[:, 1])].sum()


@pytest.mark.parametrize("n", [1, 12, 40])
@pytest.mark.parametrize("cells", CELLS)
def test_covers(cells, n):
    assert coverage(cells, n) >= 0.95 - 1e-12


def test_covers_over_the_whole_simplex():
    rng = np.random.default_rng(0)
    for level in (0.95, 0.6):
        worst = min(coverage(c[:2], 40, level) for c in rng.dirichlet([0.6, 0.6, 1], 400))
        assert worst >= level
    assert worst < 0.85  # not covering by being vast


def test_the_enumeration_finds_what_does_not_cover():
    def wald(n, level):
        counts = intervals(n, level)[0]
        a, b = counts.T / n
        half = 1.96 * np.sqrt((a + b - (a - b) ** 2) / n)
        return counts, np.c_[a - b - half, a - b + half]

    assert coverage((0.06, 0.0), 40, 0.95, wald) < 0.93


@given(n=st.integers(1, 2000), s=st.integers(-30, 30), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
@settings(deadline=None, max_examples=60)
def test_tail_is_that_of_the_sum(n, s, shares):
    n = min(n, 60)
    x, y = shares[0] * 0.5, shares[1] * 0.5
    law = np.ones(1)
    for _ in range(n):
        law = np.convolve(law, [y, 1 - x - y, x])
    exact = law[max(s + n, 0) :].sum() if s + n < len(law) else 0.0
    assert exact <= _tail(s, n, x, y) + 1e-13
    assert _tail(s, n, x, y) <= exact + 2e-8


@given(
    n=st.integers(2, 40), delta=st.floats(-1, 1), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)), above=st.integers(0, 10)
)
@settings(deadline=None)
def test_beyond_the_mean_a_tail_grows_with_the_discordance(n, delta, shares, above):
    """The lemma, for 2ψ ≤ 1 + δ² and s ≥ (n − 1)δ + 2."""
    top = (1 + delta**2) / 2
    psi = sorted(abs(delta) + share * (top - abs(delta)) for share in shares)
    s = int(np.ceil((n - 1) * delta + 2)) + above
    tails = [_tail(s, n, (p + delta) / 2, max((p - delta) / 2, 0.0)) for p in psi]
    assert tails[0] <= tails[1] + 1e-8


def test_the_lemma_needs_its_hypothesis():
    """With ψ near 1 the sum is odd or even, and the tail falls."""
    assert _tail(7, 10, 0.46, 0.46) > _tail(7, 10, 0.5, 0.5) + 0.002


@pytest.mark.parametrize("cells", [(0.25, 0.0), (0.3, 0.05), (0.3, 0.2), (0.2, 0.2), (0.01, 0.0), (0.005, 0.005)])
def test_is_sharper_than_bonferroni(cells):
    n = 10_000
    counts = [round(c * n) for c in cells]
    low, high = paired_interval(*counts, n)
    lows, highs = clopper_pearson(counts, n, 0.975)
    assert high - low < 0.9 * (highs - lows).sum()
    ideal = 2 * 1.96 * np.sqrt((sum(cells) - (cells[0] - cells[1]) ** 2) / n)
    assert ideal < high - low < 1.2 * ideal


@given(data=st.data(), n=st.integers(1, 400), level=st.sampled_from([0.5, 0.95, 0.999]))
@settings(deadline=None, max_examples=60)
def test_holds_the_estimate_mirrors_and_is_never_much_wider_than_bonferroni(data, n, level):
    a = data.draw(st.integers(0, n))
    b = data.draw(st.integers(0, n - a))
    low, high = paired_interval(a, b, n, level)
    assert -1 <= low <= (a - b) / n <= high <= 1
    assert paired_interval(b, a, n, level) == (-high, -low)
    lows, highs = clopper_pearson([a, b], n, (1 + level) / 2)
    assert high - low < 1.25 * (highs - lows).sum()


def test_differences_from_outcomes():
    x, y = np.array([1, 1, 0, 1, 0], bool), np.array([1, 0, 0, 0, 1], bool)
    found = paired_difference(x, y)
    assert found[3:] == (2, 1, 5)
    assert found[1:3] == paired_interval(2, 1, 5)
    always = paired_difference(x, y, anytime=True)
    assert always.low < found.low
    assert found.high < always.high
    with pytest.raises(ValueError, match="one common length"):
        paired_difference([True], [True, False])


def controlled_coverage(joint, exact, n):
    """P(the controlled interval holds P(learned)), joint[l, c] the law of (learned, predicted), by enumeration."""
    counts, ends = intervals(n)
    law = multinomial.pmf(np.c_[counts, n - counts.sum(-1)], n, [joint[1][0], joint[0][1], joint[0][0] + joint[1][1]])
    truth = sum(joint[1])
    return law[(exact + ends[:, 0] <= truth) & (truth <= exact + ends[:, 1])].sum()


def test_a_control_covers_however_bad_and_only_with_its_true_mean():
    close = [[0.5, 0.0], [0.05, 0.45]]
    unrelated = [[0.25, 0.25], [0.25, 0.25]]
    opposite = [[0.05, 0.45], [0.45, 0.05]]
    for joint in (close, unrelated, opposite):
        mean = joint[0][1] + joint[1][1]
        assert controlled_coverage(joint, mean, 40) >= 0.95
        assert controlled_coverage(joint, mean + 0.3, 40) < 0.7


def test_a_control_is_unbiased_and_worth_what_it_says():
    rng = np.random.default_rng(1)
    values, narrow, wide = [], [], []
    for _ in range(300):
        predicted = rng.random(200) < 0.5
        learned = predicted ^ (rng.random(200) < 0.03)  # P(learned) = 1/2
        plain = clopper_pearson(learned.sum(), 200)
        good = controlled(learned, predicted, 0.5, plain)
        bad = controlled(learned, rng.permutation(predicted), 0.5, plain)
        values.append(good.value)
        narrow.append(good.equivalent)
        wide.append(bad.equivalent)
    assert abs(np.mean(values) - 0.5) < 4 * np.sqrt(0.03 / 200 / 300)
    assert np.std(values) < 1.3 * np.sqrt(0.03 / 200)
    assert min(narrow) > 300
    assert max(wide) < 200
    assert good.equivalent == pytest.approx(200 * ((plain[1] - plain[0]) / (good.high - good.low)) ** 2)


def test_an_error_of_the_mean_widens():
    learned = np.array([True, False, True, True] * 30)
    sure, unsure = (controlled(learned, learned, 0.75, (0.7, 0.8), error=e) for e in (0.0, 0.01))
    assert sure.low - unsure.low == pytest.approx(0.01)
    assert unsure.high - sure.high == pytest.approx(0.01)
