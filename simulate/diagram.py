"""`phase_diagram`: how often each algorithm learns over a grid of settings or of initial values."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory.streams import key

from .config import Config, as_config
from .data import trial_keys
from .run_trials import simulate
from .status import Status
from .store import compute, stored

if TYPE_CHECKING:
    import xarray

__all__ = ["NUMERIC", "phase_diagram"]

SCHEMA = "simulate.phase_diagram/2"
NUMERIC = ("n", "d", "sigma", "eta", "t", "keep", "levels")
INITIAL = ("a0", "w1")
Axes = Mapping[str, Sequence[float]]


def phase_diagram(
    config: Config | Mapping[str, Any],
    axes: Axes | None = None,
    *,
    out: str | Path | None = None,
    executor: Executor | None = None,
    show: str = "",
) -> "xarray.Dataset":
    """Counts over the grid of ``axes`` (name: values), dims (*axes, algorithm[, status]); ``config.trials`` trials a pixel.

    An axis is a numeric setting (n, d, sigma, eta, t, keep, levels) or an initial value: a0, or w1 = w0[0]; the other
    coordinates of w0, and a0 where it is no axis, follow the initialisation. Pixels are independent (keyed by their place in
    the grid). hits: learned; undecided; n: trials; counts: trials of each status; so the axis n is labelled ``samples``.
    ``axes`` may also stand in a mapping ``config``.

    >>> diagram = phase_diagram({"n": None, "d": 1, "trials": 1, "t": 50, "axes": {"a0": [-1, 1], "w1": [-0.5, 0.5]}})
    >>> diagram.hits.sel(algorithm="IMP").values.tolist()
    [[0, 0], [0, 1]]
    """
    if isinstance(config, Mapping):
        config = dict(config)
        axes = config.pop("axes", None) if axes is None else axes
    config = as_config(config)
    grid = _checked(config, axes)
    settings = {**config.settings(), "axes": grid}
    return stored(out, SCHEMA, settings, lambda parts: _dataset(config, grid, parts, executor, show))


def _checked(config: Config, axes: Axes | None) -> dict[str, list[float]]:
    if not isinstance(axes, Mapping) or not axes:
        raise ValueError(f"A phase diagram needs axes, name: values, not {axes!r}.")
    if any(values is not None for values in (config.X, config.a0, config.w0)):
        raise ValueError("A phase diagram draws its trials; X, y, a0 and w0 can't be given.")
    grid = {}
    for name, values in axes.items():
        if name not in NUMERIC + INITIAL:
            raise ValueError(f"Unknown axis {name!r}; known are {', '.join(NUMERIC + INITIAL)}.")
        try:
            grid[name] = [float(v) for v in np.ravel(values)]
        except (TypeError, ValueError):
            raise ValueError(f"The axis {name!r} holds something that is no number: {values!r}.") from None
        if not grid[name] or len(set(grid[name])) < len(grid[name]) or (name in INITIAL and not np.isfinite(grid[name]).all()):
            raise ValueError(f"The axis {name!r} holds different finite numbers, at least one, not {values!r}.")
    return grid


def _dataset(config: Config, grid: dict[str, list[float]], parts: Path | None, executor: Executor | None, show: str) -> Any:
    import xarray

    shape = tuple(len(values) for values in grid.values())
    tasks, places = _tasks(config, grid)
    found = compute(_statuses, tasks, parts=parts, workers=config.workers, executor=executor, show=show and f"{show}, chunks")
    counts = np.zeros((math.prod(shape), len(config.names), len(Status)), np.int64)
    for part, pixels in zip(found, places, strict=True):
        for algorithm, status in enumerate(part["status"]):
            np.add.at(counts[:, algorithm], (pixels, status.astype(np.int64)), 1)
    counts = counts.reshape(*shape, len(config.names), len(Status))
    labels = {"samples" if name == "n" else name: values for name, values in grid.items()}
    dims = (*labels, "algorithm")
    return xarray.Dataset(
        {
            "hits": (dims, counts[..., Status.LEARNED]),
            "undecided": (dims, counts[..., Status.UNDECIDED]),
            "n": (dims, counts.sum(-1)),
            "counts": ((*dims, "status"), counts),
        },
        coords={**labels, "algorithm": config.names, "status": [s.label for s in Status]},
    )


def _tasks(config: Config, grid: dict[str, list[float]]) -> tuple[dict[str, tuple[Any, ...]], list[NDArray[np.int64]]]:
    """Chunks of trials, each of one setting but of several pixels (a0, w1), and the pixel of each trial."""
    groups: dict[tuple[float, ...], list[int]] = {}
    points = list(product(*grid.values()))
    for pixel, point in enumerate(points):
        groups.setdefault(tuple(v for name, v in zip(grid, point, strict=True) if name in NUMERIC), []).append(pixel)
    tasks, places = {}, []
    for number, (values, members) in enumerate(groups.items()):
        one = config.but(**{n: _setting(n, v) for n, v in zip([n for n in grid if n in NUMERIC], values, strict=True)})
        pixels = np.repeat(members, config.trials)
        trial = np.tile(np.arange(config.trials), len(members))
        for start in range(0, len(pixels), config.chunk):
            cut = slice(start, start + config.chunk)
            initial = {n: np.array([points[p][i] for p in pixels[cut]]) for i, n in enumerate(grid) if n in INITIAL}
            keys = np.array([key(trial_keys(config, t), "pixel", int(p)) for t, p in zip(trial[cut], pixels[cut], strict=True)])
            tasks[f"{number:06d}-{start:09d}-{len(keys)}"] = (one, keys, initial.get("a0"), initial.get("w1"))
            places.append(pixels[cut])
    return tasks, places


def _setting(name: str, value: float) -> int | float | None:
    if name == "n" and math.isinf(value):
        return None
    return int(value) if value == int(value) and name in ("n", "d", "keep", "levels") else value


def _statuses(config: Config, keys: NDArray[np.uint64], a0: Any, w1: Any) -> dict[str, NDArray[np.int8]]:
    return {"status": simulate(config, keys, a0, w1)["status"]}
