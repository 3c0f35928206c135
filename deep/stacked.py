"""n networks of one architecture on one device: their weights in one flat tensor, one pass and one update for all of them.

A parameter of shape s is a part (n, *s) of the flat tensors: weights, masks, gradients, the optimiser's memory. So masking
takes one kernel and an update a handful, however many layers and networks there are. The update is that of ``torch.optim``'s
SGD and AdamW to rounding (after five steps at most 1e-13 of the largest weight in float64, 3e-6 in float32), with a learning
rate, a clipped norm and a number of steps of each network's own.

Every operation of the update rounds once (no fused multiply-add), so that a weight's bits do not depend on where in the flat
tensor it lies: a vectorised loop may treat its last few elements otherwise.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from theory.streams import uniform

from .config import Training
from .stacked_layers import stacked

__all__ = ["Pace", "Stack"]

EPS = 1e-8
"""Of AdamW: what torch adds to the root of the second moment unless told else."""
MEMORY = {"sgd": ("momentum_buffer",), "adamw": ("exp_avg", "exp_avg_sq")}
"""What an optimiser remembers of each weight."""
ALIKE = {"float64": 1e-8, "float32": 1e-3, "tf32": 3e-2, "bfloat16": 0.1}
"""How far, of the largest answer, rounding may carry the stacked network from the single one."""


@dataclass(frozen=True)
class Pace:
    """Steps to come, by network: learning rates (steps, n), and for AdamW the steps taken before."""

    rates: Sequence[Sequence[float]]
    taken: Sequence[float]


def _draws(model: nn.Module, images: Tensor) -> bool:
    """Does a pass of ``model`` in training take numbers from torch's own stream?"""
    cuda = images.device.type == "cuda"
    before = torch.cuda.get_rng_state() if cuda else torch.get_rng_state()
    with torch.no_grad():
        model(images)
    return not torch.equal(before, torch.cuda.get_rng_state() if cuda else torch.get_rng_state())


