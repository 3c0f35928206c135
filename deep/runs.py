"""One run: the loop of ``theory.algorithms`` over a trainer, every level stored, the one begun gone on with."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from math import prod
from pathlib import Path
from typing import Any, cast

from theory.algorithms import Algorithm, Level, Rewind, Tensors, Trainer, levels
from theory.console import Progress, from_mapping, progress, say
from theory.records import settings_hash

from . import checkpoint
from .config import FREE, Config, Training, moment, moment_name
from .data import load
from .distributed import ALONE, World, follow, joined, lead
from .donors import Donors, require_donors
from .metrics import alive, level_flips
from .own import Borrower, alike, identity, initial
from .store import Run, create, load_run, locked, shares_level_0
from .trainer import Diverged, TorchTrainer, engine, optimiser_name, require_finite

__all__ = ["run"]


def run(
    config: Config | Mapping[str, Any], dense: Path | str | None = None, quiet: bool = False, trainer: Trainer | None = None
) -> Path:
    """Train and prune as ``config`` says, into the run folder ``config.path``; returns it.

    Started again, a run goes on behind its last finished level, inside the next from its last checkpoint, and ends with the
    bits of a run that was never stopped. More ``levels`` than the folder has are added. ``dense`` is a run whose level 0 is
    taken over where it is the same one.

    ``trainer``: a training of one's own. It offers what ``theory.algorithms.Trainer`` lists, and ``initial()``, which returns
    parameters and bool masks (NumPy arrays or torch tensors) at the start of level 0. It may offer ``rows`` (mappings: what was
    measured in the last level), ``evaluate(part)`` (a mapping) with ``parts`` (names; ("test",) unless given) for the end of a
    level, and ``identity`` (JSON): a run goes on only with a trainer of the same class and identity. Of ``config`` it takes
    algorithm, amounts, levels, donors and folder. A ``TorchTrainer`` on a network or on data of one's own is such a trainer
    too, made with the same ``config`` and ``algorithms=[config.program]``.

    >>> import numpy as np
    >>> class Doubling:
    ...     batch, norm, keys = 0, frozenset(), np.uint64(1)
    ...     def initial(self):
    ...         return {"w": np.array([-3.0, 1.0, 2.0])}, {"w": np.ones(3, dtype=bool)}
    ...     def train(self, params, mask, level, at, rewind):
    ...         return {"final": {"w": 2 * params["w"]}}
    >>> config = Config(algorithm="LRR", levels=2, fraction=0.3, out=str(getfixture("tmp_path") / "run"))
    >>> [level.final["w"].tolist() for level in load_run(run(config, trainer=Doubling(), quiet=True)).levels]
    [[-6.0, 2.0, 4.0], [-12.0, 0.0, 8.0], [-24.0, 0.0, 0.0]]

    Raises ValueError for bad settings, data or donors, a folder that holds something else, and a loss that is no longer finite;
    ``NotSaved`` (an OSError) where the folder can't be written.
    """
    config = config if isinstance(config, Config) else _config(config)
    if trainer is None and config.together > 1:
        return _stacked(config, dense)
    if isinstance(trainer, TorchTrainer | None) and getattr(trainer, "donate", None) is None:
        require_donors(config)
    own = None if trainer is None else identity(trainer)
    config = _with_folder(config, own)
    with joined() as world, engine(config):
        donors = None if world.rank else Donors(config)
        trainer = _network_trainer(config, world) if trainer is None else trainer
        _require_same_settings(config, trainer, world)
        if donors is None:
            follow(cast(TorchTrainer, trainer), config.program, config.levels)
            return config.path
        start = initial(trainer)
        donors.require(_last(config), *start)
        with locked(config.path):
            stored = create(config, getattr(getattr(trainer, "data", None), "digest", None), own, donors.identity)
            stored.tidy()
            if dense is not None and not stored.levels:
                _share(load_run(dense), stored, config)
            _train(config, stored, trainer, start, donors, quiet)
    return config.path


def _stacked(config: Config, dense: Path | str | None) -> Path:
    """One run of those that a sweep trains together, now without the others: it has the same bits."""
    from .stacked_runs import run_together

    (result,) = run_together([config], [dense])
    if isinstance(result, Diverged):
        raise result
    return result


def _config(settings: Any) -> Config:
    return from_mapping(Config, dict(settings) if isinstance(settings, Mapping) else settings)


def _with_folder(config: Config, own: Mapping[str, Any] | None) -> Config:
    """A trainer of one's own gets folders of its own."""
    if own is None or config.out is not None:
        return config
    name = f"{own['name']}-{config.name}-seed-{config.seed}-{settings_hash([config.identity, own])}"
    return replace(config, out=str(config.path.with_name(name)))


def _network_trainer(config: Config, world: World) -> TorchTrainer:
    with world.one_first():
        data = load(config, world.share)
    return TorchTrainer(config, data, algorithms=served(config))


def _require_same_settings(config: Config, trainer: Any, world: World) -> None:
    """A network trainer's settings are those that the run stores; any other trainer is one process."""
    if getattr(trainer, "world", ALONE).size != world.size:
        raise ValueError(f"This trainer is for a single process, not for {world.size} that train together.")
    if isinstance(trainer, TorchTrainer):
        for name in (f.name for f in fields(Training) if f.name not in (*FREE, "out")):
            theirs, ours = getattr(trainer.config, name), getattr(config, name)
            if theirs != ours:
                raise ValueError(f"The trainer was made with {name}={theirs!r}, but the run is to have {name}={ours!r}.")


