"""A second translation of polynomial facts, from the JSON of a certificate to SMT-LIB, for a second solver (cvc5) or z3.

Nothing is shared with ``smt.py``, and the script is another one: quotients are SMT-LIB's own ``/`` (arbitrary at 0), sinh, cosh
and tanh are rational in exp, cases are implications, angles are split by ``normal.linear``. As there, a lemma speaks only where
its terms are defined, and the conclusion must hold whatever an undefined term is taken for.
"""

import atexit
import json
import subprocess
import sys
from contextlib import suppress
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from threading import Timer
from typing import Any

from .normal import ATOMS, MAX_POWER, NotDecided, common_parts, linear

__all__ = ["by_cvc5", "script"]

ORDER = {"=": "(= {} {})", "≠": "(distinct {} {})", "<": "(< {} {})", "≤": "(<= {} {})", ">": "(> {} {})", "≥": "(>= {} {})"}
DOMAIN = {
    "log": ["(> {} 0)"],
    "gamma": ["(> {} 0)"],
    "asin": ["(<= (- 1) {})", "(<= {} 1)"],
    "acos": ["(<= (- 1) {})", "(<= {} 1)"],
    "acosh": ["(>= {} 1)"],
    "atanh": ["(< (- 1) {})", "(< {} 1)"],
}
RUN_CVC5 = """
import sys, cvc5
for line in sys.stdin:
    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("nl-cov", "true")
    solver.setOption("nl-cov-prune", "true")
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, line, "certificate")
    answer = ""
    while not (command := parser.nextCommand()).isNull():
        answer += command.invoke(solver, parser.getSymbolManager())
    print(answer.strip(), flush=True)
"""


def script(given: list[Any], lemmas: list[Any], conclusion: Any) -> str:
    """SMT-LIB text that is unsatisfiable where hypotheses and lemmas imply the conclusion. Raises NotDecided for other terms.

    >>> x = ["symbol", "x", "real"]
    >>> print(script([[">", x, 0]], [], [">", ["pow", x, -1], 0]))
    (set-logic QF_NRA)
    (declare-const v0 Real)
    (assert (> v0 0))
    (assert (not (> (/ 1 v0) 0)))
    (check-sat)
    <BLANKLINE>
    """
    out = _Text([given, lemmas, conclusion])
    claims = [out.formula(g) for g in given]
    for lemma in lemmas:
        out.needs = []
        smt = out.formula(lemma)
        claims.append(f"(=> (and true {' '.join(out.needs)}) {smt})")
    claims.append(f"(not {out.formula(conclusion)})")
    lines = [*(f"(declare-const {v} Real)" for v in out.names.values()), *(f"(assert {c})" for c in [*out.axioms, *claims])]
    return "\n".join(["(set-logic QF_NRA)", *lines, "(check-sat)", ""])


def by_cvc5(source: str, seconds: float = 3.0) -> str:
    """cvc5's answer (unsat, sat or unknown) to a script without comments; "missing" where cvc5 is not installed.

    It runs in a process of its own, kept for the next script, because its own limits do not stop it everywhere.
    """
    if find_spec("cvc5") is None:
        return "missing"
    process = _cvc5()
    assert process.stdin
    assert process.stdout
    clock = Timer(seconds, process.kill)
    clock.start()
    try:
        process.stdin.write(source.replace("\n", " ") + "\n")
        process.stdin.flush()
        answer = process.stdout.readline().strip()
    except BrokenPipeError:
        answer = ""
    clock.cancel()
    if answer not in ("unsat", "sat"):
        _stop(process)
        _cvc5.cache_clear()
    return answer if answer in ("unsat", "sat") else "unknown"


@cache
def _cvc5() -> "subprocess.Popen[str]":
    pipe, command = subprocess.PIPE, [sys.executable, "-c", RUN_CVC5]
    process = subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
    atexit.register(_stop, process)
    return process


