"""T3, T4: the dense flow against a solver in all coordinates, its conserved quantities, its basin and its limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from theory.dense_flow import dense_limit, in_basin, population_flow, teacher_weights
from theory.initialisations import initialisation
from theory.population import angle, conserved, gradient

INITS = ("balanced", "bounded", "gaussian")


def solve(a0, w0, t):
    def speed(_, y):
        by_a, by_w = gradient(y[0], y[1:])
        return -np.concatenate([[by_a], by_w])

    found = solve_ivp(speed, (0, t), [a0, *w0], method="DOP853", rtol=1e-12, atol=1e-13)
    return found.y[0, -1], found.y[1:, -1]


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize(("d", "t"), [(2, 0.5), (3, 10.0), (10, 40.0)])
def test_the_flow_equals_a_solver_in_full_coordinates(init, d, t):
    a0, w0 = initialisation(init).sample(np.random.default_rng(d), d, 8)
    a, w = population_flow(a0, w0, t)
    for i in range(8):
        outer, inner = solve(a0[i], w0[i], t)
        assert a[i] == pytest.approx(outer, abs=2e-8)
        assert np.allclose(w[i], inner, atol=2e-8)


@pytest.mark.parametrize("c", [-0.5, -4.0, -30.0])
def test_the_stiff_integrator_equals_the_explicit_one(c, monkeypatch):
    """From all around the circle, a of either sign; and an implicit solver of SciPy, in full coordinates, for one of them."""
    theta, size = np.linspace(0.02, 3.1, 24), np.sqrt(-c)
    a0 = size * np.sinh(np.resize([-1.0, -0.1, 0.0, 0.3, 1.2], 24))
    w0 = np.sqrt(a0 * a0 - c)[:, None] * np.stack([np.cos(theta), np.sin(theta)], -1)
    t = 210.0 / -c
    a, w = population_flow(a0, w0, t)
    monkeypatch.setattr("theory.stiff_flow.STIFF", np.inf)
    slow_a, slow_w = population_flow(a0, w0, t)
    np.testing.assert_allclose(a, slow_a, rtol=1e-8, atol=1e-10 * size)
    np.testing.assert_allclose(w, slow_w, rtol=2e-8, atol=1e-10 * size)
    np.testing.assert_allclose(conserved(a, w), c, rtol=1e-13)

    def speed(_, y):
        by_a, by_w = gradient(y[0], y[1:])
        return -np.concatenate([[by_a], by_w])

    found = solve_ivp(speed, (0, t), [a0[13], *w0[13]], method="Radau", rtol=1e-10, atol=1e-12).y[:, -1]
    np.testing.assert_allclose(found, [a[13], *w[13]], atol=1e-7 * size)


def test_what_decays_keeps_its_order_below_all_floats():
    """T4 outside D, c > 0: θ → π at e^{−ct/2}; w is left at 1e-140, w_1 negative, the other weights smaller still."""
    a, w = population_flow([-2.0, -2.0], [[0.5, 0.5], [0.5, 0.5]], np.array([20.0, 1e5]))
    c = 3.5
    np.testing.assert_allclose(a, -np.sqrt(c), rtol=1e-6)
    assert (w[:, 0] < 0).all()
    np.testing.assert_allclose(np.linalg.norm(w[1]), 1e-140, rtol=1e-6)
    assert 0 < w[1, 1] < 1e-200
    later = population_flow([-2.0], [[0.5, 0.5]], 30.0)[1]
    np.testing.assert_allclose(later[0] / w[0], np.exp([-c * 5, -c * 10]), rtol=1e-4)


def test_a_false_gradient_would_be_noticed():
    """Negative control: half the pull of the teacher is another flow."""

    def speed(_, y):
        by_a, by_w = gradient(y[0], y[1:])
        return -np.concatenate([[by_a], by_w * (1, 0.5)])

    false = solve_ivp(speed, (0, 5), [0.5, -0.5, 0.5], method="DOP853", rtol=1e-10).y[1:, -1]
    assert not np.allclose(population_flow(0.5, [-0.5, 0.5], 5.0)[1], false, atol=1e-3)


@given(st.integers(0, 10**6), st.sampled_from(INITS), st.floats(0, 50))
@settings(max_examples=6)
def test_conserved_along_the_flow(seed, init, t):
    a0, w0 = initialisation(init).sample(np.random.default_rng(seed), 4, 20)
    a, w = population_flow(a0, w0, t)
    assert np.allclose(conserved(a, w), conserved(a0, w0), atol=1e-8)
    length = np.linalg.norm(w[:, 1:], axis=-1, keepdims=True)
    across = w0[:, 1:] / np.linalg.norm(w0[:, 1:], axis=-1, keepdims=True)
    assert np.allclose(w[:, 1:], length * across, atol=1e-14)
    away = a0 > 0
    assert (angle(w)[away] <= angle(w0)[away] + 1e-9).all()


@pytest.mark.parametrize("init", INITS)
def test_two_phases_are_one(init):
    a0, w0 = initialisation(init).sample(np.random.default_rng(5), 3, 50)
    whole, halves = population_flow(a0, w0, 7.0), population_flow(*population_flow(a0, w0, 3.0), 4.0)
    assert np.allclose(whole[0], halves[0], atol=1e-8)
    assert np.allclose(whole[1], halves[1], atol=1e-8)


@pytest.mark.parametrize("t", [0.0, 0.7, 5.0, 200.0])
def test_results_do_not_depend_on_the_batch(t):
    a0, w0 = initialisation("gaussian").sample(np.random.default_rng(6), 9, 24)
    w0[::7, 1:] = 0
    together = population_flow(a0, w0, t)
    for i in range(24):
        a, w = population_flow(a0[i], w0[i], t)
        assert a == together[0][i]
        assert np.array_equal(w, together[1][i])
    assert np.array_equal(population_flow(a0[::-1], w0[::-1], t)[1][::-1], together[1])
    assert np.array_equal(dense_limit(a0[3], w0[3])[1], dense_limit(a0, w0)[1][3])


def test_times_may_differ():
    a0, w0 = initialisation("bounded").sample(np.random.default_rng(7), 3, 5)
    t = np.arange(5.0)
    a, _ = population_flow(a0, w0, t)
    assert [float(population_flow(a0[i], w0[i], t[i])[0]) for i in range(5)] == a.tolist()


@pytest.mark.parametrize("t", [-1.0, np.inf, np.nan])
def test_times_that_cannot_be_are_refused(t):
    with pytest.raises(ValueError, match="0 ≤ t < ∞"):
        population_flow(1.0, [0.5, 0.5], t)


@pytest.mark.parametrize("init", INITS)
def test_the_limit_is_where_the_flow_goes(init):
    """Inside D, away from its edge, t = 200 is long; outside, T4's table."""
    a0, w0 = initialisation(init).sample(np.random.default_rng(8), 5, 60)
    c, r = conserved(a0, w0), np.linalg.norm(w0, axis=-1)
    inside = in_basin(a0, w0)
    assert np.array_equal(inside, a0 > -r)
    limit_a, limit_w = dense_limit(a0, w0)
    clear = (angle(w0) < 2) & ((a0 > 0) | (a0 + r < -0.5)) & (np.abs(limit_a) > 0.5)  # rate a²/2
    assert clear[inside].any()
    a, w = population_flow(a0, w0, 200.0)
    assert np.allclose(a[clear], limit_a[clear], atol=1e-6)
    assert np.allclose(w[clear], limit_w[clear], atol=1e-6)
    assert np.allclose(limit_a[inside] * limit_w[inside, 0], 1)
    assert np.allclose(conserved(limit_a, limit_w), np.where(inside | (c > 0), c, 0))


