"""``signescape verify``: the command line of the theory."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from .console import Progress, emit, parse, say
from .records import provenance, to_json, write

__all__ = ["Verify", "main"]

SCHEMA = "signescape.verify/2"


@dataclass(frozen=True)
class Verify:
    """Prove the claims of the theory: each obligation by an engine that can also refute it, or leave it undecided."""

    claims: Positional[tuple[str, ...]] = ()
    """Claims to check, e.g. T1 T2b; all by default."""
    explain: str | None = None
    """Print the proof of this claim for a person to read, and check nothing."""
    latex: bool = False
    """With --explain: as a LaTeX document."""
    certificates: Path | None = None
    """Write a certificate for every fact into this folder."""
    recheck: Path | None = None
    """Check the certificates in this folder alone, by second implementations, without searching."""
    mutants: bool = False
    """Change every operator, constant, relation and hypothesis of the claims once; tell which mutants are refused, and how."""
    every: int = 1
    """With --mutants: only every so-many-th one."""
    workers: int | None = None
    """Processes; by default one a core. The verdicts are the same for any number."""
    json: bool = False
    """Print one JSON document."""
    out: Path | None = None
    """Write the JSON report to this file."""
    seed: int = 0
    """Accepted by every command; proofs use no randomness."""


def main(words: Sequence[str]) -> int:
    """Exit status 0 only if every claim that was asked for is proved, or every certificate holds."""
    options = parse(Verify, words[1:], "verify")
    if options.explain is not None:
        return _explain(options)
    if options.out:
        _require_own(options.out)
    if options.recheck is not None:
        return _recheck(options)
    if options.mutants:
        return _mutants(options)
    from .proof import certificates
    from .verification import verify

    if options.certificates:
        certificates.require_empty(options.certificates)
    report = verify(options.claims or None, workers=options.workers, progress=_teller())
    if options.certificates:
        number = certificates.write_all(options.certificates, report)
        say(f"{number} certificates in {options.certificates}")
    document = report.as_dict() | {"provenance": provenance(SCHEMA, {"claims": options.claims})}
    _give(options, document, str(report))
    return 0 if report.holds else 1


def _teller(what: str = "facts") -> Callable[[int, int], None]:
    """Shows progress once the number of facts is known."""
    shown: list[Progress] = []

    def tell(done: int, total: int) -> None:
        if not shown:
            shown.append(Progress(what, total, 0.1 if sys.stderr.isatty() else 5.0))
        shown[0]()

    return tell


def _give(options: Verify, document: dict[str, object], text: str) -> None:
    if options.out:
        write(options.out, to_json(document))
    if options.json:
        emit(document)
    else:
        print(text)


def _explain(options: Verify) -> int:
    from .claims import CLAIMS
    from .names import unknown
    from .proof.prose import as_latex, as_text

    if options.explain not in CLAIMS:
        raise unknown("claim", str(options.explain), list(CLAIMS))
    print((as_latex if options.latex else as_text)(CLAIMS[options.explain]))
    return 0


def _recheck(options: Verify) -> int:
    from .proof import certificates

    assert options.recheck is not None
    found = certificates.recheck_all(options.recheck, options.claims, options.workers)
    document: dict[str, object] = {"certificates": found} | {
        "provenance": provenance(SCHEMA, {"recheck": str(options.recheck)})
    }
    bad = [f for f in found if not f["holds"]]
    lines = [f"✗ {f['file']}: {f['reason']}" for f in bad]
    _give(options, document, "\n".join([*lines, f"{len(found) - len(bad)} of {len(found)} certificates hold."]))
    return 0 if found and not bad else 1


def _mutants(options: Verify) -> int:
    from .refusals import refusals, summary

    if options.every < 1:
        raise ValueError(f"--every is a whole number of at least 1, not {options.every}.")
    workers = options.workers or os.cpu_count() or 1
    rows = summary(refusals(options.claims, workers=workers, every=options.every, progress=_teller("mutants")))
    document: dict[str, object] = {"claims": rows}
    document["provenance"] = provenance("signescape.verify/2", {"mutants": options.claims, "every": options.every})
    lines = [
        f"{r['id']:4} {r['mutants']} mutants: {r['refused']} refused, {r['with_counter_example']} of them at a point; "
        + "; ".join(f"{n} equivalent: {reason}" for reason, n in r["equivalent"].items())
        for r in rows
    ]
    _give(options, document, "\n".join(lines))
    return 0 if all("proved" not in r["by_hand"].values() for r in rows) else 1


def _require_own(path: Path) -> None:
    """Only an earlier report may be overwritten."""
    if path.is_dir():
        raise ValueError(f"--out is a file, but {str(path)!r} is a folder.")
    if path.exists() and "signescape.verify/" not in path.read_text(errors="replace"):
        raise ValueError(f"{str(path)!r} exists and is no report of `signescape verify`; nothing was changed.")
