"""The study tests/bench/convergence.py, small: descent and heavy ball to the flow, the flow to closed solutions."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from simulate.sample_flow import sample_flow

pytest.importorskip("numba")
spec = importlib.util.spec_from_file_location("bench_convergence", Path(__file__).parents[1] / "bench" / "convergence.py")
study = importlib.util.module_from_spec(spec)
spec.loader.exec_module(study)


@pytest.fixture(scope="module")
def given():
    return study.starts(60, 4, 50, 0.2)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_slope_one(given, momentum):
    etas = tuple(np.array([0.02, 0.0025]) * (1 - momentum))
    errors, slope, slid = study.orders(*given, 12.0, etas, momentum)
    for rows in (slid > 0, slid == 0):
        assert rows.sum() >= 8
        assert abs(np.median(slope[rows]) - 1) < 0.05
        assert (np.abs(slope[rows] - 1) < 0.15).mean() > 0.75
    assert np.median(errors[-1]) < 0.01


def test_heavy_ball_is_not_the_flow_at_the_plain_time(given):
    """Control: without the factor 1/(1 − μ) the error does not fall with η."""
    X, y, a, w = given
    exact = sample_flow(X, y, a, w, 12.0)
    errors = []
    for eta in (0.01, 0.00125):
        end = study.descend(X, y, a, w, eta, round(12.0 / eta), momentum=0.8)
        errors.append(np.median(study.distance(end.a, end.w, exact.a, exact.w)))
    assert errors[1] > 0.5 * errors[0] > 1e-3


@pytest.mark.parametrize("name", study.PROBLEMS)
def test_the_flow_meets_its_tolerance(name):
    found = [study.true_errors(name, tolerance, 40).max() for tolerance in study.TOLERANCES]
    assert all(error < tolerance for error, tolerance in zip(found[:3], study.TOLERANCES, strict=False))
    assert found[3] < 1e-12 + 1e-14
    assert found[2] < 1e-3 * found[0]


@pytest.mark.parametrize(("name", "slid"), [("sliding on one", 1), ("sliding on three", 3), ("through the origin", 1)])
def test_the_problems_are_what_they_say(name, slid):
    X, y, a, w, t, _, end_w = study.PROBLEMS[name](np.random.default_rng(1), 20)
    run = sample_flow(X, y, a, w, t)
    assert (run.slid == slid).all()
    if name == "through the origin":
        assert (end_w[:, 0] < 0).all()
        assert (run.forks >= 1).all()
    else:
        assert (run.forks == 0).all()
        assert (np.abs(end_w[:, 0] - w[:, 0]) > 1e-3).all()
