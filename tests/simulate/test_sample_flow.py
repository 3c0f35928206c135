"""The event-driven flow: descent's order of convergence, closed forms, Filippov's conditions, conservation, ends."""

import importlib
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulate import Config, trials
from simulate.data import draw, trial_keys
from simulate.gd import End, SampleForce, descend
from simulate.sample_flow import sample_flow
from theory.dense_flow import population_flow
from theory.one_input import Branches, branch_flow, branch_statistics, flow

pytest.importorskip("numba")
module = importlib.import_module("simulate.sample_flow")  # the package has the function under this name


def problem(count, d, n, sigma=0.2, seed=0, a0=1.0):
    """Balanced starts with a0 = ‖w0‖ times the number or numbers given."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((count, d, n))
    y = np.maximum(X[:, 0], 0) + sigma * rng.standard_normal((count, n))
    w = rng.standard_normal((count, d)) / np.sqrt(d)
    return X, y, a0 * np.linalg.norm(w, axis=1), w


def distance(run, other):
    """Largest error of a or w relative to the larger of |a| and ‖w‖."""
    scale = np.maximum(np.abs(other.a), np.linalg.norm(other.w, axis=1)) + 1e-300
    return np.maximum(np.abs(run.a - other.a), np.abs(run.w - other.w).max(-1)) / scale


def slopes(X, y, a, w, t, exact, etas):
    runs = [descend(SampleForce(X, y), a, w, eta, round(t / eta)) for eta in etas]
    errors = np.array([distance(run, exact) for run in runs])
    return errors, np.log2(errors[0] / errors[-1]) / np.log2(etas[0] / etas[-1])


ETAS = (0.02, 0.0025)


def test_descent_converges_in_first_order_while_the_flow_slides():
    X, y, a, w = problem(60, 4, 50, seed=3, a0=-1.0)
    exact = sample_flow(X, y, a, w, 12.0)
    slides = exact.slid > 0
    assert slides.sum() >= 10
    assert exact.slid.max() >= 2
    errors, slope = slopes(X, y, a, w, 12.0, exact, ETAS)
    assert np.abs(slope[slides] - 1).max() < 0.25
    assert abs(np.median(slope) - 1) < 0.05
    assert errors[-1].max() < 0.02


@pytest.mark.parametrize("a0", [-0.5, 0.5, 1.0, 1.5, -1.5])
def test_descent_converges_in_first_order(a0):
    """a crosses zero for some of a0 = ∓0.5 ‖w0‖, w comes close to zero for a0 = −1.5 ‖w0‖."""
    X, y, a, w = problem(20, 4, 60, seed=7, a0=a0)
    exact = sample_flow(X, y, a, w, 4.0)
    errors, slope = slopes(X, y, a, w, 4.0, exact, ETAS)
    assert abs(np.median(slope) - 1) < 0.1
    assert errors[-1].max() < 0.02
    if a0 == -0.5:
        assert (np.sign(exact.a) != np.sign(a)).any()


def on_hyperplane(X, w):
    return np.abs(np.einsum("bd,bdn->bn", w, X)) < 1e-12 * np.linalg.norm(w, axis=1)[:, None] * np.linalg.norm(X, axis=1)


def test_a_flow_that_does_not_slide_is_found_out():
    """Control: where the samples slid on are left for good, to their inactive side, descent no longer converges to it."""
    X, y, a, w = problem(60, 3, 40, seed=5, a0=-1.0)
    right = sample_flow(X, y, a, w, 5.0)
    on = on_hyperplane(X, right.w)
    slides = on.any(1)
    assert slides.sum() >= 5
    wrong = sample_flow(X * ~on[:, None], y, a, w, 5.0)
    assert (distance(wrong, right)[~slides] == 0).all()
    errors, slope = slopes(X, y, a, w, 5.0, wrong, ETAS)
    near = distance(descend(SampleForce(X, y), a, w, ETAS[1], 2000), right)
    assert slope[slides].max() < 0.7
    assert (errors[-1] > 3 * near)[slides].all()


def test_sliding_is_filippovs():
    """On a hyperplane the velocities of both sides point to it; off all of them the velocity is that of descent."""
    X, y, a, w = problem(100, 4, 50, seed=1, a0=-1.0)
    run = sample_flow(X, y, a, w, 5.0)
    on = on_hyperplane(X, run.w)
    z = np.einsum("bd,bdn->bn", run.w, X)
    assert on.sum() >= 10
    for i, j in zip(*np.nonzero(on), strict=True):
        others = (z[i] > 0) & ~on[i]
        G = X[i] @ (others * (y[i] - run.a[i] * z[i])) / 50
        basis = np.linalg.qr(X[i][:, on[i] & (np.arange(50) != j)])[0]  # of the other hyperplanes slid on
        normal = X[i][:, j] - basis @ (basis.T @ X[i][:, j])
        low, high = run.a[i] * (normal @ G), run.a[i] * (normal @ (G + y[i, j] * X[i][:, j] / 50))
        assert on[i].sum() > 1 or low > 0 > high
        assert low > high


def test_extrapolated_descent():
    X, y, a, w = problem(8, 5, 60, seed=3)
    run = sample_flow(X, y, a, w, 3.0)
    coarse, fine = (descend(SampleForce(X, y), a, w, eta, round(3 / eta)) for eta in (1e-3, 5e-4))
    limit = fine._replace(a=2 * fine.a - coarse.a, w=2 * fine.w - coarse.w)
    assert distance(run, limit).max() < 1e-4
    assert np.median(distance(run, limit)) < 0.5 * np.median(distance(run, fine))


@given(seed=st.integers(0, 10**6), a0=st.floats(-2, 2), sigma=st.sampled_from([0.0, 0.3, 2.0]), t=st.floats(0.1, 300))
@settings(max_examples=60, deadline=None)
def test_laws(seed, a0, sigma, t):
    """c is conserved, the loss falls, neither order nor company of the samples and trials matters, nor the times asked for."""
    X, y, a, w = problem(3, 3, 25, sigma, seed, a0)
    run = sample_flow(X, y, a, w, t, at=[t / 3])
    norms = (w * w).sum(-1)
    for end_a, end_w in ((run.a, run.w), run.points[t / 3]):
        size = a * a + norms + end_a**2 + (end_w**2).sum(-1)
        assert (np.abs(end_a**2 - (end_w**2).sum(-1) - (a * a - norms)) < 2e-15 * size).all()
    loss = [(((a * np.maximum(np.einsum("bd,bdn->bn", w, X), 0).T).T - y) ** 2).mean(-1) for a, w in
            ((a, w), run.points[t / 3], (run.a, run.w))]  # fmt: skip
    assert (np.diff(loss, axis=0) <= 1e-12).all()
    assert np.isin(run.end, (End.TIME, End.REST, End.COLLAPSED, module.STALLED)).all()
    alone = sample_flow(X[1:2], y[1:2], a[1:2], w[1:2], t)
    assert (alone.a[0], *alone.w[0]) == (run.a[1], *run.w[1])
    if not run.forks.any():
        order = np.random.default_rng(seed).permutation(25)
        other = sample_flow(X[:, :, order], y[:, order], a, w, t)
        np.testing.assert_allclose(other.w, run.w, atol=1e-9 * (1 + norms.max()))
        half = run.points[t / 3]
        np.testing.assert_allclose(sample_flow(X, y, a, w, t / 3).w, half[1], atol=1e-9 * (1 + norms.max()))


@pytest.mark.parametrize("tolerance", [1e-5, 1e-7, 1e-9])
def test_meets_its_tolerance(tolerance):
    X, y, a, w = problem(30, 5, 200, seed=5, a0=np.resize([1.0, -1.0, 0.6, -0.6, 1.4], 30))
    exact, run = (sample_flow(X, y, a, w, 50.0, tolerance=e) for e in (1e-13, tolerance))
    assert distance(run, exact)[exact.forks == 0].max() < tolerance


@pytest.mark.parametrize("t", [0.0, 3.0, 40.0])
def test_one_input_beside_one_that_is_always_zero(t):
    """T2, with sliding and rest at w_1 = 0: w_2 never moves, and all hyperplanes are the same."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 30))
    y = np.maximum(x, 0) + 0.3 * np.abs(rng.standard_normal(x.shape))
    a, w = rng.standard_normal(200), rng.standard_normal((200, 2))
    run = sample_flow(np.stack([x, 0 * x], 1), y, a, w, t)
    exact_a, exact_w = flow(a, w[:, 0], Branches(*branch_statistics(x, y)), t)
    np.testing.assert_allclose(run.w, np.stack([exact_w, w[:, 1]], -1), atol=2e-9)
    np.testing.assert_allclose(run.a, exact_a, atol=2e-9)
    if t == 40:
        assert (exact_w == 0).any()
        assert (run.slid == 1).any()


