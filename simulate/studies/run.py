"""`study`: one study computed, with the theory's answer beside it, resumable, on any executor."""

import json
from collections.abc import Iterable
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.algorithms import Algorithm
from theory.definitions import definition
from theory.names import unknown
from theory.records import plain

from ..config import Config
from ..store import Chunk, chunks, stored
from .registry import STUDIES
from .study import Arrays, Settings, Study, Task, Variables, label

if TYPE_CHECKING:
    import xarray

__all__ = ["find", "study"]

SCHEMA = "simulate.study/1"


def find(name: str) -> Study:
    """The study of that name; ValueError, with the names of all, for any other."""
    if name not in STUDIES:
        raise unknown("study", name, list(STUDIES))
    return STUDIES[name]


def study(
    name: str,
    preset: str = "smoke",
    *,
    out: str | Path | None = None,
    executor: Executor | str | None = None,
    workers: int = 1,
    show: str = "",
    **changes: Any,
) -> "xarray.Dataset":
    """The study ``name`` of ``simulate.studies`` with the settings of a preset: smoke (seconds), paper (minutes), full (hours).

    ``changes``: other values for settings of the study, or for fields of ``Config`` that are the same at all its points.
    The Dataset has counts with exact intervals, and the theory's prediction where there is one, over labelled axes; attributes
    name study, title and claim, ``provenance`` (JSON) the rest. ``out``: a zarr folder to store in and to resume from.
    Same settings, same bits, whatever the workers or the executor.

    >>> found = study("imbalance", trials=8, ratio=(-1.5, 0.5), n=50, d=2, t=100.0)
    >>> int(found.hits.sel(algorithm="LRR", ratio=-1.5))
    0
    """
    chosen = find(name)
    settings = chosen.settings(preset, changes)
    record = plain({"study": name, **settings, "definitions": _definitions(settings.get("algorithms", ()))})
    made = stored(out, SCHEMA, record, lambda parts: _dataset(chosen, settings, parts, workers, executor, show))
    return made.assign_attrs(study=name, title=chosen.title, claim=chosen.claim)


def settings_of(dataset: "xarray.Dataset") -> Settings:
    """The settings that a study's Dataset was made with."""
    return json.loads(dataset.attrs["provenance"])["settings"]


def _definitions(algorithms: Iterable[str | Algorithm]) -> dict[str, Any]:
    return {str(law): definition(law) for law in algorithms if isinstance(law, Algorithm)}


def _dataset(
    chosen: Study, settings: Settings, parts: Path | None, workers: int, executor: Executor | str | None, show: str
) -> "xarray.Dataset":
    import xarray

    points = chosen.points(settings)
    wholes = [_whole(chosen, settings, point) for point in points]
    todo = [chunk for number, whole in enumerate(wholes) for chunk in _chunks(chosen, number, whole)]
    found = {c.name: arrays for c, arrays in chunks(_work, todo, parts=parts, workers=workers, executor=executor, show=show)}
    made = []
    for number, whole in enumerate(wholes):
        some = [found[c.name] for c in _chunks(chosen, number, whole)]
        made.append(chosen.summary(whole, {k: np.concatenate([part[k] for part in some], axis=-1) for k in some[0]}))
    labels = {_dim(axis): [label(p) for p in dict.fromkeys(_axis(points, axis))] for axis in chosen.grid}
    inner = {"algorithm": wholes[0].config.names, **chosen.coordinates(settings)}
    variables = _stacked(made, labels)
    used = {dim for dims, _ in variables.values() for dim in dims}
    return xarray.Dataset(variables, coords={**labels, **{k: v for k, v in inner.items() if k in used}})


def _axis(points: list[Settings], axis: str) -> list[Any]:
    return [point[axis] for point in points]


def _dim(axis: str) -> str:
    """``n`` counts trials, so the axis of samples has another name."""
    return "samples" if axis == "n" else axis


def _whole(chosen: Study, settings: Settings, point: Settings) -> Task:
    return Task(chosen.config(settings, point), np.arange(chosen.size(settings, point)), point, settings)


def _chunks(chosen: Study, number: int, whole: Task) -> list[Chunk]:
    trials = len(whole.numbers)
    size = whole.config.chunk_of(2**40)
    cuts = [whole.numbers[i : i + size] for i in range(0, trials, size)]
    return [Chunk(f"{number:06d}-{c[0]:09d}-{len(c)}", len(c), (chosen.name, *whole._replace(numbers=c))) for c in cuts]


def _work(name: str, *task: Any) -> Arrays:
    return STUDIES[name].work(Task(*task))


def _stacked(made: list[Variables], labels: dict[str, list[Any]]) -> dict[str, Any]:
    """The variables of all points, the axes of the grid first."""
    shape = tuple(len(values) for values in labels.values())
    stacked = {}
    for name, (dims, _) in made[0].items():
        values = np.stack([np.asarray(one[name][1]) for one in made])
        stacked[name] = ((*labels, *dims), values.reshape(*shape, *values.shape[1:]))
    return stacked


def engine_of(config: Config) -> str:
    """The engine in words, for captions."""
    where = "the population" if config.n is None else f"n = {config.n} samples"
    return f"{config.engine} on {where}"
