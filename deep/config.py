"""The settings of a deep run: everything that its bits depend on, checked when it is made. Needs no torch."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from theory.algorithms import Algorithm, At
from theory.names import algorithm
from theory.records import plain, settings_hash

from .checks import moment, moment_name, number, one_of, share, whole
from .definitions import is_complete, restored, stored
from .groups import grouped
from .models.names import check_network

__all__ = ["FREE", "Config", "Training", "folder_of", "is_sweep_record", "moment", "moment_name", "whole"]

FREE = ("levels", "remember", "data", "mask_from", "signs_from", "checkpoint", "loaders", "together")
"""Settings that may differ when a run goes on: of the data and of other runs it is the content that counts, not the path."""
RUNS = "runs/deep"
"""Where runs are stored, in folders named by the hash of their settings, unless ``out`` names one."""
DATA = ("image-folder", "cifar10", "cifar100", "tiny-imagenet", "imagenet")


@dataclass(frozen=True)
class Training:
    """How one network is trained and pruned, but for the algorithm. A moment reads "epoch=2" or "step=500" (iterations)."""

    model: str = "resnet20"
    """resnet20, resnet32, resnet56 (CIFAR), resnet18, resnet34, resnet50, vgg16, vgg19, vgg16_bn, vgg19_bn, lenet-300-100,
    conv2, conv4, conv6, or package.module:FACTORY."""
    width: int | None = None
    """Channels of the first stage (16 for the CIFAR ResNets, 64 for the others, unless given)."""
    stem: str = "auto"
    """cifar, imagenet, or auto: cifar for images of at most 64 pixels a side (ResNet-18/34/50, VGG)."""
    init: str = "kaiming"
    """kaiming, kaiming-fan-out or glorot; normal numbers all."""
    data: str = "digits"
    """digits (bundled with scikit-learn), cifar10, cifar100 (downloaded), or with a :PATH image-folder (train/CLASS/FILE and
    test/CLASS/FILE, or a tar of it), cifar10, cifar100, tiny-imagenet, imagenet."""
    levels: int = 10
    """Prunings; level 0 is dense, so there is one training more."""
    fraction: float = 0.2
    """Share of the alive weights that a level prunes, where the algorithm names none itself."""
    fractions: tuple[str, ...] = ()
    """Other shares for some layers, each pruned on its own: conv=0.1 (all convolutions), last=0.1, NAME=0.1."""
    seed: int = 0
    device: str = "cpu"
    """cpu or cuda."""
    epochs: int = 10
    """Epochs of each level."""
    length: str | None = None
    """Length of each level as a moment, e.g. step=30000; the epochs unless given."""
    batch_size: int = 128
    optimiser: str = "sgd"
    """sgd or adamw (Adam where weight_decay is 0)."""
    learning_rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    """Of AdamW."""
    weight_decay: float = 1e-4
    schedule: str = "step"
    """step (drops at the milestones), cosine (to 0 at the end) or constant; after the warm-up."""
    warmup: str | None = None
    """Moment at which the linear warm-up ends; unless given a fifteenth of the level (arXiv 2402.19262), none if constant."""
    milestones: tuple[str, ...] | None = None
    """Moments at which the learning rate drops; 70/150 and 130/150 of the level unless given (arXiv 2402.19262)."""
    gamma: float = 0.1
    """Factor of each drop."""
    label_smoothing: float = 0.0
    clip: float | None = None
    """Largest norm of the gradient, taken over the weights alive."""
    precision: str = "float32"
    """float32, tf32 (float32 on tensor cores), bfloat16 (autocast; the weights stay float32) or float64."""
    compile: str = "none"
    """none, or a mode of torch.compile: default, reduce-overhead, max-autotune."""
    subset: int | None = None
    """Train on this many images, drawn at random by the seed (all unless given)."""
    validation: float = 0.1
    """Held-out share: of the training images, or, with a subset, of the subset's size in addition to it."""
    augment: str = "auto"
    """none, crop-flip (pad 4, crop, mirror), or auto: crop-flip for 32×32 colour images. Streamed images are cropped at
    random to 224×224 and mirrored, unless none."""
    last_layer: str = "prune"
    """prune or exclude the classifier, or halve: prune half of the fraction there, as a group of its own."""
    mask_from: str | None = None
    """A run whose masks are borrowed, level by level; {seed} in its path stands for the seed."""
    signs_from: str | None = None
    """A run whose signs at the end of each level are borrowed for the start of the same level here."""
    deterministic: bool = True
    """Only kernels that give the same bits again."""
    threads: int = 1
    """CPU threads of the training; other numbers give other bits."""
    together: int = 1
    """Networks of a sweep that are trained at once on the device: small ones are much faster so, with other bits than alone."""
    loaders: int = 2
    """Processes that read images which do not fit into memory."""
    checkpoint: float = 300.0
    """Seconds between checkpoints inside a level (0: after every step)."""
    remember: tuple[str, ...] = ()
    """More to store at level 0 than is needed, for other algorithms to share: "step=500", "epoch=2", "optimiser"."""
    out: str | None = None
    """The run folder, or the folder of a sweep; unless given runs/deep/NAME-HASH, after the settings."""

    def __post_init__(self) -> None:
        check_network(self.model, self.width, self.stem, self.init)
        for name, allowed in CHOICES.items():
            one_of(name, getattr(self, name), allowed)
        for name, least in WHOLE.items():
            if getattr(self, name) is not None or name != "subset":
                whole(name, getattr(self, name), least)
        for name, high in NUMBERS.items():
            if getattr(self, name) is not None or name != "clip":
                number(name, getattr(self, name), 0, high)
        if self.threads > 1024:
            raise ValueError(f"threads is at most 1024, not {self.threads!r}.")
        for name in ("remember", "milestones", "fractions", "betas"):
            if not isinstance(getattr(self, name), tuple | None):
                raise ValueError(f"{name} is a list, not {getattr(self, name)!r}.")
        if len(self.betas) != 2 or not all(isinstance(b, float | int) and 0 <= b < 1 for b in self.betas):
            raise ValueError(f"betas are two numbers in [0, 1), not {self.betas!r}.")
        remembered = (point for point in self.remember if point != "optimiser")
        for point in (*remembered, *(self.milestones or ()), *filter(None, (self.warmup, self.length))):
            moment(point)
        for text in self.fractions:
            share(text)
        if self.length is not None and not moment(self.length).value > 0:
            raise ValueError(f"length is a moment after the start, not {self.length!r}.")
        if self.nesterov and not self.momentum:
            raise ValueError(f"nesterov needs a momentum above 0, not {self.momentum!r}.")
        self._check_paths()

    def _check_paths(self) -> None:
        source, colon, path = str(self.data).partition(":")
        alone = self.data in ("digits", "cifar10", "cifar100")
        if not isinstance(self.data, str) or not (alone or (source in DATA and colon and path)):
            raise ValueError(f"data is digits, cifar10, cifar100 or one of {', '.join(DATA)} with a :PATH, not {self.data!r}.")
        for name in ("out", "mask_from", "signs_from"):
            path = getattr(self, name)
            if path is not None and (not isinstance(path, str) or not path):
                raise ValueError(f"{name} is the path of a folder, not {path!r}.")

    @property
    def length_at(self) -> At:
        """The length of a level."""
        return At(self.epochs, "epoch") if self.length is None else moment(self.length)

    @property
    def warmup_at(self) -> At:
        """The end of the warm-up.

        >>> Training(epochs=150).warmup_at, Training(warmup="step=500").warmup_at
        (At(value=10.0, unit='epoch'), At(value=500.0, unit='step'))
        """
        if self.warmup is not None:
            return moment(self.warmup)
        return At(0, "epoch") if self.schedule == "constant" else self._part(1 / 15)

    @property
    def milestones_at(self) -> tuple[At, ...]:
        """The moments at which the learning rate drops.

        >>> [str(at) for at in Training(epochs=150).milestones_at]
        ['epoch=70', 'epoch=130']
        """
        if self.schedule != "step":
            return ()
        return (self._part(7 / 15), self._part(13 / 15)) if self.milestones is None else tuple(map(moment, self.milestones))

    def _part(self, share: float) -> At:
        """A share of the level: whole iterations where its length is in iterations."""
        at = self.length_at
        return At(round(at.value * share), "step") if at.unit == "step" else At(at.value * round(share * 15) / 15, at.unit)


