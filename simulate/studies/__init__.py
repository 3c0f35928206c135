"""Studies: ready experiments, each with presets, exact intervals and the theory's answer beside the simulation.

| file         | studies                            | claims            |
|--------------|------------------------------------|-------------------|
| quadrants    | quadrants                          | T2a, T4, T5       |
| sizes        | dimension, samples, noise          | T5, T2b, T14      |
| steps        | momentum, step-size                | T13               |
| times        | training-time, rewinding-time      | T2b, T6           |
| imbalance    | imbalance                          | T4, T5            |
| rules        | criteria, signs                    | T8, T9            |
| level_counts | levels                             | T7                |
| perturbation | perturbation                       | T11               |
| barrier      | barrier                            | T10               |
| finite       | finite-samples                     | T14               |

study: what a study is. run: ``study`` computes one. measures: what most of them count. registry: ``STUDIES``.
"""

from theory.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {"registry": "STUDIES", "run": "find settings_of study", "study": "PRESETS Study Task"},
)
