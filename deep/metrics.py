"""Exact counts on masks: weights alive, and signs flipped between two points on one common mask. sign(±0) = +.

A flip is counted on the mask of the level that is described, for both points: pruned weights have no sign. Three references:
(A) "start" of the level, the rewind point; (B) "init"; (C) "previous", the end of the level before.
"""

from collections.abc import Mapping

from torch import Tensor

__all__ = ["alive", "flips", "level_flips"]

Tensors = Mapping[str, Tensor]
Counts = dict[str, int]


def alive(mask: Tensors) -> Counts:
    """Number of weights that stay, by layer.

    >>> import torch
    >>> alive({"fc.weight": torch.tensor([[True, False, True]])})
    {'fc.weight': 2}
    """
    return {name: int(m.sum()) for name, m in mask.items()}


def flips(before: Tensors, after: Tensors, mask: Tensors) -> Counts:
    """Number of weights on ``mask`` whose sign differs between two points, by layer.

    >>> import torch
    >>> before, after = torch.tensor([1.0, -1.0, 0.0, -2.0]), torch.tensor([-1.0, -1.0, -0.0, 2.0])
    >>> flips({"w": before}, {"w": after}, {"w": torch.tensor([True, True, True, False])})
    {'w': 1}
    """
    return {name: int((((before[name] < 0) != (after[name] < 0)) & m).sum()) for name, m in mask.items()}


def level_flips(mask: Tensors, start: Tensors, final: Tensors, init: Tensors, previous: Tensors | None) -> dict[str, Counts]:
    """Flips at the end of a level against its start (A), initialisation (B) and, from level 1 on, the previous end (C)."""
    references = {"start": start, "init": init} | ({} if previous is None else {"previous": previous})
    return {name: flips(point, final, mask) for name, point in references.items()}
