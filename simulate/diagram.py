"""`phase_diagram`: how often each algorithm learns over a grid of settings or of initial values."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory.streams import key

from .config import Config, as_config
from .data import trial_keys
from .run_trials import simulate
from .status import OPEN, Status
from .store import Chunk, chunks, stored

if TYPE_CHECKING:
    import xarray

__all__ = ["INITIAL", "NUMERIC", "checked", "phase_diagram", "setting"]

SCHEMA = "simulate.phase_diagram/3"
NUMERIC = ("n", "d", "sigma", "eta", "t", "keep", "levels")
INITIAL = ("a0", "w1")
Axes = Mapping[str, Sequence[float]]
Grid = dict[str, list[float]]
Ints = NDArray[np.int64]


def phase_diagram(
    config: Config | Mapping[str, Any],
    axes: Axes | None = None,
    *,
    out: str | Path | None = None,
    executor: Executor | str | None = None,
    show: str = "",
) -> "xarray.Dataset":
    """Counts over the grid of ``axes`` (name: values), dims (*axes, algorithm[, status]); ``config.trials`` trials a pixel.

    An axis is a numeric setting (n, d, sigma, eta, t, keep, levels) or an initial value: a0, or w1 = w0[0]; the other
    coordinates of w0, and a0 where it is no axis, follow the initialisation. Pixels are independent (keyed by their place in
    the grid). hits: learned; undecided; n: trials; counts: trials of each status; so the axis n is labelled ``samples``.
    ``axes`` may also stand in a mapping ``config``. ``out`` and ``executor`` as for ``trials``.

    >>> diagram = phase_diagram({"n": None, "d": 1, "trials": 1, "t": 50, "axes": {"a0": [-1, 1], "w1": [-0.5, 0.5]}})
    >>> diagram.hits.sel(algorithm="IMP").values.tolist()
    [[0, 0], [0, 1]]
    """
    if isinstance(config, Mapping):
        config = dict(config)
        axes = config.pop("axes", None) if axes is None else axes
    config = as_config(config)
    grid = checked(config, axes)
    settings = {**config.settings(), "axes": grid}
    return stored(out, SCHEMA, settings, lambda parts: _dataset(config, grid, parts, executor, show))


def checked(config: Config, axes: Axes | None) -> Grid:
    """The axes as lists of numbers, or ValueError."""
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


def _dataset(config: Config, grid: Grid, parts: Path | None, executor: Executor | str | None, show: str) -> Any:
    import xarray

    shape = tuple(len(values) for values in grid.values())
    counts = np.zeros((math.prod(shape), len(config.names), len(Status)), np.int64)
    todo = _todo(config, grid)
    for chunk, found in chunks(_statuses, todo, parts=parts, workers=config.workers, executor=executor, show=show):
        _count(counts, _places(*chunk.arguments)[0], found["status"])
    counts = counts.reshape(*shape, len(config.names), len(Status))
    labels = {"samples" if name == "n" else name: values for name, values in grid.items()}
    dims = (*labels, "algorithm")
    return xarray.Dataset(
        {
            "hits": (dims, counts[..., Status.LEARNED]),
            "undecided": (dims, counts[..., list(OPEN)].sum(-1)),
            "n": (dims, counts.sum(-1)),
            "counts": ((*dims, "status"), counts),
        },
        coords={**labels, "algorithm": config.names, "status": [s.label for s in Status]},
    )


def _count(counts: Ints, pixels: Ints, status: NDArray[np.int8]) -> None:
    """Add the statuses (A, B) of trials in ``pixels`` (B,), which don't fall, to ``counts`` (P, A, S)."""
    first, size = pixels[0], pixels[-1] - pixels[0] + 1
    for algorithm, one in enumerate(status):
        cells = (pixels - first) * counts.shape[-1] + one
        found = np.bincount(cells, minlength=size * counts.shape[-1])
        counts[first : first + size, algorithm] += found.reshape(size, -1)


def _todo(config: Config, grid: Grid) -> list[Chunk]:
    """Chunks of trials, each of one setting but of several pixels (a0, w1)."""
    names = [name for name in grid if name in NUMERIC]
    members = math.prod(len(values) for name, values in grid.items() if name not in NUMERIC)
    todo, trials = [], members * config.trials
    for number, at in enumerate(np.ndindex(*(len(grid[name]) for name in names))):
        values = {name: grid[name][i] for name, i in zip(names, at, strict=True)}
        one = config.but(**{name: setting(name, value) for name, value in values.items()}) if values else config
        size = one.chunk_of(trials)
        for start in range(0, trials, size):
            stop = min(start + size, trials)
            todo.append(Chunk(f"{number:06d}-{start:09d}-{stop - start}", stop - start, (one, grid, at, start, stop)))
    return todo


def _places(config: Config, grid: Grid, at: tuple[int, ...], start: int, stop: int) -> tuple[Ints, Ints, dict[str, Any]]:
    """The pixels (B,) of the trials start … stop − 1 of one setting, which stands at the places ``at`` of its axes; the
    numbers of the trials within their pixels (B,), and their initial values.
    """
    member, trial = np.divmod(np.arange(start, stop), config.trials)
    free = [name for name in grid if name in INITIAL]
    places: dict[str, Any] = dict(zip([name for name in grid if name in NUMERIC], at, strict=True))
    if free:
        places |= zip(free, np.unravel_index(member, [len(grid[name]) for name in free]), strict=True)
    steps = np.cumprod([1, *(len(values) for values in reversed(grid.values()))])[-2::-1]
    pixels = sum((step * places[name] for step, name in zip(steps, grid, strict=True)), np.zeros_like(member))
    return pixels, trial, {name: np.array(grid[name])[places[name]] for name in free}


def _statuses(config: Config, grid: Grid, at: tuple[int, ...], start: int, stop: int) -> dict[str, NDArray[np.int8]]:
    pixels, trial, initial = _places(config, grid, at, start, stop)
    keys = trial_keys(config, trial)
    found = simulate(config, key(keys, "pixel", pixels), initial.get("a0"), initial.get("w1"))
    return {"status": found["status"]}


def setting(name: str, value: float) -> int | float | None:
    """A value of a numeric axis as ``Config`` takes it: the population for n = inf, whole numbers as such."""
    if name == "n" and math.isinf(value):
        return None
    return int(value) if value == int(value) and name in ("n", "d", "keep", "levels") else value
