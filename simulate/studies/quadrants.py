"""(a0, w_1) diagrams: which initial signs each algorithm learns from, on finite samples, and the theory's basins beside them.

w_⊥ has the length ``across`` in every trial, so each basin is a set of pixels: B = {w_1 > 0, a0 > −w_1} for IMP,
D = {a0 > −√(w_1² + w_⊥²)} for LRR, and between the two for WR(t).
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from theory import learns
from theory.streams import key

from ..config import Config
from ..run_trials import simulate
from ..status import OPEN, Status
from .measures import clopper_pearson, judged
from .study import Arrays, Settings, Study, Task, Variables, even, plain_config, presets

if TYPE_CHECKING:
    import xarray

__all__ = ["STUDIES"]


def size(settings: Settings, point: Settings) -> int:
    """Trials of a row of pixels."""
    return len(settings["w1"]) * int(settings["trials"])


def work(task: Task) -> Arrays:
    """Status and prediction of trials of one row, pixel by pixel; each pixel has trials of its own."""
    trials, (a0, axis) = int(task.settings["trials"]), (task.point["a0"], np.array(task.settings["w1"], float))
    pixel, number = np.divmod(task.numbers, trials)
    row = list(task.settings["a0"]).index(a0)
    keys = key(task._replace(numbers=number).keys, "pixel", row * len(axis) + pixel)
    w0 = np.zeros((len(pixel), task.config.d))
    w0[:, 1] = task.settings["across"]
    given = task.config.but(w0=w0, trials=len(pixel))
    found = simulate(given, keys, np.full(len(pixel), a0), axis[pixel])
    return judged(given, found)


def summary(task: Task, arrays: Arrays) -> Variables:
    """Counts of each pixel, its place in the theory's basin, and the trials that the exact maps with their own data miss."""
    a0, axis, trials = task.point["a0"], np.array(task.settings["w1"], float), int(task.settings["trials"])
    shape = (len(task.config.names), len(axis), trials)
    status = arrays["status"].reshape(shape)
    learned, undecided = status == Status.LEARNED, np.isin(status, OPEN)
    undecided |= ~learned & arrays["late"].reshape(shape[1:])
    wrong = ((arrays["predicted"].reshape(shape) > 0.5) != learned) & ~undecided
    w0 = np.zeros((len(axis), task.config.d))
    w0[:, 0], w0[:, 1] = axis, task.settings["across"]
    basin = np.stack([learns(law, np.full(len(axis), a0), w0) for law in task.config.laws])
    hits = learned.sum(-1)
    low, high = clopper_pearson(hits, trials)
    values = {"hits": hits, "undecided": undecided.sum(-1), "success": hits / trials, "low": low, "high": high}
    values |= {"theory": basin, "contradicted": wrong.sum(-1)}
    return {name: (("algorithm", "w1"), value) for name, value in values.items()} | {"n": ((), trials)}


def axes(settings: Settings) -> dict[str, Any]:
    """The axis of w_1."""
    return {"w1": list(settings["w1"])}


def rows(dataset: "xarray.Dataset") -> list[dict[str, Any]]:
    """One row an algorithm: the share of pixels in which the majority of trials does what the theory's basin says."""
    found = []
    for name in dataset.algorithm.values:
        one = dataset.sel(algorithm=name)
        same = (one.success >= 0.5) == one.theory
        found.append(
            {
                "algorithm": str(name),
                "pixels": int(same.size),
                "pixels agreeing": float(same.mean()),
                "trials": int(one.n.sum() * one.w1.size),
                "success": float(one.success.mean()),
                "in the basin": float(one.theory.mean()),
                "undecided": int(one.undecided.sum()),
                "contradicted": int(one.contradicted.sum()),
            }
        )
    return found


def config(settings: Settings, point: Settings) -> Config:
    """The settings without the axes of initial values; d ≥ 2, for there is a w_⊥."""
    if settings["d"] < 2:
        raise ValueError(f"The diagrams hold w_⊥ fixed, so d is at least 2, not {settings['d']!r}.")
    return plain_config({k: v for k, v in settings.items() if k not in ("a0", "w1")}, {})


STUDIES = (
    Study(
        "quadrants",
        "Which initial signs each algorithm learns from",
        "T2a, T4, T5: IMP needs w_1 > 0 and a0 > −w_1, LRR only a0 > −‖w0‖; under label noise half of the wedge "
        "a0 > −w_1 > 0 is freed too (T2b).",
        {"a0": "initial outer weight", "w1": "initial weight of the teacher's input"},
        ("a0",),
        presets(
            {"algorithms": ("IMP", "WR(time=2)", "LRR"), "engine": "flow", "d": 2, "across": 0.5, "t": 10_000.0, "seed": 2},
            smoke={"a0": even(-1.5, 1.5, 8), "w1": even(-1.5, 1.5, 8), "n": 200, "sigma": 0.0, "trials": 3},
            paper={"a0": even(-1.5, 1.5, 64), "w1": even(-1.5, 1.5, 64), "n": 200, "sigma": 0.1, "trials": 16},
            full={"a0": even(-1.5, 1.5, 256), "w1": even(-1.5, 1.5, 256), "n": 200, "sigma": 0.1, "trials": 64},
        ),
        work,
        summary,
        rows,
        config,
        size,
        axes,
    ),
)
