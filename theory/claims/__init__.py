"""The claims T1–T14 as objects: statement, hypotheses, source, proof, and the closed forms that ``theory`` evaluates.

One module a group of claims, each with its ``CLAIMS``; ``trigonometry.py`` holds the interval lemmas they share, ``symbols.py``
the notation and the population flow.
"""

from importlib import import_module

from .claim import Claim

__all__ = ["CLAIMS", "Claim"]

MODULES = ("t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9", "t10", "t11", "t12", "t13", "t14")

CLAIMS: dict[str, Claim] = {claim.id: claim for name in MODULES for claim in import_module(f"{__name__}.{name}").CLAIMS}
"""Every claim by id, in order."""
