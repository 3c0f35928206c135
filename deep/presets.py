"""The published settings, ready to run: ``signescape deep run --preset masks-signs/resnet18-cifar10``.

Validation images are part of the training set in all of them, as published; the test set is still looked at once a level.

| preset | paper | from |
|---|---|---|
| masks-signs/… | [1] Masks, Signs, And Learning Rate Rewinding | the authors' code; "IMP" rewinds to after the warm-up |
| stabilizing/… | [2] Stabilizing the Lottery Ticket Hypothesis | the paper; VGG-19, low rate and warm-up from memory |
| unmasking/… | [3] Unmasking the Lottery Ticket | the first author's earlier notebook |
| deconstructing/… | [4] Deconstructing Lottery Tickets | the paper |

Where a preset needs data that is not downloaded, its ``data`` names a folder to be replaced with ``--data``.

[1] Gadhikar, Burkholz. arXiv 2402.19262, 2024. [2] Frankle, Dziugaite, Roy, Carbin. arXiv 1903.01611, 2019. [3] Paul, Chen,
Larsen, Frankle, Ganguli, Dziugaite. arXiv 2210.03044, 2022. [4] Zhou, Lan, Liu, Yosinski. arXiv 1905.01067, 2019.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .config import Training

__all__ = ["PRESETS", "Preset", "preset"]


@dataclass(frozen=True)
class Preset:
    """Settings of ``Training`` that differ from its own, algorithms of the paper (and LRR to compare with), and seeds."""

    about: str
    settings: Mapping[str, Any]
    algorithms: tuple[str, ...]
    seeds: int = 1
    unpublished: tuple[str, ...] = field(default=())
    """Settings that facts known to us do not state; chosen as in the neighbouring experiment."""

    @property
    def training(self) -> Training:
        """All settings, checked."""
        return Training(**self.settings)

    @property
    def options(self) -> dict[str, Any]:
        """The settings, algorithms and seeds, as ``deep run`` takes them."""
        return {**self.settings, "algorithm": self.algorithms, "seeds": self.seeds}


_SIGNS = {"batch_size": 256, "epochs": 150, "warmup": "epoch=10", "milestones": ("epoch=70", "epoch=130"), "levels": 25}
_SIGNS |= {"learning_rate": 0.1, "momentum": 0.9, "fraction": 0.2, "validation": 0.0}
_REWINDS = ("IMP", "WR(epoch=10)", "LRR")
_RESNET20 = {"model": "resnet20", "data": "cifar10", "batch_size": 128, "learning_rate": 0.1, "warmup": "step=0"}
_RESNET20 |= {"weight_decay": 1e-4, "validation": 0.0, "fraction": 0.2, "levels": 15}
_STABLE = _RESNET20 | {"length": "step=30000", "milestones": ("step=20000", "step=25000")}
_ADAM = {"optimiser": "adamw", "weight_decay": 0.0, "batch_size": 60, "init": "glorot", "schedule": "constant", "levels": 24}
_ADAM |= {"augment": "none", "validation": 0.0, "fraction": 0.2}
_LAYERWISE = ("IMP(scope='layer')", "LRR(scope='layer')")


def _conv(n: int, rate: float, epochs: int, kept: float) -> Preset:
    """Conv-n of [4]: Adam, ``kept`` of the convolutions' weights a round, as in the FC 0.8 of dense ones, 0.9 of the last."""
    own = {"model": f"conv{n}", "data": "cifar10", "learning_rate": rate, "epochs": epochs}
    shares = {"fractions": (f"conv={round(1 - kept, 2)}", "last=0.1")}
    return Preset(f"Conv-{n} on CIFAR-10 [4]", _ADAM | own | shares, _LAYERWISE, unpublished=("fraction", "fractions"))


