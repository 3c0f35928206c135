"""T5: the probabilities of the two basins for a random start, in closed form."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincc, gammaln

from .initialisations import Balanced, Gaussian, Initialisation

__all__ = ["dense_basin", "mean_cosine", "sparse_basin"]

Array = NDArray[np.float64]


def dense_basin(law: Initialisation, d: Array) -> Array:
    """P(a0 > −‖w0‖), d ≥ 2.

    >>> float(dense_basin(Balanced(), np.array(10)))
    0.5
    """
    if isinstance(law, Gaussian):
        return 1 - betaincc(0.5, d / 2, 1 / (1 + _rho(law, d) ** 2)) / 2
    return np.full(d.shape, 0.5 if isinstance(law, Balanced) else 1.0)


def sparse_basin(law: Initialisation, d: Array) -> Array:
    """P(w_1 > 0, a0 > −w_1).

    >>> float(sparse_basin(Gaussian(), np.array(10)))
    0.375
    """
    if isinstance(law, Gaussian):
        return 0.5 - np.arctan(_rho(law, d)) / (2 * np.pi)
    return np.full(d.shape, 0.25) if isinstance(law, Balanced) else (1 + mean_cosine(d)) / 4


def mean_cosine(d: ArrayLike) -> Array:
    """E|z| = Γ(d/2) / (√π Γ((d + 1)/2)), z = w_1/‖w‖ of an isotropic w.

    >>> float(mean_cosine(1))
    1.0
    """
    d = np.asarray(d, dtype=float)
    return np.exp(gammaln(d / 2) - gammaln((d + 1) / 2)) / np.sqrt(np.pi)


def _rho(law: Gaussian, d: Array) -> Array:
    return law.sigma_a * (np.sqrt(d) if law.sigma_w is None else np.full(d.shape, 1 / law.sigma_w))
