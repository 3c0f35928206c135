"""The study theory against simulation, small; its counts against a direct comparison; a wrong theory is found out."""

import numpy as np
import pytest

import simulate
import theory
from simulate import Status
from simulate.flow import one_input_path
from simulate.gd import BranchForce, descend
from theory.one_input import Branches

pytest.importorskip("numba")
SMALL = {"n": 100, "d": 4, "trials": 16, "t": 100, "seed": 2}
FLOW = {"n": 60, "d": 4, "trials": 60, "t": 200, "seed": 4, "engine": "flow", "algorithms": ("IMP", "WR(time=2)", "LRR")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("agree")


@pytest.fixture(scope="module")
def rows(folder):
    return simulate.agree(SMALL, inits=("balanced", "bounded"), checks=5, out=folder)


@pytest.fixture(scope="module")
def flow_rows():
    return simulate.agree(FLOW, sigmas=(0.0, 0.5), checks=6)


def test_classes(rows):
    names = ("balanced, a0 > 0", "balanced, a0 < 0", "bounded")
    assert {(r.sigma, r.init, r.algorithm) for r in rows} == {
        (sigma, init, law) for sigma in (0.0, 0.2) for init in names for law in ("IMP", "LRR")
    }
    for r in rows:
        assert r.n == r.right["population"] + sum(r.first_right.values()) == sum(r.status.values())
        assert r.status["learned"] == r.learned
        assert r.right["restart"] == r.n - r.wrong - r.wrong_inside
        assert r.low <= r.right["population"] / r.n <= r.high
    assert sum(r.n for r in rows) == 2 * 2 * 32
    assert sum(r.checked + r.refuted for r in rows) == 2 * 2 * 2 * 5


def test_theory_predicts_every_trial(rows):
    assert sum(r.wrong for r in rows) == 0
    assert sum(r.refuted for r in rows) == 0
    assert sum(r.right["population"] for r in rows if r.sigma == 0) >= 0.9 * 64


def test_the_flow_is_predicted_without_exception(flow_rows):
    """Noise strong enough for each predictor to be the first that is right somewhere; c kept; T14 without exception."""
    assert sum(r.first_right["none"] for r in flow_rows) == 0
    for name in ("branches", "mask", "restart"):
        assert sum(r.first_right[name] for r in flow_rows) > 0
    assert sum(r.checked for r in flow_rows) == 6 * 3 * 6
    assert max(max(r.drift) for r in flow_rows) < 1e-15
    assert sum(r.never for r in flow_rows) > 100
    assert sum(r.escaped for r in flow_rows) == 0


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_the_last_level_by_two_independent_ways(sigma):
    """The flow's last level is T2's closed form; DOP853 and small steps of descent know the velocity alone."""
    ds = simulate.trials(FLOW | {"sigma": sigma, "init": "gaussian", "t": 100})
    branches = Branches(*(ds[name].to_numpy() for name in Branches._fields))
    counts = {"paths": 0, "descents": 0}
    for law in FLOW["algorithms"]:
        one = ds.sel(algorithm=law)
        a, w = one.restart_a.to_numpy(), one.restart_w.to_numpy()[:, 0]
        kept = one.mask.to_numpy()[:, 0]
        assert (one.status.to_numpy()[~kept] == Status.WRONG_MASK).all()
        for i in np.flatnonzero(kept):
            path = one_input_path(float(a[i]), float(w[i]), [100.0], *(float(b[i]) for b in branches))
            np.testing.assert_allclose(path.w[0, 0], one.w.to_numpy()[i, 0], atol=1e-8)
            assert (path.w[0, 0] > 0 and path.a[0] + path.w[0, 0] > 0) == one.learned.to_numpy()[i]
            counts["paths"] += 1
        run = descend(BranchForce(*(b[kept] for b in branches)), a[kept], w[kept, None], 0.005, 20_000)
        margin = np.abs(a + w)[kept] > 0.01
        late = np.abs(theory.noise_escape_time(a, w, branches.s_minus, branches.beta_minus) - 100)[kept] > 10
        same = ((run.w[:, 0] > 0) & (run.a + run.w[:, 0] > 0)) == one.learned.to_numpy()[kept]
        assert same[margin & late].all()
        counts["descents"] += (margin & late).sum()
    assert min(counts.values()) > 120


def test_restarts_are_those_of_the_algorithms():
    ds = simulate.trials(FLOW | {"sigma": 0.2, "trials": 8})
    for law, a, w in (("IMP", ds.a0, ds.w0), ("LRR", ds.dense_a, ds.dense_w)):
        one = ds.sel(algorithm=law)
        assert (one.restart_a == a).all()
        assert (one.restart_w == w * one.mask).all()


@pytest.mark.parametrize("engine", ["active-set", "flow"])
def test_chunks_change_nothing(engine):
    few = SMALL | {"engine": engine, "eta": 0.05, "t": 20}
    assert simulate.agree(few, inits=("gaussian",)) == simulate.agree(few | {"chunk": 5}, inits=("gaussian",))


def test_a_wrong_theory_is_found_out(rows, monkeypatch):
    learns = theory.learns
    monkeypatch.setattr(theory, "learns", lambda law, *a, **k: learns("LRR" if str(law) == "IMP" else law, *a, **k))
    imp, lrr = simulate.agree(SMALL, sigmas=(0.0,), inits=("bounded",))
    assert imp.first_right["restart"] > 0
    assert lrr.right == rows[5].right
    monkeypatch.setattr(theory, "learns", lambda law, *a, **k: ~learns(law, *a, **k))
    assert sum(r.wrong for r in simulate.agree(SMALL, sigmas=(0.0,), inits=("bounded",))) > 0


def test_a_wrong_last_level_is_found_out(monkeypatch):
    """Negative control of the checks: a status that calls every restart with e_1 a success is refuted by DOP853."""
    from simulate import run_trials

    classify = run_trials.classify
    monkeypatch.setattr(
        run_trials, "classify", lambda a, w, mask, *rest: np.where(mask[:, 0], Status.LEARNED, classify(a, w, mask, *rest))
    )
    imp, _ = simulate.agree(FLOW | {"algorithms": ("IMP", "LRR")}, sigmas=(0.0,), inits=("bounded",), checks=20)
    assert imp.refuted > 0


def test_resumes_from_its_folder(rows, folder, monkeypatch):
    monkeypatch.setattr("simulate.agreement.compared", None)
    assert simulate.agree(SMALL, sigmas=(0.2,), inits=("bounded",), checks=5, out=folder) == rows[10:]


@pytest.mark.parametrize("law", ["dense", "random", "restart(magnitude='reinit')"])
def test_refuses_what_theory_does_not_predict(law):
    with pytest.raises(ValueError, match=law.partition("(")[0]):
        simulate.agree(SMALL | {"algorithms": (law,)})
