"""A run that is killed, refused its disk or cut off from power at any moment ends with the bits of one that was not."""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import deep
import signescape
from deep import checkpoint, load_run, run
from deep.trainer import TorchTrainer
from theory.algorithms import LRR, WR, At, Rewind

SCRIPT = Path(__file__).with_name("crashes.py")


@pytest.fixture(scope="module")
def crashes(tmp_path_factory):
    """What crashes.py found, in a process of its own: it forks, which a process that has used a GPU can't."""
    if not sys.platform.startswith("linux"):
        pytest.skip("/proc is needed")
    command = [sys.executable, "-W", "error", SCRIPT, tmp_path_factory.mktemp("crashes")]
    home = {"PYTHONPATH": str(SCRIPT.parents[2]), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_killed_at_twenty_random_moments(crashes):
    found = crashes["kills"]
    assert found["failures"] == []
    assert found["kills"] == 20
    assert found["inside"] >= 5  # kills with a level under way


def test_stopped_at_every_operation(crashes):
    """Deaths before, in and after each, refusals (full disk, quota, read-only) and power cuts."""
    found = crashes["stopped"]
    assert found["failures"] == []
    assert set(found["kinds"]) >= {"create", "write", "fsync", "fsync folder", "rename", "unlink", "mkdir", "step"}
    assert found["kinds"]["fsync"] == found["kinds"]["create"]
    assert found["refusals"] >= found["operations"]
    assert found["stops"] > 4 * found["operations"]
    assert found["restarts"] > 50


def test_stopped_at_every_operation_of_a_run_that_takes_over_level_0(crashes):
    found = crashes["sharing level 0"]
    assert found["failures"] == []
    assert found["kinds"]["link"] == 6


@pytest.mark.parametrize("without", ["written in place", "without fsync", "without fsync of folders"])
def test_the_stops_tell_what_is_not_safe(crashes, without):
    assert crashes[without]["failures"]


class Stopped(BaseException):
    """Instead of a kill, in this process."""


@pytest.fixture
def stopped_after(monkeypatch):
    """``stopped_after(n, config)``: start the run, and end it when it is about to do its n-th step. Was it?"""
    step = TorchTrainer.step

    def start(n, config):
        left = iter(range(n))

        def counted(*args):
            if next(left, None) is None:
                raise Stopped
            return step(*args)

        with monkeypatch.context() as patch:
            patch.setattr(TorchTrainer, "step", counted)
            try:
                run(config, quiet=True)
            except Stopped:
                return True
        return False

    return start


AT = At(2)
SETTINGS = {
    "adamw": {"optimiser": "adamw", "learning_rate": 1e-3, "schedule": "cosine"},
    "nesterov": {"nesterov": True, "label_smoothing": 0.1, "clip": 0.5},
    "plain": {"momentum": 0.0, "validation": 0.0, "length": "step=5"},
    "bfloat16": {"precision": "bfloat16"},
    "float64": {"precision": "float64", "last_layer": "halve"},
    "norm": {"model": "resnet20", "width": 1, "augment": "crop-flip"},
    "carried": {"algorithm": replace(LRR, name="carried", rewind=replace(LRR.rewind, optimiser="carry"))},
    "restored": {"algorithm": replace(WR(AT), name="r", rewind=Rewind(AT, AT, AT, AT, optimiser="restore", schedule="replay"))},
    "restored adam": {
        "algorithm": replace(WR(AT), name="r", rewind=Rewind(AT, AT, AT, AT, optimiser="restore")),
        "optimiser": "adamw",
        "learning_rate": 1e-3,
    },
    "fixed signs": {"algorithm": replace(LRR, name="fixed", rewind=replace(LRR.rewind, signs="fixed")), "learning_rate": 1.0},
    "flipped signs": {"algorithm": replace(LRR, name="f", rewind=replace(LRR.rewind, flip=0.2, flip_every=At(2)))},
    "random": {"algorithm": "random", "remember": ("step=1", "optimiser")},
}


@pytest.fixture
def small(tiny):
    """``small(out, **settings)``: two levels of six steps with a checkpoint after each."""
    return lambda out, **settings: tiny(
        out, **{"model": "lenet-300-100", "subset": 144, "levels": 1, "checkpoint": 0.0} | settings
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_goes_on_inside_a_level(small, tmp_path, stopped_after, contents, name):
    whole, stopped = (small(tmp_path / folder, **SETTINGS[name]) for folder in ("whole", "stopped"))
    run(whole, quiet=True)
    times = 0
    while stopped_after(2, stopped):
        times += 1
    assert times >= 4  # every start did two new steps
    assert contents(stopped.path) == contents(whole.path)


@pytest.mark.parametrize("part", ["parameters", "optimiser", "sums", "signs", "step=1", "rows"])
def test_all_that_a_checkpoint_holds_matters(small, tmp_path, stopped_after, contents, monkeypatch, part):
    """The comparison above sees each part that is missing."""
    kept = checkpoint.keep

    def spoilt(run, midway, same, **more):
        tensors = {
            p: {n: torch.zeros_like(t) if p == part else t for n, t in named.items()} for p, named in midway.tensors.items()
        }
        kept(run, replace(midway, tensors=tensors, rows=[] if part == "rows" else midway.rows), same, **more)

    law = replace(WR(At(1)), name="all", rewind=replace(WR(At(1)).rewind, signs="fixed"))
    settings = {"algorithm": law, "learning_rate": 1.0, "levels": 1 if part == "signs" else 0}
    whole, stopped = (small(tmp_path / folder, **settings) for folder in ("whole", "stopped"))
    run(whole, quiet=True)
    monkeypatch.setattr(checkpoint, "keep", spoilt)
    stopped_after((6 if part == "signs" else 0) + 5, stopped)  # one step after an epoch's first
    run(stopped, quiet=True)
    assert contents(stopped.path) != contents(whole.path)


def _cut_short(path):
    path.write_bytes(path.read_bytes()[:-5])


def _emptied(path):
    path.write_bytes(b"")


def _one_bit(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _metadata_edited(path):
    _rewrite(path, lambda text: text.replace('"step": 4', '"step": 3'))


def _of_another_version(path):
    _rewrite(path, lambda text: text.replace("midway/1", "midway/99"))


def _without_metadata(path):
    save_file(load_file(path), path)


def _rewrite(path, change):
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        text = file.metadata()["midway"]
    assert change(text) != text
    save_file(load_file(path), path, {"midway": change(text)})


def _signed_again(path):
    """Of other settings, though nothing is wrong with the file."""
    record, _, _ = checkpoint._header(path)
    midway, _ = checkpoint.resume(path.parent, record["level"], record["same"])
    checkpoint.keep(path.parent, midway, record["same"] | {"run": "0123"})


def _of_a_later_level(path):
    record, _, _ = checkpoint._header(path)
    midway, _ = checkpoint.resume(path.parent, record["level"], record["same"])
    checkpoint.keep(path.parent, replace(midway, level=2), record["same"])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_cut_short, "is damaged"),
        (_emptied, "is damaged"),
        (_one_bit, "is damaged (its digest is not"),
        (_metadata_edited, "is damaged (its digest is not"),
        (_without_metadata, "is damaged"),
        (_of_another_version, "has schema 'signescape.deep.midway/99' instead of"),
        (_signed_again, "belongs to other settings"),
        (_of_a_later_level, "is of level 2, where level 1 comes next"),
    ],
)
def test_a_checkpoint_that_is_of_no_use_is_set_aside(small, tmp_path, stopped_after, contents, capsys, spoil, words):
    whole, stopped = small(tmp_path / "whole"), small(tmp_path / "stopped")
    run(whole, quiet=True)
    assert stopped_after(6 + 4, stopped)
    midway = stopped.path / checkpoint.FILE
    spoil(midway)
    content = midway.read_bytes()
    capsys.readouterr()
    assert not stopped_after(6, stopped)  # level 1 anew, level 0 not
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert f"{midway.name}.refused', and level 1 starts anew" in said
    refused = midway.with_name(f"{midway.name}.refused")
    assert refused.read_bytes() == content
    refused.unlink()
    assert contents(stopped.path) == contents(whole.path)


