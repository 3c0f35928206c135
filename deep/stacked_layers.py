"""The layers of a network for n networks side by side: their channels one network after the other in one tensor.

| layer       | of n networks                                                                                  |
|-------------|------------------------------------------------------------------------------------------------|
| Conv2d      | one convolution with n times as many groups: (B, n·C, H, W) → (B, n·C', H', W')                |
| BatchNorm2d | one batch norm over n·C channels                                                               |
| Linear      | one batched matrix product: (B, n·C) → (B, n·C')                                               |
| others      | as they are: what works on each channel alone (ReLU, pools, means, ``flatten(1)``) needs no change |

A step of n networks so starts as many kernels as a step of one.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["stacked"]

ALIGNED = 16
"""Numbers of a row of a matrix are a multiple of this: then all matrices of a product start at a multiple of 64 bytes."""


def stacked(model: nn.Module, n: int) -> nn.Module:
    """``model`` for ``n`` networks, on the meta device: ``torch.func.functional_call`` gives it parameters (n, *shape) by name.

    Raises ValueError for a layer with parameters or buffers that is none of the table's.

    >>> layer = stacked(nn.Linear(3, 2), 4)
    >>> {name: tuple(p.shape) for name, p in layer.named_parameters()}
    {'weight': (4, 2, 3), 'bias': (4, 2)}
    >>> own = {"weight": torch.ones(4, 2, 3), "bias": torch.arange(4.0)[:, None].expand(4, 2)}
    >>> torch.func.functional_call(layer, own, torch.ones(1, 12)).tolist()
    [[3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 6.0]]
    """
    made = _layer("", model, n)
    if made is not None:
        return made
    skeleton = copy.deepcopy(model).to("meta")
    for name, module in list(skeleton.named_modules()):
        layer = _layer(name, module, n) if name else None
        if layer is not None:
            parent, _, own = name.rpartition(".")
            setattr(skeleton.get_submodule(parent), own, layer)
    return skeleton


def _layer(name: str, module: nn.Module, n: int) -> nn.Module | None:
    for kind, layer in LAYERS.items():
        if type(module) is kind and layer.takes(module):
            return layer(module, n)
    if module._parameters or module._buffers:
        raise ValueError(f"Networks with a {type(module).__name__} ({name!r}) can't be trained together; use together=1.")
    return None


class _Stacked(nn.Module):
    """A layer whose parameters and buffers are those of ``layer``, n times."""

    def __init__(self, layer: nn.Module, n: int):
        super().__init__()
        self.n = n
        for name, parameter in layer._parameters.items():
            meta = None if parameter is None else nn.Parameter(_times(parameter, n))
            self.register_parameter(name, meta)
        for name, buffer in layer._buffers.items():
            self.register_buffer(name, None if buffer is None else _times(buffer, n))

    @classmethod
    def takes(cls, layer: Any) -> bool:
        """Can this layer be stacked?"""
        return True


def _times(tensor: Tensor, n: int) -> Tensor:
    return torch.empty((n, *tensor.shape), dtype=tensor.dtype, device="meta")


def _flat(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.flatten(0, 1)


class _Conv(_Stacked):
    weight: Tensor
    bias: Tensor | None

    def __init__(self, layer: nn.Conv2d, n: int):
        super().__init__(layer, n)
        self.how: Any = (layer.stride, layer.padding, layer.dilation, n * layer.groups)

    @classmethod
    def takes(cls, layer: nn.Conv2d) -> bool:
        return layer.padding_mode == "zeros"

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight.flatten(0, 1), _flat(self.bias), *self.how)


class _Norm(_Stacked):
    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, layer: nn.BatchNorm2d, n: int):
        super().__init__(layer, n)
        self.momentum, self.eps = layer.momentum, layer.eps

    @classmethod
    def takes(cls, layer: nn.BatchNorm2d) -> bool:
        return layer.track_running_stats and layer.momentum is not None

    def forward(self, x: Tensor) -> Tensor:
        """The statistics move in place; steps are counted by the stack, once for all layers."""
        statistics, affine = (self.running_mean.flatten(), self.running_var.flatten()), (_flat(self.weight), _flat(self.bias))
        return functional.batch_norm(x, *statistics, *affine, self.training, self.momentum or 0.0, self.eps)


class _Linear(_Stacked):
    """The bias is one more column of the weight, and rows and columns are filled with zeros: the bits of a matrix product
    depend on where in memory its matrices start, those of a sum over images on the column.
    """

    weight: Tensor
    bias: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        x, weight = x.unflatten(1, (self.n, -1)).transpose(0, 1), self.weight
        (b, inputs), (outputs, _) = x.shape[1:], weight.shape[1:]
        wide, tall = _padded(inputs + (self.bias is not None)), _padded(outputs)
        bias = [] if self.bias is None else [self.bias[..., None]]
        ones = x.new_ones(1).expand(self.n, b, len(bias))
        x = torch.cat([x, ones, x.new_zeros(1).expand(self.n, b, wide - inputs - len(bias))], 2)
        weight = functional.pad(torch.cat([weight, *bias], 2), (0, wide - inputs - len(bias), 0, tall - outputs))
        return torch.bmm(x, weight.transpose(1, 2))[..., :outputs].transpose(0, 1).flatten(1)


def _padded(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED


LAYERS: dict[type[nn.Module], type[_Stacked]] = {nn.Conv2d: _Conv, nn.BatchNorm2d: _Norm, nn.Linear: _Linear}
