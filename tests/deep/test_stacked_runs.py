"""Runs trained together: folders like any other, the same whatever trains beside them, killed, diverged, at any level."""

import json
from dataclasses import replace

import pytest

from deep import checkpoint, load_run, run
from deep.config import Config
from deep.stacked_runs import run_together
from deep.sweeps import sweep
from deep.trainer import Diverged
from theory.algorithms import LRR, WR

CARRY = replace(LRR, name="carry", rewind=replace(LRR.rewind, optimiser="carry"))
REPLAY = replace(WR(step=3), name="replay", rewind=replace(WR(step=3).rewind, schedule="replay", optimiser="restore"))
LAWS = ["IMP", CARRY, REPLAY]


def small(out, **own) -> Config:
    short = {"model": "conv2", "width": 3, "levels": 2, "epochs": 2, "subset": 96, "batch_size": 48, "milestones": ("epoch=1",)}
    return Config(**short | {"together": 4} | own, out=str(out))


def contents(folder) -> dict[str, bytes]:
    files = [p for p in folder.rglob("*") if p.suffix in (".safetensors", ".jsonl")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def swept(tmp_path_factory, serial):
    out = tmp_path_factory.mktemp("stacked")
    sweep(small(out, together=16), LAWS, seeds=2, executor=serial)
    return out


def test_a_sweep_has_the_same_files_whatever_trains_together(swept, tmp_path, serial):
    sweep(small(tmp_path, together=3), LAWS[::-1], seeds=2, executor=serial)
    assert contents(tmp_path) == contents(swept)
    for law in ("IMP", "carry"):
        first = swept / law / "seed-1" / "levels" / "00" / "final.safetensors"
        assert first.samefile(swept / "dense" / "seed-1" / "levels" / "00" / "final.safetensors")


def test_one_run_of_a_stack_goes_on_alone(swept, tmp_path, serial):
    sweep(small(tmp_path, levels=1), ["IMP", "LRR"], seeds=1, executor=serial)
    folder = tmp_path / "IMP" / "seed-0"
    run(replace(load_run(folder).settings, levels=2, out=str(folder)), quiet=True)
    mine, theirs = load_run(folder), load_run(swept / "IMP" / "seed-0")
    assert [level.rows for level in mine.levels] == [level.rows for level in theirs.levels]
    assert contents(folder / "levels" / "02") == contents(theirs.path / "levels" / "02")


def test_a_run_has_the_files_of_an_ordinary_one_and_says_how_it_was_trained(swept, tmp_path, serial):
    sweep(small(tmp_path, together=1), ["IMP", CARRY], seeds=1, executor=serial)
    for law in ("IMP", "carry"):
        one, other = (load_run(folder / law / "seed-0") for folder in (swept, tmp_path))
        for mine, theirs in zip(one.levels, other.levels, strict=True):
            more = {"step=3", "optimiser final", "optimiser step=3"}  # what the other algorithms need of level 0
            assert set(theirs.names) <= set(mine.names) <= set(theirs.names) | (more if mine.index == 0 else set())
            assert mine.record.keys() == theirs.record.keys()
            for row, twin in zip(mine.rows, theirs.rows, strict=True):
                assert row.keys() == twin.keys()
                assert (row["level"], row.get("alive")) == (twin["level"], twin.get("alive"))
        assert json.loads((one.path / "run.json").read_text())["same"]["trainer"]["identity"] == {"stack": "of any size"}
        assert one.record["identity"] != other.record["identity"]
    with pytest.raises(ValueError, match="choose another --out"):
        sweep(small(swept, together=1), ["IMP"], seeds=1, executor=serial)


def test_runs_at_different_levels_train_together(swept, tmp_path):
    runs = [small(tmp_path / str(i), algorithm="IMP", seed=i % 2) for i in range(3)]
    run_together([replace(runs[0], levels=1)])
    run_together([replace(runs[2], levels=0)])
    assert run_together(runs) == [r.path for r in runs]
    for i in range(3):
        own, theirs = contents(tmp_path / str(i)), contents(swept / "IMP" / f"seed-{i % 2}")
        assert own == {name: theirs[name] for name in own}


@pytest.mark.parametrize("moment", [11, 30])
def test_a_group_killed_inside_a_level_goes_on_to_the_same_bits(swept, tmp_path, serial, monkeypatch, moment):
    """Killed while it writes a checkpoint, so that the runs even stand at different steps."""
    kept, keep = [], checkpoint.keep

    def killing(*args, **more):
        kept.append(args)
        if len(kept) == moment:
            raise KeyboardInterrupt
        keep(*args, **more)

    monkeypatch.setattr(checkpoint, "keep", killing)
    with pytest.raises(KeyboardInterrupt):
        sweep(small(tmp_path, together=16, checkpoint=0.0), LAWS, seeds=2, executor=serial)
    assert list(tmp_path.rglob("midway.safetensors"))
    monkeypatch.undo()
    sweep(small(tmp_path, together=16), LAWS, seeds=2, executor=serial)
    assert contents(tmp_path) == contents(swept)
    assert not list(tmp_path.rglob("midway*"))


def test_one_that_diverges_or_cannot_be_stored_ends_alone(tmp_path):
    runs = [small(tmp_path / str(i), algorithm="LRR", levels=1, seed=i) for i in range(3)]
    wild = replace(runs[1], learning_rate=1e30)
    results = run_together([runs[0], wild, runs[2]])
    assert [results[0], results[2]] == [runs[0].path, runs[2].path]
    assert isinstance(results[1], Diverged)
    assert "seed=1" in str(results[1])
    (tmp_path / "taken").write_text("…")
    with pytest.raises(ValueError, match="taken"):
        run_together([replace(runs[0], out=str(tmp_path / "new")), replace(runs[1], out=str(tmp_path / "taken"))])
    assert contents(tmp_path / "new") == contents(tmp_path / "0")


def test_a_sweep_in_stacks_is_not_one_without_and_its_record_stays(swept, serial):
    record = (swept / "sweep.json").read_bytes()
    with pytest.raises(ValueError, match="has together=16, not 1; choose another --out"):
        sweep(small(swept, together=1), LAWS, seeds=2, executor=serial)
    assert (swept / "sweep.json").read_bytes() == record


def test_runs_on_other_images_are_not_trained_together(tmp_path, write_images):
    folders = [write_images(tmp_path / name, n, 8, mode="L") for name, n in (("a", 60), ("b", 70))]
    runs = [small(tmp_path / f"{f.name}-run", data=f"image-folder:{f}", levels=0, algorithm="IMP") for f in folders]
    with pytest.raises(ValueError, match="share data, which is 'image-folder:"):
        run_together(runs)
