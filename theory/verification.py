"""``verify``: every obligation of the claims put to its engine; proved is only what an engine has decided."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from .claims import CLAIMS, Claim
from .names import unknown
from .proof.certificates import file_name
from .proof.engines import decide
from .proof.flows import Group, Node, Step, facts_of
from .proof.logic import Fact, Verdict
from .workers import pool

__all__ = ["ClaimReport", "Finding", "Report", "kernel_checked", "verify"]

ORDER = ("proved", "undecided", "refuted")


@dataclass(frozen=True)
class Finding:
    """What became of a node of a proof: of one fact, or of everything below a step or heading (``parts``).

    ``engine`` is that of a fact, or the rule of a step; ``formula`` the fact itself; ``note`` what is left of an undecided
    one.
    """

    words: str
    status: str
    engine: str
    seconds: float
    formula: str = ""
    note: str = ""
    counter_example: dict[str, str] | None = None
    certificate: str = ""
    evidence: Mapping[str, Any] | None = field(default=None, repr=False)
    parts: tuple["Finding", ...] = ()

    def as_dict(self) -> dict[str, object]:
        """For JSON, without what is empty."""
        own = {k: v for k, v in vars(self).items() if k not in ("parts", "evidence") and v not in ("", None)}
        return own | ({"parts": [p.as_dict() for p in self.parts]} if self.parts else {})

    @property
    def leaves(self) -> list["Finding"]:
        """The facts below, in order."""
        return [self] if self.formula else [x for p in self.parts for x in p.leaves]


@dataclass(frozen=True)
class ClaimReport:
    """A claim with its findings and the reports of the claims it rests on; its status is that of the weakest part."""

    claim: Claim
    findings: tuple[Finding, ...]
    rests_on: tuple["ClaimReport", ...] = ()

    @property
    def own(self) -> str:
        """The status by the claim's own obligations alone; without a single one nothing is decided."""
        return weakest(f.status for f in self.findings) if any(f.leaves for f in self.findings) else "undecided"

    @property
    def status(self) -> str:
        """One of proved, undecided, refuted. Resting on a claim that fails leaves a claim undecided at best."""
        below = weakest(c.status for c in self.rests_on)
        return self.own if below == "proved" else weakest((self.own, "undecided"))

    @property
    def seconds(self) -> float:
        """Time spent by the engines."""
        return sum(leaf.seconds for f in self.findings for leaf in f.leaves)

    def as_dict(self) -> dict[str, object]:
        """The claim for JSON."""
        c = self.claim
        return {
            "id": c.id,
            "title": c.title,
            "statement": c.statement,
            "hypotheses": list(c.hypotheses),
            "source": c.source,
            "status": self.status,
            "seconds": self.seconds,
            "facts": sum(len(f.leaves) for f in self.findings),
            "rests_on": list(c.assumes),
            "closed_forms": list(c.closed_forms),
            "falsification_test": c.test,
            "kernel_checked": kernel_checked(c.id),
            "obligations": [f.as_dict() for f in self.findings],
        }


@dataclass(frozen=True)
class Report:
    """All claims that were checked."""

    claims: tuple[ClaimReport, ...] = ()

    @cached_property
    def statuses(self) -> dict[str, str]:
        """Status by claim id."""
        return {c.claim.id: c.status for c in self.claims}

    @property
    def holds(self) -> bool:
        """True where every claim is proved."""
        return all(s == "proved" for s in self.statuses.values())

    def as_dict(self) -> dict[str, object]:
        """{"claims": [{"id": "T1", "status": …, …}, …]}."""
        return {"claims": [c.as_dict() for c in self.claims]}

    def __str__(self) -> str:
        from .proof.prose import tree

        lines = [line for c in self.claims for line in tree(c)]
        leaves = [leaf for c in self.claims for f in c.findings for leaf in f.leaves]
        done = sum(leaf.status == "proved" for leaf in leaves)
        proved = sum(s == "proved" for s in self.statuses.values())
        return "\n".join([*lines, f"{proved} of {len(self.claims)} claims proved; {done} of {len(leaves)} facts."])


def weakest(statuses: Iterable[str]) -> str:
    """The worst of several; proved if there are none."""
    return max(statuses, key=ORDER.index, default="proved")


