"""Packs: from one file a run or sweep goes on elsewhere to the bits of one that was never stopped or packed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import deep
from deep import load_run, pack_files, run
from deep.pack import PACK, initial, pack
from deep.pack_files import opened
from deep.sweeps import resume, sweep
from deep.unpack import unpack
from theory.algorithms import LRR, Rewind

ALGORITHMS = ("IMP", "WR(step=3)", "LRR")


class Stopped(BaseException):
    pass


@pytest.fixture(scope="module")
def small(tiny):
    """``small(out, **settings)``: a LeNet on digits, a level in milliseconds."""
    lenet = {"model": "lenet-300-100", "width": None, "epochs": 1, "levels": 2, "milestones": ()}
    return lambda out, **settings: tiny(out, **lenet | settings)


@pytest.fixture(scope="module")
def whole(small, serial, tmp_path_factory):
    """A sweep that was never stopped."""
    out = tmp_path_factory.mktemp("whole")
    sweep(small(out), ALGORITHMS, seeds=2, executor=serial)
    return out


@pytest.fixture(scope="module")
def packed(whole, tmp_path_factory):
    """The pack of that sweep."""
    file = tmp_path_factory.mktemp("packed") / "file"
    pack(whole, file)
    return file


@pytest.fixture(scope="module")
def smaller(whole, tmp_path_factory):
    """The pack of one run of it."""
    home = tmp_path_factory.mktemp("smaller")
    shutil.copytree(whole / "IMP" / "seed-0", home / "sweep" / "IMP" / "seed-0")
    shutil.copy(whole / "sweep.json", home / "sweep")
    pack(home / "sweep", home / "file")
    return home / "file"


def stopped_sweep(config, serial, monkeypatch, tasks: int) -> Path:
    """The same sweep, stopped after some tasks."""
    left = iter(range(tasks))

    def some(*args):
        if next(left, None) is None:
            raise Stopped
        return run(*args)

    with monkeypatch.context() as patch:
        patch.setattr("deep.sweeps.run", some)
        with pytest.raises(Stopped):
            sweep(config, ALGORITHMS, seeds=2, executor=serial)
    return Path(config.out)


def stop_in_level(monkeypatch, config, steps: int) -> None:
    """Train until a step in the middle of a level, with checkpoints, then stop."""
    step, left = deep.TorchTrainer.step, iter(range(steps))

    def some(*args):
        if next(left, None) is None:
            raise Stopped
        return step(*args)

    with monkeypatch.context() as patch:
        patch.setattr(deep.TorchTrainer, "step", some)
        with pytest.raises(Stopped):
            run(config, quiet=True)


@pytest.mark.parametrize("tasks", [1, 9])
def test_a_packed_sweep_goes_on_to_the_same_bits(small, whole, serial, tmp_path, monkeypatch, contents, tasks):
    folder = stopped_sweep(small(tmp_path / "sweep"), serial, monkeypatch, tasks)
    found = pack(folder, tmp_path / "file")
    assert found["bytes"] == (tmp_path / "file").stat().st_size <= 16 * 2**20
    before = contents(folder)
    shutil.rmtree(folder)
    done = unpack(tmp_path / "file", tmp_path / "elsewhere" / "again")
    assert (done["runs"], done["levels"], done["left_out"]) == (found["runs"], found["levels"], found["left_out"])
    again = contents(tmp_path / "elsewhere" / "again")
    assert again.items() <= before.items()  # what is there is what was there
    assert [name for name in before if name.endswith((".jsonl", "mask.safetensors")) and name not in again] == []
    paths = resume(tmp_path / "elsewhere" / "again", executor=serial)
    own, expected = contents(tmp_path / "elsewhere" / "again"), contents(whole)
    assert own.items() <= expected.items()
    missing = {name.rpartition("/")[2] for name in expected if name not in own}
    assert missing <= {"start.safetensors", "final.safetensors"}
    assert all(len(load_run(path).levels) == 3 for path in paths)
    assert all(own[f"{law}/seed-1/levels/02/final.safetensors"] for law in ALGORITHMS)


def test_a_packed_run_goes_on_inside_a_level(tiny, tmp_path, monkeypatch, stored, contents):
    config = tiny(tmp_path / "run", algorithm="WR(step=3)", checkpoint=0.0)
    stop_in_level(monkeypatch, config, 13)  # 4 steps an epoch, 2 epochs a level
    assert (tmp_path / "run" / "midway.safetensors").exists()
    found = pack(tmp_path / "run", tmp_path / "file")
    assert (found["kind"], found["levels"], found["midway"]) == ("run", 1, 1)
    unpack(tmp_path / "file", tmp_path / "again")
    assert (tmp_path / "again" / "midway.safetensors").read_bytes() == (tmp_path / "run" / "midway.safetensors").read_bytes()
    trained = []
    step = deep.TorchTrainer.step
    monkeypatch.setattr(deep.TorchTrainer, "step", lambda *args: trained.append(1) or step(*args))
    run(replace(config, out=str(tmp_path / "again")), quiet=True)
    assert len(trained) == 2 * 8 - 5  # of level 1 the 5 steps before the checkpoint were not taken again
    assert contents(tmp_path / "again").items() == contents(stored["WR(step=3)"].path).items()


CARRIED = replace(LRR, name="carried", rewind=Rewind("final", "final", "final", "final", optimiser="carry"))
RESTORED = deep.config.algorithm("WR(step=2)")
RESTORED = replace(RESTORED, name="restored", rewind=replace(RESTORED.rewind, optimiser="restore"))


@pytest.mark.parametrize("law", [CARRIED, RESTORED, "random"], ids=str)
def test_every_point_that_an_algorithm_goes_back_to_is_packed(tiny, tmp_path, contents, law):
    """A ResNet with batch norm: its statistics, the optimiser's memory at a rewind point, int64 counters."""
    config = tiny(tmp_path / "whole", algorithm=law, levels=3, epochs=1, milestones=())
    run(config, quiet=True)
    run(replace(config, out=str(tmp_path / "part"), levels=2), quiet=True)
    pack(tmp_path / "part", tmp_path / "file")
    unpack(tmp_path / "file", tmp_path / "again")
    run(replace(config, out=str(tmp_path / "again")), quiet=True)
    own, expected = contents(tmp_path / "again"), contents(tmp_path / "whole")
    assert own.items() <= expected.items()
    assert {n: c for n, c in own.items() if "levels/03" in n} == {n: c for n, c in expected.items() if "levels/03" in n}
    assert own["metrics.jsonl"] == expected["metrics.jsonl"]