def served(config: Config) -> list[Algorithm]:
    """The algorithm, and stand-ins for others that are to share level 0."""
    rewinds = [Rewind(optimiser="carry") if name == "optimiser" else Rewind(moment(name)) for name in config.remember]
    return [config.program, *(Algorithm("another", rewind) for rewind in rewinds)]


def _share(dense: Run, stored: Run, config: Config) -> None:
    """Take over level 0 of ``dense`` if it is this run's own and holds what the algorithm goes back to."""
    rewind = config.program.rewind
    needs: set[str] = {"final", *(moment_name(at) for at in config.program.moments)}
    if rewind.optimiser != "fresh":
        needs |= {optimiser_name("final"), *map(optimiser_name, rewind.moments)}
    if shares_level_0(dense, stored) and dense.levels and needs <= set(dense.levels[0].names):
        stored.take_over(dense.levels[0])


def _last(config: Config) -> int:
    """The last level that is to be there."""
    return config.levels if config.program.prunings is None else min(config.levels, config.program.prunings)


def _train(config: Config, stored: Run, trainer: Any, start: tuple[Tensors, Tensors], donors: Donors, quiet: bool) -> None:
    (params, mask), done = start, stored.last(config.device)
    stored.grow(config.levels)
    first, last = done.index + 1 if done else 0, _last(config)
    if done is not None:
        done = alike(done, params)
        trainer.memory = done.points
    lead(done)
    if last < first:
        checkpoint.drop(stored.path, first - 1)
        return
    donors.require_unchanged(stored)
    with checkpoint.watched(stored, trainer, first, _dependence(config, stored, trainer, donors)) as watch:
        if changed := stored.changes(*watch.places):
            say(f"Flagged: {str(stored.path)!r} goes on elsewhere ({'; '.join(changed)}), where bits may differ.")
        with _progress(config, trainer, last - first + 1, len(watch.rows), quiet) as step:
            lent = _lent(trainer, donors, config.device, params)
            for level in levels(config.program, lent, params, mask, config.levels, done):
                known = done.points if done else {"init": level.start}
                new = {name: point for name, point in level.points.items() if point is not known.get(name)}
                rows = [*getattr(trainer, "rows", ()), _summary(level, done, trainer)]
                stored.add(level, new, rows, watch.seconds(), donors.digests(level.index))
                checkpoint.drop(stored.path, level.index)
                done = level
                step()


def _dependence(config: Config, stored: Run, trainer: Any, donors: Donors) -> Callable[[int], dict[str, Any]]:
    """What the rest of a level depends on besides where it stands: settings, donors, and at level 0 what it is to store."""
    moments = sorted(map(moment_name, config.program.moments | getattr(trainer, "moments", frozenset())))
    points = {"points": moments, "optimiser": getattr(trainer, "remembers", False)}

    def same(level: int) -> dict[str, Any]:
        own = {"run": stored.record["identity"], "borrowed": donors.digests(level)}
        return own | points if level == 0 else own

    return same


def _lent(trainer: Any, donors: Donors, device: str, params: Tensors) -> Any:
    """The trainer with what it borrows from other runs."""
    if isinstance(trainer, TorchTrainer):
        trainer.donate = lambda name, level: donors(name, level, device)
        return trainer
    return Borrower(trainer, donors, params) if donors.runs else trainer


@contextmanager
def _progress(config: Config, trainer: Any, n: int, epochs_done: int, quiet: bool) -> Iterator[Callable[[], None]]:
    """Shows the epochs of a network trainer, the ``n`` levels of another; yields what is called after each level."""
    network = isinstance(trainer, TorchTrainer)
    unit, total = ("epochs", n * trainer.schedule.epochs) if network else ("levels", n)
    with progress(f"{config.algorithm}, seed {config.seed}: {unit}", total) as step:
        if network and not quiet:
            step.skip(epochs_done)
            trainer.on_epoch = lambda row: _report(step, row)
        yield step if not network and not quiet else lambda: None


def _report(step: Progress, row: Mapping[str, Any]) -> None:
    part = "validation" if "validation" in row else "train"
    step(note=f"level {row['level']}, {part} accuracy {row[part]['correct'] / row[part]['n']:.1%}")


def _summary(level: Level, previous: Level | None, trainer: Any) -> dict[str, Any]:
    """The level's own line of metrics: exact counts, sign flips, and the one look at the test set."""
    counts, rows = alive(level.mask), getattr(trainer, "rows", ())
    before = previous.points["final"] if previous else None
    row: dict[str, Any] = {
        "level": level.index,
        "weights": sum(prod(m.shape) for m in level.mask.values()),
        "alive": sum(counts.values()),
        "layers": counts,
        "flips": level_flips(level.mask, level.start, level.points["final"], level.points["init"], before),
    }
    row |= {part: rows[-1][part] for part in ("train", "validation") if rows and part in rows[-1]}
    if hasattr(trainer, "evaluate"):
        row |= {part: trainer.evaluate(part) for part in getattr(trainer, "parts", ("test",)) if part not in row}
    if isinstance(trainer, TorchTrainer):
        require_finite(row, trainer.config)
    return row
