"""T7: w_⊥ keeps its direction, how fast it decays, and when magnitude pruning keeps e_1; against the integrated flow."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory.identification import decay_rate, keeps_teacher, mask_time, spread

VALUES = st.floats(-3, 3).map(lambda v: round(v, 3))
ANGLES = st.floats(0.01, 3.1)


@st.composite
def states(draw, most=6):
    """(a, w) with w_⊥ ≠ 0."""
    w = np.array(draw(st.lists(VALUES, min_size=2, max_size=most)))
    assume(np.linalg.norm(w[1:]) > 1e-2)
    return draw(VALUES), w


def velocity(truth, a, w):
    """(ȧ, ẇ) of the population flow, from sector integrals."""
    r, across = np.linalg.norm(w), np.linalg.norm(w[1:])
    psi = math.atan2(across, -w[0])
    along, turn = truth.moments(psi)
    towards = np.concatenate([[across / r], -w[0] / r * w[1:] / across])
    return r * (along - a * r / 2), a * (along * w / r + turn * towards) - a * a * w / 2


def follow(truth, a, w, times):
    """(a, w_1, ln‖w_⊥‖) at the times, in the plane of w and e_1."""

    def speed(_, x):
        by_a, by_w = velocity(truth, x[0], np.array([x[1], math.exp(x[2])]))
        return by_a, by_w[0], by_w[1] / math.exp(x[2])

    go = truth.advance(speed, [a, w[0], math.log(np.linalg.norm(w[1:]))], 0.0, 1e-9, 1e-12)
    return [go(t) for t in times]


@given(states())
def test_w_across_has_one_rate(truth, state):
    a, w = state
    r, theta = np.linalg.norm(w), math.atan2(np.linalg.norm(w[1:]), w[0])
    assert np.allclose(velocity(truth, a, w)[1][1:], -decay_rate(a, r, theta) * w[1:], rtol=1e-9, atol=1e-10 * (1 + a * a))


@given(states(4), st.floats(0.1, 3))
@settings(max_examples=30)
def test_the_direction_is_conserved_in_finite_time(truth, state, time):
    a, w = state

    def speed(_, x):
        by_a, by_w = velocity(truth, x[0], x[1:])
        return [by_a, *by_w]

    end = np.array(truth.advance(speed, [a, *w], 0.0, 1e-9, 1e-12)(time))[2:]
    assert np.allclose(end / np.linalg.norm(end), w[1:] / np.linalg.norm(w[1:]), atol=1e-6)


@given(st.floats(-0.5, 2), st.floats(0.3, 1.5), st.floats(0.05, 2.3))
@settings(max_examples=25)
def test_the_rate_tends_to_half_a_squared(truth, share, r, theta):
    """From a0 = share·‖w0‖ > −‖w0‖: late, −d ln‖w_⊥‖/dt is near a∞²/2, so any κ below it bounds the decay, and none above."""
    c = (share * share - 1) * r * r
    limit = (c + math.hypot(c, 2)) / 4
    late = 12 / limit
    first, last = follow(truth, share * r, [r * math.cos(theta), r * math.sin(theta)], [late, late + 1])
    assume(abs(last[0] * last[1] - 1) < 1e-3)
    rate = first[2] - last[2]
    assert 0.99 * limit < rate < 1.01 * limit


@given(states())
def test_the_mask_keeps_e_1_iff_the_cotangent_exceeds_kappa(state):
    _, w = state
    theta, kappa = math.atan2(np.linalg.norm(w[1:]), w[0]), spread(w)
    largest = abs(w[0]) - np.abs(w[1:]).max()
    assume(abs(largest) > 1e-9)
    assert keeps_teacher(theta, kappa) == (largest > 0)
    assert (abs(1 / math.tan(theta)) > kappa) == (largest > 0)


@given(st.floats(0.1, 3), st.floats(0.2, 3.0), st.floats(0, 1), st.sampled_from([-0.01, 0.01]))
@settings(max_examples=40)
def test_the_time_from_which_the_mask_is_right(truth, r, theta0, kappa, shift):
    """Balanced, whatever the scale: just before and just after."""
    time = float(mask_time(theta0, kappa))
    assume(0 < time < 200)
    _, w1, log_across = follow(truth, r, [r * math.cos(theta0), r * math.sin(theta0)], [time * (1 + shift)])[0]
    assert (w1 > kappa * math.exp(log_across)) == (shift > 0)


def test_at_the_teacher_nothing_is_left(truth):
    """At T = ∞ e_1 is the only weight, so one step or many keep it."""
    end = truth.plane(-0.5, 1.0, 1.2)
    assert end.across < 1e-6 < end.w1


def test_false_variants_are_falsified(truth):
    def plain(state):
        a, w = state
        return np.allclose(velocity(truth, a, w)[1][1:], -(a**2) / 2 * w[1:], atol=1e-6)

    def shrinks(state):
        a, w = state
        return a <= 0 or velocity(truth, a, w)[1][1:] @ w[1:] < 0

    def signed(state):
        _, w = state
        return (w[0] > np.abs(w[1:]).max()) == (abs(w[0]) > np.abs(w[1:]).max())

    for holds in (plain, shrinks, signed):
        assert truth.counterexample(states(), holds) is not None


def test_without_rotation_invariance_only_signs_are_kept():
    """Negative control: on the cube the pull on w_⊥ is not along it. A grid of cell centres, refined once."""
    w = np.array([-0.5, 1.0, 0.5])
    bends = []
    for n in (60, 120):
        axis = (np.arange(n) + 0.5) / n * 2 - 1
        x = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
        pull = (np.maximum(x[:, 0], 0) * (x @ w > 0)) @ x / len(x)
        bends.append(pull[2] / pull[1] - w[2] / w[1])
    assert bends[1] == pytest.approx(bends[0], rel=0.05)
    assert abs(bends[1]) > 0.01
