"""Inputs, labels and initial values of each trial, from counters alone: trial i is the same whatever runs beside it.

Algorithms, σ and η share them (common random numbers), so differences between them are paired.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.initialisations import initialisation
from theory.one_input import Branches
from theory.streams import key

from . import draws
from .config import Config

__all__ = ["Batch", "draw", "population_branches", "trial_keys"]

Array = NDArray[np.float64]


class Batch(NamedTuple):
    """Some trials: keys (B,), initial a0 (B,), w0 (B, d), and samples X (B, d, n), y (B, n), or None for the population."""

    keys: NDArray[np.uint64]
    a0: Array
    w0: Array
    X: Array | None
    y: Array | None


def trial_keys(config: Config, trials: ArrayLike, *counters: int | str) -> NDArray[np.uint64]:
    """One 64-bit key for each trial number; more counters name other sets of trials."""
    return key(np.asarray(trials, np.uint64), "simulate", config.seed, *counters)


def draw(config: Config, keys: NDArray[np.uint64], a0: Array | None = None, w1: Array | None = None) -> Batch:
    """The trials with these keys (B,). Arrays given in ``config``, and a0 and w1 = w0[:, 0] (B,), replace drawn ones."""
    a, w = _initial(config, keys, w1)
    a = a if a0 is None else np.array(a0, float)
    return Batch(keys, a, w, *(_samples(config, keys) if config.n is not None else (None, None)))


def _initial(config: Config, keys: NDArray[np.uint64], w1: Array | None) -> tuple[Array, Array]:
    law = initialisation(config.init)
    a, w = draws.initial(law, keys, config.d)
    if config.w0 is not None or w1 is not None:
        w = w if config.w0 is None else config.w0[: len(keys)].copy()
        w = w if w1 is None else np.concatenate([np.asarray(w1, float)[:, None], w[:, 1:]], axis=1)
        a = draws.outer(law, keys, np.linalg.norm(w, axis=-1))
    return a if config.a0 is None else config.a0[: len(keys)].copy(), w


def _samples(config: Config, keys: NDArray[np.uint64]) -> tuple[Array, Array]:
    n, trials = config.n or 0, len(keys)
    if config.X is not None:
        X, y = np.broadcast_to(config.X, (trials, n, config.d)), np.broadcast_to(config.y, (trials, n))
        return np.ascontiguousarray(X.transpose(0, 2, 1)), np.array(y)
    source, shape = draws.streams(keys, "data"), (trials, n, config.d)
    drawn = source.standard_normal(shape) if config.inputs == "gaussian" else source.uniform(-1, 1, shape)
    X = np.ascontiguousarray(drawn.transpose(0, 2, 1))
    y = np.maximum(X[:, 0], 0)
    return X, y + config.sigma * draws.streams(keys, "noise").standard_normal((trials, n)) if config.sigma else y


def population_branches(config: Config, trials: int) -> Branches:
    """s± = σ_x²/2, β+ = 1, β− = 0: the population's statistics of e_1, the input that the teacher sees."""
    half, one = np.full(trials, config.variance / 2), np.ones(trials)
    return Branches(half, one, half, 0 * one)
