"""Networks trained together: each as if alone, and to the bit the same whatever runs beside it."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from deep.config import Config
from deep.data import Resident
from deep.images import read
from deep.models import build
from deep.stacked import Pace, Stack
from deep.stacked_layers import stacked
from deep.stacked_memory import stack_bytes
from deep.stacked_replicas import Replicas
from deep.stacked_trainer import LEAST, Lane, Stacks, Start, is_filled, train_together
from deep.trainer import Diverged, TorchTrainer, engine
from theory.algorithms import IMP, LRR, WR, At, Rewind, levels

CARRY = replace(LRR, name="carry", rewind=replace(LRR.rewind, optimiser="carry"))
FLIP = replace(LRR, name="flip", rewind=replace(LRR.rewind, flip=0.3, flip_every=At(3)))
FIXED = replace(LRR, name="fixed", rewind=replace(LRR.rewind, signs="fixed"))
REPLAY = replace(WR(step=3), name="replay", rewind=replace(WR(step=3).rewind, schedule="replay", optimiser="restore"))
ADAMW: dict[str, Any] = {"optimiser": "adamw", "learning_rate": 0.01}


def config(**own) -> Config:
    small = {"width": 2, "levels": 2, "epochs": 2, "subset": 96, "batch_size": 48, "milestones": ("epoch=1",), "together": 4}
    return Config(**small | own)


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


# What a stack computes.


MODELS = (
    ("resnet20", (1, 8, 8), 2),
    ("resnet18", (3, 16, 16), 2),
    ("resnet50", (3, 65, 65), 1),
    ("vgg16", (3, 16, 16), 2),
    ("vgg19_bn", (3, 16, 16), 2),
    ("lenet-300-100", (1, 8, 8), 7),
    ("conv6", (3, 11, 8), 3),
)


@pytest.mark.parametrize(("name", "shape", "width"), MODELS)
def test_a_stacked_pass_is_that_of_each_network(name, shape, width):
    """Outputs, gradients and batch norm's statistics, in float64."""
    nets = [build(name, shape, 10, seed, width).double() for seed in range(3)]
    images = torch.randn(3, 4, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    own = {n: torch.stack([net.state_dict()[n].clone() for net in nets]) for n in nets[0].state_dict()}
    for n, _ in nets[0].named_parameters():
        own[n].requires_grad_()
    y = functional_call(stacked(nets[0], 3).train(), own, (torch.cat(list(images), 1),)).unflatten(1, (3, -1)).transpose(0, 1)
    weights = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (y * weights).sum().backward()
    for i, net in enumerate(nets):
        z = net.train()(images[i])
        (z * weights[i]).sum().backward()
        torch.testing.assert_close(y[i], z, rtol=1e-9, atol=1e-9)
        largest = max(float(p.grad.abs().max()) for p in net.parameters())
        for n, p in net.named_parameters():
            torch.testing.assert_close(own[n].grad[i], p.grad, rtol=1e-9, atol=1e-9 * largest)
        for n, b in net.named_buffers():
            if b.dim():
                torch.testing.assert_close(own[n][i], b, rtol=1e-9, atol=1e-9)


def factory(layer):
    def make(shape, classes):
        return nn.Sequential(nn.Conv2d(shape[0], 4, 1), layer(), nn.Flatten(), nn.Linear(4 * shape[1] * shape[2], classes))

    return make


normed, mixed, dropped = factory(lambda: nn.GroupNorm(2, 4)), factory(lambda: nn.Softmax(1)), factory(lambda: nn.Dropout(0.5))
circular = factory(lambda: nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"))


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (normed, r"a GroupNorm \('1'\) can't be trained together"),
        (circular, r"a Conv2d \('1'\) can't be trained together"),
        (mixed, "can't be trained together, but with together=1"),
        (dropped, "has dropout"),
    ],
)
def test_networks_that_cannot_be_stacked_are_refused(model, why):
    with pytest.raises(ValueError, match=why):
        Stack(model((1, 8, 8), 10), config(), 3, (1, 8, 8))


