"""The command line: what it prints, and one sentence with a non-zero status for bad input of each kind."""

import json
import shutil
from contextlib import nullcontext
from dataclasses import fields

import pytest

import signescape
from deep import Config, load_run, run
from deep.config import Training
from deep.run import main as deep_run
from deep.sweeps import sweep

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
    assert "there are run, list, show, compare, resume, pack, unpack" in refused(capsys, "walk")
    for command in ("show", "resume", "pack"):
        assert f"deep {command} takes one folder, not none." in refused(capsys, command)
        assert "takes one folder, not 2" in refused(capsys, command, tmp_path, tmp_path)
    assert "takes one folder, not 2" in refused(capsys, "list", "a", "b")
    assert "takes one folder or more, not none" in refused(capsys, "compare")
    assert "takes one file, not none" in refused(capsys, "unpack")
    assert "no run and no sweep" in refused(capsys, "show", tmp_path)
    assert "no run and no sweep" in refused(capsys, "compare", tmp_path)
    assert "neither run.json nor sweep.json" in refused(capsys, "resume", tmp_path)
    assert "needs --out FILE" in refused(capsys, "pack", tmp_path)
    assert "needs --out DIR" in refused(capsys, "unpack", tmp_path)
    assert "is not a run folder" in refused(capsys, "pack", tmp_path, "--out", tmp_path / "file")
    assert "There is no folder '/nowhere'" in refused(capsys, "list", "/nowhere")
    assert "no file '/nowhere'" in refused(capsys, "unpack", "/nowhere", "--out", tmp_path / "x")
    assert "confidence is a number between 0 and 1, not 2" in refused(capsys, "compare", tmp_path, "--confidence", "2")
    for command in ("list", "show", "compare", "resume", "pack", "unpack"):
        assert f"`signescape deep {command} --help` lists the options" in refused(capsys, command, "x", "--frobnicate")


