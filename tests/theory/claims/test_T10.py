"""T10: barriers along segments between the ends of successive levels, found by looking at every point; L by quadrature."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from theory.connectivity import BARRIERS, failure_hidden, matching_barrier, sparse_barrier, tolerance_window

NODES, WEIGHTS = np.polynomial.legendre.leggauss(80)
NODES = 6 * (NODES + 1)
WEIGHTS = 6 * WEIGHTS * np.exp(-(NODES**2) / 2) / math.sqrt(2 * math.pi)
ALPHA = np.linspace(0, 1, 2001)
CONSTANTS = st.floats(-20, 20)
VALUES = st.floats(-3, 3).map(lambda v: round(v, 3))
POSITIVE = st.floats(0.05, 20)
DEFINITIONS = list(BARRIERS)


def losses(a, w, b, v):
    """½E[(aφ(wx) − φ(x))²] along the segment from (a, w) to (b, v)."""
    a, w = (1 - ALPHA) * a + ALPHA * b, (1 - ALPHA) * w + ALPHA * v
    right = (a * np.maximum(w, 0))[:, None] * NODES - NODES
    left = (a * np.maximum(-w, 0))[:, None] * NODES
    return (right**2 + left**2) @ WEIGHTS / 2


def barrier(path, definition):
    """max L minus what the definition compares it with, over the points of the grid."""
    first, last = path[0], path[-1]
    reference = {
        "interpolation": first + ALPHA * (last - first),
        "worst-end": max(first, last),
        "mean-end": (first + last) / 2,
        "first-end": first,
    }[definition]
    return float((path - reference).max())


def outer(c):
    """a > 0 with a² − 1/a² = c."""
    return math.sqrt((c + math.hypot(c, 2)) / 2) if c > 0 else math.sqrt(2 / (math.hypot(c, 2) - c))


@given(CONSTANTS, CONSTANTS)
def test_between_two_solutions(c, other):
    a, b = outer(c), outer(other)
    path = losses(a, 1 / a, b, 1 / b)
    top = float(matching_barrier(c, other))
    assert top == pytest.approx((a - b) ** 4 / (64 * a * a * b * b), rel=1e-6, abs=1e-14)
    assert path.max() == pytest.approx(top, rel=1e-6, abs=1e-12)
    assert path.argmax() == 1000 or top < 1e-10
    assert all(barrier(path, name) == pytest.approx(top, rel=1e-6, abs=1e-12) for name in DEFINITIONS)
    assert (top > 0) == (c != other) or abs(c - other) < 1e-3


@given(POSITIVE, st.floats(-4, 12), st.sampled_from(DEFINITIONS))
def test_to_a_failed_end_without_weight(a, ratio, definition):
    """(b, 0): whether a barrier shows, by definition."""
    edges = {"interpolation": (0.5, 5), "worst-end": (0, 4 + 2 * math.sqrt(2))}.get(definition, ())
    assume(all(abs(ratio - edge) > 0.05 for edge in edges))
    found = barrier(losses(a, 1 / a, ratio * a, 0.0), definition)
    assert (found < 1e-12) == failure_hidden(definition, a, ratio * a)
    assert found == pytest.approx(float(sparse_barrier(a, 1 / a, ratio * a, 0.0, definition)), rel=1e-3, abs=1e-5)
    assert found >= {"mean-end": 1 / 8, "first-end": 1 / 4}.get(definition, 0) - 1e-12


@given(POSITIVE, st.floats(0.01, 10), st.sampled_from(DEFINITIONS))
def test_to_a_failed_end_on_the_other_side(a, m, definition):
    """(0, −m) shows under every definition, as L > ¼ between w_1 = 0 and the end."""
    assume(a * m > 0.01)  # else the grid has no point between
    path = losses(a, 1 / a, 0.0, -m)
    assert path.max() > path[-1]
    assert barrier(path, definition) > 0


@given(VALUES, VALUES, VALUES.map(abs), st.sampled_from(["mean-end", "first-end"]), st.floats(0, 1))
def test_the_windows_of_tolerance(truth, a0, w0, across, definition, where):
    """A level that starts at (a0, w0) after a dense one with ‖w_⊥‖ = across: small barrier iff it learns."""
    r = math.hypot(w0, across)
    assume(a0 > -r + 0.05 and across > 0.05 and min(abs(w0), abs(a0 + w0)) > 0.05)
    dense = outer((a0 - r) * (a0 + r))
    end = truth.line(a0, w0, (0.5, 1.0, 0.5, 0.0))
    learned = end.w1 > 0.01 and abs(end.a * end.w1 - 1) < 1e-6
    low, high = map(float, tolerance_window(definition, (a0 - r) * (a0 + r), a0 * a0 - w0 * w0))
    assume(low < high)
    epsilon = low + (0.001 + 0.998 * where) * (high - low)
    assert (barrier(losses(dense, 1 / dense, end.a, end.w1), definition) <= epsilon) == learned


def test_false_variants_are_falsified(truth):
    """For the two usual definitions most failures have no barrier; and no tolerance helps."""
    ends = st.tuples(POSITIVE, st.floats(0.1, 6))
    for definition in ("interpolation", "worst-end"):
        shows = lambda end, name=definition: barrier(losses(end[0], 1 / end[0], end[1] * end[0], 0.0), name) > 1e-9  # noqa: E731
        assert truth.counterexample(ends, shows) is not None

    def wide(pair):
        a, b = outer(pair[0]), outer(pair[1])
        return losses(a, 1 / a, b, 1 / b).max() == pytest.approx(
            math.sinh((math.asinh(pair[0]) - math.asinh(pair[1])) / 4) ** 4 / 4
        )

    assert truth.counterexample(st.tuples(CONSTANTS, CONSTANTS), wide) is not None
    assert truth.counterexample(ends, lambda e: barrier(losses(e[0], 1 / e[0], e[1] * e[0], 0.0), "mean-end") > 0.2) is not None


def test_two_failed_ends_have_no_barrier():
    """Both at f = 0: L = ¼ throughout, so matching is meant relative to a level that has learned."""
    path = losses(1.5, 0.0, -0.7, 0.0)
    assert np.allclose(path, 0.25)
