"""T4: the exact basin of the teacher and the limits outside it, against the integrated population flow."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.dense_flow import dense_limit, in_basin

SCALES = st.sampled_from([1e-6, 1e-3, 0.1, 1.0, 1.0, 10.0, 1e3, 1e6])
SIZES = st.floats(0.05, 3)


@st.composite
def starts(draw):
    """(a0, ‖w0‖, ψ0 = π − θ0): anywhere; on the cone a0 = −‖w0‖, few ulp or 1e-12 beside it; a0 = 0; θ0 at and near 0 and π."""
    r, scale = draw(SIZES), draw(SCALES)
    kind = draw(st.sampled_from(["any", "any", "any", "cone", "ulp", "near", "balanced", "a0 = 0"]))
    a = {
        "any": round(draw(st.floats(-3, 3)), 6),
        "cone": -r,
        "ulp": -r * (1 + draw(st.sampled_from([-3, -1, 1, 3])) * 2.3e-16),
        "near": -r * (1 + draw(st.sampled_from([-1e-12, 1e-12, -1e-9]))),
        "balanced": r,
        "a0 = 0": 0.0,
    }[kind]
    edges = st.sampled_from([0.0, math.pi, 1e-6, 1e-3, math.pi - 1e-6, math.pi / 2])
    return scale * a, scale * r, draw(st.one_of(st.floats(1e-3, math.pi - 1e-3), st.floats(1e-3, math.pi - 1e-3), edges))


def learned(end):
    return end.w1 > 0 and abs(end.a * end.w1 - 1) < 1e-3 and end.across < 1e-3 * end.w1


def vector(r, psi):
    """w0 in the plane, exact on the two rays."""
    return np.array([-r if psi == 0 else r if psi == math.pi else -r * math.cos(psi), r * math.sin(psi) * (0 < psi < math.pi)])


BASINS = {
    "true": lambda a, r, psi: a > -r and psi > 0,
    "a0 ≥ −‖w0‖": lambda a, r, psi: a >= -r and psi > 0,
    "θ0 ≤ π": lambda a, r, psi: a > -r,
    "a0 > 0": lambda a, r, psi: a > 0 and psi > 0,
    "the sparse basin": lambda a, r, psi: -r * math.cos(psi) > 0 and a > r * math.cos(psi),
    "w_1 > 0": lambda a, r, psi: a > -r and psi > math.pi / 2,
}


def holds(truth, start, basin=BASINS["true"]):
    return learned(truth.plane(*start)) == basin(*start)


@given(starts())
def test_the_basin(truth, start):
    assert holds(truth, start)


@pytest.mark.parametrize("name", [name for name in BASINS if name != "true"])
def test_false_basins_are_falsified(truth, name):
    assert truth.counterexample(starts(), lambda start: holds(truth, start, BASINS[name]), 600) is not None


@given(starts())
def test_the_basin_in_code(start):
    """The same set in coordinates, wherever rounding of ‖w0‖ does not decide."""
    a, r, psi = start
    w = vector(r, psi)
    norm = np.linalg.norm(w, axis=-1)
    assert in_basin(a, w) == BASINS["true"](a, norm, psi)
    if psi == math.pi:  # the kink of one input
        assert in_basin(a, w[:1]) == (w[0] > 0 and a > -w[0])


def limit(a, r, psi, flip=False):
    """T4's table: (a, w_1)."""
    c = (a - r) * (a + r) * (-1 if flip else 1)
    if BASINS["true"](a, r, psi):
        large = math.sqrt((abs(c) + math.hypot(c, 2)) / 2)
        return (large, 1 / large) if c >= 0 else (1 / large, large)
    if psi == 0:
        root = math.sqrt(abs(c))
        return (math.copysign(root, a), 0.0) if c > 0 else (0.0, -root)
    return -math.sqrt(max(c, 0.0)), 0.0


def goes(truth, start, limit=limit):
    end = truth.plane(*start)
    return np.allclose((end.a, end.w1), limit(*start), rtol=1e-4, atol=1e-5 * max(abs(start[0]), start[1]))


@given(starts())
def test_the_limits(truth, start):
    assert goes(truth, start)
    a, r, psi = start
    w = vector(r, psi)
    found_a, found_w = dense_limit(a, w)
    wanted, _ = limit(a, float(np.linalg.norm(w)), psi)  # not r: where a = −r, its rounding decides on which side w lies
    assert (found_a, found_w[1]) == (pytest.approx(wanted, rel=1e-6, abs=1e-7 * max(abs(a), r)), 0.0)


def test_false_limits_are_falsified(truth):
    for false in (lambda *start: limit(*start, flip=True), lambda *start: (1.0, 1.0), lambda a, r, psi: limit(abs(a), r, psi)):
        assert truth.counterexample(starts(), lambda start, false=false: goes(truth, start, false), 600) is not None


@given(st.floats(0.05, 3), st.floats(1e-3, 2), st.floats(0.3, math.pi - 0.3), st.sampled_from([1e-6, 1e-3, 1.0]))
def test_below_the_cone_the_angle_closes_like_the_norm(truth, size, excess, psi, scale):
    """a0 < −‖w0‖, θ0 ∈ (0, π): ψ/r → π√c."""
    a, r = -scale * size * (1 + excess), scale * size
    end = truth.plane(a, r, psi)
    assert end.across / end.w1**2 == pytest.approx(math.pi * math.sqrt((a - r) * (a + r)), rel=2e-2)
    assert end.w1 < 0
