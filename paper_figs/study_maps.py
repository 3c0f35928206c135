"""The studies that are maps: quadrants over (a0, w_1), and success over momentum and step size beside T13's law."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from xarray import Dataset

from simulate.studies.steps import starts_above
from theory import algorithm, learns

from .study_parts import P, Settings, legend, lettered, panels, theory_line

__all__ = ["momentum", "quadrants"]


def quadrants(found: Dataset, settings: Settings) -> Figure:
    """A panel for each algorithm: success over w_1 and a0, with the theory's basin."""
    figure, grid = panels(1, found.sizes["algorithm"], sharex=True, sharey=True)
    for axes, name in zip(grid[0], found.algorithm.values, strict=True):
        one = found.sel(algorithm=name)
        image = axes.pcolormesh(one.w1, one.a0, one.success, vmin=0, vmax=1, cmap="cividis", shading="nearest", rasterized=True)
        x, y, inside = _basin(str(name), one, settings["across"])
        if 0 < inside.mean() < 1:
            axes.contour(x, y, inside, levels=[0.5], colors="#D55E00", linewidths=1.3)
        axes.set(title=str(name), xlabel="$w_1$ at initialisation")
    grid[0, 0].set_ylabel("$a_0$")
    figure.colorbar(image, ax=grid, label=P, shrink=0.85)
    legend(figure, [theory_line("boundary of the theory's basin", color="#D55E00")])
    return lettered(figure)


def _basin(name: str, one: Dataset, across: float) -> tuple[Any, Any, NDArray[np.float64]]:
    """Axes w_1, a0 and the theory's basin over them: finer than the pixels where no flow has to be integrated for that."""
    if algorithm(name).moments:
        return one.w1.values, one.a0.values, one.theory.values.astype(float)
    x, y = (np.linspace(v.values.min(), v.values.max(), 400) for v in (one.w1, one.a0))
    w1, a0 = np.meshgrid(x, y)
    return x, y, learns(name, a0, np.stack([w1, np.full_like(w1, across)], axis=-1)).astype(float)


def momentum(found: Dataset, settings: Settings) -> Figure:
    """Rows: starts a0 > 0 and a0 < 0; columns: IMP, LRR, their gap; axes 1 − μ and η."""
    slow, eta, starts = 1 - found.momentum.values, found.eta.values, ("a0 > 0", "a0 < 0")
    figure, grid = panels(2, 3, 2.75, 2.35, sharex=True, sharey=True)
    edges, images = (_edges(slow), _edges(eta)), {}
    chance, gap = {"vmin": 0, "vmax": 1, "cmap": "cividis"}, {"vmin": -1, "vmax": 1, "cmap": "PuOr_r"}
    for row, start in zip(grid, starts, strict=True):
        one, words = found.sel(start=start), "$a_0 > 0$" if start == starts[0] else "$a_0 < 0$"
        shown = [("IMP", one.success.sel(algorithm="IMP")), ("LRR", one.success.sel(algorithm="LRR")), ("LRR − IMP", one.gap)]
        for axes, (name, values), look in zip(row, shown, (chance, chance, gap), strict=True):
            images[look["cmap"]] = axes.pcolormesh(*edges, values.values.T, **look, rasterized=True)
            axes.set(title=f"{name}, {words}", xscale="log", yscale="log", xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]])
            _law_curves(axes, slow, settings, *(("black", "0.35") if look is gap else ("#D55E00", "white")))
        row[0].set_ylabel("step size $\\eta$")
    for axes in grid[1]:
        axes.set_xlabel("momentum $\\mu$")
        ticks = [m for m in (0, 0.5, 0.9, 0.99, 0.999) if slow.min() * 0.99 <= 1 - m]
        axes.set_xticks([1 - m for m in ticks], [f"{m:g}" for m in ticks], minor=False)
        axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    figure.colorbar(images["cividis"], ax=grid[:, :2], label=P, shrink=0.8)
    figure.colorbar(images["PuOr_r"], ax=grid[:, 2:], label="P(LRR) − P(IMP)", shrink=0.8)
    handles = [
        theory_line(r"$\eta s a_0^2 = (1-\sqrt{\mu})^2$, median $a_0$", color="#D55E00", lw=1.6),
        theory_line("for 1 and 9 of 10 starts", color="#D55E00", ls="--", lw=1),
        theory_line("flattest minimum unstable above", color="0.35", ls=":", lw=1.6),
    ]
    legend(figure, handles)
    return lettered(figure)


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Borders of pixels whose middles are in geometric progression, or nearly."""
    if len(values) == 1:
        return values[0] * np.array([0.8, 1.25])
    inner = np.sqrt(values[1:] * values[:-1])
    return np.array([values[0] ** 2 / inner[0], *inner, values[-1] ** 2 / inner[-1]])


def _law_curves(axes: Axes, slow: NDArray[np.float64], settings: Settings, law: str, limit: str) -> None:
    fine = np.geomspace(slow.min(), slow.max(), 200)
    bound = (fine / (1 + np.sqrt(1 - fine))) ** 2
    looks: list[dict[str, Any]] = [{"ls": "--", "lw": 1}, {"lw": 1.6}, {"ls": "--", "lw": 1}]
    for a0, look in zip(_sizes(settings), looks, strict=True):
        axes.plot(fine, 2 * bound / a0**2, color=law, **look)
    axes.plot(fine, 2 * (2 - fine), color=limit, ls=":", lw=1.6)  # ηs·2β < 2(1 + μ) with s = ½, β = 1


def _sizes(settings: Settings) -> list[float]:
    """Sizes of a0 that a tenth, half and nine tenths of the positive ones stay below."""
    grid = np.linspace(0, 6, 6001)
    above = 2 * starts_above(settings["init"], settings["d"], grid)
    return [float(grid[np.argmax(above <= 1 - q)]) for q in (0.1, 0.5, 0.9)]
