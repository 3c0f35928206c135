"""T2, T2a, T2b, T2c: one input, against the flow integrated from its definition and gradients of finite samples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from theory.one_input import POPULATION, Branches, branch_flow, branch_statistics, noise_escape_time, ratio

SCALES = st.sampled_from([1e-6, 1e-3, 1.0, 1.0, 1e3, 1e6])
SIGNS = st.sampled_from([1.0, -1.0])
SIZES = st.floats(0.05, 3)
BETAS = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 1e-3]), st.floats(-2, 2).map(lambda v: round(v, 2)))
SPEEDS = st.floats(0.1, 2)


@st.composite
def starts(draw):
    """(a0, w0): anywhere, on the cone |a0| = |w0|, a few ulp or 1e-12 beside it, on the axes; at any scale."""
    size, scale = draw(SIZES), draw(SCALES)
    kind = draw(st.sampled_from(["any", "any", "cone", "ulp", "near", "a0 = 0", "w0 = 0"]))
    other = {
        "any": draw(SIZES),
        "cone": size,
        "ulp": size * (1 + draw(st.sampled_from([-3, -1, 1, 3])) * 2.3e-16),
        "near": size * (1 + draw(st.sampled_from([-1e-12, 1e-12, 1e-9]))),
        "a0 = 0": 0.0,
        "w0 = 0": size,
    }[kind]
    outer, inner = (size, 0.0) if kind == "w0 = 0" else (other, size)
    return scale * draw(SIGNS) * outer, scale * draw(SIGNS) * inner


ALL_BRANCHES = st.builds(Branches, SPEEDS, BETAS, st.one_of(st.just(0.0), SPEEDS), BETAS)
FITTING = ALL_BRANCHES.filter(lambda b: b.beta_plus > 0)
SAMPLES = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 30), st.sampled_from([0.0, 0.3, 2.0]), st.integers(0, 2))


def sample(seed, n, sigma, side):
    """Inputs and labels; ``side`` 1 and 2 leave a branch empty."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    x = [x, abs(x), -abs(x)][side]
    return x, np.maximum(x, 0) + sigma * rng.normal(size=n)


def force(a, w, x, y):
    """(ȧ, ẇ) = −∇ (1/2n) Σ (a φ(w x) − y)², by definition."""
    residual = y - a * np.maximum(w * x, 0)
    return (residual * np.maximum(w * x, 0)).mean(), (residual * a * (w * x > 0) * x).mean()


@given(starts(), SAMPLES)
def test_T2_the_gradient_of_a_sample_is_that_of_its_branch(start, drawn):
    (a, w), (x, y) = start, sample(*drawn)
    s_plus, beta_plus, s_minus, beta_minus = branch_statistics(x, y)
    s, beta = (s_plus, beta_plus) if w > 0 else (s_minus, beta_minus)
    found = np.array([s * w * (beta - a * w), s * a * (beta - a * w)]) * (w != 0)
    size = (abs(a) + abs(w)) * (np.abs(x * y).mean() + abs(a * w) * (x * x).mean())
    assert np.allclose(found, force(a, w, x, y), rtol=0, atol=1e-13 * size)


@given(starts(), SAMPLES)
def test_T2_the_product(start, drawn):
    """ṗ = s(β − p)√(c² + 4p²), where ṗ = ȧ w + a ẇ."""
    (a, w), (x, y) = start, sample(*drawn)
    s_plus, beta_plus, s_minus, beta_minus = branch_statistics(x, y)
    s, beta = (s_plus, beta_plus) if w > 0 else (s_minus, beta_minus)
    by_a, by_w = force(a, w, x, y)
    p, c = a * w, (a - w) * (a + w)
    size = (a * a + w * w) * (np.abs(x * y).mean() + abs(p) * (x * x).mean())
    assert by_a * w + a * by_w == pytest.approx(s * (beta - p) * math.hypot(c, 2 * p) * (w != 0), rel=0, abs=1e-12 * size)


