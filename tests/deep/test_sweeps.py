"""Sweeps: the same bits whatever runs the tasks, level 0 trained once, killed and diverged runs."""

from dataclasses import replace
from pathlib import Path

import pytest

import deep
from deep import analyses, load_run, run
from deep.sweeps import sweep
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


def test_bad_sweeps_get_one_sentence(tiny, tmp_path):
    (tmp_path / "thesis.tex").write_text("…")
    with pytest.raises(ValueError, match=r"for it holds 'thesis\.tex'"):
        sweep(tiny(tmp_path), ("IMP", "LRR"))
    with pytest.raises(ValueError, match="seeds is a whole number of at least 1, not 0"):
        sweep(tiny(tmp_path / "new"), ("IMP", "LRR"), seeds=0)
    with pytest.raises(ValueError, match="epoch=3"):
        sweep(tiny(tmp_path / "new"), ("IMP", "WR(epoch=3)"))
    assert not (tmp_path / "new").exists()
