"""Several levels: pruning a fraction at a time until one weight is left, against pruning to it at once (T7)."""

import numpy as np

from theory import learns
from theory.one_input import Branches

from ..config import Config
from ..run_trials import simulate
from .measures import closed, late, proportions, table
from .study import Arrays, Settings, Study, Task, Variables, plain_config, presets

__all__ = ["STUDIES", "path"]


def path(d: int, pruned: float) -> tuple[int, ...]:
    """How many weights stay after each level: round(pruned·alive) go, at least one, until one stays. 1 is one-shot.

    >>> path(10, 0.2), path(10, 1.0)
    ((8, 6, 5, 4, 3, 2, 1), (1,))
    """
    if not 0 < pruned <= 1:
        raise ValueError(f"The fraction pruned at a level lies in (0, 1], not at {pruned!r}.")
    alive, counts = d, []
    while alive > 1:
        alive = max(1, alive - max(1, round(pruned * alive)))
        counts.append(alive)
    return tuple(counts)


def config(settings: Settings, point: Settings) -> Config:
    """As many levels as the path has."""
    counts = path(settings["d"], point["pruned"])
    return plain_config(settings | {"keep": counts, "levels": len(counts)}, point)


def work(task: Task) -> Arrays:
    """Status, whether e_1 stays, and the exact maps for long levels from the same starts."""
    found = simulate(task.config, task.keys)
    branches = Branches(*(found[name] for name in Branches._fields))
    predicted = [learns(law, found["a0"], found["w0"], branches=branches) for law in task.config.laws]
    judged = {"status": found["status"], "late": late(found), "predicted": np.array(predicted, float)}
    return judged | {"mask": found["mask"][:, :, 0]}


def summary(task: Task, arrays: Arrays) -> Variables:
    """``proportions``, the share of right masks, and one-shot's closed form: if levels are long, their number is all one."""
    one_shot = task.config.but(keep=1, levels=1)
    more = {"mask": arrays["mask"].mean(-1), "theory": closed(one_shot)}
    return proportions(arrays["status"], arrays["predicted"], late=arrays["late"]) | {
        k: (("algorithm",), v) for k, v in more.items()
    }


STUDIES = (
    Study(
        "levels",
        "Iterative against one-shot pruning to one weight",
        "T7, T5: for long levels it does not matter in how many steps e_1 is left alone; short ones lose e_1 while w_1 turns.",
        {
            "sigma": "standard deviation of the label noise",
            "t": "length of each level",
            "pruned": "fraction of the alive that goes at each level; 1 is one-shot",
        },
        ("sigma", "t", "pruned"),
        presets(
            {"algorithms": ("IMP", "WR(time=1)", "LRR"), "engine": "flow", "init": "balanced", "n": 500, "d": 10, "seed": 9},
            smoke={"sigma": (0.0,), "t": (2.0, 300.0), "pruned": (0.2, 1.0), "trials": 60, "n": 100},
            paper={"sigma": (0.0, 0.2), "t": (1.0, 3.0, 10.0, 30.0, 300.0), "pruned": (0.1, 0.2, 0.5, 1.0), "trials": 2000},
            full={
                "sigma": (0.0, 0.2),
                "t": (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0),
                "pruned": (0.02, 0.1, 0.2, 0.5, 1.0),
                "trials": 50_000,
                "d": 50,
                "n": 2000,
            },
        ),
        work,
        summary,
        table,
        config,
        decides=("keep", "levels"),
    ),
)
