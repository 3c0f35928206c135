"""The population flow in reduced coordinates: DOP853 on w itself, T2, T4, T6 and T7, tolerances, bits, rare starts."""

import math
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from simulate import trials
from simulate.flow import population_path
from simulate.gd import End
from simulate.population_flow import population_flow
from theory import sign_escape_time
from theory.dense_flow import dense_limit, in_basin
from theory.dense_flow import population_flow as by_theory
from theory.one_input import POPULATION, Branches, flow

pytest.importorskip("numba")
torch = pytest.importorskip("torch")
module = sys.modules["simulate.population_flow"]
ENGINE = population_flow, module, "flow_on"
TIMES = [0.0, 0.5, 3.0, 20.0, 100.0]


def starts(count, d, seed=0, scale=1.0):
    """Of every kind: all quadrants, balanced with either sign, close to θ = π."""
    rng = np.random.default_rng(seed)
    a, w = scale * rng.standard_normal(count), scale * rng.standard_normal((count, d))
    r = np.linalg.norm(w, axis=-1)
    a[: count // 6], a[count // 6 : count // 4] = -r[: count // 6], r[count // 6 : count // 4]
    w[-3:, 1:] *= 1e-5
    w[-3:, 0] = -np.abs(w[-3:, 0])
    return a, w


def distance(a, w, other_a, other_w):
    """Relative to max(|a|, ‖w‖)."""
    scale = np.maximum(np.abs(other_a), np.linalg.norm(other_w, axis=-1)) + 1e-300
    return np.maximum(np.abs(a - other_a), np.linalg.norm(w - other_w, axis=-1)) / scale


@pytest.mark.parametrize(("d", "scale"), [(2, 1.0), (5, 1.0), (3, 0.1), (2, 4.0)])
def test_agrees_with_the_flow_of_w_itself(run, d, scale):
    """DOP853 on (a, w_1, ln ‖w_⊥‖), with some weights pruned, e_1 among them."""
    a, w = starts(18, d, d, scale)
    mask = np.ones(w.shape, bool)
    mask[6:9, 0] = False
    if d > 2:
        mask[8:12, 1] = False
    w = np.where(mask, w, 0.0)
    found = run(a, w, TIMES[-1], mask=mask, at=TIMES)
    for i in range(len(a)):
        path = population_path(a[i], w[i], TIMES, mask[i])
        for k, time in enumerate(TIMES):
            near = distance(found.points[time][0][i], found.points[time][1][i], path.a[k], path.w[k])
            assert near < 2e-9 or np.linalg.norm(path.w[k]) < 1e-11, (i, time)


def test_the_other_sign_of_a_is_told_apart():
    """Negative control of the comparison above."""
    a, w = starts(18, 3)
    other = population_flow(-a, w, 3.0)
    path = [population_path(a[i], w[i], [3.0]) for i in range(len(a))]
    wrong = distance(other.a, other.w, np.array([p.a[0] for p in path]), np.array([p.w[0] for p in path]))
    assert (wrong > 1e-3).mean() > 0.9


reals = st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3)


@settings(max_examples=20, deadline=None)
@given(a=reals, w=st.lists(reals, min_size=2, max_size=4), t=st.floats(0.01, 100))
def test_agrees_with_theory(a, w, t):
    a, w = np.array([a]), np.array([w])
    assert distance(*population_flow(a, w, t)[:2], *by_theory(a, w, t))[0] < 1e-6


@settings(max_examples=60, deadline=None)
@given(a=reals, w=st.lists(reals, min_size=2, max_size=4), s=st.floats(0.0, 30), t=st.floats(0.1, 300))
def test_is_a_flow(a, w, s, t):
    """Φ_{s+t} = Φ_t ∘ Φ_s, c is conserved to rounding, and the directions of w_⊥ exactly (T1, T7)."""
    a, w = np.array([a]), np.array([w])
    first = population_flow(a, w, s)
    whole, two = population_flow(a, w, s + t, at=[s]), population_flow(first.a, first.w, t)
    slack = max(1.0, float(np.linalg.norm(whole.points[s][1])) / max(float(np.linalg.norm(whole.w)), 1e-3))
    assert distance(two.a, two.w, whole.a, whole.w)[0] < 1e-7 * slack
    assert distance(first.a, first.w, *whole.points[s])[0] < 1e-8
    square, before = (whole.w**2).sum(), (w**2).sum()
    assert abs((whole.a[0] ** 2 - square) - (a[0] ** 2 - before)) <= 1e-14 * (a[0] ** 2 + before + square)
    ratio = whole.w[0, 1:] / w[0, 1:]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-14)
    assert (ratio >= 0).all()


