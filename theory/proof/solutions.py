"""Rules for closed forms: a formula that satisfies the equation and the start is *the* solution.

Soundness: a polynomial field is locally Lipschitz, so solutions are unique (Picard–Lindelöf); a differentiable function with the
right initial value and derivative is therefore the solution, as long as the formula is defined. The formula is given in terms
of a clock κ with κ̇ = speed(κ), κ(0) = 0: where speed > 0 on [0, κ_end) and vanishes to first order or not at all at κ_end,
κ runs through exactly [0, κ_end) as t runs through [0, ∞).
"""

from collections.abc import Mapping, Sequence

import sympy as sp

from .flows import Flow, Path, Step
from .logic import Fact, Formula, eq, gt, text

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

    ``defined``: what must hold there for the formula to be smooth (no pole, no root of a negative number). Raises ValueError for
    a field that is not polynomial in its variables.
    """
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
    facts += [Fact(f"{words}: the clock runs", gt(speed, 0), here)]
    return Step(words, words, "closed form and uniqueness", tuple(facts))


def travel(
    words: str, variable: sp.Symbol, velocity: sp.Expr, speed: sp.Expr, equal: Sequence[Formula], positive: Fact
) -> Step:
    """Separation of variables: ẋ = −speed(x) < 0 takes the time ∫ dx/speed from one value down to another.

    ``velocity`` is the flow's component of ``variable``, equal to −``speed`` under ``equal``; ``positive`` is the fact that the
    speed is positive between the two values, ends included, so that the integral is finite and x strictly decreases. Raises
    ValueError where the speed depends on more than the variable.
    """
    if speed.free_symbols != {variable}:
        raise ValueError(f"{words}: the speed {speed} does not depend on {variable} alone.")
    facts = (Fact(f"{words}: the velocity is minus the speed", eq(velocity, -speed), tuple(equal)), positive)
    return Step(words, words, "separation of variables", facts)


def ordered(words: str, velocity: sp.Expr, parameter: sp.Symbol, given: Sequence[Formula]) -> Step:
    """Comparison of scalar equations: where ẋ = v(x, λ) grows with λ, so does x(t) at every t > 0, from the same start.

    Soundness: the difference of two solutions vanishes at t = 0, and its derivative is positive wherever it vanishes.
    """
    fact = Fact(f"{words}: the velocity grows with {parameter}", gt(sp.diff(velocity, parameter), 0), tuple(given))
    return Step(words, words, "comparison", (fact,))


def escape(
    words: str,
    gradient: Mapping[sp.Symbol, sp.Expr],
    velocity: Mapping[sp.Symbol, sp.Expr],
    given: Sequence[Formula],
    no_rest: Sequence[Fact],
) -> Step:
    """LaSalle for a gradient flow: without a critical point, every solution leaves every bounded set.

    Soundness: the loss (analytic on the whole plane of the variables) falls strictly along ẋ = −∇L; the limit points of a bounded
    solution are critical points, and it has some. ``gradient`` holds the derivatives of the loss by variable, ``no_rest`` facts
    that together exclude a critical point.
    """
    facts = [
        Fact(f"{words}: {x} follows the gradient", eq(v, -gradient[x]), tuple(given), "identity") for x, v in velocity.items()
    ]
    return Step(words, words, "LaSalle", (*facts, *no_rest))


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
    )
    return Step(words, words, "Grönwall", facts)
