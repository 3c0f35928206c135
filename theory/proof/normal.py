"""A second proof of an identity: both sides of the JSON of ``terms.py`` as one fraction of polynomials, by python-flint alone.

Variables are the symbols, π, and what is not rational in them; these obey

| variable                   | relation                                                              |
|----------------------------|-----------------------------------------------------------------------|
| sin u, cos u               | sin² = 1 − cos², for each u of a common list of angles                |
| exp u                      | none; sinh, cosh and tanh are rational in it                          |
| the n-th root of e         | rootⁿ = e                                                             |
| \\|e\\|                    | \\|e\\|² = e²                                                         |
| b to the power of e        | none, for a positive rational b and each e of a common list           |
| log e, atan e, …           | none                                                                  |

Angles and exponents are split into rational multiples of common terms, so that sin 2u and sin(u + v) are polynomials. The
difference is zero wherever it is defined if its numerator reduces to the zero polynomial. The converse fails: then nothing has
been shown.
"""

import json
from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from typing import Any

import flint

__all__ = ["NotDecided", "common_parts", "is_zero", "linear"]

SLOTS = 40
MAX_POWER = 200
SIGNS = {"positive": 1, "nonnegative": 1, "negative": -1, "nonpositive": -1}
ANGLES = {"sin": "angle", "cos": "angle", "tan": "angle", "cot": "angle", "sec": "angle", "csc": "angle"}
EXPONENTS = dict.fromkeys(("exp", "sinh", "cosh", "tanh", "coth"), "exponent")
KINDS = {**ANGLES, **EXPONENTS}
ATOMS = {"log", "asin", "acos", "atan", "asinh", "acosh", "atanh", "gamma", "erf", "erfc", "apply", "sign", "max", "min"}

Poly = Any
Ratio = tuple[Poly, Poly]


class NotDecided(ValueError):
    """A term that this second proof does not cover."""


def is_zero(left: Any, right: Any) -> bool:
    """Whether left − right reduces to zero; False shows nothing. Raises NotDecided for a term that isn't covered.

    >>> x = ["symbol", "x", "real"]
    >>> double = ["sin", ["mul", 2, x]]
    >>> is_zero(double, ["mul", 2, ["sin", x], ["cos", x]]), is_zero(double, ["sin", x])
    (True, False)
    """
    field = _Field([left, right])
    above, below = field.add([field.value(left), field.negative(field.value(right))])
    if field.reduced(below) == 0:
        raise NotDecided("The common denominator vanishes.")
    return bool(field.reduced(above) == 0)