@pytest.mark.parametrize("begin", [-70.0, -3.0, 0.0, 1.5, 10.0])
@pytest.mark.parametrize("t", [0.7, 12.0, 300.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_angle_of_balanced_starts(run, begin, t, sign):
    """T6 at any angle: t = ±2π∫ dθ/((π − θ) sin θ) along the path, whatever the scale; by quadrature in u = ln tan(θ/2)."""
    for r in (1e-20, 0.2, 1.0):
        found = run(np.array([sign * r]), r * np.array([[-math.tanh(begin), 1 / math.cosh(begin)]]), t)
        (p, q), size = found.w[0], math.hypot(*found.w[0])
        end = math.log(q / (size + p)) if p > 0 else math.log((size - p) / q)
        parts = np.linspace(end, begin, 30)
        taken = sum(quad(lambda u: math.pi / math.atan(math.exp(-u)), *ab, epsrel=1e-13)[0] for ab in pairwise(parts))
        assert sign * taken == pytest.approx(t, rel=3e-9)


@pytest.mark.parametrize("d", [2, 50])
def test_sign_escape_time(d):
    """T6: w_1 = 0 at t*, negative before, positive after."""
    a, w = starts(40, d, d)
    w[:, 0] = -np.abs(w[:, 0])
    a = np.linalg.norm(w, axis=-1)
    for i in range(37):
        time = float(sign_escape_time(math.atan2(np.linalg.norm(w[i, 1:]), w[i, 0])))
        at = [time * (1 - 1e-6), time, time * (1 + 1e-6)]
        one = population_flow(a[i : i + 1], w[i : i + 1], at[-1], at=at)
        low, middle, high = (one.points[t][1][0, 0] for t in at)
        assert low < 0 < high
        assert abs(middle) < 1e-9 * a[i]


def test_a_line_has_its_closed_form(run):
    """θ ∈ {0, π}: T2 with β+ = 1 and β− = 0, through the rest at w = 0; e_1 pruned: ‖w‖ as one input with β = 1/π."""
    rng = np.random.default_rng(0)
    a, p = rng.uniform(-2, 2, (2, 60))
    found = run(a, np.stack([p, 0 * p, 0 * p], -1), 40.0, at=[2.0])
    for t, points in {**found.points, 40.0: found[:2]}.items():
        np.testing.assert_allclose([points[0], points[1][:, 0]], flow(a, p, POPULATION, t), rtol=1e-12, atol=1e-300)
    assert set(found.end) == {End.TIME, End.REST, End.COLLAPSED}
    mask = np.array([False, True, True])
    w = rng.uniform(-1, 1, (60, 3)) * mask
    r = np.linalg.norm(w, axis=-1)
    across = run(a, w, 40.0, mask=np.tile(mask, (60, 1)))
    expected = flow(a, r, Branches(0.5, 1 / math.pi, 0.5, 0.0), 40.0)
    np.testing.assert_allclose(across.a, expected[0], rtol=1e-12)
    np.testing.assert_allclose(across.w, w * (expected[1] / r)[:, None], rtol=1e-12, atol=1e-300)


def test_limits():
    """T4, inside and outside the basin; what is at rest says so."""
    a, w = starts(300, 3)
    keep = np.abs((a - np.linalg.norm(w, axis=-1)) * (a + np.linalg.norm(w, axis=-1))) > 0.3
    a, w = a[keep][:-3], w[keep][:-3]
    found = population_flow(a, w, 2e4)
    limit = dense_limit(a, w)
    late = distance(found.a, found.w, *limit) > 1e-9
    assert late.mean() < 0.02  # starts close to θ = π take for ever
    assert (found.end[late] == End.TIME).all()
    assert (found.end[~late & in_basin(a, w)] == End.REST).all()
    assert (found.end[~late & ~in_basin(a, w)] == End.COLLAPSED).all()


def test_dying_turns_away_at_a_known_rate():
    """T4, a0 < −‖w0‖: r ~ e^{−ct/2}, ψ/r → π√c; relative accuracy where w is 1e-100."""
    a, w = np.array([-2.0, -1.2]), np.array([[0.3, 0.4], [-0.5, 0.8]])
    c = a**2 - (w**2).sum(-1)
    found = population_flow(a, w, 100.0, at=[90.0])
    (_, early), late = found.points[90.0], found.w
    r = np.linalg.norm(late, axis=-1)
    np.testing.assert_allclose(np.log(np.linalg.norm(early, axis=-1) / r), 5 * c, rtol=1e-9)
    np.testing.assert_allclose(late[:, 1] / -late[:, 0] / r, math.pi * np.sqrt(c), rtol=1e-6)


@pytest.mark.parametrize("t", [1.0, 30.0, 200.0])
def test_meets_its_tolerance(run, t):
    """Against a tolerance of 1e-13; the coarse run shows that the comparison sees errors."""
    a, w = starts(30, 2, 3)
    exact = population_flow(a, w, t, tolerance=1e-13)
    errors = {tolerance: distance(*run(a, w, t, tolerance=tolerance)[:2], exact.a, exact.w) for tolerance in (1e-3, 1e-6, 1e-9)}
    for tolerance, error in errors.items():
        assert error.max() < 2 * tolerance
        assert np.median(error) < 0.05 * tolerance
    if t == 1.0:
        assert errors[1e-3].max() > 1e-7


@pytest.mark.parametrize(("a0", "size", "d"), [(-3.0, 10.0, 2), (0.5, 10.0, 3), (-1.0, 30.0, 2)])
def test_stiff_starts(a0, size, d):
    """c ≪ 0: few steps, and what theory's own stiff integrator says."""
    rng = np.random.default_rng(1)
    w = rng.standard_normal((40, d))
    w *= size / np.linalg.norm(w, axis=-1, keepdims=True)
    a = np.full(40, a0)
    for t in (30.0, 1000.0):
        found = population_flow(a, w, t)
        np.testing.assert_array_less(distance(found.a, found.w, *by_theory(a, w, t)), 1e-7)
        tight = population_flow(a, w, t, tolerance=1e-11)
        np.testing.assert_array_less(distance(found.a, found.w, tight.a, tight.w), 1e-9)
        assert found.steps.max() < 1500
    few = population_path(a0, w[0], [30.0])
    found = population_flow(a[:1], w[:1], 30.0)
    assert distance(found.a, found.w, few.a, few.w)[0] < 1e-9


def test_who_is_given_up_says_so():
    """Explicit steps at the last tolerance, where c ≪ 0 and t is long: too many."""
    found = population_flow(np.array([-3.0]), np.array([[-9.7, 2.3]]), 1e6, tolerance=1e-13)
    assert found.end[0] == End.STALLED
    assert np.isfinite(found.w).all()


exponents = st.floats(-160, 2)


@settings(max_examples=150, deadline=None)
@given(
    a=exponents,
    p=exponents,
    q=exponents,
    signs=st.tuples(*[st.sampled_from([-1, 1])] * 2),
    t=st.floats(0, 1e4),
    same=st.booleans(),
)
def test_never_a_silent_nan(a, p, q, signs, t, same):
    """Any scales, c = 0 among them: finite values, c kept, a known end."""
    w = np.array([[signs[0] * 10**p, 10**q]])
    a = signs[1] * np.array([np.hypot(*w[0]) if same else 10**a])
    found = population_flow(a, w, t)
    assert np.isfinite([found.a[0], *found.w[0]]).all()
    assert found.end[0] in list(End)[:3]
    c, now = a[0] ** 2 - (w**2).sum(), found.a[0] ** 2 - (found.w**2).sum()
    assert abs(c - now) <= 1e-13 * (a[0] ** 2 + (w**2).sum() + found.a[0] ** 2)


def test_rare_starts(run):
    """Dead at w0 = 0; a0 = 0; a0 within an ulp of −‖w0‖; a hair from θ = π, whence the time of escape is known for c > 0."""
    w = np.array([[0.0, 0.0], [0.5, 0.5], [0.6, 0.8], [0.6, 0.8]])
    a = np.array([1.0, 0.0, np.nextafter(-1.0, 0), np.nextafter(-1.0, -2)])
    found = run(a, w, 50.0)
    assert found.end[0] == End.COLLAPSED
    assert found.a[0] == 1
    assert found.a[1] > 0.5
    np.testing.assert_allclose(found.a[2:], -np.linalg.norm(found.w[2:], axis=-1), rtol=1e-12)
    c, psi, r = 3.0, 1e-30, 1.0
    escape = 2 / c * math.log(math.pi * math.sqrt(c) * r / psi)
    near = run(np.array([2.0]), np.array([[-1.0, psi]]), escape + 30, at=[escape - 3, escape + 3])
    assert near.points[escape - 3][1][0, 0] < 0 < near.points[escape + 3][1][0, 0]
    assert near.a[0] * near.w[0, 0] == pytest.approx(1, abs=1e-9)


def test_trials_never_mix():
    """The same bits alone, in another order, in other company."""
    a, w = starts(50, 3, 7)
    w[20:24, 0] *= 30
    whole = population_flow(a, w, 100.0, at=[2.0])
    order = np.random.default_rng(0).permutation(50)
    mixed = population_flow(a[order], w[order], 100.0, at=[2.0])
    for x, y in zip((*whole[:2], *whole.points[2.0], whole.steps, whole.end),
                    (*mixed[:2], *mixed.points[2.0], mixed.steps, mixed.end), strict=True):  # fmt: skip
        np.testing.assert_array_equal(x[order], y)
    for i in range(0, 50, 7):
        one = population_flow(a[i : i + 1], w[i : i + 1], 100.0, at=[2.0])
        np.testing.assert_array_equal([one.a[0], *one.w[0]], [whole.a[i], *whole.w[i]])
        np.testing.assert_array_equal(one.points[2.0][1][0], whole.points[2.0][1][i])


def test_refuses_what_it_cannot_do(monkeypatch):
    a, w = np.ones(2), np.ones((2, 3))
    with pytest.raises(ValueError, match=r"between 0 and t = 1"):
        population_flow(a, w, 1.0, at=[2.0])
    with pytest.raises(ValueError, match=r"tolerance .* 0\.0"):
        population_flow(a, w, 1.0, tolerance=0.0)
    with pytest.raises(ValueError, match="pruned weights at 0"):
        population_flow(a, w, 1.0, mask=np.zeros((2, 3), bool))
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        population_flow(a[:1], w, 1.0)
    with pytest.raises(ValueError, match="finite"):
        population_flow(a * np.nan, w, 1.0)
    with pytest.raises(ValueError, match="not 'tpu'"):
        population_flow(a, w, 1.0, device="tpu")
    module._kernel.cache_clear()
    for name in [
        name for name in sys.modules if name.startswith(("simulate.population_s", "simulate.flow_", "simulate.vectors"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ModuleNotFoundError, match="needs Numba"):
        population_flow(a, w, 1.0)
    module._kernel.cache_clear()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("engine", ["flow", "reduced"])
def test_without_a_gpu_cuda_is_refused(engine):
    with pytest.raises(ValueError, match="device='cuda' needs a GPU"):
        trials({"n": None, "d": 2, "trials": 2, "t": 1, "engine": engine, "device": "cuda"})


def test_trainer_takes_the_flow():
    """The flow is what small steps tend to; one uniform input has another pace, and T2's closed form."""
    options = {"n": None, "d": 4, "t": 20, "trials": 12, "seed": 3, "init": "gaussian"}
    exact, near = (trials(options | {"engine": engine, "eta": 0.002}) for engine in ("flow", "reduced"))
    np.testing.assert_allclose(exact.dense_w, near.dense_w, atol=0.02)
    assert (exact.status == near.status).mean() > 0.9
    one = trials({"n": None, "d": 1, "t": 7, "trials": 20, "inputs": "uniform", "engine": "flow"})
    expected = flow(one.a0.values, one.w0.values[:, 0], Branches(1 / 6, 1.0, 1 / 6, 0.0), 7.0)
    np.testing.assert_allclose([one.dense_a, one.dense_w[:, 0]], expected, rtol=1e-12)
