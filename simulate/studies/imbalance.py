"""Success against the initial imbalance a0/‖w0‖: T4's dense basin a0 > −‖w0‖ and the sparse one, a0 > −w_1 > −‖w0‖."""

import numpy as np
from scipy.special import betainc

from ..data import draw
from ..run_trials import simulate
from .measures import judged, proportions, table
from .study import Arrays, Study, Task, Variables, even, presets

__all__ = ["STUDIES", "sparse_share"]


def sparse_share(ratio: float, d: int) -> float:
    """P(w_1 > 0, a0 > −w_1) where a0 = ratio·‖w0‖ and w0 has a uniform direction, d ≥ 2.

    ½ for ratio ≥ 0, else P(cos θ > |ratio|) = ½(1 − I_{ratio²}(½, (d − 1)/2)).

    >>> sparse_share(0.5, 10), sparse_share(-1.0, 10)
    (0.5, 0.0)
    """
    least = min(max(-ratio, 0.0), 1.0)
    return float(1 - betainc(0.5, (d - 1) / 2, least**2)) / 2


def work(task: Task) -> Arrays:
    """Trials with w0 as drawn and a0 = ratio·‖w0‖."""
    w0 = draw(task.config.but(n=None, inputs="gaussian"), task.keys).w0
    found = simulate(task.config, task.keys, task.point["ratio"] * np.linalg.norm(w0, axis=-1))
    return judged(task.config, found)


def summary(task: Task, arrays: Arrays) -> Variables:
    """``proportions`` and the share of directions in each basin."""
    ratio, d = task.point["ratio"], task.config.d
    known = {"IMP": sparse_share(ratio, d), "LRR": float(ratio > -1)}
    theory = np.array([known.get(name, np.nan) for name in task.config.names])
    return proportions(arrays["status"], arrays["predicted"], late=arrays["late"]) | {"theory": (("algorithm",), theory)}


STUDIES = (
    Study(
        "imbalance",
        "Success against the initial imbalance",
        "T4: the dense flow learns iff a0 > −‖w0‖, so LRR survives a negative a0; the sparse one needs a0 > −w_1, w_1 > 0.",
        {"ratio": "a0/‖w0‖, given; w0 ~ N(0, I/d)"},
        ("ratio",),
        presets(
            {"algorithms": ("IMP", "WR(time=2)", "LRR"), "engine": "flow", "sigma": 0.0, "d": 10, "t": 1000.0, "seed": 7},
            smoke={"ratio": (-1.2, -0.9, -0.5, -0.1, 0.5), "trials": 80, "n": 200},
            paper={"ratio": (*even(-1.5, 1.5, 31),), "trials": 4000, "n": 1000},
            full={"ratio": (*even(-1.5, 1.5, 121),), "trials": 50_000, "n": 5000, "t": 10_000.0},
        ),
        work,
        summary,
        table,
    ),
)
