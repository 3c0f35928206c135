"""`trials`: several algorithms on the same neurons, from the same dense level 0, as one labelled Dataset."""

from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory.algorithms import Algorithm, Level, levels
from theory.one_input import Branches

from .config import Config, as_config
from .data import draw, trial_keys
from .gd import End
from .status import Status, attributes, classify
from .store import Chunk, chunks, stored
from .threads import one_thread
from .trainer import NeuronTrainer

if TYPE_CHECKING:
    import xarray

__all__ = ["finished", "joined", "simulate", "trials"]

SCHEMA = "simulate.trials/3"
DIMS = {
    **{name: ("trial",) for name in ("a0", "s_plus", "beta_plus", "s_minus", "beta_minus", "dense_a", "dense_steps")},
    **{name: ("trial", "coordinate") for name in ("w0", "dense_w")},
    **{name: ("algorithm", "trial") for name in ("a", "restart_a", "status", "steps")},
    **{name: ("algorithm", "trial", "coordinate") for name in ("w", "restart_w", "mask")},
}


def trials(
    config: Config | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    executor: Executor | str | None = None,
    show: str = "",
) -> "xarray.Dataset":
    """Train ``config.trials`` neurons with each algorithm; dims (algorithm, trial, coordinate).

    a0, w0: initial values. s_plus, beta_plus, s_minus, beta_minus: branch statistics of e_1 (T2). dense_a, dense_w,
    dense_steps: the end of level 0, which the algorithms share. restart_a, restart_w: where the last level starts, mask: what
    it trains; a, w, steps: its end. status: see
    ``simulate.status``; learned: status is learned. Attribute ``provenance``: settings, versions, commit, machine, as JSON.
    ``out``: a zarr folder to store in and to resume from. ``executor``: any ``concurrent.futures`` executor, or the address of
    a Dask cluster, tcp://…. Same settings, same bits, whatever chunk, workers or executor, and whichever worker was killed.

    >>> trials({"n": 50, "d": 2, "trials": 3, "t": 10}).learned.dims
    ('algorithm', 'trial')
    """
    config = as_config(config)
    return stored(out, SCHEMA, config.settings(), lambda parts: _dataset(config, parts, executor, show))


def _dataset(config: Config, parts: Path | None, executor: Executor | str | None, show: str) -> "xarray.Dataset":
    return joined(config, finished(config, 0, config.trials, parts, executor, show))


def finished(
    config: Config, start: int, stop: int, parts: Path | None, executor: Executor | str | None, show: str
) -> list[dict[str, NDArray[Any]]]:
    """The trials start … stop − 1, chunk by chunk."""
    size = config.chunk_of(stop - start)
    ranges = [(i, min(i + size, stop)) for i in range(start, stop, size)]
    todo = [Chunk(f"{i:09d}-{j:09d}", j - i, (config.part(slice(i, j)), i, j)) for i, j in ranges]
    found = dict(chunks(_numbered, todo, parts=parts, workers=config.workers, executor=executor, show=show))
    return [found[chunk] for chunk in todo]


def _numbered(config: Config, start: int, stop: int) -> dict[str, NDArray[Any]]:
    return simulate(config, trial_keys(config, np.arange(start, stop)))


def joined(config: Config, found: list[dict[str, NDArray[Any]]]) -> "xarray.Dataset":
    """Chunks in a row as the Dataset of ``trials``."""
    import xarray

    arrays = {name: np.concatenate([part[name] for part in found], axis=dims.index("trial")) for name, dims in DIMS.items()}
    variables: dict[str, Any] = {name: (dims, arrays[name]) for name, dims in DIMS.items()}
    variables["status"] += (attributes(),)
    variables["learned"] = (("algorithm", "trial"), arrays["status"] == Status.LEARNED)
    return xarray.Dataset(variables, coords={"algorithm": config.names})


def simulate(
    config: Config,
    keys: NDArray[np.uint64],
    a0: NDArray[np.float64] | None = None,
    w1: NDArray[np.float64] | None = None,
) -> dict[str, NDArray[Any]]:
    """All algorithms on the trials with these keys: the arrays of ``trials``, by name."""
    with one_thread():
        trainer = NeuronTrainer(config, draw(config, keys, a0, w1))
        dense, branches = trainer.dense(frozenset().union(*(law.moments for law in config.laws))), trainer.branches()
        ends = [_last(law, trainer, dense, config.levels, branches) for law in config.laws]
    shared = {
        **{"a0": trainer.trials.a0, "w0": trainer.trials.w0, **branches._asdict()},
        **{"dense_a": dense.points["final"]["a"], "dense_w": dense.points["final"]["w"]},
        **{"dense_steps": dense.points["descent"]["steps"]},
    }
    return shared | {name: np.stack([end[name] for end in ends]) for name in ends[0]}


def _last(law: Algorithm, trainer: NeuronTrainer, dense: Level, n: int, branches: Branches) -> dict[str, NDArray[Any]]:
    trace = [dense, *levels(law, trainer, trainer.start, trainer.everything, n, done=dense)]
    last, given_up = trace[-1], np.any([level.points["descent"]["end"] == End.STALLED for level in trace], axis=0)
    a, w, mask, run = last.points["final"]["a"], last.points["final"]["w"], last.mask["w"], last.points["descent"]
    rest, diverged = np.isin(run["end"], (End.REST, End.COLLAPSED)), run["end"] == End.DIVERGED
    status = classify(a, w, mask, branches, rest, diverged, given_up)
    restart = {"restart_a": last.start["a"], "restart_w": last.start["w"]}
    return {"a": a, "w": w, **restart, "mask": mask, "status": status, "steps": run["steps"]}
