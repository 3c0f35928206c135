"""The three named initialisations of the neuron a·φ(w·x). Success rates depend on them: never state one without it.

| name     | a0                     | w0            |
|----------|------------------------|---------------|
| balanced | ±‖w0‖, signs equal     | N(0, σ_w² I)  |
| bounded  | U(−1, 1)·‖w0‖          | N(0, σ_w² I)  | (the one in the authors' code)
| gaussian | N(0, σ_a²)             | N(0, σ_w² I)  |

σ_w defaults to 1/√d for balanced and bounded, to 1 for gaussian; σ_a to 1.
"""

from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .names import build

__all__ = ["INITIALISATIONS", "Balanced", "Bounded", "Gaussian", "Initialisation", "initialisation"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Initialisation:
    """A law of (a0, w0). Subclasses say how a0 follows from ‖w0‖ and the stream."""

    sigma_w: float | None = None
    name: ClassVar[str]

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not (isinstance(value, Real) and 0 < float(value) < np.inf):
                raise ValueError(f"{name} is a positive number, not {value!r}.")

    @property
    def spec(self) -> str:
        """The name with its options, as ``initialisation`` reads it."""
        options = ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if v != getattr(type(self), k))
        return f"{self.name}({options})" if options else self.name

    def sample(self, generator: np.random.Generator, d: int, trials: int) -> tuple[Array, Array]:
        """Initial values a0 (trials,) and w0 (trials, d)."""
        w0 = generator.standard_normal((trials, d)) * (1 / np.sqrt(d) if self.sigma_w is None else self.sigma_w)
        return self.outer(generator, np.linalg.norm(w0, axis=-1)), w0

    def outer(self, generator: np.random.Generator, norm: Array) -> Array:
        """a0, given ‖w0‖."""
        raise NotImplementedError


@dataclass(frozen=True)
class Balanced(Initialisation):
    """a0 = ±‖w0‖: c = a0² − ‖w0‖² = 0."""

    name = "balanced"

    def outer(self, generator: np.random.Generator, norm: Array) -> Array:
        """±‖w0‖ with equal probability."""
        return norm * (1 - 2 * generator.integers(0, 2, norm.shape))


@dataclass(frozen=True)
class Bounded(Initialisation):
    """a0 ~ U(−1, 1)·‖w0‖: c < 0."""

    name = "bounded"

    def outer(self, generator: np.random.Generator, norm: Array) -> Array:
        """Uniform between −‖w0‖ and ‖w0‖."""
        return norm * generator.uniform(-1, 1, norm.shape)


@dataclass(frozen=True)
class Gaussian(Initialisation):
    """a0 ~ N(0, σ_a²) and w0 ~ N(0, σ_w² I), independent."""

    sigma_w: float | None = 1.0
    sigma_a: float = 1.0
    name = "gaussian"

    def outer(self, generator: np.random.Generator, norm: Array) -> Array:
        """Normal, whatever ‖w0‖ is."""
        return self.sigma_a * generator.standard_normal(norm.shape)


INITIALISATIONS = {kind.name: kind for kind in (Balanced, Bounded, Gaussian)}


def initialisation(spec: str | Initialisation) -> Initialisation:
    """An initialisation object as it is, or by name: ``"balanced"``, ``"gaussian(sigma_a=0.5)"``.

    >>> initialisation("gaussian(sigma_a=0.5)")
    Gaussian(sigma_w=1.0, sigma_a=0.5)
    """
    return spec if isinstance(spec, Initialisation) else build("initialisation", spec, dict(INITIALISATIONS))
