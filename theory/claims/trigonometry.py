"""The trigonometric lemmas of T3–T5: order facts in one variable, proved by Taylor models in balls and re-checked."""

import sympy as sp

from ..proof.logic import Fact, eq, ge, gt, le, lt
from .symbols import g, psi, theta

__all__ = [
    "COSINE",
    "COSINE_LEFT",
    "COSINE_PI",
    "G_AT_LEAST",
    "G_AT_MOST",
    "G_HIGH",
    "G_LOW",
    "G_POSITIVE",
    "I1",
    "I2",
    "I3",
    "I4",
    "I5",
    "SINE",
    "SINE_BELOW",
    "SINE_LEFT",
    "SINE_NEAR",
    "TURN_POSITIVE",
]

_HALF_OPEN = (gt(psi, 0), le(psi, sp.pi))
_TURN = (ge(theta, 0), lt(theta, sp.pi))


def _interval(words: str, conclusion: object, *given: object) -> Fact:
    return Fact(words, conclusion, given, "interval")  # type: ignore[arg-type]


I1 = _interval("I1", gt(sp.sin(psi) - psi * sp.cos(psi), 0), *_HALF_OPEN)
I2 = _interval("I2", gt(psi - sp.sin(psi) * sp.cos(psi), 0), *_HALF_OPEN)
I3 = _interval("I3", le(sp.sin(psi), psi), ge(psi, 0), le(psi, sp.pi))
I4 = _interval("I4", ge(sp.sin(theta), theta * (sp.pi - theta) / sp.pi), ge(theta, 0), le(theta, sp.pi))
I5 = _interval("I5", ge(psi * sp.sin(psi), sp.sin(psi) - psi * sp.cos(psi)), ge(psi, 0), le(psi, 2))
SINE = _interval("sin θ > 0 on (0, π)", gt(sp.sin(theta), 0), gt(theta, 0), lt(theta, sp.pi))
SINE_BELOW = _interval("sin θ ≥ 0 on [0, π]", ge(sp.sin(theta), 0), ge(theta, 0), le(theta, sp.pi))
SINE_NEAR = _interval("θ ≤ sin θ on [−1, 0]", ge(sp.sin(theta), theta), ge(theta, -1), le(theta, 0))
SINE_LEFT = _interval("sin θ ≤ 0 on [−1, 0]", le(sp.sin(theta), 0), ge(theta, -1), le(theta, 0))
COSINE = _interval("cos θ > 0 on [0, π/2)", gt(sp.cos(theta), 0), ge(theta, 0), lt(theta, sp.pi / 2))
G_POSITIVE = _interval("g > 0 on [0, π)", gt(g(theta), 0), *_TURN)
G_LOW = _interval(
    "g ≥ (π − θ)³/2π³ on [0, π]", ge(g(theta), (sp.pi - theta) ** 3 / (2 * sp.pi**3)), ge(theta, 0), le(theta, sp.pi)
)
G_HIGH = _interval("g ≤ (π − θ)/2 on [0, π]", le(g(theta), (sp.pi - theta) / 2), ge(theta, 0), le(theta, sp.pi))
G_AT_MOST = _interval("g ≤ ½ on [0, π]", le(g(theta), sp.S.Half), ge(theta, 0), le(theta, sp.pi))
G_AT_LEAST = _interval("½ − g ≤ θ²/4 on [0, π]", le(sp.S.Half - g(theta), theta**2 / 4), ge(theta, 0), le(theta, sp.pi))
COSINE_PI = Fact("cos π = −1", eq(sp.cos(theta), -1), (eq(theta, sp.pi),), "identity")
COSINE_LEFT = _interval("cos θ < 0 on (π/2, π]", lt(sp.cos(theta), 0), gt(theta, sp.pi / 2), le(theta, sp.pi))
TURN_POSITIVE = _interval("(π − θ) + sin θ cos θ > 0 on [0, π)", gt((sp.pi - theta) + sp.sin(theta) * sp.cos(theta), 0), *_TURN)
