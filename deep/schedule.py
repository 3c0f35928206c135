"""The learning rate by step, warm-up first; and where a level enters the schedule."""

from bisect import bisect_right
from dataclasses import dataclass
from math import cos, pi

from theory.algorithms import At, Rewind

from .config import Training

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Learning rates by optimiser step k: peak·(k+1)/warmup for k < warmup; then by ``shape``

    - "step": peak·gamma^(milestones passed),
    - "cosine": peak·(1 + cos π(k − warmup)/(total − warmup))/2,
    - "constant": peak.
    """

    peak: float
    warmup: int
    milestones: tuple[int, ...]
    gamma: float
    per_epoch: int
    total: int
    shape: str = "step"

    @classmethod
    def of(cls, config: Training, per_epoch: int) -> "Schedule":
        """The schedule of ``config``, its moments turned into steps."""

        def steps(at: At) -> int:
            return round(at.count(step=1, epoch=per_epoch))

        milestones, warmup, total = tuple(sorted(map(steps, config.milestones_at))), steps(config.warmup_at), 0
        total = max(1, steps(config.length_at))
        return cls(config.learning_rate, warmup, milestones, config.gamma, per_epoch, total, config.schedule)

    @property
    def epochs(self) -> int:
        """Epochs of a level, the last of which may be cut short."""
        return -(-self.total // self.per_epoch)

    def __call__(self, step: int) -> float:
        """The learning rate of step 0, 1, …

        >>> s = Schedule(1.0, 2, (4,), 0.5, 3, 6)
        >>> [s(k) for k in range(6)]
        [0.5, 1.0, 1.0, 1.0, 0.5, 0.5]
        >>> Schedule(1.0, 0, (), 0.5, 3, 4, "cosine")(2)
        0.5
        """
        rate = self.peak * self.gamma ** bisect_right(self.milestones, step)
        if step < self.warmup:
            return rate * (step + 1) / self.warmup
        if self.shape == "cosine":
            return self.peak * (1 + cos(pi * (step - self.warmup) / max(1, self.total - self.warmup))) / 2
        return rate

    def step(self, at: At) -> int:
        """The number of steps after which a moment lies; ValueError where training ends before it.

        >>> Schedule(1.0, 0, (), 0.5, 100, 300).step(At(2, "epoch"))
        200
        """
        step = round(at.count(step=1, epoch=self.per_epoch))
        if step > self.total:
            raise ValueError(
                f"The rewind point {at} lies behind the end of training: {self.total} steps, {self.per_epoch} an epoch."
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

    def span(self, rewind: Rewind) -> int | None:
        """Steps between sign flips inside a level; None without."""
        if not rewind.flip or rewind.flip_every is None:
            return None
        span = round(rewind.flip_every.count(step=1, epoch=self.per_epoch))
        if span < 1:
            raise ValueError(f"flip_every={rewind.flip_every} is less than a step.")
        return span

    def rate(self, step: int, rewind: Rewind) -> float:
        """The learning rate of a step in a level with this rewind: "hold" keeps the schedule's last one."""
        return self(self.total - 1 if rewind.schedule == "hold" else step)
