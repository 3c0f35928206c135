"""Extreme but finite problems: every engine returns finite numbers, a status and no warning; what was given up says so."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulate import Config, NeuronTrainer, Status, trials
from simulate.active_set import descend as active_set
from simulate.data import draw, trial_keys
from simulate.gd import End, SampleForce, descend
from simulate.sample_flow import sample_flow

pytest.importorskip("numba")


@st.composite
def problems(draw):
    """X (d, n), y (n,), a, w (d,): scales from 1e-6 to 1e6, few and repeated samples, empty rows, labels of one sign."""
    d, n = draw(st.integers(2, 5)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    X, w = rng.standard_normal((d, n)), rng.standard_normal(d)
    y = np.maximum(X[0], 0) + draw(st.sampled_from([0.0, 0.3, 1e3])) * rng.standard_normal(n)
    y = draw(st.sampled_from([y, 0 * y, -np.abs(y) - 0.1, np.abs(y) + 0.1]))
    kind = draw(st.sampled_from(["plain", "repeated", "opposite", "zero sample", "zero row", "whole numbers"]))
    if kind == "repeated":
        X, y = np.repeat(X[:, :1], n, 1), np.repeat(y[:1], n)
    elif kind == "opposite":
        X[:, 1::2] = -X[:, : 2 * (n // 2) : 2]
    elif kind == "zero sample":
        X[:, 0] = 0
    elif kind == "zero row":
        X[draw(st.integers(0, d - 1))] = 0
    elif kind == "whole numbers":
        X, w = np.round(X), np.round(w)
    size, outer = draw(st.sampled_from([1e-6, 1e-3, 1.0, 1e3])), draw(st.sampled_from([-3.0, -1.0, 0.0, 1e-9, 1.0, 3.0]))
    scale = draw(st.sampled_from([1e-3, 1.0, 30.0]))
    w = size * w
    return scale * X, scale * y, outer * np.linalg.norm(w), w


def finite(run):
    return np.isfinite(run.a).all() and np.isfinite(run.w).all() and np.isin(run.end, list(End)).all()


BUDGET = 20_000
"""Steps enough for whatever is not stiff by its scale."""


@given(problem=problems(), t=st.sampled_from([0.01, 1.0, 100.0]))
@settings(max_examples=150, deadline=None)
def test_the_flow(problem, t):
    X, y, a, w = (np.array([v]) for v in problem)
    run = sample_flow(X, y, a, w, t, most=BUDGET)
    assert finite(run)
    if np.abs(y).max() < 10 and np.abs(X).max() < 10 and np.abs(w).max() < 10:
        assert run.end[0] != End.STALLED
    before, after = a * a - (w * w).sum(-1), run.a**2 - (run.w**2).sum(-1)
    size = a * a + (w * w).sum(-1) + run.a**2 + (run.w**2).sum(-1)
    assert (np.abs(after - before) <= 1e-14 * size + 1e-300).all()
    if (a <= -np.linalg.norm(w, axis=1)).all():
        assert (run.a <= 0).all()


@given(problem=problems(), eta=st.sampled_from([1e-3, 0.1, 10.0]), momentum=st.sampled_from([0.0, 0.9]))
@settings(max_examples=100, deadline=None)
def test_descent(problem, eta, momentum):
    X, y, a, w = (np.array([v]) for v in problem)
    for run in (
        descend(SampleForce(X, y), a, w, eta, 300, momentum=momentum),
        active_set(X, y, a, w, eta, 300, momentum=momentum),
    ):
        assert finite(run)


@given(problem=problems(), engine=st.sampled_from(["gd", "active-set", "flow"]))
@settings(max_examples=60, deadline=None)
def test_trials_have_a_status(problem, engine):
    X, y, a, w = problem
    config = {"X": X.T, "y": y, "a0": [a], "w0": [w], "engine": engine, "t": 5.0, "algorithms": ("IMP", "LRR")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simulate.trainer.sample_flow", partial(sample_flow, most=BUDGET))
        ds = trials(config)
    for name in ("a", "w", "dense_a", "dense_w", "restart_a", "restart_w"):
        assert np.isfinite(ds[name]).all()
    assert np.isin(ds.status, list(Status)).all()
    if a <= -np.linalg.norm(w) and engine == "flow":
        assert not ds.learned.any()


@pytest.mark.parametrize("seed", range(3))
def test_rest_on_kinks_whose_shares_vanish(seed):
    """Fewer samples than weights and a < 0: w settles where active samples vanish, on kinks that neither hold nor repel it."""
    rng = np.random.default_rng(seed)
    X, w = rng.standard_normal((30, 5, 4)), rng.standard_normal((30, 5))
    y = np.maximum(X[:, 0], 0)
    run = sample_flow(X, y, -3 * np.linalg.norm(w, axis=1), w, 20.0, most=BUDGET)
    assert (run.end != End.STALLED).all()
    near = descend(SampleForce(X, y), -3 * np.linalg.norm(w, axis=1), w, 0.0005, 40_000)
    np.testing.assert_allclose(run.w, near.w, atol=0.02)


FEW = {"n": 40, "d": 3, "engine": "flow", "t": 50.0, "trials": 8, "algorithms": ("IMP", "LRR"), "sigma": 0.2}


def test_given_up_is_said_and_never_judged(monkeypatch):
    """A budget of 10 steps is enough for no dense phase here; with twice the longest nothing is given up."""
    whole = trials(FEW)
    monkeypatch.setattr("simulate.trainer.sample_flow", partial(sample_flow, most=10))
    ds = trials(FEW)
    assert (whole.dense_steps > 10).all()
    assert (ds.dense_steps == 10).all()
    assert (ds.status == Status.GIVEN_UP).all()
    assert not ds.learned.any()
    assert "given_up" in ds.status.flag_meanings.split()
    monkeypatch.setattr("simulate.trainer.sample_flow", partial(sample_flow, most=2 * int(whole.dense_steps.max())))
    assert trials(FEW).drop_attrs().identical(whole.drop_attrs())


def test_given_up_at_the_last_time_reached():
    """The values of a trial that was given up lie on its way: the loss has fallen, c is kept."""
    config = Config(**FEW)
    batch = NeuronTrainer(config, draw(config, trial_keys(config, np.arange(8)))).trials
    run = sample_flow(batch.X, batch.y, batch.a0, batch.w0, 50.0, most=10)
    assert (run.end == End.STALLED).all()
    assert np.isfinite(run.a).all()
    c, end = batch.a0**2 - (batch.w0**2).sum(-1), run.a**2 - (run.w**2).sum(-1)
    np.testing.assert_allclose(end, c, atol=1e-14)
    with pytest.raises(ValueError, match="at least one step, not 0"):
        sample_flow(batch.X, batch.y, batch.a0, batch.w0, 50.0, most=0)
