"""The active-set engine against the reference engine: trajectories to rounding, ends, masks, momentum, ties, independence."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simulate
from simulate import Config
from simulate.active_set import descend
from simulate.gd import BranchForce, End, SampleForce
from simulate.gd import descend as reference
from simulate.vectors import compiled

TOLERANCE = {"rtol": 1e-12, "atol": 1e-12}


def problem(trials, d, n, sigma=0.2, seed=0, law="gaussian"):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((trials, d, n)) if law == "gaussian" else rng.uniform(-1, 1, (trials, d, n))
    y = np.maximum(X[:, 0], 0) + sigma * rng.standard_normal((trials, n))
    return X, y, rng.standard_normal(trials), rng.standard_normal((trials, d)) / np.sqrt(d)


def both(X, y, a, w, eta, steps, **options):
    fast, slow = descend(X, y, a, w, eta, steps, **options), reference(SampleForce(X, y), a, w, eta, steps, **options)
    np.testing.assert_allclose(fast.a, slow.a, **TOLERANCE)
    np.testing.assert_allclose(fast.w, slow.w, **TOLERANCE)
    assert fast.points.keys() == slow.points.keys()
    for k in slow.points:
        for x, z in zip(fast.points[k], slow.points[k], strict=True):
            np.testing.assert_allclose(x, z, **TOLERANCE)
    resting = (fast.end == End.REST) | (slow.end == End.REST)  # where the last bit stops is rounding's to say
    assert (fast.end == slow.end)[~resting].all()
    assert (fast.steps == slow.steps)[~resting].all()
    return fast, slow


@pytest.mark.parametrize("d", [1, 2, 3, 10, 50])
@pytest.mark.parametrize("n", [10, 100, 1000, 5000])
@given(
    sigma=st.sampled_from([0, 0.1, 0.2, 1]),
    eta=st.sampled_from([0.01, 0.1, 0.4]),
    law=st.sampled_from(["gaussian", "uniform"]),
    momentum=st.sampled_from([0.0, 0.0, 0.5, 0.9]),
    pruned=st.sampled_from(["none", "zero", "frozen", "one left"]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=6, deadline=None, derandomize=True)
def test_the_trajectory_of_the_reference(d, n, sigma, eta, law, momentum, pruned, seed):
    X, y, a, w = problem(2, d, n, sigma, seed, law)
    mask = np.ones(w.shape, bool)
    if pruned != "none":
        mask = np.random.default_rng(seed).random(w.shape) < (0.6 if pruned != "one left" else 0)
        mask[:, 0] = True
        w = np.where(mask | (pruned == "frozen"), w, 0.0)
    steps = min(400 if eta < 0.4 else 60, 400_000 // (d * n) + 20)  # unstable steps, η s (a² + ‖w‖²) > 2, amplify any rounding
    fast, _ = both(X, y, a, w, eta * (1 - momentum), steps, mask=mask, momentum=momentum, at=[0, 3, steps, 5.5, 10**9])
    assert (fast.w[~mask] == w[~mask]).all()


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_long_runs_that_slide_on_kinks(momentum):
    """Negative control: the flow chatters, so sums of samples that come and go in every step would show their drift."""
    X, y, _, w = problem(4, 10, 300, sigma=0.3, seed=1)
    a = -np.linalg.norm(w, axis=-1) * 0.9
    both(X, y, a, w, 0.05, 20_000, momentum=momentum)
    _, slow = both(X, y, a, w, 0.05, 19_000, momentum=momentum, at=range(18_000, 18_200))
    sides = np.array([np.matvec(np.swapaxes(X, 1, 2), slow.points[k][1]) > 0 for k in range(18_000, 18_200)])
    assert (sides[1:] != sides[:-1]).any(-1).any(-1).sum() > 50


@pytest.mark.parametrize(("eta", "steps"), [(1.0, 60), (2.5, 5)])
def test_large_steps(eta, steps):
    """Before chaos, from where on any two roundings part; on the way to infinity they do so already."""
    X, y, a, w = problem(20, 3, 100, seed=3)
    tame = np.abs(reference(SampleForce(X, y), a, w, eta, steps).a) < 1e3
    assert 0 < tame.sum() < 20
    both(X[tame], y[tame], a[tame], w[tame], eta, steps)


def test_ends_are_those_of_the_reference():
    X, y, a, w = problem(5, 2, 60, sigma=0.0)
    a, w = np.array([1e3, 1e160, 1.0, -1.0, 1.0]), np.array([[1, 1], [1, 1], [0, 0], [-0.5, -0.5], [1, 0]], float)
    fast, slow = both(X, y, a, w, 0.3, 5000)
    assert fast.end[:3].tolist() == slow.end[:3].tolist() == [End.DIVERGED, End.DIVERGED, End.COLLAPSED]
    assert End.REST in fast.end
    assert np.isfinite(fast.a).all()
    assert np.isfinite(fast.w).all()
    assert (fast.a[2], fast.steps[2]) == (1.0, 1)


@pytest.mark.parametrize("frozen", [0.0, 1e-250])
def test_underflow_collapses_at_the_same_step(frozen):
    """Noise-free w < 0 of one alive input only decays, down to where the guard, not rounding's sign, ends the descent."""
    X, y, _, _ = problem(20, 2, 50, sigma=0.0)
    a, w = np.linspace(1.0, 1.5, 20), np.stack([np.full(20, -0.01), np.full(20, frozen)], axis=-1)
    fast, slow = both(X, y, a, w, 0.5, 6000, mask=np.array([[True, False]] * 20))
    assert (fast.end == End.COLLAPSED).all()
    assert fast.steps.tolist() == slow.steps.tolist()
    assert (fast.w[:, 0] < 0).all()


