"""Phase diagrams and estimates against known boundaries and probabilities."""

import math

import numpy as np
import pytest

import simulate
import theory

GRID = {"a0": [-1.0, -0.4, 0.4, 1.0], "w1": [-0.9, -0.3, 0.3, 0.9]}


def known(ds):
    a, w = np.meshgrid(*GRID.values(), indexing="ij")
    return (w > 0) & (a > -w)


@pytest.mark.parametrize("law", [{"n": None}, {"n": None, "engine": "flow"}, {"n": 60}])
def test_one_input_is_the_published_quadrant(law):
    ds = simulate.phase_diagram({"d": 1, "trials": 2, "t": 60, "axes": GRID, **law})
    assert ds.hits.dims == ("a0", "w1", "algorithm")
    assert (ds.n == 2).all()
    for name in ("IMP", "LRR"):
        assert (ds.hits.sel(algorithm=name).to_numpy() == 2 * known(ds)).all()


@pytest.mark.parametrize("engine", ["gd", "flow"])
def test_many_inputs_are_rescued_by_learning_rate_rewinding(engine):
    config = {"n": None, "d": 4, "engine": engine, "trials": 2, "t": 150, "init": "gaussian"}
    ds = simulate.phase_diagram(config, {"a0": [0.7, 1.5], "w1": [-0.8, 0.8]})
    assert ds.hits.sel(algorithm="LRR").to_numpy().tolist() == [[2, 2], [2, 2]]
    assert ds.hits.sel(algorithm="IMP").to_numpy().tolist() == [[0, 2], [0, 2]]
    assert (ds.counts.sum("status") == ds.n).all()


def test_axes_of_settings_and_initial_values_mix(tmp_path):
    config = {"n": 20, "d": 2, "trials": 5, "t": 20, "chunk": 3, "sigma": 0.1}
    axes = {"n": [20, math.inf], "w1": [-0.5, 0.5], "eta": [0.1, 0.2]}
    ds = simulate.phase_diagram(config, axes, out=tmp_path / "p.zarr")
    assert ds.sizes == {"samples": 2, "w1": 2, "eta": 2, "algorithm": 2, "status": len(simulate.Status)}
    other = simulate.phase_diagram({**config, "chunk": 100}, axes)
    assert ds.drop_attrs().identical(other.drop_attrs())
    assert simulate.load(tmp_path / "p.zarr").identical(ds)
    assert (ds.hits.sel(algorithm="IMP", w1=-0.5, samples=math.inf) == 0).all()


@pytest.mark.parametrize(
    ("axes", "text"),
    [
        (None, "None"),
        ({"b": [1]}, "'b'"),
        ({"a0": []}, "a0"),
        ({"a0": [1, 1]}, "a0"),
        ({"a0": [float("nan")]}, "nan"),
        ({"a0": ["x"]}, "no number"),
        ({"sigma": [-1]}, "-1"),
        ({"d": [1.5]}, r"1\.5"),
    ],
)
def test_refuses_axes(axes, text):
    with pytest.raises(ValueError, match=text):
        simulate.phase_diagram({"trials": 1, "t": 1}, axes)


@pytest.mark.parametrize("init", ["balanced", "bounded", "gaussian"])
def test_estimates_hold_the_exact_probabilities(init):
    """At a finite t the dense neuron is undecided in some trials; pruned then, LRR is stuck in them. Balanced a0 < 0 lies on
    the boundary, where descent's drift (T13) makes the dense neuron undecided, not LRR.
    """
    config = {"n": None, "d": 5, "init": init, "t": 100, "seed": 3, "algorithms": ("IMP", "LRR", "dense")}
    found = simulate.estimate(config, half_width=0.06, level=0.999)
    assert found.n == simulate.trials_needed(0.06, 0.999)
    imp, lrr, dense = found["IMP"], found["LRR"], found["dense"]
    assert imp.low <= float(theory.success_probability("IMP", init, 5)) <= imp.high
    exact = float(theory.success_probability("LRR", init, 5))
    most = dense.hits + dense.undecided if init != "balanced" else lrr.hits
    low, high = simulate.clopper_pearson(most, dense.n, 0.999)
    assert low <= exact <= high
    assert dense.low <= exact
    difference = found.differences["LRR - IMP"]
    assert difference.value == pytest.approx(lrr.value - imp.value)
    assert difference.low > 0


def test_a_half_width_needs_drawn_trials():
    with pytest.raises(ValueError, match=r"half_width=0\.1"):
        simulate.estimate({"a0": [1.0], "d": 1}, half_width=0.1)