def at_time(truth, a, w, s, beta, t):
    """(a, w) on one branch."""

    def speed(_, y):
        pull = s * (beta - y[0] * y[1])
        return y[1] * pull, y[0] * pull

    return truth.advance(speed, [a, w], 0.0, 1e-12, 1e-14)(t) if t else [a, w]


LOGISTIC = st.tuples(
    st.floats(0.1, 2), SIGNS, st.floats(0.1, 2), st.floats(-2, 2).filter(lambda b: abs(b) > 1e-3), st.floats(1e-3, 4)
)


def logistic(truth, case, sign_of_p=True):
    size, sign, s, beta, t = case
    a, w = at_time(truth, size, sign * size, s, beta, t)
    p0 = sign * size * size
    bend = 1 + (beta / p0 - 1) * math.exp(-2 * s * beta * (sign if sign_of_p else 1.0) * t)
    return abs(a * w * bend - beta) <= 1e-8 * (1 + abs(bend) * abs(a * w))


@given(LOGISTIC)
def test_T2_balanced_is_logistic(truth, case):
    assert logistic(truth, case)


def test_T2_without_the_sign_it_is_not(truth):
    assert truth.counterexample(LOGISTIC, lambda case: logistic(truth, case, sign_of_p=False)) is not None


@given(LOGISTIC)
def test_T2_balanced_with_slope_zero(truth, case):
    size, sign, s, _, t = case
    a, w = at_time(truth, size, sign * size, s, 0.0, t)
    p0 = sign * size * size
    assert a * w == pytest.approx(p0 / (1 + 2 * s * abs(p0) * t), rel=1e-8)


NUMBERS = st.floats(-2, 2).map(lambda v: round(v, 6))
RICCATI = st.tuples(NUMBERS, NUMBERS, st.floats(0.1, 2), BETAS, st.floats(1e-3, 3)).filter(
    lambda case: abs(case[0]) > 0.05 and abs(case[0] ** 2 - case[1] ** 2) + abs(case[3]) > 1e-3
)


def moebius(truth, case, formula=ratio):
    a, w = at_time(truth, *case)
    return abs(w - a * formula(*case)) <= 1e-7 * (abs(w) + abs(a * formula(*case)) + 1e-3) or abs(a) < 1e-3


@given(RICCATI)
def test_T2c_the_ratio_is_a_moebius_map(truth, case):
    assert moebius(truth, case)
    a, w = branch_flow(*case)
    assert np.allclose([a, w], at_time(truth, *case), rtol=1e-7, atol=1e-9)


def false_ratio(kind):
    def formula(a, w, s, beta, t):
        c = (a * a - w * w) * (-1 if kind == "sign of c" else 1)
        omega = math.sqrt((2 if kind == "ω² = 2β² + c²" else 4) * beta**2 + c * c)
        kappa = math.tanh(s * omega * t / (1 if kind == "no half" else 2)) / omega
        return (w + (2 * beta * a - c * w) * kappa) / (a + (c * a + 2 * beta * w) * kappa)

    return formula


@pytest.mark.parametrize("kind", ["sign of c", "ω² = 2β² + c²", "no half"])
def test_T2c_false_maps_are_falsified(truth, kind):
    assert truth.counterexample(RICCATI, lambda case: moebius(truth, case, false_ratio(kind))) is not None
    assert truth.counterexample(RICCATI, lambda case: moebius(truth, case, false_ratio("none")), 200) is None


def learned(end, beta_plus=1.0):
    return end.w1 > 0 and beta_plus > 0 and abs(end.a * end.w1 - beta_plus) < 1e-3 * beta_plus