@pytest.mark.parametrize(
    "kind", ["duplicates", "empty samples", "zeros in w", "one input of ten", "one sample", "the same sample"]
)
def test_degenerate_samples(kind):
    X, y, a, w = problem(4, 10, 200, seed=5)
    if kind == "duplicates":
        X, y = np.concatenate([X] * 3, axis=-1), np.concatenate([y] * 3, axis=-1)
    if kind == "empty samples":
        X[:, :, ::2] = 0
    if kind == "zeros in w":
        w[:, 1:] = 0
    if kind == "one input of ten":
        X[:, 1:] = 0
    if kind == "one sample":
        X, y = X[:, :, :1], y[:, :1]
    if kind == "the same sample":
        X, y = np.repeat(X[:, :, :1], 200, axis=-1), np.repeat(y[:, :1], 200, axis=-1)
    both(X, y, a, w, 0.2, 500)


@given(seed=st.integers(0, 10**6), rows=st.permutations(range(8)), size=st.integers(1, 8))
@settings(max_examples=10, deadline=None)
def test_a_trial_never_feels_the_others(seed, rows, size):
    X, y, a, w = problem(8, 5, 150, seed=seed)
    rows = rows[:size]
    together, some = descend(X, y, a, w, 0.1, 300), descend(X[rows], y[rows], a[rows], w[rows], 0.1, 300)
    for x, z in zip(together[:2] + together[3:], some[:2] + some[3:], strict=True):
        assert (x[rows] == z).all()


def test_points_are_where_shorter_runs_end():
    X, y, a, w = problem(5, 4, 100)
    run = descend(X, y, a, w, 0.1, 900, at=[0, 100, 333.0, 900], momentum=0.3)
    assert (run.points[0][1] == w).all()
    for k in (100, 333, 900):
        short = descend(X, y, a, w, 0.1, k, momentum=0.3)
        assert (run.points[k][0] == short.a).all()
        assert (run.points[k][1] == short.w).all()


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_whoever_rests_has_stopped_for_good(momentum):
    X, y, a, w = problem(12, 2, 50, seed=7)
    run = descend(X, y, a, w, 0.2, 20_000, momentum=momentum)
    rest = run.end == End.REST
    assert rest.any()
    force = SampleForce(X[rest], y[rest])(run.a[rest], run.w[rest])
    np.testing.assert_allclose(force, 0, atol=1e-14)
    again = reference(SampleForce(X[rest], y[rest]), run.a[rest], run.w[rest], 0.2, 1000)
    np.testing.assert_allclose(again.w, run.w[rest], rtol=1e-13, atol=1e-13)