def test_run_show_and_config(capsys, tmp_path):
    out = tmp_path / "run"
    assert signescape.main(["deep", "run", "--algorithm", "IMP", *SMALL, "--out", str(out), "--json"]) == 0
    document, progress = capsys.readouterr()
    assert [row["level"] for row in json.loads(document)["table"]] == [0, 1]
    assert "IMP, seed 0: epochs: 2/2" in progress
    assert signescape.main(["deep", "show", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["table"] == json.loads(document)["table"]
    assert signescape.main(["deep", "show", str(out)]) == 0
    assert "(A) sum" in (shown := capsys.readouterr().out)
    assert "(A) and (B) can disagree" in " ".join(shown.split())
    file = tmp_path / "table.json"
    for _ in range(2):  # its own document is replaced
        assert signescape.main(["deep", "show", str(out), "--out", str(file)]) == 0
    assert {"schema", "versions", "commit"} <= json.loads(file.read_text()).keys()
    assert json.loads(file.read_text())["table"] == json.loads(document)["table"]
    capsys.readouterr()
    before = (out / "run.json").read_text()
    for path, words in (
        (out / "run.json", "holds no table of deep show"),
        (tmp_path, "holds no table"),
        ("", "Missing value for argument '--out'"),
    ):
        assert words in refused(capsys, "show", out, f"--out={path}" if path else "--out")
    assert (out / "run.json").read_text() == before
    assert signescape.main(["deep", "run", "--config", str(out / "run.json"), "--levels", "2"]) == 0
    assert len(load_run(out).levels) == 3  # it went on in its own folder
    copy = tmp_path / "copy"
    assert signescape.main(["deep", "run", "--config", str(out / "run.json"), "--out", str(copy)]) == 0
    assert load_run(copy).settings.settings() == load_run(out).settings.settings()
    assert [level.rows for level in load_run(copy).levels] == [level.rows for level in load_run(out).levels]


def test_a_sweep_prints_paired_differences(capsys, tmp_path, monkeypatch, serial):
    monkeypatch.setattr("deep.sweeps.connected", lambda executor: nullcontext(serial))
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


@pytest.fixture(scope="module")
def swept(tiny, serial, tmp_path_factory):
    """Two small sweeps of other learning rates."""
    home = tmp_path_factory.mktemp("swept")
    small = {"model": "lenet-300-100", "width": None, "levels": 2, "epochs": 1, "milestones": ()}
    for name, rate in (("fast", 0.1), ("slow", 0.05)):
        sweep(tiny(home / name, learning_rate=rate, **small), ("IMP", "LRR"), seeds=2, executor=serial)
    return home


def document(capsys, *words):
    """The one JSON document that a command prints."""
    assert signescape.main(["deep", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def lines(capsys, *words) -> list[str]:
    assert signescape.main(["deep", *map(str, words)]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_terminal(capsys, swept, monkeypatch, tmp_path, width):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(swept.parent)
    damaged = shutil.copytree(swept / "fast" / "IMP" / "seed-0", tmp_path / "damaged")
    (damaged / "run.json").write_text("{")
    shown = [
        lines(capsys, "list", swept.name),
        lines(capsys, "show", swept / "fast"),
        lines(capsys, "compare", swept / "fast", swept / "slow"),
    ]
    for page in shown:
        assert max(map(len, page)) <= width
    assert max(len(line) for line in lines(capsys, "list", tmp_path) if "/" not in line) <= width  # a path stays whole
    assert any("seed" in line and "last change" in line for line in shown[0])
    assert any(line.split()[:2] == ["LRR", "1"] and "2/2" in line and "finished" in line for line in shown[0])
    assert ("settings" in shown[0][0]) == (width == 120)
    title = shown[2].index("IMP: slow against fast")
    assert shown[2][title + 1].strip() == "learning_rate 0.05 against 0.1"
    assert "LRR against IMP in slow" in shown[2]


def test_long_names_lose_their_middle(capsys, swept, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    folder = shutil.copytree(swept / "fast" / "IMP" / "seed-0", tmp_path / "run")
    record = json.loads((folder / "run.json").read_text())
    record["settings"]["algorithm"] = "restart(magnitude='reinit', sign='final', rest='init', norm='final')"
    (folder / "run.json").write_text(json.dumps(record))
    for page in (lines(capsys, "list", "run"), lines(capsys, "show", "run")):
        assert max(map(len, page)) <= 80
        assert any(line.startswith("  restart(") and "final')" in line for line in page)


def test_list_in_json(capsys, swept, tmp_path):
    entries = document(capsys, "list", swept, "--check")["entries"]
    assert [(e["kind"], len(e["runs"])) for e in entries] == [("sweep", 6), ("sweep", 6)]
    assert {r["state"] for e in entries for r in e["runs"]} == {"finished"}
    assert lines(capsys, "list", tmp_path) == [f"There are no runs under {str(tmp_path)!r}."]


def test_compare_in_json_and_in_a_file(capsys, swept, tmp_path):
    file = tmp_path / "compared.json"
    words = ("compare", swept / "fast", swept / "slow", "--measure", "test", "--levels", "2", "--out", file)
    assert signescape.main(["deep", *map(str, words), "--dry-run"]) == 0
    assert f"6 runs in {str(swept / 'fast')!r}" in capsys.readouterr().out
    assert not file.exists()
    rows = document(capsys, *words)["differences"]
    assert {(r["algorithm"], r["folder"], r["against"], r["against_folder"]) for r in rows} >= {
        ("LRR", "fast", "IMP", "fast"),
        ("LRR", "slow", "LRR", "fast"),
    }
    assert all({"n", "difference", "low", "high", "verdict", "pairs_needed"} <= row.keys() for row in rows)
    stored = json.loads(file.read_text())
    assert stored["differences"] == rows
    assert stored["schema"] == "signescape.deep.comparison/1"
    document(capsys, *words)  # its own document is replaced, no other one
    for path in (swept / "fast" / "sweep.json", tmp_path):
        assert "holds no comparison of deep compare" in refused(capsys, *words[:-1], path)
    assert "No pair has level 9" in refused(capsys, "compare", swept / "fast", "--levels", "9")
    assert "There are no runs of 'random'" in refused(capsys, "compare", swept / "fast", "--against", "random")


def test_resume_a_run(capsys, tiny, tmp_path, stored, contents):
    config = tiny(tmp_path / "run", levels=1)
    run(config, quiet=True)
    load_run(tmp_path / "run").grow(2)  # as a run says that is stopped in level 2
    left = document(capsys, "resume", tmp_path / "run", "--dry-run")
    assert left["trainings"] == 1
    assert len(load_run(tmp_path / "run").levels) == 2
    assert [row["level"] for row in document(capsys, "resume", tmp_path / "run")["table"]] == [0, 1, 2]
    assert contents(tmp_path / "run") == contents(stored["LRR"].path)
    assert document(capsys, "resume", tmp_path / "run", "--dry-run")["trainings"] == 0


def test_pack_resume_and_unpack_a_sweep(capsys, swept, serial, tmp_path, monkeypatch, contents):
    part = shutil.copytree(swept / "fast", tmp_path / "part")
    shutil.rmtree(part / "LRR" / "seed-1")
    for path in (part / "IMP").glob("*/levels/02"):
        shutil.rmtree(path)
    told = document(capsys, "pack", part, "--out", tmp_path / "file", "--dry-run")
    assert not (tmp_path / "file").exists()
    found = document(capsys, "pack", part, "--out", tmp_path / "file")
    assert found["bytes"] == told["bytes"] == (tmp_path / "file").stat().st_size
    assert any("limit: 16,777,216" in line for line in lines(capsys, "pack", part, "--out", tmp_path / "f", "--dry-run"))
    assert document(capsys, "unpack", tmp_path / "file", "--out", tmp_path / "again", "--dry-run")["runs"] == 5
    assert document(capsys, "unpack", tmp_path / "file", "--out", tmp_path / "again")["levels"] == found["levels"]
    assert "exists; nothing was changed" in refused(capsys, "unpack", tmp_path / "file", "--out", tmp_path / "again")
    assert "exists; nothing was changed" in refused(capsys, "pack", part, "--out", tmp_path / "file")
    for folder in (part, tmp_path / "again"):
        assert document(capsys, "resume", folder, "--dry-run")["trainings"] == 4
        monkeypatch.setattr("deep.sweeps.connected", lambda executor: nullcontext(serial))
        shown = document(capsys, "resume", folder, "--workers", "2")
        assert {(r["algorithm"], r["level"], r["n"]) for r in shown["table"]} >= {("LRR", 2, 2), ("IMP", 2, 2)}
        assert contents(folder).items() <= contents(swept / "fast").items()
    assert contents(part) == contents(swept / "fast")
    assert document(capsys, "resume", part, "--dry-run")["trainings"] == 0


def test_images_that_lie_elsewhere_now(capsys, tiny, tmp_path, write_images):
    write_images(tmp_path / "images")
    run(tiny(tmp_path / "run", data=f"image-folder:{tmp_path / 'images'}", subset=None, batch_size=4, levels=0), quiet=True)
    load_run(tmp_path / "run").grow(1)
    found = document(capsys, "pack", tmp_path / "run", "--out", tmp_path / "file")
    assert found["needs"] == [f"image-folder:{tmp_path / 'images'}"]
    (tmp_path / "images").rename(tmp_path / "moved")
    document(capsys, "unpack", tmp_path / "file", "--out", tmp_path / "again")  # needs no images
    assert str(tmp_path / "images") in refused(capsys, "resume", tmp_path / "again")
    moved = f"image-folder:{tmp_path / 'moved'}"
    assert [row["level"] for row in document(capsys, "resume", tmp_path / "again", "--data", moved)["table"]] == [0, 1]


@pytest.mark.parametrize("command", ["list", "show", "compare", "resume", "pack", "unpack"])
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit) as end:
        signescape.main(["deep", command, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "--json" in shown
    assert command == "list" or "--dry-run" in shown
    assert f"signescape deep {command}" in shown


def test_every_setting_has_an_option(capsys):
    with pytest.raises(SystemExit) as end:
        signescape.main(["deep", "run", "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    names = [f.name for f in fields(Training)] + ["algorithm", "seeds", "workers", "cluster", "dry_run", "json"]
    assert [n for n in names if f"--{n.replace('_', '-')}" not in shown] == []
    assert {f.name for f in fields(Config)} <= set(names)


def test_a_preset_gives_defaults_that_options_replace(capsys, tmp_path):
    words = [
        "deep",
        "run",
        "--preset",
        "unmasking/resnet20",
        "--data",
        "digits",
        "--length",
        "step=2",
        "--milestones",
        "step=1",
    ]
    small = ["--width", "2", "--batch-size", "50", "--subset", "100", "--levels", "0", "--algorithm", "dense", "--seeds", "1"]
    assert signescape.main([*words, *small, "--out", str(tmp_path / "run"), "--json"]) == 0
    capsys.readouterr()
    settings = load_run(tmp_path / "run").settings
    assert (settings.learning_rate, settings.weight_decay, settings.warmup) == (0.1, 1e-4, "step=0")  # the preset's
    assert (settings.length, settings.width, settings.validation) == ("step=2", 2, 0.0)
    assert "Unknown preset 'nothing'" in refused(capsys, "run", "--preset", "nothing")
    assert "--preset needs a name" in refused(capsys, "run", "--preset")


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        (["--algorithm", "IMP(masks='donor')"], "borrows a donor mask at each level; name the run with mask_from"),
        (["--algorithm", "LRR(sign='donor')"], "borrows a donor at each level; name the run with signs_from"),
        (["--algorithm", "IMP", "LRR(sign='donor')"], "name the run with signs_from"),
        (["--fractions", "foo=0.1"], "No prunable layer is called 'foo'"),
        (["--threads", "100000"], "threads is at most 1024, not 100000"),
        (["--mask-from", "nowhere"], "'nowhere'"),
    ],
)
def test_what_could_only_fail_later_is_refused_at_once(capsys, tmp_path, words, quoted):
    for more in ([], ["--dry-run"]):
        assert quoted in refused(capsys, "run", *SMALL, *words, *more, "--out", tmp_path / "run")
        assert not list(tmp_path.glob("run/**/levels/*"))


def test_the_record_of_a_sweep_is_no_settings_file(capsys, tmp_path, serial, monkeypatch):
    short = {"model": "lenet-300-100", "epochs": 1, "levels": 0, "subset": 128, "batch_size": 32}
    sweep(Training(**short, out=str(tmp_path)), ["IMP"], executor=serial)
    capsys.readouterr()
    record = str(tmp_path / "sweep.json")
    assert "is the record of a sweep; `signescape deep resume" in refused(capsys, "run", "--config", record)
    monkeypatch.setattr("deep.sweeps._drive", lambda *args: [])
    assert deep_run([record]) == 0
    assert capsys.readouterr().out.strip().endswith("seed-0")


def test_a_settings_file_of_another_shape(capsys, tmp_path):
    (tmp_path / "settings.json").write_text("[1]")
    assert deep_run([str(tmp_path / "settings.json")]) == 2
    assert "not [1]" in capsys.readouterr().err


def test_epochs_replace_the_length_of_a_preset(capsys):
    words = ["--preset", "stabilizing/resnet20", "--data", "digits", "--width", "2", "--subset", "128", "--epochs", "1"]
    assert signescape.main(["deep", "run", *words, "--algorithm", "IMP", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps a training"] == 1
