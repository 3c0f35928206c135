"""Mask criteria (T8) and sign policies of the restart (T9), the choices of "Deconstructing Lottery Tickets", on the neuron."""

from typing import Any

import numpy as np

from theory import RESTARTS, Rewind, restart_probability
from theory.algorithms import Algorithm
from theory.conditions import CONDITIONS
from theory.initialisations import initialisation
from theory.tables import NAMES

from ..config import Config
from ..run_trials import simulate
from .measures import late, proportions, table
from .study import Arrays, Settings, Study, Task, Variables, plain_config, presets

__all__ = ["STUDIES"]

INITS = ("balanced", "bounded", "gaussian")


def work(task: Task) -> Arrays:
    """The status of each trial, and whether its dense phase is late."""
    found = simulate(task.config, task.keys)
    return {"status": found["status"], "late": late(found)}


def summary(task: Task, arrays: Arrays) -> Variables:
    """``proportions`` and the probability of T8 and T9 for long phases, by closed form or quadrature."""
    theory = [_probability(law, task.config) for law in task.config.laws]
    return proportions(arrays["status"], late=arrays["late"]) | {"theory": (("algorithm",), np.array(theory))}


def _probability(law: Algorithm, config: Config) -> float:
    try:
        return restart_probability(str(law.criterion), law.rewind, initialisation(config.init), config.d).value
    except ValueError:  # by simulation only
        return float("nan")


def _named(rewind: Rewind, criterion: str = "large_final") -> str:
    """An algorithm's name that the command line reads too."""
    known = NAMES.get((rewind.magnitude, rewind.sign, rewind.rest))
    if known and criterion == "large_final":
        return known
    parts = {
        "magnitude": rewind.magnitude,
        "sign": rewind.sign,
        "rest": rewind.rest,
        "norm": rewind.norm,
        "criterion": criterion,
    }
    return f"restart({', '.join(f'{k}={v!r}' for k, v in parts.items())})"


def with_criterion(settings: Settings, point: Settings) -> Config:
    """IMP and LRR, each with every criterion, on the same level 0."""
    return plain_config(settings | {"algorithms": tuple(_named(r, c) for c in settings["criterion"] for r in _both())}, point)


def _both() -> tuple[Rewind, Rewind]:
    return Rewind(), Rewind("final", "final", "final", "final")


def by_criterion(task: Task, arrays: Arrays) -> Variables:
    """``summary`` as a matrix, criterion × restart."""
    dims = ("criterion", "restart")
    found = summary(task, arrays)
    shape = len(task.settings["criterion"]), 2
    flat = {k: v for k, (d, v) in found.items() if d == ("algorithm",)}
    return {k: (dims, np.reshape(v, shape)) for k, v in flat.items()} | {"n": found["n"]}


def criteria_axes(settings: Settings) -> dict[str, Any]:
    """The criteria and the two restarts."""
    return {"criterion": list(settings["criterion"]), "restart": ["IMP", "LRR"]}


def with_signs(settings: Settings, point: Settings) -> Config:
    """One algorithm for each restart: magnitude × sign × a."""
    return plain_config(settings | {"algorithms": tuple(_named(r) for r in RESTARTS)}, point)


def by_sign(task: Task, arrays: Arrays) -> Variables:
    """``summary`` as an array, magnitude × sign × a."""
    found = summary(task, arrays)
    axes = signs_axes(task.settings)
    parts = [dict(zip(axes, map(str, (r.magnitude, r.sign, r.rest)), strict=True)) for r in RESTARTS]
    places = [tuple(axes[k].index(v) for k, v in part.items()) for part in parts]
    variables: Variables = {"n": found["n"]}
    for name, (dims, values) in found.items():
        if dims == ("algorithm",):
            whole = np.zeros([len(v) for v in axes.values()], np.asarray(values).dtype)
            whole[tuple(np.transpose(places))] = values
            variables[name] = (tuple(axes), whole)
    return variables


def signs_axes(settings: Settings) -> dict[str, Any]:
    """Where the size and the sign of the weight and a come from."""
    parts = [(str(r.magnitude), str(r.sign), str(r.rest)) for r in RESTARTS]
    names = ("magnitude", "sign", "a")
    return {name: list(dict.fromkeys(p[i] for p in parts)) for i, name in enumerate(names)}


COMMON = {"init": INITS, "engine": "flow", "n": None, "sigma": 0.0, "d": 10, "seed": 8}
SIZES = {
    "smoke": {"trials": 60, "t": 1000.0},
    "paper": {"trials": 4000, "t": 1000.0},
    "full": {"trials": 100_000, "t": 10_000.0},
}

STUDIES = (
    Study(
        "criteria",
        "Success of IMP and LRR by mask criterion",
        "T8: which starts a criterion keeps the teacher's weight for, and with which probability; IMP with the learned sign "
        "kept (same_sign) succeeds whenever its mask is right, and LRR loses half.",
        {"init": "initialisation", "criterion": "score of the weights that stay", "restart": "IMP or LRR"},
        ("init",),
        presets(COMMON | {"criterion": tuple(CONDITIONS)}, **SIZES),
        work,
        by_criterion,
        table,
        with_criterion,
        coordinates=criteria_axes,
        decides=("algorithms",),
    ),
    Study(
        "signs",
        "Success by where a restart takes magnitude, sign and a from",
        "T9: a restart (a_s, ς m) learns iff ς = + and a_s > −m; learned signs do it, initial ones as rarely as random ones.",
        {"init": "initialisation", "magnitude": "of the weight", "sign": "of the weight", "a": "of the outer weight"},
        ("init",),
        presets(COMMON, **SIZES),
        work,
        by_sign,
        table,
        with_signs,
        coordinates=signs_axes,
        decides=("algorithms",),
    ),
)
