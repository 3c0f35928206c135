"""The report: claims, figures, the table theory / simulation / networks, and the provenance of every number, on one page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from theory.records import to_json, write

from .page import Page
from .tables import agreement_rows, comparison_rows, deep_rows, escape_rows

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
        A claim is proved when all of its obligations are. So far one engine decides: identities, by sympy, on the
        functions that compute. Obligations marked … (signs, limits, invariance) wait for an engine of their own, so their
        claims are open.
    """)
    for claim in verified["claims"]:
        page.claim(claim)
    page.parts.append('<p class=soft><a href="#of-verify">Settings and provenance of the verification</a></p>')


def _trial_by_trial(page: Page, documents: Documents) -> None:
    page.heading("Trial by trial")
    page.text("""
        theory.learns against gradient descent on finite samples, each trial with its own data. Trials within a margin that
        was fixed in advance are set aside. Misses of LRR are classified by the first predictor that gets them right.
    """)
    page.table(*agreement_rows(documents["agreement"]))
    page.text("Sign-escape times: T6 against the integrated flow in d dimensions.")
    page.table(*escape_rows(documents["escape"]))
