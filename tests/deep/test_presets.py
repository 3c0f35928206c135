"""Presets: the settings as parsed are those of facts.md, and each one trains a step."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deep import TorchTrainer
from deep.config import Config
from deep.data import Resident
from deep.images import Images, Split
from deep.presets import PRESETS, preset
from deep.trainer import engine
from theory.algorithms import At
from theory.names import algorithm

CIFAR, PER_EPOCH = ((3, 32, 32), 10), 50_000
SGD = {"optimiser": "sgd", "momentum": 0.9, "learning_rate": 0.1, "fraction": 0.2, "schedule": "step", "gamma": 0.1}
SIGNS = SGD | {"batch_size": 256, "epochs": 150, "warmup_at": At(10, "epoch")}
SIGNS |= {"milestones_at": (At(70, "epoch"), At(130, "epoch")), "model": "resnet18", "stem": "cifar"}
ADAM = {"optimiser": "adamw", "weight_decay": 0.0, "betas": (0.9, 0.999), "batch_size": 60, "init": "glorot", "levels": 24}
ADAM |= {"schedule": "constant", "fraction": 0.2, "milestones_at": ()}


def steps(total: int, *drops: int) -> dict:
    return {"length_at": At(total), "milestones_at": tuple(map(At, drops))}


FACTS = {
    "masks-signs/resnet18-cifar10": SIGNS | {"weight_decay": 1e-4, "data": "cifar10"},
    "masks-signs/resnet18-cifar100": SIGNS | {"weight_decay": 1e-3, "data": "cifar100"},
    "masks-signs/resnet18-cifar10-perturbed": SIGNS | {"weight_decay": 1e-4},
    "masks-signs/resnet18-cifar10-random": SIGNS | {"weight_decay": 1e-4},
    "masks-signs/resnet50-tiny-imagenet": SIGNS | {"model": "resnet50", "stem": "auto"},
    "masks-signs/resnet50-imagenet": SGD | {"model": "resnet50", "batch_size": 256, "epochs": 90, "warmup_at": At(10, "epoch")},
    "stabilizing/resnet20": SGD | {"model": "resnet20", "batch_size": 128} | steps(30_000, 20_000, 25_000),
    "stabilizing/resnet20-low": SGD | {"model": "resnet20", "learning_rate": 0.01} | steps(30_000, 20_000, 25_000),
    "stabilizing/resnet20-warmup": SGD | {"model": "resnet20", "learning_rate": 0.03} | steps(30_000, 20_000, 25_000),
    "stabilizing/vgg19": SGD | {"model": "vgg19_bn", "stem": "cifar"},
    "unmasking/resnet20": SGD | {"model": "resnet20", "batch_size": 128, "weight_decay": 1e-4} | steps(62_400, 31_200, 46_800),
    "deconstructing/lenet": ADAM
    | {"model": "lenet-300-100", "learning_rate": 1.2e-3, "epochs": 55, "fractions": ("last=0.1",)},
    "deconstructing/conv2": ADAM
    | {"model": "conv2", "learning_rate": 2e-4, "epochs": 27, "fractions": ("conv=0.1", "last=0.1")},
    "deconstructing/conv4": ADAM
    | {"model": "conv4", "learning_rate": 3e-4, "epochs": 34, "fractions": ("conv=0.1", "last=0.1")},
    "deconstructing/conv6": ADAM
    | {"model": "conv6", "learning_rate": 3e-4, "epochs": 40, "fractions": ("conv=0.15", "last=0.1")},
}
"""Copied from ../shared/facts.md by hand: what the parsed settings have to say."""
SHAPES = {"tiny-imagenet": ((3, 64, 64), 200), "imagenet": ((3, 224, 224), 1000), "image-folder": ((1, 28, 28), 10)}


@pytest.mark.parametrize("name", PRESETS)
def test_parsed_settings_are_the_published_ones(name):
    parsed = preset(name).training
    assert {k: getattr(parsed, k) for k in FACTS[name]} == FACTS[name]


def test_every_preset_has_its_facts_and_a_wrong_number_would_be_seen():
    assert FACTS.keys() == PRESETS.keys()
    parsed = preset("unmasking/resnet20").training
    assert replace(parsed, length="step=30000").length_at != FACTS["unmasking/resnet20"]["length_at"]


def test_rewind_points_and_replicates():
    assert preset("stabilizing/resnet20").algorithms == ("IMP", "WR(step=500)", "random")
    assert preset("stabilizing/vgg19").algorithms == ("IMP", "WR(step=100)")
    assert preset("unmasking/resnet20").algorithms == ("IMP", "WR(step=250)", "WR(step=1000)")
    assert preset("unmasking/resnet20").seeds == 4
    assert "WR(epoch=10)" in preset("masks-signs/resnet18-cifar10").algorithms  # the authors' "IMP"
    perturbed = algorithm(preset("masks-signs/resnet18-cifar10-perturbed").algorithms[-1]).rewind
    assert (perturbed.flip, perturbed.flip_every, perturbed.flip_momentum) == (0.3, At(30, "epoch"), "reset")
    scopes = {algorithm(a).scope for a in preset("masks-signs/resnet18-cifar10-random").algorithms}
    assert scopes == {"balanced", "erk", "layer", "global"}
    assert all(algorithm(a).scope == "layer" for a in preset("deconstructing/conv6").algorithms)


def images(shape: tuple[int, int, int], classes: int) -> Images:
    rng = np.random.default_rng(0)
    part = Split(rng.integers(0, 256, (4, *shape), dtype=np.uint8), np.arange(4) % classes)
    return Images(part, part, classes, "synthetic")


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_trains_a_step_and_prunes(name):
    """On four made images of the right shape; what is pruned is what the preset says, layer by layer where it says so."""
    settings = preset(name).settings
    shape, classes = SHAPES.get(settings["data"].partition(":")[0], CIFAR)
    classes = 100 if settings["data"] == "cifar100" else classes
    law = preset(name).algorithms[-1]
    small = {"batch_size": 2, "length": "step=1", "milestones": None, "warmup": None, "precision": "float32", "subset": None}
    config = Config(**settings | small | {"width": 8 if "vgg" in settings["model"] else None}, algorithm=law)
    trainer = TorchTrainer(config, Resident(images(shape, classes), config))
    with engine(config):
        params, mask = trainer.initial()
        points = {"init": params, **trainer.train(params, mask, 0, frozenset(), config.program.rewind)}
    assert any(not torch.equal(points["final"][n], params[n]) for n in mask)
    kept = config.program.prune(points, mask, 1, trainer)
    left, of = sum(int(m.sum()) for m in kept.values()), sum(m.numel() for m in mask.values())
    shares = [1 - int(m.sum()) / m.numel() for m in kept.values()]
    if "fractions" in settings:
        conv = float(settings["fractions"][0].partition("=")[2])
        assert shares[-1] == pytest.approx(0.1, abs=0.01)
        assert shares[0] == pytest.approx(conv if "conv" in settings["model"] else 0.2, abs=0.01)
        assert shares[-2] == pytest.approx(0.2, abs=0.01)
    else:
        assert of - left == round(0.2 * of)


def test_an_unknown_preset_gets_one_sentence():
    with pytest.raises(ValueError, match=r"Unknown preset 'unmasking/resnet2'.*Did you mean 'unmasking/resnet20'\?"):
        preset("unmasking/resnet2")
