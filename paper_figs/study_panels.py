"""How each study is drawn: a Dataset and its settings to a figure. Simulation as points or colours, theory as lines."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from xarray import Dataset

from simulate.studies.barrier import kinds
from simulate.studies.imbalance import sparse_share

from .study_maps import momentum, quadrants
from .study_parts import P, Settings, legend, lettered, panels, points, shades, theory_line
from .style import colour, marker

__all__ = ["DRAW", "READING"]


def _by_algorithm(
    x: str, label: str, *, log: bool = False, panel: str = "init", theory: str = "theory"
) -> Callable[..., Figure]:
    """Success against ``x``: a panel for each value of ``panel``, a colour for each algorithm."""

    def draw(found: Dataset, settings: Settings) -> Figure:
        shown = found[panel].values if panel in found.dims else [None]
        figure, grid = panels(1, len(shown), sharey=True)
        values = found[x].values
        place = values if log else np.arange(len(values))
        for axes, value in zip(grid[0], shown, strict=True):
            one = found if value is None else found.sel({panel: value})
            _lines(axes, one, place, log, theory)
            axes.set(xlabel=label, title="" if value is None else str(value), ylim=(-0.02, 1.04))
            if log:
                axes.set_xscale("log")
            axes.set_xticks(place, [f"{v:g}" for v in values], minor=False)
            axes.minorticks_off()
        grid[0, 0].set_ylabel(P)
        legend(figure, _algorithms(found.algorithm.values, theory))
        return lettered(figure)

    return draw


def _lines(axes: Axes, one: Dataset, place: Any, log: bool, theory: str) -> None:
    names = one.algorithm.values
    for i, name in enumerate(names):
        part, spread = one.sel(algorithm=name), (i - (len(names) - 1) / 2)
        where = place * 1.03**spread if log else place + 0.06 * spread
        axes.plot(place, part[theory].values, color=colour(name))
        points(axes, where, part, fmt=marker(name), color=colour(name))


def _algorithms(names: Sequence[str], theory: str = "theory") -> list[Line2D]:
    words = {"theory": "closed form", "predicted": "theory, for these starts"}.get(theory, theory)
    return [Line2D([], [], color=colour(n), marker=marker(n), mec="white", ls="", label=n) for n in names] + [
        theory_line(words)
    ]


def _step_size(found: Dataset, settings: Settings) -> Figure:
    figure, grid = panels(1, found.sizes["init"], 4.6, 3.0, sharey=True)
    momenta, eta = found.momentum.values, found.eta.values
    for axes, init in zip(grid[0], found.init.values, strict=True):
        for mu, shade in zip(momenta, shades(len(momenta)), strict=True):
            one = found.sel(init=init, momentum=mu)
            axes.plot(eta, one.constant_escape.values, color=shade)
            axes.plot(eta, one.moving_escape.values, color=shade, ls="--", lw=1)
            points(axes, eta, one, ("escape", "escape_low", "escape_high"), color=shade, ms=3.2)
        axes.set(xscale="log", xlabel="step size $\\eta$", title=str(init), ylim=(-0.03, 1.04))
    grid[0, 0].set_ylabel("share of starts $a_0 > 0 > w_1$\nfrom which IMP learns")
    handles = [
        Line2D([], [], color=s, marker="o", mec="white", ls="", label=f"$\\mu$ = {m:g}")
        for m, s in zip(momenta, shades(len(momenta)), strict=True)
    ]
    legend(figure, [*handles, theory_line("law, constant $a$"), theory_line("law, $a^2 \\to a_0^2 - w_1^2$", ls="--", lw=1)])
    return lettered(figure)


def _training(found: Dataset, settings: Settings) -> Figure:
    figure, grid = panels(1, 1, 4.6, 3.0)
    axes, sigmas = grid[0, 0], found.sigma.values
    for sigma, shade in zip(sigmas, shades(len(sigmas)), strict=True):
        one = found.sel(sigma=sigma, algorithm="IMP")
        axes.plot(one.t, one.theory, color=shade)
        points(axes, one.t.values, one, color=shade, label=f"$\\sigma$ = {sigma:g}")
    limit = float(found.limit.sel(algorithm="IMP").values.flat[0])
    axes.axhline(limit, color="0.4", ls=":", lw=1)
    axes.text(found.t.values[0], limit + 0.006, f"$t \\to \\infty$: {limit:.4g}", color="0.35", fontsize=8)
    axes.set(xscale="log", xlabel="length of each phase $t$", ylabel="P(IMP learns the teacher)")
    axes.plot([], [], color="0.3", label="T2b")
    axes.legend(loc="lower right")
    return figure


def _rewinding(found: Dataset, settings: Settings) -> Figure:
    figure, grid = panels(1, found.sizes["samples"], 3.7, 2.9, sharey=True)
    times, ds = found.rewind.values, found.d.values
    inner = times[np.isfinite(times) & (times > 0)]
    place = np.where(times == 0, inner[0] / 3, np.where(np.isinf(times), inner[-1] * 3, times))
    for axes, n in zip(grid[0], found.samples.values, strict=True):
        for d, shade in zip(ds, shades(len(ds)), strict=True):
            one = found.sel(samples=n, d=d)
            axes.plot(place[1:-1], one.theory.values[1:-1], color=shade)
            axes.plot(place[1:-1], one.thumb.values[1:-1], color=shade, ls=":", lw=1)
            points(axes, place, one, color=shade, ms=3.6)
        ticks = [10.0**k for k in range(-3, 5) if inner[0] <= 10.0**k <= inner[-1]] or [float(inner[0])]
        axes.set(xscale="log", xlabel="time that WR rewinds to", title="population" if np.isinf(n) else f"n = {n:g}")
        axes.set_xticks([place[0], *ticks, place[-1]], ["IMP", *(f"{t:g}" for t in ticks), "LRR"], minor=False)
        axes.minorticks_off()
    grid[0, 0].set_ylabel(P)
    handles = [
        Line2D([], [], color=s, marker="o", mec="white", label=f"d = {d}") for d, s in zip(ds, shades(len(ds)), strict=True)
    ]
    legend(figure, [*handles, theory_line("T6"), theory_line("$\\frac{1}{2}\\Phi(t\\sqrt{d}/4)$", ls=":", lw=1)])
    return lettered(figure)


def _imbalance(found: Dataset, settings: Settings) -> Figure:
    figure, grid = panels(1, 1, 4.8, 3.0)
    axes, ratio = grid[0, 0], found.ratio.values
    fine = np.linspace(ratio.min(), ratio.max(), 400)
    closed = {"IMP": [sparse_share(x, settings["d"]) for x in fine], "LRR": fine > -1}
    for name in found.algorithm.values:
        one = found.sel(algorithm=name)
        if name in closed:
            axes.plot(fine, closed[name], color=colour(name))
        else:
            axes.plot(ratio, one.predicted.values, color=colour(name), ls="--")
        points(axes, ratio, one, fmt=marker(name), color=colour(name), label=name)
    axes.plot([], [], color="0.3", label="closed form")
    axes.plot([], [], color="0.3", ls="--", label="exact maps, these starts")
    axes.axvline(-1, color="0.6", lw=0.7, zorder=0)
    axes.set(xlabel="$a_0 / \\Vert w_0 \\Vert$", ylabel=P, ylim=(-0.03, 1.05))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _dots(found: Dataset, labels: Sequence[str], lines: Sequence[tuple[str, Any, str, Callable[[str], Dataset]]]) -> Figure:
    """A row for each label, a panel for each initialisation: points with intervals, the theory as a bar across."""
    figure, grid = plt.subplots(1, found.sizes["init"], figsize=(3.0 * found.sizes["init"] + 1.4, 0.21 * len(labels) + 1.3),
                                sharey=True, squeeze=False)  # fmt: skip
    y = np.arange(len(labels))[::-1]
    for axes, init in zip(grid[0], found.init.values, strict=True):
        for i, (_, shade, form, of) in enumerate(lines):
            one, place = of(str(init)), y + 0.22 * ((len(lines) - 1) / 2 - i)
            value, low, high, theory = (one[k].values.ravel() for k in ("success", "low", "high", "theory"))
            axes.errorbar(
                value, place, xerr=np.maximum([value - low, high - value], 0), fmt=form, color=shade, mec="white", mew=0.5, lw=1
            )
            axes.plot(theory, place, "|", color="black", ms=6, mew=1.2)
        axes.set(title=str(init), xlabel=P, xlim=(-0.03, 1.03))
        axes.grid(axis="y", color="0.92", lw=0.6)
    grid[0, 0].set_yticks(y, labels)
    handles = [Line2D([], [], color=shade, marker=form, ls="", label=name) for name, shade, form, _ in lines]
    legend(figure, [*handles, Line2D([], [], color="black", marker="|", ls="", mew=1.2, label="theory")])
    return lettered(figure)


def _criteria(found: Dataset, settings: Settings) -> Figure:
    def part(name: str) -> Callable[[str], Dataset]:
        return lambda init: found.sel(init=init, restart=name)

    labels = [str(c).replace("_", " ") for c in found.criterion.values]
    return _dots(found, labels, [(n, colour(n), marker(n), part(n)) for n in ("IMP", "LRR")])


def _signs(found: Dataset, settings: Settings) -> Figure:
    looks = {"init": ("#D55E00", "o"), "final": ("#0072B2", "s"), "random": ("#CC79A7", "^")}
    names = {"init": "initial", "final": "learned", "constant": "constant", "reinit": "redrawn"}
    labels = [f"size {names[m]}, a {names[a]}" for m in found.magnitude.values for a in found.a.values]

    def part(sign: str) -> Callable[[str], Dataset]:
        return lambda init: found.sel(init=init, sign=sign).transpose("magnitude", "a", ...)

    return _dots(found, labels, [(f"sign {names.get(s, s)}", *looks[s], part(s)) for s in found.sign.values])


def _levels(found: Dataset, settings: Settings) -> Figure:
    sigmas, names, pruned = found.sigma.values, found.algorithm.values, found.pruned.values
    figure, grid = panels(len(sigmas), len(names), sharex=True, sharey=True)
    for row, sigma in zip(grid, sigmas, strict=True):
        for axes, name in zip(row, names, strict=True):
            for f, shade in zip(pruned, shades(len(pruned)), strict=True):
                one = found.sel(sigma=sigma, algorithm=name, pruned=f)
                points(axes, one.t.values, one, color=shade, ls="-", lw=0.9)
            theory = found.theory.sel(sigma=sigma, algorithm=name).values.flat[0]
            if np.isfinite(theory):
                axes.axhline(theory, color="0.3", ls="--", lw=1)
            axes.set(title=f"{name}, $\\sigma$ = {sigma:g}", xscale="log")
        row[0].set_ylabel(P)
    for axes in grid[-1]:
        axes.set_xlabel("length of each level $t$")
    words = ["one-shot" if f == 1 else f"{100 * f:g} % a level" for f in pruned]
    handles = [
        Line2D([], [], color=s, marker="o", mec="white", label=w) for w, s in zip(words, shades(len(pruned)), strict=True)
    ]
    legend(figure, [*handles, theory_line("theory, long levels", ls="--", lw=1)])
    return lettered(figure)


def _perturbation(found: Dataset, settings: Settings) -> Figure:
    rows = [(i, w) for i in found.init.values for w in found.what.values]
    figure, grid = panels(len(rows), found.sizes["kept"], 2.3, 2.0, sharex=True, sharey=True)
    for line, (init, what) in zip(grid, rows, strict=True):
        for axes, kept in zip(line, found.kept.values, strict=True):
            for i, name in enumerate(found.algorithm.values):
                one = found.sel(init=init, what=what, kept=kept, algorithm=name)
                axes.plot(one.flipped, one.predicted, color=colour(name))
                points(axes, one.flipped.values + 0.015 * (i - 1), one, fmt=marker(name), color=colour(name), ms=3.2)
            axes.set(title=f"{kept} left, {what} flipped, {init}", ylim=(-0.03, 1.05))
        line[0].set_ylabel(P)
    for axes in grid[-1]:
        axes.set_xlabel("probability of a flip")
    legend(figure, _algorithms(found.algorithm.values, "T11, if training is long"))
    return lettered(figure)


def _barrier(found: Dataset, settings: Settings) -> Figure:
    """IMP, by the mean of the ends: matching trials on the closed form, failing ones above ⅛; lowest σ."""
    figure, grid = panels(1, found.sizes["init"], 3.0, 2.8, sharey=True)
    for axes, init in zip(grid[0], found.init.values, strict=True):
        one = found.isel(sigma=0).sel(init=init, algorithm="IMP")
        matching, failing = kinds(one)
        gap, barrier = one.gap.values, one.population.sel(definition="mean-end").values
        own = one.samples.sel(definition="mean-end").values
        look = {"ls": "", "ms": 2.6, "mew": 0.4, "alpha": 0.6, "rasterized": True}
        axes.plot(gap[matching], own[matching], marker="x", color="0.55", **look)
        axes.plot(gap[matching], barrier[matching], marker="o", color=colour("LRR"), **look)
        axes.plot(gap[failing], barrier[failing], marker="o", color=colour("IMP"), **look)
        x = np.geomspace(1e-2, max(6.0, float(gap.max())), 200)
        axes.plot(x, np.sinh(x / 4) ** 4 / 4, color="0.2", lw=1)
        axes.axhline(1 / 8, color="0.2", lw=1, ls="--")
        axes.set(xscale="log", yscale="log", title=str(init), xlim=(3e-2, x[-1]), ylim=(1e-9, 1))
        axes.set_xlabel("$|\\mathrm{asinh}(c/2) - \\mathrm{asinh}(c'/2)|$")
    grid[0, 0].set_ylabel("barrier, over the mean of the ends")
    marks = [("matching, population", colour("LRR"), "o"), ("matching, samples", "0.55", "x"), ("failing", colour("IMP"), "o")]
    handles = [Line2D([], [], color=c, marker=m, ls="", label=w) for w, c, m in marks]
    legend(figure, [*handles, theory_line("T10"), theory_line("⅛", ls="--")])
    return lettered(figure)


def _finite(found: Dataset, settings: Settings) -> Figure:
    figure, grid = panels(1, found.sizes["init"], sharey=True)
    x, sigmas = found.per_input.values, found.sigma.values
    forms = {"dense": "o", "LRR": "s"}
    for axes, init in zip(grid[0], found.init.values, strict=True):
        for sigma, shade in zip(sigmas, shades(len(sigmas)), strict=True):
            for name, form in forms.items():
                one = found.sel(init=init, sigma=sigma, algorithm=name)
                names = ("missed_share", "missed_low", "missed_high")
                points(
                    axes,
                    x * (1.03 if name == "LRR" else 0.97),
                    one,
                    names,
                    fmt=form,
                    color=shade,
                    ls="-" if name == "LRR" else ":",
                    lw=0.9,
                )
        axes.set(xscale="log", title=str(init), xlabel="samples per input $n/d$")
        axes.set_xticks(x, [f"{v:g}" for v in x], minor=False)
        axes.minorticks_off()
        axes.axhline(0, color="0.6", lw=0.7, zorder=0)
    grid[0, 0].set_ylabel("share of T4's basin that\nends without the teacher")
    handles = [
        Line2D([], [], color=s, lw=3, label=f"$\\sigma$ = {v:g}") for v, s in zip(sigmas, shades(len(sigmas)), strict=True)
    ]
    words = [
        Line2D([], [], color="0.3", marker=f, mec="white", ls="-" if n == "LRR" else ":", label=n) for n, f in forms.items()
    ]
    legend(figure, [*handles, *words])
    return lettered(figure)


DRAW: dict[str, Callable[[Dataset, Settings], Figure]] = {
    "quadrants": quadrants,
    "dimension": _by_algorithm("d", "inputs $d$", log=True),
    "samples": _by_algorithm("samples", "samples $n$", log=True),
    "noise": _by_algorithm("sigma", "label noise $\\sigma$"),
    "momentum": momentum,
    "step-size": _step_size,
    "training-time": _training,
    "rewinding-time": _rewinding,
    "imbalance": _imbalance,
    "criteria": _criteria,
    "signs": _signs,
    "levels": _levels,
    "perturbation": _perturbation,
    "barrier": _barrier,
    "finite-samples": _finite,
}
READING = {
    "quadrants": "Colour: share of trials that learn; line: the noise-free basin of the theory.",
    "dimension": "Lines: closed forms (WR(t) has one for balanced starts).",
    "samples": "Lines: closed forms of the population.",
    "noise": "Lines: closed forms, at σ > 0 for long training and n → ∞.",
    "momentum": "Top: starts with a0 > 0, those that the law speaks of; bottom: a0 < 0, on the boundary of T4's basin if "
    "balanced, which steps leave by the drift of c. Large steps diverge. Phases: time·(1 − μ)/η steps, at least 30/(1 − μ).",
    "step-size": "Solid: the law of constant a; dashed: with a² at its limit a0² − w_1², which near the threshold it comes to.",
    "training-time": "Lines: T2b's probability for these starts and inputs, before the labels are drawn.",
    "rewinding-time": "Solid: T6's closed form; dotted: its rule of thumb for large d.",
    "imbalance": "LRR steps up at a0 = −‖w0‖, IMP follows the share of directions with a0 > −w_1 > −‖w0‖.",
    "criteria": "Bars: the probability of T8.",
    "signs": "Bars: the probability of T9.",
    "levels": "Each level prunes that share of the alive weights, until one is left.",
    "perturbation": "Lines: T11's answer for the simulated rewind points. Below them: repairs that would have taken longer.",
    "barrier": "One dot a trial of IMP: loss of the population (or of the trial's samples) along the line between its "
    "levels, the maximum less the mean of the ends.",
    "finite-samples": "The dense flow, and LRR after it; undecided trials are not counted as missing.",
}
"""How to read each figure, for its caption."""
