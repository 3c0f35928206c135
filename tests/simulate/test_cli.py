"""The command line: tables, one JSON document, configurations, refusals."""

import json
import shutil
import subprocess
import sys

import pytest

import signescape
import simulate

FEW = ["--n", "30", "--d", "2", "--t", "10", "--trials", "6"]


def run(capsys, *words):
    status = signescape.main(["simulate", *words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_trials_prints_a_table_or_one_document(capsys, tmp_path):
    status, out, err = run(capsys, "trials", *FEW)
    assert status == 0
    assert "LRR" in out
    assert "trials: 6/6" in err
    path = str(tmp_path / "r.zarr")
    status, out, _ = run(capsys, "trials", *FEW, "--json", "--out", path)
    document = json.loads(out)
    assert status == 0
    assert document["out"] == path
    assert sum(document["algorithms"]["IMP"]["status"].values()) == 6


def test_estimate(capsys):
    _, out, _ = run(capsys, "estimate", "--n", "inf", "--d", "2", "--t", "20", "--half-width", "0.2", "--json")
    document = json.loads(out)
    assert document["settings"]["n"] is None
    assert document["n"] == document["proportions"]["LRR"]["n"]
    assert "LRR - IMP" in document["differences"]


def test_phase_diagram_and_its_settings_as_config(capsys, tmp_path):
    words = [
        "phase-diagram",
        "--n=inf",
        "--d",
        "1",
        "--t",
        "20",
        "--trials",
        "1",
        "--axes",
        "a0=-1:1:3",
        "w1=-0.5,0.5",
        "--json",
    ]
    _, out, _ = run(capsys, *words)
    document = json.loads(out)
    assert document["data"]["coords"]["w1"]["data"] == [-0.5, 0.5]
    config = tmp_path / "c.json"
    config.write_text(json.dumps({"n": None, "d": 1, "t": 20, "trials": 1, "axes": {"a0": [-1, 0, 1], "w1": [-0.5, 0.5]}}))
    _, again, _ = run(capsys, "phase-diagram", "--config", str(config), "--json")
    assert json.loads(again)["data"] == document["data"]
    assert run(capsys, *words[:-1])[0] == 0


def test_every_document_is_a_config(capsys, tmp_path):
    commands = {
        "trials": [*FEW, "--keep", "0.5", "--algorithms", "IMP", "WR(time=2)"],
        "estimate": ["--n", "inf", "--d", "2", "--t", "5", "--half-width", "0.3", "--level", "0.9"],
        "phase-diagram": ["--d", "1", "--t", "5", "--trials", "1", "--axes", "n=10,inf", "a0=-1:1:2"],
        "agree": [*FEW, "--sigmas", "0.2", "--inits", "gaussian"],
    }
    for command, words in commands.items():
        _, out, _ = run(capsys, command, *words, "--json")
        config = tmp_path / f"{command}.json"
        config.write_text(out)
        assert run(capsys, command, "--config", str(config), "--json")[1] == out
    assert json.loads((tmp_path / "phase-diagram.json").read_text())["settings"]["axes"] == {"n": [10, "inf"], "a0": [-1, 1]}
    assert json.loads((tmp_path / "estimate.json").read_text())["half_width"] == 0.3


def test_a_stored_result_is_a_config(capsys, tmp_path):
    path = str(tmp_path / "r.zarr")
    _, first, _ = run(capsys, "trials", *FEW, "--init", "gaussian(sigma_a=0.5)", "--json", "--out", path)
    again = run(capsys, "trials", f"--config={path}", "--json", "--out", path)
    assert again[1] == first
    _, other, _ = run(capsys, "trials", "--config", path, "--seed", "1", "--json")
    assert json.loads(other)["settings"] == json.loads(first)["settings"] | {"seed": 1}
    grid = str(tmp_path / "g.zarr")
    _, first, _ = run(capsys, "phase-diagram", "--d", "1", "--t", "5", "--axes", "n=10,inf", "--json", "--out", grid)
    _, again, _ = run(capsys, "phase-diagram", "--config", grid, "--json", "--out", grid)
    assert json.loads(again) == json.loads(first)


def test_a_folder_that_holds_no_settings_is_refused(capsys, tmp_path):
    out = tmp_path / "r.zarr"
    simulate.trials({"n": 20, "t": 2, "a0": [1.0, -1.0]}, out=out)
    grid = tmp_path / "g.zarr"
    simulate.phase_diagram({"n": 20, "d": 1, "t": 2, "trials": 1}, {"a0": [1.0]}, out=grid)
    for path, quoted in ((tmp_path, "not a result"), (out, "a0; give the array"), (grid, "'axes'")):
        status, _, err = run(capsys, "trials", "--config", str(path))
        assert status == 2
        assert quoted in err
        assert err.count("\n") == 1


def test_an_edited_object_is_refused(capsys, tmp_path, monkeypatch):
    module = tmp_path / "own_law.py"
    monkeypatch.syspath_prepend(tmp_path)
    words = ["trials", *FEW, "--algorithms", "own_law:LAW", "--out", str(tmp_path / "r.zarr")]
    for name, sign in (("mine", "init"), ("mine", "final"), ("other", "init")):
        module.write_text(
            f"from theory.algorithms import Algorithm, Rewind\nLAW = Algorithm({name!r}, Rewind('init', {sign!r}))\n"
        )
        monkeypatch.delitem(sys.modules, "own_law", raising=False)
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        status, _, err = run(capsys, *words)
        assert status == (0 if (name, sign) == ("mine", "init") else 2)
        assert status == 0 or "definitions." in err
    status, _, err = run(capsys, "trials", "--config", str(tmp_path / "r.zarr"))
    assert status == 2
    assert "'other' is not what it was" in err


def test_help_loads_neither_tables_nor_stores():
    words = ["simulate", "trials", "--help"]
    code = f"import sys, signescape\ntry: signescape.main({words})\nfinally: print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.split()
    assert "simulate.cli" in loaded
    assert not {"rich", "xarray", "zarr", "scipy", "torch", "threadpoolctl"} & set(loaded)


def test_agree(capsys):
    words = ["agree", *FEW, "--sigmas", "0.2", "--inits", "gaussian"]
    _, out, _ = run(capsys, *words, "--json")
    assert json.loads(out)["groups"][0]["n"] == 6
    status, out, _ = run(capsys, *words)
    assert status == 0
    assert "gaussian" in out


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        (["trails"], "trails"),
        (["trials", "--eta", "nan"], "nan"),
        (["trials", "--engine", "flow", "--momentum", "0.9"], "0.9"),
        (["trials", "--config", "/nowhere.json"], "/nowhere.json"),
        (["phase-diagram", "--axes", "a0=1:2"], "a0=1:2"),
        (["trials", *FEW, "--algorithms", "WR(epoch=2)"], "epoch"),
    ],
)
def test_refuses_with_one_sentence(capsys, words, quoted):
    status, out, err = run(capsys, *words)
    assert status == 2
    assert out == ""
    assert quoted in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_usage(capsys):
    assert run(capsys)[0] == 2
    assert "phase-diagram" in run(capsys, "--help")[1]
