"""One run on several processes, one for each GPU (or on CPUs), started by torchrun.

Each process trains on its own contiguous part of every batch. ``DistributedDataParallel`` averages the gradients, batch norm
sees the whole batch (``deep.sync_norm``), metrics are of all images. The chunks of an evaluation are dealt out, and their sums
added in the order of a single process. Every process prunes for itself, from the same bits: masks and parameters are compared
at each level. Only process 0 reads and writes the run folder, which is that of a single process; a run may go on
with another number of processes, which is flagged, for sums are then rounded otherwise. Random draws inside a network (dropout)
differ from process to process, and from those of a single one. GPUs talk through NCCL, CPUs through Gloo.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from inspect import signature
from itertools import count, islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from theory.algorithms import At, Level, Tensors, levels

from .config import Training, moment, moment_name
from .sync_norm import synchronised

if TYPE_CHECKING:
    from .data import Data
    from .network import Network
    from .trainer import TorchTrainer

__all__ = ["ALONE", "World", "current", "follow", "joined", "lead", "place", "require_one"]

Parts = Mapping[str, Tensors]

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others, while they load data or store a level."""
ANSWER = timedelta(minutes=5)
"""How long it waits for the first answer of process 0."""


class World:
    """The processes that train one network together; this one is number ``rank`` of ``size``, number ``local`` on its machine.

    All of them have to call each of the methods, in the same order. Alone, these give back what they are given.
    """

    def __init__(self, rank: int = 0, size: int = 1, local: int = 0):
        self.rank, self.size, self.local = rank, size, local
        self._joint: WeakKeyDictionary[Any, nn.Module] = WeakKeyDictionary()

    @property
    def share(self) -> tuple[int, int]:
        """(rank, size), as ``deep.data.load`` takes it."""
        return self.rank, self.size

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def gathered(self, tensor: Tensor) -> Tensor:
        """The tensors of all processes, equal in shape: (size, …)."""
        found = [torch.empty_like(tensor) for _ in range(self.size)]
        if self.size > 1:
            distributed.all_gather(found, tensor)
        return torch.stack(found) if self.size > 1 else tensor[None]

    def whole(self, loss: Tensor, hits: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss and right answers of a batch, from those of the equal parts that the processes have of it."""
        if self.size == 1:
            return loss, hits
        both = self.total(torch.stack([loss.double(), hits.double()]))
        return both[0] / self.size, both[1]

    def dealt(self, data: "Data", part: str, size: int) -> Iterator[tuple[int, tuple[Tensor, Tensor]]]:
        """This process's chunks of an evaluation and their numbers: every ``self.size``-th from number ``rank`` on."""
        own = getattr(data, "dealt", None)  # sets that are read from files don't read what is others'
        chunks = own(part, size, *self.share) if own else islice(data.evaluation(part, size), self.rank, None, self.size)
        return zip(count(*self.share), chunks, strict=False)

    def require_share(self, own: int, batch: int) -> None:
        """ValueError unless a process has its equal part of a batch."""
        if self.size > 1 and own * self.size != batch:
            raise ValueError(
                f"Process {self.rank} of {self.size} has {own} images of a batch of {batch}: its data are not shared."
            )

    def same(self, record: Any, parts: Parts) -> tuple[Any, dict[str, dict[str, Tensor]]]:
        """What process 0 gives: JSON, and tensors by part and name, on the kind of device that they are on there."""
        if self.size == 1:
            return record, {part: dict(tensors) for part, tensors in parts.items()}
        listed = [(part, name, t) for part, tensors in parts.items() for name, t in tensors.items()]
        kinds = [[part, name, list(t.shape), str(t.dtype).removeprefix("torch."), t.device.type] for part, name, t in listed]
        record, names, kinds = json.loads(self._text(json.dumps([record, list(parts), kinds])))
        found: dict[str, dict[str, Tensor]] = {part: {} for part in names}
        for i, (part, name, shape, dtype, device) in enumerate(kinds):
            own = listed[i][2] if self.rank == 0 else torch.empty(shape, dtype=getattr(torch, dtype), device=device)
            found[part][name] = own.contiguous()
            distributed.broadcast(found[part][name], 0)
        return record, found

    def _text(self, text: str) -> str:
        """That of process 0."""
        content = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)
        length = torch.tensor(len(content))
        distributed.broadcast(length, 0)
        content = content if self.rank == 0 else torch.empty(int(length), dtype=torch.uint8)
        distributed.broadcast(content, 0)
        return content.numpy().tobytes().decode()

    def require_same(self, what: str, content: Tensors | str) -> None:
        """ValueError, on all processes, where a text or the bits of tensors differ between two of them."""
        if self.size == 1:
            return
        digests = self.gathered(torch.frombuffer(bytearray(_digest(content)), dtype=torch.uint8))
        for rank, digest in enumerate(digests):
            if not torch.equal(digest, digests[0]):
                raise ValueError(f"{what} are not the same on process 0 and process {rank} of {self.size}.")

    def require_possible(self, config: Training) -> None:
        """ValueError for settings under which several processes can't train together."""
        if self.size > 1 and config.compile not in ("none", "default"):
            raise ValueError(
                f"compile={config.compile!r} records GPU graphs, which {self.size} processes can't share; use default."
            )
        if self.size > 1 and config.device == "cuda" and self.local >= torch.cuda.device_count():
            has = torch.cuda.device_count()
            raise ValueError(f"Process {self.rank} is number {self.local} on its machine, where torch sees {has} GPUs.")

    def barrier(self) -> None:
        """Wait until all have come here."""
        self.total(torch.zeros(()))

    @contextmanager
    def one_first(self) -> Iterator[None]:
        """The first process of each machine does it, then the others: what one downloads, they find."""
        if self.local:
            self.barrier()
        try:
            yield
        finally:
            if not self.local:
                self.barrier()

    @contextmanager
    def training(self, network: "Network") -> Iterator[None]:
        """The network's training pass averages gradients and normalises batches over all processes."""
        if self.size == 1:
            yield
            return
        if network not in self._joint:
            devices = [torch.cuda.current_device()] if network.device == "cuda" else None
            self._joint[network] = _averaged(network.net, devices)
        network.forward = self._joint[network]
        try:
            with synchronised(network.net, self):
                yield
        except RuntimeError as error:
            if "Expected to have finished reduction" not in str(error):
                raise
            raise ValueError(
                "Some parameter of the network does not affect its output; several processes can't train it."
            ) from None
        finally:
            network.forward = network.net


