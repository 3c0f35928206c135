"""What an algorithm is, in full, as JSON: stored with results, so an edited ``module:OBJECT`` is not taken for the old one."""

import hashlib
import re
from dataclasses import fields
from types import CodeType, FunctionType
from typing import Any

from .algorithms import Algorithm, Rewind
from .criteria import Criterion
from .records import plain

__all__ = ["definition", "written"]

NEWER = {Algorithm: ("masks",), Rewind: ("flip", "flip_every", "flip_momentum", "signs")}
"""Fields that are not written where they have their default, so that what was stored before there were any stays valid."""


def definition(law: Algorithm) -> dict[str, Any]:
    """``written(law)``; a criterion given as an object is its name, its points and a digest of its formula.

    The digest covers byte code, constants, defaults and closure, so it also changes with the version of Python; functions
    that the formula calls by a global name are not followed.

    >>> from theory.algorithms import WR
    >>> definition(WR(time=3.2))["rewind"]["sign"]
    {'value': 3.2, 'unit': 'time'}
    """
    score = law.criterion
    if not isinstance(score, Criterion):
        return written(law)
    text = repr(_parts(score.formula, frozenset()))
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return written(law) | {"criterion": {"name": score.name, "needs": plain(score.needs), "formula": digest}}


def written(law: Algorithm) -> dict[str, Any]:
    """Every field of ``law`` and of its rewind as JSON types, but those of ``NEWER`` where they are as by default.

    >>> from theory.algorithms import LRR
    >>> "masks" in written(LRR), "flip" in written(LRR)["rewind"]
    (False, False)
    """
    return _without_defaults(law) | {"rewind": _without_defaults(law.rewind)}


def _without_defaults(part: Algorithm | Rewind) -> dict[str, Any]:
    newer = NEWER[Rewind if isinstance(part, Rewind) else Algorithm]
    usual = {f.name for f in fields(part) if f.name in newer and getattr(part, f.name) == f.default}
    return {name: value for name, value in plain(part).items() if name not in usual}


def _parts(value: Any, seen: frozenset[int]) -> Any:
    """What ``value`` computes with, free of addresses in memory, which differ from run to run."""
    if id(value) in seen:
        return "itself"
    seen |= {id(value)}
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return [_parts(x, seen) for x in (value.__code__, value.__defaults__, value.__kwdefaults__, cells)]
    if isinstance(value, CodeType):
        return [value.co_code.hex(), value.co_names, _parts(value.co_consts, seen)]
    if isinstance(value, list | tuple):
        return [_parts(x, seen) for x in value]
    return re.sub(" at 0x[0-9a-f]+", "", repr(plain(value)))
