"""Figure (ii): success probability against d for the three initialisations, closed form with Monte Carlo points (T5, T6)."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from simulate import Config, estimate
from theory import success_probability
from theory.console import progress

from .style import colour, marker, panel_letters

__all__ = ["caption", "compute", "draw"]


def compute(settings: dict[str, Any], workers: int) -> dict[str, Any]:
    """Per initialisation: closed forms over a range of d, and estimates with 95 % intervals at some d."""
    curve_d = np.unique(np.geomspace(1, max(settings["d"]), 60).round().astype(int))
    found: dict[str, Any] = {"curve d": curve_d}
    with progress("figure (ii), simulations", len(settings["inits"]) * len(settings["d"])) as step:
        for init in settings["inits"]:
            curves, points = {}, []
            for name in settings["algorithms"]:
                try:
                    curves[name] = success_probability(name, init, curve_d)
                except ValueError:  # no closed form for this pair
                    continue
            for d in settings["d"]:
                config = Config(
                    d=d, init=init, algorithms=tuple(settings["algorithms"]), workers=workers, **settings["simulation"]
                )
                points.append({"d": d} | {name: vars(p) for name, p in estimate(config).proportions.items()})
                step()
            found[init] = {"curves": curves, "points": points}
    return found


def draw(document: dict[str, Any]) -> Figure:
    """One panel for each initialisation."""
    settings, data = document["provenance"]["settings"], document["data"]
    figure, panels = plt.subplots(1, len(settings["inits"]), figsize=(9.6, 3.1), sharey=True)
    for axes, init in zip(panels, settings["inits"], strict=True):
        for i, name in enumerate(settings["algorithms"]):
            if name in data[init]["curves"]:
                axes.plot(
                    data["curve d"], data[init]["curves"][name], color=colour(name), label=name if axes is panels[0] else None
                )
            points = [(p["d"], p[name]) for p in data[init]["points"]]
            d = np.array([d for d, _ in points]) * 1.06 ** (i - 1)
            value = np.array([p["value"] for _, p in points])
            ends = np.array([[p["value"] - p["low"], p["high"] - p["value"]] for _, p in points]).T
            axes.errorbar(d, value, ends, fmt=marker(name), color=colour(name), mec="white", mew=0.5, lw=1)
            late = np.array([(p["hits"] + p["undecided"]) / p["n"] for _, p in points])
            open_ = late > value
            axes.plot(d[open_], late[open_], marker="_", ls="", ms=7, color=colour(name), alpha=0.8)
            axes.vlines(d[open_], value[open_], late[open_], color=colour(name), lw=0.8, ls=":")
        axes.set(xscale="log", xlabel="inputs $d$", title=str(init), ylim=(0, 1.04))
        axes.set_xticks([1, 3, 10, 30], ["1", "3", "10", "30"], minor=False)
        axes.minorticks_off()
    panels[0].set_ylabel("P(learns the teacher)")
    figure.legend(loc="outside lower center", ncols=len(settings["algorithms"]))
    panel_letters(figure)
    return figure


def caption(document: dict[str, Any]) -> str:
    """What the figure shows, with its settings."""
    s = document["provenance"]["settings"]
    sim = s["simulation"]
    n = "the population" if sim.get("n") is None else f"n = {sim['n']} samples"
    return (
        "Success probability by the closed forms of T5 and T6 (lines; WR(t) has one for balanced starts) and by simulation (points, 95 % "
        f"Clopper–Pearson intervals, {sim['trials']} trials each): gradient descent on {n}, η = {sim['eta']:g}, t = {sim['t']:g}, "
        f"seed {sim['seed']}. Dotted bars reach up to the trials still undecided at time t: their escape times are heavy-tailed."
    )
