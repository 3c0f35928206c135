"""What the closed forms accept, and the one sentence for what they don't."""

import numpy as np
import pytest
import sympy as sp

from theory.inputs import arrays, numbers, require, state


def test_numbers_become_arrays_and_symbols_stay():
    x = sp.Symbol("x")
    assert numbers(a=x, b=1) == (x, 1)
    assert [v.dtype for v in numbers(a=1, b=[2])] == [np.float64] * 2


@pytest.mark.parametrize(("value", "quoted"), [(np.nan, "not nan"), ([1, np.inf], "not inf"), ("x", "not 'x'"), (1j, "1j")])
def test_what_is_no_finite_number_is_quoted(value, quoted):
    with pytest.raises(ValueError, match=quoted) as error:
        arrays(eta=value)
    assert str(error.value).startswith("eta ")


def test_a_symbol_is_no_array():
    with pytest.raises(ValueError, match="a holds numbers, not x"):
        arrays(a=sp.Symbol("x"))


def test_the_first_offender_is_quoted():
    with pytest.raises(ValueError, match=r"s is positive, not -2\.0\."):
        require(np.array([[True, False], [True, True]]), np.array([1.0, -2.0]), "s is positive")
    require(np.array([]) > 0, np.array([]), "s is positive")


def test_state_broadcasts():
    a, w = state(1.0, np.ones((3, 2)))
    assert (a.shape, w.shape) == ((3,), (3, 2))
    a, w = state(np.ones(3), [1.0, 2.0])
    assert (a.shape, w.shape) == ((3,), (3, 2))


@pytest.mark.parametrize(
    ("a", "w", "quoted"), [(1.0, 2.0, r"\(\)"), (1.0, [], r"\(0,\)"), ([1, 2], np.ones((3, 2)), r"\(3, 2\)")]
)
def test_shapes_that_do_not_fit_are_quoted(a, w, quoted):
    with pytest.raises(ValueError, match=quoted):
        state(a, w)