T2A = {
    "true": (True, lambda a, w: w > 0 and a > -w),
    "a0 ≥ −w0": (False, lambda a, w: w > 0 and a >= -w),
    "the published quadrant": (False, lambda a, w: w > 0 and a > 0),
    "a0 > −|w0|": (False, lambda a, w: w != 0 and a > -abs(w)),
    "w0 ≥ 0": (False, lambda a, w: w >= 0 and a > -w),
}


@given(starts())
def test_T2a_learns(truth, start):
    assert learned(truth.line(*start, POPULATION)) == T2A["true"][1](*start)


@pytest.mark.parametrize("name", [name for name, (true, _) in T2A.items() if not true])
def test_T2a_false_rules_are_falsified(truth, name):
    rule = T2A[name][1]
    assert truth.counterexample(starts(), lambda start: learned(truth.line(*start, POPULATION)) == rule(*start)) is not None


def outside(a, w, signed=True):
    """T2a's limits of all starts that do not learn."""
    c, sign = (a - w) * (a + w), math.copysign(1, a) if signed else 1.0
    if w == 0:
        return a, 0.0
    if w > 0:
        return -math.sqrt(max(c, 0.0)), 0.0
    return (sign * math.sqrt(c), 0.0) if c > 0 else (0.0, -math.sqrt(-c))


def goes(truth, start, limit=outside):
    end = truth.line(*start, POPULATION)
    return T2A["true"][1](*start) or np.allclose((end.a, end.w1), limit(*start), rtol=1e-6, atol=1e-6 * max(map(abs, start)))


@given(starts())
def test_T2a_the_other_limits(truth, start):
    assert goes(truth, start)
    end = truth.line(*start, POPULATION)
    a, w = start
    assert end.hits == (w > 0 and a < -w)  # in finite time; from w < 0 never
    assert w >= 0 or end.w1 <= 0


def test_T2a_false_limits_are_falsified(truth):
    for limit in (lambda a, w: outside(a, w, signed=False), lambda a, w: (0.0, 0.0)):
        assert truth.counterexample(starts(), lambda start, limit=limit: goes(truth, start, limit)) is not None


NOISY = st.tuples(starts(), FITTING.filter(lambda b: b.s_minus > 0))
T2B = {
    "true": lambda a, w, b: a + w > 0 and (w > 0 or (w < 0 and b.beta_minus > 0)),
    "a0 + w0 ≥ 0": lambda a, w, b: a + w >= 0 and (w > 0 or (w < 0 and b.beta_minus > 0)),
    "β₋ ≥ 0": lambda a, w, b: a + w > 0 and (w > 0 or (w < 0 and b.beta_minus >= 0)),
    "whatever c": lambda a, w, b: (w > 0 and a > -w) or (w < 0 < a and b.beta_minus > 0),
    "never escapes": lambda a, w, b: a + w > 0 and w > 0,
}


def rule_holds(truth, case, rule=T2B["true"]):
    start, branches = case
    return learned(truth.line(*start, branches), branches.beta_plus) == rule(*start, branches)


@given(NOISY)
def test_T2b_learns(truth, case):
    assert rule_holds(truth, case)


@pytest.mark.parametrize("name", [name for name in T2B if name != "true"])
def test_T2b_false_rules_are_falsified(truth, name):
    assert truth.counterexample(NOISY, lambda case: rule_holds(truth, case, T2B[name])) is not None


def test_T2b_needs_a_positive_slope_on_the_right(truth):
    every = st.tuples(starts(), ALL_BRANCHES.filter(lambda b: b.s_minus > 0))
    assert truth.counterexample(every, lambda case: rule_holds(truth, case)) is not None


def test_T2b_learning_is_more_than_fitting_a_branch(truth):
    """With β₊ < 0 the fit p → β₊ is reached as well, and it is not the teacher."""

    def holds(case):
        start, branches = case
        end = truth.line(*start, branches)
        fits = end.w1 > 0 and abs(end.a * end.w1 - branches.beta_plus) < 1e-3 * abs(branches.beta_plus)
        return fits == learned(end, branches.beta_plus)

    assert truth.counterexample(st.tuples(starts(), ALL_BRANCHES), holds) is not None


