"""Masks as semantics.md has them: pruned weights stay +0.0, an all-ones mask is the dense network, faulty masks are caught."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from deep.masks import Masked, norm_names, prunable_names
from deep.models import build

SHAPE = (1, 8, 8)


def network(name="resnet20"):
    return build(name, 2, SHAPE, 10, seed=3)


def batch(n=16):
    g = torch.Generator().manual_seed(0)
    return torch.randn(n, *SHAPE, generator=g), torch.randint(0, 10, (n,), generator=g)


def half_masks(net):
    g = torch.Generator().manual_seed(1)
    return {name: torch.rand(m.shape, generator=g) < 0.5 for name, m in net.masks.items()}


def steps(net, n=5):
    images, labels = batch()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    for _ in range(n):
        optimiser.zero_grad()
        cross_entropy(net(images), labels).backward()
        optimiser.step()


def is_plus_zero(x):
    return (x == 0) & ~torch.signbit(x)


def broken_by(kind) -> list[str]:
    """Which laws of a mask ``kind`` breaks after steps with momentum and weight decay."""
    net = kind(network())
    start, masks = net.snapshot(), half_masks(net)
    net.load(start, masks)
    steps(net)
    end = net.snapshot()
    laws = {
        "pruned weights are +0.0": all(is_plus_zero(end[n][~m]).all() for n, m in masks.items()),
        "kept weights have gradients": all((p.grad[masks[n]] != 0).float().mean() > 0.9 for n, p in net._weights.items()),
    }
    return [law for law, holds in laws.items() if not holds]


class Forgotten(Masked):
    """The mask acts on the stored weights only."""

    def forward(self, *inputs):
        return self.model(*inputs)


class ByValue(Masked):
    """The mask is read off the values, which freezes negative weights."""

    def forward(self, *inputs):
        held = {n: w * (w > 0) + (w * (w <= 0)).detach() for n, w in self._weights.items()}
        return torch.func.functional_call(self.model, held, inputs)


def test_pruned_weights_stay_plus_zero_with_momentum_and_weight_decay():
    assert broken_by(Masked) == []


@pytest.mark.parametrize(("faulty", "law"), [(Forgotten, "pruned weights are +0.0"), (ByValue, "kept weights have gradients")])
def test_faulty_masks_are_caught(faulty, law):
    assert law in broken_by(faulty)


def test_an_all_ones_mask_is_the_dense_network_bit_for_bit():
    dense, masked = network(), Masked(network())
    for net in (dense, masked):
        net.train()
        steps(net)
    for name, tensor in dense.state_dict().items():
        assert torch.equal(tensor, masked.snapshot()[name]), name


def test_masked_weights_do_not_act_even_where_their_stored_value_is_not_zero():
    net, (images, _) = Masked(network("lenet-300-100")), batch()
    masks = half_masks(net)
    net.load(net.snapshot(), masks)
    at_zero = net(images)
    with torch.no_grad():
        net.model.fc1.weight[~masks["fc1.weight"]] = 7.0
    assert torch.equal(net(images), at_zero)


def test_masks_are_bool_buffers_updated_in_place():
    net = Masked(network())
    places = {name: m.data_ptr() for name, m in net.masks.items()}
    net.load(net.snapshot(), half_masks(net))
    assert {name: m.data_ptr() for name, m in net.masks.items()} == places
    assert all(m.dtype == torch.bool for m in net.masks.values())
    assert {id(b) for b in net.buffers()} >= {id(m) for m in net.masks.values()}


def test_names_are_those_of_the_network_itself_and_any_module_will_do():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv1d(1, 2, 3)
            self.inner = nn.ModuleDict({"head": nn.Linear(4, 2), "norm": nn.BatchNorm1d(2)})

        def forward(self, x):
            return self.inner["norm"](self.inner["head"](self.first(x).flatten(1)))

    net = Masked(Own())
    assert list(net.masks) == ["first.weight", "inner.head.weight"] == prunable_names(net.model)
    assert net.snapshot().keys() == net.model.state_dict().keys()
    statistics = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    assert norm_names(net.model) == {f"inner.norm.{name}" for name in statistics}
    assert net(torch.ones(2, 1, 4)).shape == (2, 2)


def test_stem_and_classifier_are_prunable_biases_and_batch_norm_are_not():
    names = prunable_names(network())
    assert names[0] == "conv1.weight"
    assert names[-1] == "fc.weight"
    assert len(names) == 22  # 19 convolutions of the main path, 2 projections, 1 classifier
    assert not any("bn" in name or name.endswith("bias") or "downsample.1" in name for name in names)


def test_tensors_that_do_not_fit_are_refused():
    net = Masked(network())
    params, masks = net.snapshot(), net.snapshot_masks()
    with pytest.raises(ValueError, match=r"'fc\.bias' is missing"):
        net.load({n: t for n, t in params.items() if n != "fc.bias"}, masks)
    with pytest.raises(ValueError, match=r"'fc\.weight' has shape \(3,\)"):
        net.load(params, masks | {"fc.weight": torch.ones(3, dtype=torch.bool)})