class Stack:
    """``n`` networks like ``model`` for images of ``shape`` (C, H, W); weights are zeros until a network is written there.

    ``parameters``, ``masks``, ``statistics``: (n, *shape) by name; writing there changes the networks. ``memory``: the same for
    each of the optimiser's buffers, ``steps`` (n,) AdamW's counts. ``sums`` (n, 2): loss and right answers since it was zeroed.
    """

    def __init__(
        self,
        model: nn.Module,
        config: Training,
        n: int,
        shape: Sequence[int],
        layout: torch.memory_format = torch.contiguous_format,
    ):
        if any(isinstance(module, nn.modules.dropout._DropoutNd) for module in model.modules()):
            raise ValueError(f"The model {config.model!r} has dropout, which can't be drawn for each network; use together=1.")
        self.config, self.n, self.layout = config, n, layout
        self.dtype = torch.float64 if config.precision == "float64" else torch.float32
        self.skeleton = stacked(model, n)
        self.shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
        sizes = [n * prod(shape) for shape in self.shapes.values()]
        self.parts = dict(zip(self.shapes, sizes, strict=True))
        self.flat = self._zeros().requires_grad_()
        self.alive = torch.ones(len(self.flat), dtype=torch.bool, device=config.device)
        self.parameters, self.masks = self.views(self.flat.detach()), self.views(self.alive)
        self.counts, self.statistics = self._statistics(model)
        self.moments = {part: self._zeros() for part in MEMORY[config.optimiser]}
        self.memory = {part: self.views(flat) for part, flat in self.moments.items()}
        self.steps = torch.zeros(n, device=config.device)
        self.sums = torch.zeros((n, 2), dtype=torch.float64, device=config.device)
        self.fixed: tuple[Tensor, Tensor] | None = None
        """Which weights keep their signs, and which of them are negative; flat."""
        self._owner = torch.cat([torch.arange(n).repeat_interleave(size // n) for size in sizes]).int().to(config.device)
        self._ones = torch.ones(n, dtype=self.dtype, device=config.device)
        self._training_pass, self._eval_pass = self._compiled()
        self._require_alike(model, shape)

    def _zeros(self) -> Tensor:
        return torch.zeros(sum(self.parts.values()), dtype=self.dtype, device=self.config.device)

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """The parts (n, *shape) of a flat tensor, by parameter; kernels of convolutions in the stack's memory layout."""
        found = {}
        for (name, shape), part in zip(self.shapes.items(), flat.split(list(self.parts.values())), strict=True):
            if len(shape) == 4 and self.layout == torch.channels_last:
                outputs, inputs, *kernel = shape
                found[name] = part.view(self.n, outputs, *kernel, inputs).permute(0, 1, 4, 2, 3)
            else:
                found[name] = part.view(self.n, *shape)
        return found

    def _statistics(self, model: nn.Module) -> tuple[Tensor, dict[str, Tensor]]:
        """How often batch norms moved, all in one tensor, and all statistics by name."""
        buffers, device = dict(model.named_buffers()), self.config.device
        counts = torch.zeros((sum(b.dim() == 0 for b in buffers.values()), self.n), dtype=torch.int64, device=device)
        rows = iter(counts)
        own = {
            name: next(rows) if b.dim() == 0 else torch.zeros((self.n, *b.shape), dtype=self.dtype, device=device)
            for name, b in buffers.items()
        }
        return counts, own

    def _compiled(self) -> tuple[Callable[..., tuple[Tensor, Tensor]], Callable[..., tuple[Tensor, Tensor]]]:
        if self.config.compile == "none":
            return self._train, self._evaluate
        mode = None if self.config.compile == "default" else self.config.compile
        compiled = partial(torch.compile, mode=mode, dynamic=False)
        return compiled(self._train), compiled(self._evaluate)

    def _autocast(self) -> AbstractContextManager[object]:
        half = self.config.precision == "bfloat16"
        return torch.autocast(self.config.device, torch.bfloat16) if half else nullcontext()

    def outputs(self, flat: Tensor, images: Tensor) -> Tensor:
        """Logits (n, B, classes) of images (B, n·C, H, W)."""
        with self._autocast():
            y = functional_call(self.skeleton, {**self.views(flat * self.alive), **self.statistics}, (images.to(self.dtype),))
        return y.to(self.dtype).unflatten(1, (self.n, -1)).transpose(0, 1).contiguous()

    def _train(self, flat: Tensor, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean losses and right answers (n,)."""
        y = self.outputs(flat, images)
        losses = _losses(y, labels, self.config.label_smoothing)
        return losses.mean(1), (y.argmax(2) == labels).sum(1)

    def _evaluate(self, flat: Tensor, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Summed losses and right answers (n,)."""
        y = self.outputs(flat, images)
        return _losses(y, labels).double().sum(1), (y.argmax(2) == labels).sum(1)

    def side_by_side(self, images: Sequence[Tensor]) -> Tensor:
        """The images (B, C, H, W) of each network as the stack takes them: (B, n·C, H, W)."""
        return torch.cat(list(images), 1).contiguous(memory_format=self.layout)

    def begin(self, pace: Pace) -> None:
        """The steps 0, 1, … of ``step`` are to be those of ``pace``; the learning rates go to the device at once."""
        rates, taken = np.asarray(pace.rates, dtype=np.float64), np.asarray(pace.taken, dtype=np.float64)
        beta, square = self.config.betas
        t = taken + 1 + np.arange(len(rates))[:, None]
        adam = self.config.optimiser == "adamw"
        rows = [rates / (1 - beta**t), np.sqrt(1 - square**t), rates * self.config.weight_decay] if adam else [rates]
        changed = np.ones(len(rates), dtype=bool)
        changed[1:] = adam | (np.diff(rates, axis=0) != 0).any(1)
        self._changed: list[bool] = changed.tolist()
        self._paces = [torch.from_numpy(row).to(self.config.device, self.dtype) for row in rows]
        self._now: list[Tensor] = []

    def step(self, k: int, images: Tensor, labels: Tensor) -> None:
        """Step k since ``begin`` of all networks; nothing waits for the device. ``labels``: (n, B)."""
        self.skeleton.train()
        losses, hits = self._training_pass(self.flat, images, labels)
        (gradient,) = torch.autograd.grad(losses, self.flat, self._ones)
        with torch.no_grad():
            self.counts += 1
            self.sums += torch.stack([losses.double() * labels.shape[1], hits.double()], 1)
            self.update(k, gradient)

    @torch.no_grad()
    def update(self, k: int, gradient: Tensor) -> None:
        """The optimiser's step k with this flat gradient, which is overwritten."""
        if self._changed[k] or not self._now:
            self._now = [row[k].index_select(0, self._owner) for row in self._paces]
        if self.config.clip is not None:
            gradient *= self._clip(gradient).index_select(0, self._owner)
        if self.config.optimiser == "adamw":
            self._adamw(gradient, *self._now)
        else:
            self._sgd(gradient, *self._now)
        if self.fixed is not None:
            held, negative = self.fixed
            crossed = torch.where(negative, self.flat >= 0, self.flat <= 0)
            self.flat.masked_fill_(crossed.logical_and_(held), 0)

    def _clip(self, gradient: Tensor) -> Tensor:
        """What each network's gradient is multiplied with: min(1, clip/(norm + 1e-6))."""
        rows = torch.cat([part.view(self.n, -1) for part in gradient.split(list(self.parts.values()))], 1)
        return (float(self.config.clip or 0) / (torch.linalg.vector_norm(rows, dim=1) + 1e-6)).clamp_(max=1)

    def _sgd(self, gradient: Tensor, rate: Tensor) -> None:
        """v ← μv + g, w ← w - rate·v; Nesterov: w ← w - rate·(g + μv)."""
        mu, (v,) = self.config.momentum, self.moments.values()
        if self.config.weight_decay:
            gradient += self.flat * self.config.weight_decay
        if mu:
            v.mul_(mu).add_(gradient)
            gradient = gradient.add_(v * mu) if self.config.nesterov else v
        self.flat.sub_(gradient * rate)

    def _adamw(self, gradient: Tensor, rate: Tensor, root: Tensor, decay: Tensor) -> None:
        """m ← βm + (1-β)g, v ← β'v + (1-β')g², w ← w - decay·w - rate·m/(√v/root + ε); ``rate`` and ``root`` undo the bias."""
        (beta, square), (m, v) = self.config.betas, self.moments.values()
        self.steps += 1
        if self.config.weight_decay:
            self.flat.sub_(decay.mul(self.flat))
        v.mul_(square).add_((gradient * gradient).mul_(1 - square))
        m.mul_(beta).add_(gradient.mul_(1 - beta))
        self.flat.sub_((m / v.sqrt().div_(root).add_(EPS)).mul_(rate))

    @torch.inference_mode()
    def evaluation(self, chunks: Iterator[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Summed losses and right answers (n,) over chunks of images (B, n·C, H, W) and labels (n, B)."""
        self.skeleton.eval()
        losses = torch.zeros(self.n, dtype=torch.float64, device=self.config.device)
        hits = torch.zeros(self.n, dtype=torch.int64, device=self.config.device)
        for images, labels in chunks:
            more, right = self._eval_pass(self.flat, images, labels)
            losses += more
            hits += right
        return losses, hits

    @torch.no_grad()
    def _require_alike(self, model: nn.Module, shape: Sequence[int]) -> None:
        """Raise ValueError where the networks, all set to ``model``, answer otherwise: some layer mixes their channels."""
        model = copy.deepcopy(model).to(self.config.device, self.dtype).eval()
        for name, tensor in model.state_dict().items():
            (self.parameters | self.statistics)[name].copy_(tensor)
        draws = uniform(self.config.seed, "probe", size=2 * prod(shape)).reshape(2, *shape)
        images = torch.from_numpy(draws).to(self.config.device, self.dtype)
        given = model(images)
        if _draws(copy.deepcopy(model).train(), images):
            raise self._unlike("it draws random numbers in training")
        self.skeleton.eval()
        try:
            own = self.outputs(self.flat, self.side_by_side([images] * self.n))
        except (RuntimeError, IndexError) as error:
            raise self._unlike(str(error).splitlines()[0]) from error
        fits = own[0].shape == given.shape
        apart = float((own - given).abs().max() / given.abs().max().clamp_min(1e-30)) if fits else math.inf
        if not apart < ALIKE[self.config.precision]:
            raise self._unlike(f"its answers differ by {apart:.0e} of the largest")
        for tensor in (self.flat, *self.statistics.values()):
            tensor.zero_()

    def _unlike(self, why: str) -> ValueError:
        return ValueError(f"Networks like {self.config.model!r} can't be trained together, but with together=1 ({why}).")


def _losses(outputs: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross entropy (n, B) of logits (n, B, classes)."""
    found = cross_entropy(outputs.flatten(0, 1), labels.flatten(), reduction="none", label_smoothing=smoothing)
    return found.view(labels.shape)
