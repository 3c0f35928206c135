"""Networks trained together: a step of R networks by grouped convolutions, by vmap, and one network after the other.

    .venv/bin/python tests/bench/replicas.py [--device cuda]

grouped: ``deep.stacked.Stack``, channels side by side, convolutions in R groups, linear layers as batched matrix products, one
flat update. vmap: ``torch.func.vmap`` over ``functional_call`` with stacked parameters times masks, torch's fused SGD. loop:
``deep.network.Network`` R times, each with masks as parametrisations and fused SGD, channels_last. Random images, float32, SGD
with momentum 0.9 and weight decay; least of the steps that fit into two seconds (at least three), processor time of the one
thread, in ms a step and network; "ops" are the operations of a step that write numbers, each a kernel on a GPU or more.

21 November 2026, two shared cores of an AMD EPYC (AVX-512), load 4 to 5, torch 2.13.0, of two runs the second:

| network, batch                 | R | grouped | channels_last | vmap | loop | ops: grouped, vmap, loop | MB a network |
|--------------------------------|---|---------|---------------|------|------|--------------------------|--------------|
| ResNet-20, width 16, 32×32, 32 | 1 | 156     | 112           | 177  | 122  | 180, 457, 224            | 57.4         |
|                                | 2 | 145     | 137           | 213  | 111  | 184, 458, 448            | 57.4         |
|                                | 4 | 162     | 129           | 188  | 113  | 184, 458, 896            | 57.4         |
|                                | 8 | 165     | 139           | 204  | 112  | 184, 458, 1792           | 57.4         |
| ResNet-20, width 4, 32×32, 128 | 1 | 158     | 127           | 164  | 124  | 180, 457, 224            | 54.4         |
|                                | 2 | 104     | 68            | 126  | 131  | 184, 458, 448            | 54.4         |
|                                | 4 | 111     | 68            | 146  | 137  | 184, 458, 896            | 54.4         |
|                                | 8 | 152     | 87            | 162  | 138  | 184, 458, 1792           | 54.4         |
| ResNet-20, width 4, digits, 128| 1 | 18.5    | 17.8          | 25.2 | 18.4 | 180, 457, 224            | 3.6          |
|                                | 2 | 12.0    | 8.9           | 16.1 | 17.2 | 184, 457, 448            | 3.6          |
|                                | 4 | 9.9     | 6.5           | 12.1 | 19.4 | 184, 457, 896            | 3.6          |
|                                | 8 | 8.7     | 5.3           | 11.1 | 18.3 | 184, 457, 1792           | 3.6          |
| LeNet-300-100, 28×28, 60       | 1 | 3.7     | 3.5           | 2.9  | 1.8  | 63, 49, 34               | 8.6          |
|                                | 2 | 3.8     | 3.8           | 2.9  | 2.1  | 72, 49, 68               | 8.1          |
|                                | 4 | 3.9     | 4.0           | 2.9  | 2.1  | 72, 49, 136              | 8.1          |
|                                | 8 | 3.6     | 3.7           | 2.7  | 2.2  | 72, 49, 272              | 8.1          |
| all, on a GPU (--device cuda)  |   | not measured: no GPU was lent                                               |

Grouped convolutions are kept: 0.68 to 0.96 of vmap's time on every ResNet here, and 0.4 of its operations. vmap is faster on
LeNet alone (by a quarter), whose matrices ``deep`` fills up to 64 bytes for the sake of equal bits. ``deep`` uses the
contiguous layout, though channels_last is faster on a CPU, since there a network's bits depend on its place. On a CPU a stack
pays for narrow networks (twice as fast on digits) and not for wide ones or LeNet: it is made for GPUs.

What a GPU should do, an estimate: a step starts 184 kernels or a few more whatever R is, one network after the other 224·R. At
5 to 10 µs each a lone step can't take less than 1.1 to 2.2 ms, and R networks take as long as one until their kernels fill the
GPU. 5 arms for one therefore needs less than 0.2 to 0.4 ms of arithmetic a network: ResNet-20 of width 16 at batch 128 is 31
GFLOP a step, 0.5 ms at the float32 peak of an H100 (67 TFLOP/s), so it takes tf32 or bfloat16 and good grouped kernels to get
there; width 8 or less, or digits, are far below that.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from deep.config import Training
from deep.models import build
from deep.network import Network
from deep.optimisers import optimiser
from deep.stacked import Pace, Stack
from deep.stacked_memory import peak_bytes

NETWORKS = {
    "ResNet-20, width 16, 32×32": ("resnet20", 16, (3, 32, 32), 32),
    "ResNet-20, width 4, 32×32": ("resnet20", 4, (3, 32, 32), 128),
    "ResNet-20, width 4, digits": ("resnet20", 4, (1, 8, 8), 128),
    "LeNet-300-100, 28×28": ("lenet-300-100", 300, (1, 28, 28), 60),
}
FREE = ("empty", "empty_like", "empty_strided", "detach", "alias", "_unsafe_view", "_reshape_alias", "set_")
"""Operations that are no views and write nothing."""

Step = Callable[[], Any]


class Ops(TorchDispatchMode):
    """Counts operations that write numbers, those of the backward pass too."""

    n = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.n += not func.is_view and func.overloadpacket.__name__ not in FREE
        return func(*args, **(kwargs or {}))


def model(config: Training, shape: tuple[int, int, int]) -> nn.Module:
    """The network, dense, at its initial values."""
    return build(config.model, shape, 10, 0, config.width)


def grouped(config: Training, shape: tuple[int, int, int], images: Tensor, labels: Tensor, layout: torch.memory_format) -> Step:
    """A step of ``deep``; images (R, B, C, H, W), labels (R, B)."""
    stack = Stack(model(config, shape), config, len(images), shape, layout)
    for name, tensor in model(config, shape).state_dict().items():
        (stack.parameters | stack.statistics)[name].copy_(tensor)
    stack.begin(Pace([[config.learning_rate] * len(images)], [0] * len(images)))
    return lambda: (stack.step(0, stack.side_by_side(images), labels), stack.flat)[1]


def mapped(config: Training, shape: tuple[int, int, int], images: Tensor, labels: Tensor) -> Step:
    """The same by vmap."""
    base = model(config, shape).to(config.device)
    r, moving = len(images), dict(base.named_buffers())
    params = {n: nn.Parameter(t.detach().expand(r, *t.shape).clone()) for n, t in base.named_parameters()}
    masks = {n: torch.ones_like(p, dtype=torch.bool) for n, p in params.items() if p.dim() > 2}
    statistics = {n: t.expand(r, *t.shape).clone() for n, t in moving.items()}
    sgd = torch.optim.SGD(params.values(), config.learning_rate, config.momentum, weight_decay=config.weight_decay, fused=True)

    def one(weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Any:
        return functional_call(base, (weights, buffers), (x,))

    def step() -> None:
        sgd.zero_grad()
        y = vmap(one)({n: p * masks[n] if n in masks else p for n, p in params.items()}, statistics, images)
        cross_entropy(y.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape).mean(1).sum().backward()
        sgd.step()

    return step


def looped(config: Training, shape: tuple[int, int, int], images: Tensor, labels: Tensor) -> Step:
    """One network after the other, as ``TorchTrainer`` takes a step."""
    networks = [Network(model(config, shape), config) for _ in images]
    optimisers = [optimiser(config, network.net) for network in networks]
    own = [x.contiguous(memory_format=torch.channels_last) for x in images]

    def step() -> None:
        for network, sgd, x, y in zip(networks, optimisers, own, labels, strict=True):
            sgd.zero_grad()
            network.training_pass(x, y)[0].backward()
            sgd.step()

    return step


def milliseconds(step: Step, device: str, seconds: float) -> float:
    """Least time of a step: of the thread, or on CUDA until the device is done."""
    clock = time.thread_time if device == "cpu" else time.perf_counter
    step()
    step()
    least, until = [], time.perf_counter() + seconds
    while len(least) < 3 or time.perf_counter() < until:
        if device == "cuda":
            torch.cuda.synchronize()
        began = clock()
        step()
        if device == "cuda":
            torch.cuda.synchronize()
        least.append(clock() - began)
    return 1e3 * min(least)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--networks", type=int, nargs="+")
    given = parser.parse_args()
    torch.set_num_threads(1)
    numbers = given.networks or ([1, 2, 4, 8] if given.device == "cpu" else [1, 2, 4, 8, 16, 32])
    print("| network, batch | R | grouped | channels_last | vmap | loop | ops: grouped, vmap, loop | MB a network |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (kind, width, shape, batch) in NETWORKS.items():
        config = Training(model=kind, width=width, batch_size=batch, device=given.device, learning_rate=0.01)
        for r in numbers:
            print(f"| {name}, {batch} | {r} | {row(config, shape, r, given.seconds)} |", flush=True)
        if given.device == "cuda":
            print(same_bits(config, shape, batch))


def row(config: Training, shape: tuple[int, int, int], r: int, seconds: float) -> str:
    """Times, operations and memory of ``r`` networks."""
    draws = torch.Generator().manual_seed(0)
    images = torch.randn(r, config.batch_size, *shape, generator=draws).to(config.device)
    labels = torch.randint(10, (r, config.batch_size), generator=draws).to(config.device)
    makes: list[Callable[[], Step]] = [
        lambda: grouped(config, shape, images, labels, torch.contiguous_format),
        lambda: grouped(config, shape, images, labels, torch.channels_last),
        lambda: mapped(config, shape, images, labels),
        lambda: looped(config, shape, images, labels),
    ]
    times, counts = [], []
    for make in makes:
        step = make()
        times.append(milliseconds(step, config.device, seconds) / r)
        with Ops() as ops:
            step()
        counts.append(ops.n)

    def two_steps() -> None:
        step = makes[0]()
        step()
        step()

    peak = peak_bytes(two_steps, config.device) / r / 1e6
    cells = " | ".join(f"{t:.2f}" for t in times)
    return f"{cells} | {counts[0]}, {counts[2]}, {counts[3]} | {peak:.1f}"


def same_bits(config: Training, shape: tuple[int, int, int], batch: int) -> str:
    """Does a network end three steps with the same bits in other places, and in stacks of other sizes?"""
    draws = torch.Generator().manual_seed(1)
    images = torch.randn(16, batch, *shape, generator=draws).to(config.device)
    labels = torch.randint(10, (16, batch), generator=draws).to(config.device)

    def end(r: int, place: int) -> dict[str, Tensor]:
        rows = [i + 1 for i in range(r - 1)]
        rows.insert(place, 0)
        step = grouped(config, shape, images[rows], labels[rows], torch.contiguous_format)
        flat = [step() for _ in range(3)][-1]
        return {str(i): part.view(r, -1)[place].clone() for i, part in enumerate(flat.detach().split(parts(config, shape, r)))}

    def alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
        return all(torch.equal(one[n], other[n]) for n in one)

    first = end(8, 0)
    places = [p for p in range(8) if alike(first, end(8, p))]
    sizes = [r for r in (1, 2, 3, 4, 5, 8, 16) if alike(first, end(r, 0))]
    where = f"in the places {places} of 8, and in place 0 of stacks of {sizes}"
    return f"{config.model}, width {config.width}: the bits of place 0 of 8 are found {where}"


def parts(config: Training, shape: tuple[int, int, int], r: int) -> list[int]:
    """Numbers of each parameter in a stack of ``r``."""
    return [r * p.numel() for p in model(config, shape).parameters()]


if __name__ == "__main__":
    main()