@pytest.mark.parametrize(
    "how",
    [
        {"momentum": 0.0, "weight_decay": 0.0},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"nesterov": True, "clip": 0.5},
        {"optimiser": "adamw", "weight_decay": 0.1},
        {"optimiser": "adamw", "weight_decay": 0.0, "clip": 0.5},
    ],
)
@pytest.mark.parametrize(("precision", "bound"), [("float64", 1e-13), ("float32", 3e-6)])
def test_the_update_is_that_of_torch_for_each_network(how, precision, bound):
    """Five steps on random gradients: rates of their own that change, as often as not clipped."""
    c = config(model="lenet-300-100", width=4, precision=precision, **how)
    stack = Stack(build(c.model, (1, 8, 8), 10, 0, c.width), c, 3, (1, 8, 8))
    draws = torch.Generator().manual_seed(0)
    stack.flat.data.copy_(torch.randn(len(stack.flat), generator=draws, dtype=torch.float64))
    rates = [[0.1, 0.02, 0.0], [0.1, 0.02, 0.0], [0.05, 0.02, 0.3], [0.01, 0.02, 0.3], [0.01, 0.01, 0.2]]
    gradients = [torch.randn(len(stack.flat), generator=draws, dtype=torch.float64) * 0.02 for _ in rates]
    theirs = [[nn.Parameter(p[i].clone()) for p in stack.parameters.values()] for i in range(3)]
    optimisers = [_torch_optimiser(c, own) for own in theirs]
    stack.begin(Pace(rates, [0, 0, 0]))
    for k, gradient in enumerate(gradients):
        for i, own in enumerate(theirs):
            for p, g in zip(own, stack.views(gradient).values(), strict=True):
                p.grad = g[i].to(p.dtype).clone()
            if c.clip is not None:
                nn.utils.clip_grad_norm_(own, c.clip)
            optimisers[i].param_groups[0]["lr"] = rates[k][i]
            optimisers[i].step()
        stack.update(k, gradient.to(stack.dtype))
    apart = [
        float((p[i] - q.detach()).abs().max())
        for i, own in enumerate(theirs)
        for p, q in zip(stack.parameters.values(), own, strict=True)
    ]
    assert max(apart) < bound * float(stack.flat.detach().abs().max())


def _torch_optimiser(c: Config, params: list[nn.Parameter]) -> torch.optim.Optimizer:
    if c.optimiser == "adamw":
        return torch.optim.AdamW(params, betas=c.betas, weight_decay=c.weight_decay, foreach=False)
    return torch.optim.SGD(params, 0.1, c.momentum, weight_decay=c.weight_decay, nesterov=c.nesterov, foreach=False)


class _Watch(TorchDispatchMode):
    """Operations, and those that make the host wait for the device."""

    def __init__(self):
        super().__init__()
        self.n, self.waits = 0, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        self.n += not func.is_view
        if name in ("_local_scalar_dense", "item", "equal", "is_nonzero", "nonzero", "masked_select"):
            self.waits.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("how", [{"clip": 1.0}, ADAMW])
def test_a_step_of_many_is_as_many_operations_and_waits_for_nothing(how):
    c = config(**how)
    found = []
    for n in (3, 6):
        stack = Stack(build(c.model, (1, 8, 8), 10, 0, c.width), c, n, (1, 8, 8))
        stack.begin(Pace([[0.1] * n] * 2, [0] * n))
        images, labels = stack.side_by_side([torch.ones(8, 1, 8, 8)] * n), torch.zeros(n, 8, dtype=torch.int64)
        with _Watch() as watch:
            stack.step(0, images, labels)
            stack.step(1, images, labels)
        assert watch.waits == []
        found.append(watch.n)
    assert found[0] == found[1]


# A network among others, and alone.


