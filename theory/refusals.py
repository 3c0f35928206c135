"""``verify --mutants``: every mutant of the claims, refused or equivalent for a reason that an engine has checked."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from .claims import CLAIMS
from .claims.claim import Falsehood, proof_of
from .names import unknown
from .proof.engines import decide
from .proof.flows import facts_of
from .proof.mutations import Mutant, Outcome, claim_mutants, judge
from .workers import pool

__all__ = ["by_hand", "refusals", "summary"]


def refusals(
    claims: Sequence[str] = (), *, workers: int = 1, every: int = 1, progress: Callable[[int, int], None] | None = None
) -> dict[str, list[Outcome]]:
    """The outcome of each mutant by claim (all claims by default), or of every ``every``-th one.

    The outcomes are the same for any number of ``workers``. Raises ValueError for an unknown claim.
    """
    for name in claims:
        if name not in CLAIMS:
            raise unknown("claim", name, list(CLAIMS))
    names = list(claims) or list(CLAIMS)
    tasks = [(n, i) for n in names for i in range(0, len(_mutants(n)), every)]
    out: dict[str, list[Outcome]] = {n: [] for n in names}
    with pool(workers) as executor:
        found = executor.map(outcome, *zip(*tasks, strict=True), chunksize=8) if workers > 1 else (outcome(*t) for t in tasks)
        for done, ((name, _), result) in enumerate(zip(tasks, found, strict=True), 1):
            out[name].append(result)
            if progress:
                progress(done, len(tasks))
    return out


def outcome(claim: str, index: int) -> Outcome:
    """What becomes of one mutant."""
    return judge(_mutants(claim)[index])


@lru_cache(maxsize=4)
def _mutants(claim: str) -> list[Mutant]:
    return list(claim_mutants(CLAIMS[claim].build))


def by_hand(claim: str) -> dict[str, str]:
    """The false variants that the claim names, each with how it was refused; "proved" where it was not."""
    out = {}
    for false in CLAIMS[claim].false:
        nodes = false.build() if isinstance(false, Falsehood) else (false,)
        verdicts = [decide(f) for f in facts_of(proof_of(false.words, *nodes))]
        bad = next((v for v in verdicts if v.status != "proved"), None)
        point = ", ".join(f"{k} = {v}" for k, v in (bad.counter_example or {}).items()) if bad else ""
        out[false.words] = f"{bad.status}{point and ' at ' + point}" if bad else "proved"
    return out


def summary(found: dict[str, list[Outcome]]) -> list[dict[str, Any]]:
    """Per claim: how many mutants, refused (with a counter-example), equivalent by reason, and the equivalent ones by name."""
    rows = []
    for claim, outcomes in found.items():
        refused = [o for o in outcomes if o.status == "refused"]
        alike = [o for o in outcomes if o.status == "equivalent"]
        rows.append(
            {
                "id": claim,
                "mutants": len(outcomes),
                "refused": len(refused),
                "with_counter_example": sum(o.counter_example is not None for o in refused),
                "refused_otherwise": dict(
                    Counter(o.reason.partition(" (")[0].partition(":")[0] for o in refused if not o.counter_example)
                ),
                "equivalent": dict(Counter(o.reason for o in alike)),
                "equivalents": [f"{o.words}: {o.reason}" for o in alike],
                "by_hand": by_hand(claim),
            }
        )
    return rows