def _stop(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(BrokenPipeError):
                pipe.close()


class _Text:
    def __init__(self, formulas: list[Any]):
        self.names: dict[str, str] = {}
        self.axioms: list[str] = []
        self.needs: list[str] = []
        self.parts = common_parts(formulas)

    def formula(self, data: Any) -> str:
        head, *rest = data
        if head in ORDER:
            return ORDER[head].format(*map(self.term, rest))
        if head not in ("and", "or", "not"):
            raise NotDecided(f"Not a formula: {head!r}")
        empty = {"and": "true", "or": "false"}
        return (
            f"({head} {' '.join(map(self.formula, rest))})" if len(rest) > 1 or head == "not" else self._few(rest, empty[head])
        )

    def _few(self, rest: list[Any], empty: str) -> str:
        return self.formula(rest[0]) if rest else empty

    def variable(self, key: str, *axioms: str) -> str:
        """The real called ``key``; axioms, with @ for it, are added when it is new."""
        if key not in self.names:
            self.names[key] = f"v{len(self.names)}"
            self.axioms += [a.replace("@", self.names[key]) for a in axioms]
        return self.names[key]

    def term(self, data: Any) -> str:
        if isinstance(data, int) or (isinstance(data, str) and data not in ("pi", "E")):
            return _number(Fraction(data))
        if data == "pi":
            return self.variable("pi", "(> @ 3.14159)", "(< @ 3.1416)")
        if data == "E":
            return self._exponential("exp", 1)
        head, *rest = data
        if head == "symbol":
            return self.variable(f"symbol {rest[0]}")
        if head in ("add", "mul"):
            return f"({'+' if head == 'add' else '*'} {0 if head == 'add' else 1} {' '.join(map(self.term, rest))})"
        if head == "pow":
            return self._power(*rest)
        if head in ("sin", "cos", "tan", "cot", "sec", "csc"):
            return self._circular(head, rest[0])
        if head in ("exp", "sinh", "cosh", "tanh", "coth"):
            return self._exponential(head, rest[0])
        return self._chosen(head, rest) if head in ("abs", "max", "min", "sign") else self._atom(head, data)

    def _power(self, base: Any, exponent: Any) -> str:
        if isinstance(exponent, list) or exponent in ("pi", "E") or abs(Fraction(exponent)) > MAX_POWER:
            raise NotDecided(f"A power of {exponent}.")
        n, inner = Fraction(exponent), self.term(base)
        if n.denominator > 1:
            self.needs.append(f"(<= 0 {inner})")
            whole = "(* 1" + " @" * n.denominator + ")"
            root = f"root {n.denominator} of {json.dumps(base)}"
            inner = self.variable(root, f"(or (< {inner} 0) (and (<= 0 @) (= {inner} {whole})))")
        product = "(* 1" + f" {inner}" * abs(n.numerator) + ")" if abs(n.numerator) != 1 else inner
        return product if n >= 0 else self._quotient("1", product)

    def _quotient(self, above: str, below: str) -> str:
        self.needs.append(f"(distinct {below} 0)")
        return f"(/ 1 {below})" if above == "1" else f"(* {above} (/ 1 {below}))"

    def _circular(self, head: str, u: Any) -> str:
        self.term(u)
        cosine, sine = "1", "0"
        for key, factor in linear(u).items():
            x, y = self.variable(f"cos {key}"), self.variable(f"sin {key}")
            self.axioms.append(f"(= 1 (+ (* {x} {x}) (* {y} {y})))")
            n = int(factor * self.parts["angle", key])
            if abs(n) > 12:
                raise NotDecided(f"An angle of {n} parts.")
            for _ in range(abs(n)):
                turned = y if n > 0 else f"(- {y})"
                cosine, sine = f"(- (* {cosine} {x}) (* {sine} {turned}))", f"(+ (* {cosine} {turned}) (* {sine} {x}))"
        above, below = {"tan": (sine, cosine), "cot": (cosine, sine), "sec": ("1", cosine), "csc": ("1", sine)}.get(
            head, ("", "")
        )
        return self._quotient(above, below) if above else sine if head == "sin" else cosine

    def _exponential(self, head: str, u: Any) -> str:
        if u != 1:
            self.term(u)
        factors = ["1"]
        for key, factor in linear(u).items():
            n = int(factor * self.parts["exponent", key])
            if abs(n) > MAX_POWER:
                raise NotDecided(f"An exponent of {n} parts.")
            whole = f"(* 1{' @' * self.parts['exponent', key]})"
            near = (f"(> {whole} 2.718)", f"(< {whole} 2.719)") if key == "1" else ()
            single = self.variable(f"exp {key}", "(> @ 0)", *near)
            factors += [single if n > 0 else f"(/ 1 {single})"] * abs(n)
        up = f"(* {' '.join(factors)})"
        sine, cosine = f"(/ (- {up} (/ 1 {up})) 2)", f"(/ (+ {up} (/ 1 {up})) 2)"
        if head in ("tanh", "coth"):
            return self._quotient(sine, cosine) if head == "tanh" else self._quotient(cosine, sine)
        return {"exp": up, "sinh": sine, "cosh": cosine}[head]

    def _chosen(self, head: str, parts: list[Any]) -> str:
        terms = [self.term(p) for p in parts]
        if head == "sign":
            (u,) = terms
            cases = [f"(=> (> {u} 0) (= @ 1))", f"(=> (< {u} 0) (= @ (- 1)))", f"(=> (= {u} 0) (= @ 0))"]
        else:
            terms += [f"(- {terms[0]})"] if head == "abs" else []
            less = "<=" if head == "min" else ">="
            cases = [f"({less} @ {t})" for t in terms] + [f"(or {' '.join(f'(= @ {t})' for t in terms)} false)"]
        return self.variable(json.dumps([head, *parts]), *cases)

    def _atom(self, head: str, data: Any) -> str:
        if head not in ATOMS:
            raise NotDecided(f"No rule for {head!r}.")
        for part in data[2:] if head == "apply" else data[1:]:
            inner = self.term(part)
            self.needs += [need.format(inner) for need in DOMAIN.get(head, ())]
        bounds = (f"(< (* 2 @) {self.term('pi')})", f"(< (- {self.term('pi')}) (* 2 @))") if head == "atan" else ()
        return self.variable(json.dumps(data), *bounds)


def _number(x: Fraction) -> str:
    size = f"{abs(x.numerator)}" if x.denominator == 1 else f"(/ {abs(x.numerator)} {x.denominator})"
    return f"(- {size})" if x < 0 else size