def test_one_alive_weight():
    X, y, a, w = problem(50, 3, 20, sigma=0.5, a0=np.random.default_rng(0).uniform(-2, 2, 50))
    mask = np.arange(3) == np.arange(50)[:, None] % 3
    run = sample_flow(X, y, a, w * mask, 20.0, mask=mask, at=[1.0])
    x, start = X[mask], w[mask]
    for (run_a, run_w), t in ((run.points[1.0], 1.0), ((run.a, run.w), 20.0)):
        exact_a, exact_w = flow(a, start, branch_statistics(x, y), t)
        assert (run_w[mask] == exact_w).all()
        assert (run_a == exact_a).all()
        assert (run_w[~mask] == 0).all()


def test_pruned_inputs_do_not_count():
    X, y, a, w = problem(6, 4, 30)
    mask = np.array([True, False, True, True])
    run = sample_flow(X, y, a, w * mask, 20.0, mask=np.tile(mask, (6, 1)))
    small = sample_flow(X[:, mask], y, a, w[:, mask], 20.0)
    assert (run.w[:, mask] == small.w).all()
    assert (run.w[:, 1] == 0).all()


def test_population_by_evenly_spread_inputs():
    """Inputs on a circle of radius √2 have the population's gradient up to the error of the trapezoid rule."""
    a, w = np.array([1.0, -0.3, 0.7]), np.array([[-0.6, 0.8], [0.5, 0.4], [-1.0, 0.2]])
    exact_a, exact_w = population_flow(a, w, 5.0)
    errors = []
    for n in (125, 500):
        angle = 2 * np.pi * (np.arange(n) + 0.3) / n
        X = np.tile(np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)]), (3, 1, 1))
        run = sample_flow(X, np.maximum(X[:, 0], 0), a, w, 5.0)
        errors.append(max(np.abs(run.a - exact_a).max(), np.abs(run.w - exact_w).max()))
    assert errors[1] < 5e-5
    assert errors[1] < errors[0] / 8


