"""Replicas of one network under one algorithm, trained together as one ``theory.Trainer`` with a batch axis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theory.algorithms import Algorithm, At, Rewind

from .config import Training
from .images import Images
from .stacked_trainer import Lane, Points, Stacks, Start, train_together
from .trainer import Diverged

__all__ = ["Replicas"]


class Replicas:
    """A ``theory.Trainer`` with batch axis 1: the networks of several seeds under one algorithm, tensors (seeds, *shape).

    >>> from deep.images import read
    >>> from theory.algorithms import IMP, levels
    >>> config = Training(model="lenet-300-100", width=6, epochs=1, subset=64, batch_size=32)
    >>> trainer = Replicas(config, read("digits"), seeds=[0, 1])
    >>> [level.mask["fc1.weight"].shape for level in levels(IMP, trainer, *trainer.initial(), 1)]
    [torch.Size([2, 6, 64]), torch.Size([2, 6, 64])]
    """

    batch = 1

    def __init__(self, config: Training, data: Images, seeds: Sequence[int], algorithms: Sequence[Algorithm] = ()):
        self.lanes = [Lane(c, data, algorithms) for c in (replace(config, seed=seed) for seed in seeds)]
        self.config, self.norm = config, self.lanes[0].norm
        self.keys = np.stack([lane.keys for lane in self.lanes])
        self.stacks = Stacks(config, self.lanes[0].data)
        self.rows: list[list[dict[str, Any]]] = []
        """What was measured in each epoch of the last level, by network."""

    @property
    def memory(self) -> Mapping[Any, Any]:
        """The points of earlier levels; ``Level.points`` of the stored level when a run goes on."""
        return _joined([lane.memory for lane in self.lanes])

    @memory.setter
    def memory(self, points: Mapping[Any, Any]) -> None:
        for i, lane in enumerate(self.lanes):
            lane.memory = {name: _row_of(point, i) for name, point in points.items()}

    def initial(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Parameters and masks at the start of level 0."""
        params, masks = zip(*(lane.initial() for lane in self.lanes), strict=True)
        return _stacked(params), _stacked(masks)

    def train(
        self, params: Mapping[str, Any], mask: Mapping[str, Any], level: int, at: frozenset[At], rewind: Rewind
    ) -> Points:
        """Train one level of all networks; the points of ``TorchTrainer``, stacked. Raises ``Diverged`` if one does."""
        starts = [Start(_row_of(params, i), _row_of(mask, i), level, at, rewind) for i in range(len(self.lanes))]
        points = []
        for result in train_together(self.lanes, starts, self.stacks):
            if isinstance(result, Diverged):
                raise result
            points.append(result)
        self.rows = [lane.rows for lane in self.lanes]
        return _joined(points)

    def evaluate(self, part: str) -> list[dict[str, Any]]:
        """What ``TorchTrainer.evaluate`` says of each network."""
        return [lane.evaluate(part) for lane in self.lanes]

    def supply(
        self, names: frozenset[str], points: Mapping[Any, Any], mask: Mapping[str, Any], level: int
    ) -> dict[str, Mapping[str, Tensor]]:
        """As ``TorchTrainer.supply``."""
        own = [{name: _row_of(point, i) for name, point in points.items()} for i in range(len(self.lanes))]
        return _joined([lane.supply(names, own[i], _row_of(mask, i), level) for i, lane in enumerate(self.lanes)])


def _row_of(tensors: Mapping[str, Any], i: int) -> dict[str, Any]:
    return {name: tensor[i] for name, tensor in tensors.items()}


def _stacked(rows: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def _joined(points: Sequence[Mapping[Any, Any]]) -> dict[Any, Any]:
    return {name: _stacked([own[name] for own in points]) for name in points[0]}
