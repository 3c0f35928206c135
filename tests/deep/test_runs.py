"""Run folders: killed and started again to the same bits, shared and resumed, and nothing stored is ever lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

import deep
import signescape
from deep import analyses, load_run, run
from theory.algorithms import LRR, At, Rewind
from theory.criteria import Criterion

KILLED = """
import os, signal, sys, json
from deep import run, store
from deep.trainer import TorchTrainer

where, settings = sys.argv[1], json.loads(sys.argv[2])
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
if where == "in the middle of an epoch":
    step, count = TorchTrainer.step, iter(range(10**9))
    TorchTrainer.step = lambda *args: die() if next(count) == 14 else step(*args)
else:
    rename, count = os.rename, iter(range(10**9))
    store.os.rename = lambda *args: die() if next(count) == 1 else rename(*args)
run(settings)
"""


@pytest.mark.parametrize("where", ["in the middle of an epoch", "before a written level is in its place"])
def test_killed_and_started_again_gives_the_same_bits(tiny, tmp_path, stored, where, contents):
    config = tiny(tmp_path / "run", algorithm="WR(step=3)")
    settings = json.dumps(asdict(config))
    killed = subprocess.run([sys.executable, "-c", KILLED, where, settings], check=False, capture_output=True, cwd=Path.cwd())
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert [p.name for p in (tmp_path / "run" / "levels").glob("[!.]*")] == ["00"]  # level 1 was under way
    finished = (tmp_path / "run" / "levels" / "00" / "level.json").stat().st_mtime_ns
    run(config, quiet=True)
    assert contents(tmp_path / "run") == contents(stored["WR(step=3)"].path)
    assert (tmp_path / "run" / "levels" / "00" / "level.json").stat().st_mtime_ns == finished
    assert not list((tmp_path / "run" / "levels").glob(".*"))


def test_levels_are_added_to_a_finished_run(tiny, tmp_path, stored, contents):
    for levels in (0, 1, 2, 1):
        run(tiny(tmp_path, levels=levels), quiet=True)
    assert contents(tmp_path) == contents(stored["LRR"].path)
    assert load_run(tmp_path).settings.levels == 2


def test_a_finished_run_is_not_trained_again(tiny, stored, monkeypatch):
    monkeypatch.setattr(deep.TorchTrainer, "step", lambda *args: pytest.fail("trained again"))
    run(tiny(stored["LRR"].path, algorithm="LRR"), quiet=True)


def test_what_a_run_stores(stored):
    run_ = stored["WR(step=3)"]
    assert run_.record["settings"]["width"] == 2
    assert {"schema", "settings_hash", "versions", "commit", "dirty", "machine", "threads"} <= run_.record.keys()
    assert sorted(run_.levels[0].names) == ["final", "mask", "start", "step=3"]
    assert sorted(run_.levels[2].names) == ["final", "mask", "start"]
    assert run_.levels[1].record["threads"] == 1
    rows = run_.rows
    assert [(row["level"], row.get("epoch")) for row in rows] == [(i, e) for i in range(3) for e in (1, 2, None)]
    assert [row for row in rows if "test" in row] == [level.rows[-1] for level in run_.levels]  # tested once a level
    assert (run_.path / "metrics.jsonl").read_text().splitlines() == [json.dumps(row, ensure_ascii=False) for row in rows]
    assert all(t.dtype == torch.bool for t in run_.levels[1].mask.values())


def test_level_0_of_another_run_is_taken_over_only_if_it_is_the_same(tiny, tmp_path, stored, contents):
    config = tiny(tmp_path / "a", algorithm="WR(step=3)", levels=0)
    run(config, dense=stored["WR(step=3)"].path, quiet=True)
    stored_level = stored["WR(step=3)"].path / "levels" / "00" / "final.safetensors"
    assert os.path.samefile(tmp_path / "a" / "levels" / "00" / "final.safetensors", stored_level)
    for other in (stored["LRR"].path, run(tiny(tmp_path / "b", seed=5, levels=0, remember=("step=3",)), quiet=True)):
        fresh = replace(config, out=str(tmp_path / "c"))
        run(fresh, dense=other, quiet=True)  # no such rewind point; another seed
        assert contents(tmp_path / "c") == contents(tmp_path / "a")
        shutil.rmtree(tmp_path / "c")


@pytest.mark.parametrize("change", [{"width": 3}, {"threads": 2}, {"seed": 1}, {"algorithm": "IMP"}, {"deterministic": False}])
def test_other_settings_are_refused(tiny, tmp_path, stored, change, contents):
    folder = shutil.copytree(stored["LRR"].path, tmp_path / "run")
    before = contents(folder)
    (name, value) = next(iter(change.items()))
    with pytest.raises(ValueError, match=f"has {name}=.*, not {value!r}"):
        run(tiny(folder, **change), quiet=True)
    assert contents(folder) == before


def test_other_images_are_refused_another_path_to_the_same_ones_is_not(tiny, tmp_path, write_images):
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    write_images(one)
    shutil.copytree(one, two)
    write_images(other, n=7)
    small = {"subset": None, "batch_size": 4, "levels": 0}
    run(tiny(tmp_path / "run", data=f"image-folder:{one}", **small), quiet=True)
    run(tiny(tmp_path / "run", data=f"image-folder:{two}", **small), quiet=True)
    with pytest.raises(ValueError, match=r"was trained on other images: .*one', not .*other'"):
        run(tiny(tmp_path / "run", data=f"image-folder:{other}", **small), quiet=True)


def test_another_object_under_the_same_name_is_refused(tiny, tmp_path, monkeypatch):
    (tmp_path / "own_algorithm.py").write_text("from theory import LRR as MINE")
    monkeypatch.syspath_prepend(tmp_path)
    config = tiny(tmp_path / "run", algorithm="own_algorithm:MINE", levels=0)
    run(config, quiet=True)
    monkeypatch.setattr("own_algorithm.MINE", deep.config.algorithm("IMP"))
    with pytest.raises(ValueError, match="The algorithm of the run"):
        run(config, quiet=True)


MINE = replace(LRR, name="mine", rewind=Rewind("final", At(3), "final", "final"), scope="layer", fraction=(0.5, 0.25))
MOVEMENT = replace(
    LRR, name="moved", criterion=Criterion("movement", (At(3), "final"), lambda early, final: abs(final - early))
)


def test_algorithm_objects(tiny, tmp_path, monkeypatch):
    config = tiny(tmp_path, algorithm=MINE, levels=1)
    run(config, quiet=True)
    stored = load_run(tmp_path)
    assert stored.settings.algorithm == MINE
    assert [row["algorithm"] for row in analyses.table([stored])] == ["mine", "mine"]
    run(load_run(tmp_path).record["settings"] | {"out": str(tmp_path), "levels": 2}, quiet=True)  # as run.json has it
    assert len(load_run(tmp_path).levels) == 3
    with pytest.raises(ValueError, match="has algorithm="):
        run(replace(config, algorithm=replace(MINE, fraction=0.5)), quiet=True)
    assert tiny("x", algorithm=LRR).settings() == tiny("x", algorithm="LRR").settings()


def test_a_formula_of_its_own_is_shown_but_not_run_from_what_is_stored(tiny, tmp_path):
    run(tiny(tmp_path, algorithm=MOVEMENT, levels=1), quiet=True)
    stored = load_run(tmp_path)
    assert {row["algorithm"] for row in analyses.table([stored])} == {"moved"}
    with pytest.raises(ValueError, match="give the Algorithm object itself"):
        run(stored.record["settings"] | {"out": str(tmp_path / "new")})
    with pytest.raises(ValueError, match="a formula that was not stored"):
        run(replace(stored.settings, out=str(tmp_path / "new")), quiet=True)
    run(tiny(tmp_path, algorithm=MOVEMENT, levels=2), quiet=True)
    assert len(load_run(tmp_path).levels) == 3


def test_a_run_whose_module_is_gone_is_shown(tiny, tmp_path, stored):
    folder = shutil.copytree(stored["LRR"].path, tmp_path / "run")
    record = json.loads((folder / "run.json").read_text())
    record["settings"]["algorithm"] = "no.such:THING"
    (folder / "run.json").write_text(json.dumps(record))
    assert {row["algorithm"] for row in analyses.table(analyses.load(folder))} == {"no.such:THING"}


def test_what_defines_no_algorithm_is_refused():
    for settings in ({"x": 1}, {"name": "x", "rewind": {"sign": "nowhere"}, "criterion": "large_final"}):
        with pytest.raises(ValueError, match=r"defines no algorithm|not 'nowhere'"):
            deep.Config(algorithm=settings)


@pytest.mark.parametrize("name", ["torch", "machine", "device", None])
def test_going_on_elsewhere_is_flagged(tiny, tmp_path, stored, capsys, name):
    folder = shutil.copytree(stored["LRR"].path, tmp_path / "run")
    record = json.loads((folder / "run.json").read_text())
    if name is not None:
        (record["versions"] if name == "torch" else record)[name] = "1.0"
    (folder / "run.json").write_text(json.dumps(record))
    run(tiny(folder, algorithm="LRR"), quiet=True)
    assert "Flagged" not in capsys.readouterr().err  # nothing was trained
    run(tiny(folder, algorithm="LRR", levels=3), quiet=True)
    flags = [line for line in capsys.readouterr().err.splitlines() if "Flagged" in line]
    assert len(flags) == (name is not None)
    assert all(f"{name} '1.0' before" in line for line in flags)


def _corrupt_json(folder):
    (folder / "run.json").write_text("{")


def _unknown_schema(folder):
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"schema": "signescape.deep.run/99"}))


def _older_level(folder):
    path = folder / "levels" / "00" / "level.json"
    path.write_text(path.read_text().replace("signescape.deep.level/2", "signescape.deep.level/1"))


def _incomplete_json(folder):
    (folder / "run.json").write_text('{"schema": "signescape.deep.run/2"}')


def _corrupt_level_json(folder):
    (folder / "levels" / "01" / "level.json").write_text("nonsense")


def _damaged_tensors(folder):
    path = folder / "levels" / "02" / "final.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def _damaged_metrics(folder):
    (folder / "levels" / "01" / "metrics.jsonl").write_text("{}")


def _missing_tensors(folder):
    (folder / "levels" / "00" / "start.safetensors").unlink()


def _missing_level(folder):
    shutil.rmtree(folder / "levels" / "01")


def _foreign_level(folder):
    (folder / "levels" / "notes").mkdir()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_corrupt_json, "run.json' can't be read as JSON"),
        (_unknown_schema, "has schema 'signescape.deep.run/99'"),
        (
            _older_level,
            "has schema 'signescape.deep.level/1'; this version reads 'signescape.deep.level/2': read it with the ver",
        ),
        (_incomplete_json, "lacks 'settings'"),
        (_corrupt_level_json, "level.json' can't be read as JSON"),
        (_damaged_tensors, "final.safetensors' is damaged"),
        (_damaged_metrics, "metrics.jsonl' is damaged"),
        (_missing_tensors, "start.safetensors' can't be read"),
        (_missing_level, "should hold level 01 next, but holds '02'"),
        (_foreign_level, "but holds 'notes'"),
    ],
)
def test_damaged_folders_get_one_sentence_and_stay_as_they_are(tiny, tmp_path, stored, capsys, spoil, words):
    folder = shutil.copytree(stored["LRR"].path, tmp_path / "run")
    spoil(folder)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(asdict(tiny(folder, algorithm="LRR", levels=3))))
    assert signescape.main(["deep", "run", "--config", str(settings)]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_a_foreign_folder_is_left_alone(tiny, tmp_path):
    (tmp_path / "thesis.tex").write_text("…")
    for out in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(ValueError, match="is not a run folder; nothing was changed"):
            run(tiny(out), quiet=True)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_processes_do_not_write_into_one_folder(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("deep.store.PATIENCE", 1)
    with deep.store.locked(tmp_path), pytest.raises(ValueError, match="Another process is writing"):
        run(tiny(tmp_path), quiet=True)


def test_divergence_stops_the_run_with_a_sentence(tiny, tmp_path):
    with pytest.raises(deep.Diverged, match=r"loss is (nan|inf) in level 0, epoch 1 \(learning_rate=1e\+30, seed=0\)"):
        run(tiny(tmp_path, model="lenet-300-100", learning_rate=1e30), quiet=True)
    assert load_run(tmp_path).levels == []


def test_the_function_and_the_module_of_one_name(tiny, tmp_path):
    """``deep.run`` is the function, before and after Python binds the module ``deep.run`` to the package."""
    script = tmp_path / "script.py"
    script.write_text(
        "import json, sys, deep\nsettings = json.load(open(sys.argv[1]))\n"
        "print(deep.run(settings, quiet=True))\nimport deep.run\nfrom deep.run import main\n"
        "print(deep.run(settings, quiet=True), deep.load_run(settings['out']).settings.levels)\n"
    )
    settings = tmp_path / "settings.json"
    out = tmp_path / "run"
    settings.write_text(json.dumps(asdict(tiny(out, levels=0))))
    shown = subprocess.run([sys.executable, script, settings], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == [str(out), str(out), "0"]
    command = [sys.executable, "-W", "error", "-m", "deep.run"]
    again = subprocess.run([*command, out / "run.json"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert not (tmp_path / "runs").exists()
    assert (again.returncode, again.stdout) == (0, f"{out}\n"), again.stderr  # not a second copy in ./runs


def test_the_module_refuses_with_a_sentence(tmp_path, capsys):
    from deep.run import main

    (tmp_path / "settings.json").write_text("{")
    for words in ([], [str(tmp_path / "settings.json")]):
        assert main(words) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_without_out_the_folder_is_named_by_the_settings(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = replace(tiny("x", levels=0, algorithm="WR(step=3)", model="lenet-300-100"), out=None)
    path = run(config, quiet=True)
    assert str(path) == f"runs/deep/lenet-300-100-digits-WR(step=3)-seed-0-{config.identity}"
    assert run(replace(config, levels=1, checkpoint=5.0), quiet=True) == path
    assert len(load_run(path).levels) == 2
    assert run(replace(config, learning_rate=0.2), quiet=True) != path
