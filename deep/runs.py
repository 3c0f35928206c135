"""One run: the loop of ``theory.algorithms`` over a ``TorchTrainer``, every level stored, finished levels skipped."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from theory.algorithms import Algorithm, Level, Rewind, levels
from theory.console import Progress, from_mapping, progress, say

from .config import Config, moment, moment_name
from .images import read
from .metrics import alive, level_flips
from .store import Run, create, load_run, locked, shares_level_0
from .trainer import TorchTrainer, engine, momentum_name, require_finite

__all__ = ["run"]


def run(config: Config | Mapping[str, Any], dense: Path | str | None = None, quiet: bool = False) -> Path:
    """Train and prune as ``config`` says, into the run folder ``config.out``; returns it.

    Started again, a run goes on behind its last finished level and ends with the bits of a run that was never stopped. More
    ``levels`` than the folder has are added. ``dense`` is a run whose level 0 is taken over where it is the same one.

    Raises ValueError for bad settings or data, a folder that holds something else, and a loss that is no longer finite.
    """
    config = config if isinstance(config, Config) else from_mapping(Config, dict(config))
    images, path = read(config.data), Path(config.out)
    with engine(config):
        trainer = TorchTrainer(config, images, algorithms=_served(config))
        with locked(path):
            stored = create(config, images.digest)
            stored.tidy()
            if dense is not None and not stored.levels:
                _share(load_run(dense), stored, config)
            _train(config, stored, trainer, quiet)
    return path


def _served(config: Config) -> list[Algorithm]:
    """The algorithm, and stand-ins for others that are to share level 0."""
    rewinds = [Rewind(optimiser="carry") if name == "momentum" else Rewind(moment(name)) for name in config.remember]
    return [config.program, *(Algorithm("another", rewind) for rewind in rewinds)]


def _share(dense: Run, stored: Run, config: Config) -> None:
    """Take over level 0 of ``dense`` if it is this run's own and holds what the algorithm goes back to."""
    rewind = config.program.rewind
    needs: set[str] = {moment_name(at) for at in config.program.moments}
    if rewind.optimiser != "fresh":
        needs |= {momentum_name("final"), *map(momentum_name, rewind.moments)}
    if shares_level_0(dense, stored) and dense.levels and needs <= set(dense.levels[0].names):
        stored.take_over(dense.levels[0])


def _train(config: Config, stored: Run, trainer: TorchTrainer, quiet: bool) -> None:
    done, began = stored.last(config.device), time.monotonic()
    stored.grow(config.levels)
    if done:
        trainer.memory = done.points
    last = config.levels if config.program.prunings is None else min(config.levels, config.program.prunings)
    epochs = (last - (done.index if done else -1)) * config.epochs
    if epochs > 0 and (changed := stored.changes()):
        say(f"Flagged: {str(stored.path)!r} goes on elsewhere ({'; '.join(changed)}), where bits may differ.")
    with progress(f"{config.algorithm}, seed {config.seed}: epochs", epochs) as step:
        if not quiet:
            trainer.on_epoch = lambda row: _report(step, row)
        for level in levels(config.program, trainer, *trainer.initial(), config.levels, done):
            known = done.points if done else {"init": level.start}
            new = {name: point for name, point in level.points.items() if point is not known.get(name)}
            stored.add(level, new, [*trainer.rows, _summary(level, done, trainer)], time.monotonic() - began)
            done, began = level, time.monotonic()


def _report(step: Progress, row: Mapping[str, Any]) -> None:
    part = "validation" if "validation" in row else "train"
    step(note=f"level {row['level']}, {part} accuracy {row[part]['correct'] / row[part]['n']:.1%}")


def _summary(level: Level, previous: Level | None, trainer: TorchTrainer) -> dict[str, Any]:
    """The level's own line of metrics: exact counts, sign flips, and the one look at the test set."""
    counts = alive(level.mask)
    before = previous.points["final"] if previous else None
    end: dict[str, Any] = {part: trainer.rows[-1][part] for part in ("train", "validation") if part in trainer.rows[-1]}
    row: dict[str, Any] = {
        "level": level.index,
        "weights": sum(m.numel() for m in level.mask.values()),
        "alive": sum(counts.values()),
        "layers": counts,
        "flips": level_flips(level.mask, level.start, level.points["final"], level.points["init"], before),
        **end,
        "test": trainer.evaluate(trainer.parts.test),
    }
    require_finite(row, trainer.config)
    return row
