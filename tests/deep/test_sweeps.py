"""Sweeps: the same bits whatever runs the tasks, level 0 trained once, killed and diverged runs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import deep
from deep import analyses, load_run, run
from deep.sweep_records import read_sweep
from deep.sweeps import folder_of_sweep, resume, sweep
from theory.algorithms import IMP, At
from theory.criteria import Criterion

ALGORITHMS = ("IMP", "WR(step=3)", "LRR")


def contents(folder: Path) -> dict[str, bytes]:
    files = [p for p in folder.rglob("*") if p.suffix in (".safetensors", ".jsonl")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def swept(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep")
    return sweep(tiny(out), ALGORITHMS, seeds=2, workers=2)


def test_layout(swept):
    out = swept[0].parents[1]
    assert {str(p.relative_to(out)) for p in swept} == {f"{a}/seed-{s}" for a in ALGORITHMS for s in (0, 1)}
    assert all([level.index for level in load_run(p).levels] == [0, 1, 2] for p in swept)


def test_results_do_not_depend_on_workers_executor_or_order(tiny, tmp_path, swept, stored, serial):
    sweep(tiny(tmp_path), ALGORITHMS[::-1], seeds=2, executor=serial)
    assert contents(tmp_path) == contents(swept[0].parents[1])
    for path in swept:
        alone = stored[path.parent.name]
        if path.name == "seed-0":
            own = contents(path)
            assert {name: own[name] for name in contents(alone.path)} == contents(alone.path)


def test_level_0_is_trained_once_a_seed_and_finished_levels_never_again(tiny, tmp_path, monkeypatch, serial):
    trained = []
    train = deep.TorchTrainer.train
    monkeypatch.setattr(deep.TorchTrainer, "train", lambda self, *args: trained.append(args[2]) or train(self, *args))
    sweep(tiny(tmp_path, levels=1), ("IMP", "LRR"), executor=serial)
    assert sorted(trained) == [0, 1, 1]
    sweep(tiny(tmp_path, levels=2), ("IMP", "LRR", "random"), executor=serial)
    assert sorted(trained) == [0, 1, 1, 1, 2, 2, 2]


def test_an_algorithm_with_a_new_rewind_point_trains_its_own_level_0(tiny, tmp_path, swept, serial):
    sweep(tiny(tmp_path, levels=1), ("LRR",), executor=serial)
    sweep(tiny(tmp_path, levels=1), ("WR(step=3)",), executor=serial)
    one, other = (contents(p / "WR(step=3)" / "seed-0" / "levels" / "01") for p in (tmp_path, swept[0].parents[1]))
    assert one == other


def test_a_diverged_run_does_not_stop_the_others(tiny, tmp_path, monkeypatch, serial):
    def sometimes(config, *args):
        if config.algorithm == "IMP":
            raise deep.Diverged("The loss is nan.")
        return run(config, *args)

    monkeypatch.setattr("deep.sweeps.run", sometimes)
    with pytest.raises(deep.Diverged, match=r"IMP/seed-0': The loss is nan"):
        sweep(tiny(tmp_path, levels=1), ("IMP", "LRR"), executor=serial)
    assert len(load_run(tmp_path / "LRR" / "seed-0").levels) == 2
    assert {row["algorithm"] for row in analyses.table(analyses.load(tmp_path))} == {"dense", "LRR"}


def test_algorithm_objects(tiny, tmp_path, serial):
    mine = replace(IMP, name="mine", criterion=Criterion("early", (At(3),), abs))
    paths = sweep(tiny(tmp_path, levels=1), ("IMP", mine, IMP), executor=serial)
    assert [p.parent.name for p in paths] == ["IMP", "mine"]
    first = [p / "levels" / "00" / "step=3.safetensors" for p in paths]
    assert first[1].samefile(tmp_path / "dense" / "seed-0" / "levels" / "00" / "step=3.safetensors")
    assert {row["algorithm"] for row in analyses.table(analyses.load(tmp_path))} == {"dense", "IMP", "mine"}
    for twin in (replace(mine, name="IMP"), replace(mine, name="dense")):
        with pytest.raises(ValueError, match="need names of their own"):
            sweep(tiny(tmp_path / "new"), ("IMP", twin), executor=serial)


def test_the_record_of_a_sweep(tiny, tmp_path, serial):
    small = {"model": "lenet-300-100", "width": None, "levels": 0, "epochs": 1, "milestones": ()}
    mine = replace(IMP, name="mine", scope="layer")
    sweep(tiny(tmp_path, **small), ("IMP", mine), executor=serial)
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert record["schema"] == "signescape.deep.sweep/1"
    assert {"settings", "settings_hash", "versions", "commit", "machine", "threads"} <= record.keys()
    assert record["seeds"] == [0]
    assert record["algorithms"][0] == "IMP"
    found = read_sweep(tmp_path)
    assert (found.algorithms, found.settings.levels) == (("IMP", mine), 0)
    sweep(tiny(tmp_path, **small | {"levels": 1, "seed": 3}), ("LRR", "IMP"), seeds=2, executor=serial)  # more is accepted
    sweep(tiny(tmp_path, **small), ("IMP",), executor=serial)  # fewer too, and nothing is forgotten
    found = read_sweep(tmp_path)
    assert (found.algorithms, found.seeds, found.settings.levels) == (("IMP", mine, "LRR"), (0, 3, 4), 1)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(ValueError, match=r"The sweep in '.*' has learning_rate=0.1, not 0.2; choose another --out"):
        sweep(tiny(tmp_path, **small, learning_rate=0.2), ("IMP",), executor=serial)
    with pytest.raises(ValueError, match=r"The algorithm 'mine' of the sweep in .* changed"):
        sweep(tiny(tmp_path, **small), (replace(mine, scope="global"),), executor=serial)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    paths = resume(tmp_path, executor=serial)
    assert {(p.parent.name, p.name) for p in paths} == {(a, f"seed-{s}") for a in ("IMP", "mine", "LRR") for s in (0, 3, 4)}
    assert all(len(load_run(p).levels) == 2 for p in paths)


def test_a_stopped_sweep_is_resumed_from_its_folder_to_the_same_bits(tiny, tmp_path, serial, monkeypatch):
    small = {"model": "lenet-300-100", "width": None, "epochs": 1, "milestones": ()}
    left = iter(range(4))

    def some(*args):
        return run(*args) if next(left, None) is not None else 1 / 0

    with monkeypatch.context() as patch:
        patch.setattr("deep.sweeps.run", some)
        with pytest.raises(ZeroDivisionError):
            sweep(tiny(tmp_path / "a", **small), ALGORITHMS, seeds=2, executor=serial)
    moved = (tmp_path / "a").rename(tmp_path / "b")
    (moved / ".sweep.json.0123.tmp").write_text("{")  # as a killed writer leaves it
    resume(moved, executor=serial)
    sweep(tiny(tmp_path / "whole", **small), ALGORITHMS, seeds=2, executor=serial)
    assert contents(moved) == contents(tmp_path / "whole")


def test_what_can_not_be_resumed(tiny, tmp_path, serial):
    with pytest.raises(ValueError, match=r"is no sweep: it has no sweep.json"):
        resume(tmp_path)
    mine = replace(IMP, name="mine", criterion=Criterion("early", (At(3),), abs))
    sweep(tiny(tmp_path / "own", levels=0), ("IMP", mine), executor=serial)
    with pytest.raises(ValueError, match="The criterion of 'mine' is no named one: only the program that began this sweep"):
        resume(tmp_path / "own")
    for spoil in (
        {"schema": "signescape.deep.sweep/9"},
        {"seeds": []},
        {"algorithms": [{"name": "x"}]},
        {"settings": {"x": 1}},
    ):
        record = json.loads((tmp_path / "own" / "sweep.json").read_text()) | spoil
        (folder := tmp_path / next(iter(spoil))).mkdir()
        (folder / "sweep.json").write_text(json.dumps(record))
        with pytest.raises(ValueError, match=r"has schema|lists no|defines no|Unknown setting"):
            resume(folder)


def test_a_sweep_without_a_folder_gets_one_by_its_settings(tiny, tmp_path):
    one = replace(tiny(tmp_path), out=None)
    assert folder_of_sweep(one) == folder_of_sweep(replace(one, seed=7, levels=1))
    assert folder_of_sweep(one) != folder_of_sweep(replace(one, learning_rate=0.2))
    assert str(folder_of_sweep(one)).startswith("runs/deep/resnet20-digits-sweep-")


def test_bad_sweeps_get_one_sentence(tiny, tmp_path):
    (tmp_path / "thesis.tex").write_text("…")
    with pytest.raises(ValueError, match=r"for it holds 'thesis\.tex'"):
        sweep(tiny(tmp_path), ("IMP", "LRR"))
    with pytest.raises(ValueError, match="seeds is a whole number of at least 1, not 0"):
        sweep(tiny(tmp_path / "new"), ("IMP", "LRR"), seeds=0)
    with pytest.raises(ValueError, match="epoch=3"):
        sweep(tiny(tmp_path / "new"), ("IMP", "WR(epoch=3)"))
    assert not (tmp_path / "new").exists()
