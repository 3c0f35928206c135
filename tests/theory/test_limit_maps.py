"""The limit maps against second derivations, on grids that meet every branch and edge of the code; quick, for mutation tests.

The one-input flow is solved again in u = a + w, v = a − w: u = u0 √z and v = v0/√z with ż = s(2βz + v0²/2 − u0²z²/2), in 50
digits; moments of the population are integrals over the sector where student and teacher are both on.
"""

import itertools

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theory import one_input, times
from theory.algorithms import At, Rewind
from theory.dense_flow import dense_limit, in_basin, teacher_weights
from theory.exact import FIRST, SECOND, ExactTrainer, learned
from theory.one_input import POPULATION, Branches
from theory.population import angle, conserved, correlation, gradient, gradient_moment, loss, reduced_flow

INF, mp.mp.dps = np.inf, 50


def squared_scale(a0, w0, s, beta):
    """z(e, t) with e = exp(−sωt), and ω; z's two rests are (2β ± ω)/u0²."""
    u, v, beta, s = mp.mpf(a0) + mp.mpf(w0), mp.mpf(a0) - mp.mpf(w0), mp.mpf(beta), mp.mpf(s)
    omega = mp.sqrt(4 * beta**2 + (u * v) ** 2)
    if omega == 0:
        return lambda e, t: 1 + s * v * v * t / 2 if u == 0 else 1 / (1 + s * u * u * t / 2), omega
    if u == 0:
        q, sign = v * v / (4 * beta), mp.sign(beta)
        return lambda e, t: ((1 + q) / e if sign > 0 else (1 + q) * e) - q if e or sign < 0 else mp.inf, omega
    up, down = (2 * beta + omega) / u**2, (2 * beta - omega) / u**2
    return lambda e, t: (up * (1 - down) - down * (1 - up) * e) / (1 - down - (1 - up) * e), omega


def on_branch(a0, w0, s, beta, t):
    """(a, w) at the time t."""
    z, omega = squared_scale(a0, w0, s, beta)
    if s == 0 or a0 == w0 == 0 or t == 0:
        return float(a0), float(w0)
    if t == INF and omega == 0:
        return 0.0, 0.0
    root = mp.sqrt(z(mp.mpf(0) if t == INF else mp.exp(-mp.mpf(s) * omega * mp.mpf(t)), mp.mpf(t)))
    u, v = mp.mpf(a0) + mp.mpf(w0), mp.mpf(a0) - mp.mpf(w0)
    u, v = (u * root if u else u), (v / root if v else v)
    return float((u + v) / 2), float((u - v) / 2)


def arrival(a0, w0, s, beta):
    """When w comes to zero: z = v0/u0, between 1 and the rest to which z tends."""
    if w0 == 0:
        return 0.0
    u, v = mp.mpf(a0) + mp.mpf(w0), mp.mpf(a0) - mp.mpf(w0)
    if u * v <= 0 or s == 0 or beta == 0 or beta * a0 * w0 >= 0:
        return INF
    omega = mp.sqrt(4 * mp.mpf(beta) ** 2 + (u * v) ** 2)
    up, down, there = (2 * mp.mpf(beta) + omega) / u**2, (2 * mp.mpf(beta) - omega) / u**2, v / u
    return float(mp.log((1 - up) * (there - down) / ((1 - down) * (there - up))) / (mp.mpf(s) * omega))


def on_line(a0, w0, branches, t):
    """The flow through w = 0, where Filippov's rule says whether it goes on."""
    near, far = (branches[:2], branches[2:]) if w0 > 0 else (branches[2:], branches[:2])
    hit = arrival(a0, w0, *near)
    if t < hit or hit == INF:
        return on_branch(a0, w0, *near, t)
    if w0 == 0:
        return a0, 0.0
    a = float(np.sign(a0) * mp.sqrt((mp.mpf(a0) - w0) * (mp.mpf(a0) + w0)))
    if -np.sign(w0) * far[0] * a * far[1] <= 0:
        return a, 0.0
    return on_branch(a, 0.0, *far, t - hit)


