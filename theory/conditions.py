"""T8, T9: exactly which starts succeed, for one-shot pruning to one weight, noise-free, with phases of any large length.

A start (a0, w0) succeeds iff the mask keeps e_1 (``keeps``: one condition a criterion) and the restart (a_s, ς·m) learns
(``restarts``: iff ς = +, m > 0 and a_s > −m). Both depend on the dense phase only through its end (T4), with c = a0² − ‖w0‖²:

| start            | a at the end              | w_1 at the end     | the other weights at the end |
|------------------|---------------------------|--------------------|------------------------------|
| in D: a0 > −‖w0‖ | a∞ = √((c + √(c² + 4))/2) | +m, m = 1/a∞       | 0, with their first signs    |
| outside D        | −√c (0⁻ if c = 0)         | −m, m = 0⁺ (θ → π) | 0, with their first signs    |

Zeros are meant as the limit of long phases: 0⁺ is positive, the other weights are smaller still, and all keep their order
(T7). W = |w_01|, M = max_{j≥2} |w_0j|, μ = min_{j≥2} |w_0j|, *same* means that w_1 ends with its first sign: w_01 ≥ 0 in D,
w_01 < 0 outside. Equal scores are decided by a draw, so every function here returns a probability: 1, 0, or one over the
number of weights that tie. Starts with w_0⊥ = 0, of probability zero, are refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .algorithms import Algorithm, Rewind
from .dense_flow import in_basin, teacher_weights
from .names import undisturbed as named

__all__ = ["CONDITIONS", "Condition", "keeps", "restart_condition", "restarts", "succeeds"]

Array = NDArray[np.float64]
TINY = float(np.finfo(float).tiny)


class Start(NamedTuple):
    """What the conditions speak of: w_01, |w_0⊥| (…, d − 1), the learned magnitude m > 0 and whether w_1 keeps its sign."""

    first: Array
    rest: Array
    m: Array
    learned_plus: NDArray[np.bool_]
    a: Array

    @property
    def W(self) -> Array:
        """|w_01|."""
        return np.abs(self.first)

    @property
    def same(self) -> NDArray[np.bool_]:
        """Does w_1 end with the sign it began with? sign(±0) = +."""
        return (self.first < 0) != self.learned_plus

    @property
    def movement(self) -> Array:
        """|w_f1 − w_01|."""
        return np.abs(np.where(self.learned_plus, self.m, -self.m) - self.first)


@dataclass(frozen=True)
class Condition:
    """When a criterion keeps e_1: in words for starts in D and outside, and as a function of a ``Start``."""

    inside: str
    outside: str
    keeps: Callable[[Start], Array]


def _beats(score: Array, rest: Array) -> Array:
    """1 where ``score`` exceeds all of ``rest`` (…, d − 1), 0 where it does not reach them, a share where it ties."""
    best = rest.max(-1)
    return np.where(score == best, 1 / (1 + (rest == best[..., None]).sum(-1)), score > best)


def _choose(condition: NDArray[np.bool_], yes: ArrayLike, no: ArrayLike) -> Array:
    return np.where(condition, yes, no).astype(float)


def _tie(s: Start) -> float:
    return 1 / (s.rest.shape[-1] + 1)


CONDITIONS: dict[str, Condition] = {
    "large_final": Condition("always", "always", lambda s: np.ones(s.first.shape)),
    "large_final_same_sign": Condition("w_01 ≥ 0", "w_01 < 0", lambda s: _choose(s.same, 1, 0)),
    "large_final_diff_sign": Condition(
        "w_01 < 0, or a tie of all d", "w_01 ≥ 0, or a tie of all d", lambda s: _choose(s.same, _tie(s), 1)
    ),
    "small_final": Condition("never", "never", lambda s: np.zeros(s.first.shape)),
    "large_init": Condition("W > M", "W > M", lambda s: _beats(s.W, s.rest)),
    "small_init": Condition("W < μ", "W < μ", lambda s: _beats(-s.W, -s.rest)),
    "large_init_large_final": Condition("W > 0", "W > 0", lambda s: _choose(s.W > 0, 1, 0)),
    "small_init_small_final": Condition("max(m, W) < μ", "W < μ", lambda s: _beats(-np.maximum(s.m, s.W), -s.rest)),
    "magnitude_increase": Condition("W − m < μ", "W < μ", lambda s: _beats(s.m - s.W, -s.rest)),
    "magnitude_increase_same_sign": Condition(
        "W − m < μ, or w_01 < 0", "W < μ, or w_01 ≥ 0", lambda s: _beats(np.where(s.same, s.m - s.W, 0), -s.rest)
    ),
    "magnitude_increase_diff_sign": Condition(
        "w_01 < 0 and W < m, or w_01 ≥ 0 and a tie of all d",
        "w_01 < 0 and a tie of all d",
        lambda s: _choose(s.same, _tie(s), _beats(s.m - s.W, 0 * s.rest)),
    ),
    "movement": Condition("|m − w_01| > M", "W > M", lambda s: _beats(s.movement, s.rest)),
    "movement_same_sign": Condition(
        "w_01 ≥ 0 and |m − w_01| > M", "w_01 < 0 and W > M", lambda s: _beats(np.where(s.same, s.movement, 0), s.rest)
    ),
    "movement_diff_sign": Condition(
        "w_01 < 0, or a tie of all d", "w_01 ≥ 0, or a tie of all d", lambda s: _choose(s.same, _tie(s), 1)
    ),
    "random": Condition("one in d", "one in d", lambda s: np.full(s.first.shape, _tie(s))),
}
"""T8. The condition of every built-in criterion, by its name."""


def keeps(criterion: str, a0: ArrayLike, w0: ArrayLike) -> Array:
    """T8. Probability that one-shot pruning to one weight keeps e_1, given the start; shapes a0 (…), w0 (…, d), d ≥ 2, to (…).

    It is 0 or 1 but where scores tie (and for "random"): then 1/(number of weights that tie). Raises ValueError for an
    unknown criterion, d < 2, w_0⊥ = 0, values that are not finite.

    >>> keeps("movement", [1.0, 1.0], [[0.6, 0.8], [-0.6, 0.8]]).tolist()
    [0.0, 1.0]
    """
    if criterion not in CONDITIONS:
        raise ValueError(f"No condition is known for the criterion {criterion!r}; for these one is: {', '.join(CONDITIONS)}.")
    a, w = _starts(a0, w0)
    return CONDITIONS[criterion].keeps(_end(a, w)).reshape(a.shape)[()]


def restarts(rewind: Rewind, a0: ArrayLike, w0: ArrayLike) -> Array:
    """T9. Probability that the restart (a_s, ς·m) with e_1 alone learns, given the start: P(ς = +, m > 0, a_s > −m).

    Shapes a0 (…), w0 (…, d), d ≥ 2, to (…). ς is the initial, the learned or a random sign, a_s the initial or the final a; m
    is W ("init", "reshuffle"), the learned one ("final"), |w_0J| with J uniform ("reinit") or the standard deviation of w0
    ("constant"). Raises ValueError for rewind points At(...), which need the flow, for flips and fixed signs, and as ``keeps``.

    >>> restarts(Rewind("constant", "random"), 1.0, [-0.6, 0.8]).tolist()
    0.5
    """
    rewind.require_undisturbed()
    if rewind.moments:
        raise ValueError(f"A restart from {', '.join(map(str, rewind.moments))} depends on the flow: ask theory.learns.")
    a, w = _starts(a0, w0)
    s = _end(a, w)
    plus = {"init": s.first >= 0, "final": s.learned_plus, "random": np.full(a.shape, 0.5)}[str(rewind.sign)]
    outer = (a if rewind.rest == "init" else s.a)[..., None]
    m = _magnitudes(str(rewind.magnitude), s, w)
    return (plus * ((m > 0) & (outer > -m)).mean(-1))[()]


def succeeds(algorithm: str | Algorithm, a0: ArrayLike, w0: ArrayLike) -> Array:
    """T8 and T9 together: the probability that the algorithm learns from a start, ``keeps`` × ``restarts`` (independent draws).

    For a one-shot algorithm to one weight with a criterion of ``CONDITIONS``; shapes and errors as in ``keeps``.

    >>> succeeds(Algorithm("x", Rewind("init", "final"), "movement"), 1.0, [-0.6, 0.8]).tolist()
    1.0
    """
    chosen = named(algorithm).default(count=1)
    if chosen.count != 1 or chosen.prunings == 0 or chosen.criterion not in CONDITIONS:
        raise ValueError(
            f"The conditions hold for one-shot pruning to one weight by a built-in criterion, not {chosen.name!r}."
        )
    return keeps(str(chosen.criterion), a0, w0) * restarts(chosen.rewind, a0, w0)


def _starts(a0: ArrayLike, w0: ArrayLike) -> tuple[Array, Array]:
    a, w = np.asarray(a0, dtype=float), np.asarray(w0, dtype=float)
    if w.ndim == 0 or w.shape[-1] < 2:
        raise ValueError(f"w0 has shape (…, d) with d ≥ 2, not {w.shape}.")
    try:
        a = np.broadcast_to(a, np.broadcast_shapes(a.shape, w.shape[:-1]))
    except ValueError:
        raise ValueError(f"a0 of shape {a.shape} does not fit w0 of shape {w.shape}: they are (…) and (…, d).") from None
    if not (np.isfinite(a).all() and np.isfinite(w).all()):
        raise ValueError("Initial values are finite numbers, without NaN.")
    if not (w[..., 1:] != 0).any(-1).all():
        raise ValueError("The conditions hold for starts off the axis of e_1, not for w0 with nothing but its first weight.")
    return a, np.broadcast_to(w, (*a.shape, w.shape[-1]))


def _end(a: Array, w: Array) -> Start:
    r, inside = np.linalg.norm(w, axis=-1), in_basin(a, w)
    c = (a - r) * (a + r)
    outer, inner = teacher_weights(c)
    faded = -np.maximum(np.sqrt(np.maximum(c, 0)), TINY)
    return Start(w[..., 0], np.abs(w[..., 1:]), np.where(inside, inner, TINY), inside, np.where(inside, outer, faded))


def _magnitudes(source: str, s: Start, w: Array) -> Array:
    """The magnitudes that a restart may draw, equally likely along the last axis."""
    if source == "reinit":
        return np.abs(w)
    return {"final": s.m, "constant": w.std(-1)}.get(source, s.W)[..., None]


def restart_condition(rewind: Rewind) -> str:
    """T9 in words, for the table: the starts from which the restart of e_1 learns.

    >>> restart_condition(Rewind("final", "init", "final", "final"))
    'in D and w_01 > 0'
    """
    rewind.require_undisturbed()
    if rewind.moments:
        return f"(a, w_1) at {', '.join(map(str, rewind.moments))} has w_1 > 0 and a > −w_1"
    size = {"init": "W", "reshuffle": "W", "reinit": "|w_0J|", "constant": "s"}.get(str(rewind.magnitude))
    sign = {"init": " and w_01 > 0", "final": "", "random": " and a draw of one in 2"}[str(rewind.sign)]
    if rewind.rest == "init":
        return f"{'in D and a0 > −m' if size is None else f'a0 > −{size}'}{sign}{_legend(size)}"
    if size is None or rewind.sign == "final":
        return f"in D{sign}"
    return f"(in D or a0² < ‖w0‖² + {size}²){sign}{_legend(size)}"


def _legend(size: str | None) -> str:
    return {"|w_0J|": " (J uniform on 1…d)", "s": " (s the standard deviation of w0)"}.get(str(size), "")
