"""``signescape verify``: the command line of the theory."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .console import emit, parse
from .records import provenance, to_json, write

__all__ = ["Verify", "main"]


@dataclass(frozen=True)
class Verify:
    """Check the claims of the theory; every identity symbolically."""

    claims: tuple[str, ...] = ()
    """Claims to check, e.g. T1 T2b; all by default."""
    json: bool = False
    """Print one JSON document."""
    out: Path | None = None
    """Write the JSON report to this file."""
    seed: int = 0
    """Accepted by every command; proofs use no randomness."""


def main(words: Sequence[str]) -> int:
    """Exit status 0 only if no obligation that an engine was asked for failed."""
    claims, rest = _split(list(words[1:]))
    options = parse(Verify, [*rest, *(["--claims", *claims] if claims else [])], "verify")
    from .verification import verify

    report = verify(options.claims or None)
    document = report.as_dict() | {"provenance": provenance("signescape.verify/1", {"claims": options.claims})}
    if options.out:
        write(options.out, to_json(document))
    if options.json:
        emit(document)
    else:
        print(report)
    return 0 if report.holds else 1


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Leading words that are no options are claims."""
    n = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    return words[:n], words[n:]
