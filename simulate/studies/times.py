"""Success against time: how long IMP trains under label noise (T2b), and how far WR rewinds (T6)."""

import math
from typing import Any

import numpy as np
from scipy.special import ndtr

from theory import noise_escape_fraction

from ..config import Config
from ..run_trials import simulate
from .measures import closed, outcomes, proportions, table
from .study import Arrays, Settings, Study, Task, Variables, plain_config, presets, spaced

__all__ = ["STUDIES"]


def training(task: Task) -> Arrays:
    """Status, and the probability of success that T2b gives each trial, for its start and s₋, before β₋ is drawn.

    1 in B; Φ(−β_c(t)√(n s₋)/σ) from a0 > |w_1|, w_1 < 0; 0 elsewhere and where the simulated mask has lost e_1, as it may while
    training is short.
    """
    found, config = simulate(task.config, task.keys), task.config
    a0, w1, s = found["a0"], found["w0"][:, 0], found["s_minus"]
    spread = np.divide(config.sigma, np.sqrt((config.n or math.inf) * s), out=np.zeros_like(s), where=s > 0)
    escaped = noise_escape_fraction(a0, w1, s, spread, config.t)
    chance = np.where(w1 > 0, a0 > -w1, escaped) * found["mask"][:, :, 0]
    return {"status": found["status"], "chance": chance}


def trained(task: Task, arrays: Arrays) -> Variables:
    """``proportions``, T2b's chance for these trials, and the limit for long training."""
    theory = {"theory": (("algorithm",), arrays["chance"].mean(-1)), "limit": (("algorithm",), closed(task.config))}
    return proportions(arrays["status"]) | theory


def rewound(settings: Settings, point: Settings) -> Config:
    """One algorithm for each time to rewind to; 0 is IMP and inf LRR."""
    names = {0.0: "IMP", math.inf: "LRR"}
    times = [names.get(t, f"WR(time={t:g})") for t in _times(settings)]
    return plain_config(settings | {"algorithms": tuple(times)}, point)


def _times(settings: Settings) -> list[float]:
    return [0.0, *map(float, settings["rewind"]), math.inf]


def by_rewind(task: Task, arrays: Arrays) -> Variables:
    """``proportions`` against the time to rewind to; T6's probability, and its rule of thumb ½Φ(t√d/4)."""
    t = np.array(_times(task.settings))
    thumb = ndtr(t * np.sqrt(task.config.d) / 4) / 2
    theory = {"theory": (("rewind",), closed(task.config)), "thumb": (("rewind",), thumb)}
    return proportions(arrays["status"], arrays["predicted"], "rewind", arrays["late"]) | theory


def rewinds(settings: Settings) -> dict[str, Any]:
    """The axis of times."""
    return {"rewind": _times(settings)}


STUDIES = (
    Study(
        "training-time",
        "Success of IMP against the length of training under label noise",
        "T2b: noise lets w_1 cross zero at a time T×(β₋), so by time t a known fraction has escaped; balanced IMP goes to 3/8.",
        {"sigma": "standard deviation of the label noise", "t": "length of each phase"},
        ("sigma", "t"),
        presets(
            {"algorithms": ("IMP",), "engine": "flow", "init": "balanced", "n": 500, "d": 10, "seed": 5},
            smoke={"sigma": (0.2,), "t": (3.0, 10.0, 100.0), "trials": 100, "n": 100},
            paper={"sigma": (0.001, 0.01, 0.1, 1.0), "t": spaced(3, 3000, 13), "trials": 4000},
            full={"sigma": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), "t": spaced(1, 1e5, 26), "trials": 20_000},
        ),
        training,
        trained,
        table,
    ),
    Study(
        "rewinding-time",
        "Success of weight rewinding against the time it rewinds to",
        "T6: WR(t) learns iff t > t*(θ0), a sign-escape time ≈ 4|z|/√d: rewinding a little suffices, the less the larger d.",
        {"n": "samples (inf: the population)", "d": "inputs", "rewind": "time to rewind to; 0 is IMP, inf LRR"},
        ("n", "d"),
        presets(
            {"engine": "flow", "init": "balanced", "sigma": 0.0, "t": 1000.0, "seed": 6},
            smoke={"n": (math.inf, 200), "d": (2, 10), "rewind": (0.5, 2.0), "trials": 100},
            paper={"n": (math.inf, 1000), "d": (2, 10, 50), "rewind": spaced(0.1, 30, 13), "trials": 4000},
            full={"n": (math.inf, 1000, 10_000), "d": (2, 5, 10, 50, 100), "rewind": spaced(0.03, 100, 25), "trials": 50_000},
        ),
        outcomes,
        by_rewind,
        table,
        rewound,
        coordinates=rewinds,
        decides=("algorithms",),
    ),
)
