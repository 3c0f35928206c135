"""Inference rules for flows: small theorems of analysis whose premises are facts that the engines must prove.

A ``Path`` stands for every solution of a flow from a set of starts. Each rule computes its premises from the flow's field and
from what it is asked to show; nothing is taken from the caller but the statement and hints. If the engines prove them, the
path knows more. So a changed flow, start, region or rate changes the premises, and a false one is refused.

Soundness of the rules, for a field that is continuous on ``domain`` (x(t) any maximal solution in it). Every quantity whose
derivative a rule takes must be continuously differentiable, and every rate continuous: where a term could fail to be
(``domains.demands``), that it does not is a premise too.

- ``conserve``: a quantity with derivative zero along the field keeps its initial value.
- ``stay`` (Nagumo). Let τ be the first time at which a strict relation g > 0 of the region fails; until τ all of them hold.
  A relation with ``growth`` K has ġ ≥ −K g there with K continuous, so g(τ) ≥ g(0) exp(−∫K) > 0: not that one. A relation
  without has ġ > 0 wherever g = 0 ≤ the others; but g > 0 before τ and g(τ) = 0 force ġ(τ) ≤ 0: not that one either. In the
  order given, a face may count on the earlier ones being strictly positive. A relation g ≥ 0 needs ġ ≥ −K g (K of any sign)
  only where −1 < g < 0: after the last time with g = 0, g exp(∫K) could not have fallen.
- ``exist``: bounded, and every g > 0 of the domain at least g(0) exp(−K t) with constant K: a solution that stays in a compact
  part of the domain on every finite interval exists for ever. Relations without a floor are kept: there the path may end.
- ``decay``: V ≥ 0 and V̇ ≤ −κ V^n with a constant κ > 0 give V → 0 (V(0)e^{−κt} for n = 1, ((n−1)κt)^{−1/(n−1)} for n > 1).
- ``track``: V ≥ 0 and V̇ ≤ −κ V + e(t) with e → 0 give V → 0 (variation of constants).
- ``squeeze``: x² ≤ V and V → 0 give x → 0.
- ``follow``: what equals a continuous function of converging quantities converges.
- ``reach``: g < 0 and ġ ≥ v with a constant v > 0 as long as g < 0: g reaches zero by the time −g(0)/v.
- ``leave``: g = 0 and ġ > 0 at the start: g > 0 at all small positive times.
- ``pass_on``: the field is autonomous: from a point of another path's starts, in its domain, its theorem holds.

A symbol has one meaning in a path: a name is new to everything said before, and no two symbols are written alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from .domains import Level, demands
from .logic import Fact, Formula, Lemma, Relation, eq, ge, gt, le, lt, symbols_of, text
from .nodes import Group, Node, Step, facts_of, relevant
from .statements import mutated, said, withheld

__all__ = ["Flow", "Group", "Node", "Path", "Step", "facts_of", "mutated", "relevant"]

Uses = tuple[Lemma, ...]


@dataclass(frozen=True)
class Flow:
    """ẋ = field(x) on the open set ``domain`` (relations that hold there); symbols without a component are constants."""

    name: str
    field: tuple[tuple[sp.Symbol, sp.Expr], ...]
    domain: tuple[Relation, ...] = ()

    def __post_init__(self) -> None:
        if len(self.variables) < len(self.field):
            raise ValueError(f"{self.name}: a variable has two components.")

    def along(self, quantity: sp.Expr) -> sp.Expr:
        """The derivative of a quantity along the field."""
        return sp.Add(*(sp.diff(quantity, x) * v for x, v in self.field))

    def within(self, *more: Relation) -> "Flow":
        """The flow on a smaller open set."""
        return replace(self, domain=(*self.domain, *more))

    @property
    def variables(self) -> set[sp.Symbol]:
        """The symbols that move."""
        return {x for x, _ in self.field}


def _positive(relation: Relation) -> tuple[sp.Expr, bool]:
    """g with the relation meaning g > 0 (True) or g ≥ 0 (False)."""
    if relation.op not in "<≤>≥":
        raise ValueError(f"A region is made of inequalities, not of {text(relation)!r}.")
    g = relation.left - relation.right if relation.op in ">≥" else relation.right - relation.left
    return g, relation.op in "<>"


class Path:
    """Every solution of ``flow`` that begins in ``start``; ``without`` names steps whose result is withheld (for mutants)."""

    def __init__(self, words: str, flow: Flow, *start: Formula, without: Iterable[str] = ()):
        field = tuple((x, said(v, everywhere=True)) for x, v in flow.field)
        self.words, self.flow, self.without = words, replace(flow, field=field), frozenset(without)
        self.start = tuple(said(f) for f in start)
        self.steps: list[Step] = []
        self.known: dict[str, tuple[Formula, ...]] = {}
        self.limits: dict[sp.Expr, sp.Expr] = {}
        self.named: dict[sp.Symbol, sp.Expr] = {}
        self.properties: list[Formula] = []
        self.until: tuple[Relation, ...] | None = None
        self.symbols: dict[str, sp.Symbol] = {}
        self.moments: list[tuple[Formula, ...]] = []
        self._meet(*(eq(x, v) for x, v in self.flow.field), *self.flow.domain, *self.start)

    def _meet(self, *formulas: Formula) -> None:
        """Note the symbols. Raises ValueError where one is written like another: on paper they would be the same."""
        for symbol in sorted(symbols_of(*formulas), key=str):
            if self.symbols.setdefault(symbol.name, symbol) != symbol:
                raise ValueError(f"{self.words}: two symbols are called {symbol.name!r}: their assumptions differ.")

    def _trimmed(self, fact: Fact) -> Fact:
        """The fact without what is known of names that nothing in it speaks of, directly or through other names."""
        named, lemmas = set(self.named), (u.formula for u in fact.uses)
        shown = {f for formulas in self.known.values() for f in formulas}
        optional = [f for f in (*self.properties, *(eq(q, x) for x, q in self.named.items())) if f not in shown]
        kept = [g for g in fact.given if g not in optional]
        left, wanted = [g for g in fact.given if g in optional], symbols_of(fact.conclusion, *kept, *lemmas) & named
        while near := [g for g in left if symbols_of(g) & wanted]:
            kept += near
            wanted |= symbols_of(*near) & named
            left = [g for g in left if g not in near]
        return fact.with_(given=tuple(g for g in fact.given if g in kept))

    def _gives(self, name: str) -> bool:
        """May the step's result be used?"""
        return not withheld(self.words, name) and name not in self.without

    @property
    def steps_taken(self) -> set[str]:
        """The names of the steps so far, withheld or not."""
        return {s.name for s in self.steps}

    @property
    def proof(self) -> Group:
        """The steps so far."""
        return Group(self.words, tuple(self.steps))

    @property
    def constants(self) -> tuple[Formula, ...]:
        """What is known of constants alone: it stays true."""
        return (*(f for f in self.start if not symbols_of(f) & self.flow.variables), *self.properties)

    @property
    def beginning(self) -> tuple[Formula, ...]:
        """What is known at the start, with the names given to values there."""
        return (*self.flow.domain, *self.start, *(eq(q, x) for x, q in self.named.items()), *self.properties)

    def name(self, symbol: sp.Symbol, words: str, quantity: sp.Expr, *properties: Formula, uses: Uses = ()) -> None:
        """Let ``symbol`` be the value of ``quantity`` at the start; ``properties`` of it, proved there, stay true."""
        if symbol.name in self.symbols:
            raise ValueError(f"{self.words}: {symbol} has a meaning already.")
        if moving := symbols_of(*properties) & self.flow.variables:
            raise ValueError(f"{self.words}: {min(map(str, moving))} moves: a property of {symbol} would not stay true.")
        given = (*self.beginning, eq(quantity, symbol))
        self.named[symbol] = quantity
        self._add(str(symbol), words, "name", [Fact(f"{words}: {text(p)}", p, given, uses=uses) for p in properties])
        if self._gives(str(symbol)):
            self.properties += properties

    def _given(self, by: Iterable[str]) -> tuple[Formula, ...]:
        """Domain, constants, and the named earlier results; ValueError for a name that is not known yet."""
        found = [*self.flow.domain, *self.constants]
        for name in by:
            if name in self.known:
                found += self.known[name]
            elif name not in self.steps_taken:
                raise ValueError(f"{self.words}: nothing named {name!r} has been shown; known are {', '.join(self.known)}.")
        return tuple(dict.fromkeys(found))

    def _add(self, name: str, words: str, rule: str, facts: Iterable[Fact], *known: Formula) -> None:
        facts = tuple(facts)
        self._meet(*known, *(f for fact in facts for f in (*fact.given, fact.conclusion)))
        self.steps.append(Step(name, words, rule, tuple(relevant(self._trimmed(f)) for f in facts)))
        if known and self._gives(name):
            self.known[name] = known

    def _constant(self, value: Any) -> sp.Expr:
        value = sp.sympify(value)
        if value.free_symbols & self.flow.variables:
            raise ValueError(f"{self.words}: {value} is not constant along {self.flow.name}.")
        return value

    def conserve(self, name: str, words: str, quantity: sp.Expr, value: sp.Expr) -> None:
        """``quantity`` = ``value`` always."""
        value = self._constant(value)
        self._meet(eq(quantity, value))
        self._add(
            name,
            words,
            "conserved quantity",
            (
                Fact(f"{words}: derivative zero", eq(self.flow.along(quantity), 0), engine="identity"),
                Fact(f"{words}: its value at the start", eq(quantity, value), self.beginning),
                *self._regular(words, [quantity], self._given(()), "smooth"),
            ),
            eq(quantity, value),
        )

    def stay(
        self,
        name: str,
        words: str,
        *region: Relation,
        by: Iterable[str] = (),
        growth: Mapping[int, Any] | None = None,
        uses: Uses = (),
    ) -> None:
        """Nagumo: the region is never left. ``growth`` K by index of the relation; 0 for a non-strict one without."""
        growth, by = dict(growth or {}), tuple(by)
        context, forms = self._given(by), [_positive(r) for r in region]
        strict = [i for i, (_, s) in enumerate(forms) if s]
        weak = [i for i, (_, s) in enumerate(forms) if not s]
        grown = [i for i in strict if i in growth]
        facts = [Fact(f"{words}: {text(r)} at the start", r, self.beginning, uses=uses) for r in region]
        facts += self._regular(words, growth.values(), context, "continuous", uses)
        facts += self._regular(words, (g for g, _ in forms), context, "smooth", uses)
        interior = [gt(forms[i][0], 0) for i in strict]
        for k, i in enumerate(weak):
            g, rate = forms[i][0], sp.sympify(growth.get(i, 0))
            given = (*context, *interior, *(ge(forms[j][0], 0) for j in weak[:k]), lt(g, 0), gt(g, -1))
            facts.append(
                Fact(f"{words}: where {text(region[i])} fails, it mends", ge(self.flow.along(g), -rate * g), given, uses=uses)
            )
        closed = [ge(forms[j][0], 0) for j in weak]
        for i in grown:
            g, rate = forms[i][0], sp.sympify(growth[i])
            given = (*context, *interior, *closed)
            facts.append(
                Fact(
                    f"{words}: {text(region[i])} is lost at a finite rate at most",
                    ge(self.flow.along(g), -rate * g),
                    given,
                    uses=uses,
                )
            )
        held = [gt(forms[i][0], 0) for i in grown]
        faces = [i for i in strict if i not in growth]
        for k, i in enumerate(faces):
            g, later = forms[i][0], [ge(forms[j][0], 0) for j in faces[k + 1 :]]
            given = (*context, *closed, *held, *later, eq(g, 0))
            facts.append(
                Fact(
                    f"{words}: inward on the face of {text(region[i])}",
                    gt(self.flow.along(g), 0),
                    given,
                    uses=uses,
                    may_be_empty=True,
                )
            )
            held.append(gt(g, 0))
        self._add(name, words, "forward invariance (Nagumo)", facts, *region)

    def _regular(
        self, words: str, terms: Iterable[Any], context: tuple[Formula, ...], level: Level, uses: Uses = ()
    ) -> list[Fact]:
        """The terms are continuous, or smooth, where the context holds."""
        needs = [f for f in demands(*terms, level=level) if f not in context]
        what = "the rate is finite" if level == "continuous" else "smooth"
        return [Fact(f"{words}: {what}: {text(f)}", f, context, uses=uses) for f in needs]

    def learn(self, name: str, words: str, *results: Formula, by: Iterable[str] = (), uses: Uses = ()) -> None:
        """What follows pointwise from what is known already."""
        given = self._given(by)
        self._add(name, words, "pointwise", [Fact(f"{words}: {text(r)}", r, given, uses=uses) for r in results], *results)

    def exist(
        self,
        name: str,
        words: str,
        bounds: Mapping[sp.Symbol, Any],
        floors: Mapping[Relation, Any] | None = None,
        by: Iterable[str] = (),
        uses: Uses = (),
    ) -> None:
        """Existence for ever, or until a relation of the domain without a floor fails; x² ≤ ``bounds``[x] for each variable."""
        missing = self.flow.variables - set(bounds)
        if missing:
            raise ValueError(f"{words}: no bound for {', '.join(map(str, sorted(missing, key=str)))}.")
        given, floors = self._given(by), dict(floors or {})
        facts = [Fact(f"{words}: {x} is bounded", le(x**2, self._constant(b)), given, uses=uses) for x, b in bounds.items()]
        for relation, rate in floors.items():
            g = _positive(relation)[0]
            down = -self._constant(rate) * g
            facts.append(
                Fact(f"{words}: {text(relation)} is not lost in finite time", ge(self.flow.along(g), down), given, uses=uses)
            )
        facts += self._regular(f"{words}: the field", (v for _, v in self.flow.field), self.flow.domain, "continuous")
        facts += self._regular(words, (_positive(r)[0] for r in floors), given, "smooth", uses)
        self.until = tuple(r for r in self.flow.domain if r not in floors)
        self._add(name, words, "continuation", facts)
        if not self._gives(name):
            self.until = None

    def _require_existence(self, words: str, vanishing: sp.Expr | None = None) -> None:
        allowed = {r for r in self.until or () if vanishing is not None and _positive(r)[0] == vanishing}
        if self.until is None or set(self.until) - allowed:
            raise ValueError(f"{words}: the solution is not known to exist for ever.")

    def decay(
        self, name: str, words: str, quantity: sp.Expr, rate: Any, by: Iterable[str] = (), power: int = 1, uses: Uses = ()
    ) -> None:
        """V → 0, by V̇ ≤ −rate V^power; a path that ends does so at V = 0."""
        self._require_existence(words, quantity)
        given, rate = self._given(by), self._constant(rate)
        facts = (
            Fact(f"{words}: not negative", ge(quantity, 0), given, uses=uses),
            Fact(f"{words}: the rate is positive", gt(rate, 0), self.constants, uses=uses),
            Fact(f"{words}: decays", le(self.flow.along(quantity), -rate * quantity**power), given, uses=uses),
            *self._regular(words, [quantity], given, "smooth", uses),
        )
        self._converges(name, words, "comparison", facts, quantity, sp.Integer(0))

    def track(
        self,
        name: str,
        words: str,
        quantity: sp.Expr,
        rate: Any,
        error: sp.Expr,
        of: Mapping[sp.Symbol, sp.Expr],
        by: Iterable[str] = (),
        uses: Uses = (),
    ) -> None:
        """V → 0, by V̇ ≤ −rate V + e where e, a continuous function of the converging quantities ``of``, tends to 0."""
        self._require_existence(words)
        given, rate = self._given(by), self._constant(rate)
        facts = [
            Fact(f"{words}: not negative", ge(quantity, 0), given, uses=uses),
            Fact(f"{words}: the rate is positive", gt(rate, 0), self.constants, uses=uses),
            Fact(f"{words}: tracks", le(self.flow.along(quantity), -rate * quantity + _put(error, of)), given, uses=uses),
            Fact(f"{words}: the error vanishes", eq(self._limit(error, of, words), 0), self.constants, uses=uses),
            *self._poles(error, of, words, uses),
            *self._regular(words, [quantity], given, "smooth", uses),
        ]
        self._converges(name, words, "comparison", facts, quantity, sp.Integer(0))

    def squeeze(
        self, name: str, words: str, quantity: sp.Expr, square: sp.Expr, by: Iterable[str] = (), uses: Uses = ()
    ) -> None:
        """``quantity`` → 0, because its square is at most ``square``, which tends to zero."""
        if self.limits.get(square) != 0:
            raise ValueError(f"{words}: {square} is not known to tend to zero.")
        facts = [Fact(f"{words}: squeezed", le(quantity**2, square), self._given(by), uses=uses)]
        self._converges(name, words, "comparison", facts, quantity, sp.Integer(0))

    def follow(
        self,
        name: str,
        words: str,
        quantity: sp.Expr,
        function: sp.Expr,
        of: Mapping[sp.Symbol, sp.Expr],
        by: Iterable[str] = (),
        uses: Uses = (),
        to: Any = None,
    ) -> None:
        """``quantity`` = ``function``(of) always, so it converges to the function of the limits, which equals ``to``."""
        value = self._limit(function, of, words)
        facts = [
            Fact(f"{words}: equality", eq(quantity, _put(function, of)), self._given(by), uses=uses),
            *self._poles(function, of, words, uses),
        ]
        if to is not None:
            facts.append(Fact(f"{words}: value", eq(value, self._constant(to)), self.constants, uses=uses))
        self._converges(name, words, "continuity", facts, quantity, value if to is None else sp.sympify(to))

    def _limit(self, function: sp.Expr, of: Mapping[sp.Symbol, sp.Expr], words: str) -> sp.Expr:
        for quantity in of.values():
            if quantity not in self.limits:
                raise ValueError(f"{words}: {quantity} is not known to converge.")
        continuous = (sp.Add, sp.Mul, sp.Pow, sp.sin, sp.cos, sp.exp, sp.Abs, sp.Symbol, sp.Number, type(sp.pi))
        for node in sp.preorder_traversal(function):
            if not isinstance(node, continuous):
                raise ValueError(f"{words}: {node} is not known to be continuous.")
        return self._constant(_put(function, {x: self.limits[q] for x, q in of.items()}))

    def _poles(self, function: sp.Expr, of: Mapping[sp.Symbol, sp.Expr], words: str, uses: Uses = ()) -> list[Fact]:
        """The function is continuous at the limit: no denominator in it vanishes, no root is one of a negative number."""
        limits = {x: self.limits[q] for x, q in of.items()}
        needs = (Relation(_put(f.left, limits), f.op, _put(f.right, limits)) for f in demands(function, level="continuous"))
        return [Fact(f"{words}: no pole at the limit: {text(f)}", f, self.constants, uses=uses) for f in needs]

    def _converges(self, name: str, words: str, rule: str, facts: Iterable[Fact], quantity: sp.Expr, value: sp.Expr) -> None:
        self._add(name, words, rule, facts)
        if self._gives(name):
            self.limits[quantity] = value

    def reach(
        self, name: str, words: str, goal: Relation, speed: Any, by: Iterable[str] = (), uses: Uses = ()
    ) -> tuple[Formula, ...]:
        """The relation g < 0 of the domain fails by the time −g(0)/speed; returns what is known then."""
        g = -_positive(goal)[0]
        if self.until is None or set(self.until) != {goal}:
            raise ValueError(f"{words}: the solution is not known to exist until {text(goal)} fails.")
        given, speed = self._given(by), self._constant(speed)
        rest = tuple(r for r in self.flow.domain if r != goal)
        facts = (
            Fact(f"{words}: the speed is positive", gt(speed, 0), self.constants, uses=uses),
            Fact(f"{words}: at least that fast", ge(self.flow.along(g), speed), given, uses=uses),
            *self._regular(words, [g], given, "smooth", uses),
            *self._regular(f"{words}: the field", (v for _, v in self.flow.field), (*rest, eq(g, 0)), "continuous"),
        )
        self._add(name, words, "comparison", facts)
        closed = tuple(x for v in self.known.values() for f in v for x in _closure(f))
        return self._moment(name, *rest, *closed, *self.constants, eq(g, 0))

    def _moment(self, name: str, *now: Formula) -> tuple[Formula, ...]:
        """What a step shows to hold at some time."""
        self.moments.append(now if self._gives(name) else ())
        return self.moments[-1]

    def leave(self, name: str, words: str, surface: sp.Expr, uses: Uses = ()) -> tuple[Formula, ...]:
        """From ``surface`` = 0 at the start to ``surface`` > 0 at once; returns what is known at small positive times."""
        given = self.beginning
        facts = (
            Fact(f"{words}: on the surface", eq(surface, 0), given, uses=uses),
            Fact(f"{words}: outward", gt(self.flow.along(surface), 0), given, uses=uses),
            *self._regular(words, [surface], given, "smooth", uses),
        )
        self._add(name, words, "transversality", facts)
        known = tuple(f for v in self.known.values() for f in v)
        return self._moment(name, *self.flow.domain, *known, *self.constants, gt(surface, 0))

    def pass_on(self, name: str, words: str, now: tuple[Formula, ...], other: "Path", uses: Uses = ()) -> None:
        """What is known ``now``, by ``reach`` or ``leave``, puts the solution among the starts of ``other``: it has its limits.

        Names of the other path are for values at that moment; one that this path uses too must still have its old value.
        """
        if other.flow.field != self.flow.field:
            raise ValueError(f"{words}: {self.flow.name} and {other.flow.name} are different flows.")
        if now and not any(now is m for m in self.moments):
            raise ValueError(f"{words}: nothing has shown that {' and '.join(map(text, now))} at some time.")
        mine = set(self.named) | symbols_of(*self.start)
        wanted = [r for r in other.flow.domain if r not in now]
        wanted += [*other.start, *(eq(q, x) for x, q in other.named.items() if x in mine)]
        facts = [Fact(f"{words}: {text(f)}", f, now, uses=uses) for f in wanted]
        self._add(name, words, "autonomy", facts)
        self._meet(*(eq(q, v) for q, v in other.limits.items()), *(eq(x, q) for x, q in other.named.items()))
        if self._gives(name):
            self.limits |= other.limits


def _put(function: sp.Expr, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """Terms for symbols, all at once."""
    return sp.sympify(function).subs(dict(values), simultaneous=True)


def _closure(formula: Formula) -> tuple[Formula, ...]:
    """What remains true in the limit of times at which the formula holds; nothing is claimed of composite ones.

    Nor of terms that may not be continuous there.
    """
    if not isinstance(formula, Relation) or formula.op == "≠":
        return ()
    try:
        if any(f.op == "≠" or f.op == ">" for f in demands(formula.left, formula.right, level="continuous")):
            return ()
    except ValueError:
        return ()
    return (Relation(formula.left, {"<": "≤", ">": "≥"}.get(formula.op, formula.op), formula.right),)