def test_a_checkpoint_lacking_what_the_run_is_to_remember_is_not_used(small, tmp_path, stopped_after, capsys):
    config = small(tmp_path)
    assert stopped_after(4, config)
    run(replace(config, remember=("step=1",), levels=0), quiet=True)
    assert "belongs to other settings" in capsys.readouterr().err
    assert "step=1" in load_run(tmp_path).levels[0].names


def test_a_checkpoint_is_of_no_use_once_its_level_is_finished(small, tmp_path, stopped_after, contents, capsys):
    config = small(tmp_path)
    assert stopped_after(4, config)
    left = (tmp_path / checkpoint.FILE).read_bytes()
    run(config, quiet=True)
    before = contents(tmp_path)
    for levels in (1, 2):  # nothing to train; one level more
        (tmp_path / checkpoint.FILE).write_bytes(left)
        run(replace(config, levels=levels), quiet=True)
        assert not (tmp_path / checkpoint.FILE).exists()
    assert before.items() - contents(tmp_path).items() == {("metrics.jsonl", before["metrics.jsonl"])}
    assert "starts anew" not in capsys.readouterr().err


def test_a_checkpoint_waits_while_fewer_levels_are_asked_for(small, tmp_path, stopped_after):
    config = small(tmp_path)
    assert stopped_after(6 + 4, config)
    run(replace(config, levels=0), quiet=True)
    assert (tmp_path / checkpoint.FILE).exists()
    assert not stopped_after(3, config)


