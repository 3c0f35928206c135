"""What a run or sweep will cost, from the counts of its settings and a few timed steps."""

import math
import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from theory.algorithms import Algorithm, Rewind

from .config import Config, Training, whole
from .data import load
from .donors import Donors, require_donors
from .trainer import TorchTrainer, engine

__all__ = ["cost"]


def cost(
    config: Training, algorithms: Sequence[str | Algorithm], seeds: int = 1, workers: int = 1, budget: float = 2.0
) -> dict[str, Any]:
    """Counts, and an estimate from steps timed for about ``budget`` seconds; an evaluated image counts a third."""
    whole("seeds", seeds, 1)
    whole("workers", workers, 1)
    own = {f.name: getattr(config, f.name) for f in fields(Training)}
    configs = [Config(**own, algorithm=name) for name in dict.fromkeys(algorithms)]
    for c in configs:
        require_donors(c)
        Donors(c)
    programs = [c.program for c in configs]
    prunings = [config.levels if a.prunings is None else min(config.levels, a.prunings) for a in programs]
    trainings = seeds * (1 + sum(prunings))
    with engine(config):
        trainer = TorchTrainer(config, load(config), algorithms=programs)
        rate = _images_per_second(trainer, budget)
        memory = _memory(config, trainer)
    sizes, schedule = trainer.data.sizes, trainer.schedule
    images = schedule.total * config.batch_size + schedule.epochs * sizes["validation"] / 3 + sizes["test"] / 3
    return {
        "parameters": sum(p.numel() for p in trainer.net.parameters()),
        "prunable weights": sum(m.numel() for m in trainer.net.masks.values()),
        "mask bytes": sum(m.element_size() * m.numel() for m in trainer.net.masks.values()),
        **memory,
        "training images": sizes["train"],
        "steps an epoch": schedule.per_epoch,
        "steps a training": schedule.total,
        "trainings": trainings,
        "images a second": round(rate),
        "estimated seconds": round(trainings * images / rate / min(workers, trainings)),
    }


def _images_per_second(trainer: TorchTrainer, budget: float) -> float:
    """Speed of training steps, the first two of an epoch left out."""
    opt, began, done = trainer.new_optimiser(Rewind(), 0), math.nan, 0
    trainer.net.train()
    for i, (images, labels) in enumerate(trainer.data.batches(0, 0)):
        if i == min(2, trainer.data.per_epoch - 1):
            began, done = time.perf_counter(), 0
        loss, _ = trainer.step(opt, images, labels)
        float(loss)  # waits for the device
        done += len(labels)
        if time.perf_counter() - began > budget:
            break
    return done / (time.perf_counter() - began)


def _memory(config: Training, trainer: TorchTrainer) -> dict[str, int]:
    """Peak bytes of a step and an evaluation of networks that train together, and of each of them."""
    if config.together == 1:
        return {}
    from .stacked_memory import stack_bytes

    return stack_bytes(config, trainer.data, config.together)
