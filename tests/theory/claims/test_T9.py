"""T9 falsified: restarts and frozen weights by integrated flows, supermask losses by quadrature over inputs."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from theory import Rewind
from theory.conditions import restarts
from theory.frozen import frozen_velocity
from theory.supermask import beats_chance, supermask_loss

sizes = st.floats(0.05, 3)


def sparse_end(a, w, t=400.0):
    """The noise-free neuron with one input on the population: s = ½, β₊ = 1, β₋ = 0."""

    def velocity(_, y):
        p = y[0] * y[1]
        beta = 1.0 if y[1] > 0 else 0.0
        return [y[1] * (beta - p) / 2, y[0] * (beta - p) / 2] if y[1] != 0 else [0.0, 0.0]

    def hits(_, y):
        return y[1]

    hits.terminal, hits.direction = True, -1
    run = solve_ivp(velocity, (0, t), [a, w], method="Radau", rtol=1e-6, atol=1e-9, events=hits if w > 0 else None)
    return run.y[:, -1]


@given(st.floats(-3, 3), sizes, st.sampled_from([-1, 1]))
def test_a_restart_learns_iff_its_sign_is_plus_and_a_exceeds_minus_m(a, m, sign):
    assume(abs(a + m) > 0.05)
    end = sparse_end(a, sign * m)
    assert (abs(end[0] * end[1] - 1) < 1e-2) == (sign > 0 and a > -m)


@given(st.floats(-1, 3), st.integers(0, 2**32 - 1))
def test_restarts_of_the_policies(a0, seed):
    """Inside D with signs and magnitudes of the start or of the end."""
    w0 = np.random.default_rng(seed).standard_normal(3)
    r = np.linalg.norm(w0)
    assume(a0 > -r + 0.05 and abs(a0 + abs(w0[0])) > 0.05 and abs(w0[0]) > 0.05)
    for sign, first in (("init", np.sign(w0[0])), ("final", 1.0)):
        end = sparse_end(a0, first * abs(w0[0]))
        learned = abs(end[0] * end[1] - 1) < 1e-2
        assert float(restarts(Rewind("init", sign, "init"), a0, w0)) == learned


def test_any_small_magnitude_is_a_false_rule():
    """The bound on m is from below: m < −a_s fails."""
    end = sparse_end(-1.0, 0.5)
    assert abs(end[0] * end[1] - 1) > 0.5


@pytest.mark.parametrize("start", [(1.0, -1.0), (-2.0, -0.5), (-1.0, 0.3), (0.0, -2.0)])
def test_frozen_weights_escape_from_every_start(start):
    run = solve_ivp(lambda _, y: frozen_velocity(*y, 1.0), (0, 1e6), start, method="LSODA", rtol=1e-8, atol=1e-10)
    assert run.y[1, -1] > 20
    assert abs(run.y[0, -1] * run.y[1, -1] - 1) < 0.02


def test_zeroed_weights_do_not_escape():
    """The negative control: with ρ = 0 a start with w_1 < 0 stays stuck."""
    end = sparse_end(1.0, -1.0, 1e4)
    assert end[1] <= 0


def loss_by_quadrature(a, w, kept):
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    x, y = np.meshgrid(nodes, nodes, indexing="ij")
    mass = np.outer(weights, weights) / (2 * np.pi)
    u = np.where(kept, w, 0.0)
    return 0.5 * float((mass * (a * np.maximum(u[0] * x + u[1] * y, 0) - np.maximum(x, 0)) ** 2).sum())


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2), st.sampled_from([(True, False), (False, True), (True, True)]))
def test_supermasks(a, first, second, kept):
    assume(abs(first) > 0.05 and abs(second) > 0.05)
    w, mask = np.array([first, second]), np.array(kept)
    exact = float(supermask_loss(a, w, mask))
    assert abs(exact - loss_by_quadrature(a, w, mask)) < 2e-2
    if abs(exact - 0.25) > 1e-6:
        assert bool(beats_chance(a, w, mask)) == (exact < 0.25)
