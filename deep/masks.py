"""Masks on any network: bool buffers, multiplied to the weights in the forward pass; the network's own code stays as it is.

The product makes the gradient of a pruned weight exactly 0, and a stored pruned weight is set to +0.0 once, so that momentum
and weight decay keep it there. Masks change in place, so a compiled network is not compiled again.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

__all__ = ["Masked", "norm_names", "prunable_names"]


def prunable_names(model: nn.Module) -> list[str]:
    """Names of all convolution and linear weights, stem and classifier included, in the network's order."""
    kinds = (nn.modules.conv._ConvNd, nn.Linear)
    return [f"{name}.weight".lstrip(".") for name, module in model.named_modules() if isinstance(module, kinds)]


def norm_names(model: nn.Module) -> frozenset[str]:
    """Names of the batch norms' parameters and statistics."""
    kinds = nn.modules.batchnorm._NormBase
    norms = [(name, module) for name, module in model.named_modules() if isinstance(module, kinds)]
    return frozenset(f"{name}.{own}".lstrip(".") for name, module in norms for own in module.state_dict())


class Masked(nn.Module):
    """``model`` with a mask on each parameter in ``names`` (all prunable ones unless given); dense at first.

    Parameters keep the names of the model's own state dict in all that goes in and out.
    """

    def __init__(self, model: nn.Module, names: Iterable[str] | None = None):
        super().__init__()
        self.model = model
        self._weights = {name: model.get_parameter(name) for name in (prunable_names(model) if names is None else names)}
        self._slots = {name: f"mask_{i}" for i, name in enumerate(self._weights)}  # buffers can't have dots in their names
        for name, weight in self._weights.items():
            self.register_buffer(self._slots[name], torch.ones_like(weight, dtype=torch.bool))

    def forward(self, *inputs: Any) -> Any:
        """The model's own forward pass at the masked weights."""
        masked = {name: weight * getattr(self, self._slots[name]) for name, weight in self._weights.items()}
        return functional_call(self.model, masked, inputs)

    @property
    def masks(self) -> dict[str, Tensor]:
        """The masks, by parameter (the buffers themselves)."""
        return {name: getattr(self, slot) for name, slot in self._slots.items()}

    @torch.no_grad()
    def load(self, params: Mapping[str, Tensor], mask: Mapping[str, Tensor]) -> None:
        """Take over parameters and masks in place; pruned weights become +0.0."""
        state = self.model.state_dict()
        _same_tensors("parameters", params, state)
        _same_tensors("masks", mask, self.masks)
        for name, buffer in self.masks.items():
            buffer.copy_(mask[name])
        for name, tensor in state.items():
            tensor.copy_(torch.where(mask[name], params[name], 0) if name in mask else params[name])

    @torch.no_grad()
    def snapshot(self) -> dict[str, Tensor]:
        """Copies of all parameters and statistics."""
        return {name: copied(tensor) for name, tensor in self.model.state_dict().items()}

    @torch.no_grad()
    def snapshot_masks(self) -> dict[str, Tensor]:
        """Copies of the masks."""
        return {name: copied(buffer) for name, buffer in self.masks.items()}


def copied(tensor: Tensor) -> Tensor:
    """A copy in the standard memory layout."""
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def _same_tensors(what: str, given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    for name in sorted(given.keys() ^ own.keys()):
        raise ValueError(f"These {what} do not fit the network: {name!r} is {'unknown to it' if name in given else 'missing'}.")
    for name, tensor in own.items():
        if given[name].shape != tensor.shape:
            shapes = tuple(given[name].shape), tuple(tensor.shape)
            raise ValueError(f"These {what} do not fit the network: {name!r} has shape {shapes[0]}, not {shapes[1]}.")
