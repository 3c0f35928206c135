"""The training engine of networks: stochastic gradient descent on one masked network, level by level."""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from theory.algorithms import Algorithm, At, Rewind
from theory.streams import key

from .config import Training, moment_name
from .data import Part, Parts
from .images import Images
from .masks import Masked, copied, norm_names, prunable_names
from .models import build
from .schedule import Schedule

__all__ = ["Diverged", "TorchTrainer", "engine", "momentum_name", "require_finite"]

CHUNK = 500
"""Images evaluated at once; part of the definition of a stored loss, since sums in other chunks round otherwise."""


class Diverged(ValueError):
    """The loss of a network is no longer finite."""


@contextmanager
def engine(config: Training) -> Iterator[None]:
    """Torch with the threads and the determinism of ``config``, restored afterwards; ValueError where its device is missing."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("The device 'cuda' was asked for, but torch sees no GPU here; use --device cpu.")
    if config.device == "cuda" and config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    threads, was = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(config.deterministic)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(was)


class TorchTrainer:
    """A ``theory.Trainer`` for one network: SGD with momentum and weight decay, fresh at every level unless a rewind says else.

    ``model`` is any ``nn.Module`` on images; the one that ``config`` names unless given. ``algorithms`` are all those
    that are to share level 0.
    """

    batch = 0

    def __init__(
        self,
        config: Training,
        images: Images,
        model: nn.Module | None = None,
        algorithms: Sequence[Algorithm] = (),
        on_epoch: Callable[[dict[str, Any]], None] = lambda row: None,
    ):
        self.config, self.parts, self.on_epoch = config, Parts(images, config), on_epoch
        if model is None:
            model = build(config.model, config.width, images.shape, images.classes, config.seed)
        names = prunable_names(model)
        self.net = Masked(model, names[:-1] if config.last_layer == "exclude" else names)
        _channels_last(self.net.to(config.device))
        self.norm = norm_names(model)
        self.keys = key(np.uint64(config.seed), "network")
        self.schedule = Schedule.of(config, self.parts.per_epoch)
        self.moments = frozenset(at for a in algorithms for at in a.moments)
        self.momentum = any(a.rewind.optimiser != "fresh" for a in algorithms)
        self.memory: Mapping[Any, Any] = {}
        """The points of earlier levels; ``Level.points`` of the stored level when a run goes on."""
        self.rows: list[dict[str, Any]] = []
        """What was measured in each epoch of the last level."""
        for at in self.moments:
            self.schedule.step(at)
        for a in algorithms:
            self.schedule.entry(a.rewind)

    def initial(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Parameters and masks at the start of level 0."""
        return self.net.snapshot(), self.net.snapshot_masks()

    def train(
        self, params: Mapping[str, Any], mask: Mapping[str, Any], level: int, at: frozenset[At], rewind: Rewind
    ) -> dict[Any, dict[str, Tensor]]:
        """Train one level; the points "final", each moment asked for, and momentum where a rewind wants it back."""
        rewind = rewind if level else Rewind()
        self.net.load(params, mask)
        optimiser = self.optimiser(rewind)
        wanted: dict[int, list[At]] = {}
        for moment in sorted(at | (self.moments if level == 0 else frozenset()), key=moment_name):
            wanted.setdefault(self.schedule.step(moment), []).append(moment)
        points: dict[Any, dict[str, Tensor]] = {}
        self.rows, n, first = [], self.parts.per_epoch, self.schedule.entry(rewind)
        for epoch in range(first // n, self.config.epochs):
            points |= self._epoch(level, epoch, max(first - epoch * n, 0), rewind, optimiser, wanted)
        for moment in wanted.get(self.schedule.total, []):
            points |= self._point(moment, optimiser)
        points |= self._point("final", optimiser)
        self.memory = {**self.memory, **points}
        return points

    def step(self, optimiser: torch.optim.SGD, images: Tensor, labels: Tensor) -> Tensor:
        """One step of SGD; summed loss, number of right answers and number of images."""
        optimiser.zero_grad()
        logits = self.net(images)
        loss = cross_entropy(logits, labels)
        loss.backward()
        optimiser.step()
        n = torch.full((), len(labels), dtype=torch.float64, device=loss.device)
        return torch.stack([loss.detach() * n, (logits.argmax(1) == labels).sum(), n])

    def evaluate(self, part: Part) -> dict[str, Any]:
        """Mean loss, number of right answers and number of images of a part."""
        self.net.eval()
        loss, correct = torch.zeros((), dtype=torch.float64), 0
        with torch.inference_mode():
            for i in range(0, len(part), CHUNK):
                logits = self.net(self.parts.normalised(part.images[i : i + CHUNK]))
                labels = part.labels[i : i + CHUNK]
                loss += cross_entropy(logits, labels, reduction="sum").double().cpu()
                correct += int((logits.argmax(1) == labels).sum())
        return _row(float(loss), correct, len(part))

    def _epoch(
        self,
        level: int,
        epoch: int,
        first: int,
        rewind: Rewind,
        optimiser: torch.optim.SGD,
        wanted: Mapping[int, list[At]],
    ) -> dict[Any, dict[str, Tensor]]:
        self.net.train()
        points: dict[Any, dict[str, Tensor]] = {}
        sums = torch.zeros(3, dtype=torch.float64, device=self.config.device)
        start = epoch * self.parts.per_epoch + first
        for step, (images, labels) in enumerate(self.parts.batches(level, epoch, first), start):
            for moment in wanted.get(step, []):
                points |= self._point(moment, optimiser)
            optimiser.param_groups[0]["lr"] = self.schedule.rate(step, rewind)
            sums += self.step(optimiser, images, labels)
        train = _row(*sums.tolist())
        row = {"level": level, "epoch": epoch + 1, "learning_rate": optimiser.param_groups[0]["lr"], "train": train}
        if len(self.parts.validation):
            row["validation"] = self.evaluate(self.parts.validation)
        require_finite(row, self.config)
        self.rows.append(row)
        self.on_epoch(row)
        return points

    def optimiser(self, rewind: Rewind) -> torch.optim.SGD:
        """SGD for a level: fresh, or with the momentum of an earlier level on the present masks."""
        c = self.config
        optimiser = torch.optim.SGD(
            self.net.parameters(), lr=c.learning_rate, momentum=c.momentum, weight_decay=c.weight_decay, fused=True
        )
        for name, momentum in self._earlier_momentum(rewind).items():
            mask = self.net.masks.get(name)
            kept = momentum.to(c.device) if mask is None else torch.where(mask, momentum.to(c.device), 0)
            parameter = self.net.model.get_parameter(name)
            optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(kept)
        return optimiser

    def _earlier_momentum(self, rewind: Rewind) -> Mapping[str, Tensor]:
        """What the optimiser carries over, or gets back from where the magnitudes come from; initially there is none."""
        source = "final" if rewind.optimiser == "carry" else rewind.magnitude
        if rewind.optimiser == "fresh" or source == "init":
            return {}
        return self.memory[momentum_name(source)]

    def _point(self, name: str | At, optimiser: torch.optim.SGD) -> dict[Any, dict[str, Tensor]]:
        point: dict[Any, dict[str, Tensor]] = {name: self.net.snapshot()}
        if self.momentum:
            buffers = {n: optimiser.state[p].get("momentum_buffer") for n, p in self.net.model.named_parameters()}
            point[momentum_name(name)] = {
                n: torch.zeros_like(p, memory_format=torch.contiguous_format) if buffers[n] is None else copied(buffers[n])
                for n, p in self.net.model.named_parameters()
            }
        return point


def require_finite(row: Mapping[str, Any], config: Training) -> None:
    """Raise ``Diverged`` where a loss in a row of metrics is infinite or not a number."""
    for part in ("train", "validation", "test"):
        loss = row[part]["loss"] if part in row else 0.0
        if not math.isfinite(loss):
            raise Diverged(
                f"The {part} loss is {loss} in level {row['level']}, epoch {row.get('epoch', config.epochs)} (learning_rate="
                f"{config.learning_rate!r}, seed={config.seed}); finished levels stay stored."
            )


def _channels_last(net: nn.Module) -> None:
    """The memory layout in which convolutions are 1.4 times as fast on a CPU."""
    for tensor in (*net.parameters(), *net.buffers()):
        if tensor.dim() == 4:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)


def momentum_name(point: str | At) -> str:
    """The name of the point that holds the optimiser's momentum at another point."""
    return f"momentum {moment_name(point) if isinstance(point, At) else point}"


def _row(loss: float, correct: float, n: float) -> dict[str, Any]:
    return {"loss": loss / n, "correct": int(correct), "n": int(n)}
