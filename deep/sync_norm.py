"""Batch norm over the batches of several processes: mean and variance of all their images, and the gradient through them.

torch's ``SyncBatchNorm`` needs a GPU; this one serves CPUs and GPUs alike. It is attached to the norms of a network as it is:
their class, their parameters, statistics and names stay, and evaluation is theirs. With B images over all processes and
P positions each, x̂ = (x − μ) / √(σ² + ε) with μ, σ² over all B·P values of a channel, and for y = γ x̂ + β

    ∂L/∂x = γ / √(σ² + ε) · (∂L/∂y − mean(∂L/∂y) − x̂ · mean(x̂ ∂L/∂y)),

where both means, too, are over the values of all processes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import batch_norm

if TYPE_CHECKING:
    from .distributed import World

__all__ = ["normalised", "synchronised"]


@contextmanager
def synchronised(net: nn.Module, world: "World") -> Iterator[None]:
    """While training, the batch norms of ``net`` see the batches of all processes, which are equally large."""
    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and not isinstance(m, nn.SyncBatchNorm)]
    for norm in norms:
        norm.__dict__["forward"] = _forward(norm, world)  # shadows the method of the class
    try:
        yield
    finally:
        for norm in norms:
            del norm.__dict__["forward"]


def _forward(norm: nn.modules.batchnorm._BatchNorm, world: "World") -> Callable[[Tensor], Tensor]:
    """What ``norm`` does instead of its class's forward pass."""

    def forward(x: Tensor) -> Tensor:
        if not norm.training:
            return type(norm).forward(norm, x)
        norm._check_input_dim(x)
        y, mean, variance = normalised(x, norm.weight, norm.bias, norm.eps, world)
        if norm.track_running_stats:
            _track(norm, mean, variance, world.size * x.numel() // x.shape[1])
        return y

    return forward


@torch.no_grad()
def _track(norm: nn.modules.batchnorm._BatchNorm, mean: Tensor, variance: Tensor, n: int) -> None:
    """Move the running statistics towards those of a batch of ``n`` values a channel; the variance without bias."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    weight = 1 / norm.num_batches_tracked if norm.momentum is None else norm.momentum
    for running, new in ((norm.running_mean, mean), (norm.running_var, variance * (n / max(1, n - 1)))):
        running.mul_(1 - weight).add_(weight * new)


def normalised(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, world: "World"
) -> tuple[Tensor, Tensor, Tensor]:
    """γ x̂ + β of this process's x (b, C, …), and μ, σ² (C,) over all processes; differentiable in x, γ and β.

    γ = 1 and β = 0 where they are None. The gradients of γ and β are those of this process's images alone.
    """
    found: tuple[Tensor, Tensor, Tensor] = _Normalised.apply(x, weight, bias, eps, world)
    return found


class _Normalised(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, world: "World") -> Any:
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        variance, mean = torch.var_mean(values, [d for d in range(x.dim()) if d != 1], correction=0)
        means, variances = world.gathered(torch.stack([mean, variance])).unbind(1)
        mean = means.mean(0)
        variance = (variances + (means - mean) ** 2).mean(0)
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps, ctx.world = eps, world
        ctx.mark_non_differentiable(mean, variance)
        return batch_norm(x, mean, variance, weight, bias, False, 0.0, eps), mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        x, weight, mean, variance = ctx.saved_tensors
        n = ctx.world.size * x.numel() // x.shape[1]
        backward = torch.ops.aten.native_batch_norm_backward  # with fixed statistics: γ / √(σ² + ε) · ∂L/∂y, and two sums of it
        direct, dot, total = backward(grads[0], x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True])
        sums = ctx.world.total(torch.stack([dot, total])) / -n
        scale = torch.rsqrt(variance + ctx.eps) if weight is None else weight * torch.rsqrt(variance + ctx.eps)
        through = batch_norm(x, mean, variance, scale * sums[0], scale * sums[1], False, 0.0, ctx.eps)
        own = (None, None) if weight is None else (dot.to(weight), total.to(weight))
        return direct + through, *own, None, None