def test_seconds_and_places_outlive_a_stop(small, tmp_path, stopped_after, monkeypatch, capsys):
    config = small(tmp_path, levels=0)
    assert stopped_after(4, config)
    record, _, _ = checkpoint._header(tmp_path / checkpoint.FILE)
    midway, _ = checkpoint.resume(tmp_path, 0, record["same"])
    checkpoint.keep(tmp_path, midway, record["same"], seconds=1000.0, place=record["place"] | {"machine": "another"})
    run(config, quiet=True)
    assert load_run(tmp_path).levels[0].record["seconds"] > 1000
    assert "goes on elsewhere (machine 'another' before" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_the_command_line_says_in_one_sentence_that_it_can_not_store(small, tmp_path, monkeypatch, capsys, contents, number):
    config = small(tmp_path / "run")
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(config.settings() | {"out": config.out}))
    command = ["deep", "run", "--config", str(settings)]
    run(replace(config, levels=0), quiet=True)
    finished = contents(config.path)

    def refused(path, content):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr("deep.files.write", refused)
        patch.setattr("deep.store.write", refused)
        assert signescape.main(command) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("signescape:")]
    assert len(said) == 1
    assert f"The run in {config.out!r} can't be stored: {os.strerror(number)}" in said[0]
    assert contents(config.path) == finished
    assert signescape.main(command) == 0
    assert len(load_run(config.path).levels) == 2


def test_what_killed_writers_left_is_tidied_and_nothing_else(small, tmp_path):
    config = small(tmp_path, levels=0)
    run(config, quiet=True)
    left = tmp_path / f".{checkpoint.FILE}.{'0123' * 8}.tmp"
    half = tmp_path / "levels" / ".01.tmp"
    mine = tmp_path / ".notes.tmp"
    half.mkdir()
    for path in (left, half / "mask.safetensors", mine):
        path.write_text("x")
    run(config, quiet=True)
    assert mine.exists()
    assert not left.exists()
    assert not half.exists()


KILLED = """
import os, signal, sys, json
from deep import run
from deep.trainer import TorchTrainer

step, count = TorchTrainer.step, iter(range(10**9))
TorchTrainer.step = lambda *args: os.kill(os.getpid(), signal.SIGKILL) if next(count) == 9 else step(*args)
run(json.loads(sys.argv[1]))
"""


def test_another_process_goes_on_inside_the_level(small, tmp_path, contents, stopped_after):
    whole, killed = small(tmp_path / "whole"), small(tmp_path / "killed")
    settings = json.dumps(killed.settings() | {"out": killed.out})
    done = subprocess.run([sys.executable, "-c", KILLED, settings], check=False, capture_output=True, cwd=SCRIPT.parents[2])
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not stopped_after(3, killed)  # nine of twelve steps are not done again
    run(whole, quiet=True)
    assert contents(killed.path) == contents(whole.path)


def test_links_that_are_refused_become_copies(small, tmp_path, monkeypatch, contents):
    dense = run(small(tmp_path / "dense", levels=0), quiet=True)

    def refused(*paths):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refused)
    run(small(tmp_path / "run", levels=0), dense=dense, quiet=True)
    assert contents(tmp_path / "run") == contents(dense)
    name = Path("levels") / "00" / "final.safetensors"
    assert not os.path.samefile(dense / name, tmp_path / "run" / name)


def test_not_saved_is_an_os_error():
    assert issubclass(deep.files.NotSaved, OSError)
