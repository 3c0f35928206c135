"""Where a start goes, and why: the tables of limits of T2a, T2b and T4 as data, and a sentence for each of their cells.

``limit_case`` names the cell of a start and its limit, ``explain`` says what decides a whole pruning algorithm. A cell is found
by comparisons alone: signs of a0, of w0, of c = a0² − ‖w0‖² and of the slopes β± (T2), or the place of θ0 (T4).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .algorithms import Algorithm, Level
from .dense_flow import in_basin, teacher_weights
from .exact import FIRST, _broadcast, _run, _starts, learned
from .names import algorithm as named
from .one_input import POPULATION, Branches

__all__ = ["CASES", "LimitCase", "explain", "limit_case"]

Array = NDArray[np.float64]

CASES: dict[str, str] = {
    "zero": "{w} = 0 is a rest point (φ'(0) = 0)",
    "empty branch": "no sample lies where {w} = {v} acts, so nothing moves",
    "learns": "{w} = {v} > 0 and {a} = {u} > −{w}: the start lies in the basin of the teacher",
    "crosses": "{w} = {v} < 0 < {a} + {w} and label noise pulls it up, β₋ = {near} > 0: it crosses zero in finite time",
    "crosses, fits right": "{w} = {v} < 0 crosses zero in finite time, but there the slope of the data is β₊ = {far}: a·w → "
    "β₊, which is not the teacher",
    "crosses down": "{w} = {v} > 0 crosses zero in finite time, and on the negative side the output fits the label "
    "noise, a·w → β₋ = {far}",
    "sticks": "{a} = {u} pulls {w} = {v} to zero in finite time, and nothing pulls it on",
    "fits left": "on {w} = {v} < 0 the output fits the label noise, a·w → β₋ = {near}, and the sign of w never changes",
    "a turns, fits left": "{w} = {v} < 0 outweighs {a} = {u}, so label noise decides the sign "
    "of a, never that of w: a·w → β₋ = {near}",
    "fits right": "{w} = {v} > 0, but the slope of the data is β₊ = {near}, not positive: a·w → β₊, which is not the teacher",
    "a turns, fits right": "{w} = {v} > 0 outweighs {a} = {u}, but the slope of the data, β₊ = {near}, decides the sign of a: "
    "a·w → β₊, which is not the teacher",
    "fades": "nothing pulls where {w} = {v} acts, and it never changes sign: w fades and leaves |a| = √c",
    "fades evenly": "|{a}| = |{w}| and nothing pulls where {w} = {v} acts, and it never changes sign: both fade like 1/√t",
    "a fades": "{w} = {v} outweighs {a} = {u} where nothing pulls: a fades, and w never changes sign",
    "origin": "|{a}| = |{w}| and {a} = {u} pulls {w} = {v} towards zero: both fade together and never arrive",
    "inside": "{a} = {u} > −‖{w}‖ = {r} and θ ≠ π: the start lies in the basin of the teacher",
    "below": "{a} = {u} is below −‖{w}‖ = {r}, so a stays negative for ever and the loss never falls below ¼; θ → π",
    "below, aligned": "{a} = {u} is below −‖{w}‖ = {r}, so a stays negative for ever and the loss never falls below ¼; as "
    "θ = 0, w reaches zero in finite time",
    "cone": "{a} = {u} equals −‖{w}‖ = {r}, so a stays negative for ever and the loss never falls below ¼; θ → π, r ~ 1/√t",
    "cone, aligned": "{a} = {u} equals −‖{w}‖ = {r}, so a stays negative for ever and the loss never falls below ¼; as θ = 0, "
    "w fades exponentially",
    "opposite, c > 0": "{w} points exactly away from the teacher (θ = π), and its w_1 = {v} never changes sign: w fades",
    "opposite, c = 0": "{w} points exactly away from the teacher (θ = π), and its w_1 = {v} never changes sign: both fade",
    "opposite, c < 0": "{w} points exactly away from the teacher (θ = π), and its w_1 = {v} never changes sign: a fades",
}
"""Case → why, in the names ({a}, {w}) and values ({u}, {v}) of the start; the limit and the claim follow in the sentence."""


class LimitCase(NamedTuple):
    """The cell of a start in the table of ``claim``: its ``case`` (a key of ``CASES``), ``signs``, limit (a, w) and ``learns``.

    ``signs``: of a0, w0, c, β₋, β₊ with one input; of a0 + ‖w0‖ and c with more. ``w`` has the shape of w0; a w_1 that fades
    without reaching zero is 0 with its sign (−0.0 for T4's θ → π).
    """

    claim: str
    case: str
    signs: str
    a: float
    w: Array
    learns: bool


def limit_case(a0: float, w0: ArrayLike, branches: Branches | None = None) -> LimitCase:
    """T2a, T2b, T4. Where the flow of one neuron goes from a0, w0 (d,) as t → ∞, and which row of the table it is.

    ``branches``: statistics of e_1 with one input (default: the population, T2a); with d > 1 the flow is the population's.
    Raises ValueError for more than one start, or values that are not finite.

    >>> limit_case(1.0, [-0.6])[:4]
    ('T2a', 'fades', 'a+ w- c+ β₋0 β₊+', 0.8)
    >>> limit_case(-1.0, [0.6, 0.8]).case
    'cone'
    """
    a, w = _one(a0, w0)
    if w.size > 1:
        return _plane(a, w)
    b = Branches(*(float(v[0]) for v in _broadcast(POPULATION if branches is None else branches, ())))
    return _line(a, float(w[0]), b)


def _one(a0: ArrayLike, w0: ArrayLike) -> tuple[float, Array]:
    if np.ndim(a0) != 0 or np.ndim(w0) > 1:
        raise ValueError(f"explain takes one start, a number a0 and w0 (d,), not shapes {np.shape(a0)} and {np.shape(w0)}.")
    a, w = _starts(a0, np.atleast_1d(np.asarray(w0, dtype=float)))
    return float(a), w


def _norm(w: Array) -> float:
    """‖w‖, rounded as ``in_basin`` rounds it."""
    return float(np.linalg.norm(w, axis=-1))


def _sign(x: float) -> str:
    return "+" if x > 0 else "-" if x < 0 else "0"


def _line(a: float, w: float, b: Branches) -> LimitCase:
    """With s β the pull on the branch of w: β p0 > 0 (or a0 = 0): p → β; β = 0: p → 0; else c decides what gives way."""
    outer = abs(a) - abs(w)
    root = float(np.sqrt(abs(outer)) * np.sqrt(abs(a) + abs(w)))
    signs = f"a{_sign(a)} w{_sign(w)} c{_sign(outer)} β₋{_sign(b.beta_minus)} β₊{_sign(b.beta_plus)}"
    (s, beta), (s_far, beta_far) = (b[:2], b[2:]) if w > 0 else (b[2:], b[:2])
    side, stays = float(np.sign(w)), float(np.copysign(root, a))
    facing = side * np.sign(a) * np.sign(beta)
    if w == 0 or s == 0:
        case, end = ("empty branch" if w else "zero"), (a, w)
    elif beta == 0:
        case = "fades" if outer > 0 else "a fades" if outer < 0 else "fades evenly"
        end = (stays, side * 0.0) if outer > 0 else (0.0, side * root)
    elif outer > 0 and facing < 0:
        onward = s_far > 0 and -side * np.sign(a) * beta_far > 0
        up = "crosses" if beta_far > 0 else "crosses, fits right"
        case = (up if side < 0 else "crosses down") if onward else "sticks"
        end = _fit(beta_far, -side, outer, root) if onward else (stays, 0.0)
    elif outer == 0 and facing < 0:
        case, end = "origin", (0.0, side * 0.0)
    else:
        turned = bool(facing <= 0)
        good = side > 0 and beta > 0
        case = "learns" if good else f"{'a turns, ' * turned}fits {'left' if side < 0 else 'right'}"
        end = _fit(beta, side, outer, root)
    claim = "T2a" if b.beta_minus == 0 and b.beta_plus > 0 else "T2b"
    return LimitCase(claim, case, signs, end[0], np.array([end[1]]), case in ("learns", "crosses"))


def _fit(beta: float, side: float, outer: float, root: float) -> tuple[float, float]:
    """(a, w) with a w = β, sgn w = ``side`` and a² − w² = sgn(outer) root²."""
    scale = np.sqrt(abs(beta))
    large, small = teacher_weights(np.sign(outer) * (root / scale) ** 2)
    return float(np.sign(beta) * side * scale * large), float(side * scale * small)


def _plane(a: float, w: Array) -> LimitCase:
    r = _norm(w)
    outer, aligned, root = abs(a) - r, not w[1:].any(), float(np.sqrt(abs(abs(a) - r)) * np.sqrt(abs(a) + r))
    first = 0.0
    if r == 0:
        case, end = "zero", a
    elif in_basin(a, w):
        large, small = teacher_weights(np.sign(outer) * root**2)
        case, end, first = "inside", float(large), float(small)
    elif aligned and w[0] < 0:
        case = f"opposite, c {'>' if outer > 0 else '<' if outer < 0 else '='} 0"
        end, first = (float(np.copysign(root, a)), -0.0) if outer > 0 else (0.0, -root)
    else:
        case = ("below" if outer > 0 else "cone") + (", aligned" if aligned else "")
        end, first = -root, 0.0 if aligned else -0.0
    limit = np.zeros(w.size)
    limit[0] = first
    return LimitCase("T4", case, f"a+‖w‖ {_sign(a + r)} c{_sign(outer)}", end, limit, case == "inside")


def explain(
    algorithm: str | Algorithm,
    a0: float,
    w0: ArrayLike,
    *,
    branches: Branches | None = None,
    t: float = np.inf,
    mask: ArrayLike | None = None,
) -> str:
    """One sentence for one start a0, w0 (d,): which condition (basin, mask, sign, noise) decides, the limit, and the claim.

    ``branches``, ``t`` and ``mask`` (d,) as in ``learns``, whose verdict it gives. Raises ValueError for more than one start.

    >>> explain("IMP", 1.0, [-0.6, 0.8])
    'IMP does not learn: the mask keeps e_1, but the restart has w_1 = -0.6, and a w_1 that is not positive never
    grows back: (a, w_1) → (0.8, 0⁻) (T2a).'
    """
    a, w = _one(a0, w0)
    law = named(algorithm)
    if law.rewind.signs == "fixed" or (law.rewind.flip and law.rewind.flip_every):
        raise ValueError(f"Signs that are held or flip while {law.name!r} trains are not explained; ask theory.learns.")
    _, trace, trainer = _run(algorithm, a, w, branches, t, mask)
    end = trace[-1].points["final"]
    verdict = bool(learned(end, trace[-1].mask["w"], trainer.branches)[0])
    reason = _reason(trace, verdict, branches)
    if np.isfinite(t):
        place = "lies" if verdict else "does not lie"
        reached = f"a = {_number(end['a'][0])}, w_1 = {_number(end['w'][0, 0])}"
        reason = f"after t = {t:g}, {reached} {place} in the sparse basin (T5); for t → ∞: {reason}"
    return f"{named(algorithm).name} {'learns' if verdict else 'does not learn'}: {reason}"


def _number(x: float) -> str:
    return "0" if x == 0 else ("0⁺" if x > 0 else "0⁻") if abs(x) <= FIRST else f"{x:.6g}"


def _reason(trace: list[Level], verdict: bool, branches: Branches | None) -> str:
    (a0, w0), (a, ws) = ((float(v.start["a"][0]), v.start["w"][0]) for v in (trace[0], trace[-1]))
    alive, first = trace[-1].mask["w"][0], float(ws[0])
    begin = limit_case(a0, w0, branches)
    if len(trace) == 1 or not w0.any():
        return _sentence(begin, a0, w0, "a0", "w0", branches)
    if w0.size == 1:
        same = begin.learns == verdict
        return _sentence(begin, a0, w0, "a0", "w0", branches) if same else _restart(a, first, branches)
    if not alive[0]:
        return "the mask does not keep e_1, and no other weight can express the teacher (T8)."
    if not verdict and not begin.learns and (a <= -_norm(ws) or abs(first) <= FIRST):
        return _sentence(begin, a0, w0, "a0", "w0", branches)
    if alive.sum() > 1:
        again = _sentence(limit_case(a, ws), a, ws, "a", "w", branches)
        return f"the mask keeps e_1 and {alive.sum() - 1} more, and at the restart {again}"
    return _restart(a, first, branches)


def _restart(a: float, w: float, branches: Branches | None) -> str:
    """The sparse neuron: T2a, or T2b where ``branches`` are noisy."""
    found = limit_case(a, [w], branches)
    tail = _limit(found, "w_1")
    if found.case == "learns":
        place = f"w_1 = {_number(w)} > 0, a = {_number(a)} > −w_1"
        return f"the mask keeps e_1, and the restart {place} lies in the sparse basin{tail}"
    if found.claim == "T2a" and w <= 0:
        why = "and a w_1 that is not positive never grows back"
        return f"the mask keeps e_1, but the restart has w_1 = {_number(w)}, {why}{tail}"
    if found.claim == "T2a":
        why = f"but the restart has a = {_number(a)} ≤ −w_1, so w_1 dies before a turns"
        return f"the mask keeps e_1 with w_1 = {_number(w)} > 0, {why}{tail}"
    return f"the mask keeps e_1, and at the restart {_sentence(found, a, np.array([w]), 'a', 'w_1', branches)}"


def _sentence(found: LimitCase, a: float, w: Array, outer: str, inner: str, branches: Branches | None) -> str:
    b = POPULATION if branches is None else branches
    near, far = (b.beta_plus, b.beta_minus) if w[0] > 0 else (b.beta_minus, b.beta_plus)
    values = {"near": f"{float(near):.6g}", "far": f"{float(far):.6g}", "r": _number(-_norm(w))}
    why = CASES[found.case].format(a=outer, w=inner, u=_number(a), v=_number(float(w[0])), **values)
    return why + _limit(found, inner if w.size == 1 else "w_1")


def _limit(found: LimitCase, inner: str) -> str:
    """The values of the limit, and the claim."""
    w = float(found.w[0])
    shown = "0" if found.case in ("zero", "sticks", "below, aligned") else ("0⁻" if np.signbit(w) else "0⁺")
    return f": (a, {inner.removesuffix('0')}) → ({_number(found.a)}, {_number(w) if w else shown}) ({found.claim})."
