"""Several algorithms and replicates: OUT/ALGORITHM/seed-K, level 0 trained once a seed and shared, on any executor."""

import multiprocessing
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

from theory.console import progress
from theory.names import algorithm

from .config import Config, Training, moment_name
from .images import read
from .runs import run
from .trainer import Diverged, TorchTrainer, engine

__all__ = ["pool", "sweep"]


def sweep(
    config: Training, algorithms: Sequence[str], seeds: int = 1, workers: int = 1, executor: Executor | None = None
) -> list[Path]:
    """Run each algorithm for the seeds ``config.seed``, …, ``config.seed + seeds - 1``; returns the run folders.

    A task trains one level, in a process of ``executor`` (``workers`` local ones unless given). The dense level of a seed comes
    first, into OUT/dense, and all algorithms take it over. A killed sweep goes on where it was; results depend neither on the
    workers nor on the order of tasks. A run that diverges ends there while the others go on; then ``Diverged`` is raised.
    """
    for name, value in (("seeds", seeds), ("workers", workers)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is a whole number of at least 1, not {value!r}.")
    _require_sweep_folder(Path(config.out))
    dense, chains = _plan(config, list(dict.fromkeys(algorithms)), seeds)
    with engine(config):
        TorchTrainer(config, read(config.data), rewinds=[c.program.rewind for chain in chains for c in chain])
    if executor is not None:
        failures = _drive(executor, dense, chains)
    else:
        with pool(workers) as own:
            failures = _drive(own, dense, chains)
    if failures:
        raise Diverged(" ".join(failures))
    return [Path(c.out) for chain in chains for c in chain]


def _plan(config: Training, algorithms: list[str], seeds: int) -> tuple[list[Config], list[list[Config]]]:
    """For each seed the dense run, which remembers all rewind points, and the runs that share its level 0."""
    rewinds = [algorithm(name).rewind for name in algorithms]
    points = sorted({moment_name(at) for r in rewinds for at in r.moments})
    remember = (*points, "momentum") if any(r.optimiser != "fresh" for r in rewinds) else tuple(points)
    base = {f.name: getattr(config, f.name) for f in fields(Training)}

    def at(name: str, seed: int) -> Config:
        folder = Path(config.out) / re.sub(r"[^\w.()=+-]", "_", name) / f"seed-{seed}"
        return Config(**base | {"seed": seed, "out": str(folder)}, algorithm=name)

    numbers = range(config.seed, config.seed + seeds)
    dense = [replace(at("dense", seed), levels=0, remember=remember) for seed in numbers]
    return dense, [[at(name, seed) for name in algorithms if name != "dense"] for seed in numbers]


def _drive(executor: Executor, dense: list[Config], chains: list[list[Config]]) -> list[str]:
    """Submit dense levels, then each run level by level; the sentences of those that diverged."""
    pending: dict[Future[Path], tuple[Config, int]] = {}
    failures = []

    def submit(config: Config, seed: int, level: int) -> None:
        task = executor.submit(run, replace(config, levels=level), None if config is dense[seed] else dense[seed].out, 60.0)
        pending[task] = config, seed

    with progress("sweep: levels", sum(1 + sum(_last(c) for c in chain) for chain in chains)) as step:
        for seed, config in enumerate(dense):
            submit(config, seed, 0)
        reached = dict.fromkeys((c for chain in chains for c in chain), 0)
        while pending:
            for task in wait(pending, return_when=FIRST_COMPLETED).done:
                config, seed = pending.pop(task)
                try:
                    task.result()
                except Diverged as error:
                    failures.append(str(error))
                    continue
                except BrokenProcessPool:
                    raise OSError("A worker process died (out of memory?); the same command goes on from there.") from None
                following = chains[seed] if config is dense[seed] else [config] * (reached[config] < _last(config))
                for c in following:
                    before, reached[c] = reached[c], min(max(reached[c] + 1, _stored(c)), _last(c))
                    submit(c, seed, reached[c])
                    step(max(reached[c] - before - 1, 0))
                step(note=f"{config.algorithm}, seed {config.seed}")
    return failures


def _last(config: Config) -> int:
    prunings = config.program.prunings
    return config.levels if prunings is None else min(config.levels, prunings)


def _stored(config: Config) -> int:
    """The last level in the run folder."""
    levels = Path(config.out) / "levels"
    return max((int(p.name) for p in levels.iterdir() if p.name.isdigit()), default=0) if levels.is_dir() else 0


def _require_sweep_folder(out: Path) -> None:
    if out.is_file():
        raise ValueError(f"{str(out)!r} is a file; a sweep needs a folder.")
    for entry in out.iterdir() if out.is_dir() else ():
        if not entry.is_dir() or any(not p.name.startswith("seed-") for p in entry.iterdir()):
            raise ValueError(
                f"{str(out)!r} holds {entry.name!r}, so it isn't a sweep; nothing was changed, choose another --out."
            )


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Local processes that end with this one, however it ends."""
    spawn = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    executor = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_end_with, initargs=(os.getpid(),))
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _end_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