def grid(*axes):
    return np.array(list(itertools.product(*axes))).T


def same(found, expected, rel=2e-12):
    found, expected = np.array(found, dtype=float), np.array(expected, dtype=float)
    bad = ~np.isclose(found, expected, rtol=rel, atol=1e-14)
    assert not bad.any(), (np.argwhere(bad)[:3], found[bad][:3], expected[bad][:3])


OUTER, INNER = (-1.3, -0.5, 0.0, 0.5, 1.0, 1.3), (-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0, 1.3)
CASES = grid(OUTER, INNER, (0.0, 0.4, 1.7), (-1.2, -0.3, 0.0, 0.1, 2.0), (0.0, 0.1, 0.7, 4.0, INF))


def test_a_branch():
    same(one_input.branch_flow(*CASES), np.array([on_branch(*case) for case in CASES.T]).T)
    assert [float(v) for v in one_input.branch_flow(1.0, 1.0, 0.5, 1.0, 1.0)] == [1.0, 1.0]
    same(one_input.branch_flow(0.7, 0.7, 0.5, 1.0, 1.0), on_branch(0.7, 0.7, 0.5, 1.0, 1.0))  # sωt = 1


def test_a_branch_near_its_separatrix():
    """c → 0 with p β < 0, where the coefficients of e⁰ cancel but for c²; both signs of c, β and a; down to a few ulps."""
    axes = (0.8, -1.1), (1, -1), (1e-5, -1e-5, 3e-9, -3e-9, 4e-16, -4e-16), (0.5,), (-0.6, 0.6, 3.0), (2.0, 40.0, INF)
    cases = [(a, side * a * (1 + e), s, beta, t) for a, side, e, s, beta, t in itertools.product(*axes)]
    same(one_input.branch_flow(*np.array(cases).T), np.array([on_branch(*case) for case in cases]).T, 5e-12)


def test_the_two_forms_of_the_moebius_map():
    """κ and e = exp(−sωt) as arguments, in numbers and in symbols."""
    for a0, w0, beta in itertools.product((1.25, -0.5), (0.75, -1.5, 0.5), (0.5, -2.0)):
        omega = float(mp.sqrt(4 * beta**2 + (a0**2 - w0**2) ** 2))
        for x in (0.25, 1.5):
            expected, kappa, decay = on_branch(a0, w0, 1.0, beta, x / omega), np.tanh(x / 2) / omega, np.exp(-x)
            same(one_input.moebius(a0, w0, beta, kappa), expected)
            same(one_input.late_moebius(*map(np.asarray, (a0, w0, beta, decay))), expected)
            same(one_input.ratio(a0, w0, 0.8, beta, x / omega / 0.8), expected[1] / expected[0])
        exact = [sp.nsimplify(v) for v in (a0, w0, beta)]
        root = sp.sqrt(4 * exact[2] ** 2 + (exact[0] ** 2 - exact[1] ** 2) ** 2)
        t = sp.Rational(3, 4)
        expected = on_branch(a0, w0, 1.0, beta, 0.75)
        same([v.evalf(30) for v in one_input.moebius(*exact, sp.tanh(root * t / 2) / root)], expected)
        same([v.evalf(30) for v in one_input.late_moebius(*exact, sp.exp(-root * t))], expected)
        same(one_input.ratio(*exact[:2], 1, exact[2], t).evalf(30), expected[1] / expected[0])


def test_the_time_to_zero():
    a, w, s, beta = grid((*OUTER, -0.9), INNER, (0.0, 0.4, 1.7), (-0.3, -1.2, 0.0, 0.1, 2.0))
    expected = np.array([arrival(*case) for case in zip(a, w, s, beta, strict=True)])
    same(one_input.zero_time(a, w, s, beta), expected)
    rises = np.where(w > 0, 0, np.where((a > 0) & (w < 0), expected, INF))
    zero = (a > 0) & (w == 0) & (s > 0) & (beta > 0)
    same(one_input.noise_escape_time(a, w, s, beta), np.where(zero, 0, rises))
    assert one_input.noise_escape_time(1.0, 0.0, 0.0, 0.1) == INF
    close = np.array([arrival(1 + 1e-12, -1.0, 0.5, 0.3), arrival(1 + 3e-15, -1.0, 0.5, 0.3)])
    same(one_input.noise_escape_time([1 + 1e-12, 1 + 3e-15], -1.0, 0.5, 0.3), close)
    with pytest.raises(ValueError, match="s ≥ 0"):
        one_input.noise_escape_time(1.0, -0.5, [0.5, -0.5], 0.1)


