"""Counter-based random numbers: no history, and no dependence between counters that a test could see."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from theory.streams import bits, generator, key, uniform

COUNTERS = st.one_of(st.integers(-(2**63), 2**64), st.text(max_size=5))


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5), st.lists(COUNTERS, max_size=3), st.integers(1, 40))
def test_a_value_depends_on_its_key_counters_and_place_alone(keys, counters, size):
    keys = np.array(keys, dtype=np.uint64)
    together = bits(keys, *counters, size=size)
    assert together.shape == (keys.size, size)
    for i, one in enumerate(keys):
        assert np.array_equal(bits(one, *counters, size=size), together[i])
        assert np.array_equal(bits(one, *counters, size=1), together[i, :1])


def test_shapes_follow_the_keys():
    assert uniform(3, "a", size=4).shape == (4,)
    assert uniform([[1, 2]], size=0).shape == (1, 2, 0)
    assert key(np.ones((2, 3), dtype=np.uint64), 1).shape == (2, 3)


def test_counters_make_other_values():
    keys = {int(key(5, *c)) for c in ((), (0,), (1,), (0, 0), (0, 1), (1, 0), ("0",), ("a", 0), ("a", "0"), (2**64 - 1,))}
    assert len(keys) == 10


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=5), COUNTERS)
def test_each_key_may_have_a_counter_of_its_own(pairs, counter):
    keys, own = np.array([k for k, _ in pairs], np.uint64), np.array([c for _, c in pairs], np.int64)
    together = key(keys, counter, own, "more")
    assert together.tolist() == [int(key(k, counter, c, "more")) for k, c in pairs]


def test_keys_and_counters_do_not_add_up():
    """Key 5 with counter 2 is not key 6 with counter 1."""
    grid = [key(np.arange(100), first, second) for first in range(10) for second in range(10)]
    assert np.unique(grid).size == 10_000


def test_uniform_numbers_fill_the_unit_interval():
    draws = uniform(np.arange(1000), "uniformity", size=100)
    assert draws.min() >= 0
    assert draws.max() < 1
    assert kstest(draws.ravel(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    "pair",
    [
        lambda n: (uniform(np.arange(n), "x", size=1), uniform(np.arange(n) + 1, "x", size=1)),
        lambda n: (uniform(np.arange(n), "x", 1, size=1), uniform(np.arange(n), "x", 2, size=1)),
        lambda n: (uniform(np.arange(n), "x", size=2)[:, 0], uniform(np.arange(n), "x", size=2)[:, 1]),
    ],
    ids=["neighbouring keys", "neighbouring counters", "neighbouring places"],
)
def test_neighbours_are_independent(pair):
    left, right = (np.minimum((v.ravel() * 10).astype(int), 9) for v in pair(50_000))
    table = np.bincount(10 * left + right, minlength=100)
    assert chisquare(table).pvalue > 1e-3


def test_every_bit_is_fair():
    words = bits(np.arange(20_000), "bits", size=1).ravel()
    ones = np.array([((words >> np.uint64(i)) & np.uint64(1)).sum() for i in range(64)]).astype(int)
    assert np.abs(ones - 10_000).max() < 5 * np.sqrt(5_000)


def test_generators_are_their_own():
    first, again, other = generator(7, "data"), generator(7, "data"), generator(7, "order")
    x = first.standard_normal(1000)
    assert np.array_equal(x, again.standard_normal(1000))
    assert abs(np.corrcoef(x, other.standard_normal(1000))[0, 1]) < 0.15
    assert kstest(x, "norm").pvalue > 1e-3