ALONE = World()
"""A process by itself."""
_worlds = [ALONE]


def _averaged(net: nn.Module, devices: list[int] | None) -> nn.Module:
    """``net`` with averaged gradients. Nothing else is sent, as parameters, masks and statistics are the same everywhere."""
    known = signature(DistributedDataParallel).parameters  # torch 2.13 renames an option
    options: dict[str, Any] = {"forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False}
    return DistributedDataParallel(net, devices, init_sync=False, **options)


def current() -> World:
    """The world that was joined, or ``ALONE``."""
    return _worlds[-1]


def require_one(what: str) -> None:
    """ValueError where torchrun started several processes, for something that they can't do together."""
    size = _environment()[1]
    if size > 1:
        raise ValueError(f"{what} needs no torchrun, which started {size} processes of it.")


def place(device: str) -> str:
    """The device as a run records it: other numbers of processes round otherwise.

    >>> place("cpu")
    'cpu'
    """
    return device if current().size == 1 else f"{current().size} x {device}"


@contextmanager
def joined() -> Iterator[World]:
    """The processes that torchrun started together with this one; ``ALONE`` where it started none.

    If one of them fails, all end: that one with its own exception, the others, when they next wait for it, with SystemExit(2)
    and no word. ChildProcessError where it was killed. ValueError for environment variables that make no sense.
    """
    rank, size, local = _environment()
    if size == 1 or current().size > 1:
        yield current()
        return
    store = _meet(rank, size, local)
    _worlds.append(World(rank, size, local))
    try:
        yield current()
        current().barrier()
    except Exception as error:
        _require_first(store)
        if isinstance(error, distributed.DistError) or (type(error) is RuntimeError and "gloo" in str(error).lower()):
            lost = f"One of the {size} processes of this run was lost (killed, or out of memory?)"
            raise ChildProcessError(f"{lost}; the same command goes on from there.") from None
        raise
    finally:
        _worlds.pop()
    distributed.destroy_process_group()


def _environment() -> tuple[int, int, int]:
    """Rank, size and local rank, as torchrun set them; (0, 1, 0) without torchrun."""
    if not {"RANK", "WORLD_SIZE"} & os.environ.keys():
        return 0, 1, 0
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        text = os.environ.get(name)
        if text is None:
            raise ValueError(f"torchrun sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, but {name} is not set.")
        if name != "MASTER_ADDR" and not text.isdecimal():
            raise ValueError(f"The environment variable {name} is a whole number, not {text!r}.")
    rank, size, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    if not local <= rank < size:
        raise ValueError(f"LOCAL_RANK <= RANK < WORLD_SIZE should hold, but they are {local}, {rank} and {size}.")
    return rank, size, local


def _meet(rank: int, size: int, local: int) -> Any:
    """Join the others; a store that all of them see."""
    gpus = torch.cuda.device_count() if distributed.is_nccl_available() else 0
    if local < gpus:
        torch.cuda.set_device(local)
    address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    try:
        store, _, _ = next(distributed.rendezvous("env://", timeout=ANSWER))
        store.set_timeout(PATIENCE)
        backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
        distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        why = " ".join(str(error).split())
        raise OSError(f"Process {rank} of {size} can't join the others at {address}: {why:.200}") from None
    return distributed.PrefixStore("signescape", store)


def _require_first(store: Any) -> None:
    """SystemExit where another process has failed before this one: then it is for that one to say why."""
    try:
        first = store.add("failures", 1) == 1
    except RuntimeError:  # process 0, which held the store, is gone
        first = False
    if not first:
        raise SystemExit(2) from None


def lead(done: Level | None) -> None:
    """Process 0 tells the others behind which level the run goes on."""
    points = {} if done is None else {f"point {_name(p)}": tensors for p, tensors in done.points.items()}
    parts = {} if done is None else {"mask": done.mask, "start": done.start, **points}
    current().same(None if done is None else done.index, parts)


def follow(trainer: "TorchTrainer", algorithm: Any, n: int) -> None:
    """What all processes but 0 do in a run of ``n`` levels: the same training and pruning; nothing is written."""
    index, parts = trainer.world.same(None, {})
    done = None
    if index is not None:
        mask, start = parts.pop("mask"), parts.pop("start")
        done = Level(index, mask, start, {_point(name.removeprefix("point ")): tensors for name, tensors in parts.items()})
        trainer.memory = done.points
    trainer.donate = lambda *_: {}
    for _ in levels(algorithm, trainer, *trainer.initial(), n, done):
        trainer.evaluate("test")  # with process 0, which stores it


def _name(point: Any) -> str:
    return moment_name(point) if isinstance(point, At) else str(point)


def _point(name: str) -> Any:
    return moment(name) if name.startswith(("step=", "epoch=")) else name


def _digest(content: Tensors | str) -> bytes:
    """SHA-256 of a text, or of names and bits of tensors."""
    if isinstance(content, str):
        return hashlib.sha256(content.encode()).digest()
    digest = hashlib.sha256()
    for name, tensor in content.items():
        digest.update(name.encode())
        digest.update(tensor.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.digest()