CHOICES = {
    "device": ("cpu", "cuda"),
    "optimiser": ("sgd", "adamw"),
    "nesterov": (True, False),
    "schedule": ("step", "cosine", "constant"),
    "precision": ("float32", "tf32", "bfloat16", "float64"),
    "compile": ("none", "default", "reduce-overhead", "max-autotune"),
    "augment": ("auto", "none", "crop-flip"),
    "last_layer": ("prune", "exclude", "halve"),
    "deterministic": (True, False),
}
WHOLE = {"levels": 0, "seed": 0, "epochs": 1, "batch_size": 1, "threads": 1, "together": 1, "loaders": 0, "subset": 1}
NUMBERS = {
    "fraction": 1,
    "learning_rate": math.inf,
    "momentum": 1,
    "weight_decay": math.inf,
    "gamma": math.inf,
    "label_smoothing": 1,
    "clip": math.inf,
    "validation": 0.9,
    "checkpoint": math.inf,
}


@dataclass(frozen=True)
class Config(Training):
    """The settings of one run: one algorithm, one seed."""

    algorithm: str | Algorithm = "LRR"
    """IMP, LRR, "WR(step=500)", "WR(epoch=2)", fine-tuning, random, dense, …, "LRR(scope='layer')", "module:OBJECT", or an
    Algorithm object."""

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
        """The algorithm object with this run's fractions, borrowed masks and borrowed signs."""
        law = algorithm(self.algorithm).default(fraction=self.fraction)
        law = law if self.mask_from is None else replace(law, masks="donor")
        law = law if self.signs_from is None else replace(law, rewind=replace(law.rewind, sign="donor"))
        return grouped(law, tuple(map(share, self.fractions)), halve=self.last_layer == "halve")

    @property
    def name(self) -> str:
        """The algorithm's name, in tables and folders."""
        return str(self.algorithm)

    @property
    def path(self) -> Path:
        """The run folder: ``out``, or one named by the settings' hash."""
        if self.out is not None:
            return Path(self.out)
        name = f"{self.model}-{self.data.partition(':')[0]}-{self.name}-seed-{self.seed}"
        safe = "".join(c if c.isalnum() or c in "()=+-.," else "_" for c in name)
        return Path(RUNS) / f"{safe}-{self.identity}"

    @property
    def identity(self) -> str:
        """Twelve hex digits for all settings that the bits depend on, as far as they are known before data are read."""
        free = tuple(name for name in FREE if name not in ("data", "mask_from", "signs_from"))
        return settings_hash({name: value for name, value in plain(self.settings()).items() if name not in free})

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


def is_sweep_record(path: str | Path) -> bool:
    """Is this file the record of a whole sweep, which holds more than settings?"""
    try:
        content = json.loads(Path(path).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and str(content.get("schema")).startswith("signescape.deep.sweep/")
