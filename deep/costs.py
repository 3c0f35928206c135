"""What a run or sweep will cost, from the counts of its settings and a few timed steps."""

import math
import time
from collections.abc import Sequence
from typing import Any

from theory.algorithms import Algorithm, Rewind
from theory.names import algorithm

from .config import Training, whole
from .images import read
from .trainer import TorchTrainer, engine

__all__ = ["cost"]


def cost(
    config: Training, algorithms: Sequence[str | Algorithm], seeds: int = 1, workers: int = 1, budget: float = 2.0
) -> dict[str, Any]:
    """Counts, and an estimate from steps timed for about ``budget`` seconds; an evaluated image counts a third."""
    whole("seeds", seeds, 1)
    whole("workers", workers, 1)
    programs = [algorithm(name) for name in dict.fromkeys(algorithms)]
    prunings = [config.levels if a.prunings is None else min(config.levels, a.prunings) for a in programs]
    trainings = seeds * (1 + sum(prunings))
    with engine(config):
        trainer = TorchTrainer(config, read(config.data), algorithms=programs)
        rate = _images_per_second(trainer, budget)
    parts = trainer.parts
    seen = parts.per_epoch * config.batch_size
    images = config.epochs * (seen + len(parts.validation) / 3) + len(parts.test) / 3
    return {
        "parameters": sum(p.numel() for p in trainer.net.parameters()),
        "prunable weights": sum(m.numel() for m in trainer.net.masks.values()),
        "training images": len(parts.train),
        "steps an epoch": parts.per_epoch,
        "steps a training": trainer.schedule.total,
        "trainings": trainings,
        "images a second": round(rate),
        "estimated seconds": round(trainings * images / rate / min(workers, trainings)),
    }


def _images_per_second(trainer: TorchTrainer, budget: float) -> float:
    """Speed of training steps, the first two of an epoch left out."""
    optimiser, began, done = trainer.optimiser(Rewind()), math.nan, 0
    trainer.net.train()
    for i, batch in enumerate(trainer.parts.batches(0, 0)):
        if i == min(2, trainer.parts.per_epoch - 1):
            began, done = time.perf_counter(), 0
        done += int(trainer.step(optimiser, *batch)[2])
        if time.perf_counter() - began > budget:
            break
    return done / (time.perf_counter() - began)
