"""T2b: the fraction of starts that label noise has freed by a time, against draws of β₋ and the integrated flow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from theory import noise_escape_fraction, noise_escape_time

sizes = st.floats(0.05, 3)


@given(sizes, st.floats(1.001, 20), st.floats(0.01, 2), st.floats(0.01, 1), st.floats(0.1, 1000))
def test_it_is_the_chance_that_the_crossing_is_early(w, factor, s, spread, t):
    a, draw = factor * w, np.random.default_rng(0).standard_normal(4000) * spread
    early = (noise_escape_time(a, -w, s, draw) <= t).mean()
    chance = float(noise_escape_fraction(a, -w, s, spread, t))
    assert abs(early - chance) <= 5 * np.sqrt(0.25 / 4000)


@given(sizes, st.floats(1.001, 20), st.floats(0.01, 2), st.floats(0.01, 1))
def test_it_grows_with_time_to_a_half(w, factor, s, spread):
    found = noise_escape_fraction(factor * w, -w, s, spread, [0.0, 1.0, 10.0, 1e3, 1e9, np.inf])
    assert (np.diff(found) >= 0).all()
    assert found[0] == 0
    assert found[-1] == 0.5


def test_starts_that_noise_cannot_free():
    assert noise_escape_fraction(1.0, [0.5, -1.0, -2.0], 0.5, 0.1, np.inf).tolist() == [1.0, 0.0, 0.0]
    assert noise_escape_fraction(-1.0, -0.5, 0.5, 0.1, np.inf) == 0
    assert noise_escape_fraction(1.0, -0.5, 0.5, 0.0, np.inf) == 0


def test_w_grows_with_the_label_noise_along_the_flow():
    """The comparison behind it: at any time w(t) is larger for a larger β₋."""

    def end(beta):
        return solve_ivp(
            lambda _, y: [y[1] * (beta - y[0] * y[1]), y[0] * (beta - y[0] * y[1])], (0, 3), [1.0, -0.9], rtol=1e-10
        ).y[1, -1]

    ends = [end(b) for b in (-0.2, 0.0, 0.1, 0.3)]
    assert ends == sorted(ends)


def test_bad_input():
    with pytest.raises(ValueError, match="spread is at least 0, not -1"):
        noise_escape_fraction(1.0, -0.5, 0.5, -1.0, 1.0)
    with pytest.raises(ValueError, match="time is at least 0, not nan"):
        noise_escape_fraction(1.0, -0.5, 0.5, 1.0, np.nan)