def test_the_line():
    """Every crossing and every sticking, at w0 = ±1 as well."""
    two = [(0.4, 1.5, 0.6, 0.3), (0.4, -1.5, 0.6, 0.3), (0.4, 1.5, 0.6, -0.3), (0.4, -0.2, 0.6, -0.3), (0.4, 0.0, 0.6, 0.0)]
    two += [(0.4, 1.5, 0.0, 0.0), (0.0, 0.0, 0.6, 0.3), (1.4, 0.3, 0.6, 0.0), (0.0, 1.5, 0.6, 0.3), (0.4, -0.3, 0.0, -1.5)]
    for branches in two:
        cases = grid(OUTER, INNER, (0.0, 0.5, 3.0, 30.0, INF))
        expected = np.array([on_line(a, w, branches, t) for a, w, t in cases.T]).T
        same(one_input.flow(cases[0], cases[1], Branches(*branches), cases[2]), expected, 1e-10)
    hit = one_input.zero_time(*np.array([1.3, -0.5, 0.6, 0.3]))
    for plus in (1.5, -1.5):
        a, w = one_input.flow(1.3, -0.5, Branches(0.4, plus, 0.6, 0.3), hit)
        assert (float(a), float(w)) == (pytest.approx(1.2, rel=1e-14), 0.0)


def test_statistics_of_the_branches():
    found = one_input.branch_statistics([1.0, -2.0, 0.0, 0.5, -0.5], [3.0, 1.0, 7.0, -1.0, 5.0])
    same(found, (1.25 / 5, 2.5 / 1.25, 4.25 / 5, -4.5 / 4.25))
    both = one_input.branch_statistics([1.0, -2.0], [[3.0, 1.0], [4.0, 0.0]])
    same(both.beta_plus, [3.0, 4.0])
    x, y = np.arange(1.0, 25).reshape(2, 3, 4) - 12.5, np.array([1.0, -2.0, 0.5, 3.0])
    for together, left in zip(one_input.branch_statistics(x, y), zip(*(
        one_input.branch_statistics(x[i, j], y) for i in range(2) for j in range(3)), strict=True), strict=True):  # fmt: skip
        assert np.array_equal(together.ravel(), left)
    assert one_input.branch_statistics([0.5], [-1.0]) == (0.25, -2.0, 0.0, 0.0)
    for shapes in (((), (1,)), ((1,), ()), ((), ()), ((0,), (0,)), ((2, 1), (2, 2)), ((2, 3), (2, 1)), ((2, 0), (2, 0))):
        with pytest.raises(ValueError, match="n ≥ 1"):
            one_input.branch_statistics(*map(np.ones, shapes))


def test_teacher_weights():
    for c in (-1e8, -3.0, -0.1, 0.0, 0.1, 1.0, 3.0, 1e8):
        a = mp.sqrt((mp.mpf(c) + mp.sqrt(mp.mpf(c) ** 2 + 4)) / 2)
        same(teacher_weights(c), (float(a), float(1 / a)), 1e-15)


