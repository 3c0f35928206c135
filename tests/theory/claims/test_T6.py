"""T6: the sign-escape time of balanced starts, against the flow integrated in its own coordinates."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.exact import learned
from theory.times import escape_angle, sign_escape_time

LATE = st.one_of(st.floats(1e-4, math.pi / 2 - 1e-3), st.sampled_from([1e-3, 1e-2, math.pi / 2 - 1e-6]))
"""ψ0 = π − θ0 < π/2."""
SCALES = st.sampled_from([1e-6, 1e-3, 0.1, 1.0, 10.0])
STARTS = st.tuples(LATE, SCALES)


def time_to_zero(truth, psi, r, ratio=1.0):
    """When w_1 = 0 from a0 = ratio · r > 0: with ℓ as the clock, dt/dℓ = r/(a · turn), dr/dt = a G, da/dt = r G."""
    start = math.log(math.tan(psi / 2))

    def speed(level, y):
        a, r, _ = y
        along, turn = truth.turning(float(level))
        pull, pace = along - a * r / 2, r / (a * turn)
        return r * pull * pace, a * pull * pace, pace

    return truth.advance(speed, [ratio * r, r, 0.0], start, 1e-10, 1e-13 * r)(0.0)[2]


FORMULAS = {
    "true": sign_escape_time,
    "4δ": lambda theta: 4 * (theta - math.pi / 2),
    "without sin θ": lambda theta: 2 * math.pi * math.log((math.pi / 2) / (math.pi - theta)),
    "half": lambda theta: sign_escape_time(theta) / 2,
    "cube": lambda theta: 3 * sign_escape_time(theta),
}


def holds(truth, start, formula=sign_escape_time):
    psi, r = start
    return formula(math.pi - psi) == pytest.approx(time_to_zero(truth, psi, r), rel=1e-7, abs=1e-12)


@given(STARTS.filter(lambda s: s[1] < 5 or s[0] > 1e-2))
def test_the_time_whatever_the_scale(truth, start):
    assert holds(truth, start)


@pytest.mark.parametrize("name", [name for name in FORMULAS if name != "true"])
def test_false_times_are_falsified(truth, name):
    assert truth.counterexample(STARTS, lambda start: holds(truth, start, FORMULAS[name]), 200) is not None


@given(st.floats(0.3, 1.5), st.floats(0.3, 2), st.floats(0.05, 1))
def test_imbalance_moves_the_time_to_its_side(truth, psi, r, share):
    """c > 0: earlier than t*; c < 0 < a0: later."""
    time = sign_escape_time(math.pi - psi)
    assert time_to_zero(truth, psi, r, 1 + share) < time
    assert time_to_zero(truth, psi, r, 1 / (1 + share)) > time


def angle_at(truth, psi, t):
    """ψ at time t of the balanced flow: dψ/dt = (a/r) E[φ(x_1) 1{ŵ·x > 0} n·x] with a = r."""
    return truth.advance(lambda _, y: [truth.moments(float(y[0]))[1]], [psi], 0.0, 1e-13, 1e-16)(t)[0]


REWINDS = st.tuples(st.floats(0.3, 1.5), st.sampled_from([0.3, 0.9, 1 - 1e-6, 1 - 1e-9, 1.0, 1 + 1e-9, 1 + 1e-6, 1.1, 3.0]))


def rescues(truth, case, rule):
    """Rewinding to t = share · t* leaves w_1 > 0; at t* itself w_1 = 0 to the accuracy of integration, and is dead."""
    psi, share = case
    t = share * float(sign_escape_time(math.pi - psi))
    first = -math.cos(angle_at(truth, psi, t))
    first = 0.0 if abs(first) < 2e-11 else first
    state = {"a": np.array([1.0]), "w": np.array([[first]])}
    survives = bool(learned(state, np.array([[True]]))[0])
    end = truth.line(1.0, first, (0.5, 1.0, 0.5, 0.0))
    return survives == (end.w1 > 0) == rule(share)


@given(REWINDS)
def test_rewinding_rescues_after_the_time_and_not_at_it(truth, case):
    assert rescues(truth, case, lambda share: share > 1)


def test_false_rules_of_rescue_are_falsified(truth):
    for rule in (lambda share: share >= 1, lambda share: share > 1 + 1e-8, lambda share: share > 0.5):
        assert truth.counterexample(REWINDS, lambda case, rule=rule: rescues(truth, case, rule)) is not None


@given(st.floats(1e-4, 1e4))
def test_the_angle_that_escapes_by_a_time(truth, t):
    psi = math.pi - float(escape_angle(t))
    assert angle_at(truth, psi, t) == pytest.approx(math.pi / 2, abs=1e-7)


@given(st.integers(50, 100_000), st.floats(0.01, 3))
def test_random_starts(d, x):
    """z = w_1/‖w‖ = −x/√d: t* ≈ 4|z|, with relative error about |z|/π."""
    z = x / math.sqrt(d)
    time = sign_escape_time(math.acos(-z))
    assert 0 < time / (4 * z) - 1 < 1.5 * z / math.pi + z * z


@pytest.mark.parametrize("scale", [1e-3, 1.0])
def test_a_negative_a_never_escapes(truth, scale):
    """a0 = −‖w0‖ is on the cone."""
    assert truth.plane(-scale, scale, 0.5).w1 < 0
