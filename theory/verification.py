"""``verify``: check the obligations of the claims; a report that says proved only of what an engine has decided."""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import sympy as sp

from .identities import CLAIMS, Claim, Obligation
from .names import unknown

__all__ = ["ClaimReport", "Finding", "Report", "check_identity", "verify"]

ORDER = ("proved", "open", "undecided", "refuted")


@dataclass(frozen=True)
class Finding:
    """What became of one obligation: its status, the engine that decided, seconds, a counter-example where refuted."""

    statement: str
    status: str
    engine: str
    seconds: float
    certificate: str = ""


@dataclass(frozen=True)
class ClaimReport:
    """A claim with its findings; its status is that of its weakest obligation."""

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def status(self) -> str:
        """One of proved, open, undecided, refuted."""
        return max((f.status for f in self.findings), key=ORDER.index)

    def as_dict(self) -> dict[str, object]:
        """The claim for JSON."""
        c = self.claim
        return {
            "id": c.id,
            "title": c.title,
            "statement": c.statement,
            "source": c.source,
            "status": self.status,
            "seconds": sum(f.seconds for f in self.findings),
            "obligations": [vars(f) for f in self.findings],
        }


@dataclass(frozen=True)
class Report:
    """All claims that were checked."""

    claims: tuple[ClaimReport, ...] = field(default=())

    @cached_property
    def statuses(self) -> dict[str, str]:
        """Status by claim id."""
        return {c.claim.id: c.status for c in self.claims}

    @property
    def holds(self) -> bool:
        """True where nothing was refuted or left undecided by an engine that was asked."""
        return all(s in ("proved", "open") for s in self.statuses.values())

    def as_dict(self) -> dict[str, object]:
        """{"claims": [{"id": "T1", "status": …, …}, …]}."""
        return {"claims": [c.as_dict() for c in self.claims]}

    def __str__(self) -> str:
        mark = {"proved": "✓", "open": "…", "undecided": "?", "refuted": "✗"}
        lines = []
        for c in self.claims:
            lines.append(f"{c.claim.id:4} {c.status:9} {c.claim.title}: {c.claim.statement}")
            lines += [
                f"       {mark[f.status]} {f.statement}" + (f"  [{f.certificate}]" if f.certificate else "") for f in c.findings
            ]
        done = sum(f.status == "proved" for c in self.claims for f in c.findings)
        total = sum(len(c.findings) for c in self.claims)
        return "\n".join([*lines, f"{done} of {total} obligations proved; … marks those that wait for an engine."])


def verify(claims: Iterable[str] | None = None) -> Report:
    """Check claims by id ("T1", "T2b", …; all by default): every identity by sympy. Raises ValueError for an unknown id.

    >>> verify(["T1"]).statuses
    {'T1': 'proved'}
    """
    wanted: Sequence[str] = list(CLAIMS) if claims is None else [claims] if isinstance(claims, str) else list(claims)
    for name in wanted:
        if name not in CLAIMS:
            raise unknown("claim", str(name), list(CLAIMS))
    return Report(tuple(ClaimReport(CLAIMS[n], tuple(_find(o) for o in CLAIMS[n].obligations)) for n in wanted))


def _find(obligation: Obligation) -> Finding:
    if obligation.vanishes is None:
        return Finding(obligation.statement, "open", "none", 0.0)
    began = time.perf_counter()
    status, certificate = check_identity(obligation.vanishes())
    return Finding(obligation.statement, status, "sympy identity", time.perf_counter() - began, certificate)


def check_identity(expression: sp.Expr) -> tuple[str, str]:
    """("proved", "") if the expression simplifies to zero, ("refuted", a point) if it isn't zero there, else ("undecided", "").

    >>> x = sp.Symbol("x", real=True)
    >>> check_identity((x + 1) ** 2 - x**2 - 2 * x - 1), check_identity(x - x**2)[0]
    (('proved', ''), 'refuted')
    """
    point = _counter_example(expression)
    if point:
        return "refuted", point
    for simplify in (_numerator, sp.ratsimp, sp.trigsimp, sp.simplify):
        if simplify(sp.sympify(expression)) == 0:
            return "proved", ""
    return "undecided", ""


def _numerator(expression: sp.Expr) -> sp.Expr:
    """Over a common denominator; far quicker than a full simplification where everything is rational in a few roots."""
    return sp.expand(sp.numer(sp.together(expression)))


def _counter_example(expression: sp.Expr) -> str:
    """A rational point at which the value, to 40 digits, is far from zero."""
    draw = random.Random(0)
    symbols = sorted(sp.sympify(expression).free_symbols, key=str)
    for _ in range(3):
        point = {v: sp.Rational(draw.randint(1, 97), 64) for v in symbols}
        value = sp.N(expression.subs(point), 40) if symbols else sp.N(expression, 40)
        if value.is_number and not value.has(sp.nan, sp.zoo) and abs(value) > sp.Float("1e-25"):
            return ", ".join(f"{k} = {v}" for k, v in point.items()) + f": {sp.N(value, 6)}"
    return ""
