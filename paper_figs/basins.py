"""Figure (i): quadrants and basins of IMP and LRR for d = 1 and d > 1, with flow lines (T2a, T4, T5)."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from theory import in_basin, learns
from theory.dense_flow import population_flow
from theory.population import gradient

from .style import colour, panel_letters, prose

__all__ = ["caption", "compute", "draw"]

Array = NDArray[np.float64]


def compute(settings: dict[str, Any], workers: int, folder: Path) -> dict[str, Any]:
    """Success over the plane of (w_1, a0) and flow lines, by the exact maps; ``rho`` is ‖w_⊥‖ of the starts for d > 1."""
    half, size, rho = settings["half_width"], settings["pixels"], settings["rho"]
    axis = np.linspace(-half, half, size)
    w, a = np.meshgrid(axis, axis)
    wide = np.stack([w, np.full_like(w, rho)], -1)
    return {
        "axis": axis,
        "sparse": learns("IMP", a, w[..., None]).astype(int),
        "IMP": learns("IMP", a, wide).astype(int),
        "LRR": learns("LRR", a, wide).astype(int),
        "sparse lines": _lines(settings, 0.0),
        "dense lines": _lines(settings, rho),
    }


def _lines(settings: dict[str, Any], rho: float) -> list[dict[str, Any]]:
    """Flow lines from the edge of the plane, at equal distances along them; with ρ > 0 the dense flow, seen in the plane."""
    edge = settings["half_width"] * 0.96
    side = np.linspace(-edge, edge, settings["lines_per_side"])
    starts = {(float(x), y) for x in side for y in (-edge, edge)} | {(x, float(y)) for y in side for x in (-edge, edge)}
    w, a = np.array(sorted(starts)).T
    w = np.stack([w, np.full_like(w, rho)], -1) if rho else w[:, None]
    learned, path, dt = in_basin(a, w), [(a, w[:, 0])], np.full(len(a), 1e-3)
    for _ in range(settings["points"]):
        x, z = population_flow(a, w, dt)
        near = np.hypot(x - a, np.linalg.norm(z - w, axis=-1)) < 2 * settings["step"]
        a, w = np.where(near, x, a), np.where(near[:, None], z, w)
        outer, inner = gradient(a, w)
        speed = np.hypot(outer, np.linalg.norm(inner, axis=-1))
        dt = np.where(near, settings["step"] / np.maximum(speed, settings["step"] / settings["t"]), dt / 4)
        dt[_arrived(a, w, settings["step"])] = 0
        path.append((a, w[:, 0]))
    lines = (np.array(v).T for v in zip(*path, strict=True))
    return [{"a": x, "w": z, "learned": bool(on)} for x, z, on in zip(*lines, learned, strict=True)]


def _arrived(a: Array, w: Array, step: float) -> NDArray[np.bool_]:
    """At the teacher, or at w = 0, as far as a figure can show."""
    teacher = (np.abs(a * w[:, 0] - 1) < step / 10) & (np.linalg.norm(w[:, 1:], axis=-1) < step / 10)
    return teacher | (np.linalg.norm(w, axis=-1) < step / 10)


def draw(document: dict[str, Any]) -> Figure:
    """Three panels over (w_1, a)."""
    data, settings = document["data"], document["provenance"]["settings"]
    figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.5), sharex=True, sharey=True)
    sparse, dense = data["sparse lines"], data["dense lines"]
    rho = f"‖w$_⊥$‖ = {settings['rho']:g}"
    for axes, title, grids, lines, across in zip(
        panels,
        ("d = 1: IMP and LRR", f"d > 1: IMP   ({rho})", f"d > 1: LRR   ({rho})"),
        ((data["sparse"], data["sparse"]), (data["IMP"], data["IMP"]), (data["IMP"], data["LRR"])),
        (sparse, sparse, dense),
        (0.0, settings["rho"], settings["rho"]),
        strict=True,
    ):
        _panel(axes, np.array(data["axis"]), np.array(grids[0]) + np.array(grids[1]), lines, across)
        axes.set_title(title)
        axes.set_xlabel("$w_1$")
    panels[0].set_ylabel("$a$")
    panels[0].plot([], [], color="0.25", ls=":", label="balanced, $a_0 = \\pm‖w_0‖$")
    panels[0].plot([], [], color="black", lw=1.8, label="teacher, $a\\,w_1 = 1$")
    for name, shade in (("learns", _shade("IMP")), ("only LRR learns", _shade("LRR")), ("stuck", (0.93,) * 3)):
        panels[0].fill_between([], [], [], color=shade, label=name)
    figure.legend(loc="outside lower center", ncols=5)
    panel_letters(figure)
    return figure


def _shade(name: str) -> tuple[float, ...]:
    return tuple(1 - 0.35 * (1 - v) for v in to_rgb(colour(name)))


def _panel(axes: Axes, axis: Array, level: Array, lines: list[dict[str, Any]], rho: float) -> None:
    colours = ListedColormap([(0.93,) * 3, _shade("LRR"), _shade("IMP")])
    axes.pcolormesh(axis, axis, level, cmap=colours, vmin=0, vmax=2, shading="nearest", rasterized=True)
    half = axis[-1]
    for line in lines:
        w, a = np.array(line["w"]), np.array(line["a"])
        axes.plot(w, a, color="0.25" if line["learned"] else "0.6", lw=0.7)
        _arrow(axes, w, a, "0.25" if line["learned"] else "0.6")
    right = np.linspace(1 / half, half, 200)
    axes.plot(right, 1 / right, color="black", lw=1.8)
    for sign in (1, -1):
        axes.plot(axis, sign * np.hypot(axis, rho), color="0.25", ls=":", lw=1.1)
    axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")


def _arrow(axes: Axes, w: Array, a: Array, shade: str) -> None:
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(w), np.diff(a)))])
    if length[-1] < 0.25:
        return
    i = int(np.clip(np.searchsorted(length, 0.4 * length[-1]), 1, len(w) - 1))
    look = {"arrowstyle": "-|>", "color": shade, "lw": 0, "mutation_scale": 7}
    axes.annotate("", xy=(w[i], a[i]), xytext=(w[i - 1], a[i - 1]), arrowprops=look)


def caption(document: dict[str, Any]) -> str:
    """What the figure shows, with its settings."""
    s = document["provenance"]["settings"]
    return prose(f"""
        Where the gradient flow learns the teacher, over the initial values (w_1, a0), by the exact maps (T2a, T4, T5). (a)
        One input: iff w_1 > 0 and a0 > −w_1. (b) d > 1, IMP: the same set, since it restarts the sparse neuron; lines are
        that sparse flow. (c) d > 1, LRR: iff a0 > −‖w0‖; lines are the dense flow, along which w_1 turns positive. Starts
        with ‖w_⊥‖ = {s["rho"]:g}.
    """)