@cache
def _kernel() -> dict[str, list[dict[str, str]]]:
    path = files("theory") / "rocq" / "claims.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def kernel_checked(claim: str) -> list[dict[str, str]]:
    """The theorems of ``theory/rocq`` about a claim: {"theorem": …, "file": …, "says": …}; ``make rocq`` checks them."""
    return _kernel().get(claim, [])


def verify(
    claims: str | Iterable[str] | None = None, *, workers: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Report:
    """Check claims by id ("T1", "T2b", …; all by default), with the claims they rest on; every obligation by its engine.

    ``workers``: processes (default: one a core for more than one claim); the verdicts are the same for any number. ``progress``
    is told how many of how many facts are decided. Raises ValueError for an unknown id or ``workers`` that is no whole number.

    >>> verify(["T1"]).statuses
    {'T1': 'proved'}
    """
    wanted: Sequence[str] = list(CLAIMS) if claims is None else [claims] if isinstance(claims, str) else list(claims)
    for name in wanted:
        if name not in CLAIMS:
            raise unknown("claim", str(name), list(CLAIMS))
    needed = list(dict.fromkeys(x for name in wanted for x in _with_support(name)))
    proofs = {name: CLAIMS[name].proof for name in needed}
    if workers is None:
        workers = (os.cpu_count() or 1) if len(needed) > 2 else 1
    verdicts = decide_all(facts_of(*proofs.values()), workers, progress)
    reports: dict[str, ClaimReport] = {}
    for name in sorted(needed, key=lambda n: len(_with_support(n))):
        below = tuple(reports[x] for x in CLAIMS[name].assumes if x in CLAIMS)
        reports[name] = ClaimReport(CLAIMS[name], _findings(proofs[name], verdicts), below)
    return Report(tuple(reports[name] for name in wanted))


def _with_support(name: str) -> list[str]:
    """The claim after everything that it rests on."""
    below = [x for n in CLAIMS[name].assumes if n in CLAIMS for x in _with_support(n)]
    return list(dict.fromkeys([*below, name]))


def decide_all(
    facts: Sequence[Fact], workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> dict[Fact, Verdict]:
    """A verdict for every fact, in ``workers`` processes."""
    found: dict[Fact, Verdict] = {}
    told = progress or (lambda done, total: None)
    if workers == 1:
        for fact in facts:
            found[fact] = decide(fact)
            told(len(found), len(facts))
        return found
    with pool(workers) as executor:
        for fact, verdict in zip(facts, executor.map(decide, facts, chunksize=4), strict=True):
            found[fact] = verdict
            told(len(found), len(facts))
    return found


def _findings(proof: Group, verdicts: dict[Fact, Verdict]) -> tuple[Finding, ...]:
    """The proof's nodes with verdicts; lemmas that are nowhere else in it come last."""
    shown = set(_shown(proof))
    rest = tuple(f for f in facts_of(proof) if f not in shown)
    parts: tuple[Node, ...] = (*proof.parts, Group("lemmas used", rest)) if rest else proof.parts
    return tuple(_finding(node, verdicts) for node in parts)


def _shown(node: Node) -> list[Fact]:
    if isinstance(node, Fact):
        return [node]
    return [x for part in (node.facts if isinstance(node, Step) else node.parts) for x in _shown(part)]


def _finding(node: Node, verdicts: dict[Fact, Verdict]) -> Finding:
    if isinstance(node, Fact):
        v = verdicts[node]
        example = None if v.counter_example is None else dict(v.counter_example)
        kind = "" if v.certificate is None else file_name(v.certificate).removesuffix(".json")
        note = "" if v.status == "proved" else v.note
        return Finding(node.words, v.status, v.engine, v.seconds, str(node), note, example, kind, v.certificate)
    inner = tuple(_finding(x, verdicts) for x in (node.facts if isinstance(node, Step) else node.parts))
    words = f"{node.name}: {node.words}" if isinstance(node, Step) and node.name != node.words else node.words
    rule = node.rule if isinstance(node, Step) else "all of"
    return Finding(words, weakest(f.status for f in inner), rule, sum(f.seconds for f in inner), parts=inner)
