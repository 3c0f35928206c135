"""The learning rate: linear warm-up, then steps down; and where a level enters the schedule."""

from bisect import bisect_right
from dataclasses import dataclass

from theory.algorithms import At, Rewind

from .config import Training

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Learning rates by optimiser step: peak·(k+1)/warmup for k < warmup, then peak·gamma^(milestones passed)."""

    peak: float
    warmup: int
    milestones: tuple[int, ...]
    gamma: float
    per_epoch: int
    total: int

    @classmethod
    def of(cls, config: Training, per_epoch: int) -> "Schedule":
        """The schedule of ``config``, its epochs turned into steps."""
        steps = tuple(sorted(round(m * per_epoch) for m in config.milestones_at))
        warmup = round(config.warmup_at * per_epoch)
        return cls(config.learning_rate, warmup, steps, config.gamma, per_epoch, config.epochs * per_epoch)

    def __call__(self, step: int) -> float:
        """The learning rate of step 0, 1, …

        >>> s = Schedule(1.0, 2, (4,), 0.5, 3, 6)
        >>> [s(k) for k in range(6)]
        [0.5, 1.0, 1.0, 1.0, 0.5, 0.5]
        """
        rate = self.peak * self.gamma ** bisect_right(self.milestones, step)
        return rate * (step + 1) / self.warmup if step < self.warmup else rate

    def step(self, at: At) -> int:
        """The number of steps after which a rewind point lies; ValueError where training ends before it.

        >>> Schedule(1.0, 0, (), 0.5, 100, 300).step(At(2, "epoch"))
        200
        """
        step = round(at.count(step=1, epoch=self.per_epoch))
        if step > self.total:
            raise ValueError(
                f"The rewind point {at} lies behind the end of training: {self.total // self.per_epoch} epochs of "
                f"{self.per_epoch} steps."
            )
        return step

    def entry(self, rewind: Rewind) -> int:
        """The step at which a level starts: 0, or for "replay" the step that its weights are rewound to."""
        if rewind.schedule != "replay" or rewind.magnitude == "init":
            return 0
        if not isinstance(rewind.magnitude, At):
            raise ValueError(f"The schedule replays from a rewind point At(...), not from {rewind.magnitude!r} magnitudes.")
        step = self.step(rewind.magnitude)
        if step == self.total:
            raise ValueError(f"The schedule can't replay from {rewind.magnitude}, where training ends.")
        return step

    def rate(self, step: int, rewind: Rewind) -> float:
        """The learning rate of a step in a level with this rewind: "hold" keeps the schedule's last one."""
        return self(self.total - 1 if rewind.schedule == "hold" else step)
