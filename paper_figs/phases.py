"""Figure (iii): phase diagram over (a0, w_1) for IMP, WR(t) and LRR: finite noisy samples beside the theory's prediction."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simulate import Config, phase_diagram
from theory import Branches, branch_statistics, learns
from theory.streams import generator

from .style import panel_letters, prose

__all__ = ["caption", "compute", "draw"]


def compute(settings: dict[str, Any], workers: int, folder: Path) -> dict[str, Any]:
    """Share of trials that learn in each pixel, simulated and predicted by the exact maps; axes a0 and w_1."""
    axis = np.linspace(-settings["half_width"], settings["half_width"], settings["pixels"])
    config = Config(algorithms=tuple(settings["algorithms"]), workers=workers, **settings["simulation"])
    counts = phase_diagram(config, {"a0": axis, "w1": axis}, out=folder / "counts.zarr", show="figure (iii), simulations")
    predicted = _predicted(settings, axis, config)
    return {
        "axis": axis,
        "simulation": {name: (counts.hits / counts.n).sel(algorithm=name).to_numpy() for name in config.names},
        "undecided": {name: (counts.undecided / counts.n).sel(algorithm=name).to_numpy() for name in config.names},
        "theory": predicted,
    }


def _predicted(settings: dict[str, Any], axis: NDArray[np.float64], config: Config) -> dict[str, NDArray[np.float64]]:
    """Mean of ``theory.learns`` at the same length of phases, on draws of its own: w_⊥ ~ N(0, I/d), statistics of
    e_1 from n samples."""
    draws, n, d = settings["draws"], config.n, config.d
    stream = generator(config.seed, "figure (iii)")
    a0, w1 = (v[..., None] for v in np.meshgrid(axis, axis, indexing="ij"))
    across = stream.standard_normal((*a0.shape[:2], draws, d - 1)) / np.sqrt(d)
    w0 = np.concatenate([np.broadcast_to(w1[..., None], (*across.shape[:-1], 1)), across], axis=-1)
    x = stream.standard_normal((a0.size, draws, n))
    y = np.maximum(x, 0) + config.sigma * stream.standard_normal(x.shape)
    branches = Branches(*(v.reshape(*a0.shape[:2], draws) for v in branch_statistics(x, y)))
    return {name: learns(name, a0, w0, branches=branches, t=config.t).mean(-1) for name in settings["algorithms"]}


def draw(document: dict[str, Any]) -> Figure:
    """Two rows (simulation, theory), a column for each algorithm."""
    settings, data = document["provenance"]["settings"], document["data"]
    names, half = settings["algorithms"], settings["half_width"]
    figure, grid = plt.subplots(2, len(names), figsize=(8.6, 5.2), sharex=True, sharey=True)
    for row, kind in zip(grid, ("simulation", "theory"), strict=True):
        for axes, name in zip(row, names, strict=True):
            image = axes.pcolormesh(
                data["axis"],
                data["axis"],
                np.array(data[kind][name]),
                vmin=0,
                vmax=1,
                cmap="cividis",
                shading="nearest",
                rasterized=True,
            )
            axes.set(title=f"{name}, {kind}", xlim=(-half, half), ylim=(-half, half))
    for axes in grid[1]:
        axes.set_xlabel("$w_1$ at initialisation")
    for axes in grid[:, 0]:
        axes.set_ylabel("$a_0$")
    figure.colorbar(image, ax=grid, label="P(learns the teacher)", shrink=0.7)
    panel_letters(figure)
    return figure


def caption(document: dict[str, Any]) -> str:
    """What the figure shows, with its settings."""
    s = document["provenance"]["settings"]
    sim = s["simulation"]
    return prose(f"""
        Share of starts (a0, w_1) from which the neuron learns, the other {sim["d"] - 1} coordinates drawn from N(0, 1/d).
        Top: gradient descent, n = {sim["n"]} samples, σ = {sim["sigma"]:g}, η = {sim["eta"]:g}, t = {sim["t"]:g} a phase,
        {sim["trials"]} trials a pixel, seed {sim["seed"]}. Bottom: mean of theory.learns over {s["draws"]} draws a pixel,
        by the exact maps: the population for the dense phase, statistics of e_1 from as many noisy samples for the sparse
        one, phases of the same length. The wedge of IMP at 0 < −w_1 < a0 is T2b: label noise frees about half of these
        starts. That LRR fades towards the left is the finite time (T4): escape times are heavy-tailed.
    """)
