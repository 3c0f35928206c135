"""The numbers of the second implementation: mpmath's intervals, and exact numbers in which only what is plainly 0 is 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import isqrt
from operator import mul
from typing import Any, Protocol

from mpmath import libmp
from mpmath.ctx_iv import MPIntervalContext

__all__ = ["Exact", "ExactRing", "Intervals", "Rejected", "Ring"]

MAX_EXPONENT, MAX_ANGLE, MAX_POWER = 2**20, 2**64, 64


class Rejected(ValueError):
    """Why a certificate proves nothing, as one sentence."""


class Ring(Protocol):
    """What jets are made of: scalars with + and *, and these."""

    def number(self, x: Fraction) -> Any:
        """A rational number."""

    def constant(self, name: str) -> Any:
        """π or e."""

    def inverse(self, x: Any) -> Any:
        """1/x."""

    def power(self, x: Any, n: int) -> Any:
        """x^n, n ≥ 0."""

    def apply(self, name: str, x: Any) -> Any:
        """One of ``FUNCTIONS``, or sqrt."""


class Intervals:
    """Intervals of mpmath, each elementary function widened by a few units in the last place; a context of its own."""

    def __init__(self, bits: int = 80) -> None:
        self.iv = MPIntervalContext()
        self.iv.prec = bits
        slack = self.iv.mpf(2) ** (6 - bits)
        self.around_1 = self.iv.mpf([(1 - slack).a, (1 + slack).b])

    def number(self, x: Fraction) -> Any:
        """The interval of machine numbers around a fraction."""
        return self.iv.mpf(x.numerator) / self.iv.mpf(x.denominator)

    def constant(self, name: str) -> Any:
        """π or e."""
        return (+self.iv.pi if name == "pi" else +self.iv.e) * self.around_1

    def hull(self, *parts: Any) -> Any:
        """The smallest interval that holds all of them."""
        low, high = parts[0].a, parts[0].b
        for x in parts[1:]:
            low, high = x.a if (x.a < low) is True else low, x.b if (x.b > high) is True else high
        return self.iv.mpf([low, high])

    def sign(self, x: Any) -> int:
        """±1 if all of x has that sign, else 0."""
        return 1 if (x > 0) is True else -1 if (x < 0) is True else 0

    def inverse(self, x: Any) -> Any:
        """1/x. Raises Rejected where x reaches 0."""
        if not self.sign(x):
            raise Rejected("A denominator reaches 0.")
        return 1 / x

    def power(self, x: Any, n: int) -> Any:
        """x^n, and for even n of |x|: no power of an interval around 0 is negative."""
        return reduce(mul, [abs(x) if n % 2 == 0 else x] * n, self.iv.one)

    def apply(self, name: str, x: Any) -> Any:
        """The range of a function over x. Raises Rejected where it is undefined or x too large."""
        size = abs(x).b
        if (size < (MAX_ANGLE if name in ("sin", "cos", "tan") else MAX_EXPONENT)) is not True and name not in ALGEBRAIC:
            raise Rejected(f"The argument of {name} is too large.")
        if name in ("sin", "cos", "exp"):
            return getattr(self.iv, name)(x) * self.around_1
        if name == "Abs":
            return abs(x)
        if name in ("log", "sqrt"):
            if ((x.a > 0) if name == "log" else (x.a >= 0)) is not True:
                raise Rejected(f"The argument of {name} reaches {0 if name == 'log' else 'below 0'}.")
            return (self.iv.ln(x) if name == "log" else self.iv.sqrt(x)) * self.around_1
        if name == "tan":
            self.inverse(self.apply("cos", x))
        if name == "cosh":
            x = abs(x)
        return self.hull(self._at(name, x.a), self._at(name, x.b))

    def _at(self, name: str, x: Any) -> Any:
        """A monotone function at one end."""
        if name == "tan":
            return self.apply("sin", x) * self.inverse(self.apply("cos", x))
        if name == "atan":
            return self.iv.make_mpf(libmp.mpi_atan(x._mpi_, self.iv.prec)) * self.around_1
        if name == "asinh":
            size = abs(x)
            y = self.apply("log", size + self.apply("sqrt", size * size + 1))
            return -y if (x < 0) is True else y
        plus, minus = self.apply("exp", x), self.apply("exp", -x)
        if name == "tanh":
            return (plus - minus) / (plus + minus)
        return (plus - minus if name == "sinh" else plus + minus) / 2


ALGEBRAIC = ("Abs", "sqrt", "log", "atan", "asinh")

Monomial = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Exact:
    """Σ c ∏ x^n: rational c, whole n, and names x for π and for numbers like sin(1/3), of which nothing is known.

    Without terms it is 0; with terms it may still be 0, but nobody says so.
    """

    terms: tuple[tuple[Monomial, Fraction], ...] = ()

    @classmethod
    def of(cls, terms: Mapping[Monomial, Fraction]) -> "Exact":
        """In one order, without zeros."""
        return cls(tuple(sorted((m, c) for m, c in terms.items() if c)))

    @classmethod
    def name(cls, name: str) -> "Exact":
        """The number of that name."""
        return cls(((((name, 1),), Fraction(1)),))

    @property
    def rational(self) -> Fraction | None:
        """Its value if it is free of names."""
        if not self.terms:
            return Fraction(0)
        return self.terms[0][1] if len(self.terms) == 1 and not self.terms[0][0] else None

    def __add__(self, other: "Exact") -> "Exact":
        total = dict(self.terms)
        for m, c in other.terms:
            total[m] = total.get(m, Fraction(0)) + c
        return Exact.of(total)

    def __mul__(self, other: "Exact") -> "Exact":
        total: dict[Monomial, Fraction] = {}
        for m, c in self.terms:
            for n, d in other.terms:
                powers = dict(m)
                for name, k in n:
                    powers[name] = powers.get(name, 0) + k
                product = tuple(sorted((name, k) for name, k in powers.items() if k))
                total[product] = total.get(product, Fraction(0)) + c * d
        return Exact.of(total)


class ExactRing:
    """Exact numbers; functions are evaluated where the value is rational for a plain reason and named elsewhere.

    >>> ring = ExactRing()
    >>> ring.apply("sin", ring.constant("pi")) == ring.number(Fraction(0))
    True
    >>> ring.apply("cos", ring.number(Fraction(1))).rational is None
    True
    """

    def number(self, x: Fraction) -> Exact:
        """A rational number."""
        return Exact.of({(): x})

    def constant(self, name: str) -> Exact:
        """π or e, by name."""
        return Exact.name(name)

    def inverse(self, x: Exact) -> Exact:
        """1/x, by name unless x has one term. Raises Rejected for 0."""
        if not x.terms:
            raise Rejected("A denominator is 0 at an end.")
        if len(x.terms) > 1:
            return Exact.name(f"1/{x.terms}")
        ((m, c),) = x.terms
        return Exact.of({tuple((name, -k) for name, k in m): 1 / c})

    def power(self, x: Exact, n: int) -> Exact:
        """x^n."""
        return reduce(mul, [x] * n, self.number(Fraction(1)))

    def apply(self, name: str, x: Exact) -> Exact:
        """A value that is known for a plain reason, or a name for it."""
        q = x.rational
        if name in ("sin", "cos") and (turn := self._turn(x)) is not None:
            return self._sine(turn + (Fraction(1, 2) if name == "cos" else 0))
        if name == "tan":
            return self.apply("sin", x) * self.inverse(self.apply("cos", x))
        if q == 0 and name in AT_ZERO:
            return self.number(Fraction(AT_ZERO[name]))
        if name == "exp" and q is not None and q.denominator == 1 and abs(q) <= MAX_POWER:
            return Exact.of({(("E", int(q)),): Fraction(1)})
        if q == 1 and name == "log":
            return self.number(Fraction(0))
        if q is not None and name == "Abs":
            return self.number(abs(q))
        if q is not None and name == "sqrt" and q >= 0:
            root = Fraction(isqrt(q.numerator), isqrt(q.denominator))
            if root * root == q:
                return self.number(root)
        if x.terms and x.terms[0][1] < 0 and name in PARITY:  # one name for f(x) and f(−x)
            return self.number(Fraction(PARITY[name])) * self.apply(name, self.number(Fraction(-1)) * x)
        return Exact.name(f"{name}{x.terms}")

    def _turn(self, x: Exact) -> Fraction | None:
        """x/π if that is rational."""
        if not x.terms:
            return Fraction(0)
        return x.terms[0][1] if len(x.terms) == 1 and x.terms[0][0] == (("pi", 1),) else None

    def _sine(self, turn: Fraction) -> Exact:
        """sin(π turn), moved to 0 ≤ turn ≤ 1/2."""
        turn %= 2
        sign, turn = (-1, turn - 1) if turn >= 1 else (1, turn)
        turn = min(turn, 1 - turn)
        known = {Fraction(0): Fraction(0), Fraction(1, 6): Fraction(1, 2), Fraction(1, 2): Fraction(1)}
        size = self.number(known[turn]) if turn in known else Exact.name(f"sin(pi*{turn})")
        return size * self.number(Fraction(sign))


PARITY = {"sin": -1, "atan": -1, "sinh": -1, "tanh": -1, "asinh": -1, "cos": 1, "cosh": 1, "Abs": 1}
AT_ZERO = {"exp": 1, "sinh": 0, "cosh": 1, "tanh": 0, "atan": 0, "asinh": 0}
