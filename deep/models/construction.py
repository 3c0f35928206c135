"""Networks by name, and from a user's own factory."""

import importlib
import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from theory.streams import key

from ..checks import whole
from . import resnet, vgg
from .initial import initialise
from .names import NAMES, WIDTHS, check_network, is_factory, stem_of
from .plain import ConvNet, LeNet

__all__ = ["build", "skeleton"]

Shape = tuple[int, int, int]


def build(
    name: str,
    shape: Shape,
    classes: int,
    seed: int,
    width: int | None = None,
    stem: str = "auto",
    init: str = "kaiming",
) -> nn.Module:
    """The network ``name`` with the initial weights of ``seed``, on the CPU: logits (B, classes) of images (B, *shape).

    ``shape`` is (channels, height, width) of an image in pixels. ``width`` scales all hidden layers of a built-in network in
    proportion: it is the channels of the first stage (16 for resnet20/32/56, else 64 where None), or the units of the first
    layer of LeNet-300-100 (300). ``stem`` and ``init``: see ``deep.models`` and ``initialise``.

    ``package.module:FACTORY`` calls ``FACTORY(shape, classes)``, which returns any ``nn.Module``. Its convolutions, linear
    layers and batch norms are initialised by the same rule; all other parameters keep the values that the factory gave them,
    and what it drew from torch's CPU generator depends on ``seed`` alone. A network that is to keep its own initial weights
    (a pretrained one) goes to ``TorchTrainer(model=…)`` instead.

    The global random stream is neither used nor changed. Raises ValueError for an unknown name, width, stem or init, for an
    image that is too small for the network's pools, and for a factory that can't be imported or returns no module.

    >>> build("resnet20", (3, 32, 32), classes=10, seed=0)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    check_network(name, width, stem, init)
    if is_factory(name):
        return initialise(_from_factory(name, _image(name, shape, classes), classes, seed), seed, init)
    return initialise(skeleton(name, shape, classes, width, stem).to_empty(device="cpu"), seed, init)


def skeleton(name: str, shape: Shape, classes: int, width: int | None = None, stem: str = "auto") -> nn.Module:
    """The built-in network ``name`` on the meta device: shapes without numbers or memory, to count with.

    >>> sum(p.numel() for p in skeleton("vgg16", (3, 224, 224), classes=1000).parameters())
    138357544
    """
    check_network(name, width, stem)
    if is_factory(name):
        raise ValueError(f"Only a built-in network has a skeleton ({', '.join(NAMES)}), not {name!r}.")
    shape = _image(name, shape, classes)
    stem = stem_of(name, shape, stem)
    least = _least_side(name, stem)
    if min(shape[1:]) < least:
        raise ValueError(f"The pools of {name!r} need images of at least {least}×{least} pixels, not {shape[1]}×{shape[2]}.")
    with torch.device("meta"):
        return _network(name, shape, classes, WIDTHS[name] if width is None else width, stem)


def _network(name: str, shape: Shape, classes: int, width: int, stem: str) -> nn.Module:
    if name in resnet.DEPTHS:
        return resnet.ResNet(*resnet.DEPTHS[name], width, shape[0], classes, stem)
    if name.startswith("vgg"):
        plain = name.removesuffix("_bn")
        return vgg.VGG(vgg.DEPTHS[plain], plain != name, width, shape[0], classes, stem)
    if name.startswith("conv"):
        return ConvNet(int(name.removeprefix("conv")), width, shape, classes)
    return LeNet(math.prod(shape), width, classes)


def _least_side(name: str, stem: str) -> int:
    """Each 2×2 max pool halves the image and leaves at least one pixel."""
    if name.startswith("vgg"):
        return 32 if stem == "imagenet" else 16
    return 2 ** (int(name.removeprefix("conv")) // 2) if name.startswith("conv") else 1


def _image(name: str, shape: Any, classes: Any) -> Shape:
    whole("classes", classes, 1)
    sizes = tuple(shape) if isinstance(shape, tuple | list) else ()
    if len(sizes) != 3 or not all(type(size) is int and size > 0 for size in sizes):
        raise ValueError(f"The shape of the images of {name!r} is (channels, height, width) in whole numbers, not {shape!r}.")
    return sizes[0], sizes[1], sizes[2]


def _from_factory(spec: str, shape: Shape, classes: int, seed: int) -> nn.Module:
    state = torch.random.get_rng_state()  # an import may draw numbers too
    try:
        factory = _factory(spec)
        torch.random.default_generator.manual_seed(int(key(seed, "init", "factory")))
        model = factory(shape, classes)
    finally:
        torch.random.set_rng_state(state)
    if not isinstance(model, nn.Module):
        raise ValueError(f"The model {spec!r} returns a {type(model).__name__}, not a torch.nn.Module.")
    return model


def _factory(spec: str) -> Callable[..., Any]:
    module, _, attribute = spec.partition(":")
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise ValueError(f"The model {spec!r} can't be imported: {type(error).__name__}: {error}.") from error
    if isinstance(factory, nn.Module) or not callable(factory):
        raise ValueError(f"The model {spec!r} is a {type(factory).__name__}, not a function of (shape, classes).")
    try:
        inspect.signature(factory).bind((1, 1, 1), 1)
    except TypeError as error:
        raise ValueError(f"The model {spec!r} is called as FACTORY(shape, classes), but: {error}.") from None
    except ValueError:  # no signature is known, so the call itself will tell
        pass
    return factory
