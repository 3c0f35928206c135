"""Figures come from stored results alone, as PDF and PNG; their captions name the settings."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import signescape
from paper_figs import basins, networks, phases, presets, success
from paper_figs.presets import published
from paper_figs.results import load_result, stored
from theory import learns, success_probability

from .conftest import TINY


def test_all_four_figures_as_pdf_and_png(report: Path) -> None:
    for name in ("basins", "success", "phases", "momentum", "digits"):
        assert (report / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (report / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_figures_command_draws_from_the_stored_results_only(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (basins, success, phases, networks):
        monkeypatch.setattr(module, "compute", lambda *_: pytest.fail("a figure computed"))
    assert signescape.main(["figures", "--results", str(report / "results"), "--out", str(tmp_path), "--names", "success"]) == 0
    assert (tmp_path / "success.png").read_bytes() == (report / "figures" / "success.png").read_bytes()


def test_captions_name_the_settings(report: Path) -> None:
    document = {name: load_result(report / "results" / f"{name}.json") for name in ("basins", "success", "phases", "digits")}
    assert "t = 20" in success.caption(document["success"])
    assert "n = 50 samples" in phases.caption(document["phases"])
    assert "2 replicates" in networks.caption(document["digits"])
    assert "= 1." in basins.caption(document["basins"])


def test_basins_are_those_of_the_theory(report: Path) -> None:
    data = load_result(report / "results" / "basins.json")["data"]
    axis = np.array(data["axis"])
    w, a = np.meshgrid(axis, axis)
    assert (np.array(data["IMP"]) == ((w > 0) & (a > -w))).all()
    assert (np.array(data["LRR"]) == (a > -np.hypot(w, 1.0))).all()
    assert (np.array(data["sparse"]) <= np.array(data["LRR"])).all()


def test_flow_lines_that_learn_end_nearer_to_the_teacher_than_they_began(report: Path) -> None:
    for line in load_result(report / "results" / "basins.json")["data"]["sparse lines"]:
        a, w = line["a"], line["w"]
        if line["learned"]:
            assert abs(a[-1] * w[-1] - 1) < abs(a[0] * w[0] - 1)
        else:
            assert not learns("IMP", a[-1], [w[-1]])


def test_success_holds_the_closed_forms(report: Path) -> None:
    data = load_result(report / "results" / "success.json")["data"]
    for init in TINY["success"]["inits"]:
        assert data[init]["curves"]["LRR"] == success_probability("LRR", init, np.array(data["curve d"])).tolist()
    assert data["bounded"]["curves"]["WR(time=2)"] is None
    for point in data["gaussian"]["points"]:
        assert point["LRR"]["low"] <= point["LRR"]["value"] <= point["LRR"]["high"]


def test_escape_times_agree_to_a_millionth(report: Path) -> None:
    assert max(row["largest error"] for row in load_result(report / "results" / "escape.json")["data"]) < 1e-6


def test_stored_results_are_kept_and_never_mixed(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    first = stored(path, {"n": 1}, lambda: [1.5], 0)
    assert stored(path, {"n": 1}, lambda: pytest.fail("computed again"), 0) == first
    assert stored(path, {"n": 2}, lambda: [2.5], 0)["data"] == [2.5]
    kept = list((tmp_path / "older").glob("x-*.json"))
    assert [json.loads(p.read_text())["data"] for p in kept] == [[1.5]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not a stored result"),
        ("[]", "not a stored result"),
        ('{"provenance": {"schema": "other/1"}}', "has schema 'other/1'"),
    ],
)
def test_corrupt_and_foreign_results_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    (tmp_path / "success.json").write_text(content)
    assert signescape.main(["figures", "--results", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
    assert (tmp_path / "success.json").read_text() == content


def test_unknown_figures_and_presets_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert signescape.main(["figures", "--results", str(tmp_path), "--names", "pie"]) == 2
    assert "'pie'" in capsys.readouterr().err
    assert signescape.main(["figures", "--results", str(tmp_path / "none")]) == 2
    assert "no folder of stored results" in capsys.readouterr().err
    assert signescape.main(["report", "--preset", "huge", "--out", str(tmp_path)]) == 2
    assert "'huge'" in capsys.readouterr().err


def test_summary_of_runs_becomes_a_result_with_the_runs_own_provenance(report: Path, tmp_path: Path) -> None:
    runs = next((report / "results" / "work").glob("digits-*"))
    out = ["--results", str(tmp_path), "--out", str(tmp_path)]
    assert signescape.main(["figures", "--runs", str(runs), "--label", "digits", *out]) == 0
    made, computed = load_result(tmp_path / f"{runs.name}.json"), load_result(report / "results" / "digits.json")
    assert made["data"] == computed["data"]
    assert made["provenance"]["settings"]["seeds"] == 2
    assert (tmp_path / f"{runs.name}.png").exists()
    assert signescape.main(["figures", "--runs", str(runs), *out]) == 2  # never overwritten


def test_published_results_are_readable_and_complete() -> None:
    assert published()
    for name, document in published().items():
        assert networks.caption(document), name
        settings = document["provenance"]["settings"]
        levels = {r["level"] for r in document["data"]["table"] if r["algorithm"] == "LRR"}
        assert levels == set(range(settings["training"]["levels"] + 1))
        assert all(r["n"] == settings["seeds"] for r in document["data"]["differences"])


def test_the_seed_of_a_report_moves_every_seed_and_zero_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(presets, "stored", lambda path, settings, compute, seed: seen.__setitem__(path.stem, (settings, seed)))
    for shift in (0, 5):
        presets.make_results(tmp_path, "quick", 1, seed=shift)
        for name, (settings, seed) in seen.items():
            own = presets.PRESETS["quick"][name]
            assert (settings == own) == (shift == 0 or name == "basins")
            first = own.get("seed", own.get("simulation", own.get("training", {})).get("seed"))
            assert seed == (None if first is None else first + shift)
