"""T2: the closed form of the one-input flow against a numerical solver, its laws, and proofs.md's table of limits."""

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

from theory.one_input import POPULATION, Branches, branch_flow, branch_statistics, flow, noise_escape_time, ratio

INF = np.inf
VALUES = st.floats(-3, 3).map(lambda v: round(v, 3))
POSITIVE = st.floats(0.05, 2).map(lambda v: round(v, 3))
TIMES = st.floats(0, 30)
BRANCHES = st.builds(Branches, POSITIVE, VALUES, POSITIVE, VALUES)


def solve_branch(a0, w0, s, beta, t, stop=True):
    def speed(_, y):
        return s * y[1] * (beta - y[0] * y[1]), s * y[0] * (beta - y[0] * y[1])

    def zero(_, y):
        return y[1]

    zero.terminal, zero.direction = stop, -np.sign(w0)
    return solve_ivp(speed, (0, t), (a0, w0), method="DOP853", rtol=1e-12, atol=1e-14, events=zero)


def solve(a0, w0, branches, t):
    """The same flow by an integrator that stops at w = 0 and asks Filippov's question there."""
    if w0 == 0:
        return a0, 0.0
    right = w0 > 0
    near, far = (branches[:2], branches[2:]) if right else (branches[2:], branches[:2])
    first = solve_branch(a0, w0, *near, t)
    if not first.t_events[0].size:
        return tuple(first.y[:, -1])
    a, left = first.y_events[0][0][0], t - first.t_events[0][0]
    if a * near[1] * w0 >= 0:  # a false event: w fades, and the solver's rounding errors carry it through zero
        return a, 0.0
    speed = far[0] * a * far[1]
    if speed * (-1 if right else 1) <= 0:
        return a, 0.0
    second = solve_branch(a, np.sign(speed) * 1e-200, *far, left, stop=False)
    return tuple(second.y[:, -1])


@given(VALUES, VALUES, BRANCHES, TIMES)
def test_the_flow_equals_the_integrated_flow(a0, w0, branches, t):
    assume(w0 == 0 or abs(w0) > 1e-2)
    c = a0**2 - w0**2
    assume(abs(c) > 1e-2 or c == 0)
    found, expected = np.array(flow(a0, w0, branches, t)), np.array(solve(a0, w0, branches, t))
    assert np.allclose(found, expected, rtol=1e-7, atol=1e-7), (found, expected)


@given(VALUES, VALUES, BRANCHES)
def test_time_zero_is_the_start(a0, w0, branches):
    assert np.allclose(flow(a0, w0, branches, 0.0), (a0, w0), rtol=1e-14, atol=0)


@given(VALUES, VALUES, BRANCHES, TIMES, TIMES)
def test_two_phases_are_one(a0, w0, branches, first, second):
    """Away from w = 0, where the flow rests in the sense of the code even if Filippov's would go on."""
    middle = flow(a0, w0, branches, first)
    assume(abs(middle[1]) > 1e-6)
    whole = np.array(flow(a0, w0, branches, first + second))
    assert np.allclose(np.array(flow(*middle, branches, second)), whole, rtol=1e-7, atol=1e-7)


@given(VALUES, VALUES, BRANCHES, st.one_of(TIMES, st.just(INF)))
def test_conserved(a0, w0, branches, t):
    """c stays until w reaches zero and rests there, where it already has a² = c."""
    a, w = flow(a0, w0, branches, t)
    assert (a - w) * (a + w) == pytest.approx((a0 - w0) * (a0 + w0), rel=1e-9, abs=1e-9)


@given(VALUES, VALUES, BRANCHES, st.one_of(TIMES, st.just(INF)), st.sampled_from([1e-30, 1e-8, 1e8, 1e30]))
def test_scales(a0, w0, branches, t, scale):
    """(a, w) → λ(a, w), β → λ²β, s → s/λ² maps solutions to solutions."""
    s, b = scale**-2, scale**2
    scaled = Branches(branches[0] * s, branches[1] * b, branches[2] * s, branches[3] * b)
    found = np.array(flow(scale * a0, scale * w0, scaled, t)) / scale
    assume(abs(a0**2 - w0**2) > 1e-6 or a0**2 == w0**2)
    assert np.allclose(found, flow(a0, w0, branches, t), rtol=1e-6, atol=1e-6)


@given(VALUES, VALUES, POSITIVE, VALUES, TIMES)
def test_symmetries_of_a_branch(a0, w0, s, beta, t):
    a, w = branch_flow(a0, w0, s, beta, t)
    assert np.allclose(branch_flow(-a0, -w0, s, beta, t), (-a, -w), rtol=1e-12, atol=0)
    assert np.allclose(branch_flow(-a0, w0, s, -beta, t), (-a, w), rtol=1e-12, atol=0)
    assert np.allclose(branch_flow(w0, a0, s, beta, t), (w, a), rtol=1e-9, atol=1e-12)


