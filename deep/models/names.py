"""What the networks are called and which widths, stems and initialisations they take. Needs no torch."""

from typing import Any

from theory.names import unknown

from ..checks import one_of, whole

__all__ = ["INITS", "NAMES", "STEMMED", "STEMS", "WIDTHS", "check_network", "is_factory", "stem_of"]

WIDTHS = {
    **dict.fromkeys(("resnet20", "resnet32", "resnet56"), 16),
    **dict.fromkeys(("resnet18", "resnet34", "resnet50"), 64),
    **dict.fromkeys(("vgg16", "vgg19", "vgg16_bn", "vgg19_bn"), 64),
    "lenet-300-100": 300,
    **dict.fromkeys(("conv2", "conv4", "conv6"), 64),
}
"""The width of each built-in network: channels of its first stage; units of LeNet's first hidden layer."""

NAMES = tuple(WIDTHS)
"""The built-in networks."""

STEMMED = tuple(name for name in NAMES if name.startswith("vgg") or name in ("resnet18", "resnet34", "resnet50"))
"""The networks that exist both for small images and as torchvision has them."""

STEMS = ("auto", "cifar", "imagenet")
INITS = ("kaiming", "kaiming-fan-out", "glorot")


def is_factory(name: str) -> bool:
    """Is this the ``package.module:FACTORY`` of a network from outside?

    >>> is_factory("my.networks:wide"), is_factory("vgg16")
    (True, False)
    """
    return ":" in name


def check_network(name: Any, width: Any = None, stem: Any = "auto", init: Any = "kaiming") -> None:
    """Raise ValueError where ``build`` knows no such network, width, stem or initialisation; a factory is not imported.

    >>> check_network("resnet18", width=32, stem="imagenet")
    >>> check_network("resnet20", stem="cifar")
    Traceback (most recent call last):
    ValueError: The model 'resnet20' has one stem only, so stem is left at 'auto', not 'cifar'.
    """
    if not isinstance(name, str):
        raise ValueError(f"The model is a name or module:FACTORY, not {name!r}.")
    if not is_factory(name) and name not in NAMES:
        raise unknown("model", name, [*NAMES, "module:FACTORY"])
    if width is not None and is_factory(name):
        raise ValueError(f"The model {name!r} sets its own widths, so width is left at None, not {width!r}.")
    if width is not None:
        whole("width", width, 1)
    one_of("stem", stem, STEMS)
    one_of("init", init, INITS)
    if stem != "auto" and name not in STEMMED:
        raise ValueError(f"The model {name!r} has one stem only, so stem is left at 'auto', not {stem!r}.")


def stem_of(name: str, shape: tuple[int, int, int], stem: str = "auto") -> str:
    """The stem that "auto" stands for: "cifar" for images of at most 64 pixels a side, else "imagenet".

    >>> stem_of("resnet18", (3, 64, 64)), stem_of("resnet18", (3, 64, 65)), stem_of("resnet20", (3, 224, 224))
    ('cifar', 'imagenet', 'cifar')
    """
    if stem != "auto":
        return stem
    return "imagenet" if name in STEMMED and max(shape[1:]) > 64 else "cifar"
