"""Every study has a figure and a caption, drawn from what is stored alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

import signescape
import simulate
from paper_figs import studies
from paper_figs.results import load_result
from paper_figs.study_panels import DRAW, READING
from paper_figs.style import style
from simulate.studies import STUDIES, find
from theory.records import to_json


def few(name: str) -> dict[str, Any]:
    """A corner of the smoke preset."""
    settings = find(name).presets["smoke"]
    changes: dict[str, Any] = {k: v[:2] for k, v in settings.items() if isinstance(v, tuple) and k != "algorithms"}
    if not isinstance(settings.get("n", ()), tuple):
        changes["n"] = None if settings["n"] is None else 60
    return changes | {"trials": 6} | ({"time": 10.0} if "time" in settings else {})


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studies")
    for name in STUDIES:
        simulate.study(name, out=folder / f"{name}.zarr", **few(name))
    return folder


def document(path: Path) -> dict[str, Any]:
    return json.loads(to_json(studies.document_of(path)))


def test_every_study_has_a_figure() -> None:
    assert list(DRAW) == list(READING) == list(STUDIES)


@pytest.mark.parametrize("name", list(STUDIES))
def test_figures_show_the_stored_numbers(stored: Path, name: str) -> None:
    made = document(stored / f"{name}.zarr")
    found = simulate.load(stored / f"{name}.zarr")
    xarray.testing.assert_allclose(studies.dataset_of(made).drop_attrs(), found.drop_attrs())
    with style():
        figure = studies.draw(made)
        figure.canvas.draw()
    assert isinstance(figure, Figure)
    drawn = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert all(axes.lines or axes.collections for axes in drawn)
    caption = studies.caption(made)
    assert find(name).claim in caption
    assert "6 trials a point" in caption


def test_the_law_stands_in_the_momentum_figure(stored: Path) -> None:
    with style():
        figure = studies.draw(document(stored / "momentum.zarr"))
    mu = 1 - figure.axes[0].lines[1].get_xdata()
    eta = figure.axes[0].lines[1].get_ydata()
    median = eta / (2 * (1 - np.sqrt(mu)) ** 2)
    assert np.ptp(median) == pytest.approx(0, abs=1e-9)


def test_figures_command_takes_a_stored_study(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["figures", "--results", str(tmp_path), "--out", str(tmp_path), "--names", "imbalance"]
    assert signescape.main([*words, "--study", str(stored / "imbalance.zarr")]) == 0
    assert (tmp_path / "imbalance.pdf").read_bytes().startswith(b"%PDF")
    assert load_result(tmp_path / "imbalance.json")["data"]["settings"]["trials"] == 6
    assert signescape.main([*words, "--study", str(stored / "imbalance.zarr")]) == 0
    other = tmp_path / "other.zarr"
    simulate.study("imbalance", out=other, **few("imbalance") | {"seed": 99})
    assert signescape.main([*words, "--study", str(other)]) == 2
    assert "other settings" in capsys.readouterr().err
    simulate.trials({"n": 30, "d": 2, "t": 10, "trials": 2}, out=tmp_path / "trials.zarr")
    assert signescape.main([*words, "--study", str(tmp_path / "trials.zarr")]) == 2
    assert "is no study" in capsys.readouterr().err
