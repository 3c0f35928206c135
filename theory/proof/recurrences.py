"""Inference rules for recurrences x_{k+1} = map(x_k): inductions whose premises are facts that the engines must prove.

Symbols that the map does not move are parameters, or inputs that may change from step to step; ``given`` speaks of them
alone, and has to hold at every step. What ``start``, ``region``, ``quantity`` and ``least`` speak of is a parameter: it stays
the same. In the region the map is defined (a premise for every quotient and root in it). Soundness:

- ``induct``: the start lies in the region and the map carries the region into itself, so every x_k lies in it.
- ``descend``: in the region V ≥ 0, and a step from it lowers V by at least a constant δ > 0. If x_0, …, x_n are all in it,
  then 0 ≤ V(x_n) ≤ V(x_0) − nδ. So some x_n with n ≤ V(x_0)/δ + 1 is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from .domains import demands
from .logic import Fact, Formula, ge, gt, le, substitute, symbols_of, text
from .nodes import Step
from .statements import said

__all__ = ["Map", "descend", "induct"]


@dataclass(frozen=True)
class Map:
    """x ↦ the new values of its variables, all at once.

    >>> x, y = sp.symbols("x y", real=True)
    >>> text(Map("swap", ((x, y), (y, x))).after(gt(x, 2 * y)))
    'y > 2*x'
    """

    name: str
    moves: tuple[tuple[sp.Symbol, sp.Expr], ...]

    def after(self, formula: Formula) -> Formula:
        """What the formula says a step later, in terms of the values now."""
        return substitute(formula, dict(self.moves))

    def noted(self) -> "Map":
        """The same map, or a mutant of it where one is asked for."""
        return replace(self, moves=tuple((x, said(v, everywhere=True)) for x, v in self.moves))

    def defined(self, words: str, *here: Formula) -> list[Fact]:
        """The map is defined where the formulas hold."""
        needs = [d for d in demands(*(v for _, v in self.moves)) if d not in here]
        return [Fact(f"{words}: {self.name} is defined: {text(d)}", d, here) for d in needs]

    def check(self, words: str, *constants: Formula | sp.Expr) -> None:
        """Raises ValueError for one that involves what moves."""
        for f in constants:
            symbols = sp.sympify(f).free_symbols if isinstance(f, sp.Basic | int) else symbols_of(f)
            if moving := symbols & {x for x, _ in self.moves}:
                raise ValueError(f"{words}: {min(map(str, moving))} moves under {self.name}.")


def induct(words: str, step: Map, start: Sequence[Formula], region: Sequence[Formula], given: Sequence[Formula] = ()) -> Step:
    """From ``start`` every iterate lies in ``region``.

    >>> x, h = sp.symbols("x h", real=True)
    >>> halve = Map("halving", ((x, h * x),))
    >>> [str(f) for f in induct("x stays positive", halve, (gt(x, 1),), (gt(x, 0),), (gt(h, 0),)).facts]
    ['h > 0, x > 1 ⊢ x > 0', 'h > 0, x > 0 ⊢ h*x > 0']
    """
    step.check(words, *given)
    step, start, given = step.noted(), [said(f) for f in start], [said(f) for f in given]
    facts = [Fact(f"{words}: {text(r)} at the start", r, (*given, *start)) for r in region]
    facts += [Fact(f"{words}: {text(r)} after a step", step.after(r), (*given, *region)) for r in region]
    facts += step.defined(words, *given, *region)
    return Step(words, words, "induction", tuple(facts))


def descend(
    words: str, step: Map, region: Sequence[Formula], quantity: sp.Expr, least: Any, given: Sequence[Formula] = ()
) -> Step:
    """``region`` is left after at most quantity(x_0)/``least`` + 1 steps."""
    least = sp.sympify(least)
    step.check(words, least, *given)
    step, region, given = step.noted(), [said(f) for f in region], [said(f) for f in given]
    later = quantity.subs(dict(step.moves), simultaneous=True)
    facts = (
        Fact(f"{words}: the least descent is positive", gt(least, 0), tuple(given)),
        Fact(f"{words}: not negative", ge(quantity, 0), (*given, *region)),
        Fact(f"{words}: descends", le(later, quantity - least), (*given, *region)),
        *step.defined(words, *given, *region),
    )
    return Step(words, words, "descent", facts)