@pytest.mark.parametrize(
    ("law", "how"),
    [
        (FLIP, {"nesterov": True, "clip": 1.0, "label_smoothing": 0.1}),
        (CARRY, {"model": "lenet-300-100", "width": 10}),
        (FIXED, {"model": "conv2", "weight_decay": 0.1}),
        (REPLAY, ADAMW),
        (CARRY, ADAMW | {"model": "conv2"}),
    ],
)
def test_replicas_are_the_single_network_to_rounding(law, how):
    """All points of two levels in float64 to 1e-10, the same masks, counts and learning rates; a batch axis as in theory."""
    c, digits = config(precision="float64", **how), read("digits")
    with engine(c):
        replicas = Replicas(c, digits, [3, 5], [law])
        together = list(levels(law, replicas, *replicas.initial(), 2))
        tested = replicas.evaluate("test")
        for i, seed in enumerate((3, 5)):
            single = TorchTrainer(replace(c, seed=seed), digits, algorithms=[law])
            for one, other in zip(levels(law, single, *single.initial(), 2), together, strict=True):
                assert same(one.mask, {n: m[i] for n, m in other.mask.items()})
                assert one.points.keys() == other.points.keys()
                for name, point in one.points.items():
                    for n, tensor in point.items():
                        torch.testing.assert_close(other.points[name][n][i], tensor, rtol=1e-10, atol=1e-10)
            for mine, theirs in zip(single.rows, replicas.rows[i], strict=True):
                assert (mine["learning_rate"], mine["train"]["n"]) == (theirs["learning_rate"], theirs["train"]["n"])
                assert mine["validation"]["loss"] == pytest.approx(theirs["validation"]["loss"], rel=1e-8)
            assert single.evaluate("test")["correct"] == tested[i]["correct"]


def test_replicas_go_on_from_a_stored_level():
    c, digits = config(), read("digits")
    with engine(c):
        first = Replicas(c, digits, [0, 1], [CARRY])
        whole = list(levels(CARRY, first, *first.initial(), 2))
        again = Replicas(c, digits, [0, 1], [CARRY])
        again.memory = whole[1].points
        end = next(levels(CARRY, again, *again.initial(), 2, whole[1]))
    assert all(same(end.points[name], point) for name, point in whole[2].points.items())


@pytest.mark.parametrize("how", [{}, ADAMW])
def test_lanes_go_on_inside_a_level_to_the_same_bits(how):
    """From each step's checkpoints, one of them alone too; batch norm, momentum, fixed signs, flips."""
    digits, laws = read("digits"), (FIXED, FLIP, LRR)

    def lanes():
        return [Lane(config(seed=i, checkpoint=0.0, **how), digits) for i in range(len(laws))]

    first = lanes()
    kept: list[list[Any]] = [[] for _ in first]
    for lane, those in zip(first, kept, strict=True):
        lane.keep = those.append
    starts = [Start(*lane.initial(), 1, frozenset(), law.rewind) for lane, law in zip(first, laws, strict=True)]
    stacks = Stacks(first[0].config, first[0].data)
    with engine(first[0].config):
        ends = train_together(first, starts, stacks)
        assert [midway.step for midway in kept[0]] == [1, 2, 3]
        for k, whole in itertools.product(range(3), (True, False)):
            again = lanes()[: None if whole else 1]
            for lane, those in zip(again, kept, strict=False):
                lane.midway = those[k]
            for lane, twin, end, own in zip(
                again, first, ends, train_together(again, starts[: len(again)], stacks), strict=False
            ):
                assert same(own["final"], end["final"])
                assert (lane.rows, lane.tested) == (twin.rows, twin.tested)


class _Ends:
    """The ends of level 1 of networks in a stack, by what stands where."""

    laws = (IMP, LRR, FLIP, FIXED, WR(step=3))

    def __init__(self, digits, **how):
        self.digits = digits
        self.start = {seed: Lane(config(seed=seed, **how), self.digits).initial() for seed in range(3)}

    def __call__(self, members, stack_of=Stacks, **how):
        """``members``: (seed, number of the algorithm, level, learning rate) of each place."""
        lanes = []
        for seed, law, _, rate in members:
            c = config(seed=seed, learning_rate=rate, **how)
            lanes.append(Lane(c, self.digits, [self.laws[law]]))
        starts = []
        for seed, law, level, _ in members:
            params, mask = self.start[seed]
            kept = {n: m & (params[n] < 0.1 * (law + 1)) for n, m in mask.items()} if level else mask
            starts.append(Start(params, kept, level, frozenset(), self.laws[law].rewind))
        with engine(lanes[0].config):
            ends = train_together(lanes, starts, stack_of(lanes[0].config, lanes[0].data))
        return [
            ({}, str(end)) if isinstance(end, Diverged) else (end["final"], lane.rows, lane.tested)
            for end, lane in zip(ends, lanes, strict=True)
        ]


@pytest.fixture(scope="module")
def ends():
    return _Ends(read("digits"))


MEMBER = st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 2), st.sampled_from([0.1, 0.03, 1e3]))
US = [(0, 1, 1, 0.1), (1, 3, 2, 0.03), (2, 2, 1, 0.1)]


