"""The optimisers against their formulas written out, and their memory moved to other masks."""

import pytest
import torch
from torch import nn

from deep import Config
from deep.masks import Masked
from deep.optimisers import STATE, load_state, optimiser, reset, state

KINDS = {
    "sgd": {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    "nesterov": {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
    "plain": {"learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0.01},
    "adamw": {"optimiser": "adamw", "learning_rate": 0.01, "weight_decay": 0.1, "betas": (0.8, 0.95)},
}


def made(kind):
    """A masked layer in float64, its optimiser and its settings."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Masked(nn.Linear(5, 4)).double()
    config = Config(**KINDS[kind])
    return net, optimiser(config, net), config


def slopes(net, k):
    """Some gradient of the k-th step, masked as a backward pass leaves it."""
    g = torch.Generator().manual_seed(k)
    for name, p in net.parameters_by_name.items():
        p.grad = torch.randn(p.shape, generator=g, dtype=p.dtype)
        if name in net.masks:
            p.grad *= net.masks[name]


def formula(kind, config, p, grads):
    """``p`` after steps with ``grads``, by the formulas of Sutskever et al. (2013) and Loshchilov and Hutter (2019)."""
    rate, decay, v, m, s = config.learning_rate, config.weight_decay, 0 * p, 0 * p, 0 * p
    for t, g in enumerate(grads, 1):
        if kind == "adamw":
            b1, b2 = config.betas
            m, s = b1 * m + (1 - b1) * g, b2 * s + (1 - b2) * g * g
            p = p * (1 - rate * decay) - rate * (m / (1 - b1**t)) / ((s / (1 - b2**t)).sqrt() + 1e-8)
        else:
            g = g + decay * p
            v = config.momentum * v + g
            p = p - rate * (g + config.momentum * v if config.nesterov else v)
    return p


@pytest.mark.parametrize("kind", KINDS)
def test_steps_follow_the_formula(kind):
    net, opt, config = made(kind)
    start, grads = net.snapshot(), {n: [] for n in net.parameters_by_name}
    for k in range(4):
        slopes(net, k)
        for n, p in net.parameters_by_name.items():
            grads[n].append(p.grad.clone())
        opt.step()
    for n, p in net.parameters_by_name.items():
        assert torch.allclose(p, formula(config.optimiser, config, start[n], grads[n]), rtol=1e-12, atol=0), n


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "plain"])
def test_memory_moved_to_the_same_masks_is_no_change(kind):
    net, opt, config = made(kind)
    for k in range(3):
        slopes(net, k)
        opt.step()
    other, fresh, _ = made(kind)
    other.load(net.snapshot(), net.masks)
    load_state(fresh, other, state(config.optimiser, opt, net))
    for n, o in ((net, opt), (other, fresh)):
        slopes(n, 9)
        o.step()
    assert all(torch.equal(t, other.snapshot()[n]) for n, t in net.snapshot().items())


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "plain"])
def test_memory_of_pruned_weights_is_left_behind_and_they_stay_zero(kind):
    net, opt, config = made(kind)
    slopes(net, 0)
    opt.step()
    stored, mask = state(config.optimiser, opt, net), {"weight": torch.arange(20).reshape(4, 5) % 3 > 0}
    assert set(stored) == {f"{part}:{n}" for n in ("weight", "bias") for part in STATE[config.optimiser]}
    net.load(net.snapshot(), mask)
    opt = optimiser(config, net)
    load_state(opt, net, stored)
    for part, value in opt.state[net.parameters_by_name["weight"]].items():
        wanted = stored[f"{part}:weight"]
        assert torch.equal(value, wanted if part == "step" else wanted * mask["weight"])
        assert value is not wanted
    for k in range(3):
        slopes(net, k)
        opt.step()
    dead = net.snapshot()["weight"][~mask["weight"]]
    assert not dead.any()
    assert not torch.signbit(dead).any()


def test_there_is_memory_before_the_first_step_too():
    for kind in ("sgd", "adamw"):
        net, opt, config = made(kind)
        stored = state(config.optimiser, opt, net)
        assert not any(t.any() for t in stored.values())
        assert all(stored[f"{part}:{n}"].shape == (() if part == "step" else p.shape)
                   for n, p in net.parameters_by_name.items() for part in STATE[config.optimiser])  # fmt: skip


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "plain"])
def test_only_what_is_named_is_forgotten(kind):
    net, opt, config = made(kind)
    slopes(net, 0)
    opt.step()
    before, where = state(config.optimiser, opt, net), torch.arange(20).reshape(4, 5) % 4 == 0
    reset(opt, net, {"weight": where})
    after = state(config.optimiser, opt, net)
    for name, value in after.items():
        part, _, parameter = name.partition(":")
        wanted = before[name] * ~where if parameter == "weight" and part != "step" else before[name]
        assert torch.equal(value, wanted)


def test_copies_do_not_change_with_the_optimiser():
    net, opt, config = made("sgd")
    slopes(net, 0)
    opt.step()
    stored = state(config.optimiser, opt, net)
    before = {n: t.clone() for n, t in stored.items()}
    slopes(net, 1)
    opt.step()
    assert all(torch.equal(stored[n], before[n]) for n in before)


def test_without_momentum_nothing_is_remembered():
    net, opt, config = made("plain")
    slopes(net, 0)
    opt.step()
    assert not any(t.any() for t in state(config.optimiser, opt, net).values())
