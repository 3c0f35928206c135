"""What lies under a folder: states, damage, sizes; nothing is changed by looking."""

import json
import os
import shutil

import pytest

from deep import load_run, run, store
from deep.listing import is_locked, listing
from deep.sweeps import sweep


@pytest.fixture(scope="module")
def home(tiny, serial, tmp_path_factory):
    """A sweep, a finished run below another folder, a run stopped between levels."""
    out = tmp_path_factory.mktemp("home")
    small = {"model": "lenet-300-100", "width": None, "epochs": 1, "milestones": ()}
    sweep(tiny(out / "b" / "sweep", **small), ("IMP", "LRR"), seeds=2, executor=serial)
    run(tiny(out / "a", algorithm="IMP", **small), quiet=True)
    run(tiny(out / "c", levels=1, seed=5, **small), quiet=True)
    load_run(out / "c").grow(4)
    (out / "notes").mkdir()
    (out / ".hidden").mkdir()
    shutil.copytree(out / "a", out / ".hidden" / "a")
    return out


def test_runs_and_sweeps(home):
    entries = listing(home)
    assert [(e["kind"], e["path"]) for e in entries] == [
        ("run", str(home / "a")),
        ("sweep", str(home / "b" / "sweep")),
        ("run", str(home / "c")),
    ]
    a, swept, c = entries
    last = load_run(home / "a").levels[-1].rows[-1]["test"]
    assert (a["algorithm"], a["seed"], a["model"], a["data"]) == ("IMP", 0, "lenet-300-100", "digits")
    assert (a["levels_done"], a["levels_asked"], a["state"], a["test"]) == (2, 2, "finished", last["correct"] / last["n"])
    assert a["settings_hash"] == json.loads((home / "a" / "run.json").read_text())["settings_hash"]
    assert a["bytes"] == sum(p.stat().st_size for p in (home / "a").rglob("*") if p.is_file())
    assert (c["levels_done"], c["levels_asked"], c["state"], c["seed"]) == (1, 4, "unfinished", 5)
    assert [(r["algorithm"], r["seed"], r["state"]) for r in swept["runs"]] == [
        (name, seed, "finished") for name in ("IMP", "LRR", "dense") for seed in (0, 1)
    ]
    assert swept["bytes"] < sum(r["bytes"] for r in swept["runs"])  # level 0 is shared


def test_one_folder(home):
    assert [e["state"] for e in listing(home / "a")] == ["finished"]
    assert [len(e["runs"]) for e in listing(home / "b" / "sweep")] == [6]
    assert [e["kind"] for e in listing(home / "b" / "sweep" / "LRR")] == ["run", "run"]
    assert [e["kind"] for e in listing(home / "b" / "sweep" / "LRR" / "seed-0")] == ["run"]
    assert listing(home / "notes") == []
    with pytest.raises(ValueError, match="There is no folder '/nowhere'"):
        listing("/nowhere")


def test_a_stopped_sweep_lists_what_is_still_to_come(home, tmp_path):
    folder = shutil.copytree(home / "b" / "sweep", tmp_path / "sweep")
    shutil.rmtree(folder / "LRR" / "seed-1")
    shutil.rmtree(folder / "LRR" / "seed-0" / "levels" / "02")
    record = json.loads((folder / "LRR" / "seed-0" / "run.json").read_text())
    record["settings"]["levels"] = 1  # as a sweep asks, one level after another
    (folder / "LRR" / "seed-0" / "run.json").write_text(json.dumps(record))
    (entry,) = listing(folder)
    states = {(r["algorithm"], r["seed"]): (r["state"], r["levels_done"], r["levels_asked"]) for r in entry["runs"]}
    assert states["LRR", 0] == ("unfinished", 1, 2)
    assert states["LRR", 1] == ("not started", None, 2)
    assert states["dense", 0] == ("finished", 0, 0)
    (folder / "sweep.json").unlink()
    (entry,) = listing(folder)
    assert "no sweep.json" in entry["note"]
    (folder / "sweep.json").write_text("{")
    (entry,) = listing(folder)
    assert "sweep.json' can't be read as JSON" in entry["note"]
    assert len(entry["runs"]) == 5


