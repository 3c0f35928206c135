"""What each of two processes does for test_distributed.py: ``torchrun together.py FOLDER``; process r writes FOLDER/r.json.

``together.py FOLDER failures`` has two processes run FOLDER/CASE.json, of which one fails on the way, for each case.
"""

import json
import os
import signal
import socket
import sys
from contextlib import contextmanager, nullcontext
from itertools import count
from pathlib import Path
from unittest.mock import patch

import torch
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

from deep import Config, TorchTrainer, distributed, run
from deep.distributed import joined
from deep.run import main as command
from deep.sweeps import sweep
from deep.sync_norm import synchronised
from theory.algorithms import LRR, Algorithm
from theory.criteria import Criterion

SETTINGS = {"model": "resnet20", "width": 2, "levels": 2, "epochs": 1, "subset": 192, "batch_size": 48, "precision": "float64"}
SETTINGS |= {"warmup": "step=0", "milestones": ("step=3",), "learning_rate": 0.05, "algorithm": "LRR"}
SMALL = SETTINGS | {"model": "together:network", "width": None, "levels": 1}
RUNS = {
    "resnet": SETTINGS,
    "float32": SETTINGS | {"precision": "float32", "levels": 0},
    "adamw": SMALL | {"algorithm": "WR(step=2)", "optimiser": "adamw", "learning_rate": 1e-3, "clip": 0.5},
    "gradient": SMALL | {"algorithm": "together:SNIP"},
    "flips": SMALL | {"algorithm": "IMP(flip=0.3, flip_every='step=2')", "validation": 0.0},
    "signs": SMALL | {"algorithm": "LRR(signs='fixed')"},
}
"""Runs that two processes do as one does."""
BORROWED = SMALL | {"algorithm": "IMP", "mask_from": "{folder}/alone/adamw"}
NORMS = {
    "2d": (lambda: nn.BatchNorm2d(3, eps=1e-3), (4, 3, 5, 2), torch.float64),
    "1d": (lambda: nn.BatchNorm1d(3, momentum=None), (2, 3), torch.float64),
    "3d, not affine": (lambda: nn.BatchNorm3d(2, affine=False), (2, 2, 1, 2, 2), torch.float64),
    "no statistics": (lambda: nn.BatchNorm1d(4, track_running_stats=False), (6, 4, 3), torch.float64),
    "float32": (lambda: nn.BatchNorm2d(3), (4, 3, 5, 2), torch.float32),
    "bfloat16": (lambda: nn.BatchNorm2d(3), (16, 3, 5, 4), torch.bfloat16),
}
"""Norms, the shape of a whole batch and its type."""
SNIP = Algorithm("together:SNIP", LRR.rewind, Criterion("snip", ("gradient", "final"), lambda g, f: abs(g * f)))
PLAIN = distributed._averaged


def network(shape, classes):
    """Two layers, batch norm between them."""
    c, h, w = shape
    return nn.Sequential(
        nn.Conv2d(c, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * (h - 2) * (w - 2), classes)
    )


class Idle(nn.Linear):
    """A layer with a parameter that does nothing."""

    def __init__(self, shape, classes):
        super().__init__(shape[0] * shape[1] * shape[2], classes)
        self.idle = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return super().forward(x.flatten(1))


class Stopped(Exception):
    """All processes stop before the same step."""


def normalise(make, shape, dtype, share=(0, 1), attach=lambda norm: nullcontext()):
    """A norm in training on a share of a batch: what it gives, its gradients for the loss Σ y² r, its statistics."""
    rank, size = share
    random = torch.Generator().manual_seed(0)
    whole = (3 + 2 * torch.randn(shape, generator=random, dtype=torch.float64)).to(dtype)
    r = torch.randn(shape, generator=random, dtype=torch.float64).chunk(size)[rank]
    x = whole.chunk(size)[rank].clone().requires_grad_()
    norm = make().to(torch.float32 if dtype == torch.bfloat16 else dtype)
    with torch.no_grad():
        for k, parameter in enumerate(norm.parameters()):
            parameter.copy_(torch.linspace(0.5 - k, 2.0, len(parameter)))
    with attach(norm):
        norm(x + 1)
        y = norm(x)
        (y.double() ** 2 * r).sum().backward()
    seen = {"y": y, "x": x.grad, **{n: p.grad for n, p in norm.named_parameters()}, **dict(norm.named_buffers())}
    return {name: tensor.detach().double().tolist() for name, tensor in seen.items()}


def doubled(net, devices):
    """Gradients twice as large as their average: the sum over two processes."""
    joint = PLAIN(net, devices)
    joint.register_comm_hook(None, lambda group, bucket: allreduce_hook(group, bucket).then(lambda f: 2 * f.value()))
    return joint


FAULTS = {
    "batch norm of one process": ("synchronised", lambda net, world: nullcontext()),
    "gradients of one process": ("_averaged", lambda net, devices: net),
    "summed gradients": ("_averaged", doubled),
}
"""What would be wrong in ``deep.distributed``."""
CONTROLS = [(fault, True) for fault in list(FAULTS)[:2]] + [(fault, False) for fault in list(FAULTS)[::2]]
"""Faults, with and without the comparison of the processes at the end of a level."""


def faulty(folder, fault, compare):
    """A run with a fault, with or without the comparison of the processes; the sentence with which it ends."""
    name, wrong = FAULTS[fault]
    unchecked = nullcontext() if compare else patch.object(distributed.World, "require_same", lambda *_: None)
    with patch.object(distributed, name, wrong), unchecked:
        return sentence(SETTINGS | {"levels": 0, "out": str(folder / f"{fault}-{compare}")})


