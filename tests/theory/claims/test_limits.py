"""The tables of limits of T2a, T2b and T4, cell by cell: what ``limit_case`` predicts is where the integrated flow goes."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from theory.explanations import CASES, limit_case
from theory.one_input import Branches

SIZES = {"+": (1.3, 0.5), "0": (0.7, 0.7), "-": (0.4, 1.1)}
HITS = ("crosses", "crosses, fits right", "crosses down", "sticks")
SIGNS = (1.0, 0.0, -1.0)


def line_cells():
    """Every sign of a0, w0, c, β₋ and β₊, the axes included, and empty branches."""
    for c, (outer, inner) in SIZES.items():
        for i in SIGNS:
            for j in SIGNS:
                if c == "+" or (i and (j or c != "-")):
                    for minus in (0.3, 0.0, -0.3):
                        for plus in (1.5, 0.0, -0.5):
                            yield i * outer, j * inner, Branches(0.4, plus, 0.6, minus)
    yield from ((0.0, sign * 1.1, Branches(0.4, 1.5, 0.6, minus)) for sign in SIGNS for minus in (0.3, 0.0, -0.3))
    yield from ((i * 1.3, j * 0.5, Branches(0.0, 0.0, 0.6, 0.3)) for i in SIGNS for j in SIGNS)
    yield from ((i * 1.3, j * 0.5, Branches(0.4, 1.5, 0.0, 0.0)) for i in SIGNS for j in SIGNS)


def plane_cells():
    """Inside; below and on the cone, θ0 ∈ (0, π) and 0; θ0 = π for every sign of a0 and c; w0 = 0."""
    for a in (1.3, 1.0, 0.4, 0.0, -0.4, -1.0, -1.3):
        for psi in (0.0, 0.7, 2.5, math.pi):
            yield a, 1.0, psi


def vector(r, psi):
    return [-r if psi == 0 else r if psi == math.pi else -r * math.cos(psi), r * math.sin(psi) * (0 < psi < math.pi)]


def agrees(found, end, scale):
    same = np.allclose((found.a, found.w[0]), (end.a, end.w1), rtol=1e-5, atol=2e-5 * scale)
    return same and not (found.w[0] != 0 and found.w[0] * end.w1 <= 0)


def test_every_cell_is_where_the_flow_goes(truth):
    reached = set()
    for a, w, branches in line_cells():
        found, end = limit_case(a, [w], branches), truth.line(a, w, branches)
        assert agrees(found, end, 1.0), (a, w, branches, found, end)
        fits = math.isclose(end.a * end.w1, branches.beta_plus, rel_tol=1e-3)
        assert found.learns == (end.w1 > 0 and branches.beta_plus > 0 and fits)
        assert end.hits == (found.case in HITS)
        assert found.case not in ("a turns, fits left", "a turns, fits right") or end.a * a <= 0
        reached.add(found.case)
    for a, r, psi in plane_cells():
        found, end = limit_case(a, vector(r, psi)), truth.plane(a, r, psi)
        assert agrees(found, end, 1.0), (a, r, psi, found, end)
        assert found.learns == (end.w1 > 0 and math.isclose(end.a * end.w1, 1, rel_tol=1e-3))
        reached.add(found.case)
    reached.add(limit_case(0.5, [0.0, 0.0]).case)
    assert reached == set(CASES)


def test_the_table_of_signs_is_complete():
    """T2b's four quadrants by three signs of c by the sign of β₋: as many cells as the table has."""
    seen = {limit_case(a, [w], b).signs for a, w, b in line_cells() if a and w and b.beta_plus > 0 and b.s_minus and b.s_plus}
    assert len(seen) == 4 * 3 * 3


VALUES = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(-3, 3).map(lambda v: round(v, 2)))
BRANCHES = st.builds(Branches, st.just(0.5), VALUES, st.sampled_from([0.0, 0.3, 0.3, 0.3]), VALUES)
SCALES = st.sampled_from([1e-6, 1e-3, 1.0, 1.0, 1e3, 1e6])


@given(VALUES, VALUES, BRANCHES, SCALES)
def test_anywhere_with_one_input(truth, a, w, branches, scale):
    a, w = scale * a, scale * w
    found, end = limit_case(a, [w], branches), truth.line(a, w, branches)
    assert agrees(found, end, max(abs(a), abs(w)))
    assert end.hits == (found.case in HITS)


@given(VALUES, st.floats(0.05, 3), st.one_of(st.just(0.0), st.just(math.pi), st.floats(1e-3, math.pi - 1e-3)), SCALES)
def test_anywhere_on_the_population(truth, a, r, psi, scale):
    w = vector(scale * r, psi)
    r, a = float(np.linalg.norm(w)), scale * a
    assert agrees(limit_case(a, w), truth.plane(a, r, psi), max(abs(a), r))


def test_a_swapped_table_would_be_noticed(truth):
    """Negative control: the table with β₋ for −β₋ is false."""

    def holds(case):
        a, w, b = case
        return agrees(limit_case(a, [w], b._replace(beta_minus=-b.beta_minus)), truth.line(a, w, b), max(abs(a), abs(w)))

    assert truth.counterexample(st.tuples(VALUES, VALUES, BRANCHES), holds) is not None
