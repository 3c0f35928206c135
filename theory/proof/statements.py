"""What the rules are told, noted and changed in one place for mutants: starts, fields, and which step's result is withheld."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Statements", "mutated", "said", "withheld"]


@dataclass
class Statements:
    """What the paths built while it is in force state, and the one change made to it, if any.

    ``said``: components of fields, each once, and starts, in order; the ``index``-th becomes ``other``, a component in every
    path. ``steps``: the results of steps, by path and name; ``withheld`` is one of them that nothing may use.
    """

    index: int | None = None
    other: Any = None
    withheld: tuple[str, str] | None = None
    said: list[Any] = field(default_factory=list)
    steps: dict[tuple[str, str], None] = field(default_factory=dict)


_STATEMENTS: ContextVar[Statements | None] = ContextVar("statements", default=None)


@contextmanager
def mutated(index: int | None = None, other: Any = None, withheld: tuple[str, str] | None = None) -> Iterator[Statements]:
    """Paths built inside are noted and, if asked for, changed in one place."""
    token = _STATEMENTS.set(found := Statements(index, other, withheld))
    try:
        yield found
    finally:
        _STATEMENTS.reset(token)


def said(statement: Any, everywhere: bool = False) -> Any:
    """The statement, or what it is changed to: by place, or wherever it stands if it holds ``everywhere``."""
    found = _STATEMENTS.get()
    if found is None:
        return statement
    place = found.said.index(statement) if everywhere and statement in found.said else len(found.said)
    if place == len(found.said):
        found.said.append(statement)
    return found.other if place == found.index else statement


def withheld(path: str, name: str) -> bool:
    """Is this the step whose result nothing may use?"""
    found = _STATEMENTS.get()
    if found is None:
        return False
    found.steps[path, name] = None
    return found.withheld == (path, name)
