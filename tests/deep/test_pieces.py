"""The commands that are ready for a lent GPU, at smoke scale on a CPU: a sweep in pieces ends like one that was never cut."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from deep import sweep
from deep.analyses import load, table
from deep.config import Training
from tests.gpu.piece import UNFINISHED, main, within

ROOT = Path(__file__).parents[2]
SMALL = {"model": "lenet-300-100", "data": "digits", "epochs": 3, "subset": 192, "batch_size": 48, "levels": 2}
SMALL |= {"checkpoint": 0.0}
ALGORITHMS, SEEDS = ["IMP", "WR(epoch=1)", "LRR"], 2


@pytest.fixture
def settings(tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(SMALL | {"algorithm": ALGORITHMS, "seeds": SEEDS}))
    return file


def test_a_sweep_in_pieces_is_the_sweep(settings, tmp_path, serial):
    packs, results = tmp_path / "packs", []
    packs.mkdir()
    for i, seconds in enumerate((12.0, 300.0)):
        out = tmp_path / f"out-{i}"
        results.append(main([str(settings), "--packs", str(packs), "--out", str(out), "--seconds", str(seconds)]))
        shutil.copytree(out, packs, dirs_exist_ok=True)
        files = list(out.iterdir())
        assert len(files) <= 8
        assert all(f.stat().st_size <= 16 * 2**20 for f in files)
    assert results[-1] == 0
    assert results[0] in (0, UNFINISHED)  # a fast machine may need one piece only
    whole = tmp_path / "whole"
    sweep(Training(**SMALL, out=str(whole)), ALGORITHMS, SEEDS, executor=serial)
    found = json.loads((tmp_path / "out-1" / "table.json").read_text())
    assert found["table"] == json.loads(json.dumps(table(load(whole))))
    assert {"commit", "versions", "machine"} <= found.keys()


def test_the_settings_for_the_gpu_are_what_the_issue_names():
    given = json.loads((ROOT / "tests/gpu/resnet20-cifar10-jpeg.json").read_text())
    training = {n: tuple(v) if isinstance(v, list) else v for n, v in given.items() if n not in ("algorithm", "seeds")}
    parsed = Training(**training)
    assert (parsed.model, parsed.width, parsed.levels, parsed.epochs, parsed.device) == ("resnet20", None, 10, 40, "cuda")
    assert (given["algorithm"], given["seeds"]) == (["IMP", "WR(epoch=1)", "LRR"], 3)
    assert parsed.together >= given["seeds"]


def test_a_command_that_fails_is_no_piece():
    assert within(60, [sys.executable, "-c", ""])
    assert not within(0.5, [sys.executable, "-c", "import time; time.sleep(60)"])
    with pytest.raises(RuntimeError, match="exit status 3"):
        within(60, [sys.executable, "-c", "raise SystemExit(3)"])
