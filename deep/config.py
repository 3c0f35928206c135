"""The settings of a deep run: everything that its bits depend on, checked when it is made. Needs no torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from theory.algorithms import Algorithm, At
from theory.names import algorithm

from .definitions import is_complete, restored, stored
from .halves import half_last

__all__ = ["MODELS", "Config", "Training", "folder_of", "moment", "moment_name", "whole"]

MODELS = ("resnet20", "resnet32", "resnet56", "lenet-300-100")


@dataclass(frozen=True)
class Training:
    """How one network is trained and pruned, but for the algorithm."""

    model: str = "resnet20"
    """resnet20, resnet32, resnet56 or lenet-300-100."""
    width: int = 16
    """Channels of the first stage of a ResNet."""
    data: str = "digits"
    """digits (bundled with scikit-learn) or image-folder:PATH, a folder or tar of train/CLASS/FILE and test/CLASS/FILE."""
    levels: int = 10
    """Prunings; level 0 is dense, so there is one training more."""
    fraction: float = 0.2
    """Share of the alive weights that a level prunes, where the algorithm names none itself."""
    seed: int = 0
    device: str = "cpu"
    """cpu or cuda."""
    epochs: int = 10
    """Epochs of each level."""
    batch_size: int = 128
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    warmup_epochs: float | None = None
    """Linear warm-up; a fifteenth of the epochs unless given, as in "Masks, Signs, And Learning Rate Rewinding"."""
    milestones: tuple[float, ...] | None = None
    """Epochs at which the learning rate drops; 70/150 and 130/150 of the epochs unless given, as in arXiv 2402.19262."""
    gamma: float = 0.1
    """Factor of each drop."""
    subset: int | None = None
    """Train on this many images, drawn at random by the seed (all unless given)."""
    validation: float = 0.1
    """Held-out share: of the training images, or, with a subset, of the subset's size in addition to it."""
    augment: str = "auto"
    """none, crop-flip (pad 4, crop, mirror), or auto: crop-flip for 32×32 colour images."""
    last_layer: str = "prune"
    """prune or exclude the classifier, or halve: prune half of the fraction there, as a group of its own."""
    deterministic: bool = True
    """Only kernels that give the same bits again."""
    threads: int = 1
    """CPU threads of the training; other numbers give other bits."""
    remember: tuple[str, ...] = ()
    """More to store at level 0 than is needed, for other algorithms to share: "step=500", "epoch=2", "momentum"."""
    out: str = "runs/deep"
    """The run folder, or the folder of a sweep."""

    def __post_init__(self) -> None:
        _one_of(self, "model", MODELS)
        _one_of(self, "device", ("cpu", "cuda"))
        _one_of(self, "augment", ("auto", "none", "crop-flip"))
        _one_of(self, "last_layer", ("prune", "exclude", "halve"))
        _one_of(self, "deterministic", (True, False))
        for name, least in (("width", 1), ("levels", 0), ("seed", 0), ("epochs", 1), ("batch_size", 1), ("threads", 1)):
            whole(name, getattr(self, name), least)
        if self.subset is not None:
            whole("subset", self.subset, 1)
        _number("fraction", self.fraction, 0, 1)
        _number("learning_rate", self.learning_rate, 0, math.inf)
        _number("momentum", self.momentum, 0, 1)
        _number("weight_decay", self.weight_decay, 0, math.inf)
        _number("gamma", self.gamma, 0, math.inf)
        _number("validation", self.validation, 0, 0.9)
        for name in ("remember", "milestones"):
            if not isinstance(getattr(self, name), tuple | None):
                raise ValueError(f"{name} is a list, not {getattr(self, name)!r}.")
        for point in self.remember:
            if point != "momentum":
                moment(point)
        for at in (*self.milestones_at, self.warmup_at):
            _number("each of milestones and warmup_epochs", at, 0, math.inf)
        if self.data != "digits" and not (isinstance(self.data, str) and self.data.partition("image-folder:")[2]):
            raise ValueError(f"data is digits or image-folder:PATH, not {self.data!r}.")
        if not isinstance(self.out, str) or not self.out:
            raise ValueError(f"out is the path of a folder, not {self.out!r}.")

    @property
    def warmup_at(self) -> float:
        """Epochs of warm-up."""
        return self.epochs / 15 if self.warmup_epochs is None else self.warmup_epochs

    @property
    def milestones_at(self) -> tuple[float, ...]:
        """Epochs at which the learning rate drops.

        >>> Training(epochs=150).milestones_at
        (70.0, 130.0)
        """
        return (self.epochs * 7 / 15, self.epochs * 13 / 15) if self.milestones is None else tuple(self.milestones)


@dataclass(frozen=True)
class Config(Training):
    """The settings of one run: one algorithm, one seed."""

    algorithm: str | Algorithm = "LRR"
    """IMP, LRR, "WR(step=500)", "WR(epoch=2)", fine-tuning, random, dense, …, "module:OBJECT", or an Algorithm object."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.algorithm, Mapping):  # as run.json holds an object
            law = restored(self.algorithm)
            if not is_complete(law):
                raise ValueError(f"The criterion of {law.name!r} is no named one; give the Algorithm object itself.")
            object.__setattr__(self, "algorithm", law)
        if not isinstance(self.algorithm, str | Algorithm):
            raise ValueError(f"algorithm is a name, module:OBJECT or an Algorithm object, not {self.algorithm!r}.")
        _ = self.program

    @property
    def program(self) -> Algorithm:
        """The algorithm object with this run's fraction."""
        law = algorithm(self.algorithm).default(fraction=self.fraction)
        return half_last(law) if self.last_layer == "halve" else law

    @property
    def name(self) -> str:
        """The algorithm's name, in tables and folders."""
        return str(self.algorithm)

    def settings(self) -> dict[str, Any]:
        """All but where the run is stored, as run.json has it."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "out"}
        return own | {"algorithm": stored(self.algorithm)}


def folder_of(path: str) -> dict[str, Any]:
    """The setting ``out`` that a settings file implies: a run.json is in the folder of its run.

    >>> folder_of("runs/deep/run.json"), folder_of("settings.json")
    ({'out': 'runs/deep'}, {})
    """
    return {"out": str(Path(path).parent)} if Path(path).name == "run.json" else {}


def moment(name: str) -> At:
    """The rewind point that ``moment_name`` wrote.

    >>> moment("epoch=2.5")
    At(value=2.5, unit='epoch')
    """
    unit, _, value = str(name).partition("=")
    try:
        return At(float(value), unit)
    except ValueError:
        raise ValueError(f"A rewind point reads like step=500 or epoch=2, not {name!r}.") from None


def moment_name(at: At) -> str:
    """The exact name of a rewind point, for files and settings.

    >>> moment_name(At(1234567)), moment_name(At(2.5, "epoch"))
    ('step=1234567', 'epoch=2.5')
    """
    return f"{at.unit}={at.value:.17g}"


def _one_of(config: Training, name: str, allowed: tuple[Any, ...]) -> None:
    value = getattr(config, name)
    if value not in allowed or (type(value) is not type(allowed[0])):
        raise ValueError(f"{name} is {' or '.join(map(str, allowed))}, not {value!r}.")


def whole(name: str, value: Any, least: int) -> None:
    """Raise ValueError unless ``value`` is an integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**63:
        raise ValueError(f"{name} is a whole number of at least {least}, not {value!r}.")


def _number(name: str, value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high or math.isinf(value):
        upper = f" and at most {high:g}" if math.isfinite(high) else ""
        raise ValueError(f"{name} is a number of at least {low:g}{upper}, not {value!r}.")