def sentence(settings):
    """That of the ValueError in which a run ends."""
    try:
        run(Config(**settings), quiet=True)
    except ValueError as error:
        return str(error)
    return None


@contextmanager
def different_masks(rank):
    """Process 1 prunes another weight at level 1."""
    prune = Algorithm.prune

    def other(self, points, mask, level, trainer):
        found = prune(self, points, mask, level, trainer)
        if rank == 1:
            name = next(n for n, m in found.items() if m.any())
            found[name].view(-1)[found[name].view(-1).nonzero()[0]] = False
        return found

    with patch.object(Algorithm, "prune", other):
        yield


@contextmanager
def stopping(at):
    """All processes stop before their step ``at``."""
    step, numbers = TorchTrainer.step, count()

    def stop(self, *args):
        if next(numbers) == at:
            raise Stopped
        return step(self, *args)

    with patch.object(TorchTrainer, "step", stop):
        yield


def resumed(folder):
    """A run that is stopped inside levels 0 and 1; the steps that were done again."""
    settings, done = Config(**SETTINGS | {"levels": 1, "checkpoint": 0.0, "out": str(folder / "together" / "resumed")}), []
    for at in (2, 4):
        try:
            with stopping(at):
                run(settings, quiet=True)
        except Stopped:
            done.append(at)
    run(settings, quiet=True)
    return done


@contextmanager
def watched_masks(seen):
    """Collects the masks with which a process trains."""
    train = TorchTrainer.train

    def watch(self, params, mask, *rest):
        seen.append({name: m.int().tolist() for name, m in mask.items()})
        return train(self, params, mask, *rest)

    with patch.object(TorchTrainer, "train", watch):
        yield


def swept(folder):
    """The sentence with which a sweep is refused."""
    try:
        sweep(Config(**SMALL, out=str(folder / "sweep")), ["IMP", "LRR"])
    except ValueError as error:
        return str(error)
    return None


def values(world):
    """JSON and tensors, which are those of process 0 on both."""
    mine = {"t": torch.full((2, 1), world.rank > 0), "empty": torch.ones(0)} if world.rank == 0 else {}
    record, parts = world.same({"rank": world.rank}, {"a": mine} if mine else {})
    return [record, {part: {n: t.tolist() for n, t in tensors.items()} for part, tensors in parts.items()}, world.share]


def main(folder):
    with joined() as world:
        found = {
            "norms": {n: normalise(*case, world.share, lambda norm: synchronised(norm, world)) for n, case in NORMS.items()}
        }
        masks = found["masks"] = []
        for name, settings in RUNS.items():
            with watched_masks(masks) if name == "resnet" else nullcontext():
                run(Config(**settings, out=str(folder / "together" / name)), quiet=True)
        borrowed = BORROWED | {"mask_from": BORROWED["mask_from"].format(folder=folder)}
        run(Config(**borrowed, out=str(folder / "together" / "borrowed")), quiet=True)
        run(Config(**SMALL, out=str(folder / "moved")), quiet=True)
        found["resumed"] = resumed(folder)
        found["faults"] = {f"{fault}-{compare}": faulty(folder, fault, compare) for fault, compare in CONTROLS}
        with different_masks(world.rank):
            found["masks differ"] = sentence(SMALL | {"out": str(folder / "differ")})
        found["settings differ"] = sentence(SMALL | {"seed": world.rank, "out": str(folder / "settings")})
        found["graphs"] = sentence(SMALL | {"compile": "reduce-overhead", "out": str(folder / "graphs")})
        found["idle"] = sentence(SMALL | {"model": "together:Idle", "out": str(folder / "idle")})
        found["odd"] = sentence(SMALL | {"batch_size": 31, "out": str(folder / "odd")})
        found["sweep"] = swept(folder)
        found["rows"] = values(world)
    (folder / f"{world.rank}.json").write_text(json.dumps(found))


FAILURES = {"first": (0, None), "last": (1, None), "killed": (1, signal.SIGKILL)}
"""Who fails, and of what."""


def fail(folder, case):
    """Of two processes one fails at its third step."""
    (who, how), step, steps = FAILURES[case], TorchTrainer.step, count()

    def failing(self, *args):
        if next(steps) == 2 and self.world.rank == who:
            if how is not None:
                os.kill(os.getpid(), how)
            raise ValueError(f"Process {who} has lost its images.")
        return step(self, *args)

    with patch.object(TorchTrainer, "step", failing):
        return command([str(folder / f"{case}.json")])


def child(folder, case, rank, port):
    """The number of process ``rank`` of a case, forked from this one, which has imported all, in torchrun's environment."""
    number = os.fork()
    if number:
        return number
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    os.dup2(os.open(folder / f"{case}.{rank}", os.O_WRONLY | os.O_CREAT), 2)
    try:
        os._exit(fail(folder, case))
    except SystemExit as end:
        os._exit(end.code)
    finally:
        os._exit(99)


def failures(folder):
    """The exit codes of both processes, by who fails."""
    numbers = {}
    for case in FAILURES:
        (folder / f"{case}.json").write_text(json.dumps(SMALL | {"out": str(folder / case)}))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        numbers[case] = [child(folder, case, rank, port) for rank in (0, 1)]
    codes = {c: [os.waitstatus_to_exitcode(os.waitpid(n, 0)[1]) for n in two] for c, two in numbers.items()}
    (folder / "codes.json").write_text(json.dumps(codes))


if __name__ == "__main__":
    sys.modules["together"] = sys.modules["__main__"]
    {1: main, 2: failures}[len(sys.argv[1:])](Path(sys.argv[1]))
