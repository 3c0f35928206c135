"""The symbols of the claims: all real, without further assumptions, and the population flow in polar coordinates of w.

w = r(cos θ e_1 + sin θ u) with a fixed unit vector u ⊥ e_1; g stands for ``population.correlation``.
"""

import sympy as sp

from ..population import correlation
from ..proof.flows import Flow
from ..proof.logic import Defined, gt

__all__ = ["POLAR", "a", "c", "g", "psi", "q", "r", "theta", "theta0"]

a, r, theta, theta0, psi, c, q = sp.symbols("a r theta theta_0 psi c q", real=True)


class g(Defined):
    """g(θ) = (sin θ + (π − θ) cos θ)/2π, with g' = −(π − θ) sin θ/2π (both are identities of T3)."""

    nargs = 1
    is_real = True

    @classmethod
    def definition(cls, angle: sp.Expr) -> sp.Expr:
        """``population.correlation``."""
        return correlation(angle)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The derivative."""
        angle = self.args[0]
        return -(sp.pi - angle) * sp.sin(angle) / (2 * sp.pi)


pull = g(theta) - a * r / 2
POLAR = Flow(
    "the population flow",
    ((a, r * pull), (r, a * pull), (theta, -(a / r) * (sp.pi - theta) * sp.sin(theta) / (2 * sp.pi))),
    (gt(r, 0),),
)
"""T3's flow with g as a name; its components are proved equal to the gradient of the integrated loss."""