PLANE = [
    (0.5, [-1.0, 1e-9, 0.0], (1, 1)),
    (0.5, [-0.8, 0.0, 0.6], (1, 1)),
    (-0.9, [0.6, 0.0, -0.8], (1, 1)),
    (-1.0, [0.6, 0.0, -0.8], (0, 0)),
    (-1.5, [0.6, 0.0, -0.8], (-np.sqrt(1.25), 0)),
    (-1.5, [-0.6, 0.8, 0.0], (-np.sqrt(1.25), 0)),
    (-2.5, [1.5, 0.0, 0.0], (-2, 0)),
    (-1.0, [1.0, 0.0, 0.0], (0, 0)),
    (2.5, [1.5, 0.0, 0.0], (1, 1)),
    (0.0, [0.5, 0.0, 0.0], (1, 1)),
    (2.5, [-1.5, 0.0, 0.0], (2, 0)),
    (-2.5, [-1.5, 0.0, 0.0], (-2, 0)),
    (1.5, [-2.5, 0.0, 0.0], (0, -2)),
    (-1.5, [-2.5, 0.0, 0.0], (0, -2)),
    (0.0, [-2.5, 0.0, 0.0], (0, -2.5)),
    (1.0, [-1.0, 0.0, 0.0], (0, 0)),
    (0.3, [-0.5, 0.0, 0.0], (0, -0.4)),
    (0.5, [-0.3, 0.0, 0.0], (0.4, 0)),
    (-1.2, [0.6, 0.0, 0.8], (-np.sqrt(0.44), 0)),
    (0.7, [0.0, 0.0, 0.0], (0.7, 0)),
    (-0.7, [0.0, 0.0, 0.0], (-0.7, 0)),
    (0.5, [0.0, 0.0, 1.0], (1, 1)),
]


def test_the_limits_of_the_plane():
    """(1, 1) stands for the teacher; T4's table elsewhere."""
    a0, w0 = np.array([a for a, _, _ in PLANE]), np.array([w for _, w, _ in PLANE])
    inside = np.array([limit == (1, 1) for *_, limit in PLANE])
    assert np.array_equal(in_basin(a0, w0), inside)
    c = a0**2 - (w0**2).sum(-1)
    teacher = np.sqrt((c + np.hypot(c, 2)) / 2)
    limit = np.array([limit for *_, limit in PLANE], dtype=float).T
    a, w = dense_limit(a0, w0)
    same((a, w[:, 0]), np.where(inside, (teacher, 1 / teacher), limit))
    assert not w[:, 1:].any()
    assert in_basin(1.0, np.ones((2, 3, 1))).shape == (2, 3)
    assert in_basin([1.0, 1.0, 1.0], [[-1.0], [0.0], [0.5]]).tolist() == [False, False, True]
    same(dense_limit(0.5, [-1.3])[1], [-1.2])
    same(dense_limit(0.5, [-1.3, 0.0])[1], [-1.2, 0.0])
    assert dense_limit(np.ones((2, 3)), np.ones((2, 3, 4)))[1].shape == (2, 3, 4)


NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)


def sector(theta):
    """E[φ(x_1) 1{ŵ·x > 0} x] over the plane of e_1 and ŵ: the angles from θ − π/2 to π/2."""
    half = (np.pi - theta) / 2
    alpha, weights = theta - np.pi / 2 + half * (NODES + 1), half * WEIGHTS / np.pi
    return np.array([(weights * np.cos(alpha) * f(alpha)).sum() for f in (np.cos, np.sin)])


ANGLES = np.array([0.0, 0.3, 1.0, np.pi / 2, 2.0, 3.0, np.pi])


def test_the_moments_of_the_population():
    for theta in ANGLES:
        moment, to_w = sector(theta), np.array([np.cos(theta), np.sin(theta)])
        same(gradient_moment(theta), moment)
        same(correlation(theta), moment @ to_w)
        exact = sp.nsimplify(round(theta, 3))
        same([v.evalf(30) for v in gradient_moment(exact)], sector(float(exact)))
        for a, r in ((1.5, 0.75), (-0.5, 2.0), (1.0, 1.0)):
            q, along = a * r, np.array([np.cos(theta), np.sin(theta)])
            same(loss(a, r, theta), (q * q / 2 - 2 * q * (moment @ to_w) + 1 / 2) / 2)
            velocity = a * moment - a * a * r * along / 2
            sideways = np.array([-np.sin(theta), np.cos(theta)])
            outer = r * (moment @ to_w) - a * r * r / 2
            same(reduced_flow(a, r, theta), (outer, velocity @ along, velocity @ sideways / r))
            w0 = np.array([r * along[0], 0.6 * r * along[1], -0.8 * r * along[1]])
            by_a, by_w = gradient(a, w0)
            same((by_a, *by_w), -np.array([outer, velocity[0], 0.6 * velocity[1], -0.8 * velocity[1]]))


