"""Masks as semantics.md has them: pruned weights stay +0.0, an all-ones mask is the dense network, faulty masks are caught."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from deep.masks import Mask, Masked, channels_last, norm_names, prunable_names
from deep.models import build

SHAPE = (1, 8, 8)


def network(name="resnet20"):
    return build(name, SHAPE, 10, seed=3, width=2 if name.startswith("resnet") else None)


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
    return optimiser


def is_plus_zero(x):
    return (x == 0) & ~torch.signbit(x)


def test_pruned_weights_stay_plus_zero_with_momentum_and_weight_decay():
    """The faulty variants are in test_semantics_masks."""
    net = Masked(network())
    masks = half_masks(net)
    net.load(net.snapshot(), masks)
    steps(net)
    assert all(is_plus_zero(net.snapshot()[n][~m]).all() for n, m in masks.items())


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
        net.parameters_by_name["fc1.weight"][~masks["fc1.weight"]] = 7.0
    assert torch.equal(net(images), at_zero)


def test_masks_are_bool_buffers_updated_in_place():
    net = Masked(network())
    places = {name: m.data_ptr() for name, m in net.masks.items()}
    net.load(net.snapshot(), half_masks(net))
    assert {name: m.data_ptr() for name, m in net.masks.items()} == places
    assert all(m.dtype == torch.bool for m in net.masks.values())
    assert {id(b) for b in net.buffers()} >= {id(m) for m in net.masks.values()}


def own_bytes(tensors):
    """Bytes of the storages, each counted once."""
    return sum({s.data_ptr(): s.nbytes() for s in (t.untyped_storage() for t in tensors)}.values())


def test_masks_cost_one_byte_a_weight_and_nothing_else():
    net, bare = Masked(network()), network()
    prunable = sum(bare.get_parameter(name).numel() for name in prunable_names(bare))
    assert own_bytes(net.masks.values()) == prunable
    assert own_bytes([*net.parameters(), *net.buffers()]) == own_bytes([*bare.parameters(), *bare.buffers()]) + prunable
    optimiser = steps(net, 2)
    momentum = [t for state in optimiser.state.values() for t in state.values() if isinstance(t, torch.Tensor)]
    assert own_bytes(momentum) == own_bytes(net.parameters())


class FloatMask(Mask):
    """A mask that becomes a float tensor in each forward pass."""

    def forward(self, weight):
        return weight * self.mask.to(weight.dtype)


@pytest.mark.parametrize(("kind", "copies"), [(Mask, 1), (FloatMask, 2)])
def test_a_step_keeps_one_copy_of_each_weight_the_product(monkeypatch, kind, copies):
    """What autograd saves besides the activations: weight × mask of each layer, as the layer itself would save its weight."""
    monkeypatch.setattr("deep.masks.Mask", kind)
    net = Masked(nn.Sequential(nn.Flatten(), nn.Linear(64, 50, bias=False), nn.Linear(50, 10, bias=False)))
    images = batch(1)[0].requires_grad_()
    saved, own = [], {t.untyped_storage().data_ptr() for t in (*net.parameters(), *net.buffers(), images)}
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        net(images).sum().backward()
    weights = 64 * 50 + 50 * 10
    new = [t for t in saved if t.untyped_storage().data_ptr() not in own and t.numel() >= 500]
    assert own_bytes(new) == 4 * copies * weights


def test_names_are_those_of_the_network_itself_and_any_module_will_do():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv1d(1, 2, 3)
            self.inner = nn.ModuleDict({"head": nn.Linear(4, 2), "norm": nn.BatchNorm1d(2)})

        def forward(self, x):
            return self.inner["norm"](self.inner["head"](self.first(x).flatten(1)))

    net = Masked(model := Own())
    assert list(net.masks) == ["first.weight", "inner.head.weight"] == prunable_names(Own())
    assert list(net.snapshot()) == list(Own().state_dict())
    statistics = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    assert norm_names(model) == {f"inner.norm.{name}" for name in statistics}
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


def test_names_are_those_of_the_state_dict_whatever_is_masked():
    for names in (None, ["conv1.weight"], []):
        net = Masked(network(), names)
        assert list(net.snapshot()) == list(network().state_dict())
        assert set(net.parameters_by_name) == {n for n, _ in network().named_parameters()}
        assert list(net.masks) == (prunable_names(network()) if names is None else names)


def test_a_convolution_alone_has_a_name_too():
    net = Masked(nn.Linear(3, 2))
    assert list(net.masks) == ["weight"]
    assert list(net.snapshot()) == ["weight", "bias"]


def test_channels_last_changes_the_layout_alone():
    net, images = Masked(network()).eval(), batch()[0]
    masks = half_masks(net)
    net.load(net.snapshot(), masks)
    before, outputs = net.snapshot(), net(images)
    channels_last(net)
    assert all(t.is_contiguous(memory_format=torch.channels_last) for t in net.parameters() if t.dim() == 4)
    assert all(torch.equal(net.snapshot()[n], t) and net.snapshot()[n].is_contiguous() for n, t in before.items())
    assert torch.allclose(net(images), outputs, atol=1e-5)


def test_the_model_itself_may_be_called():
    model = network()
    net = Masked(model)
    net.load(net.snapshot(), half_masks(net))
    net.eval()
    assert torch.equal(model(batch()[0]), net(batch()[0]))
