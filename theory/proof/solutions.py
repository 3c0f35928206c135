"""Rules for closed forms: a formula that satisfies the equation and the start is *the* solution.

Soundness: a polynomial field is locally Lipschitz, so solutions are unique (Picard–Lindelöf); a differentiable function with
the right initial value and derivative is therefore the solution, as long as the formula is smooth: that is a premise for
every quotient and root in it. The formula is given in terms of a clock κ with κ̇ = speed(κ), κ(0) = 0, speed a polynomial in
κ and positive on the window, which is an interval that begins at 0 (λκ is in it for 0 ≤ λ ≤ 1). Being Lipschitz, speed
vanishes to first order or more at a zero κ_end, and κ runs through exactly [0, κ_end) as t runs through [0, ∞).
"""

from collections.abc import Mapping, Sequence

import sympy as sp

from .domains import demands
from .flows import Flow, Path, Step
from .logic import Fact, Formula, Or, Relation, eq, ge, gt, le, ne, substitute, symbols_of, text

__all__ = ["escape", "fade", "ordered", "solution", "travel"]


def solution(
    words: str,
    flow: Flow,
    formula: Mapping[sp.Symbol, sp.Expr],
    start: Mapping[sp.Symbol, sp.Expr],
    clock: sp.Symbol,
    speed: sp.Expr,
    window: Sequence[Formula] = (),
    defined: Sequence[Formula] = (),
    given: Sequence[Formula] = (),
) -> Step:
    """``formula`` (by variable, in terms of ``clock``) solves the flow from ``start``, for clock times in ``window``.

    ``defined``: what helps to show that the formula is smooth there (no pole, no root of a number that is not positive). Raises
    ValueError for a field that is not polynomial in its variables, a speed that is not in the clock, a formula or a start in
    terms of the flow's own variables.
    """
    if not sp.sympify(speed).is_polynomial(clock):
        raise ValueError(f"{words}: the speed {speed} is not polynomial in {clock}.")
    if moving := symbols_of(*(eq(formula[x], start[x]) for x, _ in flow.field)) & flow.variables:
        raise ValueError(f"{words}: {min(map(str, moving))} is a variable of {flow.name}, not a value at the start.")
    for x, v in flow.field:
        if not sp.sympify(v).is_polynomial(*flow.variables):
            raise ValueError(f"{words}: the component {v} of {x} is not polynomial, so uniqueness is not known.")
    facts = [
        Fact(f"{words}: {x} at the start", eq(formula[x].subs(clock, 0), start[x]), engine="identity") for x, _ in flow.field
    ]
    facts += [
        Fact(
            f"{words}: the equation of {x}",
            eq(sp.diff(formula[x], clock) * speed, v.subs(formula, simultaneous=True)),
            engine="identity",
        )
        for x, v in flow.field
    ]
    here = (*given, *window)
    facts += [Fact(f"{words}: defined: {text(d)}", d, here) for d in defined]
    needs = [d for d in demands(*(formula[x] for x, _ in flow.field), level="smooth") if d not in defined]
    facts += [Fact(f"{words}: smooth: {text(d)}", d, (*here, *defined)) for d in needs]
    part = sp.Symbol("lambda", real=True)
    inner = ge(part, 0), le(part, 1)
    facts += [
        Fact(f"{words}: an interval from 0: {text(w)}", substitute(w, {clock: part * clock}), (*here, *inner)) for w in window
    ]
    facts += [Fact(f"{words}: the clock runs", gt(speed, 0), here)]
    return Step(words, words, "closed form and uniqueness", tuple(facts))


def travel(
    words: str,
    variable: sp.Symbol,
    velocity: sp.Expr,
    speed: sp.Expr,
    equal: Sequence[Formula],
    positive: Fact,
    path: Path | None = None,
) -> Step:
    """Separation of variables: ẋ = −speed(x) < 0 takes the time ∫ dx/speed from one value down to another.

    ``velocity`` is the flow's component of ``variable``, equal to −``speed`` under ``equal``, which ``path`` shows to hold;
    ``positive`` is the fact that the speed is positive between the two values, ends included, so that the integral is finite
    and x strictly decreases. Raises ValueError where the speed depends on more than the variable, ``positive`` is a fact about
    something else, or the path does not know one of ``equal``.
    """
    if speed.free_symbols != {variable}:
        raise ValueError(f"{words}: the speed {speed} does not depend on {variable} alone.")
    if positive.conclusion != gt(speed, 0) or symbols_of(*positive.given) - {variable}:
        raise ValueError(f"{words}: {positive} does not say that {speed} is positive on an interval of {variable}.")
    known = set() if path is None else {*path.flow.domain, *path.constants, *(f for v in path.known.values() for f in v)}
    if path is not None and (missing := [f for f in equal if f not in known]):
        raise ValueError(f"{words}: {path.words} does not know that {' and '.join(map(text, missing))}.")
    facts = (Fact(f"{words}: the velocity is minus the speed", eq(velocity, -speed), tuple(equal)), positive)
    return Step(words, words, "separation of variables", facts)


