"""Algorithm objects in stored settings: by their name where it says it all, else by their definition."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from theory.algorithms import Algorithm, At, Rewind
from theory.criteria import CRITERIA, Criterion
from theory.definitions import written
from theory.names import algorithm
from theory.records import plain

__all__ = ["is_complete", "restored", "stored"]


def stored(law: str | Algorithm) -> str | dict[str, Any]:
    """How settings hold an algorithm: a name that ``theory.algorithm`` reads back as the same object, or all its fields.

    >>> stored(Algorithm("mine", fraction=0.5))["fraction"]
    0.5
    """
    if isinstance(law, str) or _named(law):
        return str(law)
    if isinstance(law.criterion, str):
        return written(law)
    built_in = [name for name, score in CRITERIA.items() if score is law.criterion]
    own = {"name": law.score.name, "needs": plain(law.score.needs)}
    return written(law) | {"criterion": built_in[0] if built_in else own}


def restored(definition: Mapping[str, Any]) -> Algorithm:
    """The algorithm that ``stored`` or ``plain`` wrote; a formula of its own is not stored, its stand-in refuses to score.

    >>> restored(stored(Algorithm("mine", Rewind(At(3)), fraction=(0.5, 0.2)))).rewind.magnitude
    At(value=3, unit='step')
    """
    known = {f.name for f in fields(Algorithm)}
    try:
        given: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in definition.items() if n in known}
        sources: dict[str, Any] = {n: At(**v) if isinstance(v, Mapping) else v for n, v in definition["rewind"].items()}
        given["rewind"] = Rewind(**sources)
        score = given["criterion"]
        if definition.keys() - known or isinstance(score, Mapping) or score not in CRITERIA:
            given["criterion"] = _stand_in(score["name"] if isinstance(score, Mapping) else score)
        return Algorithm(**given)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"This defines no algorithm ({error}): {dict(definition)!r}.") from None


def is_complete(law: Algorithm) -> bool:
    """Can it prune, or is its criterion a stand-in?"""
    return law.score.needs != _stand_in("").needs


def _stand_in(name: str) -> Criterion:
    return Criterion(name, ("a formula that was not stored",), _refuse)


def _refuse(*points: Any) -> Any:
    raise AssertionError("the point that it needs does not exist")


def _named(law: Algorithm) -> bool:
    try:
        return bool(algorithm(law.name) == law)
    except ValueError:
        return False
