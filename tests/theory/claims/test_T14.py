"""T14: with any data and any labels a0 ≤ −‖w0‖ keeps a ≤ 0 along the flow, so it never learns; gradient descent may (T13)."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st


@st.composite
def problems(draw):
    """(a0, w0, inputs, labels): a0 = −share ‖w0‖, share ≥ 1; labels of the teacher, with noise, or anything at all."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d, n = draw(st.integers(1, 4)), draw(st.integers(1, 20))
    x, w = rng.normal(size=(n, d)), rng.normal(size=d) * draw(st.sampled_from([0.3, 1.0]))
    y = np.maximum(x[:, 0], 0) + draw(st.sampled_from([0.0, 0.3, 2.0])) * rng.normal(size=n)
    y = y * draw(st.sampled_from([1.0, 1.0, -1.0, 5.0]))
    return -draw(st.sampled_from([1.0, 1.0, 1 + 1e-9, 1.1, 2.0])) * np.linalg.norm(w), w, x, y


def force(v, x, y):
    """−∇ (1/2n) Σ (a φ(w·x) − y)², by definition."""
    z = x @ v[1:]
    residual = (y - v[0] * np.maximum(z, 0)) / len(y)
    return np.array([residual @ np.maximum(z, 0), *((residual * v[0] * (z > 0)) @ x)])


def midpoint(problem, steps=150, h=0.02):
    """The largest a on the way by the implicit midpoint rule, which keeps c as the flow does, and what is left unsolved.

    At a kink the fixed point may not exist; the step is then accepted with its residual, which bounds the change of c.
    """
    a, w, x, y = problem
    v, highest, unsolved = np.array([a, *w]), a, 0.0
    for _ in range(steps):
        new = v + h * force(v, x, y)
        for _ in range(30):
            old, new = new, v + h * force((v + new) / 2, x, y)
            rest = np.abs(new - old).max()
            if rest < 1e-13:
                break
        unsolved += rest * (1 + np.abs(v).max() + np.abs(new).max()) * 4
        v = new
        highest = max(highest, v[0])
    return highest, unsolved


def stays(problem):
    highest, unsolved = midpoint(problem)
    return highest <= math.sqrt(unsolved) + 1e-9


@given(problems())
def test_a_never_turns_positive(problem):
    assert stays(problem)


def test_half_of_the_bound_is_not_enough(truth):
    """Negative control: a0 ≤ −‖w0‖/2 does not keep a ≤ 0."""
    weaker = problems().map(lambda p: (p[0] / 2, *p[1:]))
    assert truth.counterexample(weaker, stays, 500) is not None


@given(problems())
def test_the_velocity_points_inwards_on_the_cone(problem):
    """On a = −‖w‖: d/dt (a + ‖w‖) = (a + ‖w‖) ŵ·G = 0, G the force on w for a = 1, whatever the data."""
    _, w, x, y = problem
    r = np.linalg.norm(w)
    speed = force(np.array([-r, *w]), x, y)
    size = (np.abs(y) + r * np.abs(x) @ np.abs(w)) @ np.abs(x) @ np.abs(w) / len(y)
    assert abs(speed[0] + speed[1:] @ w / r) <= 1e-13 * size


def descend(truth, eta, steps, a=-1.0, r=1.0, psi=2.0):
    """Gradient descent on the population in the plane of e_1 and w: the largest a on the way, and the last a w_1."""
    first, across, highest = -r * math.cos(psi), r * math.sin(psi), a
    for _ in range(steps):
        r, psi = math.hypot(first, across), math.atan2(across, -first)
        along, turn = truth.moments(psi)
        pull = along - a * r / 2
        by_first, by_across = -pull * math.cos(psi) + turn * math.sin(psi), pull * math.sin(psi) + turn * math.cos(psi)
        a, first, across = a + eta * r * pull, first + eta * a * by_first, abs(across + eta * a * by_across)
        highest = max(highest, a)
    return highest, a * first


def test_gradient_descent_escapes(truth):
    """T13: with η > 0 c drifts below zero, and the balanced start a0 = −‖w0‖ learns after a time of order η⁻³."""
    highest, product = descend(truth, 0.8, 6000)
    assert highest > 0.5
    assert abs(product - 1) < 1e-3
    assert descend(truth, 0.1, 6000)[0] < 0
