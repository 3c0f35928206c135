"""T9: supermasks, a mask of the untrained neuron ("Deconstructing Lottery Tickets"), and which of them beat chance.

Chance is the loss ¼ of the zero function. q = a‖w_S‖ and θ_S are those of the masked w; the population is N(0, I).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .inputs import state
from .population import angle, correlation, loss

__all__ = ["CHANCE", "beats_chance", "mean_gain", "mean_supermask_loss", "supermask_loss"]

Array = NDArray[np.float64]
CHANCE = 0.25
"""The loss of f = 0."""


def supermask_loss(a: ArrayLike, w: ArrayLike, mask: ArrayLike = True) -> Array:
    """T9. L = ¼ + q²/4 − q g(θ_S) of the untrained neuron with w masked; shapes a (…), w and mask (…, d).

    One weight w_j left, p = a|w_j|: ¼(1 − p)² for j = 1, w_1 > 0; ¼(1 + p²) for w_1 < 0; ¼ + p²/4 − p/2π for j ≠ 1.

    >>> supermask_loss(1.0, [1.0, 1.0], [True, False]).tolist(), supermask_loss(1.0, [-1.0, 1.0], [True, False]).tolist()
    (0.0, 0.5)
    """
    a, length, theta = _masked(a, w, mask)
    return loss(a, length, theta)[()]


def _masked(a: ArrayLike, w: ArrayLike, mask: ArrayLike) -> tuple[Array, Array, Array]:
    a, w = state(a, w)
    kept = np.asarray(mask)
    if kept.dtype != bool:
        raise ValueError(f"A mask holds True and False, not {kept.tolist()!r}.")
    try:
        kept = np.broadcast_to(kept, w.shape)
    except ValueError:
        raise ValueError(f"A mask of shape {kept.shape} does not fit w of shape {w.shape}.") from None
    part = np.where(kept, w, 0.0)
    return a, np.hypot.reduce(part, axis=-1), angle(part)


def beats_chance(a: ArrayLike, w: ArrayLike, mask: ArrayLike = True) -> NDArray[np.bool_]:
    """T9. Is the loss of the masked neuron below ¼? Iff 0 < q < 4g(θ_S), which needs a > 0 and θ_S ≠ π.

    One weight left: w_1 > 0 and 0 < a w_1 < 2, or 0 < a|w_j| < 2/π for j ≠ 1; never w_1 < 0.

    >>> beats_chance(1.0, [[1.9, 0.0], [2.1, 0.0], [-1.0, 0.0], [0.0, -0.6], [0.0, 0.7]]).tolist()
    [True, False, False, True, False]
    """
    a, length, theta = _masked(a, w, mask)
    q = a * length
    return (q > 0) & (q < 4 * correlation(theta)) & (theta < np.pi)


def mean_supermask_loss(a: ArrayLike, w: ArrayLike, mask: ArrayLike = True) -> Array:
    """T9. The mean of L over the two signs of a, ¼ + q²/4: no mask on w beats chance on average unless a > 0 is known.

    >>> float(mean_supermask_loss(1.0, [0.6, 0.8]))
    0.5
    """
    a, length, _ = _masked(a, w, mask)
    return ((1 + (a * length) ** 2) / 4)[()]


def mean_gain(criterion: str, d: ArrayLike) -> Array:
    """T9. γ in E[L] = ¼ + E[p²]/4 − γ E[p], p = a|w_j| of the kept weight, given a > 0 and symmetric i.i.d. w0 at T → ∞.

    The mean of g(θ_S) over the signs: "large_final" keeps e_1: ¼. "random" keeps e_1 once in d: ¼/d + (1 − 1/d)/2π. The signed
    variants keep e_1 where w0_1 has the learned sign + (gain ½) or has not (gain 0), and else tie, a random choice.

    >>> [round(float(mean_gain(name, 10)), 4) for name in ("large_final", "random", "large_final_same_sign")]
    [0.25, 0.1682, 0.3216]
    """
    d = np.asarray(d)
    if not np.issubdtype(d.dtype, np.number) or not ((d >= 1) & (d == np.floor(d))).all():
        raise ValueError(f"The number of inputs d is a whole number of at least 1, not {d.tolist()!r}.")
    side = (1 - 1 / d) / (2 * np.pi)
    gains = {
        "large_final": np.full(d.shape, 0.25),
        "random": 0.25 / d + side,
        "large_final_same_sign": 0.25 + side / 2,
        "large_final_diff_sign": 0.25 / d + side / 2,
    }
    if criterion not in gains:
        raise ValueError(f"A gain is known for the criteria {', '.join(gains)}, not {criterion!r}.")
    return gains[criterion][()]
