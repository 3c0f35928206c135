"""What most studies count: successes with exact intervals, paired differences, and the theory's answer for the same trials."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory import learns, success_probability
from theory.algorithms import Algorithm
from theory.one_input import Branches

from ..config import Config
from ..paired import paired_difference
from ..run_trials import simulate
from ..statistics import clopper_pearson
from ..status import OPEN, Status
from .study import Arrays, Task, Variables, flat

if TYPE_CHECKING:
    import xarray

__all__ = ["closed", "exact", "judged", "late", "outcomes", "proportions", "successes", "table"]

Bools = NDArray[np.bool_]
COLUMNS = ("n", "success", "low", "high", "undecided", "theory", "predicted", "contradicted")


def outcomes(task: Task) -> Arrays:
    """The status of each trial and what the exact maps predict of it, both (A, B); is its dense phase ``late`` (B,)?"""
    return judged(task.config, simulate(task.config, task.keys))


def judged(config: Config, found: Arrays) -> Arrays:
    """``outcomes`` of simulated trials."""
    return {"status": found["status"], "predicted": exact(config, found), "late": late(found)}


def late(found: Arrays) -> Bools:
    """Was level 0 over before it was decided? Its end is neither in B = {w_1 > 0, a > −w_1} nor has it a ≤ −‖w‖."""
    a, w = found["dense_a"], found["dense_w"]
    return ~((w[:, 0] > 0) & (a > -w[:, 0])) & (a > -np.linalg.norm(w, axis=-1))


def exact(config: Config, found: Arrays) -> NDArray[np.float64]:
    """``theory.learns`` for phases of any length, from each trial's start and branches (A, B); NaN where it has no answer."""
    branches = None if config.n is None else Branches(*(found[name] for name in Branches._fields))

    def one(law: Any) -> Any:
        try:
            return learns(law, found["a0"], found["w0"], branches=branches).astype(float)
        except ValueError:  # decided by draws, or a moment that has no meaning
            return np.full(len(found["a0"]), np.nan)

    return np.stack([one(law) for law in config.laws])


def successes(task: Task, arrays: Arrays) -> Variables:
    """``proportions`` of a study by algorithm, with the closed form where there is one."""
    found = proportions(arrays["status"], arrays["predicted"], late=arrays["late"])
    return found | {"theory": (("algorithm",), closed(task.config))}


def closed(config: Config) -> NDArray[np.float64]:
    """``theory.success_probability`` of each algorithm; NaN where it is not known. Long phases, and n → ∞ with label noise."""

    noise = config.sigma > 0 and config.n is not None

    def one(law: Algorithm) -> float:
        one_shot = replace(law, count=1) if law.count == (1,) and config.levels == 1 else law
        try:
            return float(success_probability(one_shot, config.init, config.d, noise=noise))
        except ValueError:
            return float("nan")

    return np.array([one(law) for law in config.laws])


def proportions(
    status: NDArray[np.int8], predicted: Any = None, dim: str = "algorithm", late: Bools | None = None
) -> Variables:
    """Counts and intervals from the status (A, T) of each trial.

    success = hits/n with its Clopper–Pearson interval low … high at 95 %; undecided: among them ``late`` ones that have not
    learned, whose mask was taken too early. predicted: share of these trials that the exact maps let learn; contradicted: those
    that ended otherwise, the undecided not counted. gap: success of the last algorithm less that of the first on the same
    trials, with gap_low … gap_high; without it for one algorithm.
    """
    learned, undecided = status == Status.LEARNED, np.isin(status, OPEN)
    undecided |= ~learned & (False if late is None else late)
    hits, n = learned.sum(-1), status.shape[-1]
    low, high = clopper_pearson(hits, n)
    values = {"hits": hits, "undecided": undecided.sum(-1), "success": hits / n, "low": low, "high": high}
    if predicted is not None:
        values["predicted"] = predicted.mean(-1)
        values["contradicted"] = ((learned != (predicted > 0.5)) & ~undecided & ~np.isnan(predicted)).sum(-1)
    found: Variables = {name: ((dim,), value) for name, value in values.items()} | {"n": ((), n)}
    if len(learned) > 1 and dim == "algorithm":
        gap = paired_difference(learned[-1], learned[0])
        found |= {"gap": ((), gap.value), "gap_low": ((), gap.low), "gap_high": ((), gap.high)}
    return found


def table(dataset: "xarray.Dataset") -> list[dict[str, Any]]:
    """One row a point and algorithm."""
    return flat(dataset, COLUMNS, "success")