def naive(X, y, a, w, eta, steps, momentum):
    fast_a, fast_w = 0.0, np.zeros_like(w)
    for _ in range(steps):
        z = w @ X
        residual = np.where(z > 0, a * z - y, 0.0) / len(y)
        fast_a, fast_w = momentum * fast_a - residual @ z, momentum * fast_w - a * (X @ residual)
        a, w = a + eta * fast_a, w + eta * fast_w
    return a, w


@pytest.mark.parametrize("engine", ["gd", "active-set"])
def test_momentum_is_heavy_ball(engine):
    X, y, a, w = problem(4, 3, 40)
    run = descend(X, y, a, w, 0.05, 100, momentum=0.9) if engine == "active-set" else None
    run = run or reference(SampleForce(X, y), a, w, 0.05, 100, momentum=0.9)
    for i in range(4):
        slow_a, slow_w = naive(X[i], y[i], a[i], w[i], 0.05, 100, 0.9)
        np.testing.assert_allclose(run.a[i], slow_a, rtol=1e-12)
        np.testing.assert_allclose(run.w[i], slow_w, rtol=1e-12, atol=1e-12)


def test_momentum_of_one_input():
    one = np.ones(1)
    run = reference(BranchForce(one, one, one, 0 * one), one / 2, one[:, None] / 2, 0.1, 3, momentum=0.5)
    a = w = 0.5
    v = 0.0
    for _ in range(3):
        v = 0.5 * v + w * (1 - a * w)
        a = w = a + 0.1 * v
    assert run.a[0] == pytest.approx(a, rel=1e-15)


def test_trials_are_those_of_the_reference_engine():
    config = Config(n=80, d=4, sigma=0.2, trials=12, t=100, levels=2, keep=(2, 1), algorithms=("IMP", "WR(time=5)", "LRR"))
    for momentum in (0.0, 0.5):
        slow, fast = (simulate.trials(config.but(engine=engine, momentum=momentum)) for engine in ("gd", "active-set"))
        assert (slow.status == fast.status).all()
        assert (slow["mask"] == fast["mask"]).all()
        for name in ("a", "w", "dense_a", "dense_w"):
            np.testing.assert_allclose(fast[name], slow[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("given", "quoted"),
    [
        ({"momentum": 1}, "not 1"),
        ({"momentum": -0.1}, "-0.1"),
        ({"momentum": float("nan")}, "nan"),
        ({"engine": "flow", "n": None, "momentum": 0.5}, "momentum=0.5"),
        ({"engine": "active-set", "n": None}, "n=inf"),
    ],
)
def test_settings_that_make_no_sense(given, quoted):
    with pytest.raises(ValueError, match=quoted):
        Config(**given)


def test_settings_without_momentum_are_those_of_old_results():
    assert "momentum" not in Config().settings()
    assert Config(momentum=0.5).settings()["momentum"] == 0.5


def test_missing_numba_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in ("active_set_kernel", "vectors"):
        monkeypatch.delitem(sys.modules, f"simulate.{name}", raising=False)
        monkeypatch.delattr(simulate, name, raising=False)
    with pytest.raises(ModuleNotFoundError, match="needs Numba"):
        descend(*problem(1, 2, 10), 0.1, 10)


def test_no_folder_for_a_cache_is_no_error():
    scope = {}
    exec("def twice(x):\n    return 2 * x", scope)
    assert compiled(scope["twice"], cache=True)(3) == 6
