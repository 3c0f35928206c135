"""The study theory against simulation, small; its counts against a direct comparison; a wrong theory is found out."""

import pytest

import simulate
import theory

SMALL = {"n": 100, "d": 4, "trials": 16, "t": 100, "seed": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("agree")


@pytest.fixture(scope="module")
def rows(folder):
    return simulate.agree(SMALL, inits=("balanced", "bounded"), out=folder)


def test_classes(rows):
    assert [(r.sigma, r.init) for r in rows] == [
        (sigma, init) for sigma in (0.0, 0.2) for init in ("balanced, a0 > 0", "balanced, a0 < 0", "bounded")
    ]
    assert all(r.n == r.lrr_right + sum(r.lrr_first_right.values()) for r in rows)
    assert rows[0].n + rows[1].n == rows[2].n == 16


def test_theory_predicts_every_trial(rows):
    assert sum(r.imp_wrong for r in rows) == 0
    assert sum(r.lrr_first_right["none"] for r in rows) == 0
    assert sum(r.lrr_right for r in rows if r.sigma == 0) >= 0.9 * 32


def test_a_wrong_theory_is_found_out(rows, folder, monkeypatch):
    learns = theory.learns
    monkeypatch.setattr(theory, "learns", lambda law, *a, **k: learns("LRR" if law == "IMP" else law, *a, **k))
    found = simulate.agree(SMALL, sigmas=(0.0,), inits=("bounded",), out=folder)
    assert found[0].imp_wrong > 0
    assert found[0].lrr_right == rows[2].lrr_right


def test_resumes_from_its_folder(rows, folder, monkeypatch):
    monkeypatch.setattr("simulate.run_trials.simulate", None)
    assert simulate.agree(SMALL, sigmas=(0.2,), inits=("bounded",), out=folder) == [rows[5]]
