"""What compiled kernels share before Numba is at hand: a sentence where it is missing, and a digest of their sources."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["NUMBA", "digest", "needing_numba"]

NUMBA = ("numba", "llvmlite")
"""Modules without which nothing is compiled."""


@contextmanager
def needing_numba(what: str) -> Iterator[None]:
    """Import kernels inside: ModuleNotFoundError in one sentence, that ``what`` needs Numba, if it is Numba that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in NUMBA:
            raise
        message = f"{what} needs Numba: pip install 'signescape[simulate]', or use engine='gd'."
        raise ModuleNotFoundError(message, name=error.name) from None


def digest(*patterns: str) -> str:
    """SHA-256 of the files here that match, by name: all that a kernel compiles in.

    Numba's cache looks for changes only in a function's own file and in the values of a closure, so a kernel closes over this.

    >>> digest("gd.py") == digest("vectors.py")
    False
    """
    files = sorted({path for pattern in patterns for path in Path(__file__).parent.glob(pattern)})
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
