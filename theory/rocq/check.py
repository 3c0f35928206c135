"""Ask Coq what the claimed theorems assume, and fail on anything but the axioms of its real numbers.

``python3 check.py`` (after ``make build``; standard library only) checks that

- no file postulates anything: no ``Admitted``, ``Axiom``, ``Parameter``, switched-off check, … outside comments;
- every .v file is in ``_CoqProject``, every theorem of ``claims.json`` is stated in the file that it names;
- ``Assumptions.v`` is what ``claims.json`` gives (``--write`` writes it);
- Coq's ``Print Assumptions`` lists nothing beyond ``ALLOWED`` for the theorems of any claim together (seconds), or, with
  ``--each``, for each theorem by itself as in ``Assumptions.v`` (about a second a theorem).

``--json`` prints the result as one JSON document. The exit status is 0 only when all of this holds.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["ALLOWED", "Theorem", "assumptions", "defects", "read_claims", "without_comments"]

FOLDER = Path(__file__).resolve().parent
ALLOWED = frozenset(
    {
        "ClassicalDedekindReals.sig_not_dec",
        "ClassicalDedekindReals.sig_forall_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }
)
# Hypothesis and Variable are allowed: outside a section Coq makes them axioms, which Print Assumptions shows.
FORBIDDEN = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjectures?|Declare|Unset|bypass_check|type_in_type|Extract|Redirect)\b"
)
HEADER = "(** Written by check.py from claims.json: what every claimed theorem assumes. *)"


@dataclass(frozen=True)
class Theorem:
    """A row of ``claims.json``: the claim, the theorem's name, its file and what it says in words."""

    claim: str
    theorem: str
    file: str
    says: str

    @property
    def qualified(self) -> str:
        """The name with its module, e.g. ``Basin.basin_iff``."""
        return f"{self.file.removesuffix('.v')}.{self.theorem}"


def read_claims(path: Path = FOLDER / "claims.json") -> list[Theorem]:
    """All rows of ``claims.json``, in order."""
    table = json.loads(path.read_text(encoding="utf-8"))
    return [Theorem(claim, **row) for claim, rows in table.items() for row in rows]


def without_comments(source: str) -> str:
    """The source without its (nested) comments.

    >>> without_comments("Lemma x. (* Admitted (* twice *) *) Qed.")
    'Lemma x.  Qed.'
    """
    depth, kept = 0, []
    for token in re.findall(r"\(\*|\*\)|.", source, re.DOTALL):
        if token == "(*":
            depth += 1
        elif token == "*)" and depth:
            depth -= 1
        elif not depth:
            kept.append(token)
    return "".join(kept)


def imports(theorems: list[Theorem]) -> str:
    """The commands that load the theorems' modules."""
    modules = dict.fromkeys(theorem.file.removesuffix(".v") for theorem in theorems)
    return "".join(f"From Signescape Require {module}.\n" for module in modules)


def assumptions_file(theorems: list[Theorem]) -> str:
    """The text of ``Assumptions.v``: one question per theorem."""
    questions = "".join(f"Print Assumptions {theorem.qualified}.\n" for theorem in theorems)
    return f"{HEADER}\n{imports(theorems)}\n{questions}"


def claims_file(theorems: list[Theorem]) -> str:
    """One question per claim, about all its theorems together."""
    questions = ""
    for claim in dict.fromkeys(theorem.claim for theorem in theorems):
        together = ", ".join(theorem.qualified for theorem in theorems if theorem.claim == claim)
        questions += f"Definition {claim} := ({together}).\nPrint Assumptions {claim}.\n"
    return imports(theorems) + questions


def defects(theorems: list[Theorem], folder: Path = FOLDER) -> list[str]:
    """What is wrong with the sources, in sentences; empty when nothing is."""
    found = []
    project = (folder / "_CoqProject").read_text(encoding="utf-8").split()
    sources = {path.name: without_comments(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.v"))}
    for name, source in sources.items():
        if name != "Assumptions.v" and name not in project:
            found.append(f"{name} is not in _CoqProject.")
        found += [f"{name} contains the word {word!r}." for word in sorted(set(FORBIDDEN.findall(source)))]
    for row in theorems:
        stated = rf"\b(Theorem|Lemma|Corollary)\s+{re.escape(row.theorem)}\b"
        if not re.search(stated, sources.get(row.file, "")):
            found.append(f"{row.claim}: {row.file} states no theorem {row.theorem!r}.")
    return found


def parse(output: str) -> list[list[str]]:
    """The axioms of each ``Print Assumptions`` in Coq's output, in order.

    >>> parse("Closed under the global context\\nAxioms:\\nA.b : nat\\n  -> nat\\nC.d\\n  : Prop\\n")
    [[], ['A.b', 'C.d']]
    """
    answers: list[list[str]] = []
    for line in output.splitlines():
        if line.startswith(("Closed under the global context", "Axioms:")):
            answers.append([])
        elif line and not line[0].isspace():
            if not answers:
                raise ValueError(f"Coq said something unexpected: {line!r}")
            answers[-1].append(line.split()[0])
    return answers


def ask(questions: str, folder: Path = FOLDER) -> list[list[str]]:
    """Coq's answers to a file of questions; the theorems must have been built."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "Questions.v"
        source.write_text(questions, encoding="utf-8")
        command = ["coqc", "-w", "none", "-Q", str(folder), "Signescape", str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"Coq refused the questions: {done.stderr}")
    return parse(done.stdout)


def assumptions(theorems: list[Theorem], *, each: bool = False) -> list[list[str]]:
    """Per theorem the axioms that it (with ``each``) or its claim (all of the claim's theorems together) rests on."""
    if each:
        return ask(assumptions_file(theorems))
    claims = list(dict.fromkeys(theorem.claim for theorem in theorems))
    answers = dict(zip(claims, ask(claims_file(theorems)), strict=True))
    return [answers[theorem.claim] for theorem in theorems]


def main() -> int:
    """Run the check and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--each", action="store_true", help="ask about each theorem by itself")
    parser.add_argument("--write", action="store_true", help="write Assumptions.v first")
    options = parser.parse_args()
    theorems = read_claims()
    target = FOLDER / "Assumptions.v"
    if options.write:
        target.write_text(assumptions_file(theorems), encoding="utf-8")
    wrong = defects(theorems)
    if not target.exists() or target.read_text(encoding="utf-8") != assumptions_file(theorems):
        wrong.append("Assumptions.v is not what claims.json gives: run check.py --write.")
    answers = [[] for _ in theorems] if wrong else assumptions(theorems, each=options.each)
    rows = []
    verb = "assumes" if options.each else "assumes at most"
    for theorem, axioms in zip(theorems, answers, strict=True):
        extra = sorted(set(axioms) - ALLOWED)
        wrong += [f"{theorem.claim}: {theorem.qualified} assumes {name}." for name in extra]
        rows.append({**asdict(theorem), "assumes": sorted(axioms)})
    if options.json:
        print(json.dumps({"ok": not wrong, "defects": wrong, "theorems": rows}, ensure_ascii=False, indent=1))
    else:
        for theorem, row in zip(theorems, rows, strict=True):
            print(f"{theorem.claim:4} {theorem.qualified}\n       {theorem.says}")
            print(f"       {verb}: {', '.join(row['assumes']) or ('not asked' if wrong else 'nothing')}")
        print("\n".join(wrong) or f"{len(rows)} theorems, no axiom but those of Coq's real numbers.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