def ordered(words: str, velocity: sp.Expr, parameter: sp.Symbol, given: Sequence[Formula]) -> Step:
    """Comparison of scalar equations: where ẋ = v(x, λ) grows with λ, so does x(t) at every t > 0, from the same start.

    Soundness: the difference of two solutions vanishes at t = 0, and its derivative is positive wherever it vanishes: v is
    smooth in λ, all values between two that are given being given too. Raises ValueError where ``given`` does more than
    bound λ.
    """
    for f in given:
        if parameter in symbols_of(f) and not _bounds(f, parameter):
            raise ValueError(f"{words}: {text(f)} is no bound of {parameter}, whose values must form an interval.")
    facts = [Fact(f"{words}: the velocity grows with {parameter}", gt(sp.diff(velocity, parameter), 0), tuple(given))]
    facts += [Fact(f"{words}: smooth: {text(d)}", d, tuple(given)) for d in demands(velocity, level="smooth")]
    return Step(words, words, "comparison", tuple(facts))


def _bounds(formula: Formula, x: sp.Symbol) -> bool:
    """Whether the formula is x op e or e op x with an order relation and an e without x."""
    if not isinstance(formula, Relation) or formula.op not in "<≤>≥":
        return False
    return any(a == x and x not in b.free_symbols for a, b in ((formula.left, formula.right), (formula.right, formula.left)))


def escape(
    words: str,
    gradient: Mapping[sp.Symbol, sp.Expr],
    velocity: Mapping[sp.Symbol, sp.Expr],
    given: Sequence[Formula],
    no_rest: Sequence[Fact],
    least: Fact,
    where: Sequence[Formula] = (),
) -> Step:
    """LaSalle for a gradient flow: without a critical point, every solution that exists for ever tends to infinity.

    Soundness: the loss (C² on the whole plane of the variables) falls along ẋ = −∇L and is bounded below (``least``), so it
    converges; on the set of limit points, which is invariant, it is constant, so they are critical points. There are none:
    the solution leaves every bounded set for good. ``gradient`` holds the derivatives of the loss by variable, ``given`` signs
    under which the flow is compared with it, ``where`` all points; ``no_rest`` are facts by which no point is critical.
    """
    facts = [
        Fact(f"{words}: {x} follows the gradient", eq(v, -gradient[x]), tuple(given), "identity") for x, v in velocity.items()
    ]
    nowhere = Fact(
        f"{words}: no point is critical",
        Or(tuple(ne(v, 0) for v in velocity.values())),
        tuple(where),
        uses=tuple(f.at() for f in no_rest),
    )
    return Step(words, words, "LaSalle", (*facts, *no_rest, nowhere, least))


def fade(words: str, path: Path, quantity: sp.Expr, rate: sp.Expr) -> Step:
    """V̇ = −R V with R → R∞ > 0 along ``path``: V = O(e^{−κt}) for every κ < R∞, and for no κ > R∞ (unless V = 0).

    Soundness: for κ < R∞ there is a time after which R ≥ κ, and from then on |V| e^{κt} does not grow; likewise for κ > R∞ with
    R ≤ (κ + R∞)/2 it grows without bound. Raises ValueError where R is not known to converge.
    """
    if rate not in path.limits:
        raise ValueError(f"{words}: {rate} is not known to converge.")
    facts = (
        Fact(f"{words}: the rate", eq(path.flow.along(quantity), -rate * quantity), path.flow.domain, "identity"),
        Fact(f"{words}: its limit is positive", gt(path.limits[rate], 0), path.constants),
        *(Fact(f"{words}: smooth: {text(d)}", d, path.flow.domain) for d in demands(quantity, level="smooth")),
    )
    return Step(words, words, "Grönwall", facts)