def test_coordinates_of_the_plane():
    w = np.array([[[3.0, 0.0, 4.0], [-1.0, 2.0, -2.0]], [[0.0, 0.0, 2.0], [-5.0, 0.0, 0.0]]])
    a = np.array([[6.0, 2.0], [1.0, -7.0]])
    assert np.array_equal(conserved(a, w), [[11.0, -5.0], [-3.0, 24.0]])
    assert float(conserved(1 + 2.0**-40, [1.0])) == 2.0**-39 + 2.0**-80
    same(angle(w), [[np.arctan2(4, 3), np.pi - np.arctan(np.sqrt(8))], [np.pi / 2, np.pi]])
    by_a, by_w = gradient(a, w)
    for i, j in np.ndindex(2, 2):
        one = gradient(a[i, j], w[i, j])
        same((by_a[i, j], *by_w[i, j]), (one[0], *one[1]))
    by_a, by_w = gradient(3.0, [0.0, 0.0])
    assert (by_a, *by_w) == (0, 0, 0)
    assert not np.signbit(by_w).any()


def trainer(n, t=INF, branches=POPULATION):
    return ExactTrainer(n, branches, t)


def phase(a, w, alive, t=INF, branches=POPULATION):
    w = np.array(w, dtype=float)
    n = len(w)
    found = trainer(n, t, branches).train(
        {"a": np.array(a, dtype=float), "w": w}, {"w": np.array(alive, dtype=bool)}, 0, frozenset(), Rewind()
    )["final"]
    return found["a"], found["w"]


@pytest.mark.parametrize("t", [1.5, INF])
def test_a_phase_of_the_exact_trainer(t):
    """Each neuron by the flow that its mask names, whatever its neighbours are; the integrators are tested elsewhere."""
    starts = np.array([1.3, -0.4, 0.8, 0.5, -2.0, 0.7]), np.array([[-0.5, 0.0, 0], [0.9, 0, 0], [0.0, 0.3, 0.4], [0, 0, 0.8],
                       [-0.4, 0.5, 0.0], [0.0, 0.0, 0.0]])  # fmt: skip
    alive = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0]])
    branches = Branches(0.4, 1.5, 0.6, 0.3)
    a, w = phase(*starts, alive, t, branches)
    for i in (0, 1):
        same((a[i], w[i, 0]), on_line(starts[0][i], starts[1][i, 0], branches, t), 1e-11)
        assert not w[i, 1:].any()
    for i, way in ((2, (0.6, 0.8)), (3, (0.0, 1.0))):
        r0 = np.linalg.norm(starts[1][i])
        outer, r = on_branch(starts[0][i], r0, 0.5, 1 / np.pi, t)
        same((a[i], *w[i]), (outer, 0, r * way[0], r * way[1]), 1e-11)
    assert (a[5], *w[5]) == (0.7, 0, 0, 0)
    if t == INF:
        same((a[4], w[4, 0]), (-np.sqrt(4 - 0.41), 0))
    alone = phase(starts[0][4:5], starts[1][4:5], alive[4:5], t, branches)
    same((a[4], *w[4]), (alone[0][0], *alone[1][0]))
    given = np.array([0.3, 0.6, 0.4]), np.array([0.1, 0.5, 0.2]), np.array([2.0, 1.0, 1.2]), np.array([1.0, -1.0, 0.5])
    a, w = phase(starts[0][:3], starts[1][:3], [[1, 0, 0]] * 3, t, Branches(given[0], given[2], given[1], given[3]))
    for i in range(3):
        one = given[0][i], given[2][i], given[1][i], given[3][i]
        same((a[i], w[i, 0]), on_line(starts[0][i], starts[1][i, 0], one, t), 1e-11)


