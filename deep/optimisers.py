"""The optimisers, and their state as tensors by parameter, so that a rewind can restore it on other masks."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .config import Training
from .masks import Masked, copied

__all__ = ["load_state", "optimiser", "reset", "state"]

STATE = {"sgd": ("momentum_buffer",), "adamw": ("step", "exp_avg", "exp_avg_sq")}
"""What an optimiser remembers of each parameter."""


def optimiser(config: Training, net: nn.Module) -> Optimizer:
    """The optimiser of ``config``, with no memory yet."""
    if config.optimiser == "adamw":
        return torch.optim.AdamW(
            net.parameters(), lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay, fused=True
        )
    return torch.optim.SGD(
        net.parameters(),
        lr=config.learning_rate,
        momentum=config.momentum,
        nesterov=config.nesterov,
        weight_decay=config.weight_decay,
        fused=True,
    )


def state(kind: str, opt: Optimizer, net: Masked) -> dict[str, Tensor]:
    """Copies of what the optimiser remembers, as "momentum_buffer:conv1.weight"; zeros before its first step."""
    found = {}
    for name, parameter in net.parameters_by_name.items():
        for part in STATE[kind]:
            value = opt.state[parameter].get(part)
            if value is None:
                value = torch.zeros_like(parameter) if part != "step" else torch.zeros((), device=parameter.device)
            found[f"{part}:{name}"] = copied(value)
    return found


@torch.no_grad()
def load_state(opt: Optimizer, net: Masked, stored: Mapping[str, Tensor]) -> None:
    """Give the optimiser the memory that ``state`` copied; none of weights that the present masks prune."""
    parameters, masks = net.parameters_by_name, net.masks
    for key, value in stored.items():
        part, _, name = key.partition(":")
        parameter = parameters[name]
        if part == "step":
            opt.state[parameter][part] = value.to(parameter.device).clone()
            continue
        buffer = torch.empty_like(parameter).copy_(value)
        if name in masks:
            buffer.masked_fill_(~masks[name], 0)
        opt.state[parameter][part] = buffer


@torch.no_grad()
def reset(opt: Optimizer, net: Masked, where: Mapping[str, Tensor]) -> None:
    """Forget the momentum of the weights in ``where`` (bool, by parameter), and what AdamW knows of their scale."""
    for name, parameter in net.parameters_by_name.items():
        for part, buffer in opt.state[parameter].items():
            if name in where and part != "step" and buffer is not None:
                buffer.masked_fill_(where[name], 0)
