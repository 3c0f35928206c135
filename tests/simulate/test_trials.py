"""Trials: independence of chunks and workers, shared level 0, given data, rewinding, both engines; stored and resumed."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import simulate
from simulate import Config, NeuronTrainer, Status
from simulate.data import draw, trial_keys
from theory.algorithms import Algorithm, At, Rewind, levels
from theory.criteria import Criterion

SMALL = {"n": 40, "d": 3, "sigma": 0.3, "t": 30.0, "trials": 11, "algorithms": ("IMP", "WR(time=2)", "LRR"), "init": "bounded"}


def same(x, y):
    return x.drop_attrs().identical(y.drop_attrs())


def test_public_names_are_the_functions():
    import simulate.agreement
    import simulate.diagram
    import simulate.estimator
    import simulate.run_trials

    for name in ("trials", "phase_diagram", "estimate", "agree"):
        assert callable(getattr(simulate, name))
    assert set(simulate.__all__) >= {"Config", "NeuronTrainer", "load"}


def test_chunks_workers_and_executors_change_no_bit():
    whole = simulate.trials(SMALL)
    assert same(whole, simulate.trials({**SMALL, "chunk": 1}))
    assert same(whole, simulate.trials({**SMALL, "chunk": 4, "workers": 2}))
    with ThreadPoolExecutor(1) as pool:
        assert same(whole, simulate.trials({**SMALL, "chunk": 5}, executor=pool))
    assert not same(whole, simulate.trials({**SMALL, "seed": 1}))
    assert same(whole.isel(trial=slice(0, 4)), simulate.trials({**SMALL, "trials": 4}))


def test_algorithms_together_equal_each_alone():
    together = simulate.trials({**SMALL, "keep": 0.6, "levels": 2})
    for name in SMALL["algorithms"]:
        alone = simulate.trials({**SMALL, "keep": 0.6, "levels": 2, "algorithms": (name,)})
        assert same(together.sel(algorithm=[name]), alone)
    assert (together.mask.sum("coordinate") == 1).all()


def test_shared_level_equals_the_plain_loop():
    config = Config(**SMALL)
    trials = draw(config, trial_keys(config, np.arange(5)))
    found = simulate.trials(config)
    for law in config.laws:
        trainer = NeuronTrainer(config, trials)
        last = list(levels(law, trainer, trainer.start, trainer.everything, 1))[-1]
        assert (last.points["final"]["w"] == found.w.sel(algorithm=str(law))[:5].to_numpy()).all()


def test_weight_rewinding_lies_between():
    ds = simulate.trials({**SMALL, "algorithms": ("IMP", "WR(step=0)", "WR(step=300)", "LRR")})
    for x, y in (("IMP", "WR(step=0)"), ("LRR", "WR(step=300)")):
        assert (ds.w.sel(algorithm=x).to_numpy() == ds.w.sel(algorithm=y).to_numpy()).all()


@pytest.mark.parametrize(("spec", "text"), [("WR(epoch=2)", "epoch"), ("WR(time=31)", "time=31"), ("WR(step=301)", "step=301")])
def test_refuses_moments(spec, text):
    with pytest.raises(ValueError, match=text):
        simulate.trials({**SMALL, "algorithms": (spec,)})


def test_a_criterion_may_score_by_a_moment():
    late = Algorithm("late", criterion=Criterion("late", (At(2.0, "time"),), abs))
    early = Algorithm("early", criterion=Criterion("early", (At(0),), abs))
    ds = simulate.trials({**SMALL, "trials": 30, "algorithms": (early, late, Algorithm("init", criterion="large_init"))})
    masks = {name: ds.mask.sel(algorithm=name).to_numpy() for name in ("early", "late", "init")}
    assert (masks["early"] == masks["init"]).all()
    assert (masks["late"] != masks["init"]).any()


def test_an_edited_algorithm_is_not_the_stored_one(tmp_path):
    def law(**rewind):
        return {**SMALL, "algorithms": (Algorithm("mine", Rewind(**rewind)),)}

    first = simulate.trials(law(), out=tmp_path / "r.zarr")
    assert simulate.trials(law(), out=tmp_path / "r.zarr").identical(first)
    with pytest.raises(ValueError, match=r"definitions\.mine\.rewind\.sign is 'init' there and 'final' here"):
        simulate.trials(law(sign="final"), out=tmp_path / "r.zarr")


def test_an_empty_folder_is_no_result(tmp_path):
    out = tmp_path / "r.zarr"
    out.mkdir()
    assert simulate.trials(SMALL, out=out).identical(simulate.load(out))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.zarr"]


def test_given_data_are_used():
    rng = np.random.default_rng(0)
    X, a0, w0 = (
        rng.standard_normal((4, 30, 2)),
        np.array([1.0, 1.0, -2.0, 0.5]),
        np.array([[0.5, 1], [-0.5, 1], [1, 1], [0.0, 0]]),
    )
    given = {"X": X, "y": np.maximum(X[..., 0], 0), "a0": a0, "w0": w0, "t": 200}
    ds = simulate.trials({**given, "chunk": 3})
    assert (ds.a0.to_numpy() == a0).all()
    assert (ds.w0.to_numpy() == w0).all()
    assert ds.learned.sel(algorithm="IMP").to_numpy().tolist() == [True, False, False, False]
    assert ds.learned.sel(algorithm="LRR").to_numpy().tolist() == [True, True, False, False]
    np.testing.assert_allclose((ds.a * ds.w.isel(coordinate=0)).sel(algorithm="LRR")[:2], 1.0)
    shared = simulate.trials({**given, "X": X[0], "y": given["y"][0]})
    assert same(shared.isel(trial=[0]), ds.isel(trial=[0]))


def test_pruned_to_another_input_is_a_wrong_mask():
    ds = simulate.trials({**SMALL, "algorithms": ("random",), "trials": 40})
    kept = ds.mask.isel(algorithm=0, coordinate=0)
    assert 0 < kept.sum() < 40
    assert ((ds.status.isel(algorithm=0) == Status.WRONG_MASK) == ~kept).all()


@pytest.mark.parametrize("law", [{"d": 1, "n": 30, "sigma": 0.3}, {"d": 1, "n": None}, {"d": 3, "n": None}])
def test_small_steps_follow_the_flow(law):
    config = Config(**law, trials=12, t=20.0, eta=0.01, init="gaussian", algorithms=("IMP", "WR(time=1.5)", "LRR"))
    flow, descent = simulate.trials(config.but(engine="flow")), simulate.trials(config)
    np.testing.assert_allclose(flow.w, descent.w, atol=0.02)
    np.testing.assert_allclose(flow.a, descent.a, atol=0.02)


def test_dense_moments_lie_on_the_way():
    config = Config(**SMALL)
    trainer = NeuronTrainer(config, draw(config, trial_keys(config, np.arange(3))))
    points = trainer.train(trainer.start, trainer.everything, 0, frozenset({At(0), At(1.0, "time"), At(10)}), Rewind())
    assert (points[At(0)]["w"] == trainer.start["w"]).all()
    assert (points[At(1.0, "time")]["w"] == points[At(10)]["w"]).all()


def test_stored_results_come_back_and_are_not_computed_again(tmp_path, monkeypatch):
    first = simulate.trials(SMALL, out=tmp_path / "r.zarr")
    assert simulate.load(tmp_path / "r.zarr").identical(first)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.zarr"]
    monkeypatch.setattr("simulate.run_trials.simulate", None)
    assert simulate.trials({**SMALL, "chunk": 2}, out=tmp_path / "r.zarr").identical(first)
    record = json.loads(first.attrs["provenance"])
    assert record["settings"]["sigma"] == 0.3
    assert {"schema", "settings_hash", "versions", "commit", "machine", "threads"} <= set(record)


def test_foreign_other_and_damaged_results_are_refused(tmp_path):
    out = tmp_path / "r.zarr"
    simulate.trials(SMALL, out=out)
    with pytest.raises(ValueError, match=r"sigma is 0\.3 there and 0\.4 here"):
        simulate.trials({**SMALL, "sigma": 0.4}, out=out)
    with pytest.raises(ValueError, match="phase_diagram"):
        simulate.phase_diagram({"n": None, "trials": 1, "t": 1}, {"a0": [1]}, out=out)
    (out / "status" / "zarr.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        simulate.load(out)
    with pytest.raises(ValueError, match="damaged"):
        simulate.trials(SMALL, out=out)
    assert (out / "w" / "zarr.json").exists()
    (tmp_path / "text").write_text("mine")
    with pytest.raises(ValueError, match="not a result"):
        simulate.trials(SMALL, out=tmp_path / "text")
    assert (tmp_path / "text").read_text() == "mine"
    with pytest.raises(ValueError, match="no result"):
        simulate.load(tmp_path / "none")


def test_an_unfinished_run_of_other_settings_is_refused_and_a_damaged_chunk_computed_again(tmp_path, monkeypatch, capsys):
    parts = tmp_path / "r.zarr.parts"
    monkeypatch.setattr("simulate.store._save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        simulate.trials({**SMALL, "chunk": 4}, out=tmp_path / "r.zarr")
    monkeypatch.undo()
    assert len(list(parts.glob("*.npz"))) == 3
    with pytest.raises(ValueError, match="unfinished run of other settings: seed"):
        simulate.trials({**SMALL, "seed": 5}, out=tmp_path / "r.zarr")
    chunk = next(parts.glob("*.npz"))
    chunk.write_bytes(chunk.read_bytes()[:200])
    assert same(simulate.trials({**SMALL, "chunk": 4}, out=tmp_path / "r.zarr"), simulate.trials(SMALL))
    assert "is damaged (File is not a zip file); it is computed again." in capsys.readouterr().err
