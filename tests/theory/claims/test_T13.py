"""T13: what steps do to c, when they jump over zero, momentum, stability: steps taken one by one, exactly where they can be."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory.discrete import branch_step, crosses, crossing_step, dense_drift, drift_factor, ever_jumps, jump_number, stable

VALUES = st.floats(-3, 3).map(lambda v: round(v, 3))
EXACT = st.fractions(-3, 3, max_denominator=50)
POSITIVE = st.floats(0.05, 2)
WEIGHTS = st.floats(0, 0.95)


def step(a, w, h, beta=0):
    """One step on a branch: h = ηs."""
    return a + h * w * (beta - a * w), w + h * a * (beta - a * w)


def descend(a, w, h, mu=0.0, steps=2000, fixed=False):
    """The first k with w_k > 0 (inf if there is none) from w0 < 0, noise-free."""
    by_a = by_w = 0.0
    for k in range(1, steps + 1):
        by_a, by_w = mu * by_a - h * w * w * a * (not fixed), mu * by_w - h * a * a * w
        a, w = a + by_a, w + by_w
        if w > 0:
            return k
        if max(-w, abs(by_w)) < 1e-200 or abs(a) > 1e50:
            break
    return math.inf


@given(EXACT, EXACT, st.fractions(0, 2, max_denominator=20), EXACT)
def test_the_drift_of_c_with_one_input_is_exact(a, w, h, beta):
    after = step(a, w, h, beta)
    c, factor = a * a - w * w, 1 - (h * (beta - a * w)) ** 2
    assert after[0] ** 2 - after[1] ** 2 == c * factor
    values = [float(v) for v in (a, w, h, beta)]
    assert float(drift_factor(values[0], values[1], 1.0, values[3], values[2])) == pytest.approx(float(factor), abs=1e-9)
    if abs(h * (beta - a * w)) < 1:
        assert (c * factor > 0) == (c > 0)


def dense(truth, a, w, eta):
    """A step on the population, from sector integrals."""
    r, across = np.linalg.norm(w), np.linalg.norm(w[1:])
    along, turn = truth.moments(math.atan2(across, -w[0]))
    towards = np.concatenate([[across / r], -w[0] / r * w[1:] / across])
    by_w = a * (along * w / r + turn * towards) - a * a * w / 2
    return a + eta * r * (along - a * r / 2), w + eta * by_w


@given(VALUES, st.lists(VALUES, min_size=2, max_size=5), st.floats(0.01, 1))
def test_the_drift_of_c_on_the_population(truth, a, w, eta):
    w = np.array(w)
    assume(np.linalg.norm(w[1:]) > 0.05)
    after = dense(truth, a, w, eta)
    r, theta = np.linalg.norm(w), math.atan2(np.linalg.norm(w[1:]), w[0])
    found = after[0] ** 2 - after[1] @ after[1] - (a * a - r * r)
    assert float(dense_drift(a, r, theta, eta)) == pytest.approx(found, abs=1e-9 * (1 + after[0] ** 2 + after[1] @ after[1]))


@given(st.lists(VALUES, min_size=2, max_size=5), st.floats(0.05, 0.99))
def test_one_step_leads_from_the_boundary_into_the_basin(truth, w, share):
    """a = −‖w‖ with θ ∈ (0, π) and η(‖w‖²/2 + 1/2π) < 1."""
    w = np.array(w)
    assume(np.linalg.norm(w[1:]) > 0.05)
    r = np.linalg.norm(w)
    eta = share / (r * r / 2 + 1 / (2 * math.pi))
    a, w = dense(truth, -r, w, eta)
    assert a > -np.linalg.norm(w)
    assert np.linalg.norm(w[1:]) > 0


@given(EXACT, EXACT, st.fractions(0, 3, max_denominator=20), EXACT)
def test_a_step_jumps_iff_its_number_exceeds_1(a, w, h, beta):
    assume(w != 0)
    number, after = h * a * (a - beta / w), step(a, w, h, beta)[1]
    assert (after * w < 0) == (number > 1)
    assert (after == 0) == (number == 1)
    shown = [float(v) for v in (a, w, h, beta)]
    assert float(jump_number(shown[0], shown[1], 1.0, shown[3], shown[2])) == pytest.approx(float(number), abs=1e-9, rel=1e-9)


@given(st.floats(-3, 3), st.floats(-3, -0.01), POSITIVE)
def test_while_w_is_short_the_first_step_decides(a, w, h):
    assume(h * w * w <= 2 and abs(h * a * a - 1) > 1e-9)
    first = descend(a, w, h, steps=500)
    assert first == (1 if h * a * a > 1 else math.inf)
    assert ever_jumps(a, w, 1.0, h) == (first == 1)


@given(EXACT, st.fractions("1/50", 3, max_denominator=50), st.fractions("1/20", 3, max_denominator=20))
def test_after_a_jump(a, size, h):
    assert step(a, -size, h) == (a * (1 - h * size**2), size * (h * a * a - 1))


@given(WEIGHTS, st.floats(0, 5))
def test_momentum_crosses_beyond_its_bound(mu, kappa):
    """At constant a; one part in a hundred of the bound either side is left out, where the step is late."""
    bound = (1 - math.sqrt(mu)) ** 2
    assume(abs(kappa - bound) > 0.01 * bound)
    first = descend(1.0, -1.0, kappa, mu, steps=4000, fixed=True)
    assert (first < math.inf) == (kappa > bound)
    assert kappa == 0 or crosses(1.0, 1.0, kappa, mu) == (kappa > bound)
    if kappa > bound:
        ratio, least = 1 - kappa, kappa - bound
        assert first <= max(ratio, 0) / least + 3  # by the descent of the proof
        assert abs(first - crossing_step(kappa, mu)) <= 1


@given(WEIGHTS, st.floats(0, 1), st.floats(0, 1), st.floats(0.05, 2))
def test_with_a_moving_it_does_not_cross_below(mu, share_a, share_w, h):
    """ηsa0² and ηsw0² at most (1 − √μ)²."""
    bound = (1 - math.sqrt(mu)) ** 2 * (1 - 1e-9)
    a, w = math.sqrt(share_a * bound / h), -math.sqrt(share_w * bound / h)
    assume(w < -1e-6)
    assert descend(a, w, h, mu, steps=1000) == math.inf


@given(st.floats(-5, 5), st.floats(0.05, 3), WEIGHTS, st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=200)
def test_stability_by_the_multipliers_of_a_step(c, h, mu, beta):
    """Eigenvalues of the Jacobian of (a, w, v) ↦ step at p = β: all but those along the minima lie inside the unit circle."""
    a2 = (c + math.hypot(c, 2 * beta)) / 2
    assume(a2 > 1e-3)
    a = math.sqrt(a2)
    w = beta / a
    assume(abs(h * (a * a + w * w) - 2 * (1 + mu)) > 1e-6)
    curve = h * np.array([[w * w, a * w], [a * w, a * a]])
    eye = np.eye(2)
    jacobian = np.block([[eye - curve, mu * eye], [-curve, mu * eye]])
    sizes = np.sort(np.abs(np.linalg.eigvals(jacobian)))
    one = np.argmin(np.abs(sizes - 1))  # along the minima
    assert (np.delete(sizes, one).max() < 1) == stable(c, 1.0, h, beta=beta, momentum=mu)


def test_false_variants_are_falsified(truth):
    starts = st.tuples(st.floats(-3, 3), st.floats(-3, -0.01), POSITIVE)
    laws = st.tuples(WEIGHTS, st.floats(0.001, 1))

    def constant(start):
        a, w, h = start
        after = step(a, w, h)
        return after[0] ** 2 - after[1] ** 2 == pytest.approx(a * a - w * w, abs=1e-6)

    def first_step(start):
        a, w, h = start
        return (descend(a, w, h, steps=300) < math.inf) == (h * a * a > 1)

    def nested(start):
        """With noise β₋ = 1: c ≤ 0 never crosses."""
        a, w, h = start
        return a * a > w * w or step(a, w, h, 1)[1] <= 0

    def law(bound):
        return lambda x: (descend(1.0, -1.0, x[1], x[0], steps=2000, fixed=True) < math.inf) == (x[1] > bound(x[0]))

    def free(x):
        """The law of constant a, with a moving and |w0| large."""
        return (descend(1.0, -5.0, x[1], x[0], steps=2000) < math.inf) == (x[1] > (1 - math.sqrt(x[0])) ** 2)

    for holds in (constant, first_step, nested):
        assert truth.counterexample(starts, holds) is not None
    for holds in (law(lambda mu: 1.0), law(lambda mu: 1 - math.sqrt(mu)), law(lambda mu: (1 - mu) ** 2), free):
        assert truth.counterexample(laws, holds, tries=300) is not None


def test_the_test_takes_the_steps_of_the_code():
    assert [float(v) for v in branch_step(1.2, -0.7, 0.5, 0.3, 0.4)] == pytest.approx(step(1.2, -0.7, 0.2, 0.3))
