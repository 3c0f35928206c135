"""`trials`: several algorithms on the same neurons, from the same dense level 0, as one labelled Dataset."""

from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from theory.algorithms import Algorithm, Level, levels

from .config import Config, as_config
from .data import draw, trial_keys
from .gd import End
from .status import Status, attributes, classify
from .store import compute, stored
from .trainer import NeuronTrainer

if TYPE_CHECKING:
    import xarray

__all__ = ["simulate", "trials"]

SCHEMA = "simulate.trials/2"
DIMS = {
    **{name: ("trial",) for name in ("a0", "s_plus", "beta_plus", "s_minus", "beta_minus", "dense_a", "dense_steps")},
    **{name: ("trial", "coordinate") for name in ("w0", "dense_w")},
    **{name: ("algorithm", "trial") for name in ("a", "status", "steps")},
    **{name: ("algorithm", "trial", "coordinate") for name in ("w", "mask")},
}


def trials(
    config: Config | Mapping[str, Any], *, out: str | Path | None = None, executor: Executor | None = None, show: str = ""
) -> "xarray.Dataset":
    """Train ``config.trials`` neurons with each algorithm; dims (algorithm, trial, coordinate).

    a0, w0: initial values. s_plus, beta_plus, s_minus, beta_minus: branch statistics of e_1 (T2). dense_a, dense_w,
    dense_steps: the end of level 0, which the algorithms share. a, w, mask, steps: the end of the last level. status: see
    ``simulate.status``; learned: status is learned. Attribute ``provenance``: settings, versions, commit, machine, as JSON.
    ``out``: a zarr folder to store in and to resume from. Same settings, same bits, whatever chunk, workers or executor.

    >>> trials({"n": 50, "d": 2, "trials": 3, "t": 10}).learned.dims
    ('algorithm', 'trial')
    """
    config = as_config(config)
    return stored(out, SCHEMA, config.settings(), lambda parts: _dataset(config, parts, executor, show))


def _dataset(config: Config, parts: Path | None, executor: Executor | None, show: str) -> "xarray.Dataset":
    import xarray

    ranges = [(i, min(i + config.chunk, config.trials)) for i in range(0, config.trials, config.chunk)]
    tasks = {f"{i:09d}-{j:09d}": (config.part(slice(i, j)), trial_keys(config, np.arange(i, j))) for i, j in ranges}
    found = compute(simulate, tasks, parts=parts, workers=config.workers, executor=executor, show=show and f"{show}, chunks")
    joined = {name: np.concatenate([part[name] for part in found], axis=dims.index("trial")) for name, dims in DIMS.items()}
    variables: dict[str, Any] = {name: (dims, joined[name]) for name, dims in DIMS.items()}
    variables["status"] += (attributes(),)
    variables["learned"] = (("algorithm", "trial"), joined["status"] == Status.LEARNED)
    return xarray.Dataset(variables, coords={"algorithm": config.names})


def simulate(
    config: Config,
    keys: NDArray[np.uint64],
    a0: NDArray[np.float64] | None = None,
    w1: NDArray[np.float64] | None = None,
) -> dict[str, NDArray[Any]]:
    """All algorithms on the trials with these keys: the arrays of ``trials``, by name."""
    with threadpool_limits(1):
        trainer = NeuronTrainer(config, draw(config, keys, a0, w1))
        dense = trainer.dense(frozenset().union(*(law.moments for law in config.laws)))
        ends = [_last(law, trainer, dense, config.levels) for law in config.laws]
    shared = {
        **{"a0": trainer.trials.a0, "w0": trainer.trials.w0, **trainer.branches()._asdict()},
        **{"dense_a": dense.points["final"]["a"], "dense_w": dense.points["final"]["w"]},
        **{"dense_steps": dense.points["descent"]["steps"]},
    }
    return shared | {name: np.stack([end[name] for end in ends]) for name in ends[0]}


def _last(law: Algorithm, trainer: NeuronTrainer, dense: Level, n: int) -> dict[str, NDArray[Any]]:
    last = [dense, *levels(law, trainer, trainer.start, trainer.everything, n, done=dense)][-1]
    a, w, mask, run = last.points["final"]["a"], last.points["final"]["w"], last.mask["w"], last.points["descent"]
    rest, diverged = run["end"] == End.REST, run["end"] == End.DIVERGED
    status = classify(a, w, mask, trainer.branches(), rest, diverged)
    return {"a": a, "w": w, "mask": mask, "status": status, "steps": run["steps"]}
