"""A proof for a person: the tree that ``verify`` prints, and the whole argument with its formulas, as text or LaTeX."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .flows import Node, Step
from .logic import Fact, Formula, latex, text

if TYPE_CHECKING:
    from ..claims import Claim
    from ..verification import ClaimReport, Finding

__all__ = ["RULES", "as_latex", "as_text", "tree"]

MARK = {"proved": "✓", "undecided": "?", "refuted": "✗"}
RULES = {
    "conserved quantity": "its derivative along the field is zero",
    "forward invariance (Nagumo)": "on each face of the region the field points inwards, or the loss is at most exponential",
    "name": "a value at the start gets a name",
    "pointwise": "follows at every point from what is known there",
    "continuation": "a solution that stays in a compact part of the domain exists for ever",
    "comparison": "compared with a linear equation of one variable",
    "continuity": "a continuous function of converging quantities converges",
    "transversality": "the field leaves the surface at once",
    "autonomy": "the equation does not depend on time, so another path's result applies from here",
    "closed form and uniqueness": "the formula solves a polynomial equation, whose solution is unique",
    "LaSalle": "the limit points of a bounded solution of a gradient flow are critical points",
    "Grönwall": "a solution of a linear inequality keeps its sign",
    "mean value theorem": "the derivative has a sign between the two points",
    "induction": "it holds at the start and survives every step",
    "descent": "falling by at least a constant at every step, it gets below zero",
    "separation of variables": "the time is the integral of one over the speed",
}
"""What each rule says, in a line; ``flows.py`` and ``solutions.py`` prove them."""


def tree(report: "ClaimReport") -> list[str]:
    """The claim and its obligations, one a line; a step that is proved is not taken apart."""
    from ..verification import kernel_checked  # which imports this module to print itself

    c = report.claim
    below = [n for n in c.assumes if len(n) < 5]
    rests = f", rests on {', '.join(below)}" if below else ""
    facts = sum(len(f.leaves) for f in report.findings)
    head = f"{c.id:4} {report.status:9} {c.title}: {c.statement}  [{_count(facts)}, {report.seconds:.2f} s{rests}]"
    lines = [head, *(line for f in report.findings for line in _branch(f, 1))]
    return lines + [f"     ⊢ Rocq: {t['theorem']} ({t['file']}): {t['says']}" for t in kernel_checked(c.id)]


def _count(number: int) -> str:
    return "1 fact" if number == 1 else f"{number} facts"


def _branch(finding: "Finding", depth: int) -> Iterator[str]:
    count = _count(len(finding.leaves)) + ", " if finding.parts else ""
    certificate = f", {finding.certificate}" if finding.certificate else ""
    yield (
        "     " * depth
        + f"{MARK[finding.status]} {finding.words}  [{finding.engine}: {count}{finding.seconds:.2f} s{certificate}]"
    )
    if finding.parts and (finding.status != "proved" or finding.engine == "all of"):
        for part in finding.parts:
            yield from _branch(part, depth + 1)
    elif finding.status != "proved":
        why = ", ".join(f"{k} = {v}" for k, v in (finding.counter_example or {}).items()) or finding.note
        yield "     " * (depth + 1) + f"{finding.formula}"
        yield "     " * (depth + 1) + (f"fails at {why}" if finding.counter_example else why)


def as_text(claim: "Claim") -> str:
    """The proof in words and formulas, every step with what it rests on."""
    lines = [f"{claim.id}. {claim.title}", "", claim.statement, "", f"Source: {claim.source}."]
    lines += [f"Hypothesis: {h}." for h in claim.hypotheses]
    if claim.starts:
        lines.append("From " + ", ".join(map(text, claim.starts)) + (" follows, as t → ∞ or for ever: " if claim.ends else ""))
        lines += [f"    {text(f)}" for f in claim.ends]
    if claim.assumes:
        lines.append(f"Rests on: {'; '.join(claim.assumes)}.")
    lines += ["", "Proof."]
    lines += [line for i, part in enumerate(claim.proof.parts, 1) for line in _text(part, f"{i}", 0)]
    lines += [
        "",
        f"Computed by: {', '.join(claim.closed_forms)}." if claim.closed_forms else "",
        f"Falsification test: {claim.test}.",
    ]
    false = [f.words for f in claim.false]
    lines += [f"Refused: {words}." for words in false]
    return "\n".join(lines)


def _text(node: Node, number: str, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(node, Fact):
        yield f"{pad}{number}. {node.words}."
        yield f"{pad}     {_shown(node, text)}   [{node.engine}{_lemmas(node)}]"
        return
    if isinstance(node, Step):
        yield f"{pad}{number}. ({node.name}) {node.words}, by {node.rule}: {RULES.get(node.rule, '')}."
        inner: tuple[Any, ...] = node.facts
    else:
        yield f"{pad}{number}. {node.words}:"
        inner = node.parts
    for i, part in enumerate(inner, 1):
        yield from _text(part, f"{number}.{i}", depth + 1)


def _shown(fact: Fact, show: Any) -> str:
    given = ", ".join(show(g) for g in fact.given)
    return f"{given} ⊢ {show(fact.conclusion)}" if given else f"⊢ {show(fact.conclusion)}"


def _lemmas(fact: Fact) -> str:
    return "".join(f", by {u.fact.words}" for u in fact.uses)


def as_latex(claim: "Claim") -> str:
    """The same as a LaTeX document; pdflatex with amsmath, amssymb and geometry compiles it."""
    lines = [r"\documentclass{article}", r"\usepackage[T1]{fontenc}", r"\usepackage[utf8]{inputenc}"]
    lines += [r"\usepackage{amsmath,amssymb,geometry}", r"\sloppy\raggedright", r"\begin{document}"]
    lines += [rf"\section*{{{_plain(claim.id)}. {_plain(claim.title)}}}", _plain(claim.statement), ""]
    lines += [rf"\paragraph{{Hypothesis.}} {_plain(h)}" for h in claim.hypotheses]
    lines += [r"\paragraph{From}", *(_display(f) for f in claim.starts)] if claim.starts else []
    lines += [r"\paragraph{follows}", *(_display(f) for f in claim.ends)] if claim.ends else []
    lines += [r"\paragraph{Proof.}", *(line for part in claim.proof.parts for line in _latex(part)), r"\end{document}", ""]
    return "\n".join(lines)


def _display(formula: Formula) -> str:
    return rf"\[ {latex(formula)} \]"


def _latex(node: Node) -> Iterator[str]:
    if isinstance(node, Fact):
        given = ", ".join(f"${latex(g)}$" for g in node.given)
        yield rf"\par\smallskip {_plain(node.words)}:\quad {given} $\;\vdash\;$ ${latex(node.conclusion)}$."
        return
    title = f"{node.name}: {node.words}, by {node.rule}" if isinstance(node, Step) else node.words
    yield rf"\par\medskip\textbf{{{_plain(title)}.}}"
    for part in node.facts if isinstance(node, Step) else node.parts:
        yield from _latex(part)


def _plain(words: str) -> str:
    words = _DOT.sub(lambda m: f"⟨{m[1]}⟩", words)
    for mark, code in LETTERS.items():
        words = words.replace(mark, code)
    return re.sub("⟨\\$?(.*?)\\$?⟩", r"$\\dot{\1}$", words)


_DOT = re.compile("(.)\u0307")
_MATHS = {
    "θ": "theta", "β": "beta", "ψ": "psi", "π": "pi", "ω": "omega", "κ": "kappa", "ρ": "rho", "σ": "sigma", "λ": "lambda",
    "φ": "varphi", "δ": "delta", "Δ": "Delta", "χ": "chi", "ζ": "zeta", "η": "eta", "μ": "mu", "ℓ": "ell", "Φ": "Phi",
    "γ": "gamma", "α": "alpha", "≤": "le", "≥": "ge", "≠": "neq", "→": "to", "∈": "in", "⊂": "subset", "∞": "infty",
    "‖": "|", "∂": "partial", "∫": "int", "·": "cdot", "⊥": "perp", "√": "surd", "⟹": "implies", "Σ": "Sigma", "×": "times",
    "⊢": "vdash", "∧": "wedge", "∩": "cap", "∪": "cup", "¬": "neg", "ς": "varsigma",
    "Γ": "Gamma", "Θ": "Theta", "ε": "varepsilon", "∇": "nabla", "⟂": "perp", "∝": "propto",
}  # fmt: skip
_DOTTED = {"ŵ": "hat w", "ẇ": "dot w", "ȧ": "dot a", "ṙ": "dot r", "ṗ": "dot p", "ċ": "dot c", "ẋ": "dot x"}
_SMALL = {
    "⁻¹": "^{-1}",
    "²": "^2",
    "¹": "^1",
    "⁺": "^+",
    "ᵀ": "^T",
    "⅛": r"\frac18",
    "˙": r"\dot{}",
    "³": "^3",
    "⁴": "^4",
    "₊": "_+",
    "₋": "_-",
    "′": "'",
    "″": "''",
    "−": "-",
    "½": r"\frac12",
    "¼": r"\frac14",
}
LETTERS = {
    "\\": r"\textbackslash{}",
    **{c: f"\\{c}" for c in "%#&_"},
    "^": r"\textasciicircum{}",
    **{k: f"$\\{v}$" for k, v in _DOTTED.items()},
    **{k: f"$\\{v}$" for k, v in _MATHS.items()},
    **{k: f"${v}$" for k, v in _SMALL.items()},
    "…": r"\dots{}",
}
"""What the words of a proof need to be read by LaTeX, longest combinations first."""
