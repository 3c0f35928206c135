"""Networks of one architecture that are trained together: each a ``TorchTrainer`` of its own, all steps taken by one ``Stack``.

A ``Lane`` is a ``TorchTrainer`` whose weights, masks, statistics and optimiser's memory are a row of the stack's tensors. What
an algorithm does between steps (points, checkpoints, flips, rewinding) is the code that trains one network; only the steps and
the evaluations are the stack's. Lanes differ in seed, data, masks, algorithm, level, learning rate, weights and optimiser's
memory; those of one stack start at the same step of a level and share all other settings.

Bits. On one CPU thread without torch.compile a network ends with the same bits whatever its place and whichever and however
many networks (at least ``LEAST``; shorter stacks are filled) run beside it: tested in float32, float64 and bfloat16. What would
break it: in channels_last memory, sums over channels that end a row of vector registers differ from those that do not (batch
norm, means: hence the contiguous layout); so do a bias's gradient, and matrix products that start at odd addresses
(``deep.stacked_layers``); with two threads, convolutions depend on the number of networks (hence one thread). The bits are not
those of a network trained alone, whose convolutions have other kernels: in float64, over two levels of a few steps, points
differ by 1e-10 or less, and masks not at all.

On CUDA, or compiled, kernels are chosen by shapes: there stacks are always filled up to ``together``, which the identity of a
run says. Whether the place in the stack matters there was not measured (tests/bench/replicas.py does it).
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from theory.algorithms import Algorithm, At, Rewind

from .config import Training
from .data import Data, Resident
from .distributed import current
from .images import Images
from .models import build
from .stacked import Pace, Stack
from .trainer import Course, Diverged, TorchTrainer, metrics_row, require_finite

__all__ = ["LEAST", "Lane", "Points", "Stacks", "Start", "is_filled", "train_together"]

LEAST = 3
"""Networks of a stack at least: of fewer, oneDNN chooses other convolutions (seen with 3 × 32 × 32 images), so other bits."""
OWN = (
    *("seed", "learning_rate", "schedule", "warmup", "milestones", "gamma"),
    *("algorithm", "fraction", "fractions", "mask_from", "signs_from", "remember"),
    *("levels", "checkpoint", "loaders", "out"),
)
"""Settings in which the networks of a stack may differ."""


@dataclass(frozen=True)
class Start:
    """One level to be trained: the arguments of ``Trainer.train``."""

    params: Mapping[str, Any]
    mask: Mapping[str, Any]
    level: int
    at: frozenset[At]
    rewind: Rewind


Points = dict[Any, dict[str, Tensor]]


class Lane(TorchTrainer):
    """A ``TorchTrainer`` that trains beside others. ``meet`` is handed its levels; alone, it trains in a stack of its own."""

    def __init__(self, config: Training, data: Images | Data, algorithms: Sequence[Algorithm] = ()):
        data = Resident(data, config) if isinstance(data, Images) else data
        if current().size > 1:
            raise ValueError("Networks are trained together in one process, not by torchrun; use together=1.")
        if config.device == "cpu" and config.threads > 1:
            raise ValueError(f"Networks are trained together on one CPU thread, not on threads={config.threads}.")
        super().__init__(config, data, _model(config, data), algorithms)
        self.sums = torch.zeros(2, dtype=torch.float64, device=config.device)
        self.tested: dict[str, Any] | None = None
        self.meet: Callable[[Lane, Start], Points] = _alone

    @property
    def identity(self) -> dict[str, Any]:
        """What else than its settings a network's bits depend on in a stack."""
        return {"stack": self.config.together if is_filled(self.config) else "of any size"}

    def train(
        self, params: Mapping[str, Any], mask: Mapping[str, Any], level: int, at: frozenset[At], rewind: Rewind
    ) -> Points:
        """Train one level, together with those whom ``meet`` brings; the points as ``TorchTrainer`` gives them."""
        self.tested = None
        return self.meet(self, Start(params, mask, level, at, rewind))

    def evaluate(self, part: str) -> dict[str, Any]:
        """As ``TorchTrainer``; after a level, of the test part, what the stack measured."""
        return self.tested if part == "test" and self.tested is not None else super().evaluate(part)

    def move_to(self, stack: Stack, slot: int) -> None:
        """Lay all tensors into a row of the stack; their values are those that stand there."""
        for name, parameter in self.net.parameters_by_name.items():
            parameter.data = stack.parameters[name][slot]
        for name, mask in self.net.masks.items():
            mask.data = stack.masks[name][slot]
        for name, buffer in self.net.model.named_buffers():
            if name in stack.statistics:
                buffer.data = stack.statistics[name][slot]
        self.sums = stack.sums[slot]


