"""The two passes of a network: precision, loss, compiled once per process, nothing read from the device inside an epoch."""

import os
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

import deep.network
from deep import Config, TorchTrainer
from deep.images import read
from deep.network import Network, network, right
from deep.trainer import engine
from theory.algorithms import IMP, LRR, At, levels

from .semantics import SETTINGS, same, small

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=CUDA)]


def batch(n=6, dtype=torch.float32):
    g = torch.Generator().manual_seed(0)
    return torch.randn(n, 1, 8, 8, generator=g, dtype=dtype), torch.arange(n) % 10


# Precision and loss


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.float32), ("float64", torch.float64)]
)
def test_weights_gradients_and_outputs_have_the_precision_of_the_weights(precision, dtype):
    net = Network(small(), Config(precision=precision))
    loss, hits = net.training_pass(*batch())
    loss.backward()
    tensors = [loss, net.outputs(batch()[0]), *net.net.parameters(), *(p.grad for p in net.net.parameters())]
    assert {t.dtype for t in tensors} == {dtype}
    assert hits.dtype == torch.int64


def test_bfloat16_computes_in_bfloat16_and_nothing_else_does():
    seen = {}
    for precision in ("float32", "tf32", "bfloat16", "float64"):
        model = small()
        model[0].register_forward_hook(lambda module, inputs, output, name=precision: seen.update({name: output.dtype}))
        Network(model, Config(precision=precision)).training_pass(*batch())
    assert seen == {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


def test_the_loss_is_cross_entropy_with_smoothed_labels_in_training_alone():
    net = Network(small(), Config(label_smoothing=0.2, precision="float64"))
    (images, labels), net.net.training = batch(dtype=torch.float64), True
    outputs = net.net(images)
    p, q = torch.log_softmax(outputs, 1), torch.nn.functional.one_hot(labels, 10).double() * 0.8 + 0.02
    assert torch.allclose(net.training_pass(images, labels)[0], -(p * q).sum(1).mean(), rtol=1e-12)
    assert torch.allclose(net.summed_loss(outputs, labels), cross_entropy(outputs, labels, reduction="sum"), rtol=1e-12)


def test_a_loss_of_ones_own():
    net = Network(small(), Config(), loss=lambda outputs, y: ((outputs[:, 0] - y) ** 2).mean())
    images, y = batch()[0], torch.linspace(0, 1, 6)
    with torch.no_grad():
        loss, hits = net.training_pass(images, y)
        outputs = net.net(images)
    assert torch.allclose(loss, ((outputs[:, 0] - y) ** 2).mean())
    assert torch.allclose(net.summed_loss(outputs, y), 6 * loss.double())
    assert int(hits) == 0


def test_right_answers():
    outputs = torch.tensor([[1.0, 2.0], [3.0, 2.0], [0.0, 1.0]])
    assert int(right(outputs, torch.tensor([1, 1, 1]))) == 2


def test_a_network_without_layers_to_prune_is_refused():
    with pytest.raises(ValueError, match="no convolution and no linear layer"):
        Network(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64)), Config())


def test_the_last_layer_may_be_left_out():
    assert list(Network(small(), Config()).net.masks) == ["0.weight", "4.weight"]
    assert list(Network(small(), Config(last_layer="exclude")).net.masks) == ["0.weight"]


def test_dropout_is_noticed():
    assert Network(nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 10)), Config()).random
    assert not Network(deep.models.build("conv2", (1, 8, 8), 10, seed=0, width=2), Config()).random
    assert Network(small(), Config()).random  # whose forward may do anything


# Compiled once


@pytest.fixture
def compiled(monkeypatch):
    """Counts what is compiled, by a backend that runs the traced graphs as they are."""
    counter, compile_ = CompileCounter(), torch.compile
    monkeypatch.setattr(torch, "compile", lambda function, mode=None, dynamic=None: compile_(function, backend=counter))
    monkeypatch.setattr(deep.network, "_COMPILED", {})
    monkeypatch.setattr(deep.network.shutil, "which", lambda name: name)
    monkeypatch.setattr(deep.network, "build", lambda name, shape, classes, seed, *how: small(seed))
    torch._dynamo.reset()
    yield counter
    torch._dynamo.reset()


def runs(law, seed, **settings):
    """Three levels of the small network; evaluation has a whole chunk and a smaller one."""
    config = Config(algorithm=law, compile="default", seed=seed, **SETTINGS | {"validation": 0.5} | settings)
    t = TorchTrainer(config, read("digits"), algorithms=[law])
    with engine(config):
        return list(levels(law, t, *t.initial(), 2))


def test_later_levels_and_runs_compile_nothing(compiled, monkeypatch):
    """Masks, weights, statistics and learning rates change; what was compiled in level 0 serves all."""
    counts, train = [], TorchTrainer.train
    monkeypatch.setattr(TorchTrainer, "train", lambda *a: (train(*a), counts.append(compiled.frame_count))[0])
    monkeypatch.setattr("deep.trainer.CHUNK", 30)
    stages = runs(LRR, seed=0)
    runs(IMP, seed=1, learning_rate=0.05, weight_decay=0.0)
    assert counts[0] > 0
    assert counts == [counts[0]] * 6
    deep.network._COMPILED.clear()  # the negative control: a network of its own for the next run
    assert same(runs(LRR, seed=0)[2].points["final"], stages[2].points["final"])
    assert counts[-1] > counts[0]


