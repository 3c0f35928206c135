"""Descent on the population in reduced coordinates: against descent of all d weights with the same force, ends, bits."""

import functools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulate import trials
from simulate.config import Config
from simulate.flow import population_path
from simulate.gd import End, PopulationForce
from simulate.gd import descend as by_weights
from simulate.population_descent import descend
from theory.dense_flow import in_basin

pytest.importorskip("numba")
torch = pytest.importorskip("torch")
module = sys.modules["simulate.population_descent"]
ENGINE = descend, module, "descend_on"


def starts(count, d, seed=0):
    """Gaussian; dead, on the line, far too large, and on the way to w = 0 among them."""
    rng = np.random.default_rng(seed)
    a, w = rng.standard_normal(count), rng.standard_normal((count, d))
    w[:2], w[2:6, 1:], a[6:9], a[9:15] = 0.0, 0.0, 30 * a[6:9], -3.0
    return a, w


def compare(found, expected, atol=1e-12):
    """Values, points, ends and the steps to every end but rest, whose last bit is rounding's own."""
    np.testing.assert_array_equal(found.end, expected.end)
    sure = found.end != End.REST
    np.testing.assert_array_equal(found.steps[sure], expected.steps[sure])
    sure = found.end != End.DIVERGED  # its last finite values magnify all roundings
    for (a, w), (b, v) in zip([found[:2], *found.points.values()], [expected[:2], *expected.points.values()], strict=True):
        np.testing.assert_allclose(a[sure], b[sure], atol=atol, rtol=1e-12)
        np.testing.assert_allclose(w[sure], v[sure], atol=atol, rtol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_agrees_with_descent_of_all_weights(run, d):
    a, w = starts(60, d)
    options = {"at": [0, 5, 17, 700, 900]}
    compare(run(a, w, 0.1, 900, **options), by_weights(PopulationForce(), a, w, 0.1, 900, **options))


@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_agrees_with_momentum(run, momentum):
    """Who stays with a > 0; with a < 0 momentum swings w through 0 again and again, where directions are chaotic."""
    a, w = starts(80, 3)
    options = {"at": [3, 500], "momentum": momentum}
    expected = by_weights(PopulationForce(), a, w, 0.05, 600, **options)
    stays = in_basin(a, w) & (np.abs(a) < 3) & (expected.a > 0)
    assert stays.sum() > 40
    expected = by_weights(PopulationForce(), a[stays], w[stays], 0.05, 600, **options)
    compare(run(a[stays], w[stays], 0.05, 600, **options), expected)


def test_frozen_weights_keep_their_value_and_act(run):
    rng = np.random.default_rng(1)
    a, w = starts(60, 4, 1)
    a, w = np.abs(a[15:]), w[15:]
    mask = rng.random(w.shape) < 0.6
    found = run(a, w, 0.1, 800, mask=mask, at=[100])
    compare(found, by_weights(PopulationForce(), a, w, 0.1, 800, mask=mask, at=[100]))
    np.testing.assert_array_equal(found.w[~mask], w[~mask])
    without = run(a, np.where(mask, w, 0.0), 0.1, 800, mask=mask)
    assert np.abs(without.a - found.a).max() > 0.1  # negative control: they do act


def test_a_dying_neuron_stays_small():
    """π − θ is accurate near θ = π: rounded to multiples of 4e-16 it throws w back across 0 once ‖w‖ is no larger."""
    a, w = np.array([-3.0]), np.array([[0.34, -0.76]])
    found, expected = (
        step(0.1, 400, at=range(401))
        for step in (functools.partial(descend, a, w), functools.partial(by_weights, PopulationForce(), a, w))
    )
    sizes = [[np.abs(run.points[k][1]).max() for k in range(150, 401)] for run in (found, expected)]
    np.testing.assert_allclose(*sizes, rtol=1e-6)
    assert (np.diff(sizes[0]) < 0).all()
    assert sizes[0][0] < 1e-10
    assert found.a[0] == pytest.approx(expected.a[0], abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    a=st.floats(-2, 2), w=st.lists(st.floats(-2, 2), min_size=1, max_size=4), eta=st.floats(0.01, 0.3), steps=st.integers(1, 60)
)
def test_any_start(a, w, eta, steps):
    a, w = np.array([a]), np.array([w])
    found, expected = descend(a, w, eta, steps), by_weights(PopulationForce(), a, w, eta, steps)
    if found.end[0] != End.DIVERGED:
        scale = 1 + np.abs(expected.w).max() + abs(expected.a[0])
        assert np.abs(found.w - expected.w).max() < 1e-8 * scale
    assert found.steps[0] <= steps


def test_trials_never_mix():
    """The same bits alone, in another order, in other company."""
    a, w = starts(150, 3, 4)
    order = np.random.default_rng(0).permutation(150)
    for momentum in (0.0, 0.9):
        whole = descend(a, w, 0.1, 500, at=[100], momentum=momentum)
        mixed = descend(a[order], w[order], 0.1, 500, at=[100], momentum=momentum)
        np.testing.assert_array_equal(whole.w[order], mixed.w)
        np.testing.assert_array_equal(whole.points[100][1][order], mixed.points[100][1])
        np.testing.assert_array_equal([whole.steps[order], whole.end[order]], [mixed.steps, mixed.end])
        one = descend(a[77:78], w[77:78], 0.1, 500, momentum=momentum)
        np.testing.assert_array_equal(one.w[0], whole.w[77])


def test_ends():
    """Rest on the line, collapse, divergence, and time; what ended before a moment stands there with its end values."""
    a = np.array([1.0, 40.0, 0.8, 1.0])
    w = np.array([[1.0, 0.0], [30.0, 20.0], [0.5, 0.5], [0.0, 0.0]])
    found = descend(a, w, 0.1, 200, at=[150])
    np.testing.assert_array_equal(found.end, [End.REST, End.DIVERGED, End.TIME, End.COLLAPSED])
    np.testing.assert_array_equal(found.points[150][0][[0, 1, 3]], found.a[[0, 1, 3]])
    assert np.isfinite(found.a).all()
    assert np.isfinite(found.w).all()


def test_converges_to_the_flow_in_first_order():
    a, w, t = np.array([0.8]), np.array([[-0.4, 0.6, 0.2]]), 4.0
    exact = population_path(0.8, w[0], [t])
    errors = np.array([np.abs(descend(a, w, 0.1 / 2**k, round(t / (0.1 / 2**k))).w - exact.w).max() for k in range(6)])
    np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:])[2:], 1.0, atol=0.03)


def test_engine_reduced():
    """Trials of IMP and LRR as by gd; refused where there is no population to reduce."""
    options = {"n": None, "d": 3, "t": 60, "trials": 20, "init": "gaussian"}
    fast, slow = (trials(options | {"engine": engine}) for engine in ("reduced", "gd"))
    np.testing.assert_allclose(fast.dense_w, slow.dense_w, atol=1e-9)
    np.testing.assert_array_equal(fast.status, slow.status)
    with pytest.raises(ValueError, match=r"engine='reduced' .* n=50"):
        Config(n=50, engine="reduced")
    with pytest.raises(ValueError, match=r"engine='reduced' .* inputs='uniform'"):
        Config(n=None, d=1, inputs="uniform", engine="reduced")
    with pytest.raises(ValueError, match=r"engine='gd' has no device='cuda'"):
        Config(n=None, d=2, device="cuda")


def test_says_what_is_missing(monkeypatch):
    module._kernel.cache_clear()
    for name in [name for name in sys.modules if name.startswith(("simulate.population_descent_", "simulate.flow_"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ModuleNotFoundError, match="engine='reduced' needs Numba"):
        descend(np.ones(1), np.ones((1, 2)), 0.1, 1)
    module._kernel.cache_clear()
