"""Clopper–Pearson against SciPy's, its coverage by exact enumeration, and planning."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from simulate.statistics import clopper_pearson, trials_needed


@given(n=st.integers(1, 3000), share=st.floats(0, 1), level=st.sampled_from([0.5, 0.9, 0.95, 0.999]))
@settings(deadline=None)
def test_equals_scipy(n, share, level):
    hits = round(share * n)
    expected = binomtest(hits, n).proportion_ci(level, "exact")
    np.testing.assert_allclose(clopper_pearson(hits, n, level), (expected.low, expected.high), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("p", [0.0, 0.03, 0.25, 0.5, 0.9, 1.0])
def test_covers_at_its_level(p):
    k = np.arange(41)
    low, high = clopper_pearson(k, 40)
    covered = ((low <= p) & (p <= high)) @ binom.pmf(k, 40, p)
    assert covered >= 0.95 - 1e-12
    narrow = ((low + 0.06 <= p) & (p <= high - 0.06)) @ binom.pmf(k, 40, p)
    assert narrow < 0.95


@pytest.mark.parametrize("half_width", [0.2, 0.05, 0.013])
def test_planned_trials_are_enough_and_no_more(half_width):
    n = trials_needed(half_width)
    low, high = clopper_pearson(np.arange(n + 1), n)
    assert (high - low).max() <= 2 * half_width
    low, high = clopper_pearson(n // 2 - 1, n - 2)
    assert high - low > 2 * half_width


@pytest.mark.parametrize("bad", [0.0, 0.5, float("nan"), -1.0])
def test_refuses_half_widths(bad):
    with pytest.raises(ValueError, match="half width"):
        trials_needed(bad)


def test_refuses_other_nonsense():
    with pytest.raises(ValueError, match="between 0 and n"):
        clopper_pearson(5, 4)
    with pytest.raises(ValueError, match="level"):
        clopper_pearson(1, 4, 1.0)