@pytest.mark.parametrize(
    ("a0", "w0", "limit"),
    [
        (-1.5, [0.6, 0.8], (-np.sqrt(1.25), 0)),  # c > 0, θ0 inside
        (-1.5, [1.0, 0.0], (-np.sqrt(1.25), 0)),  # θ0 = 0: in finite time
        (-1.0, [1.0, 0.0], (0, 0)),  # θ0 = 0, balanced
        (-5.0, [3.0, 4.0], (0, 0)),  # balanced
        (2.0, [-1.0, 0.0], (np.sqrt(3), 0)),  # θ0 = π, c > 0
        (-2.0, [-1.0, 0.0], (-np.sqrt(3), 0)),
        (0.5, [-1.0, 0.0], (0, -np.sqrt(0.75))),  # θ0 = π, c < 0
        (-0.5, [-1.0, 0.0], (0, -np.sqrt(0.75))),
        (1.0, [-1.0, 0.0], (0, 0)),  # θ0 = π, c = 0
        (0.7, [0.0, 0.0], (0.7, 0)),  # w0 = 0 rests
        (0.0, [-1.0, 0.0], (0, -1)),
    ],
)
def test_the_limits_outside(a0, w0, limit):
    assert not in_basin(a0, w0)
    a, w = dense_limit(a0, w0)
    assert (float(a), float(w[0]), float(w[1])) == (pytest.approx(limit[0]), pytest.approx(limit[1]), 0.0)
    if a0**2 != w0[0] ** 2 + w0[1] ** 2:
        late = population_flow(a0, w0, 60.0)
        assert (float(late[0]), float(late[1][0])) == pytest.approx(limit, abs=1e-5)