def test_sliding_on_a_line_has_a_closed_form():
    """With two inputs and one hyperplane slid on w keeps its direction: one input, T2."""
    X, y, a, w = problem(300, 2, 20, seed=2, a0=-1.0)
    run = sample_flow(X, y, a, w, 4.0, at=[3.0])
    start_a, start = run.points[3.0]
    lines = np.flatnonzero(on_hyperplane(X, start).any(1) & on_hyperplane(X, run.w).any(1))
    assert len(lines) >= 10
    for i in lines:
        r = np.linalg.norm(start[i])
        x = start[i] / r @ X[i]
        active = x > 1e-12
        s, b = (x[active] ** 2).sum() / 20, (x * y[i])[active].sum() / 20
        end_a, end_r = branch_flow(start_a[i], r, s, b / s, 1.0)
        np.testing.assert_allclose(run.w[i], end_r * start[i] / r, rtol=1e-8)
        np.testing.assert_allclose(run.a[i], end_a, rtol=1e-8)


def test_repeated_samples_weigh_more():
    X, y, a, w = problem(20, 3, 30, seed=4, a0=np.resize([1.0, -1.0], 20))
    once, twice = sample_flow(X, y, a, w, 20.0), sample_flow(np.tile(X, 2), np.tile(y, 2), a, w, 20.0)
    assert (once.slid > 0).any()
    assert distance(twice, once).max() < 1e-9


def test_rest_is_rest():
    X, y, a, w = problem(30, 4, 60, seed=8, a0=np.resize([1.0, -1.0, 0.5], 30))
    run = sample_flow(X, y, a, w, 500.0)
    rest = run.end == End.REST
    assert rest.sum() >= 10
    assert (run.slid[rest] > 0).any()
    later = sample_flow(X, y, run.a, run.w, 1e4, tolerance=1e-12)
    slack = np.maximum(np.abs(run.a), np.linalg.norm(run.w, axis=1))[rest]
    assert (np.abs(later.w - run.w).max(-1)[rest] < 1e-9 * slack).all()


