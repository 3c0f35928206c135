"""The training engine of networks: stochastic gradient descent on one masked network, level by level."""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from theory.algorithms import Algorithm, At, Rewind
from theory.records import plain, to_json
from theory.rewinds import flipped, into_orthant, orthant
from theory.streams import key

from .checks import moment_name
from .config import Training
from .data import Data, Resident
from .distributed import current
from .groups import Grouped
from .images import Images
from .network import Loss, Network, network, right
from .optimisers import load_state, optimiser, reset, state
from .schedule import Schedule

__all__ = ["Diverged", "Midway", "TorchTrainer", "engine", "optimiser_name", "require_finite"]

CHUNK = 500
"""Images evaluated at once, fewer of large ones; part of the definition of a stored loss, as other chunks round otherwise."""


class Diverged(ValueError):
    """The loss of a network is no longer finite."""


@contextmanager
def engine(config: Training) -> Iterator[None]:
    """Torch with the threads, precision and determinism of ``config``, and random numbers of its own; restored afterwards.

    ValueError where the device is missing.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("The device 'cuda' was asked for, but torch sees no GPU here; use --device cpu.")
    if config.device == "cuda" and config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    tf32 = config.precision == "tf32"
    threads, was = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    memory: Any = torch.utils.deterministic
    fill = memory.fill_uninitialized_memory
    matmul, convolution = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    benchmark = torch.backends.cudnn.benchmark
    torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(config.deterministic)
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    memory.fill_uninitialized_memory = False  # which costs a kernel for each new tensor and changes no bits
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = not config.deterministic  # which kernel is fastest may differ from run to run
    try:
        with torch.random.fork_rng([torch.cuda.current_device()] if config.device == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(was)
        torch.set_float32_matmul_precision(matmul)
        memory.fill_uninitialized_memory = fill
        torch.backends.cudnn.allow_tf32 = convolution
        torch.backends.cudnn.benchmark = benchmark


@dataclass
class Midway:
    """A level under way after ``step`` steps: all that the rest of it depends on.

    ``tensors`` holds "parameters", "optimiser", "sums" of the epoch so far, "signs" where they are fixed, and the points that
    were passed, by the names under which levels are stored; ``rows`` the metrics of the finished epochs.
    """

    level: int
    step: int
    rows: list[dict[str, Any]]
    tensors: dict[str, dict[str, Tensor]] = field(default_factory=dict)


class TorchTrainer:
    """A ``theory.Trainer`` for one network: minibatch training, the optimiser fresh at every level unless a rewind says else.

    ``data``: ``Images`` or anything that serves batches (``deep.data.Data``). ``model``: any ``nn.Module``; the one that
    ``config`` names unless given. ``algorithms``: all those that are to share level 0. ``loss``: mean loss of a batch, cross
    entropy unless given. ``keys``: 64-bit key of the pruning's and rewinding's draws, that of the seed unless given.
    """

    batch = 0

    def __init__(
        self,
        config: Training,
        data: Images | Data,
        model: nn.Module | None = None,
        algorithms: Sequence[Algorithm] = (),
        on_epoch: Callable[[dict[str, Any]], None] = lambda row: None,
        loss: Loss | None = None,
        keys: NDArray[np.uint64] | None = None,
    ):
        self.config, self.on_epoch = config, on_epoch
        self.world = current()
        """The processes that train this network together, each on its share of a batch."""
        self.world.require_possible(config)
        self.data: Data = Resident(data, config, self.world.share) if isinstance(data, Images) else data
        if model is None and loss is None:
            self.network = network(config, self.data.shape, self.data.classes)
        elif model is not None:
            self.network = Network(model, config, loss)
        else:
            raise ValueError("A loss of your own goes with a model of your own; only the loss was given.")
        self.net, self.norm = self.network.net, self.network.norm
        self.network.user = self._name = object()  # not the trainer itself, whose data a kept network would then keep
        self.start, self.dense = self.network.initial, {n: torch.ones_like(m) for n, m in self.net.masks.items()}
        self.keys = key(np.uint64(config.seed), "network") if keys is None else keys
        self.schedule = Schedule.of(config, self.data.per_epoch)
        self.moments = frozenset(at for a in algorithms for at in a.moments)
        self.remembers = any(a.rewind.optimiser != "fresh" for a in algorithms)
        """Is the optimiser's memory stored with each point?"""
        self.memory: Mapping[Any, Any] = {}
        """The points of earlier levels; ``Level.points`` of the stored level when a run goes on."""
        self.rows: list[dict[str, Any]] = []
        """What was measured in each epoch of the last level."""
        self.midway: Midway | None = None
        """Where the next level to be trained goes on, if it was begun before."""
        self.keep: Callable[[Midway], None] | None = None
        """Called with a level under way every ``config.checkpoint`` seconds."""
        self.donate: Callable[[str, int], Mapping[str, Tensor]] | None = None
        """Gives "donor" (parameters at the end) and "donor mask" of a level of another run."""
        for at in self.moments:
            self.schedule.step(at)
        for a in algorithms:
            self.schedule.entry(a.rewind)
            self.schedule.span(a.rewind)
            if isinstance(a, Grouped):
                a.own(self.dense)  # is there such a layer?
        self.world.require_same("The settings", to_json(plain(config), indent=None))
        self.world.require_same("The data", self.data.digest)
        self.world.require_same("The initial values", self.start)

    def initial(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Parameters and masks at the start of level 0."""
        return {n: t.clone() for n, t in self.start.items()}, {n: m.clone() for n, m in self.dense.items()}

    def train(
        self, params: Mapping[str, Any], mask: Mapping[str, Any], level: int, at: frozenset[At], rewind: Rewind
    ) -> dict[Any, dict[str, Tensor]]:
        """Train one level; "final", each moment asked for, and the optimiser's memory at each where a rewind wants it back."""
        rewind = rewind if level else Rewind()
        self.world.require_same(f"The masks of level {level}", mask)
        self.net.load(params, mask)
        self.network.user = self._name
        course = Course(self, level, rewind, at | (self.moments if level == 0 else frozenset()))
        midway, self.midway = self._agreed(self.midway), None
        if midway is not None:
            course.go_on(midway)
        with self.world.training(self.network):
            while course.step < self.schedule.total:
                self._epoch(course)
        points = course.finish()
        self.world.require_same(f"The parameters at the end of level {level}", points["final"])
        self.rows, self.memory = course.rows, {**self.memory, **points}
        return points

    def _agreed(self, midway: "Midway | None") -> "Midway | None":
        """Where all processes go on: where process 0 does."""
        tensors = {} if midway is None else midway.tensors
        record, tensors = self.world.same(None if midway is None else (midway.level, midway.step, midway.rows), tensors)
        if record is None:
            return None
        level, step, rows = record
        return Midway(level, step, rows, tensors)

    def step(self, opt: Optimizer, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """One step of the optimiser; mean loss and number of right answers, left on the device."""
        opt.zero_grad()
        loss, hits = self.network.training_pass(images, labels)
        loss.backward()
        if self.config.clip is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip)
        opt.step()
        return self.world.whole(loss.detach(), hits)

    def evaluate(self, part: str) -> dict[str, Any]:
        """Mean loss, number of right answers and number of images of the "train", "validation" or "test" part."""
        if self.network.user is not self._name:
            raise ValueError(f"Another trainer holds the compiled {self.config.model!r} now; evaluate before it is made.")
        self.net.eval()
        loss, hits, n = 0.0, 0.0, self.data.sizes.get(part, 0)
        if n == 0:
            raise ValueError(f"There are no {part!r} images to evaluate on.")
        sums = torch.zeros((-(-n // self.chunk), 2), dtype=torch.float64, device=self.config.device)
        with torch.inference_mode():
            for i, (images, labels) in self.world.dealt(self.data, part, self.chunk):
                outputs = self.network.outputs(images)
                sums[i, 0], sums[i, 1] = self.network.summed_loss(outputs, labels), right(outputs, labels)
        for chunk in self.world.total(sums).tolist():
            loss, hits = loss + chunk[0], hits + chunk[1]
        return metrics_row(loss, hits, n)

    @property
    def chunk(self) -> int:
        """Images evaluated at once."""
        return max(1, min(CHUNK, 2**24 // max(1, prod(self.data.shape))))

    def supply(
        self, names: frozenset[str], points: Mapping[Any, Any], mask: Mapping[str, Any], level: int
    ) -> dict[str, Mapping[str, Tensor]]:
        """Points that no training yields: "donor" and "donor mask" of another run; "gradient" of the loss at the end."""
        found: dict[str, Mapping[str, Tensor]] = {}
        for name in sorted(names):  # in one order on all processes
            if name == "gradient":
                found[name] = self._gradient(points["final"], mask)
            elif name in ("donor", "donor mask") and self.donate is not None:
                found |= self.world.same(None, {name: self.donate(name, level)})[1]
        return found

    def _gradient(self, params: Mapping[str, Any], mask: Mapping[str, Any]) -> dict[str, Tensor]:
        """Of the mean loss over the training part, not augmented, batch norm as in evaluation, as if all weights were alive."""
        self.net.load(params, {n: torch.ones_like(m) for n, m in mask.items()})
        self.net.eval()
        self.net.zero_grad()
        for _, (images, labels) in self.world.dealt(self.data, "train", self.chunk):
            self.network.summed_loss(self.net(images.to(self.network.dtype)), labels).backward()
        n, own = self.data.sizes["train"], self.net.parameters_by_name
        gradients = {name: own[name].grad for name in mask}
        whole = {name: torch.zeros_like(own[name]) if g is None else g.detach() for name, g in gradients.items()}
        return {name: self.world.total(g) / n for name, g in whole.items()}

    def _epoch(self, course: "Course") -> None:
        """The rest of the epoch in which the course stands."""
        self.net.train()
        per_epoch, opt = self.schedule.per_epoch, course.optimiser
        epoch, first = divmod(course.step, per_epoch)
        for images, labels in self.data.batches(course.level, epoch, first):
            self.world.require_share(len(labels), self.data.batch_size)
            course.before_step()
            opt.param_groups[0]["lr"] = rate = self.schedule.rate(course.step, course.rewind)
            loss, hits = self.step(opt, images, labels)
            course.after_step(loss, hits, len(labels) * self.world.size)
            if course.step == self.schedule.total:
                break
        row = {"level": course.level, "epoch": epoch + 1, "learning_rate": rate, "train": course.epoch_row()}
        if self.data.sizes["validation"]:
            row["validation"] = self.evaluate("validation")
        require_finite(row, self.config)
        course.rows.append(row)
        self.on_epoch(row)

    def new_optimiser(self, rewind: Rewind, level: int) -> Optimizer:
        """The optimiser at the start of a level: fresh, or with the memory of an earlier one on the present masks."""
        opt = optimiser(self.config, self.net)
        source = "final" if rewind.optimiser == "carry" else rewind.magnitude
        if rewind.optimiser != "fresh" and source != "init":
            load_state(opt, self.net, self.memory[optimiser_name(source)])
            if rewind.flip and rewind.flip_momentum == "reset":
                reset(opt, self.net, rewind.flips(self.keys, self.net.masks, level, 0, self.batch))
        return opt


class Course:
    """One level under way: where it stands, what it has passed, what its algorithm does between steps."""

    def __init__(self, trainer: TorchTrainer, level: int, rewind: Rewind, moments: frozenset[At]):
        self.trainer, self.level, self.rewind = trainer, level, rewind
        self.step = self.first = trainer.schedule.entry(rewind)
        self.optimiser = trainer.new_optimiser(rewind, level)
        self.wanted: dict[int, list[At]] = {}
        for at in sorted(moments, key=moment_name):
            self.wanted.setdefault(trainer.schedule.step(at), []).append(at)
        self.points: dict[Any, dict[str, Tensor]] = {}
        self.rows: list[dict[str, Any]] = []
        self.span = trainer.schedule.span(rewind) if level else None
        own = trainer.net.parameters_by_name
        self.weights = {name: own[name].data for name in trainer.net.masks}
        self.negative = orthant(self.weights, self.weights) if level and rewind.signs == "fixed" else {}
        self._new_sums()
        self.kept = time.monotonic()

    def _new_sums(self) -> None:
        self.sums, self.n = torch.zeros(2, dtype=torch.float64, device=self.trainer.config.device), 0

    def before_step(self) -> None:
        """Checkpoint, points on the way, flipped signs; where the network itself draws numbers, those of this step."""
        trainer, now = self.trainer, time.monotonic()
        if trainer.keep is not None and self.step > self.first and now - self.kept >= trainer.config.checkpoint:
            trainer.keep(self.midway())
            self.kept = time.monotonic()
        self._pass_points()
        if self.span is not None and self.step > self.first and (self.step - self.first) % self.span == 0:
            self._flip((self.step - self.first) // self.span)
        if trainer.network.random:
            own = [trainer.world.rank] if trainer.world.rank else []
            torch.manual_seed(int(key(trainer.keys, "dropout", self.level, self.step, *own)))

    def after_step(self, loss: Tensor, hits: Tensor, n: int) -> None:
        """Count, and hold the signs that are fixed."""
        self.sums += torch.stack([loss.double() * n, hits.double()])
        self.n, self.step = self.n + n, self.step + 1
        for name, negative in self.negative.items():
            self.weights[name].copy_(into_orthant(self.weights[name], negative))

    def epoch_row(self) -> dict[str, Any]:
        """The training part's numbers of the epoch that just ended."""
        (loss, hits), n = self.sums.tolist(), self.n
        self._new_sums()
        return metrics_row(loss, hits, n)

    def finish(self) -> dict[Any, dict[str, Tensor]]:
        """All points of the level."""
        self._pass_points()
        self._pass("final")
        return self.points

    def _pass_points(self) -> None:
        for at in self.wanted.get(self.step, []):
            self._pass(at)

    def _pass(self, name: str | At) -> None:
        self.points[name] = self.trainer.net.snapshot()
        if self.trainer.remembers:
            self.points[optimiser_name(name)] = self._state()

    def _state(self) -> dict[str, Tensor]:
        return state(self.trainer.config.optimiser, self.optimiser, self.trainer.net)

    def _flip(self, k: int) -> None:
        """The k-th flip inside the level; momentum that would pull a flipped weight back is forgotten."""
        net, rewind = self.trainer.net, self.rewind
        flips = rewind.flips(self.trainer.keys, net.masks, self.level, k, self.trainer.batch)
        for name, tensor in flipped(self.weights, flips).items():
            self.weights[name].copy_(tensor)
        if rewind.flip_momentum == "reset":
            reset(self.optimiser, net, flips)

    def midway(self) -> Midway:
        """All that the rest of the level depends on."""
        tensors = {"parameters": self.trainer.net.snapshot(), "optimiser": self._state()}
        tensors["sums"] = {"sums": self.sums.clone(), "n": torch.tensor(self.n)}
        if self.negative:
            tensors["signs"] = {n: t.clone() for n, t in self.negative.items()}
        tensors |= {_stored_name(name): point for name, point in self.points.items()}
        return Midway(self.level, self.step, list(self.rows), tensors)

    def go_on(self, midway: Midway) -> None:
        """Stand where ``midway`` was; ValueError where it belongs to another level."""
        trainer = self.trainer
        if midway.level != self.level or not self.first <= midway.step <= trainer.schedule.total:
            raise ValueError(f"The checkpoint is of level {midway.level}, step {midway.step}, not of level {self.level}.")
        tensors = dict(midway.tensors)
        trainer.net.load(tensors.pop("parameters"), trainer.net.snapshot_masks())
        load_state(self.optimiser, trainer.net, tensors.pop("optimiser"))
        sums = tensors.pop("sums")
        self.sums.copy_(sums["sums"])
        self.n, self.step, self.rows = int(sums["n"]), midway.step, list(midway.rows)
        self.negative = {n: t.to(trainer.config.device) for n, t in tensors.pop("signs", {}).items()}
        named: dict[str, Any] = {moment_name(at): at for passed in self.wanted.values() for at in passed}
        named |= {optimiser_name(at): optimiser_name(at) for at in named.values()}
        for name, point in tensors.items():
            self.points[named[name]] = {n: t.to(trainer.config.device) for n, t in point.items()}


def require_finite(row: Mapping[str, Any], config: Training) -> None:
    """Raise ``Diverged`` where a loss in a row of metrics is infinite or not a number."""
    for part in ("train", "validation", "test"):
        loss = row[part]["loss"] if part in row else 0.0
        if not math.isfinite(loss):
            raise Diverged(
                f"The {part} loss is {loss} in level {row['level']}, epoch {row.get('epoch', config.epochs)} (learning_rate="
                f"{config.learning_rate!r}, seed={config.seed}); finished levels stay stored."
            )


def optimiser_name(point: str | At) -> str:
    """The name of the point that holds the optimiser's memory at another point."""
    return f"optimiser {_stored_name(point)}"


def _stored_name(point: str | At) -> str:
    return moment_name(point) if isinstance(point, At) else point


def metrics_row(loss: float, correct: float, n: float) -> dict[str, Any]:
    return {"loss": loss / n, "correct": int(correct), "n": int(n)}
