"""T5, T8, T9: success probabilities for one-shot pruning to one weight on the population, in closed form or by quadrature.

Where the mask keeps e_1 in all of D, or at random, every case reduces to two sets: the dense basin D = {a0 > −‖w0‖, θ0 ≠ π}
and the sparse basin B = {w_1 > 0, a0 > −w_1} ⊂ D. All other criteria and restarts go to ``theory.parts``.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from .algorithms import Algorithm, At
from .basins import dense_basin, mean_cosine, sparse_basin
from .initialisations import Balanced, Initialisation
from .initialisations import initialisation as init_named
from .names import undisturbed as named
from .parts import PARTS, restart_probability
from .times import escape_angle

__all__ = ["mean_cosine", "success_probability"]

Array = NDArray[np.float64]


def success_probability(algorithm: str | Algorithm, init: str | Initialisation, d: ArrayLike, *, noise: bool = False) -> Array:
    """Probability that the algorithm learns from a random start (T5, T8, T9); ``d`` an integer or an array of integers ≥ 1.

    P(LRR) = P(D), P(IMP) = P(B). For Gaussian a0, w0 and ρ = σ_a/σ_w, d ≥ 2: P(D) = 1 − ½ I_{ρ²/(1+ρ²)}(d/2, ½),
    P(B) = ½ − arctan(ρ)/2π; balanced: ½, ¼; bounded: 1, ¼(1 + Γ(d/2)/(√π Γ((d+1)/2))). At d = 1, D = B.
    Every built-in criterion and every restart without a moment At(...) has an answer, those of T5 for d ≥ 1, others for d ≥ 2:
    in closed form or by deterministic quadrature, whose error ``theory.restart_probability`` estimates (below 1e-6 in the table
    for d = 2, 10, 100). Exceptions, by simulation only: "reinit" and "constant" magnitudes with criteria that compare sizes,
    where a0 or starts outside D matter.
    ``noise=True``: with label noise, phases long and n → ∞, half of the starts stuck at w_1 < 0 < a0 + w_1 escape (T2b).
    Raises ValueError where no such answer is known; ``simulate.estimate`` takes every algorithm.

    >>> float(success_probability("LRR", "balanced", 10)), float(success_probability("IMP", "gaussian", 10))
    (0.5, 0.375)
    >>> round(float(success_probability("restart(sign='final', criterion='movement')", "balanced", 10)), 4)
    0.4401
    """
    chosen, law = named(algorithm).default(count=1), init_named(init)
    d = np.asarray(d)
    if not np.issubdtype(d.dtype, np.number) or not ((d >= 1) & (d == np.floor(d))).all():
        raise ValueError(f"The number of inputs d is a whole number of at least 1, not {d.tolist()!r}.")
    if not noise and _needs_parts(chosen):
        return _by_parts(chosen, law, d)[()]
    share = _mask_share(chosen, d)
    found = np.where(d == 1, sparse_basin(law, d), _outcome(chosen, law, d) if (d > 1).any() else 0.0)
    if noise:
        found = _with_noise(chosen, law, d, found)
    return (share * found)[()]


def _needs_parts(chosen: Algorithm) -> bool:
    """Is this a built-in criterion and a restart, but not a case of T5?"""
    if chosen.prunings == 0 or chosen.count != 1 or chosen.rewind.moments or chosen.criterion not in PARTS:
        return False
    return chosen.criterion not in ("random", "large_final", "large_init_large_final") or _sources(chosen) not in _RESTARTS


def _by_parts(chosen: Algorithm, law: Initialisation, d: Array) -> Array:
    def one(inputs: int) -> float:
        if inputs > 1:
            return restart_probability(str(chosen.criterion), chosen.rewind, law, inputs).value
        if _sources(chosen) in _RESTARTS:  # with one input there is nothing to choose
            return float(sparse_basin(law, np.asarray(inputs)))
        raise ValueError(f"The success probability of {chosen.name!r} is known for d ≥ 2 inputs, not for {inputs}.")

    return np.array([one(int(inputs)) for inputs in d.ravel().astype(int)]).reshape(d.shape)


def _sources(algorithm: Algorithm) -> tuple[str, str, str]:
    rewind = algorithm.rewind
    return tuple(str(s) if not isinstance(s, At) else "At" for s in (rewind.magnitude, rewind.sign, rewind.rest))  # type: ignore


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
    rewind, sources = algorithm.rewind, _sources(algorithm)
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
