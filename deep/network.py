"""What is computed on one network: masked, in its precision and memory layout, compiled once per process."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .config import Training
from .masks import Masked, channels_last, norm_names, prunable_names
from .models import build

__all__ = ["Loss", "Network", "network"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""(outputs, targets) → the mean loss of a batch."""


class Network:
    """A masked network on the device, and its two passes; ``loss`` is cross entropy unless given.

    Both passes run under autocast where the precision is bfloat16: the weights, their gradients and the optimiser's state stay
    float32. All that changes between levels changes in place, so a compiled pass stays valid.
    """

    def __init__(self, model: nn.Module, config: Training, loss: Loss | None = None):
        names = prunable_names(model)
        if not names:
            raise ValueError(f"The model {config.model!r} has no convolution and no linear layer to prune.")
        self.norm, self.loss = norm_names(model), loss
        self.net = Masked(model, names[:-1] if config.last_layer == "exclude" else names)
        self.dtype = torch.float64 if config.precision == "float64" else torch.float32
        channels_last(self.net.to(config.device, self.dtype))
        self.initial = self.net.snapshot()
        self.smoothing, self.device, self.half = config.label_smoothing, config.device, config.precision == "bfloat16"
        self.user: object = None
        """Whose weights it holds."""
        own = not type(model).__module__.startswith("deep.models.")
        self.random = own or any(isinstance(module, nn.modules.dropout._DropoutNd) for module in model.modules())
        """May it draw numbers in training? Built-in networks do so in dropout alone; of others nobody knows."""
        self.forward: nn.Module = self.net
        """What is called: the network itself, or a wrapper around it that trains it on several devices."""
        self.training_pass, self.outputs = self._compiled(config)

    def _compiled(self, config: Training) -> tuple[Callable[..., tuple[Tensor, Tensor]], Callable[[Tensor], Tensor]]:
        if config.compile == "none":
            return self._training_pass, self._outputs
        if config.device == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
            raise ValueError(f"compile={config.compile!r} needs a C++ compiler on a CPU, and there is none here.")
        mode = None if config.compile == "default" else config.compile
        compiled = partial(torch.compile, mode=mode, dynamic=False)  # else the first size seen would decide on bits
        return compiled(self._training_pass), compiled(self._outputs)

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device, torch.bfloat16) if self.half else nullcontext()

    def _training_pass(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss of a batch, and how many of its answers are right."""
        with self._autocast():
            outputs = self.forward(inputs.to(self.dtype))
        if self.loss is not None:
            loss = self.loss(outputs.to(self.dtype), targets)
        else:
            loss = cross_entropy(outputs.to(self.dtype), targets, label_smoothing=self.smoothing)
        return loss, right(outputs, targets)

    def _outputs(self, inputs: Tensor) -> Tensor:
        with self._autocast():
            return self.net(inputs.to(self.dtype)).to(self.dtype)

    def summed_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss summed over a chunk of an evaluation; labels are never smoothed there."""
        if self.loss is not None:
            return self.loss(outputs, targets).double() * len(targets)
        return cross_entropy(outputs, targets, reduction="sum").double()


def right(outputs: Tensor, targets: Tensor) -> Tensor:
    """How many classes are named rightly; 0 where the targets are no classes."""
    if targets.is_floating_point():
        return torch.zeros((), dtype=torch.int64, device=outputs.device)
    return (outputs.argmax(1) == targets).sum()


_COMPILED: dict[tuple[object, ...], Network] = {}
"""Compiled networks of this process: the next trainer of the same network takes them over."""


def network(config: Training, shape: tuple[int, int, int], classes: int) -> Network:
    """The network of ``config`` at its initial values, dense."""
    model = build(config.model, shape, classes, config.seed, config.width, config.stem, config.init)
    if config.compile == "none":
        return Network(model, config)
    deciding = ("model", "width", "stem", "device", "precision", "compile", "label_smoothing", "last_layer", "deterministic")
    key = (shape, classes, config.batch_size, config.threads, *(getattr(config, name) for name in deciding))
    if key not in _COMPILED:
        _COMPILED[key] = Network(model, config)
    found = _COMPILED[key]
    state = {name: tensor.to(config.device, tensor.dtype) for name, tensor in model.state_dict().items()}
    if found.net.model is not model:
        ones = {name: torch.ones_like(mask) for name, mask in found.net.masks.items()}
        found.net.load(state, ones)
        found.initial = found.net.snapshot()
    return found