def _model(config: Training, data: Data) -> torch.nn.Module:
    return build(config.model, data.shape, data.classes, config.seed, config.width, config.stem, config.init)


def is_filled(config: Training) -> bool:
    """Must stacks always have the same number of networks for a network to have the same bits?"""
    return config.device != "cpu" or config.compile != "none"


class Stacks:
    """The stacks of one architecture: made when needed, the last one kept."""

    def __init__(self, config: Training, data: Data):
        self.config, self.data, self._last = config, data, dict[int, Stack]()

    def __call__(self, n: int) -> Stack:
        """A stack for ``n`` lanes, with ``n`` or more rows."""
        n = max(n, self.config.together) if is_filled(self.config) else max(n, LEAST)
        if n not in self._last:
            self._last.clear()
            self._last[n] = Stack(_model(self.config, self.data), self.config, n, self.data.shape)
        return self._last[n]


def _alone(lane: Lane, start: Start) -> Points:
    result = train_together([lane], [start], Stacks(lane.config, lane.data))[0]
    if isinstance(result, Diverged):
        raise result
    return result


def train_together(lanes: Sequence[Lane], starts: Sequence[Start], stacks: Stacks) -> list[Points | Diverged]:
    """Train the levels ``starts`` of ``lanes``; for each its points, or ``Diverged``, which stops none of the others.

    Those that begin at the same step (a level's first, that of a checkpoint, that of a replayed schedule) train together,
    whatever their levels. Raises ValueError for settings that lanes of a stack have to share and don't.
    """
    _require_alike(lanes)
    groups: dict[int, list[int]] = {}
    for i, (lane, start) in enumerate(zip(lanes, starts, strict=True)):
        rewind = start.rewind if start.level else Rewind()
        first = lane.schedule.entry(rewind) if lane.midway is None else lane.midway.step
        groups.setdefault(first, []).append(i)
    results: dict[int, Points | Diverged] = {}
    most = stacks.config.together if is_filled(stacks.config) else len(lanes)
    for group in [whole[i : i + most] for whole in groups.values() for i in range(0, len(whole), most)]:
        stack = stacks(len(group))
        results |= zip(group, _Together(stack, [lanes[i] for i in group], [starts[i] for i in group]).run(), strict=True)
    return [results[i] for i in range(len(lanes))]


def _require_alike(lanes: Sequence[Lane]) -> None:
    for name in (f.name for f in fields(Training) if f.name not in OWN):
        values = [getattr(lane.config, name) for lane in lanes]
        for value in values:
            if value != values[0]:
                raise ValueError(f"Networks that are trained together share {name}, which is {values[0]!r} and {value!r} here.")
    lengths = [(lane.schedule.per_epoch, lane.schedule.total) for lane in lanes]
    for length in lengths:
        if length != lengths[0]:
            raise ValueError(
                f"Networks that are trained together take equally many steps, not {lengths[0][1]} and {length[1]}."
            )


class _LaneCourse(Course):
    """A level under way in a row of a stack, which counts loss and right answers there."""

    trainer: Lane

    def _new_sums(self) -> None:
        self.sums, self.n = self.trainer.sums.zero_(), 0

    def passed(self, n: int) -> None:
        """A step is taken, on ``n`` images."""
        self.n, self.step = self.n + n, self.step + 1


