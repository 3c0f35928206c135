"""The table of agreement: the theory's prediction of each trial against the simulation of that trial (T2b, T5)."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

__all__ = ["compute"]


def compute(settings: dict[str, Any], workers: int, folder: Path) -> dict[str, Any]:
    """The study ``signescape simulate agree``; its chunks are kept in ``folder``, so it goes on where it was stopped."""
    from simulate import Config, agree

    return {"groups": [asdict(g) for g in agree(Config(**settings, workers=workers), out=folder, show="agreement")]}
