"""T5: success probabilities in closed form, for one-shot pruning to one weight on the population.

Every case reduces to two sets: the dense basin D = {a0 > −‖w0‖, θ0 ≠ π} and the sparse basin B = {w_1 > 0, a0 > −w_1} ⊂ D.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincc, gammaln

from .algorithms import Algorithm, At
from .initialisations import Balanced, Gaussian, Initialisation
from .initialisations import initialisation as init_named
from .names import algorithm as named
from .times import escape_angle

__all__ = ["mean_cosine", "success_probability"]

Array = NDArray[np.float64]


def success_probability(algorithm: str | Algorithm, init: str | Initialisation, d: ArrayLike, *, noise: bool = False) -> Array:
    """Probability that the algorithm learns from a random start: T5, exact; ``d`` an integer or an array of integers ≥ 1.

    P(LRR) = P(D), P(IMP) = P(B). For Gaussian a0, w0 and ρ = σ_a/σ_w, d ≥ 2: P(D) = 1 − ½ I_{ρ²/(1+ρ²)}(d/2, ½),
    P(B) = ½ − arctan(ρ)/2π; balanced: ½, ¼; bounded: 1, ¼(1 + Γ(d/2)/(√π Γ((d+1)/2))). At d = 1, D = B.
    ``noise=True``: with label noise, phases long and n → ∞, half of the starts stuck at w_1 < 0 < a0 + w_1 escape (T2b).
    Raises ValueError where no closed form is known; ``simulate.estimate`` takes every algorithm.

    >>> float(success_probability("LRR", "balanced", 10)), float(success_probability("IMP", "gaussian", 10))
    (0.5, 0.375)
    """
    chosen, law = named(algorithm).default(count=1), init_named(init)
    d = np.asarray(d)
    if not np.issubdtype(d.dtype, np.number) or not ((d >= 1) & (d == np.floor(d))).all():
        raise ValueError(f"The number of inputs d is a whole number of at least 1, not {d.tolist()!r}.")
    share = _mask_share(chosen, d)
    found = np.where(d == 1, sparse_basin(law, d), _outcome(chosen, law, d) if (d > 1).any() else 0.0)
    if noise:
        found = _with_noise(chosen, law, d, found)
    return (share * found)[()]


def dense_basin(law: Initialisation, d: Array) -> Array:
    """P(a0 > −‖w0‖), d ≥ 2."""
    if isinstance(law, Gaussian):
        return 1 - betaincc(0.5, d / 2, 1 / (1 + _rho(law, d) ** 2)) / 2
    return np.full(d.shape, 0.5 if isinstance(law, Balanced) else 1.0)


def _rho(law: Gaussian, d: Array) -> Array:
    return law.sigma_a * (np.sqrt(d) if law.sigma_w is None else np.full(d.shape, 1 / law.sigma_w))


def sparse_basin(law: Initialisation, d: Array) -> Array:
    """P(w_1 > 0, a0 > −w_1)."""
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


def _mask_share(algorithm: Algorithm, d: Array) -> Array:
    """Probability that the mask keeps e_1, given D and independent of the signs."""
    if algorithm.count != 1:
        raise ValueError(
            f"Closed forms hold for one-shot pruning to one weight, not for {algorithm.name!r} with its own amount."
        )
    criterion = algorithm.score.name
    if criterion == "random" and algorithm.prunings != 0:
        return 1 / d
    if criterion == "large_final" or criterion.startswith("large_init_large_final") or algorithm.prunings == 0:
        return np.ones(d.shape)
    raise ValueError(f"No closed form for the criterion {criterion!r}; simulate.estimate takes it.")


def _outcome(algorithm: Algorithm, law: Initialisation, d: Array) -> Array:
    if algorithm.prunings == 0:
        return dense_basin(law, d)
    rewind = algorithm.rewind
    sources = tuple(str(s) if not isinstance(s, At) else "At" for s in (rewind.magnitude, rewind.sign, rewind.rest))
    if sources == ("At", "At", "At") and rewind.magnitude == rewind.sign == rewind.rest:
        return _rewound(rewind.magnitude, law, d)  # type: ignore[arg-type]
    if sources not in _RESTARTS:
        raise ValueError(
            f"No closed form for the rewind of {algorithm.name!r} ({', '.join(sources)}); simulate.estimate takes it."
        )
    return _RESTARTS[sources](law, d)


_RESTARTS: dict[tuple[str, str, str], Callable[[Initialisation, Array], Array]] = {
    ("init", "init", "init"): sparse_basin,
    ("init", "random", "init"): sparse_basin,
    ("init", "final", "init"): lambda law, d: 2 * sparse_basin(law, d),  # a0 > −|w_1|, whatever the initial sign
    ("final", "final", "final"): dense_basin,
    ("final", "init", "final"): lambda law, d: dense_basin(law, d) / 2,
}
"""By (magnitude, sign, rest): a restart (a_s, ς m) learns iff ς = + and a_s > −m (T9). All of them fail from outside D."""


def _rewound(at: At, law: Initialisation, d: Array) -> Array:
    """T6. WR(t), balanced: ½ P(θ0 < Θ(t)) = ½[½ + ½ I_{cos²Θ}(½, (d − 1)/2)]."""
    time = at.count(time=1.0)
    if time == 0:
        return sparse_basin(law, d)
    if not isinstance(law, Balanced):
        raise ValueError(
            f"WR({at}) has a closed form for balanced starts only, not for {law.name!r}; simulate.estimate takes it."
        )
    return 0.25 + betainc(0.5, np.maximum(d - 1, 1) / 2, np.cos(escape_angle(time)) ** 2) / 4


def _with_noise(algorithm: Algorithm, law: Initialisation, d: Array, found: Array) -> Array:
    """T2b. By symmetry P(a0 + w_1 > 0) = ½, so ½ − P(B) of the starts of a sparse neuron are stuck; β₋ > 0 frees half.

    Balanced starts with one input have a0 + w_1 = 0 where they are stuck, and stay so.
    """
    stuck = np.where((d == 1) & isinstance(law, Balanced), 0.0, 0.5 - sparse_basin(law, d))
    sources = algorithm.rewind.magnitude, algorithm.rewind.sign, algorithm.rewind.rest
    if algorithm.prunings == 0 or sources == ("final", "final", "final"):
        return np.where(d == 1, found + stuck / 2, found)  # with one input the dense neuron is sparse
    if sources == ("init", "init", "init"):
        return found + stuck / 2
    raise ValueError(f"No closed form with label noise for the rewind of {algorithm.name!r}; simulate.estimate takes it.")