def test_neurons_without_the_teacher_die_where_the_outer_weight_is_negative():
    """From w_⊥ with a ≤ −r the length goes to zero in finite time; the sphere's other rest is a r = 1/π."""
    a, w = phase([-1.3, 1.3, -0.5], [[0.0, 0.5], [0.0, -0.5], [0.0, 1.3]], [[0, 1]] * 3)
    same((a, w[:, 1]), np.transpose([on_branch(-1.3, 0.5, 0.5, 1 / np.pi, INF) if False else (-1.2, 0.0),
                                     [f * on_branch(1.3, 0.5, 0.5, 1 / np.pi, INF)[k] for k, f in ((0, 1), (1, -1))],
                                     on_branch(-0.5, 1.3, 0.5, 1 / np.pi, INF)]))  # fmt: skip


def test_infinitesimals_of_a_limit():
    """FIRST keeps the sign of what fades, SECOND the order of what fades faster."""
    a, w = phase([0.5, 1.0, 2.0, -1.0, -2.0, -1.0, 0.0], [[-1.0], [-1.0], [-1.5], [-1.0], [-1.5], [1.0], [-1.0]], [[1]] * 7)
    assert w[:, 0].tolist() == [pytest.approx(-np.sqrt(0.75)), -FIRST, -FIRST, -FIRST, -FIRST, FIRST, -1.0]
    assert a.tolist() == [0.0, FIRST, pytest.approx(np.sqrt(1.75)), -FIRST, pytest.approx(-np.sqrt(1.75)), -FIRST, 0.0]
    a, w = phase([-2.0, 1.0], [[1.5], [-0.5]], [[1]] * 2, branches=Branches(0.5, 1.0, 0.5, -0.3))
    assert w[0, 0] == 0.0  # it arrives: nothing is left to fade
    noisy = Branches(0.5, -0.6, 0.5, 0.3)
    a, w = phase([1.3, 1.3, 0.7, -0.7], [[0.5], [-0.5], [0.7], [0.7]], [[1]] * 4, branches=noisy)
    assert [float(v) for v in w[:, 0]] == [0.0, 0.0, FIRST, pytest.approx(np.sqrt(0.6))]
    assert [float(v) for v in a] == [pytest.approx(1.2), pytest.approx(1.2), FIRST, pytest.approx(-np.sqrt(0.6))]
    for branches, start in ((Branches(0.5, 1.0, 0.0, 0.0), (-1.3, 0.5)), (Branches(0.0, 0.0, 0.5, 0.3), (1.3, -0.5))):
        a, w = phase(start[:1], [start[1:]], [[1]], branches=branches)  # the far side is empty
        assert (a[0], w[0, 0]) == (pytest.approx(np.sign(start[0]) * 1.2), 0.0)
    starts = [[0.6, 0.0, 0.8], [0.6, 0.0, 0.8], [-0.6, 0.2, -0.8], [0.6, 0.0, 0.8], [-1.5, 0, 0], [-1.0, 0, 0], [-1.0, 0, 0]]
    starts += [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [3.0, 0.0, 4.0]]
    a, w = phase([0.5, -1.5, -1.5, -1.0, 1.0, 1.0, -1.0, 0.3, -1.0, -5.0], starts, [[1] * 3] * 10)
    c = 0.25 - 1.0
    m = np.sqrt(2 / (c + np.hypot(c, 2)))
    fades = -np.sqrt(1.25), -np.sqrt(2.25 - 1.04)
    same(a[[0, 1, 2, 7]], (1 / m, *fades, 0.3))
    assert a[4] == 0.0
    assert a[[3, 5, 6, 8, 9]].tolist() == [-FIRST, FIRST, -FIRST, 0.0, -FIRST]
    same(w[[0, 4], 0], (m, -np.sqrt(1.25)))
    assert w[[1, 2, 3, 5, 6, 7, 8, 9], 0].tolist() == [-FIRST, -FIRST, -FIRST, -FIRST, -FIRST, 0.0, 0.0, -FIRST]
    expected = np.array([[0, 1], [0, 1], [0.25, -1], [0, 1], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 1]])
    assert np.allclose(w[:, 1:] / SECOND, expected, rtol=1e-12)
    assert np.allclose(phase([-1.5], [[0.6, -0.8, 0.2]], [[1] * 3])[1][:, 1:] / SECOND, [[-1, 0.25]], rtol=1e-12)