def test_a_run_inside_a_level(home, tmp_path, tiny, monkeypatch):
    import deep

    step, left = deep.TorchTrainer.step, iter(range(6))
    monkeypatch.setattr(deep.TorchTrainer, "step", lambda *args: step(*args) if next(left, None) is not None else 1 / 0)
    config = tiny(tmp_path / "run", model="lenet-300-100", width=None, epochs=1, milestones=(), checkpoint=0.0)
    with pytest.raises(ZeroDivisionError):
        run(config, quiet=True)  # 4 steps a level
    (entry,) = listing(tmp_path)
    assert (entry["state"], entry["note"], entry["levels_done"]) == ("midway", "midway in level 1", 0)
    midway = tmp_path / "run" / "midway.safetensors"
    shutil.copytree(home / "a" / "levels" / "01", tmp_path / "run" / "levels" / "01")
    (entry,) = listing(tmp_path)
    assert (entry["state"], entry["note"]) == ("unfinished", None)  # that level is finished by now
    midway.write_bytes(midway.read_bytes()[:20])
    (entry,) = listing(tmp_path)
    assert (entry["state"], "is damaged: level 2 will start anew" in entry["note"]) == ("unfinished", True)


def test_a_run_that_is_being_written(home):
    assert not is_locked(home / "a")
    with store.locked(home / "a"):
        assert is_locked(home / "a")
        assert [e["state"] for e in listing(home / "a")] == ["being written"]
        assert [e["state"] for e in listing(home / "c")] == ["unfinished"]
    with store.locked(home / "a"):  # looking took no lock
        pass


def _remove_record(folder):
    (folder / "run.json").unlink()


def _cut_record(folder):
    (folder / "run.json").write_text("{")


def _nested_record(folder):
    (folder / "run.json").write_text("[" * 100_000)


def _strange_record(folder):
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"settings": 3}))


def _unknown_setting(folder):
    record = json.loads((folder / "run.json").read_text())
    record["settings"]["colour"] = "red"
    (folder / "run.json").write_text(json.dumps(record))


def _missing_level(folder):
    shutil.rmtree(folder / "levels" / "01")


def _missing_file(folder):
    (folder / "levels" / "01" / "final.safetensors").unlink()


def _cut_metrics(folder):
    (folder / "levels" / "02" / "metrics.jsonl").write_text("{}")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_remove_record, "has no run.json"),
        (_cut_record, "can't be read as JSON"),
        (_nested_record, "RecursionError"),
        (_strange_record, "damaged"),
        (_unknown_setting, "Unknown setting 'colour'"),
        (_missing_level, "should hold level 01 next"),
        (_missing_file, "final.safetensors' is missing"),
        (_cut_metrics, "metrics.jsonl' is damaged"),
    ],
)
def test_damaged_runs_are_listed_with_one_sentence(home, tmp_path, spoil, words):
    folder = shutil.copytree(home / "a", tmp_path / "x" / "run")
    spoil(folder)
    shutil.copytree(home / "c", tmp_path / "y")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    damaged, other = listing(tmp_path)
    assert (damaged["state"], damaged["path"], other["state"]) == ("damaged", str(folder), "unfinished")
    assert words in damaged["note"]
    assert "\n" not in damaged["note"]
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_digests_are_checked_when_asked_for(home, tmp_path):
    folder = shutil.copytree(home / "a", tmp_path / "run")
    path = folder / "levels" / "01" / "final.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert [e["state"] for e in listing(folder)] == ["finished"]
    (entry,) = listing(folder, check=True)
    assert (entry["state"], "final.safetensors' is damaged" in entry["note"]) == ("damaged", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(home, tmp_path):
    folder = shutil.copytree(home / "a", tmp_path / "run")
    (folder / "run.json").chmod(0)
    assert [e["state"] for e in listing(folder)] == ["damaged"]
