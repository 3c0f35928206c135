"""Figure (ii): success probability against d for the three initialisations, closed form with Monte Carlo points (T5, T6)."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from xarray import Dataset

from simulate import Config, clopper_pearson, paired_difference, trials
from simulate.status import OPEN
from theory import algorithm, learns, success_probability
from theory.console import progress
from theory.workers import pool

from .style import colour, marker, panel_letters, prose

__all__ = ["caption", "compute", "draw"]


def compute(settings: dict[str, Any], workers: int, folder: Path) -> dict[str, Any]:
    """Per initialisation: closed forms over a range of d, and simulated shares with 95 % intervals at some d."""
    curve_d, names = np.unique(np.geomspace(1, max(settings["d"]), 60).round().astype(int)), settings["algorithms"]
    late = [name for name in names if "final" in vars(algorithm(name).rewind).values()]
    points, maps = {}, {}
    jobs = [(init, d) for init in settings["inits"] for d in settings["d"]]
    with progress("figure (ii)", 2 * len(jobs)) as step, pool(workers) as executor:
        for init, d in jobs:
            config = Config(d=d, init=init, algorithms=tuple(names), **settings["simulation"])
            found = trials(config, executor=executor, out=folder / f"{init}-{d}.zarr")
            points[init, d] = _point(config, found)
            maps[init, d] = executor.submit(_exact_maps, late, found.a0.to_numpy(), found.w0.to_numpy(), config.t)
            step()
        for job in jobs:
            points[job]["exact maps"] = maps[job].result()
            step()
    return {"curve d": curve_d} | {
        init: {
            "curves": {name: _curve(name, init, curve_d) for name in names},
            "points": [points[init, d] for d in settings["d"]],
        }
        for init in settings["inits"]
    }


def _exact_maps(names: list[str], a0: NDArray[np.float64], w0: NDArray[np.float64], t: float) -> dict[str, float]:
    """Share of the simulation's own starts from which the exact maps learn with phases as long as its own.

    For the algorithms that restart from the end of a phase; the others depend on its length only through the mask.
    """
    return {name: float(learns(name, a0, w0, t=t).mean()) for name in names}


def _curve(name: str, init: str, d: NDArray[np.int64]) -> list[float] | None:
    try:
        return success_probability(name, init, d).tolist()
    except ValueError:  # no closed form for this pair
        return None


def _point(config: Config, found: Dataset) -> dict[str, Any]:
    """Counts at one d: hits and undecided by algorithm, hits with w_1 < 0 at initialisation, paired difference from IMP."""
    learned = {name: found.learned.sel(algorithm=name).to_numpy() for name in config.names}
    negative = found.w0.to_numpy()[:, 0] < 0
    point: dict[str, Any] = {"d": config.d}
    for name in config.names:
        hits = int(learned[name].sum())
        low, high = clopper_pearson(hits, config.trials)
        undecided = int(found.status.sel(algorithm=name).isin(OPEN).sum())
        against = int((learned[name] & negative).sum())
        point[name] = {
            "hits": hits,
            "n": config.trials,
            "value": hits / config.trials,
            "low": low,
            "high": high,
            "undecided": undecided,
            "from negative": [against / config.trials, *clopper_pearson(against, config.trials)],
            "less IMP": paired_difference(learned[name], learned["IMP"])._asdict(),
        }
    return point


def draw(document: dict[str, Any]) -> Figure:
    """One panel for each initialisation."""
    settings, data = document["provenance"]["settings"], document["data"]
    figure, panels = plt.subplots(1, len(settings["inits"]), figsize=(9.6, 3.1), sharey=True)
    for axes, init in zip(panels, settings["inits"], strict=True):
        for i, name in enumerate(settings["algorithms"]):
            _algorithm(axes, name, data["curve d"], data[init], 1.06 ** (i - 1))
        axes.set(xscale="log", xlabel="inputs $d$", title=str(init), ylim=(0, 1.04))
        axes.set_xticks([1, 3, 10, 30], ["1", "3", "10", "30"], minor=False)
        axes.minorticks_off()
    panels[0].set_ylabel("P(learns the teacher)")
    handles = [Line2D([], [], color=colour(n), marker=marker(n), mec="white", label=n) for n in settings["algorithms"]]
    t = settings["simulation"]["t"]
    handles += [
        Line2D([], [], color="0.3", label="closed form"),
        Line2D([], [], color="0.3", ls=":", label=f"exact maps, t = {t:g}"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    panel_letters(figure)
    return figure


def _algorithm(axes: Axes, name: str, curve_d: list[int], data: dict[str, Any], shift: float) -> None:
    curve = data["curves"][name]
    if curve:  # d = 1 is a case of its own (D = B), so the line begins at 2
        axes.plot(curve_d[1:], curve[1:], color=colour(name))
        axes.plot(curve_d[0], curve[0], marker="_", ms=12, color=colour(name))
    maps = {p["d"]: p["exact maps"][name] for p in data["points"] if p["d"] > 1 and name in p["exact maps"]}
    axes.plot(list(maps), list(maps.values()), color=colour(name), ls=":")
    points = [(p["d"], p[name]) for p in data["points"]]
    value = np.array([p["value"] for _, p in points])
    ends = np.array([[p["value"] - p["low"], p["high"] - p["value"]] for _, p in points]).T
    d = np.array([d for d, _ in points]) * shift
    axes.errorbar(d, value, ends, fmt=marker(name), color=colour(name), mec="white", mew=0.5, lw=1)


def caption(document: dict[str, Any]) -> str:
    """What the figure shows, with its settings."""
    s = document["provenance"]["settings"]
    sim = s["simulation"]
    samples = "the population" if sim.get("n") is None else f"n = {sim['n']} samples"
    return prose(f"""
        Success probability by the closed forms of T5 and T6 (lines; WR(t) has one for balanced starts) and by simulation
        (points, 95 % Clopper–Pearson intervals, {sim["trials"]} trials each): gradient descent on {samples}, η =
        {sim["eta"]:g}, t = {sim["t"]:g} a phase, seed {sim["seed"]}. Dotted: exact maps with phases of that length, from
        the same starts. The gap to the closed form, which is for t = ∞, is the heavy tail of the escape times (T4).
    """)