PRESETS: dict[str, Preset] = {
    "masks-signs/resnet18-cifar10": Preset(
        "ResNet-18 with a 3×3 stem on CIFAR-10 [1]",
        _SIGNS | {"model": "resnet18", "stem": "cifar", "data": "cifar10", "weight_decay": 1e-4},
        _REWINDS,
        seeds=3,
        unpublished=("levels", "seeds"),
    ),
    "masks-signs/resnet18-cifar100": Preset(
        "ResNet-18 with a 3×3 stem on CIFAR-100 [1]",
        _SIGNS | {"model": "resnet18", "stem": "cifar", "data": "cifar100", "weight_decay": 1e-3},
        _REWINDS,
        seeds=3,
        unpublished=("levels", "seeds"),
    ),
    "masks-signs/resnet18-cifar10-perturbed": Preset(
        "30 % of the kept signs flipped every 30 epochs [1]",
        _SIGNS | {"model": "resnet18", "stem": "cifar", "data": "cifar10", "weight_decay": 1e-4},
        ("WR(epoch=10, flip=0.3, flip_every='epoch=30')", "LRR(flip=0.3, flip_every='epoch=30')"),
        seeds=3,
        unpublished=("levels", "seeds"),
    ),
    "masks-signs/resnet18-cifar10-random": Preset(
        "random masks, trained with and without rewinding [1]",
        _SIGNS | {"model": "resnet18", "stem": "cifar", "data": "cifar10", "weight_decay": 1e-4},
        tuple(
            f"{law}(criterion='random', scope='{s}')" for law in ("IMP", "LRR") for s in ("balanced", "erk", "layer", "global")
        ),
        seeds=3,
        unpublished=("levels", "seeds"),
    ),
    "masks-signs/resnet50-tiny-imagenet": Preset(
        "ResNet-50 on Tiny ImageNet [1]",
        _SIGNS | {"model": "resnet50", "data": "tiny-imagenet:tiny-imagenet-200", "weight_decay": 1e-4, "augment": "crop-flip"},
        _REWINDS,
        seeds=3,
        unpublished=("weight_decay", "augment", "levels", "seeds"),
    ),
    "masks-signs/resnet50-imagenet": Preset(
        "ResNet-50 on ImageNet [1]; the drops lie where they do in 150 epochs",
        _SIGNS
        | {"model": "resnet50", "data": "imagenet:imagenet", "epochs": 90, "milestones": ("epoch=42", "epoch=78")}
        | {"weight_decay": 1e-4, "precision": "bfloat16"},
        _REWINDS,
        unpublished=("weight_decay", "milestones", "levels", "precision"),
    ),
    "stabilizing/resnet20": Preset(
        "ResNet-20 on CIFAR-10, rewound to step 0 or 500 [2], where it is called ResNet-18",
        _STABLE,
        ("IMP", "WR(step=500)", "random"),
        seeds=3,
        unpublished=("weight_decay", "levels", "seeds"),
    ),
    "stabilizing/resnet20-low": Preset(
        "ResNet-20 on CIFAR-10 at a low learning rate [2]",
        _STABLE | {"learning_rate": 0.01},
        ("IMP",),
        seeds=3,
        unpublished=("learning_rate", "weight_decay", "levels", "seeds"),
    ),
    "stabilizing/resnet20-warmup": Preset(
        "ResNet-20 on CIFAR-10 with a long warm-up [2]",
        _STABLE | {"learning_rate": 0.03, "warmup": "step=20000"},
        ("IMP",),
        seeds=3,
        unpublished=("learning_rate", "warmup", "weight_decay", "levels", "seeds"),
    ),
    "stabilizing/vgg19": Preset(
        "VGG-19 with batch norm on CIFAR-10, rewound to step 0 or 100 [2]",
        _RESNET20
        | {"model": "vgg19_bn", "stem": "cifar", "batch_size": 64, "length": "step=112000"}
        | {"milestones": ("step=56000", "step=84000")},
        ("IMP", "WR(step=100)"),
        seeds=3,
        unpublished=("batch_size", "length", "milestones", "learning_rate", "weight_decay", "levels", "seeds"),
    ),
    "unmasking/resnet20": Preset(
        "ResNet-20 on CIFAR-10, rewound to steps 0, 250 and 1000 [3]",
        _RESNET20 | {"length": "step=62400", "milestones": ("step=31200", "step=46800")},
        ("IMP", "WR(step=250)", "WR(step=1000)"),
        seeds=4,
    ),
    "deconstructing/lenet": Preset(
        "LeNet-300-100 on MNIST [4]",
        _ADAM
        | {"model": "lenet-300-100", "data": "image-folder:mnist-png", "learning_rate": 1.2e-3, "epochs": 55}
        | {"fractions": ("last=0.1",)},
        _LAYERWISE,
    ),
    "deconstructing/conv2": _conv(2, 2e-4, 27, 0.9),
    "deconstructing/conv4": _conv(4, 3e-4, 34, 0.9),
    "deconstructing/conv6": _conv(6, 3e-4, 40, 0.85),
}
"""The published experiments by name."""


def preset(name: str) -> Preset:
    """The preset of that name, or one sentence with the nearest one."""
    if name not in PRESETS:
        near = difflib.get_close_matches(str(name), PRESETS, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"Unknown preset {name!r}; there are {', '.join(PRESETS)}.{hint}")
    return PRESETS[name]