def test_what_is_left_out_says_so(whole, packed, tmp_path):
    unpack(packed, tmp_path / "again")
    levels = load_run(tmp_path / "again" / "LRR" / "seed-0").levels
    assert [level.left_out for level in levels] == [[], ["final", "start"], ["start"]]
    with pytest.raises(ValueError, match="came from a pack, which leaves 'final' out; the folder that was packed has it"):
        _ = levels[1].final
    assert levels[0].final.keys() == levels[2].final.keys()  # shared with the dense run, so it costs nothing
    assert all(level.mask for level in levels)
    record = json.loads((tmp_path / "again" / "LRR" / "seed-0" / "levels" / "01" / "level.json").read_text())
    original = json.loads((whole / "LRR" / "seed-0" / "levels" / "01" / "level.json").read_text())
    assert record["files"] | record["left_out"] == original["files"]
    again = tmp_path / "again"  # equal files are one file
    shared = [again / law / "seed-0" / "levels" / "00" / "step=3.safetensors" for law in ALGORITHMS]
    assert all(path.samefile(again / "dense" / "seed-0" / "levels" / "00" / "step=3.safetensors") for path in shared)


def test_a_pack_of_an_unpacked_folder_is_the_same(whole, packed, tmp_path, contents):
    unpack(packed, tmp_path / "again")
    pack(tmp_path / "again", tmp_path / "two")
    unpack(tmp_path / "two", tmp_path / "third")
    assert contents(tmp_path / "third") == contents(tmp_path / "again")
    records = [{p.relative_to(d): p.read_text() for p in d.rglob("*.json")} for d in (tmp_path / "again", tmp_path / "third")]
    assert records[0] == records[1]
    for name in ("sweep.json", "LRR/seed-1/run.json"):
        assert (tmp_path / "again" / name).read_text() == (whole / name).read_text()


