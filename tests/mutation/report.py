"""The stored result: for each module its mutants, what killed them, what survived, and the equivalent ones, with reasons."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .mutants import Mutant, digest, mutants
from .runner import ROOT, SECONDS, source
from .targets import TARGETS, Target

__all__ = ["RESULT", "document", "equivalents", "key", "killers", "present", "stored"]

RESULT = ROOT / "theory/results/code-mutants.json"
EQUIVALENT = Path(__file__).with_name("equivalent.json")


def key(target: Target, mutant: Mutant | None) -> str:
    """The name of a mutant among those of all modules."""
    return f"{target.module}.{'' if mutant is None else mutant.name}"


def equivalents() -> dict[str, str]:
    """The mutants that change no result, listed by hand, with the reason for each."""
    groups = json.loads(EQUIVALENT.read_text(encoding="utf-8"))
    return {f"{group['module']}.{name}": group["reason"] for group in groups for name in group["mutants"]}


def present(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Digest and number of mutants of each module as it stands."""
    texts = {t: source(root, t) for t in TARGETS}
    return {
        t.module: {"digest": digest(text, t.functions), "mutants": len(mutants(text, t.functions))} for t, text in texts.items()
    }


def stored() -> dict[str, Any]:
    """The stored result, or one without modules."""
    return json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {"data": {"modules": {}}}


def killers() -> Counter[str]:
    """How many mutants each test has killed in the stored result."""
    return sum((Counter[str](m["killers"]) for m in stored()["data"]["modules"].values()), Counter[str]())


def document(root: Path, verdicts: Mapping[tuple[str, str], str | None], before: Mapping[str, Any]) -> None:
    """Store the verdicts; modules without any keep what was stored of them ``before``."""
    from theory.records import provenance, to_json, write

    judged = {module for module, _ in verdicts}
    modules = {t.module: _entry(root, t, verdicts) if t.module in judged else before[t.module] for t in TARGETS}
    total = {n: sum(_count(m[n]) for m in modules.values()) for n in ("mutants", "killed", "equivalent", "survived")}
    settings = {"seconds": SECONDS, "functions": {t.module: sorted(t.functions) for t in TARGETS}}
    date = datetime.now(UTC).date().isoformat()
    head = provenance("signescape.code-mutants/1", settings, date=date)
    write(RESULT, to_json({"provenance": head, "data": {"total": total, "modules": modules}}) + "\n")


def _entry(root: Path, target: Target, verdicts: Mapping[tuple[str, str], str | None]) -> dict[str, Any]:
    text, reasons = source(root, target), equivalents()
    alive = [m for m in mutants(text, target.functions) if verdicts[target.module, m.name] is None]
    killed = Counter(by for (module, _), by in verdicts.items() if module == target.module and by is not None)
    return {
        **present(root)[target.module],
        "killed": killed.total(),
        "killers": dict(killed.most_common()),
        "equivalent": {m.name: reasons[key(target, m)] for m in alive if key(target, m) in reasons},
        "survived": [{"line": m.line, "mutant": m.name} for m in alive if key(target, m) not in reasons],
    }


def _count(value: Any) -> int:
    return value if isinstance(value, int) else len(value)