def test_moments_of_level_zero():
    one = ExactTrainer(1, POPULATION, 2.0)
    params, mask = {"a": np.array([1.0]), "w": np.array([[0.5]])}, {"w": np.ones((1, 1), dtype=bool)}
    found = one.train(params, mask, 0, frozenset({At(0.75, "time"), At(2.0, "time")}), Rewind())
    for at, t in ((At(0.75, "time"), 0.75), (At(2.0, "time"), 2.0), ("final", 2.0)):
        same((found[at]["a"][0], found[at]["w"][0, 0]), on_line(1.0, 0.5, POPULATION, t))
    with pytest.raises(ValueError, match="behind the end"):
        one.train(params, mask, 0, frozenset({At(2.5, "time")}), Rewind())


def test_what_counts_as_learned():
    a, w = np.array([0.5, -0.5, -0.4, 0.5, 0.5, 0.0, -1.2]), np.array([0.3, 0.5, 0.5, 0.0, -0.1, 0.1, 1.3])
    state = {"a": a, "w": np.stack([w, w[::-1]], -1)}
    alive = np.array([[True, False]] * 7)
    assert learned(state, alive).tolist() == [True, False, True, False, False, True, True]
    assert not learned(state, ~alive).any()
    for plus in (0.0, -0.5):
        assert not learned(state, alive, Branches(0.5, plus, 0.5, 0.0)).any()
    plus = np.array([1.0, 1, -1, 1, 1, 0.5, 0.0])
    assert learned(state, alive, Branches(0.5, plus, 0.5, 0.0)).tolist() == [True, False, False, False, False, True, False]


def exact_time(psi):
    rest = mp.quad(lambda x: 1 / (x * mp.sin(x)) - 1 / x**2, mp.linspace(psi, mp.pi / 2, 3))
    return 2 * mp.pi * (rest + 1 / psi - 2 / mp.pi)


def test_the_sign_escape_time():
    mp.mp.dps = 20
    theta = np.array([1.58, 2.0, 2.5, 3.0, np.pi - 0.02, np.pi - 0.01, np.pi - 1e-6])
    expected = [float(exact_time(mp.mpf(np.pi) - mp.mpf(x))) for x in theta]
    mp.mp.dps = 50
    same(times.sign_escape_time(theta[:5]), expected[:5], 1e-13)
    same(times.sign_escape_time(theta), expected, 1e-10)
    assert times.sign_escape_time([[0.0, 1.0], [np.pi / 2, np.pi]]).tolist() == [[0, 0], [0, INF]]
    same(times.escape_angle(expected[:6]), theta[:6], 1e-13)
    same(times.sign_escape_time(times.escape_angle([1e-3, 1.0, 3.0])), [1e-3, 1.0, 3.0], 1e-10)
    assert times.escape_angle([[0.0], [INF]]).tolist() == [[np.pi / 2], [np.pi]]
    psi = np.array([0.0, 1e-3, 0.0199, 0.0201, 0.5, 1.5])
    rest = [1 / 6, *(float(1 / (x * mp.sin(x)) - 1 / x**2) for x in map(mp.mpf, psi[1:]))]
    assert np.allclose(times._rest(psi), rest, rtol=2e-9, atol=0)
    assert np.allclose(times._rest(psi[4:]), rest[4:], rtol=1e-14, atol=0)
    for bad in (-1e-300, -0.5, 3.2, 4.0, np.nan):
        with pytest.raises(ValueError, match="not"):
            times.sign_escape_time([1.0, bad])
    for bad in (-1e-300, -0.5, -1.0, np.nan):
        with pytest.raises(ValueError, match=f"not {bad}"):
            times.escape_angle([1.0, bad])
