"""Several algorithms and replicates: OUT/ALGORITHM/seed-K, level 0 trained once a seed and shared, on any executor."""

import re
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields, replace
from pathlib import Path

from theory.algorithms import DENSE, Algorithm
from theory.console import progress
from theory.names import algorithm
from theory.workers import pool

from .config import Config, Training, moment_name, whole
from .definitions import stored
from .distributed import require_one
from .images import read
from .runs import run
from .stacked_runs import require_stackable, run_together
from .trainer import Diverged, TorchTrainer, engine

__all__ = ["sweep"]

HEARTBEAT = 30.0
"""Seconds after which a sweep says that it is alive."""


def sweep(
    config: Training,
    algorithms: Sequence[str | Algorithm],
    seeds: int = 1,
    workers: int = 1,
    executor: Executor | None = None,
) -> list[Path]:
    """Run each algorithm for the seeds ``config.seed``, …, ``config.seed + seeds - 1``; returns the run folders.

    A task trains one level, in a process of ``executor`` (``workers`` local ones unless given), of up to ``config.together``
    runs at once. The dense level of a seed comes first, into OUT/dense, and all algorithms take it over. A killed sweep goes on
    where it was; results depend neither on the workers nor on the order of tasks. A run that diverges ends there while the others
    go on; then ``Diverged`` is raised.
    """
    whole("seeds", seeds, 1)
    whole("workers", workers, 1)
    require_one("A sweep")
    _require_sweep_folder(Path(config.out))
    dense, chains = _plan(config, list(dict.fromkeys(map(_by_name, algorithms))), seeds)
    with engine(config):
        TorchTrainer(config, read(config.data), algorithms=[c.program for chain in chains for c in chain])
    if config.together > 1:
        require_stackable(dense[0])
    if executor is not None:
        failures = _drive(executor, dense, chains)
    else:
        with pool(workers) as own:
            failures = _drive(own, dense, chains)
    if failures:
        raise Diverged(" ".join(failures))
    return [Path(c.out) for chain in chains for c in chain]


def _plan(config: Training, algorithms: list[str | Algorithm], seeds: int) -> tuple[list[Config], list[list[Config]]]:
    """For each seed the dense run, which remembers all rewind points, and the runs that share its level 0."""
    laws = [algorithm(a) for a in algorithms]
    _require_own_folders(algorithms)
    optimiser = {"optimiser"} if any(a.rewind.optimiser != "fresh" for a in laws) else set()
    remember = {moment_name(at) for a in laws for at in a.moments} | optimiser | set(config.remember)
    base = {f.name: getattr(config, f.name) for f in fields(Training)} | {"remember": ()}

    def at(law: str | Algorithm, seed: int) -> Config:
        folder = Path(config.out) / _folder(law) / f"seed-{seed}"
        return Config(**base | {"seed": seed, "out": str(folder)}, algorithm=law)

    numbers = range(config.seed, config.seed + seeds)
    dense = [replace(at("dense", seed), levels=0, remember=tuple(sorted(remember))) for seed in numbers]
    return dense, [[at(a, seed) for a in algorithms if str(a) != "dense"] for seed in numbers]


def _by_name(law: str | Algorithm) -> str | Algorithm:
    """The name where it says it all."""
    name = stored(law)
    return name if isinstance(name, str) else law


def _folder(law: str | Algorithm) -> str:
    return re.sub(r"[^\w.()=+-]", "_", str(law))


def _require_own_folders(algorithms: list[str | Algorithm]) -> None:
    folders = [_folder(a) for a in algorithms]
    for a, folder in zip(algorithms, folders, strict=True):
        if folders.count(folder) > 1 or (folder == "dense" and algorithm(a) != DENSE):
            raise ValueError(f"The algorithms of a sweep need names of their own, and 'dense' is taken: not {str(a)!r}.")


def _drive(executor: Executor, dense: list[Config], chains: list[list[Config]]) -> list[str]:
    """Submit dense levels, then each run level by level, so many in a task as train together; sentences of those that diverged."""
    first = {c: min(max(1, _stored(c)), _last(c)) for chain in chains for c in chain}  # stored levels are only looked through
    arms = {d: chain for d, chain in zip(dense, chains, strict=True)}
    shared = {c: d.out for d, chain in arms.items() for c in chain}
    pending: dict[Future[list[Path | Diverged]], list[tuple[Config, int]]] = {}
    failures = []

    def submit(runs: list[tuple[Config, int]]) -> None:
        for i in range(0, len(runs), dense[0].together):
            some = runs[i : i + dense[0].together]
            task = executor.submit(_train, [replace(c, levels=level) for c, level in some], [shared.get(c) for c, _ in some])
            pending[task] = some

    with progress("sweep: levels", len(dense) + sum(_last(c) - first[c] + 1 for c in first)) as step:
        submit([(config, 0) for config in dense])
        while pending:
            done = wait(pending, timeout=HEARTBEAT, return_when=FIRST_COMPLETED).done
            if not done:
                step(0, "running")
            for task in done:
                following = []
                for (config, level), result in zip(pending.pop(task), _results(task), strict=True):
                    step(1, f"{config.algorithm}, seed {config.seed}, level {level}")
                    if isinstance(result, Diverged):
                        failures.append(f"{config.out!r}: {result}")
                    elif config in arms:
                        following += [(c, first[c]) for c in arms[config]]
                    elif level < _last(config):
                        following.append((config, level + 1))
                submit(following)
    return failures


def _train(configs: list[Config], shared: list[str | None]) -> list[Path | Diverged]:
    """The task of a worker."""
    if configs[0].together > 1:
        return run_together(configs, shared)
    try:
        return [run(configs[0], shared[0], True)]
    except Diverged as error:
        return [error]


def _results(task: Future[list[Path | Diverged]]) -> list[Path | Diverged]:
    try:
        return task.result()
    except BrokenProcessPool:
        raise OSError("A worker process died (out of memory?); the same command goes on from there.") from None


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
                f"{str(out)!r} is no sweep, for it holds {entry.name!r}; nothing was changed, choose another --out."
            )