@pytest.mark.parametrize("sigma", [0.0, 0.3])
def test_what_ends_early_has_ended(sigma):
    """A hundred times longer changes nothing: rest and collapse are certain, and so are the statuses they lead to."""
    options = {"n": 60, "d": 4, "sigma": sigma, "trials": 30, "seed": 5, "engine": "flow", "init": "gaussian"}
    short, long = trials(options | {"t": 200.0}), trials(options | {"t": 2e4})
    batch = draw(Config(**options), trial_keys(Config(**options), np.arange(30)))
    early, late = (sample_flow(batch.X, batch.y, batch.a0, batch.w0, t) for t in (200.0, 2e4))
    ended = early.end != End.TIME
    assert {End.REST} | ({End.COLLAPSED} if sigma == 0 else set()) <= set(early.end)
    assert (late.end == early.end)[ended].all()
    assert distance(early, late)[ended].max() < 1e-9
    same = (short.status == long.status).sel(algorithm="LRR").to_numpy()
    assert same[ended].all()


def test_ends_at_the_origin():
    """c > 0, a < 0, every label positive: the loss rises from w = 0 in every direction that is active, and w gets there."""
    rng = np.random.default_rng(1)
    X, w = rng.standard_normal((20, 3, 40)), rng.uniform(-0.5, 0.5, (20, 3))
    run = sample_flow(X, np.ones((20, 40)), np.full(20, -1.0), w, 200.0)
    assert (run.end == End.COLLAPSED).all()
    assert (run.w == 0).all()
    assert (run.forks == 0).all()
    np.testing.assert_allclose(run.a, -np.sqrt(1 - (w * w).sum(-1)), rtol=1e-14)
    dead = sample_flow(X, np.ones((20, 40)), np.full(20, 2.0), 0 * w, 5.0)
    assert (dead.end == End.COLLAPSED).all()
    assert (dead.a == 2).all()


def test_balanced_and_negative_stays_balanced():
    X, y, a, w = problem(20, 3, 40, sigma=0.0, a0=-1.0)
    run = sample_flow(X, y, a, w, 1e3)
    np.testing.assert_allclose(run.a, -np.linalg.norm(run.w, axis=1), rtol=1e-12)
    assert (run.a < 0).all()


def test_refusals():
    X, y, a, w = problem(2, 3, 10)
    with pytest.raises(ValueError, match=r"between 0 and t = 1"):
        sample_flow(X, y, a, w, 1.0, at=[2.0])
    with pytest.raises(ValueError, match=r"tolerance .* 0\.0"):
        sample_flow(X, y, a, w, 1.0, tolerance=0.0)
    with pytest.raises(ValueError, match="pruned weights at 0"):
        sample_flow(X, y, a, w, 1.0, mask=np.zeros((2, 3), bool))
    with pytest.raises(ValueError, match=r"\(2, 9\)"):
        sample_flow(X, y[:, 1:], a, w, 1.0)
    with pytest.raises(ValueError, match="finite"):
        sample_flow(X, y, a * np.nan, w, 1.0)


def test_says_what_is_missing(monkeypatch):
    X, y, a, w = problem(1, 2, 5)
    module._kernel.cache_clear()
    for name in [name for name in sys.modules if name.startswith(("simulate.flow_", "simulate.vectors"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ModuleNotFoundError, match="needs Numba"):
        sample_flow(X, y, a, w, 1.0)
    module._kernel.cache_clear()


def test_trainer_takes_the_flow():
    """Trials of IMP and LRR on finite samples: the flow is what small steps tend to; IMP's sparse level has its closed form."""
    options = {"n": 60, "d": 4, "sigma": 0.2, "t": 20, "trials": 12, "seed": 3, "init": "gaussian"}
    exact, near = (trials(options | {"engine": engine, "eta": 0.002}) for engine in ("flow", "gd"))
    np.testing.assert_allclose(exact.dense_w, near.dense_w, atol=0.02)
    assert (exact.status == near.status).mean() > 0.9