@given(VALUES, VALUES, POSITIVE, VALUES, st.floats(0, 3))
def test_the_ratio_solves_for_w_over_a(a0, w0, s, beta, t):
    assume(abs(a0) > 1e-2)
    assume(abs(beta) > 1e-2)
    a, w = branch_flow(a0, w0, s, beta, t)
    assume(abs(a) > 1e-3)
    assert ratio(a0, w0, s, beta, t) == pytest.approx(w / a, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(("p0", "beta"), [(0.25, 1.0), (4.0, 1.0), (-0.25, 1.0), (0.25, -1.0), (-4.0, -1.0)])
def test_balanced_is_logistic(p0, beta):
    """c = 0: p(t) = β/(1 + (β/p0 − 1) exp(−2sβ sgn(p0) t)); with the sign of p0, which the published form lacks."""
    root, t, s = np.sqrt(abs(p0)), np.linspace(0, 5, 11), 0.5
    a, w = branch_flow(root, np.sign(p0) * root, s, beta, t)
    assert np.allclose(a * w, beta / (1 + (beta / p0 - 1) * np.exp(-2 * s * beta * np.sign(p0) * t)), rtol=1e-12)


def test_balanced_without_pull_decays_like_one_over_t():
    t = np.array([0.0, 1.0, 1e3, 1e9])
    a, w = branch_flow(2.0, -2.0, 0.5, 0.0, t)
    assert np.allclose(a * w, -4 / (1 + 4 * t), rtol=1e-12)
    assert branch_flow(2.0, -2.0, 0.5, 0.0, INF) == (0, 0)


# proofs.md, T2b: the limits for β₊ > 0 by the signs of a0, w0, of c and of β₋. "b+" and "b-" are p → β± there.
LIMITS = {
    ("+", "+", "+"): ("learns",) * 3,
    ("+", "+", "0"): ("learns",) * 3,
    ("+", "+", "-"): ("learns",) * 3,
    ("+", "-", "+"): ("learns", "b-", "b-"),
    ("+", "-", "0"): ("origin", "origin", "b-"),
    ("+", "-", "-"): ("b-", "b-", "b-"),
    ("-", "+", "+"): ("b-", "rests", "rests"),
    ("-", "+", "0"): ("origin", "origin", "origin"),
    ("-", "+", "-"): ("learns",) * 3,
    ("-", "-", "+"): ("b-", "b-", "rests"),
    ("-", "-", "0"): ("b-", "origin", "origin"),
    ("-", "-", "-"): ("b-", "b-", "b-"),
}
SIZES = {"+": (1.3, 0.5), "0": (0.7, 0.7), "-": (0.4, 1.1)}


def reached(limit, a, w, c, beta):
    if limit == "learns":
        return w > 0 and np.isclose(a * w, 1.5, rtol=1e-6) and np.isclose(a * a - w * w, c, rtol=1e-6, atol=1e-9)
    if limit == "b-":
        return w <= 0 and np.isclose(a * w, beta, rtol=1e-6, atol=1e-6) and np.isclose(a * a - w * w, c, atol=1e-6)
    if limit == "rests":
        return w == 0 and np.isclose(a, -np.sqrt(c))
    return abs(a) < 1e-3 and abs(w) < 1e-3


@pytest.mark.parametrize("t", [INF, 1e7])
@pytest.mark.parametrize("place", range(3), ids=["β₋>0", "β₋=0", "β₋<0"])
@pytest.mark.parametrize("cell", LIMITS, ids="".join)
def test_the_table_of_limits(cell, place, t):
    outer, inner, sign = cell
    size = SIZES[sign]
    a0, w0 = (float(f"{s}{v}") for s, v in zip((outer, inner), size, strict=True))
    beta = (0.3, 0.0, -0.3)[place]
    a, w = flow(a0, w0, Branches(0.4, 1.5, 0.6, beta), t)
    assert reached(LIMITS[cell][place], a, w, a0 * a0 - w0 * w0, beta), (a, w)


def test_in_the_table_learning_is_the_unified_rule():
    """a0 + w0 > 0 and (w0 > 0, or w0 < 0 and β₋ > 0)."""
    for (outer, inner, sign), limits in LIMITS.items():
        above = {"++": True, "--": False, "+-": sign == "+", "-+": sign == "-"}[outer + inner]
        for beta, limit in zip((1, 0, -1), limits, strict=True):
            assert (limit == "learns") == (above and (inner == "+" or beta > 0))


def test_without_pull_to_the_right_the_crossing_ends_at_zero():
    """β₊ ≤ 0 < β₋: both sides pull towards w = 0, and the neuron sticks."""
    for beta_plus in (-0.5, 0.0):
        a, w = flow(1.3, -0.5, Branches(0.4, beta_plus, 0.6, 0.3), INF)
        assert w == 0
        assert a == pytest.approx(1.2)


def test_an_empty_branch_does_not_move():
    assert flow(1.0, -0.5, Branches(0.5, 1.0, 0.0, 0.0), INF) == (1.0, -0.5)
    assert flow(0.0, -0.5, POPULATION, 7.0) == (0.0, -0.5)
    a, w = flow(1.3, -0.5, Branches(0.0, 0.0, 0.6, 0.3), INF)
    assert (w, float(a)) == (0, pytest.approx(1.2))


@given(st.floats(0.2, 2), st.floats(0.2, 2), st.floats(0.1, 2), st.sampled_from([1, -1]), st.floats(0, 20))
def test_nearly_balanced_is_continuous(a, s, beta, side, t):
    for epsilon in (1e-7, 1e-10, 1e-13):
        near = np.array(branch_flow(a, -a * (1 + side * epsilon), s, beta, t))
        x = s * beta * t
        assert np.abs(near - branch_flow(a, -a, s, beta, t)).max() < 10 * epsilon * np.exp(2 * x) + 1e-12


def test_late_times_tend_to_the_limit_without_cancellation():
    rng = np.random.default_rng(0)
    a0, w0, beta = rng.normal(size=(3, 2000))
    late, limit = (np.array(branch_flow(a0, w0, 0.5, beta, t)) for t in (1e6, INF))
    settled = np.hypot(2 * beta, a0**2 - w0**2) > 1e-3
    assert np.allclose(late[:, settled], limit[:, settled], rtol=1e-12, atol=1e-13)
    assert np.isfinite(late).all()


def test_a_small_difference_of_squares_is_kept():
    """c = 1e-12 exactly, where a² − w² would lose all but four digits."""
    w0 = -1.0
    a0 = np.sqrt(1 + 1e-12)
    c = (a0 - 1) * (a0 + 1)
    a, w = branch_flow(a0, w0, 0.5, 0.0, INF)
    assert a == pytest.approx(np.sqrt(c), rel=1e-9)
    assert abs(w) <= 1e-15


STUCK = {"a": st.floats(0.3, 3), "share": st.floats(0.05, 0.95), "s": st.floats(0.1, 2), "beta": st.floats(0.01, 2)}


@given(**STUCK)
def test_the_escape_time_is_where_the_flow_crosses(a, share, s, beta):
    w = -share * a
    time = float(noise_escape_time(a, w, s, beta))

    def first(t):
        return branch_flow(a, w, s, beta, t)[1]

    assert first(time * (1 - 1e-6)) < 0 < first(time * (1 + 1e-6))
    assert brentq(first, 0.5 * time, 1.5 * time, xtol=1e-14 * time) == pytest.approx(time, rel=1e-9)


@given(**STUCK)
def test_the_escape_time_equals_its_integral(a, share, s, beta):
    """T× = ∫ dw / (s a (β − a w)) with a = √(c + w²), from −|w0| to 0."""
    c = a * a * (1 - share) * (1 + share)
    value, _ = quad(lambda w: 1 / (s * np.hypot(np.sqrt(c), w) * (beta - np.hypot(np.sqrt(c), w) * w)), -share * a, 0,
                    epsabs=0, epsrel=1e-11, limit=200)  # fmt: skip
    assert float(noise_escape_time(a, -share * a, s, beta)) == pytest.approx(value, rel=1e-8)


@given(**STUCK, scale=st.sampled_from([1e-20, 1e-3, 1e3, 1e20]))
def test_the_escape_time_scales_and_falls(a, share, s, beta, scale):
    time = noise_escape_time(a, -share * a, s, beta)
    assert noise_escape_time(scale * a, -scale * share * a, s / scale**2, beta * scale**2) == pytest.approx(time, rel=1e-9)
    assert noise_escape_time(a, -share * a, s, beta * 1.01) < time
    assert noise_escape_time(a, -share * a, 2 * s, beta) == pytest.approx(time / 2)
    assert noise_escape_time(a, -share * a * 0.99, s, beta) < time


def test_the_escape_time_is_logarithmic_as_c_vanishes():
    """c → 0⁺ gives ∞, one unit of ln c / (2sβ) at a time, without losing digits."""
    c = 10.0 ** -np.arange(6, 15)
    a, w = np.sqrt(1 + c), -1.0
    exact = noise_escape_time(a, w, 0.5, 0.3)
    assert np.allclose(np.diff(exact), np.log(10) / (2 * 0.5 * 0.3), rtol=1e-2)


def test_where_nothing_crosses():
    cases = {
        (1.0, 0.5, 0.5, 0.1): 0.0,
        (1.0, -0.5, 0.5, 0.0): INF,
        (1.0, -0.5, 0.5, -0.1): INF,
        (1.0, -1.0, 0.5, 0.1): INF,
        (0.5, -1.0, 0.5, 0.1): INF,
        (-1.0, -0.5, 0.5, 0.1): INF,
        (0.0, -0.5, 0.5, 0.1): INF,
        (1.0, -0.5, 0.0, 0.1): INF,
        (1.0, 0.0, 0.5, 0.1): 0.0,
    }
    assert [float(noise_escape_time(*case)) for case in cases] == list(cases.values())
    columns = np.array(list(cases)).T
    assert noise_escape_time(*columns).tolist() == list(cases.values())


@pytest.mark.parametrize("case", [(1.0, -0.5, -0.1, 0.1), (np.nan, -0.5, 0.5, 0.1), (1.0, -0.5, 0.5, np.nan)])
def test_the_escape_time_refuses(case):
    with pytest.raises(ValueError, match="without NaN"):
        noise_escape_time(*case)


def test_the_results_do_not_depend_on_the_batch():
    rng = np.random.default_rng(2)
    a0, w0, beta = rng.normal(size=(3, 200))
    for t in (0.7, 40.0, INF):
        together = flow(a0, w0, Branches(0.5, 1.0, 0.5, beta), t)
        alone = [flow(a0[i], w0[i], Branches(0.5, 1.0, 0.5, beta[i]), t) for i in range(200)]
        assert np.array_equal(np.array(alone).T, np.array(together))


def test_branch_statistics_are_least_squares_on_each_branch():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 5, 40))
    found = branch_statistics(x, y)
    for i in range(5):
        for on, s, beta in ((x[i] > 0, found[0][i], found[1][i]), (x[i] < 0, found[2][i], found[3][i])):
            assert s == pytest.approx((x[i][on] ** 2).sum() / 40)
            assert beta == pytest.approx(np.linalg.lstsq(x[i][on, None], y[i][on])[0][0])
    empty = branch_statistics([1.0, 2.0], [1.0, 2.0])
    assert (empty.s_minus, empty.beta_minus) == (0, 0)


