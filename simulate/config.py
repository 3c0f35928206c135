"""What is simulated: the law of the data and of the initial values, the engine, the pruning and the algorithms."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.algorithms import Algorithm, At
from theory.console import from_mapping
from theory.definitions import definition
from theory.initialisations import Initialisation, initialisation
from theory.names import algorithm
from theory.records import plain

__all__ = ["Config", "as_config"]

INPUTS = {"gaussian": 1.0, "uniform": 1 / 3}
"""Variance of a coordinate under each law of inputs: N(0, 1) and U[−1, 1]."""
ENGINES = ("gd", "active-set", "reduced", "sgd", "flow")
DEVICES = ("cpu", "cuda")
CHUNKS = {"gd": (64, 1024), "active-set": (1024, 1024), "reduced": (1024, 2**13), "sgd": (64, 1024), "flow": (2048, 2**15)}
"""Trials of each engine in about a second, on samples and on the population."""
NUMBERS = ("n", "d", "sigma", "eta", "momentum", "batch", "t", "keep", "levels", "seed", "trials", "chunk", "workers")
NEWER = {"momentum": 0.0, "batch": None, "device": "cpu"}
"""Settings that are not stored at these values, so that results stored before there were any stay valid."""


@dataclass(frozen=True)
class Config:
    """Settings of a simulation; those of the authors' neuron by default. Every field is checked when the object is made.

    >>> Config(d=3, sigma=0.2).steps
    10000
    """

    n: int | None = 500
    """Samples; None (inf on the command line) is the population."""
    d: int = 10
    """Inputs of the neuron."""
    sigma: float = 0.0
    """Standard deviation of the label noise."""
    inputs: str = "gaussian"
    """Law of the inputs: gaussian, N(0, I), or uniform, U[-1, 1]^d."""
    init: str | Initialisation = "balanced"
    """Initialisation: balanced, bounded, gaussian or gaussian(sigma_a=0.5)."""
    engine: str = "gd"
    """gd (gradient descent), active-set (the same on finite samples, faster), reduced (the same on the population, faster), sgd
    (mini-batches) or flow (gradient flow)."""
    eta: float = 0.1
    """Step size; step k of gradient descent is time k·eta."""
    momentum: float = 0.0
    """Heavy-ball momentum of gradient descent, from 0 to below 1; starts from nothing in each level."""
    batch: int | None = None
    """Samples a step of engine sgd."""
    device: str = "cpu"
    """cpu, or cuda for mini-batches and the population."""
    t: float = 1000.0
    """Time that each level trains for."""
    keep: int | float | tuple[int | float, ...] = 1
    """Weights that stay: a whole number, or a fraction of the alive; a tuple has one entry a level."""
    levels: int = 1
    """Prunings after the dense level 0."""
    seed: int = 0
    """Names all random numbers."""
    trials: int = 1000
    """Trials, or trials a pixel in a phase diagram."""
    algorithms: tuple[str | Algorithm, ...] = ("IMP", "LRR")
    """Algorithms to compare on the same trials."""
    chunk: int | None = None
    """Trials computed and stored together, by default about a second's; never changes a result."""
    workers: int = 1
    """Processes."""
    X: Any = None
    """Given inputs (n, d) or (trials, n, d); with y. Given arrays set n, d and trials."""
    y: Any = None
    """Given labels (n,) or (trials, n); noise is not added to them."""
    a0: Any = None
    """Given initial outer weights (trials,)."""
    w0: Any = None
    """Given initial inner weights (trials, d)."""
    definitions: Any = None
    """What the algorithms were (name: definition) when settings were stored; refused if they are something else now."""

    def __post_init__(self) -> None:
        self._take_arrays()
        self._take_numbers()
        if isinstance(self.n, str | float) and float(self.n) == math.inf:
            self._set(n=None)
        optional = tuple(name for name in ("n", "chunk") if getattr(self, name) is not None)
        for name in ("d", "trials", "workers", *optional):
            self._check(name, "a whole number of at least 1", _whole(getattr(self, name)) and getattr(self, name) >= 1)
        self._check("levels", "a whole number of at least 0", _whole(self.levels) and self.levels >= 0)
        self._check("seed", "a whole number from 0 to 2⁶⁴ − 1", _whole(self.seed) and 0 <= self.seed < 2**64)
        self._check("sigma", "a number of at least 0", _finite(self.sigma) and self.sigma >= 0)
        for name in ("eta", "t"):
            self._check(name, "a positive finite number", _finite(getattr(self, name)) and getattr(self, name) > 0)
        self._check("t", f"at least one step of eta = {self.eta!r}", self.steps >= 1)
        self._check("momentum", "a number from 0 to below 1", _finite(self.momentum) and 0 <= self.momentum < 1)
        self._set(sigma=float(self.sigma), eta=float(self.eta), momentum=float(self.momentum), t=float(self.t))
        self._check("inputs", f"one of {', '.join(INPUTS)}", self.inputs in INPUTS)
        self._check("engine", f"one of {', '.join(ENGINES)}", self.engine in ENGINES)
        kept = self.keep if isinstance(self.keep, tuple) else (self.keep,)
        whole = bool(kept) and all(_whole(k) and 1 <= k <= self.d for k in kept)
        fractions = bool(kept) and all(_finite(k) and not _whole(k) and 0 < k < 1 for k in kept)
        self._check("keep", f"a whole number from 1 to d = {self.d} or a fraction between 0 and 1", whole or fractions)
        if isinstance(self.algorithms, str | Algorithm):
            self._set(algorithms=(self.algorithms,))
        self._set(algorithms=tuple(self.algorithms))
        names = [str(law) for law in self.laws]
        self._check("algorithms", "at least one name, each once", len(names) > 0 and len(set(names)) == len(names))
        self._check_definitions()
        for moment in frozenset().union(*(law.moments for law in self.laws)):
            self.when(moment)
        initialisation(self.init)
        self._check_engine()

    @property
    def laws(self) -> tuple[Algorithm, ...]:
        """The algorithms as objects, with ``keep`` where they name no amount themselves."""
        kept = self.keep if isinstance(self.keep, tuple) else (self.keep,)
        amount = {"count": kept} if _whole(kept[0]) else {"fraction": tuple(1 - k for k in kept)}
        return tuple(algorithm(spec).default(**amount) for spec in self.algorithms)

    @property
    def names(self) -> list[str]:
        """The algorithms' names, the labels of results."""
        return [str(law) for law in self.laws]

    @property
    def steps(self) -> int:
        """Steps of gradient descent in each level: round(t/η)."""
        return round(self.t / self.eta)

    @property
    def variance(self) -> float:
        """Variance of one input coordinate."""
        return INPUTS[self.inputs]

    def when(self, moment: At) -> float:
        """A moment of level 0 in the engine's count: the nearest step of descent, or the time of the flow."""
        time = moment.count(step=self.eta, time=1)
        step = round(time / self.eta)
        if step > self.steps:
            raise ValueError(f"The rewind point {moment} lies after the end of level 0, at time {self.t:g}.")
        return time if self.engine == "flow" else step

    def chunk_of(self, trials: int) -> int:
        """How many of so many trials to compute together: ``chunk``, or what the engine does in about a second.

        At most a sixteenth of them, for the workers to share; the samples take 32 MiB at most (1 GiB on a GPU).
        """
        if self.chunk is not None:
            return self.chunk
        most = CHUNKS[self.engine][self.n is None] if self.device == "cpu" else 2**14
        room = 2**25 if self.device == "cpu" else 2**30
        return max(1, min(most, max(-(-trials // 16), 16), room // (8 * (self.d + 1) * (self.n or 1))))

    def settings(self) -> dict[str, Any]:
        """All that decides the result: every field but chunk and workers, given arrays by shape and SHA-256.

        ``algorithms`` are as the user wrote them (an object by its name), ``definitions`` what they mean. What is in
        ``NEWER`` is left out where it stands at the value given there.
        """
        absent = ("chunk", "workers", *(name for name, value in NEWER.items() if getattr(self, name) == value))
        values = {f.name: getattr(self, f.name) for f in fields(Config) if f.name not in absent}
        written = {"algorithms": tuple(map(str, self.algorithms)), "definitions": self._definitions()}
        return {k: _digest(v) if isinstance(v, np.ndarray) else v for k, v in (values | written).items()}

    def but(self, **changes: Any) -> "Config":
        """A plain copy with some fields changed."""
        return replace(Config(**{f.name: getattr(self, f.name) for f in fields(Config)}), **changes)

    def part(self, rows: slice) -> "Config":
        """The same settings with given arrays cut to the trials ``rows``."""
        if all(values is None for values in (self.X, self.a0, self.w0)):
            return self
        cut = {"X": self.X if np.ndim(self.X) < 3 else self.X[rows], "y": self.y if np.ndim(self.y) < 2 else self.y[rows]}
        return self.but(**cut, **{name: v if (v := getattr(self, name)) is None else v[rows] for name in ("a0", "w0")})

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _check(self, name: str, wanted: str, good: bool) -> None:
        if not good:
            raise ValueError(f"{name} is {wanted}, not {getattr(self, name)!r}.")

    def _definitions(self) -> dict[str, Any]:
        return {str(law): definition(law) for law in map(algorithm, self.algorithms)}

    def _check_definitions(self) -> None:
        """Compare, then forget: definitions always follow from the algorithms."""
        if self.definitions is not None:
            now, then = self._definitions(), plain(self.definitions)
            for name in now:
                if not isinstance(then, dict) or then.get(name) != now[name]:
                    raise ValueError(f"The algorithm {name!r} is not what it was when these settings were stored.")
        self._set(definitions=None)

    def _take_numbers(self) -> None:
        """NumPy's scalars as Python's: counters and stored settings are made of these."""
        for name in NUMBERS:
            self._set(**{name: _python(getattr(self, name))})
        if isinstance(self.keep, tuple):
            self._set(keep=tuple(map(_python, self.keep)))

    def _take_arrays(self) -> None:
        arrays = {name: _array(name, getattr(self, name)) for name in ("X", "y", "a0", "w0")}
        if (arrays["X"] is None) != (arrays["y"] is None):
            raise ValueError("Inputs X and labels y are given together or not at all.")
        known: dict[str, tuple[str, int]] = {}
        for name, axes in (("X", "trials n d"), ("y", "trials n"), ("a0", "trials"), ("w0", "trials d")):
            if (values := arrays[name]) is None:
                continue
            shape = dict(zip(reversed(axes.split()), reversed(values.shape), strict=False))
            for axis, size in shape.items():
                first, expected = known.setdefault(axis, (name, size))
                if size != expected:
                    raise ValueError(f"{name} has {axis} = {size} (shape {values.shape}), but {first} has {axis} = {expected}.")
        self._set(**arrays, **{axis: size for axis, (_, size) in known.items()})

    def _check_engine(self) -> None:
        if self.n is None and self.inputs == "uniform" and self.d > 1 and self.engine != "sgd":
            raise ValueError(f"The population of inputs={self.inputs!r} has no closed gradient for d={self.d}; use gaussian.")
        if self.engine == "active-set" and self.n is None:
            raise ValueError("engine='active-set' descends on finite samples, not on n=inf; use engine='gd'.")
        if self.engine == "reduced" and (self.n is not None or self.inputs != "gaussian"):
            given = f"n={self.n!r}" if self.n is not None else f"inputs={self.inputs!r}"
            raise ValueError(f"engine='reduced' descends on the population, n=inf, of Gaussian inputs, not with {given}.")
        if self.engine == "flow" and self.momentum:
            raise ValueError(f"The gradient flow has no momentum={self.momentum!r}; use engine='gd'.")
        self._check("device", f"one of {', '.join(DEVICES)}", self.device in DEVICES)
        if self.device != "cpu" and self.engine != "sgd" and self.n is not None:
            raise ValueError(f"device={self.device!r} is for engine='sgd' and for n=inf: full batches are faster on the CPU.")
        if self.device != "cpu" and self.engine not in ("sgd", "flow", "reduced"):
            raise ValueError(f"engine={self.engine!r} has no device={self.device!r}; on the population, reduced and flow have.")
        if (self.engine == "sgd") != (self.batch is not None):
            raise ValueError(f"engine='sgd' and batch go together, not engine={self.engine!r} and batch={self.batch!r}.")
        if self.batch is not None:
            largest = math.inf if self.n is None else self.n
            good = _whole(self.batch) and 1 <= self.batch <= largest
            self._check("batch", f"a whole number from 1 to n = {largest}", good)


def as_config(config: Config | Mapping[str, Any]) -> Config:
    """A ``Config`` as it is, or one from a mapping; unknown names are refused.

    >>> as_config({"n": None, "d": 2}).d
    2
    """
    return config.but() if isinstance(config, Config) else from_mapping(Config, dict(config))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _array(name: str, value: Any) -> NDArray[np.float64] | None:
    if value is None:
        return None
    if isinstance(value, Mapping) and "sha256" in value:
        raise ValueError(
            f"Stored settings hold only a digest of {name}; give the array itself in place of {dict(value)!r:.80}."
        )
    rank = {"X": (2, 3), "y": (1, 2), "a0": (1,), "w0": (2,)}[name]
    try:
        values = np.array(value, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is not an array of numbers: {value!r:.80}.") from None
    if values.ndim not in rank or values.size == 0:
        raise ValueError(f"{name} has {' or '.join(map(str, rank))} axes, none of them empty, not shape {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds {values[~np.isfinite(values)][0]}, which is not a finite number.")
    return values


def _digest(values: NDArray[np.float64]) -> dict[str, Any]:
    return {"shape": values.shape, "sha256": hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()}
