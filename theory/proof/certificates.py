"""Certificates in a folder: one file a fact and a list of which claim needs which; re-checked without searching.

| engine   | what the certificate holds            | what re-checks it                                                   |
|----------|---------------------------------------|---------------------------------------------------------------------|
| interval | cells and orders of Taylor forms      | ``recheck.py``: fractions and mpmath's intervals, no sympy, no flint|
| identity | both sides as terms                   | ``normal.py``: a normal form of polynomials in python-flint         |
| z3       | the query as an SMT-LIB 2 script      | ``polynomials.recheck``: a second translation, by another solver    |

That the certificates of a claim are those of its facts is checked too: the proof is built anew, and nothing in it is decided.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..records import to_json, write
from ..workers import pool
from .terms import fact_from_json

if TYPE_CHECKING:
    from ..verification import Report

__all__ = ["file_name", "recheck_all", "recheck_file", "require_empty", "write_all"]

SCHEMA = "signescape.certificates/1"
CHECKERS = {"interval": ".recheck", "identity": ".identities", "z3": ".polynomials"}
LIST = "claims.json"
WORTH_A_POOL = 150


def require_empty(folder: Path) -> None:
    """A new or empty folder, or one with earlier certificates, may be written to. Raises ValueError for any other."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"Certificates go into a folder, but {str(folder)!r} is a file.")
    if folder.is_dir() and any(folder.iterdir()) and not _is_list(folder / LIST):
        raise ValueError(f"The folder {str(folder)!r} holds other files and no {LIST} of certificates; nothing was changed.")


def _is_list(path: Path) -> bool:
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("schema") == SCHEMA
    except (OSError, ValueError, AttributeError):
        return False


def write_all(folder: Path, report: "Report") -> int:
    """Write every certificate of a report; returns how many. Files of an earlier report go."""
    folder.mkdir(parents=True, exist_ok=True)
    earlier = set(folder.glob("*-*.json"))
    lists: dict[str, list[str]] = {}
    for claim in report.claims:
        for leaf in (leaf for f in claim.findings for leaf in f.leaves):
            if leaf.evidence is not None:
                name = file_name(leaf.evidence)
                write(folder / name, to_json(dict(leaf.evidence)))
                lists.setdefault(claim.claim.id, []).append(name)
    counts = {c.claim.id: sum(len(f.leaves) for f in c.findings) for c in report.claims}
    named = {n for names in lists.values() for n in names}
    write(folder / LIST, to_json({"schema": SCHEMA, "claims": lists, "facts": counts}))
    for path in earlier - {folder / n for n in named}:
        path.unlink()
    return len(named)


def file_name(certificate: Mapping[str, Any]) -> str:
    """The engine and a digest of the content."""
    digest = hashlib.sha256(json.dumps(certificate, sort_keys=True).encode()).hexdigest()
    return f"{certificate['engine']}-{digest[:16]}.json"


def recheck_all(folder: Path, claims: Iterable[str] = (), workers: int | None = None) -> list[dict[str, Any]]:
    """{"file", "holds", "reason"} for every certificate that the folder's list names, or those of some claims.

    A fact of a claim, built anew, that none of the claim's certificates states, and a missing, corrupt or renamed file, are
    findings that do not hold. Raises ValueError for a folder without a list, or a claim that is not in it.
    """
    if not _is_list(folder / LIST):
        raise ValueError(f"{str(folder)!r} is no folder of certificates: it has no readable {LIST} of them.")
    lists = json.loads((folder / LIST).read_text(encoding="utf-8"))
    wanted = list(claims) or list(lists["claims"])
    for claim in wanted:
        if claim not in lists["claims"]:
            raise ValueError(f"There are no certificates of {claim!r} in {str(folder)!r}.")
    paths = [folder / n for n in sorted({n for c in wanted for n in lists["claims"][c]})]

    def short() -> list[dict[str, Any]]:
        reasons = [(c, why) for c in wanted for why in _missing(c, [folder / n for n in lists["claims"][c]])]
        return [{"file": c, "holds": False, "reason": why} for c, why in reasons]

    workers = workers or (1 if len(paths) < WORTH_A_POOL else os.cpu_count() or 1)
    if workers == 1:
        return short() + [recheck_file(p) for p in paths]
    with pool(workers) as executor:  # the claims are built here while others check
        checked = executor.map(recheck_file, paths, chunksize=16)
        return short() + list(checked)


def _missing(claim: str, paths: Iterable[Path]) -> list[str]:
    """What the claim as it stands needs and no certificate states."""
    from ..claims import CLAIMS
    from .engines import certified
    from .flows import facts_of

    if claim not in CLAIMS:
        return ["there is no such claim"]
    stated = {_canonical(_read(p).get("fact")) for p in paths}
    facts = facts_of(CLAIMS[claim].proof)
    bare = [f for f in facts if not stated & {_canonical(s) for s in certified(f)}]
    return [f"a fact of this claim has no certificate: {f}" for f in bare]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True)


def recheck_file(path: Path) -> dict[str, Any]:
    """One certificate by the second implementation of its engine."""
    holds, reason = _checked(path)
    return {"file": path.name, "holds": holds, "reason": reason}


def _checked(path: Path) -> tuple[bool, str]:
    try:
        certificate = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False, "the file is missing"
    except (OSError, ValueError):
        return False, "the file is not JSON"
    if not isinstance(certificate, dict) or certificate.get("engine") not in CHECKERS:
        return False, "this is no certificate"
    if file_name(certificate) != path.name:
        return False, "the file was changed: its name is not that of its content"
    module = import_module(CHECKERS[certificate["engine"]], __package__)
    holds, reason = module.recheck(certificate)
    if holds and certificate["engine"] != "interval":  # recheck.py compares the two itself
        holds = certificate.get("statement") == str(fact_from_json(certificate["fact"]))
        reason = reason if holds else "what it says is not its fact"
    return bool(holds), str(reason)
