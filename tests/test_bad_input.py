"""Bad input of every kind, through the command: one clear sentence that quotes the value, exit status 2, nothing lost."""

import json
from pathlib import Path

import numpy as np
import pytest

import signescape

RUN = ["deep", "run", "--data", "digits", "--model", "lenet-300-100", "--levels", "1", "--epochs", "1", "--fraction", "0.5"]


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence of a command that must be refused."""
    capsys.readouterr()
    assert signescape.main(words) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in lines if line.startswith("signescape: ")]) == 1
    assert lines[-1].startswith("signescape: ")
    return lines[-1]


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        (["frobnicate"], "'frobnicate'"),
        (["verify", "T77"], "'T77'"),
        (["simulate", "frobnicate"], "frobnicate"),
        (["simulate", "trials", "--algorithms", "IPM"], "'IPM'"),
        (["simulate", "trials", "--algorithms", "WR(moon=3)"], "moon"),
        (["simulate", "trials", "--algorithms", "WR(epoch=3)"], "epoch=3"),
        (["simulate", "trials", "--algorithms", "no.such.module:X"], "no.such.module:X"),
        (["simulate", "trials", "--init", "glorot"], "'glorot'"),
        (["simulate", "trials", "--keep", "1.5"], "1.5"),
        (["simulate", "trials", "--sigma", "nan"], "nan"),
        (["simulate", "trials", "--eta", "-0.1"], "-0.1"),
        (["simulate", "trials", "--engine", "flow", "--momentum", "0.9"], "0.9"),
        (["simulate", "trials", "--n", "0"], "0"),
        (["simulate", "estimate", "--half-width", "2"], "2"),
        (["simulate", "phase-diagram", "--axes", "moon=0:1:3"], "moon"),
        (["deep", "run", "--fraction", "1.5"], "1.5"),
        (["deep", "run", "--fraction", "nan"], "nan"),
        (["deep", "run", "--algorithm", "LLR"], "'LLR'"),
        (["deep", "run", "--algorithm", "WR(time=2)"], "time"),
        (["deep", "run", "--model", "resnet21"], "'resnet21'"),
        (["deep", "run", "--data", "imagenet"], "'imagenet'"),
        (["deep", "run", "--data", "image-folder:/no/such/folder"], "/no/such/folder"),
        (["deep", "show", "/no/such/run"], "/no/such/run"),
        (["figures", "--results", "/no/such/results", "--names", "success"], "'/no/such/results'"),
        (["report", "--preset", "enormous"], "'enormous'"),
        (["simulate", "trials", "--config", "/no/such/file.json"], "/no/such/file.json"),
    ],
)
def test_command_refuses(words: list[str], quoted: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out")] if words[0] in ("simulate", "report") or words[:2] == ["deep", "run"] else []
    known = len(words) > 1 and words[1] in ("trials", "estimate", "phase-diagram", "run", "--preset")
    assert quoted in refused([*words, *(out if known else [])], capsys)


def test_no_gpu(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert "'cuda'" in refused([*RUN, "--device", "cuda", "--out", str(tmp_path / "run")], capsys)


def test_corrupt_and_foreign_folders_lose_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = [*RUN, "--out", str(tmp_path / "run")]
    assert signescape.main(run) == 0
    files = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    assert "fraction" in refused([*run[:-4], "--fraction", "0.4", "--out", str(tmp_path / "run")], capsys)
    mask = tmp_path / "run" / "levels" / "01" / "mask.safetensors"
    mask.write_bytes(files[mask][:-1])
    assert "mask.safetensors" in refused([*run, "--levels", "2"], capsys)
    mask.write_bytes(files[mask])
    assert {p: p.read_bytes() for p in files} == files
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert str(tmp_path / "mine") in refused([*RUN, "--out", str(tmp_path / "mine")], capsys)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_simulation_stores_are_not_mixed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    trials = ["simulate", "trials", "--n", "20", "--d", "2", "--t", "5", "--trials", "3", "--out", str(tmp_path / "x.zarr")]
    assert signescape.main(trials) == 0
    assert "eta" in refused([*trials, "--eta", "0.2"], capsys)
    assert signescape.main([*trials, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("given", "quoted"),
    [
        ({"X": np.ones((2, 5, 3)), "y": np.ones((2, 4))}, "4"),
        ({"a0": [1.0, np.nan], "w0": [[1.0], [1.0]]}, "nan"),
        ({"a0": [1.0, 2.0], "w0": [[1.0]]}, "1"),
        ({"a0": [1.0], "w0": [1.0]}, "(1,)"),
    ],
)
def test_given_arrays_of_wrong_shape_or_nan(given: dict[str, object], quoted: str) -> None:
    import simulate

    with pytest.raises(ValueError, match=r"w0|y|a0|X") as error:
        simulate.trials(given)
    assert quoted in str(error.value)
