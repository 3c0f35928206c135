"""The report: claims, figures, the table theory / simulation / networks, and the provenance of every number, on one page."""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from theory.records import to_json, write

from .page import Page
from .tables import agreement_rows, comparison_rows, criteria_rows, deep_rows, escape_rows

__all__ = ["write_report"]

Documents = Mapping[str, Mapping[str, Any]]


def write_report(
    out: Path, verified: Mapping[str, Any], documents: Documents, figures: Mapping[str, tuple[Path, str]], networks: list[str]
) -> Path:
    """Write ``out``/index.html; returns its path.

    ``documents``: stored results by name; ``figures``: PNG and caption by name; ``networks``: the documents that hold deep
    runs, the first of which stands in the comparison.
    """
    page = Page("Learning-rate rewinding escapes the signs in which iterative magnitude pruning is stuck")
    page.text("""
        Three answers to one statement: claims about a ReLU neuron a·φ(w·x) that learns a teacher φ(x_1), simulations of
        that neuron, and the same algorithms on networks. Each number links to the settings, the commit and the machine
        that made it.
    """)
    page.heading("Theory, simulation, networks")
    page.table(("statement", "theory", "simulation", "networks", "settings"), comparison_rows(documents, networks[0]))
    page.text("Intervals at 95 %: exact for counts, t-intervals of paired differences for networks.", soft=True)
    page.heading("Figures")
    for name, (path, caption) in figures.items():
        page.figure(path, caption, name)
    _claims(page, verified)
    _criteria(page)
    _trial_by_trial(page, documents)
    for name in networks:
        page.heading(f"Networks: {name}")
        page.table(*deep_rows(documents[name], name))
    page.heading("Provenance")
    page.provenance("verify", verified.get("provenance", {}))
    for name, document in documents.items():
        page.provenance(name, document["provenance"])
    write(out / "verify.json", to_json(verified))
    write(out / "index.html", str(page))
    return out / "index.html"


def _claims(page: Page, verified: Mapping[str, Any]) -> None:
    page.heading("The claims")
    page.text("""
        A claim is proved when every fact below it is, and every claim that it rests on. Facts are decided by three engines that
        can refuse: exact identities of the functions that compute (sympy, re-checked by a normal form of polynomials), order
        facts on an interval (Taylor models in balls, re-checked by a second implementation), polynomial facts over the reals
        (z3). Rules for flows (invariance, comparison, continuity) compute their premises from the flow itself. The core is
        proved again in Rocq, down to the axioms of the real numbers.
    """)
    page.table(
        ("claim", "status", "facts", "seconds", "rests on", "theorems in Rocq", "settings"), map(claim_row, verified["claims"])
    )
    for claim in verified["claims"]:
        page.claim(claim)
    page.parts.append('<p class=soft><a href="#of-verify">Settings and provenance of the verification</a></p>')


def _criteria(page: Page) -> None:
    """T8 and T9 from theory/results; the provenance is that of the stored table."""
    document = json.loads((files("theory") / "results" / "success-table.json").read_text(encoding="utf-8"))
    page.heading("Mask criteria")
    summary = document["summary"]
    page.text(f"""
        One-shot pruning of the neuron to one weight after a long dense phase, d = 10, by criterion (T8). W is the size of w_1
        at the start, M and μ the largest and the smallest of the others, m the learned size. Exact probabilities; the whole
        table has {summary["with a probability"]} cells of criterion, initialisation, restart (T9) and d, of which
        {summary["outside the 99.9 % interval"]} lie outside the 99.9 % interval of {document["settings"]["n"]} simulated
        starts.
    """)
    page.table(*criteria_rows(document))
    page.provenance("success-table", {k: v for k, v in document.items() if k != "rows"})


def claim_row(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """A line of the table of claims."""
    below = ", ".join(n for n in claim["rests_on"] if len(n) < 5)
    theorems = ", ".join(t["theorem"] for t in claim["kernel_checked"])
    name = f"{claim['id']} {claim['title']}"
    return name, claim["status"], str(claim["facts"]), f"{claim['seconds']:.2f}", below or "–", theorems or "–", "#verify"


def _trial_by_trial(page: Page, documents: Documents) -> None:
    page.heading("Trial by trial")
    page.text("""
        theory.learns against gradient descent on finite samples, each trial with its own data. Trials that the initial values
        alone do not predict are classified by the first predictor that does: the trial's own branches, its mask too, the
        simulated restart of its last level. Trials within a margin that was fixed in advance are counted apart.
    """)
    page.table(*agreement_rows(documents["agreement"]))
    page.text("Sign-escape times: T6 against the integrated flow in d dimensions.")
    page.table(*escape_rows(documents["escape"]))
