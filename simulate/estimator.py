"""`estimate`: success probabilities with exact intervals, from a number of trials that is fixed in advance."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from .config import Config, as_config
from .run_trials import trials
from .statistics import Difference, clopper_pearson, paired_difference, trials_needed
from .status import Status

__all__ = ["Estimate", "Proportion", "estimate"]


@dataclass(frozen=True)
class Proportion:
    """The probability of having learned at the end, with its interval; ``undecided`` trials (not hits) still will or may."""

    value: float
    low: float
    high: float
    hits: int
    undecided: int
    n: int


@dataclass(frozen=True)
class Estimate:
    """``proportions`` by algorithm, paired ``differences`` by "first - second", all at ``level``, each for itself."""

    proportions: dict[str, Proportion]
    differences: dict[str, Difference]
    n: int
    level: float
    settings: dict[str, Any]

    def __getitem__(self, algorithm: str) -> Proportion:
        """The proportion of one algorithm."""
        return self.proportions[algorithm]


def estimate(
    config: Config | Mapping[str, Any],
    half_width: float | None = None,
    *,
    level: float = 0.95,
    out: str | Path | None = None,
    executor: Executor | None = None,
    show: str = "",
) -> Estimate:
    """P(learned at time t) of each algorithm with Clopper–Pearson intervals, and paired differences.

    ``half_width``: n is the smallest even number whose interval is that narrow even at p = 1/2, chosen before any trial, so the
    intervals keep their level; without it n = ``config.trials``. ``out`` stores the trials.

    >>> estimate({"n": None, "engine": "gd", "d": 2, "trials": 20, "t": 50})["LRR"].n
    20
    """
    config = as_config(config)
    if half_width is not None:
        if any(values is not None for values in (config.X, config.a0, config.w0)):
            raise ValueError(f"half_width={half_width!r} chooses the number of trials, so X, a0 and w0 can't be given.")
        config = config.but(trials=trials_needed(half_width, level))
    found = trials(config, out=out, executor=executor, show=show)
    learned = {name: found.learned.sel(algorithm=name).to_numpy() for name in config.names}
    undecided = {name: int((found.status.sel(algorithm=name) == Status.UNDECIDED).sum()) for name in config.names}
    return Estimate(
        {name: _proportion(int(hits.sum()), undecided[name], config.trials, level) for name, hits in learned.items()},
        {f"{x} - {y}": paired_difference(learned[x], learned[y], level) for y, x in combinations(config.names, 2)},
        config.trials,
        level,
        config.settings(),
    )


def _proportion(hits: int, undecided: int, n: int, level: float) -> Proportion:
    low, high = clopper_pearson(hits, n, level)
    return Proportion(hits / n, float(low), float(high), hits, undecided, n)
