"""T1: conservation of a² − ‖w‖² for any data, any loss and any selection of φ' at the kink."""

from typing import Any

import sympy as sp

from ..population import reduced_flow
from ..proof.logic import Fact, eq
from .claim import OURS, Claim
from .symbols import POLAR, a, r, theta

__all__ = ["CLAIMS"]

h, z, pull, b, decay, bias = sp.symbols("h z ell b lambda b_0", real=True)
w = sp.symbols("w1:4", real=True)
x = sp.symbols("x1:4", real=True)
inner = sum(u * v for u, v in zip(w, x, strict=True))
f = a * h * inner


def identity(words: str, left: Any, right: Any) -> Fact:
    """An equality for the identity engine."""
    return Fact(words, eq(left, right), (), "identity")


def drift(extra: Any = 0) -> sp.Expr:
    """½ d/dt (a² − ‖w‖²) for one sample with ∂L/∂f = ℓ, along ȧ = −ℓ ∂f/∂a − extra a, ẇ = −ℓ ∂f/∂w − extra w."""
    outer = -pull * sp.diff(f, a) - extra * a
    return a * outer - sum(u * (-pull * sp.diff(f, u) - extra * u) for u in w)


def _proof() -> tuple[Fact, ...]:
    outer, speed, _ = reduced_flow(a, r, theta)
    return (
        identity(
            "a ∂f/∂a = w·∂f/∂w, for φ(z) = h z and any h, at the kink too", a * sp.diff(f, a), sum(u * sp.diff(f, u) for u in w)
        ),
        identity("so d/dt (a² − ‖w‖²) = 0 for each sample, whatever ∂L/∂f is", drift(), 0),
        identity("only z = w·x enters: the same with any number of inputs", a * (pull * h * z) - (pull * a * h) * z, 0),
        identity("the reduced flow keeps a² − r²", a * outer - r * speed, 0),
        identity("and so does the flow of T4's proof", POLAR.along(a**2 - r**2), 0),
        identity(
            "with weight decay ċ = −2λc: the sign of c stays", 2 * drift(decay), -2 * decay * (a**2 - sum(u**2 for u in w))
        ),
    )


def _with_bias() -> Fact:
    g = a * h * (inner + bias)
    moving = a * -pull * sp.diff(g, a) - sum(u * -pull * sp.diff(g, u) for u in w)
    return identity("a² − ‖w‖² is kept with a bias too", moving, 0)


CLAIMS = (
    Claim(
        "T1",
        "Conservation",
        "a² − ‖w‖² is constant along the gradient flow of any differentiable loss of f = aφ(w·x), on any data, "
        "without weight decay and bias, with pruned weights at zero.",
        OURS,
        _proof,
        hypotheses=(
            "gradient flow (no momentum, no steps), no weight decay, no bias",
            "pruned weights frozen at 0",
            "Filippov solutions: at a kink any selection of φ' ∈ [0, 1], which may change with time and sample",
        ),
        closed_forms=("theory.conserved",),
        false=(identity("a² − ‖w‖² is constant under weight decay", drift(decay), 0), _with_bias()),
    ),
)