def test_the_approach_outside_balanced():
    """a0 = −‖w0‖: ψ ~ 2π/t and r ~ t^{−1/2}."""
    t = np.array([1e4, 1e5])
    a, w = population_flow(np.full(2, -1.0), np.tile([0.6, 0.8], (2, 1)), t)
    assert np.allclose((np.pi - angle(w)) * t / (2 * np.pi), 1, atol=2e-3)
    r = np.linalg.norm(w, axis=-1)
    assert r[0] / r[1] == pytest.approx(np.sqrt(10), rel=2e-3)
    assert np.allclose(a, -r, rtol=1e-6)


def test_the_approach_outside():
    """a0 < −‖w0‖: r ~ e^{−ct/2} and ψ/r → π√c."""
    a0, w0 = -1.3, np.array([0.3, 0.5])
    c = float(conserved(a0, w0))
    (_, early), (_, late) = population_flow(a0, w0, 20.0), population_flow(a0, w0, 22.0)
    ratio = np.linalg.norm(late) / np.linalg.norm(early)
    assert ratio == pytest.approx(np.exp(-c), rel=1e-4)
    psi = np.atan2(np.linalg.norm(late[1:]), -late[0])
    assert psi / np.linalg.norm(late) == pytest.approx(np.pi * np.sqrt(c), rel=1e-3)


@pytest.mark.parametrize("c", [0.0, 1.5])
def test_escape_from_near_the_opposite_ray(c):
    """ψ0 → 0 with a0 > 0: t ≈ 2π/ψ0 for c = 0 and (2/c) ln(π√c r0/ψ0) for c > 0 until w_1 turns positive."""
    psi, r = 1e-2, 1.0
    a0, w0 = np.sqrt(c + r * r), [-r * np.cos(psi), r * np.sin(psi)]
    expected = 2 * np.pi / psi if c == 0 else 2 / c * np.log(np.pi * np.sqrt(c) * r / psi)
    before, after = (population_flow(a0, w0, expected * f)[1][0] for f in (0.6, 1.4))
    assert before < 0 < after


def test_the_edge_of_the_basin_is_exact():
    """a0 = −‖w0‖ is outside, the next number above is inside, for many directions."""
    rng = np.random.default_rng(9)
    w0 = rng.normal(size=(500, 6))
    edge = -np.linalg.norm(w0, axis=-1)
    assert not in_basin(edge, w0).any()
    assert in_basin(np.nextafter(edge, np.inf), w0).all()
    assert not in_basin(np.nextafter(edge, -np.inf), w0).any()
    opposite = np.array([[-1.0, 0.0], [-1.0, 1e-9], [-1.0, -1e-9], [1.0, 0.0]])
    assert in_basin(np.full(4, 2.0), opposite).tolist() == [False, True, True, True]
    assert in_basin([1.0, 1.0, -0.5, 0.0, 0.0], [[1.0], [-1.0], [0.5], [1.0], [-1.0]]).tolist() == [
        True,
        False,
        False,
        True,
        False,
    ]


@given(st.floats(-1e6, 1e6))
def test_teacher_weights_lose_no_digits(c):
    a, m = teacher_weights(c)
    assert a * m == pytest.approx(1, rel=1e-15)
    assert (a - m) * (a + m) == pytest.approx(c, rel=1e-12, abs=1e-15)
