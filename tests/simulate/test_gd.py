"""Gradient descent: gradients by finite differences, a naive loop, exact identities, ends, independence of the batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulate.gd import TINY, BranchForce, End, PopulationForce, SampleForce, descend
from theory.one_input import branch_statistics


def problem(trials, d, n, sigma=0.2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((trials, d, n))
    y = np.maximum(X[:, 0], 0) + sigma * rng.standard_normal((trials, n))
    return X, y, rng.standard_normal(trials), rng.standard_normal((trials, d)) / np.sqrt(d)


def empirical_loss(X, y, a, w):
    return ((a * np.maximum(w @ X, 0) - y) ** 2).mean() / 2


def population_loss(a, w):
    across, r = np.linalg.norm(w[1:]), np.linalg.norm(w)
    theta = np.arctan2(across, w[0])
    return 0.25 + (a * r) ** 2 / 4 - a * r * (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / (2 * np.pi)


def slope(loss, a, w, h=1e-6):
    by_a = (loss(a + h, w) - loss(a - h, w)) / (2 * h)
    return by_a, np.array([(loss(a, w + h * e) - loss(a, w - h * e)) / (2 * h) for e in np.eye(len(w))])


@pytest.mark.parametrize("source", ["samples", "population"])
def test_one_step_is_the_gradient_of_the_loss(source):
    X, y, a, w = problem(6, 4, 40)
    force = SampleForce(X, y) if source == "samples" else PopulationForce()
    step = descend(force, a, w, 1.0, 1)
    for i in range(6):
        loss = (lambda a, w, i=i: empirical_loss(X[i], y[i], a, w)) if source == "samples" else population_loss
        by_a, by_w = slope(loss, a[i], w[i])
        np.testing.assert_allclose(a[i] - step.a[i], by_a, atol=1e-8)
        np.testing.assert_allclose(w[i] - step.w[i], by_w, atol=1e-8)


def test_population_is_the_mean_over_many_samples():
    X, y, a, w = problem(1, 3, 400_000, sigma=0.0)
    np.testing.assert_allclose(SampleForce(X, y)(a, w), PopulationForce()(a, w), atol=0.01)


def naive(X, y, a, w, eta, steps, mask):
    for _ in range(steps):
        by_a, by_w = 0.0, np.zeros_like(w)
        for x, label in zip(X.T, y, strict=True):
            z = float(w @ x)
            if z > 0:
                by_a += (a * z - label) * z / len(y)
                by_w += (a * z - label) * a * x / len(y)
        a, w = a - eta * by_a, np.where(mask, w - eta * by_w, w)
    return a, w


@pytest.mark.parametrize("pruned", ["none", "zero", "frozen"])
def test_equals_a_naive_loop(pruned):
    X, y, a, w = problem(5, 3, 12)
    mask = np.ones(w.shape, bool)
    if pruned != "none":
        mask[:, 1] = False
        w = np.where(mask, w, 0.0 if pruned == "zero" else w)
    fast = descend(SampleForce(X, y), a, w, 0.1, 60, mask=mask)
    for i in range(5):
        slow_a, slow_w = naive(X[i], y[i], a[i], w[i], 0.1, 60, mask[i])
        np.testing.assert_allclose(fast.a[i], slow_a, rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(fast.w[i], slow_w, rtol=1e-13, atol=1e-13)
    assert (fast.w[~mask] == w[~mask]).all()


@given(seed=st.integers(0, 10**6), rows=st.permutations(range(30)), size=st.integers(1, 30))
@settings(max_examples=15, deadline=None)
def test_a_trial_never_feels_the_others(seed, rows, size):
    X, y, a, w = problem(30, 10, 100, seed=seed)
    rows = rows[:size]
    together, some = (
        descend(SampleForce(X, y), a, w, 0.1, 200),
        descend(SampleForce(X[rows], y[rows]), a[rows], w[rows], 0.1, 200),
    )
    for x, z in zip(
        (together.a, together.w, together.end, together.steps), (some.a, some.w, some.end, some.steps), strict=True
    ):
        assert (x[rows] == z).all()


def test_ending_early_changes_no_bit():
    X, y, a, w = problem(24, 2, 50)
    run = descend(SampleForce(X, y), a, w, 0.2, 3000, at=[10, 2500])
    assert (run.end == End.REST).any()
    for i in range(24):
        one_a, one_w = a[i : i + 1], w[i : i + 1]
        force = SampleForce(X[i : i + 1], y[i : i + 1])
        for k in range(3000):
            G = force(one_a, one_w)
            one_a, one_w = one_a + 0.2 * np.vecdot(one_w, G), one_w + 0.2 * (one_a[:, None] * G)
            if k + 1 in run.points:
                assert run.points[k + 1][0][i] == one_a[0]
        assert run.a[i] == one_a[0]
        assert (run.w[i] == one_w[0]).all()


def test_branch_statistics_equal_all_samples():
    X, y, a, w = problem(60, 1, 30, seed=3)
    slow = descend(SampleForce(X, y), a, w, 0.1, 5000, at=[0, 7, 300])
    fast = descend(BranchForce(*branch_statistics(X[:, 0], y)), a, w, 0.1, 5000, at=[0, 7, 300])
    for k in slow.points:
        np.testing.assert_allclose(fast.points[k][0], slow.points[k][0], rtol=1e-9)
    np.testing.assert_allclose(fast.a, slow.a, rtol=1e-9)
    np.testing.assert_allclose(fast.w, slow.w, rtol=1e-9, atol=1e-200)
    assert (np.sign(fast.w) == np.sign(slow.w)).all()


@given(
    a=st.floats(-2, 2), w=st.floats(-2, 2).filter(lambda w: abs(w) > 0.01), beta=st.floats(-0.5, 0.5), eta=st.floats(0.01, 0.3)
)
@settings(deadline=None)
def test_drift_of_the_conserved_quantity(a, w, beta, eta):
    s_plus, s_minus = 0.6, 0.4
    force = BranchForce(*(np.array([x]) for x in (s_plus, 1.1, s_minus, beta)))
    step = descend(force, np.array([a]), np.array([[w]]), eta, 1)
    s, b = (s_plus, 1.1) if w > 0 else (s_minus, beta)
    after = (a * a - w * w) * (1 - (eta * s * (b - a * w)) ** 2)
    assert step.a[0] ** 2 - step.w[0, 0] ** 2 == pytest.approx(after, abs=1e-13)


def ones(*values):
    return tuple(np.array([float(v)]) for v in values)


def test_underflow_is_no_escape():
    """Noise-free w < 0 only decays while η s a² < 1 (T13); without the guard, rounding lifts some over zero, and they learn."""
    a, w, s, eta = np.linspace(1.0, 1.6, 200), np.full((200, 1), -0.01), np.full(200, 0.76), 0.5
    force = BranchForce(s, s / s, s, 0 * s)
    assert (eta * s * a**2 < 1).all()
    run = descend(force, a, w, eta, 3000)
    assert (run.end == End.COLLAPSED).all()
    assert ((run.w < 0) & (run.w > -TINY)).all()
    bare_a, bare_w = a, w
    for _ in range(3000):
        G = force(bare_a, bare_w)
        bare_a, bare_w = bare_a + eta * np.vecdot(bare_w, G), bare_w + (eta * bare_a)[:, None] * G
    assert (np.abs(bare_a * bare_w[:, 0] - 1) < 1e-9).any()


@pytest.mark.parametrize(
    ("a", "w", "end"), [(1.0, 0.0, End.COLLAPSED), (1e3, 1.0, End.DIVERGED), (1.0, 1.0, End.REST), (0.5, -0.5, End.TIME)]
)
def test_how_a_trial_ends(a, w, end):
    run = descend(BranchForce(*ones(0.5, 1.0, 0.5, 0.1)), *ones(a), np.array([[w]]), 0.1, 20)
    assert run.end[0] == end
    assert np.isfinite(run.a).all()
    assert np.isfinite(run.w).all()


def test_a_dead_neuron_stays():
    X, y, a, w = problem(3, 4, 20)
    run = descend(SampleForce(X, y), a, 0 * w, 0.1, 50)
    assert (run.end == End.COLLAPSED).all()
    assert (run.a == a).all()
