"""T3 from the definitions: the Gaussian moments, the loss and the flow, integrated by sympy rather than pasted.

Everything happens in the plane of e_1 and w. In polar coordinates x = ρ(cos α, sin α) of the standard normal plane,
with w at angle θ, the events x_1 > 0 and w·x > 0 are |α| < π/2 and |α − θ| < π/2: together θ − π/2 < α < π/2.
"""

from functools import cache

import sympy as sp

__all__ = ["a", "expected_product", "flow_from_loss", "moment", "population_loss", "r", "theta"]

theta = sp.Symbol("theta", positive=True)
a, r = sp.Symbol("a", real=True), sp.Symbol("r", positive=True)


@cache
def _radial(power: int) -> sp.Expr:
    rho = sp.Symbol("rho", positive=True)
    return sp.integrate(rho ** (power + 1) * sp.exp(-(rho**2) / 2), (rho, 0, sp.oo)) / (2 * sp.pi)


def _expectation(angular: sp.Expr, power: int, low: sp.Expr, high: sp.Expr, alpha: sp.Symbol) -> sp.Expr:
    """E[ρ^power · angular(α); low < α < high] for the standard normal plane."""
    return sp.simplify(_radial(power) * sp.integrate(sp.expand_trig(angular), (alpha, low, high)))


@cache
def moment() -> tuple[sp.Expr, sp.Expr]:
    """E[φ(x_1) x 1{w·x > 0}] in the directions of e_1 and of ŵ_⊥."""
    alpha = sp.Symbol("alpha", real=True)
    parts = (sp.cos(alpha) * sp.cos(alpha), sp.cos(alpha) * sp.sin(alpha))
    both = (_expectation(p, 2, theta - sp.pi / 2, sp.pi / 2, alpha) for p in parts)
    return tuple(both)


@cache
def expected_product() -> sp.Expr:
    """g(θ) = E[φ(x_1) φ(ŵ·x)]."""
    alpha = sp.Symbol("alpha", real=True)
    return _expectation(sp.cos(alpha) * sp.cos(alpha - theta), 2, theta - sp.pi / 2, sp.pi / 2, alpha)


@cache
def second_moment() -> sp.Expr:
    """E[φ(ŵ·x)²] for a unit vector ŵ."""
    alpha = sp.Symbol("alpha", real=True)
    return _expectation(sp.cos(alpha) ** 2, 2, -sp.pi / 2, sp.pi / 2, alpha)


@cache
def population_loss() -> sp.Expr:
    """L = ½ E[(a φ(w·x) − φ(x_1))²], by expanding the square; φ is positively homogeneous."""
    return sp.expand((a * a * r * r * second_moment() - 2 * a * r * expected_product() + second_moment()) / 2)


@cache
def flow_from_loss() -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """(ȧ, ṙ, θ̇) = −(∂L/∂a, ∂L/∂r, ∂L/∂θ / r²): the gradient flow in polar coordinates of w."""
    loss = population_loss()
    return -sp.diff(loss, a), -sp.diff(loss, r), -sp.diff(loss, theta) / r**2
