"""Checks of single settings: one sentence that quotes the value."""

import math
from typing import Any

from theory.algorithms import At

__all__ = ["moment", "moment_name", "number", "one_of", "share", "whole"]


def one_of(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Raise ValueError unless ``value`` is one of ``allowed``, type included."""
    if value not in allowed or type(value) is not type(allowed[0]):
        raise ValueError(f"{name} is {' or '.join(map(str, allowed))}, not {value!r}.")


def whole(name: str, value: Any, least: int) -> None:
    """Raise ValueError unless ``value`` is an integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**63:
        raise ValueError(f"{name} is a whole number of at least {least}, not {value!r}.")


def number(name: str, value: Any, low: float, high: float) -> None:
    """Raise ValueError unless ``value`` is a finite number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high or math.isinf(value):
        upper = f" and at most {high:g}" if math.isfinite(high) else ""
        raise ValueError(f"{name} is a number of at least {low:g}{upper}, not {value!r}.")


def share(text: Any) -> tuple[str, float]:
    """``"conv=0.1"`` as a kind of layer and the fraction that is pruned there.

    >>> share("conv=0.1")
    ('conv', 0.1)
    """
    kind, _, value = str(text).partition("=")
    try:
        fraction = float(value)
    except ValueError:
        fraction = math.nan
    if not kind or not 0 <= fraction <= 1:
        raise ValueError(f"A share of fractions reads like conv=0.1 or last=0.1, with a fraction in [0, 1], not {text!r}.")
    return kind, fraction


def moment(name: Any) -> At:
    """The moment that ``moment_name`` wrote: iterations or epochs, never a bare number.

    >>> moment("epoch=2.5")
    At(value=2.5, unit='epoch')
    """
    unit, _, value = str(name).partition("=")
    try:
        return At(float(value), unit)
    except ValueError:
        raise ValueError(f"A moment of training reads like step=500 or epoch=2, not {name!r}.") from None


def moment_name(at: At) -> str:
    """The exact name of a moment, for files and settings.

    >>> moment_name(At(1234567)), moment_name(At(2.5, "epoch"))
    ('step=1234567', 'epoch=2.5')
    """
    return f"{at.unit}={at.value:.17g}"
