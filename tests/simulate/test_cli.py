"""The command line: tables, one JSON document, configurations, refusals."""

import json

import pytest

import signescape

FEW = ["--n", "30", "--d", "2", "--t", "10", "--trials", "6"]


def run(capsys, *words):
    status = signescape.main(["simulate", *words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_trials_prints_a_table_or_one_document(capsys, tmp_path):
    status, out, err = run(capsys, "trials", *FEW)
    assert status == 0
    assert "LRR" in out
    assert "chunks" in err
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
        (["trials", "--engine", "flow"], "flow"),
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
    assert "Traceback" not in err


def test_usage(capsys):
    assert run(capsys)[0] == 2
    assert "phase-diagram" in run(capsys, "--help")[1]