@given(starts(), FITTING)
def test_T2b_an_empty_branch_does_not_move(truth, start, branches):
    start, branches = (start[0], -abs(start[1])), branches._replace(s_minus=0.0)
    assert truth.line(*start, branches)[:2] == start


@given(starts(), FITTING.filter(lambda b: b.s_minus > 0 and b.beta_minus != 0))
def test_T2b_noise_frees_half_of_what_is_stuck(truth, start, branches):
    """P = ¼ + ½ P(noise-free), exactly over the four cases of (a0, w0) → ±(a0, w0), β₋ → ±β₋, where a0 + w0 ≠ 0 ≠ w0."""
    a, w = start
    if a + w == 0 or w == 0:
        return
    cases = [(i * a, i * w, branches._replace(beta_minus=j * branches.beta_minus)) for i in (1, -1) for j in (1, -1)]
    noisy = np.mean([learned(truth.line(*case), branches.beta_plus) for case in cases])
    free = np.mean([learned(truth.line(i * a, i * w, POPULATION)) for i in (1, -1)])
    assert noisy == 0.25 + 0.5 * free


CROSSING = st.tuples(st.floats(0.1, 3), st.floats(0.01, 1.5), st.floats(0.1, 2), st.floats(1e-3, 2))


def crossing_time(truth, a, w, s, beta):
    """With w as the clock: da/dw = w/a, dt/dw = 1/ẇ."""

    def speed(w, y):
        return w / y[0], 1 / (s * y[0] * (beta - y[0] * w))

    return truth.advance(speed, [a, 0.0], -w, 1e-11, 1e-13)(0.0)[1]


def time_holds(truth, case, formula=noise_escape_time):
    a, w, s, beta = case
    if a <= w:
        return math.isinf(formula(a, -w, s, beta)) and truth.line(a, -w, Branches(1, 1, s, beta)).hits == 0
    return formula(a, -w, s, beta) == pytest.approx(crossing_time(truth, a, w, s, beta), rel=1e-7)


@given(CROSSING)
def test_T2b_the_escape_time(truth, case):
    assert time_holds(truth, case)


def test_T2b_false_times_are_falsified(truth):
    def printed(a, w, s, beta, factor=2.0, sign=1.0):
        c, omega = a * a - w * w, math.hypot(2 * beta, a * a - w * w)
        x = omega * abs(w) / (2 * beta * a + sign * c * abs(w))
        return factor / (s * omega) * math.atanh(x) if -1 < x < 1 else math.inf

    assert truth.counterexample(CROSSING, lambda case: time_holds(truth, case, printed), 50) is None
    for change in ({"factor": 1.0}, {"sign": -1.0}):
        false = lambda *x, change=change: printed(*x, **change)  # noqa: E731
        assert truth.counterexample(CROSSING, lambda case, false=false: time_holds(truth, case, false)) is not None


@given(st.floats(0.5, 3), st.floats(0.05, 0.45), st.floats(0.5, 20), st.floats(0.1, 1), st.integers(20, 1000))
def test_T2b_the_fraction_escaped(truth, a, w, t, sigma, n):
    """T× falls in β₋, so with β₋ ~ N(0, σ²/(n s)) the fraction escaped by t is Φ(−β_c √(n s)/σ), T×(β_c) = t."""
    s, low, high = 0.5, 1e-12, 1e12
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if noise_escape_time(a, -w, s, middle) > t else (low, middle)
    quantiles = norm.ppf((np.arange(12) + 0.5) / 12) * sigma / math.sqrt(n * s)
    escaped = np.mean([b > 0 and crossing_time(truth, a, w, s, b) <= t for b in quantiles])
    assert abs(escaped - norm.cdf(-high * math.sqrt(n * s) / sigma)) <= 0.042
