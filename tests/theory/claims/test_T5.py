"""T5: IMP ⊂ WR(t) ⊂ LRR on the population, what lies between, and the probabilities."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import chi, norm

from theory.exact import learns
from theory.probability import success_probability

SIZES = st.floats(0.1, 2)
TIMES = (0.0, 0.3, 1.5, 6.0, 30.0)


@st.composite
def starts(draw):
    """(a0, ‖w0‖, ψ0): anywhere, and on the edges a0 = −w_1, a0 between −‖w0‖ and −w_1, a0 = 0, balanced."""
    r, psi = draw(SIZES), draw(st.floats(0.05, math.pi - 0.05))
    first, u = -r * math.cos(psi), draw(st.floats(0.02, 0.98))
    a = {
        "any": draw(st.floats(-2, 2)),
        "edge": -first,
        "inside": -first + 1e-3,
        "between": -r + u * (r - abs(first)),
        "0": 0.0,
        "balanced": draw(st.sampled_from([r, -r])),
    }[draw(st.sampled_from(["any", "any", "edge", "inside", "between", "0", "balanced"]))]
    return a, r, psi


def path(truth, a, r, psi):
    """(a, w_1, ‖w_⊥‖) at ``TIMES``, integrated in (a, ln r, ℓ)."""

    def speed(_, y):
        a, r = float(y[0]), math.exp(float(y[1]))
        along, turn = truth.turning(float(y[2]))
        pull = along - a * r / 2
        return r * pull, a / r * pull, a / r * turn

    go, points = truth.advance(speed, [a, math.log(r), math.log(math.tan(psi / 2))], 0.0, 1e-8, 1e-9), []
    for t in TIMES:
        outer, log_r, level = go(t) if t else (a, math.log(r), math.log(math.tan(psi / 2)))
        angle = truth.opening(level)
        points.append((outer, -math.exp(log_r) * math.cos(angle), math.exp(log_r) * math.sin(angle)))
    return points


def sparse(a, first, _):
    return first > 0 and a > -first


def sparse_learns(truth, a, first, _):
    end = truth.line(a, first, (0.5, 1.0, 0.5, 0.0))
    return end.w1 > 0 and abs(end.a * end.w1 - 1) < 1e-3


def nested(truth, start, inside=sparse):
    """Once inside, inside at every later time: rewinding later loses nothing. On the face itself nothing is asked."""
    within = [inside(*point) for point in path(truth, *start)]
    clear = abs(start[0] - start[1] * math.cos(start[2])) > 1e-6
    return all(after or not before for before, after in itertools.pairwise(within)) or not clear


@given(starts())
def test_nested(truth, start):
    assert nested(truth, start)


def test_false_sets_are_not_invariant(truth):
    false = {
        "a > −2 w_1": lambda a, first, _: first > 0 and a > -2 * first,
        "a > 0": lambda a, first, _: a > 0 and first < 0.2,
        "all of w_1 > 0": lambda a, first, _: first > 0,
    }
    for name, inside in false.items():
        assert truth.counterexample(starts(), lambda start, inside=inside: nested(truth, start, inside), 600) is not None, name


@given(starts())
def test_imp_wr_and_lrr_by_integration(truth, start):
    """The sets of the integrated two-phase algorithms: IMP ⊂ WR(t) ⊂ LRR = D, and LRR \\ IMP as claimed."""
    a, r, psi = start
    points = path(truth, *start)
    if min(abs(first) for _, first, _ in points) < 1e-6 or min(abs(a + first) for a, first, _ in points) < 1e-6:
        return
    found = [sparse_learns(truth, *point) for point in points]
    end = truth.plane(*start)
    lrr = sparse_learns(truth, *end[:3])
    assert all(later or not earlier for earlier, later in itertools.pairwise([*found, lrr]))
    first = -r * math.cos(psi)
    escape = (a > -r and first <= 0) or (first > 0 and -r < a <= -first)
    assert (lrr and not found[0]) == escape
    assert found[0] == (first > 0 and a > -first)
    w0 = np.array([first, r * math.sin(psi)])
    if abs(a + r) > 1e-12:  # where rounding of ‖w0‖ does not decide
        assert (learns("IMP", a, w0), learns("LRR", a, w0)) == (found[0], lrr)


def survives_pruning(inside):
    def holds(case):
        a, first, others, keep = case
        w = np.array([first, *others])
        pruned = w * np.array([True, *itertools.islice(itertools.cycle([keep, not keep]), len(others))])
        return inside(a, pruned) or not inside(a, w)

    return holds


NEURONS = st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.lists(st.floats(-2, 2), min_size=1, max_size=4), st.booleans())


@given(NEURONS)
def test_the_sparse_basin_survives_pruning(case):
    """N6: {w_1 > 0, a > −w_1} asks nothing of other weights, so nestedness holds for any levels that keep e_1."""
    assert survives_pruning(lambda a, w: w[0] > 0 and a > -w[0])(case)


def test_the_dense_basin_does_not(truth):
    for inside in (lambda a, w: a > -np.linalg.norm(w), lambda a, w: w[0] > 0 and a > -np.linalg.norm(w)):
        assert truth.counterexample(NEURONS, survives_pruning(inside)) is not None


LAWS = st.tuples(st.integers(2, 60), st.floats(-2, 2).map(lambda x: 10**x))


def dense_probability(d, rho):
    """P(a0 > −‖w0‖), a0 ~ N(0, ρ²), ‖w0‖ ~ χ_d."""
    low, high = max(0.0, math.sqrt(d) - 9), math.sqrt(d) + 9
    points = [p for p in (rho / 3, rho, 3 * rho, math.sqrt(d)) if low < p < high]
    return quad(lambda r: chi.pdf(r, d) * norm.cdf(r / rho), low, high, points=points, epsabs=1e-9)[0]


def sparse_probability(rho):
    points = [p for p in (rho / 3, rho, 3 * rho) if 0 < p < 12]
    return quad(lambda x: norm.pdf(x) * norm.cdf(x / rho), 0, 12, points=points, epsabs=1e-10)[0]


@given(LAWS)
def test_gaussian_probabilities(law):
    d, rho = law
    spec = f"gaussian(sigma_a={rho!r},sigma_w=1.0)"
    assert success_probability("IMP", spec, d) == pytest.approx(sparse_probability(rho), abs=1e-7)
    assert success_probability("LRR", spec, d) == pytest.approx(dense_probability(d, rho), abs=1e-6)


def test_false_probabilities_are_falsified(truth):
    false = (lambda d, rho: 0.5 - math.atan(1 / rho) / (2 * math.pi), lambda d, rho: 0.375)
    for formula in false:
        found = truth.counterexample(LAWS, lambda law, f=formula: abs(f(*law) - sparse_probability(law[1])) < 1e-6, 100)
        assert found is not None


@given(st.integers(2, 400))
def test_balanced_and_bounded_probabilities(d):
    """Over the density sin^{d−2} of the angle of w0: P(IMP) = ¼(1 + E|z|) where a0 is uniform on (−‖w0‖, ‖w0‖)."""
    peak = math.sqrt(max(d, 3)) ** -1
    edges = {"points": [math.pi / 2 - 3 * peak] if 3 * peak < 1.5 else None, "epsabs": 1e-11}
    weight, _ = quad(lambda t: math.sin(t) ** (d - 2), 0, math.pi / 2, **edges)
    mean, _ = quad(lambda t: math.sin(t) ** (d - 2) * (1 + math.cos(t)) / 2, 0, math.pi / 2, **edges)
    assert success_probability("IMP", "bounded", d) == pytest.approx(mean / weight / 2, abs=1e-8)
    assert [success_probability("LRR", init, d) for init in ("bounded", "balanced")] == [1.0, 0.5]
    assert success_probability("IMP", "balanced", d) == 0.25
