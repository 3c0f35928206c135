"""A training of one's own in ``deep.run``: what it is called in run.json, its tensors of either kind, what it borrows."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from theory.algorithms import Level, Tensors
from theory.records import plain

__all__ = ["Borrower", "alike", "identity", "initial"]

NEEDED = ("initial", "train", "batch", "norm", "keys")


def identity(trainer: Any) -> dict[str, Any]:
    """Module and name of the trainer's class, the class of its network if it has one, its own ``identity`` (None without).

    Raises ValueError for what is no trainer.

    >>> from types import SimpleNamespace
    >>> identity(SimpleNamespace(**dict.fromkeys(NEEDED), identity="depth 3"))
    {'module': 'types', 'name': 'SimpleNamespace', 'network': None, 'identity': 'depth 3'}
    """
    kind, network = type(trainer), getattr(getattr(trainer, "net", None), "model", None)
    for name in NEEDED:
        if not hasattr(trainer, name):
            needs = ", ".join(f"`{needed}`" for needed in NEEDED)
            raise ValueError(f"A trainer has {needs}; {kind.__module__}.{kind.__qualname__} has no `{name}`.")
    return {
        "module": kind.__module__,
        "name": kind.__qualname__,
        "network": None if network is None else f"{type(network).__module__}.{type(network).__qualname__}",
        "identity": plain(getattr(trainer, "identity", None)),
    }


def initial(trainer: Any) -> tuple[Tensors, Tensors]:
    """The trainer's parameters and masks at the start of level 0; ValueError where they are none."""
    params, mask = trainer.initial()
    for name, tensor in (*params.items(), *mask.items()):
        if not isinstance(tensor, torch.Tensor | np.ndarray | np.generic):
            raise ValueError(f"{name!r} at the start of level 0 is no NumPy array or torch tensor: {tensor!r}.")
    if not mask:
        raise ValueError("The trainer's network has nothing to prune: it gives no masks.")
    for name, tensor in mask.items():
        if name not in params:
            raise ValueError(f"The mask {name!r} belongs to no parameter; there are {', '.join(params)}.")
        if tensor.dtype not in (torch.bool, np.bool_):
            raise ValueError(f"The mask {name!r} has {tensor.dtype} numbers, not bool.")
        if tensor.shape != params[name].shape:
            shapes = tuple(tensor.shape), tuple(params[name].shape)
            raise ValueError(f"The mask {name!r} has shape {shapes[0]}, its parameter {shapes[1]}.")
    return params, mask


def alike(level: Level, params: Tensors) -> Level:
    """A stored level with tensors of the kind of ``params``."""
    points = {name: _alike(point, params) for name, point in level.points.items()}
    return Level(level.index, _alike(level.mask, params), _alike(level.start, params), points)


def _alike(stored: Tensors, params: Tensors) -> dict[str, Any]:
    """NumPy arrays if ``params`` are, else torch tensors on their device."""
    like = next(iter(params.values()))
    if isinstance(like, torch.Tensor):
        return {name: tensor.to(like.device) for name, tensor in stored.items()}
    return {name: tensor.numpy(force=True) for name, tensor in stored.items()}


class Borrower:
    """A trainer, and what is borrowed for it: ``donate(name, level)`` gives the points "donor" and "donor mask"."""

    def __init__(self, trainer: Any, donate: Callable[[str, int], Tensors], params: Tensors):
        self._trainer, self._donate, self._params = trainer, donate, params

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trainer, name)

    def supply(self, names: frozenset[str], points: Mapping[Any, Tensors], mask: Tensors, level: int) -> dict[str, Tensors]:
        """What is borrowed, and what else the trainer itself supplies."""
        borrowed = names & {"donor", "donor mask"}
        own = getattr(self._trainer, "supply", None)
        found = dict(own(names - borrowed, points, mask, level)) if own and names - borrowed else {}
        return found | {name: _alike(self._donate(name, level), self._params) for name in borrowed}
