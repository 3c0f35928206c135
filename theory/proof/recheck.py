"""The second implementation: re-checks certificates of the interval engine with fractions and mpmath's intervals alone.

It shares no code with the engine (no sympy, no flint): ``jets`` has Taylor coefficients by recursion, over intervals for the
signs and over exact numbers for the zeros. The tree of cells covers the domain by construction: a box is cut in two at a point
strictly inside, or decided by one Taylor form, so that nothing can be left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from .jets import Jet, jet, number, show
from .rings import ExactRing, Intervals, Rejected

__all__ = ["SCHEMA", "recheck", "recheck_folder", "statement"]

SCHEMA = "signescape/interval/1"
KEYS = {"schema", "engine", "statement", "fact", "cells"}
MAX_ORDER, MAX_DEPTH, MAX_BYTES = 32, 64, 10**6
SIGNS = {">": (1,), "≥": (1,), "<": (-1,), "≤": (-1,), "≠": (1, -1)}
STRICT = "<>≠"
FLIPPED = {"<": ">", "≤": "≥", ">": "<", "≥": "≤"}
EXACT = ExactRing()


def statement(fact: Mapping[str, Any]) -> str:
    """What a certificate certifies, on one line.

    >>> x = ["symbol", "x"]
    >>> statement({"given": [["≥", x, 0], ["≤", x, "pi"]], "lemmas": [], "conclusion": ["≤", ["sin", x], x]})
    'x ≥ 0, x ≤ pi ⊢ sin(x) ≤ x'
    """
    *given, conclusion = (f"{show(left)} {op} {show(right)}" for op, left, right in [*fact["given"], fact["conclusion"]])
    return ", ".join(given) + " ⊢ " * bool(given) + conclusion


def recheck(certificate: Any, fact: Any = None) -> tuple[bool, str]:
    """Whether a certificate proves its statement (and is for ``fact``, as ``fact_to_json`` writes it, where given).

    Returns (True, the statement and the number of cells) or (False, the reason); malformed data are a reason, not an error.

    >>> recheck({"schema": "signescape/polynomial/1"})
    (False, "Not an interval certificate: its schema is 'signescape/polynomial/1'.")
    """
    try:
        if not isinstance(certificate, Mapping) or certificate.get("schema") != SCHEMA:
            schema = certificate.get("schema") if isinstance(certificate, Mapping) else certificate
            raise Rejected(f"Not an interval certificate: its schema is {_short(schema)}.")
        if set(certificate) != KEYS or certificate["engine"] != "interval":
            raise Rejected(f"Not an interval certificate: its entries are {_short(sorted(map(str, certificate)))}.")
        if fact is not None and certificate["fact"] != fact:
            raise Rejected("This certificate is for another statement.")
        check = _Check(certificate["fact"])
        cells = check.tree(certificate["cells"], check.box)
        says = statement(certificate["fact"])
        if certificate["statement"] != says:
            raise Rejected(f"What it says, {_short(certificate['statement'])}, is not its statement {says}.")
    except (Rejected, ArithmeticError) as reason:
        return False, str(reason)
    except RecursionError:
        return False, "The certificate is nested too deeply."
    return True, f"{says} ({cells} cell{'s' * (cells != 1)})"


@dataclass(frozen=True)
class _End:
    """An end of a box: its term, and whether the hypotheses exclude it."""

    term: Any
    excluded: bool = False


Box = dict[str, tuple[_End, _End]]


class _Check:
    """A statement taken apart (f = left − right, its relation to 0, its box) and the check of cells against it."""

    def __init__(self, fact: Any) -> None:
        if not isinstance(fact, dict) or set(fact) != {"given", "lemmas", "conclusion"} or not isinstance(fact["given"], list):
            raise Rejected(f"Not a statement: {_short(fact)}.")
        if fact["lemmas"] != []:
            raise Rejected("An interval certificate uses no lemmas.")
        self.op, left, right = _relation(fact["conclusion"], SIGNS)
        self.f = ["add", left, ["mul", -1, right]]
        self.ring = Intervals()
        self.box = self._domain(fact["given"])

    def _domain(self, given: list[Any]) -> Box:
        found: dict[str, dict[str, list[tuple[float, bool, _End]]]] = {}
        for formula in given:
            op, left, right = _relation(formula, FLIPPED)
            if not _is_symbol(left):
                op, left, right = FLIPPED[op], right, left
            if not _is_symbol(left):
                raise Rejected(f"This hypothesis is not a bound of a variable: {_short(formula)}.")
            side, strict = found.setdefault(left[1], {"<": [], ">": []})["<" if op in "<≤" else ">"], op in STRICT
            side.append((float(self._value(right).mid), strict, _End(right, strict)))
        box: Box = {}
        for name, sides in found.items():
            if not sides["<"] or not sides[">"]:
                raise Rejected(f"{name} is not bounded on both sides.")
            low, high = max(sides[">"], key=lambda b: b[:2])[2], min(sides["<"], key=lambda b: (b[0], not b[1]))[2]
            self._require_order(low, high)
            box[name] = low, high
        return box

    def _value(self, term: Any) -> Any:
        return jet(term, {}, 1, self.ring)[0]

    def _require_order(self, low: _End, high: _End) -> None:
        if self.ring.sign(self._value(high.term) - self._value(low.term)) != 1:
            raise Rejected(f"{show(low.term)} is not below {show(high.term)}.")

    def tree(self, node: Any, box: Box, depth: int = 0) -> int:
        """The number of cells below a node, all of them checked. Raises Rejected."""
        if isinstance(node, dict) and set(node) == {"at", "order", "zeros", "sign"}:
            self._cell(node, box)
            return 1
        if not isinstance(node, dict) or set(node) != {"cut", "below", "above"} or depth > MAX_DEPTH:
            raise Rejected(f"Neither a cell nor a cut: {_short(node)}.")
        cut = node["cut"]
        if not isinstance(cut, list) or len(cut) != 2 or cut[0] not in list(box) or number(cut[1]) is None:
            raise Rejected(f"Not a cut: {_short(cut)}.")
        (low, high), middle = box[cut[0]], _End(cut[1])
        self._require_order(low, middle)
        self._require_order(middle, high)
        below = self.tree(node["below"], {**box, cut[0]: (low, middle)}, depth + 1)
        return below + self.tree(node["above"], {**box, cut[0]: (middle, high)}, depth + 1)

    def _cell(self, node: dict[str, Any], box: Box) -> None:
        """One Taylor form has the sign that the conclusion needs all over the cell, but where it vanishes exactly."""
        at, order, zeros, sign = (node[k] for k in ("at", "order", "zeros", "sign"))
        where = ", ".join(f"{show(low.term)} … {show(high.term)}" for low, high in box.values()) or "the constants"
        if not (type(order) is type(zeros) is int and 0 <= zeros <= order <= MAX_ORDER and at in ("low", "middle", "high")):
            raise Rejected(f"Not a cell: {_short(node)}.")
        if type(sign) is not int or sign not in SIGNS[self.op]:
            raise Rejected(f"The sign {_short(sign)} on {where} does not prove {self.op}.")
        if (at != "middle" or zeros) and len(box) != 1:
            raise Rejected("Only a cell in one variable is expanded at an end.")
        if zeros:
            self._check_zeros(box, at, zeros, where)
        if self.ring.sign(self._enclosure(box, at, order, zeros)) != sign:
            raise Rejected(f"The sign on {where} is not {sign:+d} by the Taylor form of order {order} with {zeros} zeros.")

    def _check_zeros(self, box: Box, at: str, zeros: int, where: str) -> None:
        ((name, (low, high)),) = box.items()
        end, direction = {"low": (low, 1), "high": (high, -1), "middle": (None, 0)}[at]
        if end is None:
            raise Rejected(f"The function cannot vanish at the middle of {where}.")
        if self.op in STRICT and not end.excluded:
            raise Rejected(f"Both sides are equal at {name} = {show(end.term)}, which the hypotheses allow.")
        line = [jet(end.term, {}, 1, EXACT)[0], EXACT.number(Fraction(direction))]
        if any(c.terms for c in jet(self.f, {name: line}, zeros, EXACT)):
            raise Rejected(f"The first {zeros} Taylor coefficients at {name} = {show(end.term)} are not all exactly 0.")

    def _enclosure(self, box: Box, at: str, order: int, zeros: int) -> Any:
        """An interval around f/t^zeros all over the cell, t being the distance from the centre (1 in several variables)."""
        ring, t = self.ring, self.ring.number(Fraction(1))
        centres: dict[str, Jet] = {}
        cells: dict[str, Jet] = {}
        for name, (low, high) in box.items():
            a, b = self._value(low.term), self._value(high.term)
            centre = {"low": a, "high": b, "middle": ring.hull(a, b).mid}[at]
            cell = ring.hull(a, b)
            step = cell - centre if at == "middle" else ring.hull(ring.number(Fraction(0)), b - a)
            if len(box) == 1:
                t, step = step, ring.number(Fraction(-1 if at == "high" else 1))
            centres[name], cells[name] = [centre, step], [cell, step]
        coefficients = jet(self.f, centres, order, ring) if order else []
        last = jet(self.f, cells, order + 1, ring)
        total = last[order] if len(last) > order else ring.number(Fraction(0))
        for k in reversed(range(zeros, order)):
            total = total * t + (coefficients[k] if k < len(coefficients) else ring.number(Fraction(0)))
        return total


def _relation(data: Any, ops: Mapping[str, Any]) -> tuple[str, Any, Any]:
    if not isinstance(data, list) or len(data) != 3 or not isinstance(data[0], str) or data[0] not in ops:
        raise Rejected(f"Not one of {' '.join(ops)}: {_short(data)}.")
    return data[0], data[1], data[2]


def _is_symbol(term: Any) -> bool:
    return (
        isinstance(term, list)
        and len(term) > 1
        and term[0] == "symbol"
        and isinstance(term[1], str)
        and term[2:] in ([], ["real"])
    )


def recheck_folder(path: str | Path) -> list[tuple[str, bool, str]]:
    """(name, ok, reason) for each file \\*.json of a folder, by name. Raises ValueError for a path that is no folder."""
    folder = Path(path)
    if not folder.is_dir():
        raise ValueError(f"Not a folder: {str(path)!r}")
    return [(file.name, *_recheck_file(file)) for file in sorted(folder.glob("*.json"))]


def _recheck_file(file: Path) -> tuple[bool, str]:
    try:
        if file.stat().st_size > MAX_BYTES:
            return False, f"The file is larger than {MAX_BYTES} bytes."
        certificate = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        return False, f"The file cannot be read: {error.strerror}."
    except (ValueError, RecursionError):
        return False, "The file is not JSON: cut short, or not a certificate at all."
    return recheck(certificate)


def _short(data: Any) -> str:
    shown = repr(data)
    return shown if len(shown) < 80 else shown[:77] + "…"
