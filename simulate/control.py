"""What the theory predicts of a trial, with a probability that it knows: the control variate of ``estimate``."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import theory
from theory.algorithms import Algorithm
from theory.initialisations import initialisation
from theory.parts import PARTS

from .config import Config

__all__ = ["Prediction", "prediction"]


@dataclass(frozen=True)
class Prediction:
    """The outcome of ``law`` on the population for t → ∞, a function of (a0, w0) alone, and its probability ± ``error``."""

    law: Algorithm
    exact: float
    error: float

    def __call__(self, a0: NDArray[np.float64], w0: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Does it learn from a0 (n,), w0 (n, d)?"""
        return np.asarray(theory.learns(self.law, a0, w0), bool)


def prediction(config: Config, law: Algorithm) -> Prediction:
    """The prediction for one algorithm; ValueError, in one sentence, where its probability is not known.

    The mean of a control variate has to be known exactly under the law of the trials. The population's outcome has one (T5,
    T6, T8, T9): it depends on (a0, w0) alone, whose law is the initialisation's. What is predicted from a trial's branches,
    mask or dense end comes closer to the trial, but its probability is known asymptotically at best, so it can't serve.

    >>> prediction(Config(n=None, d=5), theory.algorithm("LRR")).exact
    0.5
    """
    if config.a0 is not None or config.w0 is not None:
        raise ValueError("Given a0 and w0 follow no law, so no prediction of them has a known probability.")
    if config.levels != 1 or config.keep != 1:
        raise ValueError(
            f"Probabilities are known for one pruning to one weight, not for levels={config.levels!r}, keep={config.keep!r}."
        )
    if _draws(law):
        raise ValueError(f"The outcome of {law.name!r} depends on draws besides a0 and w0, so a0 and w0 don't predict it.")
    start = initialisation(config.init)
    exact = float(theory.success_probability(law, start, config.d))
    closed = config.d == 1 or law.prunings == 0 or law.rewind.moments
    error = 0.0 if closed else theory.restart_probability(str(law.criterion), law.rewind, start, config.d).error
    return Prediction(law, exact, error)


def _draws(law: Algorithm) -> bool:
    """Does the outcome depend on draws, those between equal scores included?"""
    parts = PARTS.get(law.criterion, ()) if isinstance(law.criterion, str) else ()
    return law.prunings != 0 and (("tie",) in parts or law.rewind.sign == "random" or law.rewind.magnitude == "reinit")
