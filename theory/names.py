"""Algorithms and initialisations by name, as users write them: ``"LRR"``, ``"WR(time=3.2)"``, ``"package.module:OBJECT"``."""

import ast
import difflib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from . import algorithms as _a
from .algorithms import Algorithm, At, Rewind
from .rewinds import SOURCES

__all__ = ["ALGORITHMS", "OPTIONS", "algorithm", "parse_call", "undisturbed"]

ALGORITHMS: dict[str, Algorithm] = {
    a.name: a for a in (_a.IMP, _a.LRR, _a.FINE_TUNING, _a.RANDOM, _a.DENSE, _a.LEARNED_SIGNS, _a.INITIAL_SIGNS)
}
"""The named algorithms. A new entry here is known to all layers, figures and the report; so is any object from outside."""


OPTIONS = (
    *(f.name for f in fields(Rewind)),
    *(f.name for f in fields(Algorithm) if f.name not in ("name", "rewind")),
)
"""What an algorithm's name may say in brackets, in the order of its canonical name."""
MOMENTS = ("step", "epoch", "time")
EXAMPLES = ("one-shot(fraction=…)", "restart(magnitude=…)", "WR(step=…)", "WR(epoch=…)", "WR(time=…)", "module:OBJECT")


def algorithm(spec: str | Algorithm) -> Algorithm:
    """The algorithm that a user means: an object as it is, a name of ``ALGORITHMS``, ``WR(unit=value)`` or ``module:OBJECT``.

    Every name takes options, the fields of ``Algorithm`` and of ``Rewind`` (``OPTIONS``): ``LRR(norm='init')``,
    ``random(scope='erk')``, ``WR(step=500, optimiser='restore')``, ``LRR(flip=0.3, flip_every='epoch=30')``; a moment is
    written as in ``magnitude='step=500'``. What is not named stays as it is. ``one-shot(fraction=0.9)`` prunes once and
    restarts from initialisation, ``restart(magnitude='reinit', sign='final')`` is made of its parts. The name of the result is
    the spec with its options in a fixed order. Raises ValueError, one sentence, for what is not understood.

    >>> algorithm("WR(time=3.2)").rewind.sign
    At(value=3.2, unit='time')
    >>> algorithm("restart(magnitude='constant', sign='final')").rewind.magnitude
    'constant'
    >>> algorithm("LRR(fraction=0.5, flip=0.3)").name
    'LRR(flip=0.3, fraction=0.5)'
    """
    if isinstance(spec, Algorithm):
        return spec
    if not isinstance(spec, str):
        raise ValueError(f"An algorithm is a name or an Algorithm object, not {spec!r}.")
    if spec in ALGORITHMS:
        return ALGORITHMS[spec]
    if ":" in spec.partition("(")[0]:
        return _imported(spec)
    name, options = parse_call(spec)
    if name == "WR":
        moment = {k: options.pop(k) for k in MOMENTS if k in options}
        strange = {k: v for k, v in options.items() if k not in OPTIONS}
        return _with_options(spec, _a.WR(**moment, **strange), options)
    if name == "restart" and not options:
        raise ValueError(f"The algorithm {spec!r} takes {', '.join(OPTIONS)} by name, not nothing.")
    if name == "one-shot" and "prunings" in options:
        raise ValueError(f"The algorithm {spec!r} prunes once, not prunings={options['prunings']!r} times.")
    bases = ALGORITHMS | {"restart": Algorithm("restart"), "one-shot": Algorithm("one-shot", prunings=1)}
    if name in bases:
        return _with_options(spec, bases[name], options)
    raise unknown("algorithm", name if options else spec, [*ALGORITHMS, *EXAMPLES])


def undisturbed(spec: str | Algorithm) -> Algorithm:
    """``algorithm``, refused where no formula is known: signs flip or are fixed, masks or weights are a donor's."""
    chosen = algorithm(spec)
    chosen.require_undisturbed()
    return chosen


def _with_options(spec: str, base: Algorithm, options: Mapping[str, Any]) -> Algorithm:
    if not options:
        return base
    given = {k: _value(k, options[k]) for k in OPTIONS if k in options}
    strange = [f"{k}={v!r}" for k, v in options.items() if k not in given or (k in SOURCES and not isinstance(v, str))]
    if strange:
        raise ValueError(f"The algorithm {spec!r} takes {', '.join(OPTIONS)} by name, not {', '.join(strange)}.")
    shown = ", ".join(f"{k}={str(v)!r}" if isinstance(v, At) else f"{k}={v!r}" for k, v in given.items())
    rewind = replace(base.rewind, **{f.name: given.pop(f.name) for f in fields(Rewind) if f.name in given})
    before, bracket, inside = base.name.partition("(")
    name = f"{before}({f'{inside[:-1]}, ' if bracket else ''}{shown})"
    return replace(base, name=name, rewind=rewind, **given)


def _value(option: str, value: Any) -> Any:
    """An option's value: a moment from its text, a tuple from a list."""
    if isinstance(value, list):
        return tuple(value)
    moment = option in SOURCES or option == "flip_every"
    return At.of(value) if moment and isinstance(value, str) and "=" in value else value


def parse_call(spec: str) -> tuple[str, dict[str, Any]]:
    """``"name(key=value, …)"`` as a name and literal options.

    >>> parse_call("gaussian(sigma_a=0.5)")
    ('gaussian', {'sigma_a': 0.5})
    """
    name, bracket, rest = spec.strip().partition("(")
    try:
        word = bracket and name.replace("-", "_").strip().isidentifier()
        node = ast.parse(f"call({rest}", mode="eval").body if word else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
            options = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
            if len(options) == len(node.keywords):  # none is given twice
                return name.strip(), options
    except (SyntaxError, TypeError, ValueError):
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