def test_a_network_that_another_trainer_holds_is_not_evaluated(compiled):
    """Compiled networks are kept: weights of another run in them would be a wrong number without a word."""
    config = Config(**SETTINGS, compile="default", algorithm="LRR")
    first = TorchTrainer(config, read("digits"))
    with engine(config):
        known = first.evaluate("test")
        second = TorchTrainer(replace(config, seed=1), read("digits"))
        assert second.evaluate("test") != known
        with pytest.raises(ValueError, match="Another trainer holds the compiled"):
            first.evaluate("test")


def test_a_mask_that_is_a_constant_of_the_graph_would_be_compiled_again(compiled):
    """The negative control for masks: a number of the module, as in code that keeps the density in a Python float."""

    class Scaled(nn.Module):
        density = 0.5

        def forward(self, x):
            return x * self.density

    net = Scaled()
    call = torch.compile(net.forward)
    for net.density in (0.5, 0.4, 0.3):
        call(torch.ones(2))
    assert compiled.frame_count > 1


def test_a_compiled_network_starts_each_run_from_its_own_values(compiled):
    first, second = (network(Config(compile="default", seed=seed), (1, 8, 8), 10) for seed in (0, 1))
    assert first is second
    assert same(first.net.snapshot(), network(Config(seed=1), (1, 8, 8), 10).initial)
    assert same(first.initial, small(1).state_dict())
    assert all(m.all() for m in first.net.masks.values())
    for other in ({"width": 3}, {"label_smoothing": 0.1}, {"precision": "bfloat16"}, {"last_layer": "exclude"}):
        assert network(Config(compile="default", **other), (1, 8, 8), 10) is not first


def test_compiling_needs_a_compiler(monkeypatch):
    monkeypatch.setattr(deep.network.shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match="compile='default' needs a C"):
        Network(small(), Config(compile="default"))


# Nothing is read back inside an epoch


class Reads(TorchDispatchMode):
    """Counts the numbers that Python asks a device for."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **kwargs or {})


def reads(kind, law, **settings):
    """Reads between each step of an epoch and the next: batches, step, points, flips, sums."""

    class Watched(kind):
        def step(self, *batch):
            between.append(mode.count)
            found = super().step(*batch)
            self.steps += 1
            if self.steps % 4 == 0:  # what comes after an epoch may read
                between.append(mode.count)
            return found

        def _epoch(self, course):
            self.steps = 0
            between.append(None)
            super()._epoch(course)

    between, config = [], Config(algorithm=law, **SETTINGS | settings)
    t = Watched(config, read("digits"), model=small(), algorithms=[law])
    with engine(config), Reads() as mode:
        list(levels(law, t, *t.initial(), 1))
    steps = [b - a for a, b in pairwise(between) if a is not None and b is not None]
    return steps, mode.count


@pytest.mark.parametrize("settings", [{}, {"clip": 0.1}, {"optimiser": "adamw"}, {"augment": "crop-flip"}], ids=str)
def test_nothing_is_read_from_the_device_inside_an_epoch(settings):
    law = LRR.__class__("fixed", LRR.rewind.__class__("final", "final", "final", "final", signs="fixed"))
    steps, all_ = reads(TorchTrainer, law, **settings)
    assert steps == [0] * 16
    assert all_ > 0  # metrics are read after an epoch, so the counter does see reads


def test_a_read_loss_would_be_seen():
    class Reading(TorchTrainer):
        def step(self, *batch):
            loss, hits = super().step(*batch)
            self.last = loss.item()
            return loss, hits

    assert sum(reads(Reading, LRR)[0]) >= 12


@contextmanager
def no_waiting():
    """Any wait for the GPU is an error."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


@CUDA
@pytest.mark.parametrize("settings", [{}, {"clip": 0.1, "precision": "bfloat16"}, {"augment": "crop-flip"}], ids=str)
def test_the_host_never_waits_for_the_gpu_inside_an_epoch(settings):
    class Watched(TorchTrainer):
        def _epoch(self, course):
            row, batches = course.epoch_row, self.data.batches

            def watched(*at):
                with no_waiting():
                    yield from batches(*at)

            def read():
                torch.cuda.set_sync_debug_mode("default")
                return row()

            course.epoch_row, self.data.batches = read, watched
            try:
                super()._epoch(course)
            finally:
                torch.cuda.set_sync_debug_mode("default")
                self.data.batches = batches

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    config = Config(algorithm=LRR, device="cuda", **SETTINGS | settings)
    t = Watched(config, read("digits"), model=small(), algorithms=[LRR])
    with engine(config):
        stages = list(levels(LRR, t, *t.initial(), 1))
    assert len(stages) == 2


def test_points_on_the_way_are_copies():
    t = TorchTrainer(Config(**SETTINGS), read("digits"), model=small(), algorithms=[LRR])
    with engine(t.config):
        points = t.train(*t.initial(), 0, frozenset({At(2)}), LRR.rewind)
    assert not same(points[At(2)], points["final"])
    assert not {x.data_ptr() for x in points[At(2)].values()} & {x.data_ptr() for x in t.net.parameters()}
