"""T14: how far T4, a statement on the population, holds on finite samples: trials that end otherwise, against n/d.

Provable for any data: a0 ≤ −‖w0‖ never learns. Inside the basin the flow may end at a spurious point while n is small.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory import in_basin

from ..config import Config
from ..run_trials import simulate
from ..statistics import clopper_pearson
from ..status import OPEN, Status
from .measures import late
from .study import Arrays, Settings, Study, Task, Variables, flat, plain_config, presets

if TYPE_CHECKING:
    import xarray

__all__ = ["STUDIES"]

INITS = ("balanced", "bounded", "gaussian")


def config(settings: Settings, point: Settings) -> Config:
    """n = round(d × samples per input)."""
    return plain_config(settings | {"n": max(1, round(settings["d"] * point["per_input"]))}, point)


def work(task: Task) -> Arrays:
    """The status of the dense flow, and of LRR after it, from each start; whether T4 says that it learns."""
    found = simulate(task.config, task.keys)
    return {"status": found["status"], "late": late(found), "inside": in_basin(found["a0"], found["w0"])}


def summary(task: Task, arrays: Arrays) -> Variables:
    """missed: in T4's basin and ended without the teacher; strayed: outside and learned; intervals of their shares.

    Undecided trials are neither; nor is what a mask taken too early makes of a dense flow that is still on its way.
    """
    learned, undecided = arrays["status"] == Status.LEARNED, np.isin(arrays["status"], OPEN)
    undecided |= arrays["late"] & ~learned
    inside = arrays["inside"]
    missed, strayed = (~learned & ~undecided & inside).sum(-1), (learned & ~inside).sum(-1)
    found: Variables = {}
    for name, count, n in (("missed", missed, int(inside.sum())), ("strayed", strayed, int((~inside).sum()))):
        found |= _share(name, count, n)
    rest = {"undecided": undecided.sum(-1), "agrees": 1 - (missed + strayed) / len(inside)}
    return found | {k: (("algorithm",), v) for k, v in rest.items()} | {"n": ((), len(inside))}


def _share(name: str, count: NDArray[np.int64], n: int) -> Variables:
    low, high = clopper_pearson(count, n) if n else (np.zeros(len(count)), np.ones(len(count)))
    share = count / n if n else np.full(len(count), np.nan)
    values = {name: count, f"{name}_share": share, f"{name}_low": low, f"{name}_high": high}
    return {k: (("algorithm",), v) for k, v in values.items()} | {f"{name}_of": ((), n)}


def table(dataset: "xarray.Dataset") -> list[dict[str, Any]]:
    """One row a point and algorithm."""
    names = ("n", "missed", "missed_of", "missed_share", "missed_low", "missed_high", "strayed", "strayed_of", "undecided")
    return flat(dataset, names, "agrees")


STUDIES = (
    Study(
        "finite-samples",
        "How far T4 holds on finite samples",
        "T14: for any data a0 ≤ −‖w0‖ never learns; the rest of T4 holds up to about 1 % for n ≥ 5 d, noise-free.",
        {
            "init": "initialisation",
            "sigma": "standard deviation of the label noise",
            "per_input": "samples per input, n/d",
            "algorithm": "the dense flow itself, and LRR, which prunes it to one weight",
        },
        ("init", "sigma", "per_input"),
        presets(
            {"init": INITS, "sigma": (0.0, 0.2), "algorithms": ("dense", "LRR"), "engine": "flow", "d": 10, "seed": 11},
            smoke={"per_input": (2.0, 20.0), "trials": 40, "t": 300.0},
            paper={"per_input": (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0), "trials": 2000, "t": 1000.0},
            full={"per_input": (1.2, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 30.0, 100.0, 300.0), "trials": 100_000, "t": 10_000.0},
        ),
        work,
        summary,
        table,
        config,
        decides=("n",),
    ),
)
