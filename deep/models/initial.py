"""The initial weights: normal numbers of each tensor's own stream, which depends on the seed and the tensor's name alone."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from theory.streams import generator

__all__ = ["VARIANCES", "initialise"]

VARIANCES: dict[str, Callable[[int, int], float]] = {
    "kaiming": lambda fan_in, fan_out: 2 / fan_in,
    "kaiming-fan-out": lambda fan_in, fan_out: 2 / fan_out,
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
}
"""Variance of a weight from its fans."""

PIECE = 1 << 20
"""Numbers drawn at once; the stream goes on from piece to piece, so this bounds memory and changes no value."""


@torch.no_grad()
def initialise(model: nn.Module, seed: int, init: str = "kaiming") -> nn.Module:
    """Weights N(0, v), biases 0, batch norm the identity, in place; returns the model.

    v = 2/fan_in ("kaiming"), 2/fan_out ("kaiming-fan-out") or 2/(fan_in + fan_out) ("glorot"), where a convolution of
    weight (o, i, *kernel) has fan_in = i·∏kernel and fan_out = o·∏kernel, and a linear layer (o, i) has i and o (the
    convention of torch.nn.init). The numbers of tensor ``name`` come from the stream (seed, "init", name), in float64,
    rounded to the tensor's type: He et al., arXiv 1502.01852; Glorot & Bengio, AISTATS 2010. All other modules stay as
    they are. Raises ValueError for a lazy layer, which has no shape yet.

    >>> a, b = (initialise(nn.Linear(3, 2), seed=1) for _ in range(2))
    >>> torch.equal(a.weight, b.weight), a.bias.tolist()
    (True, [0.0, 0.0])
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_parameters()
        elif isinstance(module, nn.modules.conv._ConvNd | nn.Linear):
            weight = f"{name}.weight".lstrip(".")
            if is_lazy(module.weight):
                raise ValueError(f"The weight {weight!r} is lazy; run the network on one image before it is returned.")
            _normal(module.weight, seed, weight, math.sqrt(VARIANCES[init](*_fans(module.weight))))
            if module.bias is not None:
                module.bias.zero_()
    return model


def _fans(weight: Tensor) -> tuple[int, int]:
    kernel = math.prod(weight.shape[2:])
    return weight.shape[1] * kernel, weight.shape[0] * kernel


def _normal(weight: Tensor, seed: int, name: str, scale: float) -> None:
    stream = generator(seed, "init", name)
    values = torch.empty(weight.shape, dtype=weight.dtype)
    for piece in values.view(-1).split(PIECE):
        piece.copy_(torch.from_numpy(stream.standard_normal(len(piece)) * scale))
    weight.copy_(values)
