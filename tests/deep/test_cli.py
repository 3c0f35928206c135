"""The command line: what it prints, and one sentence with a non-zero status for bad input of each kind."""

import json
from dataclasses import fields

import pytest

import signescape
from deep import Config, load_run
from deep.config import Training

SMALL = ["--model", "lenet-300-100", "--epochs", "1", "--levels", "1", "--subset", "128", "--batch-size", "32"]


def refused(capsys, *words) -> str:
    """The sentence with which a command ends."""
    assert signescape.main(["deep", *map(str, words)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("signescape: ")
    assert err.endswith((".\n", "?\n"))
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        (["--model", "vgg"], "'vgg'"),
        (["--width", "0"], "width is a whole number of at least 1, not 0"),
        (["--levels", "-1"], "-1"),
        (["--fraction", "1.5"], "1.5"),
        (["--learning-rate", "nan"], "nan"),
        (["--momentum", "inf"], "inf"),
        (["--epochs", "0"], "epochs is a whole number of at least 1, not 0"),
        (["--data", "cifar"], "'cifar'"),
        (["--data", "image-folder:/nowhere"], "'/nowhere'"),
        (["--device", "cuda"], "'cuda'"),
        (["--device", "tpu"], "'tpu'"),
        (["--algorithm", "LLR"], "Did you mean 'LRR'?"),
        (["--algorithm", "WR(time=2)"], "time=2"),
        (["--algorithm", "WR(epoch=2)", "--epochs", "1"], "epoch=2"),
        (["--algorithm", "no.such:THING"], "'no.such:THING'"),
        (["--seeds", "0"], "seeds is a whole number"),
        (["--workers", "0"], "workers is a whole number"),
        (["--subset", "5000"], "subset=5000"),
        (["--batch-size", "5000"], "batch_size=5000"),
        (["--config", "/nowhere.json"], "/nowhere.json"),
        (["--remember", "noon"], "'noon'"),
    ],
)
def test_bad_options(capsys, tmp_path, words, quoted, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert quoted in refused(capsys, "run", *words, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "settings",
    [
        '{"epochs": "five"}',
        '{"epoch": 5}',
        "[1]",
        "{",
        '{"algorithm": 3}',
        '{"levels": true}',
        '{"data": 1}',
        '{"milestones": 5}',
        '{"remember": "step=1"}',
    ],
)
def test_bad_settings_files(capsys, tmp_path, settings):
    (tmp_path / "settings.json").write_text(settings)
    refused(capsys, "run", "--config", tmp_path / "settings.json", "--out", tmp_path / "run")


def test_bad_commands(capsys, tmp_path):
    assert "'deep walk'" in refused(capsys, "walk")
    assert "takes one folder" in refused(capsys, "show")
    assert "no run and no sweep" in refused(capsys, "show", tmp_path)


def test_run_show_and_config(capsys, tmp_path):
    out = tmp_path / "run"
    assert signescape.main(["deep", "run", "--algorithm", "IMP", *SMALL, "--out", str(out), "--json"]) == 0
    document, progress = capsys.readouterr()
    assert [row["level"] for row in json.loads(document)["table"]] == [0, 1]
    assert "IMP, seed 0: epochs: 2/2" in progress
    assert signescape.main(["deep", "show", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["table"] == json.loads(document)["table"]
    assert signescape.main(["deep", "show", str(out)]) == 0
    assert "flips init" in capsys.readouterr().out
    file = tmp_path / "table.json"
    for _ in range(2):  # its own document is replaced
        assert signescape.main(["deep", "show", str(out), "--out", str(file)]) == 0
    assert {"schema", "versions", "commit"} <= json.loads(file.read_text()).keys()
    assert json.loads(file.read_text())["table"] == json.loads(document)["table"]
    capsys.readouterr()
    before = (out / "run.json").read_text()
    for path, words in ((out / "run.json", "holds no table of deep show"), (tmp_path, "holds no table"), ("", "--out needs")):
        assert words in refused(capsys, "show", out, f"--out={path}" if path else "--out")
    assert (out / "run.json").read_text() == before
    assert signescape.main(["deep", "run", "--config", str(out / "run.json"), "--levels", "2"]) == 0
    assert len(load_run(out).levels) == 3  # it went on in its own folder
    copy = tmp_path / "copy"
    assert signescape.main(["deep", "run", "--config", str(out / "run.json"), "--out", str(copy)]) == 0
    assert load_run(copy).settings.settings() == load_run(out).settings.settings()
    assert [level.rows for level in load_run(copy).levels] == [level.rows for level in load_run(out).levels]


def test_a_sweep_prints_paired_differences(capsys, tmp_path, monkeypatch, serial):
    monkeypatch.setattr("deep.sweeps.pool", lambda workers: serial)
    words = [
        "deep",
        "run",
        "--algorithm",
        "IMP",
        "LRR",
        *SMALL,
        "--seeds",
        "2",
        "--workers",
        "2",
        "--out",
        str(tmp_path),
        "--json",
    ]
    assert signescape.main(words) == 0
    document, progress = capsys.readouterr()
    rows = json.loads(document)["differences"]
    assert {(r["algorithm"], r["against"], r["level"], r["n"]) for r in rows} == {("LRR", "IMP", 1, 2)}
    assert {r["measure"] for r in rows} >= {"test", "flips_start_sum", "flips_init"}
    assert "sweep: levels: 6/6" in progress


def test_dry_run_counts(capsys, tmp_path):
    words = ["deep", "run", "--dry-run", "--json", *SMALL, "--algorithm", "IMP", "LRR", "dense", "--seeds", "3"]
    assert signescape.main([*words, "--out", str(tmp_path / "run")]) == 0
    cost = json.loads(capsys.readouterr().out)
    assert cost["parameters"] == 64 * 300 + 300 + 300 * 100 + 100 + 100 * 10 + 10
    assert cost["prunable weights"] == 64 * 300 + 300 * 100 + 100 * 10
    assert (cost["steps an epoch"], cost["steps a training"], cost["trainings"]) == (4, 4, 3 * (1 + 2))
    assert cost["images a second"] > 0
    assert not (tmp_path / "run").exists()


def test_every_setting_has_an_option(capsys):
    with pytest.raises(SystemExit) as end:
        signescape.main(["deep", "run", "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    names = [f.name for f in fields(Training)] + ["algorithm", "seeds", "workers", "dry_run", "json"]
    assert [n for n in names if f"--{n.replace('_', '-')}" not in shown] == []
    assert {f.name for f in fields(Config)} <= set(names)