def test_initial_weights_come_from_the_seed_unless_they_can_not(whole, packed, tmp_path, monkeypatch, capsys):
    def kinds(file):
        with opened(file, PACK) as members:
            return [entry["as"] for entry in members.record["objects"].values()].count("init")

    more = pack(whole, tmp_path / "init", init=True)["bytes"] - packed.stat().st_size
    assert (kinds(packed), kinds(tmp_path / "init")) == (2, 0)
    assert more > 2 * 50_000 * 3
    one, whole = whole / "dense" / "seed-1", tmp_path / "one"
    shutil.copytree(one, whole)
    config = load_run(whole).settings
    assert initial(config, [1, 8, 8], 10) == (whole / "levels" / "00" / "start.safetensors").read_bytes()
    monkeypatch.setattr("deep.pack.initial", lambda *args, **more: b"others")
    pack(whole, tmp_path / "others")
    assert kinds(tmp_path / "others") == 0

    def missing(config):
        raise ValueError("There are no images.")

    monkeypatch.setattr("deep.pack.load", missing)
    pack(whole, tmp_path / "blind")
    assert kinds(tmp_path / "blind") == 0
    assert "initial weights are stored, since they can't be made again here: There are no images." in capsys.readouterr().err
    monkeypatch.setattr("deep.unpack.initial", lambda *args: b"others")
    with pytest.raises(ValueError, match="initial weights come out otherwise on this machine"):
        unpack(packed, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_sweep_in_pieces(whole, tmp_path, monkeypatch, contents):
    whole = shutil.copytree(whole / "WR(step=3)" / "seed-0", tmp_path.parent / f"{tmp_path.name}-run")
    monkeypatch.setattr(pack_files, "LIMIT", 100_000)
    monkeypatch.setattr(pack_files, "PART", 90_000)
    with pytest.raises(
        ValueError, match=r"This pack needs [\d,]+ bytes, more than the 100,000 of one file; nothing was written"
    ):
        pack(whole, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
    files = [Path(path) for path in pack(whole, tmp_path / "file", pieces=True)["files"]]
    assert len(files) > 2
    assert all(path.stat().st_size <= 100_000 for path in files)
    unpack(tmp_path / "file", tmp_path / "again")
    assert contents(tmp_path / "again").items() <= contents(whole).items()
    files[1].unlink()
    with pytest.raises(ValueError, match=f"there is no {files[1].name}; nothing was written"):
        unpack(tmp_path / "file", tmp_path / "third")


def test_dry_runs_write_nothing(whole, tmp_path):
    whole = whole / "LRR" / "seed-0"
    told = pack(whole, tmp_path / "file", dry_run=True)
    assert (told["files"], list(tmp_path.iterdir())) == ([], [])
    done = pack(whole, tmp_path / "file")
    assert {**done, "files": []} == told
    assert unpack(tmp_path / "file", tmp_path / "again", dry_run=True)["written"] is False
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_nothing_that_exists_is_overwritten(whole, packed, tmp_path):
    (tmp_path / "file").write_text("thesis")
    with pytest.raises(ValueError, match="file' exists; nothing was changed"):
        pack(whole, tmp_path / "file")
    with pytest.raises(ValueError, match="There is no folder"):
        pack(whole, tmp_path / "no" / "file")
    (tmp_path / "empty").mkdir()
    for out in ("file", "empty"):
        with pytest.raises(ValueError, match="exists; nothing was changed"):
            unpack(packed, tmp_path / out)
    assert (tmp_path / "file").read_text() == "thesis"


def test_damage_is_found_when_packing(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "sweep")
    path = folder / "IMP" / "seed-0" / "levels" / "02" / "final.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"final.safetensors' is damaged"):
        pack(folder, tmp_path / "file")
    assert not (tmp_path / "file").exists()
    assert not list(tmp_path.glob(".*"))
    with pytest.raises(ValueError, match="is not a run folder"):
        pack(tmp_path, tmp_path / "file")


HOSTILE = {
    "a run outside": lambda r: r["runs"].update({"../seed-1": r["runs"].pop("IMP/seed-0")}),
    "an absolute run": lambda r: r["runs"].update({"/tmp/seed-1": r["runs"].pop("IMP/seed-0")}),
    "a file outside": lambda r: r["runs"]["IMP/seed-0"]["levels"][1]["files"].update({"../x.safetensors": "0"}),
    "a pickle": lambda r: r["runs"]["IMP/seed-0"]["levels"][1]["files"].update({"x.pkl": "0"}),
    "a file of another content": lambda r: _swap(r["objects"]),
    "an unknown digest": lambda r: r["runs"]["IMP/seed-0"]["levels"][1]["files"].update({"x.safetensors": "0"}),
    "no objects": lambda r: r.pop("objects"),
    "no levels": lambda r: r["runs"]["IMP/seed-0"].pop("levels"),
    "a level that lacks": lambda r: r["runs"]["IMP/seed-0"]["levels"].pop(1),
    "an unknown kind": lambda r: next(iter(r["objects"].values())).update({"as": "pickle"}),
    "a member that lacks": lambda r: next(iter(r["objects"].values())).update(member="tensors/99.safetensors"),
    "runs that are no runs": lambda r: r.update(runs=3),
    "a run that is no run": lambda r: r["runs"].update({"IMP/seed-0": None}),
    "two runs and no sweep": lambda r: r.update(sweep=None),
    "a run without settings": lambda r: [run_["run"].pop("settings") for run_ in r["runs"].values()],
    "another schema": lambda r: r.update(schema="signescape.deep.pack/99"),
}


def _swap(objects) -> None:
    one, two = [d for d, entry in objects.items() if entry["as"] == "values"][:2]
    objects[one], objects[two] = objects[two], objects[one]


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_hostile_and_damaged_records_are_refused(smaller, tmp_path, spoil):
    """Digests that fit, as one who writes such a file would have them."""
    with opened(smaller, PACK) as members:
        record = json.loads(json.dumps(members.record))
        own = [(name, members[name]) for name in record["members"]]
    spoil(record)
    with open(tmp_path / "bad", "wb") as file:
        pack_files.write_members(file, own, lambda: record)
    with pytest.raises(ValueError) as error:
        unpack(tmp_path / "bad", tmp_path / "in" / "again")
    assert "\n" not in str(error.value)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "in") == ["bad"]
    assert not (tmp_path / "in").exists() or list((tmp_path / "in").iterdir()) == []


def test_resumed_elsewhere_with_a_variant_that_forgets_is_caught(small, tmp_path, monkeypatch, contents):
    """Negative control: a pack without the rewind point, or with signs of the last level's end lost, ends with other bits."""
    config = small(tmp_path / "whole", algorithm="LRR")
    run(config, quiet=True)
    run(replace(config, out=str(tmp_path / "part"), levels=1), quiet=True)
    pack(tmp_path / "part", tmp_path / "file")
    unpack(tmp_path / "file", tmp_path / "again")
    path = tmp_path / "again" / "levels" / "01" / "final.safetensors"
    stored = deep.store.load(path.read_bytes())
    path.write_bytes(deep.store.save({name: t.abs() for name, t in stored.items()}))
    with pytest.raises(ValueError, match="is damaged: its digest is not the one"):
        run(replace(config, out=str(tmp_path / "again")), quiet=True)
    record = json.loads((path.parent / "level.json").read_text())
    record["files"]["final.safetensors"] = deep.store.hashlib.sha256(path.read_bytes()).hexdigest()
    (path.parent / "level.json").write_text(json.dumps(record))
    run(replace(config, out=str(tmp_path / "again")), quiet=True)
    one, other = (load_run(tmp_path / name).levels[2].final["fc1.weight"] for name in ("again", "whole"))
    assert not torch.equal(one, other)
