"""All studies by name; add a module here and its studies are known to the command line and the figures."""

from . import barrier, finite, imbalance, level_counts, perturbation, quadrants, rules, sizes, steps, times
from .study import Study

__all__ = ["STUDIES"]

MODULES = (quadrants, sizes, steps, times, imbalance, rules, level_counts, perturbation, barrier, finite)
STUDIES: dict[str, Study] = {study.name: study for module in MODULES for study in module.STUDIES}
"""The studies in the order of the README."""