class _Field:
    """Fractions over a fixed number of variables, each given a meaning when it is first met."""

    def __init__(self, terms: list[Any]):
        self.context = flint.fmpq_mpoly_ctx.get([f"v{i}" for i in range(SLOTS)], "degrevlex")
        self.slots: dict[str, int] = {}
        self.relations: dict[int, tuple[int, Ratio]] = {}
        self.one = self.context.constant(1)
        self.parts = common_parts(terms)

    def variable(self, key: str) -> Poly:
        if key not in self.slots:
            if len(self.slots) == SLOTS:
                raise NotDecided(f"More than {SLOTS} different terms.")
            self.slots[key] = len(self.slots)
        return self.context.gen(self.slots[key])

    def value(self, term: Any) -> Ratio:
        if isinstance(term, int) or (isinstance(term, str) and term not in ("pi", "E")):
            number = Fraction(term)
            return self.context.constant(flint.fmpq(number.numerator, number.denominator)), self.one
        if isinstance(term, str):
            return (self.variable("pi"), self.one) if term == "pi" else self._exponential(1)
        head, *rest = term
        if head == "symbol":
            return self.variable(f"symbol {rest[0]}"), self.one
        if head == "add":
            return self.add([self.value(x) for x in rest])
        if head == "mul":
            return self.multiply([self.value(x) for x in rest])
        if head == "pow":
            return self._power(*rest)
        if head == "abs":
            return self._absolute(rest[0])
        if head in ANGLES:
            return self._circular(head, rest[0])
        if head in EXPONENTS:
            return self._hyperbolic(head, rest[0])
        if head in ATOMS:
            return self.variable(json.dumps(term)), self.one
        raise NotDecided(f"No rule for {head!r}.")

    def add(self, parts: list[Ratio]) -> Ratio:
        total: Ratio = (self.one * 0, self.one)
        for above, below in parts:
            total = (total[0] + above, below) if total[1] == below else (total[0] * below + above * total[1], total[1] * below)
            total = self._cancelled(*total)
        return total

    def multiply(self, parts: list[Ratio]) -> Ratio:
        total: Ratio = (self.one, self.one)
        for above, below in parts:
            total = self._cancelled(total[0] * above, total[1] * below)
        return total

    def negative(self, x: Ratio) -> Ratio:
        return -x[0], x[1]

    def inverse(self, x: Ratio) -> Ratio:
        if x[0] == 0:
            raise NotDecided("Division by zero.")
        return x[1], x[0]

    def power(self, x: Ratio, n: int) -> Ratio:
        if abs(n) > MAX_POWER:
            raise NotDecided(f"A power of {n}.")
        above, below = x if n >= 0 else self.inverse(x)
        return above ** abs(n), below ** abs(n)

    def _cancelled(self, above: Poly, below: Poly) -> Ratio:
        common = above.gcd(below)
        return (above, below) if common.is_one() or common == 0 else (above / common, below / common)

    def _power(self, base: Any, exponent: Any) -> Ratio:
        if isinstance(exponent, list) or exponent in ("pi", "E"):
            return self._general_power(base, exponent)
        wanted = Fraction(exponent)
        if wanted.denominator == 1:
            return self.power(self.value(base), int(wanted))
        return self.power(self._root(base, wanted.denominator), wanted.numerator)

    def _general_power(self, base: Any, exponent: Any) -> Ratio:
        """A positive rational to a power with symbols in it."""
        if isinstance(base, list) or base in ("pi", "E") or Fraction(base) <= 0:
            raise NotDecided("A power with a symbol in base and exponent.")
        parts = []
        for key, factor in linear(exponent).items():
            if key == "1":
                parts.append(self._power(base, factor))
            else:
                n = int(factor * self.parts[f"power of {base}", key])
                parts.append(self.power((self.variable(f"{base} to the power of {key}"), self.one), n))
        return self.multiply(parts)

    def _root(self, base: Any, degree: int) -> Ratio:
        above, below = self.value(base)
        factor = below.leading_coefficient()
        inner = above / factor, below / factor
        key = f"root {degree} of {inner[0]} over {inner[1]}"
        root = self.variable(key)
        self.relations[self.slots[key]] = degree, inner
        return root, self.one

    def _absolute(self, u: Any) -> Ratio:
        sign = {SIGNS[k] for k in u[2:] if k in SIGNS} if isinstance(u, list) and u[0] == "symbol" else set()
        if len(sign) == 1:
            return self.value(u) if sign == {1} else self.negative(self.value(u))
        key = f"abs {json.dumps(u)}"
        size = self.variable(key)
        self.relations[self.slots[key]] = 2, self.power(self.value(u), 2)
        return size, self.one

    def _circular(self, name: str, u: Any) -> Ratio:
        cosine, sine = self.one, self.one * 0
        for key, factor in linear(u).items():
            cosine, sine = _turn((cosine, sine), self._rotation(key, factor))
        x, y = (sine, self.one), (cosine, self.one)
        quotients = {"tan": (x, y), "cot": (y, x), "sec": ((self.one, self.one), y), "csc": ((self.one, self.one), x)}
        if name in quotients:
            above, below = quotients[name]
            return self.multiply([above, self.inverse(below)])
        return x if name == "sin" else y

    def _rotation(self, key: str, factor: Fraction) -> tuple[Poly, Poly]:
        """(cos, sin) of ``factor`` times the term ``key``."""
        if key == '"pi"' and (2 * factor).denominator == 1:
            real, imaginary = {0: (1, 0), 1: (0, 1), 2: (-1, 0), 3: (0, -1)}[int(2 * factor) % 4]
            return self.one * real, self.one * imaginary
        cosine, sine = self.variable(f"cos {key}"), self.variable(f"sin {key}")
        self.relations[self.slots[f"sin {key}"]] = 2, (self.one - cosine**2, self.one)
        n = int(factor * self.parts["angle", key])
        if abs(n) > MAX_POWER:
            raise NotDecided(f"An angle of {n} parts.")
        out = self.one, self.one * 0
        for _ in range(abs(n)):
            out = _turn(out, (cosine, sine))
        return out[0], out[1] if n > 0 else -out[1]

    def _exponential(self, u: Any) -> Ratio:
        parts = []
        for key, factor in linear(u).items():
            n = int(factor * self.parts.get(("exponent", key), 1))
            parts.append(self.power((self.variable(f"exp {key}"), self.one), n))
        return self.multiply(parts)

    def _hyperbolic(self, name: str, u: Any) -> Ratio:
        up = self._exponential(u)
        down = self.inverse(up)
        half = self.context.constant(flint.fmpq(1, 2)), self.one
        sine = self.multiply([half, self.add([up, self.negative(down)])])
        cosine = self.multiply([half, self.add([up, down])])
        if name in ("tanh", "coth"):
            above, below = (sine, cosine) if name == "tanh" else (cosine, sine)
            return self.multiply([above, self.inverse(below)])
        return {"exp": up, "sinh": sine, "cosh": cosine}[name]

    def reduced(self, poly: Poly) -> Poly:
        """``poly`` times some denominators of the relations, with every relation applied until none applies."""
        waiting = True
        while waiting:
            waiting = False
            for slot, (degree, inner) in reversed(self.relations.items()):
                while poly.degrees()[slot] >= degree:
                    poly, waiting = self._lowered(poly, slot, degree, inner), True
        return poly

    def _lowered(self, poly: Poly, slot: int, degree: int, inner: Ratio) -> Poly:
        """variableᵈ = above/below applied throughout; multiplied by a power of below."""
        most = poly.degrees()[slot] // degree
        above, below = inner
        sorted_terms: dict[int, dict[tuple[int, ...], Any]] = {}
        for exponents, factor in poly.to_dict().items():
            often, left = divmod(exponents[slot], degree)
            sorted_terms.setdefault(often, {})[(*exponents[:slot], left, *exponents[slot + 1 :])] = factor
        out = poly * 0
        for often, terms in sorted_terms.items():
            out += self.context.from_dict(terms) * above**often * below ** (most - often)
        return out


