"""The networks: sizes as published, names as in torchvision, initial weights that depend on the seed alone."""

import math

import pytest
import torch

from deep.models import build


@pytest.mark.parametrize(("name", "parameters"), [("resnet20", 272_474), ("resnet32", 466_906), ("resnet56", 855_770)])
def test_published_sizes(name, parameters):
    """He et al.: 0.27 M, 0.46 M, 0.85 M with identity shortcuts; the two projections (option B) add 2,752."""
    assert sum(p.numel() for p in build(name, 16, (3, 32, 32), 10, seed=0).parameters()) == parameters


def test_lenet_300_100():
    model = build("lenet-300-100", 1, (1, 28, 28), 10, seed=0)
    assert [tuple(p.shape) for p in model.parameters()] == [(300, 784), (300,), (100, 300), (100,), (10, 100), (10,)]


def test_names_are_torchvisions():
    names = build("resnet20", 4, (3, 32, 32), 10, seed=0).state_dict().keys()
    assert {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer3.2.bn2.bias", "fc.bias"} <= names
    assert {"layer2.0.downsample.0.weight", "layer2.0.downsample.1.weight"} <= names
    assert "layer1.0.downsample.0.weight" not in names


def test_initial_weights_depend_on_the_seed_alone_and_leave_the_global_stream_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = build("resnet20", 4, (1, 8, 8), 10, seed=1).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    same, other = (build("resnet20", 4, (1, 8, 8), 10, seed=s).state_dict() for s in (1, 2))
    assert all(torch.equal(one[n], same[n]) for n in one)
    assert not torch.equal(one["fc.weight"], other["fc.weight"])


def test_kaiming_variance():
    weight = build("resnet20", 16, (3, 32, 32), 10, seed=0).state_dict()["layer3.2.conv2.weight"]  # 36,864 of them
    assert float(weight.std()) == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)


@pytest.mark.parametrize("name", ["resnet20", "lenet-300-100"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 28, 28)])
def test_any_channels_and_classes(name, shape):
    assert build(name, 2, shape, 7, seed=0)(torch.zeros(2, *shape)).shape == (2, 7)
