"""Figure (iv): networks. Accuracy against weights left with paired differences, and both sign-flip metrics."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from theory.records import settings_hash

from .results import SCHEMA
from .style import colour, marker, panel_letters, prose

__all__ = ["caption", "compute", "document_of", "draw", "summary"]

PANELS = (
    ("flips_start_sum", "sign flips (A): within levels, summed"),
    ("flips_init", "sign flips (B): against init"),
)


def compute(settings: dict[str, Any], workers: int, folder: Path) -> dict[str, Any]:
    """Run the algorithms on all seeds into ``folder`` (finished levels are skipped), and tabulate."""
    from deep import sweep
    from deep.config import Training

    sweep(Training(**settings["training"], out=str(folder)), settings["algorithms"], settings["seeds"], workers)
    return summary(folder)


def summary(folder: Path) -> dict[str, Any]:
    """The rows of ``deep.analyses`` for all runs in a folder: means by level, paired differences from IMP."""
    from deep import analyses

    runs = analyses.load(folder)
    measures = ("test", "flips_start_sum", "flips_init")
    return {"table": analyses.table(runs), "differences": analyses.differences(runs, "IMP", measures)}


def document_of(folder: Path, label: str | None = None) -> dict[str, Any]:
    """A stored result made of the runs in ``folder``, with their own provenance; ``label`` names the data in captions.

    Raises ValueError where the runs differ in more than algorithm and seed.
    """
    from deep import analyses

    runs = [run for run in analyses.load(folder) if run.settings.name != "dense"]
    training = _training(runs[0])
    for run in runs:
        if _training(run) != training:
            raise ValueError(f"The runs in {str(folder)!r} do not belong together: {str(run.path)!r} has other settings.")
    seeds = sorted({run.settings.seed for run in runs})
    settings = {
        "algorithms": list(dict.fromkeys(run.settings.name for run in runs)),
        "seeds": len(seeds),
        "training": training | {"seed": seeds[0], "levels": max(run.settings.levels for run in runs)},
        "data name": label or training["data"],
        "data digest": runs[0].record["same"]["data"],
    }
    made = {k: runs[0].record[k] for k in ("versions", "commit", "dirty", "machine", "threads")}
    provenance = {"schema": SCHEMA, "settings": settings, "settings_hash": settings_hash(settings), **made, "seed": seeds[0]}
    return {"provenance": provenance, "data": summary(folder)}


def _training(run: Any) -> dict[str, Any]:
    """What the runs of one sweep share; of the data's path only the last part, which says as much elsewhere."""
    kept = {k: v for k, v in run.record["settings"].items() if k not in ("algorithm", "remember", "seed", "levels")}
    kind, _, path = kept["data"].partition(":")
    return kept | {"data": f"{kind}:{Path(path).name}" if path else kind}


def draw(document: dict[str, Any]) -> Figure:
    """Four panels over the share of weights left."""
    settings, data = document["provenance"]["settings"], document["data"]
    figure, panels = plt.subplots(1, 4, figsize=(11, 3.0))
    for name in settings["algorithms"]:
        rows = [r for r in data["table"] if r["algorithm"] == name]
        _line(panels[0], name, rows, "test")
        for axes, (measure, title) in zip(panels[2:], PANELS, strict=True):
            _line(axes, name, rows, measure)
            axes.set(title=title, ylabel="% of the alive weights", ylim=(0, None))
    panels[0].set(title="test accuracy", ylabel="%")
    _differences(panels[1], settings["algorithms"], data)
    for axes in panels:
        axes.set(xscale="log", xlabel="weights left (%)")
        _percent_ticks(axes, [100 * r["left"] for r in data["table"]])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    panel_letters(figure)
    return figure


def _line(axes: Axes, name: str, rows: Sequence[dict[str, Any]], measure: str) -> None:
    left, mean, sd = (np.array([r[k] for r in rows], dtype=float) * 100 for k in ("left", measure, f"{measure}_sd"))
    axes.plot(left, mean, color=colour(name), marker=marker(name), mec="white", mew=0.5, label=name)
    axes.fill_between(left, mean - sd, mean + sd, color=colour(name), alpha=0.15, lw=0)


def _differences(axes: Axes, names: Sequence[str], data: dict[str, Any]) -> None:
    axes.axhline(0, color="0.4", lw=0.8)
    left = {r["level"]: 100 * r["left"] for r in data["table"] if r["algorithm"] == "IMP"}
    others = [n for n in names if n not in ("IMP", "dense")]
    for i, name in enumerate(others):
        rows = [r for r in data["differences"] if r["algorithm"] == name and r["measure"] == "test" and r["low"] is not None]
        mean, low, high = (np.array([100 * r[k] for r in rows]) for k in ("difference", "low", "high"))
        x = np.array([left[r["level"]] for r in rows]) * 1.03 ** (i - (len(others) - 1) / 2)
        axes.errorbar(x, mean, [mean - low, high - mean], fmt=marker(name), color=colour(name), mec="white", mew=0.5, lw=1)
    axes.set(title="accuracy less that of IMP", ylabel="points")


def _percent_ticks(axes: Axes, left: Sequence[float]) -> None:
    axes.minorticks_off()
    ticks = [t for t in (100, 70, 50, 30, 20, 10, 5, 2, 1, 0.5) if t >= 0.95 * min(left)]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.invert_xaxis()


def caption(document: dict[str, Any]) -> str:
    """What the figure shows, with its settings."""
    s = document["provenance"]["settings"]
    t = s["training"]
    data = "scikit-learn's digits" if t["data"] == "digits" else s["data name"]
    subset = f", {t['subset']} training images" if t.get("subset") else ""
    width = f" (width {t['width']})" if t["model"].startswith("resnet") else ""
    return prose(f"""
        {t["model"]}{width} on {data}{subset}: {", ".join(s["algorithms"])}; {s["seeds"]} replicates (seeds from
        {t.get("seed", 0)}), level 0 shared; {t["levels"]} levels of {t["epochs"]} epochs, {100 * t["fraction"]:g} % of the
        alive weights pruned at each, batch {t["batch_size"]}. Bands: one standard deviation over replicates; bars: 95 %
        t-intervals of the paired differences. Flips are counted on each level's own mask: (A) end against start of a
        level, summed over levels; (B) end against init.
    """)