def alike(a, b) -> bool:
    return same(a[0], b[0]) and a[1:] == b[1:]


@settings(max_examples=5, deadline=None)
@given(us=st.sampled_from(US), before=st.lists(MEMBER, max_size=3), after=st.lists(MEMBER, max_size=3))
def test_the_bits_of_a_network_do_not_depend_on_its_neighbours(ends, us, before, after):
    """Weights, statistics, metrics: in any place of 1 to 7, beside any seed, algorithm, level and rate, diverging ones too."""
    (alone,) = ends([us])
    beside = ends([*before, us, *after])[len(before)]
    assert alike(alone, beside)


@pytest.mark.parametrize(
    "how",
    [
        {"precision": "bfloat16"},
        {"model": "lenet-300-100", "width": 9, "clip": 0.1},
        {"model": "conv2", "width": 3, "optimiser": "adamw"},
        {"model": "vgg16", "width": 2, "stem": "cifar"},
        {"model": "conv2", "width": 5, "batch_size": 37, "precision": "float64"},
    ],
)
def test_nor_in_other_networks_and_precisions(how):
    ends = _Ends(_enlarged(read("digits")) if how.get("model") == "vgg16" else read("digits"), **how)
    for us in US[1:2]:
        (alone,) = ends([us], **how)
        for n in (1, 4):
            others = US[::-1] * 2
            assert alike(alone, ends([*others[:n], us], **how)[n]), n
            assert alike(alone, ends([us, *others[:n]], **how)[0]), n


def _enlarged(images):
    """Digits of 16×16 pixels in three colours."""

    def large(split):
        return split._replace(images=split.images.repeat(2, 2).repeat(2, 3).repeat(3, 1))

    return images._replace(train=large(images.train), test=large(images.test))


class _Leaking(Stack):
    """A faulty stack: one norm for all networks, as ``clip_grad_norm_`` on stacked parameters would have it."""

    def _clip(self, gradient):
        return (self.config.clip / gradient.norm()).clamp(max=1).expand(self.n)


def test_the_test_of_bits_sees_a_leak(ends, monkeypatch):
    beside = [US[1], US[0], (2, 4, 0, 0.1), (2, 0, 0, 0.1)]
    assert alike(ends(beside, clip=0.1)[1], ends(US[:1], clip=0.1)[0])
    monkeypatch.setattr("deep.stacked_trainer.Stack", _Leaking)
    assert not alike(ends(beside, clip=0.1)[1], ends(US[:1], clip=0.1)[0])


def test_a_stack_is_filled_where_its_size_decides_on_bits(monkeypatch):
    """Compiled, or on CUDA: always of so many networks, which the run's identity says."""
    data = Resident(read("digits"), config())
    assert Stacks(config(together=5), data)(1).n == LEAST
    assert Stacks(config(together=5), data)(4).n == 4
    assert Lane(config(together=5), data).identity == {"stack": "of any size"}
    assert is_filled(config(compile="default"))
    assert is_filled(config(device="cuda"))
    monkeypatch.setattr("deep.stacked_trainer.is_filled", lambda config: True)
    assert Stacks(config(together=5), data)(4).n == 5
    assert Lane(config(together=5), data).identity == {"stack": 5}


def test_lanes_that_do_not_fit_are_refused():
    digits = read("digits")
    lanes = [Lane(config(momentum=m), digits) for m in (0.9, 0.8)]
    starts = [Start(*lane.initial(), 0, frozenset(), Rewind()) for lane in lanes]
    with pytest.raises(ValueError, match=r"share momentum, which is 0\.9 and 0\.8"):
        train_together(lanes, starts, Stacks(lanes[0].config, lanes[0].data))
    with pytest.raises(ValueError, match="one CPU thread, not on threads=2"):
        Lane(config(threads=2), digits)
    with pytest.raises(ValueError, match="together is a whole number of at least 1, not 0"):
        config(together=0)


def test_memory_a_network_does_not_grow_with_their_number():
    c = config(width=4, batch_size=96)
    data = Resident(read("digits"), c)
    three, six = (stack_bytes(c, data, n)["peak bytes a network"] for n in (3, 6))
    assert 0.9 * three < six < 1.02 * three
    stack = Stacks(c, data)(3)
    assert stack.alive.nbytes == sum(p.numel() for p in stack.parameters.values())