@pytest.mark.parametrize(("x", "y"), [([], []), ([1.0], [1.0, 2.0]), (1.0, 1.0)])
def test_branch_statistics_refuse(x, y):
    with pytest.raises(ValueError, match="n ≥ 1"):
        branch_statistics(x, y)


@pytest.mark.parametrize(
    ("a0", "w0", "branches"),
    [
        (-7.384139812679596e-06, 7.3841398126795976e-06, Branches(0.5, 1.5, 0.3, 0.0)),
        (-0.13606872918929577, 0.1360687291892958, Branches(0.5, 1.0, 0.3, 0.3)),
    ],
)
def test_the_limit_beside_the_boundary(a0, w0, branches):
    """a0 + w0 is some ulps above zero: the numerators of the Möbius map must not cancel."""
    a, w = flow(a0, w0, branches, np.inf)
    assert a * w == pytest.approx(branches.beta_plus, rel=1e-12)
    assert w > 0


def test_limits_near_equal_sizes_against_exact_arithmetic():
    """|a0| and |w0| from equal to 1e-3 apart, all signs: the formula in 60 digits."""
    draw = np.random.default_rng(0)
    for _ in range(200):
        w0 = float(draw.choice([-1, 1]) * 10 ** draw.uniform(-4, 1))
        a0 = float(draw.choice([-1, 1]) * w0 * (1 + draw.choice([-1, 1]) * 10 ** draw.uniform(-16, -3)))
        beta = float(draw.choice([-1, 1]) * 10 ** draw.uniform(-3, 1))
        with mpmath.workdps(60):
            a, w, b = (mpmath.mpf(v) for v in (a0, w0, beta))
            c = (a - w) * (a + w)
            if c == 0:
                continue
            omega = mpmath.sqrt(4 * b * b + c * c)
            root = mpmath.sqrt(2 * (c * c + omega * (a * a + w * w) + 4 * b * a * w))
            exact = [float((x * (omega + side * c) + 2 * b * y) / root) for x, y, side in ((a, w, 1), (w, a, -1))]
        found = [float(v) for v in branch_flow(a0, w0, 1.0, beta, np.inf)]
        assert found == pytest.approx(exact, rel=1e-9), (a0, w0, beta)
