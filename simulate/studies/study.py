"""What a study is: a grid of settings, the trials of each point, what to count, and what theory says of it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.initialisations import Initialisation
from theory.names import unknown

from ..config import Config
from ..data import trial_keys

if TYPE_CHECKING:
    import xarray

__all__ = ["PRESETS", "Arrays", "Settings", "Study", "Task", "Variables", "presets"]

PRESETS = ("smoke", "paper", "full")
"""smoke: seconds; paper: minutes on two cores; full: hours, for a cluster."""
FIELDS = frozenset(f.name for f in fields(Config)) - {"X", "y", "a0", "w0", "definitions", "chunk", "workers"}

Settings = dict[str, Any]
Arrays = dict[str, NDArray[Any]]
Variables = dict[str, tuple[tuple[str, ...], Any]]


class Task(NamedTuple):
    """Some trials of one point of the grid: the neuron's settings, the trials' numbers (B,), the point, all settings."""

    config: Config
    numbers: NDArray[np.int64]
    point: Settings
    settings: Settings

    @property
    def keys(self) -> NDArray[np.uint64]:
        """One key a trial, the same at every point: common random numbers."""
        return trial_keys(self.config, self.numbers)


def plain_config(settings: Settings, point: Settings) -> Config:
    """The settings and coordinates that are fields of ``Config``."""
    return Config(**{name: value for name, value in (settings | point).items() if name in FIELDS})


def plain_size(settings: Settings, point: Settings) -> int:
    """``trials`` at every point."""
    return int(settings["trials"])


def no_coordinates(settings: Settings) -> dict[str, Any]:
    """No axes but the grid's and the algorithms."""
    return {}


@dataclass(frozen=True)
class Study:
    """A study as data.

    ``axes``: name and meaning of each axis of the result; those that are tuples in the settings and named in ``grid`` make its
    points. ``work``: the arrays of some trials, the last axis counting them, computed in a worker. ``summary``: variables
    (dims, values) of one point from the arrays of all its trials. ``rows``: the result as a short table. ``decides``: fields of
    ``Config`` that the study sets itself, from other settings.
    """

    name: str
    title: str
    claim: str
    axes: Mapping[str, str]
    grid: tuple[str, ...]
    presets: Mapping[str, Settings]
    work: Callable[[Task], Arrays]
    summary: Callable[[Task, Arrays], Variables]
    rows: Callable[["xarray.Dataset"], list[dict[str, Any]]]
    config: Callable[[Settings, Settings], Config] = plain_config
    size: Callable[[Settings, Settings], int] = plain_size
    coordinates: Callable[[Settings], dict[str, Any]] = no_coordinates
    decides: tuple[str, ...] = ()

    def settings(self, preset: str, changes: Mapping[str, Any]) -> Settings:
        """A preset with changes; an unknown preset or setting is refused, a tuple setting takes a single value too."""
        if preset not in self.presets:
            raise unknown("preset", preset, list(self.presets))
        settings = dict(self.presets[preset])
        for name, value in changes.items():
            if name not in settings and (name not in FIELDS or name in self.decides):
                known = ", ".join(sorted({*settings, *FIELDS} - {*self.decides}))
                raise ValueError(f"The study {self.name!r} has no setting {name!r}; known are {known}.")
            settings[name] = _like(settings.get(name), value)
        return settings

    def points(self, settings: Settings) -> list[Settings]:
        """The points of the grid, the last axis changing fastest; every axis has different values, at least one."""
        points: list[Settings] = [{}]
        for axis in self.grid:
            values = [_number(v) for v in settings[axis]]
            if not values or len({str(v) for v in values}) < len(values):
                raise ValueError(f"The axis {axis!r} holds different values, at least one, not {settings[axis]!r}.")
            points = [point | {axis: value} for point in points for value in values]
        return points


def _like(old: Any, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        value = tuple(value)
    return (value,) if isinstance(old, tuple) and not isinstance(value, tuple) else value


def _number(value: Any) -> Any:
    """inf samples are the population."""
    return None if isinstance(value, float) and math.isinf(value) else value


def label(value: Any) -> Any:
    """A coordinate as the result labels it: inf for the population, an initialisation by its name."""
    return math.inf if value is None else value.spec if isinstance(value, Initialisation) else value


def presets(common: Settings, **own: Settings) -> dict[str, Settings]:
    """Presets that share settings.

    >>> presets({"d": 2}, smoke={"trials": 10})
    {'smoke': {'d': 2, 'trials': 10}}
    """
    return {name: common | changes for name, changes in own.items()}


def spaced(first: float, last: float, count: int) -> tuple[float, ...]:
    """``count`` values in geometric progression, to three digits.

    >>> spaced(1, 100, 3)
    (1.0, 10.0, 100.0)
    """
    return tuple(float(f"{v:.3g}") for v in np.geomspace(first, last, count))


def even(first: float, last: float, count: int) -> tuple[float, ...]:
    """``count`` values in arithmetic progression, to six digits."""
    return tuple(round(float(v), 6) for v in np.linspace(first, last, count))


def flat(dataset: "xarray.Dataset", names: Sequence[str], lead: str) -> list[dict[str, Any]]:
    """One row a cell of ``lead``: its coordinates, then the variables ``names``, broadcast where they have fewer axes."""
    dims = dataset[lead].dims
    rows = []
    for place in np.ndindex(*dataset[lead].shape):
        at = dict(zip(dims, place, strict=True))
        row = {str(d): dataset[d].values[i].item() if d in dataset.coords else i for d, i in at.items()}
        for name in names:
            if name in dataset:
                row[name] = dataset[name].isel({d: i for d, i in at.items() if d in dataset[name].dims}).item()
        rows.append(row)
    return rows
