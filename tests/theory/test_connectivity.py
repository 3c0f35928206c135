"""T10: loss along segments and the four barriers, against sampled paths and integrals; which definitions hide a failure."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from theory.connectivity import (
    BARRIERS,
    failure_hidden,
    matching,
    matching_barrier,
    matching_loss,
    matching_product,
    path_barrier,
    segment_loss,
    sparse_barrier,
    tolerance_window,
)
from theory.dense_flow import dense_limit, in_basin, teacher_weights
from theory.initialisations import initialisation
from theory.one_input import POPULATION, flow
from theory.population import angle, loss

POSITIVE = st.floats(0.05, 20)
VALUES = st.floats(-3, 3).map(lambda v: round(v, 3))
GRID = np.linspace(0, 1, 4001)
ONE_SIDED = ("mean-end", "first-end")


def line_loss(a, w):
    """½E[(aφ(wx) − φ(x))²] with E[φ(x)²] = E[φ(−x)²] = ½, from the definition and not from p."""
    return np.where(w > 0, (a * w - 1) ** 2 / 4, (a * a * w * w + 1) / 4)


@given(POSITIVE, POSITIVE, st.floats(0, 1))
def test_the_product_and_the_loss_on_a_matching_segment(a, b, alpha):
    outer, inner = (1 - alpha) * a + alpha * b, (1 - alpha) / a + alpha / b
    assert matching_product(a, b, alpha) == pytest.approx(outer * inner, rel=1e-12)
    assert matching_loss(a, b, alpha) == pytest.approx(line_loss(outer, inner), rel=1e-6, abs=1e-28)


def test_the_formulas_are_identities():
    """The code that computes, read by sympy: p from the segment, the place and size of the maximum, and its sinh form."""
    a, b, x = sp.symbols("a b alpha", positive=True)
    segment = ((1 - x) * a + x * b) * ((1 - x) / a + x / b)
    assert sp.simplify(matching_product(a, b, x) - segment) == 0
    half = sp.Rational(1, 2)
    assert sp.simplify(sp.diff(matching_loss(a, b, x), x).subs(x, half)) == 0
    assert sp.simplify(matching_loss(a, b, half) - (a - b) ** 4 / (64 * a**2 * b**2)) == 0
    u, v = sp.symbols("u v", real=True)  # a = e^{u/2}, c = 2 sinh u
    barrier = matching_barrier(2 * sp.sinh(u), 2 * sp.sinh(v)).subs({sp.asinh(sp.sinh(u)): u, sp.asinh(sp.sinh(v)): v})
    difference = barrier - matching_loss(sp.exp(u / 2), sp.exp(v / 2), half)
    assert sp.simplify(sp.expand(difference.rewrite(sp.exp))) == 0


CONSERVED = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([1e-12, -1e-12, 0.0, 1e150, -1e150]))


@given(CONSERVED, CONSERVED)
def test_the_barrier_loses_no_digits(c, d):
    with mpmath.workdps(400):
        exact = mpmath.sinh((mpmath.asinh(mpmath.mpf(c) / 2) - mpmath.asinh(mpmath.mpf(d) / 2)) / 4) ** 4 / 4
        exact = float(exact)
    assert matching_barrier(c, d) == pytest.approx(exact, rel=1e-11, abs=1e-300)
    assert matching_barrier(d, c) == pytest.approx(matching_barrier(c, d), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(("c", "d"), [(1e-12, 2e-12), (1e8, 1e8 + 1), (-1e8, -1e8 - 1), (-3.0, np.nextafter(-3.0, 0))])
def test_nearly_equal_c_keep_their_difference(c, d):
    with mpmath.workdps(60):
        exact = mpmath.sinh((mpmath.asinh(mpmath.mpf(c) / 2) - mpmath.asinh(mpmath.mpf(d) / 2)) / 4) ** 4 / 4
    assert matching_barrier(c, d) == pytest.approx(float(exact), rel=1e-13, abs=0)


def test_the_barrier_where_it_leaves_the_floats():
    assert matching_barrier(1e300, -1e300) == np.inf
    assert matching_barrier([2.0, 1e300], [2.0, 1e300]).tolist() == [0, 0]


@given(st.floats(-20, 20), st.floats(-20, 20))
@settings(max_examples=30)
def test_all_four_definitions_agree_between_solutions(c, d):
    (a, m), (b, k) = teacher_weights(c), teacher_weights(d)
    for name in BARRIERS:
        assert sparse_barrier(a, m, b, k, name) == pytest.approx(matching_barrier(c, d), rel=1e-6, abs=1e-25)


@pytest.mark.parametrize("definition", BARRIERS)
def test_the_exact_barrier_equals_a_fine_path(definition):
    a, w, b, v = np.random.default_rng(0).normal(size=(4, 400)) * 1.5
    x = GRID[:, None]
    losses = line_loss((1 - x) * a + x * b, (1 - x) * w + x * v).T
    sampled, exact = path_barrier(losses, GRID, definition), sparse_barrier(a, w, b, v, definition)
    assert (exact >= sampled - 1e-14).all()
    assert np.allclose(exact, sampled, atol=3e-4)
    alone = [sparse_barrier(a[i], w[i], b[i], v[i], definition) for i in range(20)]
    assert alone == exact[:20].tolist()


@given(VALUES, VALUES, VALUES, VALUES, st.floats(0, 1))
def test_a_segment_with_one_input(a, w, b, v, alpha):
    outer, inner = (1 - alpha) * a + alpha * b, (1 - alpha) * w + alpha * v
    assert segment_loss(a, [w], b, [v], alpha) == pytest.approx(line_loss(outer, inner), abs=1e-13)


@given(VALUES, VALUES, VALUES, VALUES, st.floats(0, 1))
def test_a_segment_with_several_inputs(a, first, b, last, alpha):
    w, v = np.array([first, 0.5, -1.0]), np.array([last, -0.3, 0.2])
    inner = (1 - alpha) * w + alpha * v
    expected = loss((1 - alpha) * a + alpha * b, np.linalg.norm(inner), angle(inner))
    assert segment_loss(a, w, b, v, alpha) == pytest.approx(expected, abs=1e-12)


def test_the_loss_close_to_the_teacher_is_exact():
    """a = 1, w = (1, ε): L = (a²/4)ε² − ε³/6π + …, where the plain formula keeps no digit below 1e-17."""
    epsilon = np.array([1e-10, 1e-12, 1e-100])
    w = np.stack([np.ones(3), epsilon], axis=-1)
    assert np.allclose(segment_loss(1.0, w, 1.0, w, 0.5) / epsilon**2, 0.25, rtol=1e-9)


@pytest.mark.parametrize("theta", [1e-3, 0.0499, 0.0501, 1.0, 3.0, 3.1415])
def test_the_loss_at_q_one_is_the_angle_alone(theta):
    """L = ½ − g(θ) at q = 1, to rounding."""
    w = np.array([np.cos(theta), np.sin(theta)])
    r = np.linalg.norm(w)
    with mpmath.workdps(40):
        t = mpmath.atan2(*(mpmath.mpf(v) for v in w[::-1]))
        exact = float((mpmath.pi - mpmath.sin(t) - (mpmath.pi - t) * mpmath.cos(t)) / (2 * mpmath.pi))
    assert segment_loss(1 / r, w, 1 / r, w, 0.0) == pytest.approx(exact, rel=1e-13)


def failing_runs(init, seed, trials=4000, d=10):
    """Dense end and sparse end of IMP, where the first learns and the second does not."""
    a0, w0 = initialisation(init).sample(np.random.default_rng(seed), d, trials)
    failing = in_basin(a0, w0) & ~in_basin(a0, w0[:, :1])
    a, w = (v[failing] for v in dense_limit(a0, w0))
    b, v = flow(a0[failing], w0[failing, 0], POPULATION, np.inf)
    return a, w[:, 0], b, v


@pytest.mark.parametrize("init", ["balanced", "bounded", "gaussian"])
def test_what_the_four_definitions_say_of_failing_imp(init):
    """Negative controls: two definitions see no barrier at a failure, exactly where ``failure_hidden`` says."""
    a, w, b, v = failing_runs(init, 5)
    at_zero = v == 0
    assert line_loss(b, v) == pytest.approx(np.full(b.shape, 0.25))
    for name in ("interpolation", "worst-end"):
        barrier = sparse_barrier(a, w, b, v, name)
        hidden = failure_hidden(name, a, b) & at_zero
        assert hidden.any()
        assert (barrier[hidden] < 1e-13).all()
        assert (barrier[~hidden] > 1e-13).all()
    for name, least in (("mean-end", 0.125), ("first-end", 0.25)):
        barrier = sparse_barrier(a, w, b, v, name)
        assert barrier.min() == pytest.approx(least, rel=1e-9)
        assert tolerance_window(name, 0.0, 1.0)[1] == least


def test_the_share_of_hidden_failures_of_balanced_runs():
    """a = 1 and b = ‖w0_⊥‖ with ‖w0_⊥‖² ~ χ²_{d−1}/d: 98 % for d = 10."""
    a, _, b, _ = failing_runs("balanced", 6)
    share = chi2.cdf(25 * 10, 9) - chi2.cdf(10 / 4, 9)
    assert share == pytest.approx(0.981, abs=1e-3)
    assert failure_hidden("interpolation", a, b).mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / a.size))


@pytest.mark.parametrize(("definition", "edges"), [("interpolation", (0.5, 5.0)), ("worst-end", (0.0, 4 + 2 * np.sqrt(2)))])
@given(a=POSITIVE)
@settings(max_examples=20)
def test_the_edges_of_what_is_hidden(definition, edges, a):
    for edge, outward in zip(edges, (-1, 1), strict=True):
        inside, outside = edge - outward * 1e-3, edge + outward * 1e-3
        assert failure_hidden(definition, a, a * inside)
        assert not failure_hidden(definition, a, a * outside)
        assert sparse_barrier(a, 1 / a, a * inside, 0.0, definition) < 1e-13
        assert sparse_barrier(a, 1 / a, a * outside, 0.0, definition) > 1e-8


def test_the_edge_polynomials_are_identities():
    """L − α/4 and max p along the path to a failed end, and the discriminant that gives ρ = 5."""
    beta, rho = sp.symbols("beta rho", real=True)
    p = beta * (rho + beta * (1 - rho))
    rest = (1 - rho) ** 2 * beta**2 + (1 - rho**2) * beta + 2 * rho - 1
    assert sp.expand((1 - p) ** 2 - (1 - beta) + beta * (1 - beta) * rest) == 0
    assert sp.factor(sp.discriminant(rest, beta)) == (rho - 5) * (rho - 1) ** 3
    assert sp.simplify(p.subs(beta, rho / (2 * (rho - 1))) - rho**2 / (4 * (rho - 1))) == 0
    assert set(sp.solve(rho**2 / (4 * (rho - 1)) - 2, rho)) == {4 - 2 * sp.sqrt(2), 4 + 2 * sp.sqrt(2)}


@pytest.mark.parametrize("definition", ONE_SIDED)
def test_zero_barrier_iff_matching_within_the_window(definition):
    """Matching pairs and failing pairs together, at both ends of the window, which neither kind of pair leaves any wider."""
    a, w, b, v = failing_runs("gaussian", 7, 1000)
    c = np.random.default_rng(8).normal(size=(2, 500))
    (x, y), (p, q) = teacher_weights(c[0]), teacher_weights(c[1])
    low, high = tolerance_window(definition, *c)
    for epsilon in (low.max(), (low.max() + high[0]) / 2, np.nextafter(high[0], 0) - 1e-12):
        quiet = sparse_barrier(*map(np.append, (x, y, p, q), (a, w, b, v)), definition) <= epsilon + 1e-13
        losses = np.append(line_loss(p, q), line_loss(b, v))
        assert np.array_equal(quiet, matching(losses, 0.0, epsilon))
    assert (sparse_barrier(a, w, b, v, definition) <= high[0] + 1e-12).any()
    assert (sparse_barrier(x, y, p, q, definition) > 0.9 * low.max()).any()


@pytest.mark.parametrize("definition", ["interpolation", "worst-end"])
def test_no_window_for_the_other_definitions(definition):
    low, high = tolerance_window(definition, 0.3, [0.3, 2.0])
    assert (low >= high).all()


def test_matching_is_relative_to_the_previous_level():
    """A neuron outside D fails at level 0 and stays at L = ¼ without a barrier: it matches level 0, never the teacher."""
    assert sparse_barrier(-1.0, 0.0, -1.4, 0.0, "mean-end") == 0
    assert matching(0.25, 0.25, 0.0)
    assert not matching(0.25, 0.0, 0.1)


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: matching_loss(-1.0, 2.0, 0.5), "-1.0"),
        (lambda: matching_product(1.0, 2.0, 1.5), "1.5"),
        (lambda: matching_barrier(np.nan, 1.0), "nan"),
        (lambda: segment_loss(1.0, [1.0], 1.0, [1.0, 2.0], 0.5), "1 and 2"),
        (lambda: segment_loss(1.0, [1.0], 1.0, [1.0], -0.1), "-0.1"),
        (lambda: path_barrier([0.0, 1.0], [0.0, 0.5], "mean-end"), r"\[0.0, 0.5\]"),
        (lambda: path_barrier([0.0, 1.0], [0.0, 1.0], "mean"), "'mean'"),
        (lambda: sparse_barrier(1.0, 1.0, np.inf, 0.0, "mean-end"), "inf"),
        (lambda: matching(0.0, 0.0, -1.0), "-1.0"),
        (lambda: tolerance_window("none", 0.0, 0.0), "'none'"),
        (lambda: failure_hidden("worst-end", 0.0, 1.0), "0.0"),
    ],
)
def test_bad_input_is_quoted(call, quoted):
    with pytest.raises(ValueError, match=quoted):
        call()
