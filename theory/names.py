"""Algorithms and initialisations by name, as users write them: ``"LRR"``, ``"WR(time=3.2)"``, ``"package.module:OBJECT"``."""

import ast
import difflib
import importlib
from collections.abc import Callable
from typing import Any

from . import algorithms as _a
from .algorithms import Algorithm, Rewind

__all__ = ["ALGORITHMS", "algorithm", "parse_call"]

ALGORITHMS: dict[str, Algorithm] = {
    a.name: a for a in (_a.IMP, _a.LRR, _a.FINE_TUNING, _a.RANDOM, _a.DENSE, _a.LEARNED_SIGNS, _a.INITIAL_SIGNS)
}
"""The named algorithms. A new entry here is known to all layers, figures and the report; so is any object from outside."""


def algorithm(spec: str | Algorithm) -> Algorithm:
    """The algorithm that a user means: an object as it is, a name of ``ALGORITHMS``, ``WR(unit=value)``, a restart by its
    parts as ``restart(magnitude="reinit", sign="final", rest="init", norm="init", criterion="movement")`` (left out: "init" and
    "large_final"), or ``module:OBJECT``.

    >>> algorithm("WR(time=3.2)").rewind.sign
    At(value=3.2, unit='time')
    >>> algorithm("restart(magnitude='constant', sign='final')").rewind.magnitude
    'constant'
    """
    if isinstance(spec, Algorithm):
        return spec
    if not isinstance(spec, str):
        raise ValueError(f"An algorithm is a name or an Algorithm object, not {spec!r}.")
    if spec in ALGORITHMS:
        return ALGORITHMS[spec]
    if ":" in spec:
        return _imported(spec)
    name, options = parse_call(spec)
    if name == "WR":
        return _a.WR(**options)
    if name == "restart":
        return _restart(spec, options)
    raise unknown(
        "algorithm", spec, [*ALGORITHMS, "restart(magnitude=…)", "WR(step=…)", "WR(epoch=…)", "WR(time=…)", "module:OBJECT"]
    )


def _restart(spec: str, options: dict[str, Any]) -> Algorithm:
    parts = ("magnitude", "sign", "rest", "norm", "criterion")
    strange = [f"{k}={v!r}" for k, v in options.items() if k not in parts or not isinstance(v, str)]
    if strange or not options:
        raise ValueError(f"The algorithm {spec!r} takes {', '.join(parts)} by name, not {', '.join(strange) or 'nothing'}.")
    name = f"restart({', '.join(f'{k}={options[k]!r}' for k in parts if k in options)})"
    criterion = options.pop("criterion", "large_final")
    return Algorithm(name, Rewind(**options), criterion)


def parse_call(spec: str) -> tuple[str, dict[str, Any]]:
    """``"name(key=value, …)"`` as a name and literal options.

    >>> parse_call("gaussian(sigma_a=0.5)")
    ('gaussian', {'sigma_a': 0.5})
    """
    try:
        node = ast.parse(spec.strip(), mode="eval").body
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
            return node.func.id, {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
    except (SyntaxError, ValueError):
        pass
    return spec.strip(), {}


def unknown(kind: str, spec: str, known: list[str]) -> ValueError:
    """One sentence for a name that means nothing, with the nearest that does."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(spec.casefold(), folded, n=1, cutoff=0.5)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    return ValueError(f"Unknown {kind} {spec!r}; known are {', '.join(known)}.{hint}")


def build(kind: str, spec: str, makers: dict[str, Callable[..., Any]]) -> Any:
    """Call the maker that ``spec`` names with the options it gives."""
    if not isinstance(spec, str):
        raise ValueError(f"The {kind} is given by its name or as an object, not {spec!r}.")
    name, options = parse_call(spec)
    if name not in makers:
        raise unknown(kind, spec, list(makers))
    try:
        return makers[name](**options)
    except TypeError as error:
        raise ValueError(f"The {kind} {spec!r} has options that {name!r} does not take: {error}.") from None


def _imported(spec: str) -> Algorithm:
    module, _, attribute = spec.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, SyntaxError, TypeError, ValueError) as error:
        raise ValueError(f"The algorithm {spec!r} can't be imported: {error}.") from None
    if not isinstance(found, Algorithm):
        raise ValueError(f"{spec!r} is a {type(found).__name__}, not a theory.Algorithm.")
    return found
