"""``signescape verify``: the command line of the theory."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from .console import emit, parse
from .records import provenance, to_json, write

__all__ = ["Verify", "main"]

SCHEMA = "signescape.verify/1"


@dataclass(frozen=True)
class Verify:
    """Check the claims of the theory; every identity symbolically."""

    claims: Positional[tuple[str, ...]] = ()
    """Claims to check, e.g. T1 T2b; all by default."""
    json: bool = False
    """Print one JSON document."""
    out: Path | None = None
    """Write the JSON report to this file."""
    seed: int = 0
    """Accepted by every command; proofs use no randomness."""


def main(words: Sequence[str]) -> int:
    """Exit status 0 only if no obligation that an engine was asked for failed."""
    options = parse(Verify, words[1:], "verify")
    if options.out:
        _require_own(options.out)
    from .verification import verify

    report = verify(options.claims or None)
    document = report.as_dict() | {"provenance": provenance(SCHEMA, {"claims": options.claims})}
    if options.out:
        write(options.out, to_json(document))
    if options.json:
        emit(document)
    else:
        print(report)
    return 0 if report.holds else 1


def _require_own(path: Path) -> None:
    """Only an earlier report may be overwritten."""
    if path.is_dir():
        raise ValueError(f"--out is a file, but {str(path)!r} is a folder.")
    if path.exists() and SCHEMA not in path.read_text(errors="replace"):
        raise ValueError(f"{str(path)!r} exists and is no report of `signescape verify`; nothing was changed.")
