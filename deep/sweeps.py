"""Several algorithms and replicates: OUT/ALGORITHM/seed-K, level 0 trained once a seed and shared, on any executor.

OUT/sweep.json says what was asked for, so that a sweep goes on from its folder alone.
"""

import re
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from theory.algorithms import DENSE, Algorithm
from theory.cluster import connected
from theory.console import Progress, progress
from theory.names import algorithm
from theory.records import settings_hash
from theory.workers import completed

from .config import FREE, RUNS, Config, Training, moment_name, whole
from .data import load
from .definitions import stored
from .distributed import require_one
from .donors import require_donors
from .runs import run
from .stacked_runs import require_stackable, run_together
from .sweep_records import keep_record, read_sweep, require_complete, stack_of
from .trainer import Diverged, TorchTrainer, engine

__all__ = ["folder_of_sweep", "resume", "sweep"]

HEARTBEAT = 30.0
"""Seconds after which a sweep says that it is alive."""
_alone = threading.Lock()
"""Held by the task of this process: torch's threads, precision and random numbers are the process's own."""


def sweep(
    config: Training,
    algorithms: Sequence[str | Algorithm],
    seeds: int = 1,
    workers: int = 1,
    executor: Executor | str | None = None,
) -> list[Path]:
    """Run each algorithm for the seeds ``config.seed``, …, ``config.seed + seeds - 1``; returns the run folders.

    A task trains one level of up to ``config.together`` runs at once. The dense level of a seed comes first, into OUT/dense,
    and all algorithms take it over. Tasks go to ``workers`` processes or to ``executor``: any of ``concurrent.futures``, or the
    address of a Dask cluster, tcp://…, whose machines see the same files under the same paths. A killed sweep goes on where it
    was, and what a killed worker was at is done again; results depend neither on the workers nor on the order of tasks. A run
    that diverges ends there while the others go on; then ``Diverged`` is raised. ChildProcessError where one task loses several
    workers. More levels, seeds and algorithms are added to what the folder holds; other settings are refused.
    """
    whole("seeds", seeds, 1)
    return _sweep(config, algorithms, range(config.seed, config.seed + seeds), workers, executor)


def resume(out: Path | str, workers: int = 1, executor: Executor | str | None = None, data: str | None = None) -> list[Path]:
    """Go on with the sweep in the folder ``out`` as its sweep.json says; ``data`` where its images lie elsewhere now."""
    stored = read_sweep(out)
    require_complete(stored)
    settings = stored.settings if data is None else replace(stored.settings, data=data)
    return _sweep(settings, stored.algorithms, stored.seeds, workers, executor)


def folder_of_sweep(config: Training) -> Path:
    """``out``, or a folder named by what all runs have in common, so that more seeds, levels and algorithms find it again."""
    if config.out is not None:
        return Path(config.out)
    settings = {f.name: getattr(config, f.name) for f in fields(Training) if f.name not in (*FREE, "seed", "out")}
    settings |= {"stack": stack_of(vars(config))} if config.together > 1 else {}
    return Path(RUNS) / _folder(f"{config.model}-{config.data.partition(':')[0]}-sweep-{settings_hash(settings)}")


def _sweep(
    config: Training, algorithms: Sequence[str | Algorithm], seeds: Sequence[int], workers: int, executor: Executor | str | None
) -> list[Path]:
    whole("workers", workers, 1)
    require_one("A sweep")
    config, own = replace(config, out=str(folder_of_sweep(config))), list(dict.fromkeys(map(_by_name, algorithms)))
    config = config if executor is None else _with_absolute_paths(config)
    _require_sweep_folder(Path(str(config.out)))
    dense, chains = _plan(config, own, seeds)
    for chain in chains:
        for c in chain:
            require_donors(c)
    with engine(config):
        TorchTrainer(config, load(config), algorithms=[c.program for chain in chains for c in chain])
    if config.together > 1:
        require_stackable(dense[0])
    keep_record(config, own, seeds)
    with connected(executor) as those:
        failures = _drive(dense, chains, workers, those)
    if failures:
        raise Diverged(" ".join(failures))
    return [c.path for chain in chains for c in chain]


def _plan(
    config: Training, algorithms: Sequence[str | Algorithm], seeds: Sequence[int]
) -> tuple[list[Config], list[list[Config]]]:
    """For each seed the dense run, which remembers all rewind points, and the runs that share its level 0."""
    laws = [algorithm(a) for a in algorithms]
    _require_own_folders(algorithms)
    optimiser = {"optimiser"} if any(a.rewind.optimiser != "fresh" for a in laws) else set()
    remember = {moment_name(at) for a in laws for at in a.moments} | optimiser | set(config.remember)
    base = {f.name: getattr(config, f.name) for f in fields(Training)} | {"remember": ()}

    def at(law: str | Algorithm, seed: int) -> Config:
        folder = Path(str(config.out)) / _folder(law) / f"seed-{seed}"
        return Config(**base | {"seed": seed, "out": str(folder)}, algorithm=law)

    dense = [replace(at("dense", seed), levels=0, remember=tuple(sorted(remember))) for seed in seeds]
    return dense, [[at(a, seed) for a in algorithms if str(a) != "dense"] for seed in seeds]