def _turn(x: tuple[Poly, Poly], y: tuple[Poly, Poly]) -> tuple[Poly, Poly]:
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def _arguments(terms: list[Any]) -> Iterator[tuple[str, Any]]:
    """Every angle and exponent in ``terms``, with its kind."""
    for term in terms:
        if term == "E":
            yield "exponent", 1
        if isinstance(term, list):
            if term and isinstance(term[0], str) and term[0] in KINDS:
                yield KINDS[term[0]], term[1]
            if term and term[0] == "pow" and isinstance(term[2], list):
                yield f"power of {term[1]}", term[2]
            yield from _arguments(term)


def common_parts(terms: list[Any]) -> dict[tuple[str, str], int]:
    """Into how many equal parts to cut each term of an angle or exponent, so that all multiples in use are whole."""
    parts: dict[tuple[str, str], int] = {}
    for kind, u in _arguments(terms):
        for key, factor in linear(u).items():
            parts[kind, key] = lcm(parts.get((kind, key), 1), factor.denominator)
    return parts


def linear(u: Any) -> dict[str, Fraction]:
    """A sum as rational multiples of terms, these as text."""
    out: dict[str, Fraction] = {}
    for part in u[1:] if isinstance(u, list) and u[0] == "add" else [u]:
        factor, rest = Fraction(1), part
        if isinstance(part, int) or (isinstance(part, str) and part not in ("pi", "E")):
            factor, rest = Fraction(part), 1
        elif isinstance(part, list) and part[0] == "mul" and not isinstance(part[1], list) and part[1] not in ("pi", "E"):
            factor, rest = Fraction(part[1]), part[2] if len(part) == 3 else ["mul", *part[2:]]
        out[json.dumps(rest)] = out.get(json.dumps(rest), Fraction(0)) + factor
    return {key: factor for key, factor in out.items() if factor}
