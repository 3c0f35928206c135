"""One formula, two readings: functions written with ``maths(x)`` take NumPy arrays and sympy expressions alike.

So ``theory.verify`` proves identities about the code that computes, not about a copy of it. Where a function branches on the
module for numerical accuracy (``one_input.late_moebius``), the identity covers the symbolic branch, and tests compare the two.
"""

import sys
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["maths"]


def maths(*values: Any) -> ModuleType:
    """The module whose sin, sqrt, atan2, tanh … fit the arguments: sympy if one of them is symbolic, else NumPy.

    >>> maths(0.5).__name__
    'numpy'
    """
    sympy = sys.modules.get("sympy")
    return sympy if sympy is not None and any(isinstance(v, sympy.Basic) for v in values) else np
