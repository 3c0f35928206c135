"""`adaptive_diagram`: a phase diagram that spends its trials where the boundary is.

What is looked for is, for each algorithm, the region where P(learned) > ``share``. Pixels at every ``coarse``-th place of each
axis (and the last one) are measured; then, round after round, every box between measured pixels is halved along each
axis if any two measured pixels in it, its faces included, differ in the label of any algorithm. Faces matter: a boundary that
enters a box through one of them and leaves through the same has not been seen by its corners, but by the pixels of a
neighbour that was halved before. What lies in a box that is never halved takes the label of its corners.

A measured pixel draws trials 0, 1, 2, … of the uniform diagram (same keys, same bits) until the confidence sequence of every
algorithm excludes ``share``, looking after 8, 12, 18, … of them, or to ``config.trials``; its label is the majority's. Boxes
don't wait for that: they are halved by the labels so far, so a round holds trials of many pixels and there are few rounds.

Resolution. If labels are those of the true regions, then every part of a region that holds a pixel of the first grid is found,
thus any that holds ``coarse`` × ``coarse`` pixels; and its boundary is followed pixel by pixel as long as the boxes that it
passes through see it. An island between the pixels of the first grid is missed, as are necks and bays that lie within a single
box and touch no face that is measured. ``coarse=1`` measures every pixel. Where labels are noisy, a wrong one on the first
grid costs trials, not errors: the box around it is halved until it stands alone.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from itertools import count, pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.streams import key

from .config import Config, as_config
from .data import trial_keys
from .diagram import INITIAL, NUMERIC, Axes, Grid, checked, setting
from .rounds import lasting
from .run_trials import simulate
from .sequences import confidence_sequence
from .status import OPEN, Status
from .store import Chunk, chunks, stored

if TYPE_CHECKING:
    import xarray

__all__ = ["adaptive_diagram", "looks"]

SCHEMA = "simulate.adaptive_diagram/1"
FIRST = 8
"""Trials of a pixel before the first look: the sequence at 95 % excludes 1/2 after 8 of the same kind."""
CONCENTRATION = 2.0
"""ρ of the sequences, for few trials."""
Ints = NDArray[np.int64]
Box = tuple[tuple[int, int], ...]


def adaptive_diagram(
    config: Config | Mapping[str, Any],
    axes: Axes | None = None,
    *,
    coarse: int = 8,
    share: float = 0.5,
    level: float = 0.95,
    out: str | Path | None = None,
    executor: Executor | str | None = None,
    show: str = "",
) -> "xarray.Dataset":
    """Where P(learned) > ``share`` over the grid of ``axes``, with at most ``config.trials`` trials a pixel.

    Dims as in ``phase_diagram``. hits, undecided, n, counts: of the trials that were run, 0 at pixels that were not measured.
    above: more than ``share`` of them learned, for an inferred pixel as in the box around it. inferred (without algorithm): no
    trials of its own. decided: the confidence sequence at ``level`` excludes ``share``. ``coarse``: places between the pixels
    of the first grid. Same bits whatever chunk, workers and executor; ``out`` is resumed round by round.

    >>> line = {"w1": [-0.8, -0.6, -0.4, -0.2, 0.2, 0.4, 0.6, 0.8, 1.0]}
    >>> found = adaptive_diagram({"n": None, "d": 1, "trials": 1, "t": 50, "init": "gaussian"}, {"a0": [0.9], **line})
    >>> found.above.sel(algorithm="IMP").values.astype(int).tolist(), int(found.n.sel(algorithm="IMP").sum())
    ([[0, 0, 0, 0, 1, 1, 1, 1, 1]], 5)
    """
    if isinstance(config, Mapping):
        config = dict(config)
        axes = config.pop("axes", None) if axes is None else axes
    config = as_config(config)
    grid = checked(config, axes)
    if isinstance(coarse, bool) or not isinstance(coarse, int) or coarse < 1:
        raise ValueError(f"coarse is a whole number of pixels, at least 1, not {coarse!r}.")
    if not (0 < share < 1 and 0 < level < 1):
        raise ValueError(f"share and level lie between 0 and 1, not at {share!r} and {level!r}.")
    rule = Rule(coarse, float(share), float(level))
    settings = {**config.settings(), "axes": grid, "adaptive": True, **rule._asdict()}

    def build(parts: Path | None) -> "xarray.Dataset":
        with lasting(config.workers, executor) as run:
            return _Search(config, grid, rule, parts, show).run(run)

    return stored(out, SCHEMA, settings, build)


def looks(most: int) -> Iterator[int]:
    """The numbers of trials after which a pixel is looked at.

    >>> list(looks(30))
    [8, 12, 18, 27, 30]
    """
    end = FIRST
    while end < most:
        yield end
        end += end // 2
    yield most


class Rule(NamedTuple):
    """Places between the pixels of the first grid, where the boundary lies, and the level that decides a pixel."""

    coarse: int
    share: float
    level: float


class _Search:
    """One diagram in the making: counts (P, A, S) of the trials so far and labels (*grid, A), −1 where unknown."""

    def __init__(self, config: Config, grid: Grid, rule: Rule, parts: Path | None, show: str):
        self.config, self.grid, self.rule, self.parts, self.show = config, grid, rule, parts, show
        self.shape = tuple(len(values) for values in grid.values())
        self.counts = np.zeros((int(np.prod(self.shape)), len(config.names), len(Status)), np.int64)
        self.labels = np.full((*self.shape, len(config.names)), -1, np.int8)

    def run(self, run: Any) -> "xarray.Dataset":
        """Rounds: trials for all pixels in doubt, then boxes in doubt are halved, until there are none; then infer."""
        doubtful, boxes = self._halve(_first(self.shape, self.rule.coarse))
        for number in count():
            if not len(doubtful):
                break
            name = self.show and f"{self.show}, round {number}, {len(doubtful)} pixels"
            self._add(run(partial(self._measure, self._todo(number, doubtful), name)))
            n = self.counts[doubtful].sum(-1)
            labels = self.counts[doubtful][..., Status.LEARNED] > self.rule.share * n
            self.labels.reshape(-1, n.shape[1])[doubtful] = labels
            open_ = doubtful[(n[:, 0] < self.config.trials) & ~self._decided(doubtful).all(-1)]
            new, boxes = self._halve(boxes)
            doubtful = np.union1d(open_, new)
        measured = self.labels[..., 0] >= 0
        for box in boxes:
            part = self.labels[_cut(box)]
            part[...] = np.where(part < 0, part.max(axis=tuple(range(len(box)))), part)
        return self._dataset(measured)

    def _measure(self, todo: list[Chunk], show: str, executor: Executor | None) -> list[tuple[Chunk, Any]]:
        workers = self.config.workers
        return list(chunks(_statuses, todo, parts=self.parts, workers=workers, executor=executor, show=show))

    def _add(self, found: list[tuple[Chunk, Any]]) -> None:
        for chunk, arrays in found:
            pixels = chunk.arguments[2]
            for a, status in enumerate(arrays["status"]):
                np.add.at(self.counts[:, a], (pixels, status.astype(np.int64)), 1)

    def _decided(self, pixels: Any) -> NDArray[np.bool_]:
        """For each algorithm: does the interval exclude ``share``?"""
        counts = self.counts[pixels]
        low, high = confidence_sequence(counts[..., Status.LEARNED], counts.sum(-1), self.rule.level, CONCENTRATION)
        return np.asarray((low > self.rule.share) | (high < self.rule.share))

    def _todo(self, number: int, pixels: Ints) -> list[Chunk]:
        """Chunks of the trials that each pixel has until its next look, those of one setting together."""
        start = self.counts[pixels, 0].sum(-1)
        ends = np.array(list(looks(self.config.trials)))
        size = ends[np.searchsorted(ends, start, "right")] - start
        trial = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size - start, size)
        pixel = np.repeat(pixels, size)
        names, places = list(self.grid), np.array(np.unravel_index(pixel, self.shape)).T
        numeric = [i for i, name in enumerate(names) if name in NUMERIC]
        groups, group = np.unique(places[:, numeric], axis=0, return_inverse=True)
        todo = []
        for k, at in enumerate(groups):
            values = {names[i]: setting(names[i], self.grid[names[i]][v]) for i, v in zip(numeric, at, strict=True)}
            one, own = self.config.but(**values), np.flatnonzero(group.reshape(-1) == k)
            step = one.chunk_of(len(own))
            for first in range(0, len(own), step):
                rows = own[first : first + step]
                initial = {n: np.array(self.grid[n])[places[rows, i]] for i, n in enumerate(names) if n in INITIAL}
                name = f"{number:04d}-{k:06d}-{first:09d}-{len(rows)}"
                todo.append(Chunk(name, len(rows), (one, initial, pixel[rows], trial[rows])))
        return todo

    def _halve(self, boxes: list[Box]) -> tuple[Ints, list[Box]]:
        """Unknown corners, and the boxes that are left where those in doubt are halved along each axis, and so on."""
        left: list[Box] = []
        new: set[tuple[int, ...]] = set()
        stack = [*boxes]
        while stack:
            box = stack.pop()
            new.update(corner for corner in product(*box) if self.labels[corner][0] < 0)
            part = self.labels[_cut(box)].reshape(-1, self.labels.shape[-1])
            known = part[part[:, 0] >= 0]
            if len(known) and (known != known[0]).any():
                stack += product(*map(_halves, box)) if any(high - low > 1 for low, high in box) else []
            else:
                left.append(box)
        return np.array(sorted(np.ravel_multi_index(corner, self.shape) for corner in new), np.int64), left

    def _dataset(self, measured: NDArray[np.bool_]) -> "xarray.Dataset":
        import xarray

        labels = {"samples" if name == "n" else name: values for name, values in self.grid.items()}
        dims, n = (*labels, "algorithm"), self.counts.sum(-1)
        counts = self.counts.reshape(*self.labels.shape, len(Status))
        decided = self._decided(slice(None)) & (n > 0)
        return xarray.Dataset(
            {
                "hits": (dims, counts[..., Status.LEARNED]),
                "undecided": (dims, counts[..., list(OPEN)].sum(-1)),
                "n": (dims, counts.sum(-1)),
                "counts": ((*dims, "status"), counts),
                "above": (dims, self.labels == 1),
                "decided": (dims, decided.reshape(self.labels.shape)),
                "inferred": (tuple(labels), ~measured),
            },
            coords={**labels, "algorithm": self.config.names, "status": [s.label for s in Status]},
        )


def _first(shape: tuple[int, ...], coarse: int) -> list[Box]:
    """The boxes between the places 0, coarse, 2·coarse, …, and the last, of each axis."""
    stops = [sorted({*range(0, size, coarse), size - 1}) for size in shape]
    return list(product(*(list(pairwise(at)) or [(0, 0)] for at in stops)))


def _halves(side: tuple[int, int]) -> list[tuple[int, int]]:
    low, high = side
    middle = (low + high) // 2
    return [(low, middle), (middle, high)] if high - low > 1 else [side]


def _cut(box: Box) -> tuple[slice, ...]:
    return tuple(slice(low, high + 1) for low, high in box)


def _statuses(config: Config, initial: dict[str, Any], pixels: Ints, trials: Ints) -> dict[str, NDArray[np.int8]]:
    """The statuses of these trials of these pixels, with initial values, all of shape (B,)."""
    keys = key(trial_keys(config, trials), "pixel", pixels)
    return {"status": simulate(config, keys, *(initial.get(name) for name in INITIAL))["status"]}
