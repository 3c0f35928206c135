"""How much memory networks need that are trained together."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .config import Training
from .data import Data
from .stacked import Pace
from .stacked_trainer import Lane, Stacks

__all__ = ["peak_bytes", "stack_bytes"]


def stack_bytes(config: Training, data: Data, n: int) -> dict[str, int]:
    """Peak bytes of a training step and an evaluation of ``n`` networks together, in all and per network.

    Images that lie on the device are not counted. On CUDA what torch's allocator gave out, on a CPU the tensors alive at once
    (a kernel's own scratch memory is not seen).
    """

    chunk = Lane(config, data).chunk

    def work() -> Any:
        stack = Stacks(config, data)(n)
        stack.begin(Pace([[config.learning_rate] * stack.n] * 2, [0] * stack.n))
        images, labels = next(data.batches(0, 0))
        for step in range(2):
            stack.step(step, stack.side_by_side([images] * stack.n), torch.stack([labels] * stack.n))
        some, names = next(data.evaluation("test", chunk))
        return stack.evaluation(iter([(stack.side_by_side([some] * stack.n), torch.stack([names] * stack.n))]))

    peak = peak_bytes(work, config.device)
    return {"peak bytes": peak, "peak bytes a network": peak // n}


def peak_bytes(work: Callable[[], Any], device: str = "cpu") -> int:
    """Most bytes of the tensors that ``work`` makes on the device and that are alive at once.

    >>> peak_bytes(lambda: [(torch.ones(1000) + 1).sum() for _ in range(3)])
    8008
    """
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with _Living() as living:
        work()
    return living.peak


class _Living(TorchDispatchMode):
    """Watches the memory of all tensors that operations return."""

    def __init__(self) -> None:
        super().__init__()
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self.now, self.peak = 0, 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor) and tensor.device.type != "meta":
                storage = tensor.untyped_storage()
                if storage._cdata not in self.storages:
                    self.now += storage.nbytes()
                self.storages[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        if self.now > self.peak:  # or so it seems until those that are gone are left out
            self.storages = {name: kept for name, kept in self.storages.items() if not kept[0].expired()}
            self.now = sum(size for _, size in self.storages.values())
            self.peak = max(self.peak, self.now)
        return out