class _Together:
    """Lanes in a stack, each in a level of its own."""

    def __init__(self, stack: Stack, lanes: Sequence[Lane], starts: Sequence[Start]):
        self.stack, self.lanes = stack, list(lanes)
        self.diverged: list[Diverged | None] = [None] * len(lanes)
        self.courses = [self._course(slot, lane, start) for slot, (lane, start) in enumerate(zip(lanes, starts, strict=True))]
        self.first = self.courses[0]
        self._hold()
        feeds: dict[tuple[int, int], int] = {}
        self._feed = [feeds.setdefault((c.trainer.config.seed, c.level), len(feeds)) for c in self.courses]
        self._feed += [0] * (stack.n - len(lanes))
        self._fed = [next(c for c, f in zip(self.courses, self._feed, strict=False) if f == i) for i in range(len(feeds))]
        self._kept = time.monotonic()

    def _course(self, slot: int, lane: Lane, start: Start) -> _LaneCourse:
        rewind = start.rewind if start.level else Rewind()
        lane.move_to(self.stack, slot)
        lane.net.load(start.params, start.mask)
        course = _LaneCourse(lane, start.level, rewind, start.at | (lane.moments if start.level == 0 else frozenset()))
        if lane.midway is not None:
            course.go_on(lane.midway)
        lane.midway = None
        self._remember(slot, course)
        return course

    def _remember(self, slot: int, course: _LaneCourse) -> None:
        """Lay what the optimiser remembers into the stack."""
        stack, own = self.stack, course.optimiser.state
        for name, parameter in course.trainer.net.parameters_by_name.items():
            for part, views in stack.memory.items():
                given, row = own[parameter].get(part), views[name][slot]
                row.zero_() if given is None else row.copy_(given)
                own[parameter][part] = row
            if course.trainer.config.optimiser == "adamw":
                stack.steps[slot] = own[parameter].get("step", torch.zeros(()))
                own[parameter]["step"] = stack.steps[slot]

    def _hold(self) -> None:
        """Tell the stack which signs are fixed."""
        stack = self.stack
        stack.fixed = None
        if any(course.negative for course in self.courses):
            stack.fixed = torch.zeros_like(stack.alive), torch.zeros_like(stack.alive)
            held, negative = map(stack.views, stack.fixed)
            for slot, course in enumerate(self.courses):
                for name, own in course.negative.items():
                    held[name][slot].fill_(True)
                    negative[name][slot].copy_(own)

    def run(self) -> list[Points | Diverged]:
        """Train to the end of the level, then test."""
        schedule, start = self.first.trainer.schedule, self.first.step
        self._begin(start, schedule.total)
        while self.first.step < schedule.total and None in self.diverged:
            self._epoch(start, *divmod(self.first.step, schedule.per_epoch))
        points = [c.finish() for c in self.courses]
        for lane, row, course, own in zip(self.lanes, self._evaluate("test"), self.courses, points, strict=True):
            lane.tested, lane.rows, lane.memory = row, course.rows, {**lane.memory, **own}
        return [own if error is None else error for own, error in zip(points, self.diverged, strict=True)]

    def _begin(self, start: int, total: int) -> None:
        idle = [0.0] * (self.stack.n - len(self.lanes))
        rates = [[c.trainer.schedule.rate(k, c.rewind) for c in self.courses] + idle for k in range(start, total)]
        self.stack.begin(Pace(rates, self.stack.steps.tolist()))

    def _epoch(self, start: int, epoch: int, first: int) -> None:
        """The rest of an epoch; nothing in it waits for the device."""
        stack, total = self.stack, self.first.trainer.schedule.total
        for batches in zip(*(c.trainer.data.batches(c.level, epoch, first) for c in self._fed), strict=True):
            self._before_step()
            images, labels = self._side_by_side(batches)
            stack.step(self.first.step - start, images, labels)
            for course in self.courses:
                course.passed(labels.shape[1])
            if self.first.step == total:
                break
        validation = self._evaluate("validation") if self.first.trainer.data.sizes["validation"] else None
        for i, course in enumerate(self.courses):
            rate = course.trainer.schedule.rate(course.step - 1, course.rewind)
            row = {"level": course.level, "epoch": epoch + 1, "learning_rate": rate, "train": course.epoch_row()}
            self._report(i, row if validation is None else row | {"validation": validation[i]})

    def _before_step(self) -> None:
        """What each lane does before a step; checkpoints are kept by all at once, so that they can go on together."""
        due = time.monotonic() - self._kept >= self.first.trainer.config.checkpoint
        for course, failure in zip(self.courses, self.diverged, strict=True):
            course.kept = -math.inf if due and failure is None else math.inf
            course.before_step()
        if due:
            self._kept = time.monotonic()

    def _report(self, i: int, row: dict[str, Any]) -> None:
        course = self.courses[i]
        if self.diverged[i] is None:
            try:
                require_finite(row, course.trainer.config)
            except Diverged as error:
                self.diverged[i] = error
                return
            course.rows.append(row)
            course.trainer.on_epoch(row)

    def _side_by_side(self, batches: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        own = [batches[feed] for feed in self._feed]
        return self.stack.side_by_side([images for images, _ in own]), torch.stack([labels for _, labels in own])

    def _evaluate(self, part: str) -> list[dict[str, Any]]:
        def chunks() -> Iterator[tuple[Tensor, Tensor]]:
            lane = self.first.trainer
            for batches in zip(*(c.trainer.data.evaluation(part, lane.chunk) for c in self._fed), strict=True):
                yield self._side_by_side(batches)

        n = self.first.trainer.data.sizes[part]
        losses, hits = (x.tolist() for x in self.stack.evaluation(chunks()))
        return [metrics_row(loss, right, n) for loss, right in zip(losses, hits, strict=True)][: len(self.lanes)]
