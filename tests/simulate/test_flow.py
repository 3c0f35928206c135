"""The integrated flow: conservation, known limits, Filippov's cases, sign-escape times, and descent's order of convergence."""

import math

import numpy as np
import pytest

import theory
from simulate.flow import one_input_path, population_path
from simulate.gd import BranchForce, PopulationForce, descend

STARTS = [(1.0, [-0.6, 0.8]), (-0.3, [0.5, 0.4, -0.2]), (0.7, [-1.0, 0.2, 0.1, 0.1]), (-1.5, [0.3, 0.2])]


@pytest.mark.parametrize(("a0", "w0"), STARTS)
def test_conserved_along_the_flow(a0, w0):
    w0 = np.array(w0)
    path = population_path(a0, w0, [0.5, 3.0, 20.0])
    np.testing.assert_allclose(path.a**2 - (path.w**2).sum(-1), a0**2 - w0 @ w0, atol=1e-10)


def test_population_reaches_the_teacher():
    path = population_path(0.4, np.array([-0.3, 0.5]), [400.0])
    np.testing.assert_allclose(path.a * path.w[:, 0], 1.0, atol=1e-10)
    np.testing.assert_allclose(path.w[0, 1], 0.0, atol=1e-10)


@pytest.mark.parametrize("d", [2, 5, 50, 500])
@pytest.mark.parametrize("scale", [0.05, 1.0, 3.0])
def test_sign_escape_time(d, scale):
    rng = np.random.default_rng(d)
    w0 = rng.standard_normal(d)
    w0 *= scale / np.linalg.norm(w0)
    w0[0] = -abs(w0[0])
    r0 = np.linalg.norm(w0)
    theta = math.atan2(np.linalg.norm(w0[1:]), w0[0])
    expected = float(theory.sign_escape_time(theta))
    assert population_path(r0, w0, [2 * expected]).crossing == pytest.approx(expected, rel=1e-6)


def test_masked_flow_stays_on_its_subspace():
    mask = np.array([False, True, True])
    w0 = np.where(mask, [0.0, 0.4, -0.3], 0.0)
    path = population_path(0.5, w0, [50.0], mask)
    assert path.w[0, 0] == 0
    np.testing.assert_allclose(path.a[0] * np.linalg.norm(path.w[0]), 1 / math.pi, atol=1e-9)
    with pytest.raises(ValueError, match="pruned weights at 0"):
        population_path(0.5, np.array([0.1, 0.4, -0.3]), [1.0], mask)


NOISY = {"s_plus": 0.6, "beta_plus": 1.1, "s_minus": 0.4}


@pytest.mark.parametrize(
    ("a", "w", "beta", "limit"),
    [
        (0.9, 0.5, 0.2, "beta_plus"),
        (0.9, -0.5, 0.2, "beta_plus"),
        (0.9, -0.5, -0.2, "beta_minus"),
        (0.5, -0.9, 0.2, "beta_minus"),
        (-0.5, 0.9, 0.2, "beta_plus"),
        (-0.9, 0.5, 0.2, "beta_minus"),
        (-0.9, 0.5, -0.2, "rest"),
        (-0.9, -0.5, 0.2, "beta_minus"),
        (-0.9, -0.5, -0.2, "rest"),
        (-0.5, -0.9, -0.2, "beta_minus"),
    ],
)
def test_limits_of_one_noisy_input(a, w, beta, limit):
    """The table of T2b."""
    path = one_input_path(a, w, [3000.0], **NOISY, beta_minus=beta)
    p = path.a[0] * path.w[0, 0]
    if limit == "rest":
        assert path.w[0, 0] == 0
        assert path.a[0] == pytest.approx(-math.sqrt(0.56))
    else:
        assert p == pytest.approx({"beta_plus": 1.1, "beta_minus": beta}[limit], abs=1e-9)
        assert (path.w[0, 0] > 0) == (limit == "beta_plus")


def test_noise_escape_time():
    path = one_input_path(0.9, -0.5, [200.0], **NOISY, beta_minus=0.1)
    assert path.crossing == pytest.approx(float(theory.noise_escape_time(0.9, -0.5, 0.4, 0.1)), rel=1e-9)
    assert one_input_path(0.9, -0.5, [200.0], **NOISY, beta_minus=0.0).crossing == math.inf


def test_a_decaying_weight_keeps_its_sign_for_ever():
    path = one_input_path(1.2, -0.5, [1e4], 0.5, 1.0, 0.5, 0.0)
    assert -1e-190 < path.w[0, 0] < 0


def orders(errors):
    return np.log2(errors[:-1] / errors[1:])


def test_descent_converges_to_the_flow_in_first_order():
    w0, t = np.array([-0.4, 0.6, 0.2]), 4.0
    exact = population_path(0.8, w0, [t])
    one = one_input_path(0.9, -0.5, [t], **NOISY, beta_minus=0.1)
    force = BranchForce(*(np.array([x]) for x in (0.6, 1.1, 0.4, 0.1)))
    errors = []
    for k in range(4):
        eta = 0.1 / 2**k
        run = descend(PopulationForce(), np.array([0.8]), w0[None], eta, round(t / eta))
        sparse = descend(force, np.array([0.9]), np.array([[-0.5]]), eta, round(t / eta))
        errors.append([np.abs(run.w - exact.w).max(), np.abs(sparse.w - one.w).max()])
    np.testing.assert_allclose(orders(np.array(errors))[1:], 1.0, atol=0.05)