def _by_name(law: str | Algorithm) -> str | Algorithm:
    """The name where it says it all."""
    name = stored(law)
    return name if isinstance(name, str) else law


def _folder(law: str | Algorithm) -> str:
    return re.sub(r"[^\w.()=+-]", "_", str(law))


def _require_own_folders(algorithms: Sequence[str | Algorithm]) -> None:
    folders = [_folder(a) for a in algorithms]
    for a, folder in zip(algorithms, folders, strict=True):
        if folders.count(folder) > 1 or (folder == "dense" and algorithm(a) != DENSE):
            raise ValueError(f"The algorithms of a sweep need names of their own, and 'dense' is taken: not {str(a)!r}.")


def _drive(dense: list[Config], chains: list[list[Config]], workers: int, executor: Executor | None) -> list[str]:
    """Dense levels, then each run level by level, so many in a task as train together; the sentences of those that diverged."""
    first = {c: min(max(1, _stored(c)), _last(c)) for chain in chains for c in chain}  # stored levels are only looked through
    arms = {d: chain for d, chain in zip(dense, chains, strict=True)}
    shared = {c: d.out for d, chain in arms.items() for c in chain}
    waiting, failures = _Waiting(), []

    def submit(runs: list[tuple[Config, int]]) -> None:
        for i in range(0, len(runs), dense[0].together):
            task = _Task(tuple(runs[i : i + dense[0].together]))
            arguments = [replace(c, levels=level) for c, level in task.runs], [shared.get(c) for c, _ in task.runs]
            waiting.append((task, arguments))

    with progress("sweep: levels", len(dense) + sum(_last(c) - first[c] + 1 for c in first)) as step, _heartbeat(step):
        submit([(config, 0) for config in dense])
        with closing(completed(_train, waiting, workers=workers, executor=executor)) as ended:
            for task, results in ended:
                following = []
                for (config, level), result in zip(task.runs, results, strict=True):
                    step(1, f"{config.algorithm}, seed {config.seed}, level {level}")
                    if isinstance(result, Diverged):
                        failures.append(f"{config.out!r}: {result}")
                    elif config in arms:
                        following += [(c, first[c]) for c in arms[config]]
                    elif level < _last(config):
                        following.append((config, level + 1))
                submit(following)
    return failures


@dataclass(frozen=True)
class _Task:
    """Runs and the level of each that is trained."""

    runs: tuple[tuple[Config, int], ...]

    def __str__(self) -> str:
        config, level = self.runs[0]
        more = f" and {len(self.runs) - 1} more" if len(self.runs) > 1 else ""
        return f"level {level} of {config.out!r}{more}"


class _Waiting(deque[tuple[_Task, tuple[list[Config], list[str | None]]]]):
    """Tasks that may be done now. Iterating takes them out; where it ends it goes on once there are more."""

    def __iter__(self) -> "_Waiting":
        return self

    def __next__(self) -> tuple[_Task, tuple[list[Config], list[str | None]]]:
        if not self:
            raise StopIteration
        return self.popleft()


@contextmanager
def _heartbeat(step: Progress) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT):
            step(0, "running")

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _train(configs: list[Config], shared: list[str | None]) -> list[Path | Diverged]:
    """The task of a worker."""
    with _alone:
        if configs[0].together > 1:
            return run_together(configs, shared)
        try:
            return [run(configs[0], shared[0], True)]
        except Diverged as error:
            return [error]


def _with_absolute_paths(config: Training) -> Training:
    """Paths that mean the same in any process's working directory."""
    paths = {name: getattr(config, name) for name in ("out", "mask_from", "signs_from")}
    changes: dict[str, Any] = {name: str(Path(path).absolute()) for name, path in paths.items() if path is not None}
    source, _, path = config.data.partition(":")
    return replace(config, **changes, data=f"{source}:{Path(path).absolute()}" if path else config.data)


def _last(config: Config) -> int:
    prunings = config.program.prunings
    return config.levels if prunings is None else min(config.levels, prunings)


def _stored(config: Config) -> int:
    """The last level in the run folder."""
    levels = config.path / "levels"
    return max((int(p.name) for p in levels.iterdir() if p.name.isdigit()), default=0) if levels.is_dir() else 0


def _require_sweep_folder(out: Path) -> None:
    if out.is_file():
        raise ValueError(f"{str(out)!r} is a file; a sweep needs a folder.")
    for entry in out.iterdir() if out.is_dir() else ():
        if entry.name == "sweep.json" or entry.name.startswith(".sweep.json."):  # its record, or what a killed one left of it
            continue
        if not entry.is_dir() or any(not p.name.startswith("seed-") for p in entry.iterdir()):
            raise ValueError(
                f"{str(out)!r} is no sweep, for it holds {entry.name!r}; nothing was changed, choose another --out."
            )
