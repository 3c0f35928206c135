"""Inputs, labels and initial values of each trial, from counters alone: trial i is the same whatever runs beside it.

Algorithms, σ and η share them (common random numbers), so differences between them are paired.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.initialisations import initialisation
from theory.one_input import Branches
from theory.streams import generator, key

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
    rows = range(len(keys))
    initial = [_initial(config, keys[i], i, None if w1 is None else w1[i]) for i in rows]
    a, w = np.array([a for a, _ in initial]), np.array([w for _, w in initial])
    a = a if a0 is None else np.asarray(a0, float)
    if config.n is None:
        return Batch(keys, a, w, None, None)
    X, y = np.empty((len(keys), config.d, config.n)), np.empty((len(keys), config.n))
    for i in rows:
        X[i], y[i] = _samples(config, keys[i], i)
    return Batch(keys, a, w, X, y)


def _initial(config: Config, one: np.uint64, row: int, w1: float | None) -> tuple[float, Array]:
    law = initialisation(config.init)
    a, w = law.sample(generator(one, "init"), config.d, 1)
    if config.w0 is not None or w1 is not None:
        w = w if config.w0 is None else config.w0[[row]]
        w = w if w1 is None else np.concatenate([[[w1]], w[:, 1:]], axis=1)
        a = law.outer(generator(one, "outer"), np.linalg.norm(w, axis=-1))
    return float(a[0] if config.a0 is None else config.a0[row]), w[0]


def _samples(config: Config, one: np.uint64, row: int) -> tuple[Array, Array]:
    if config.X is not None:
        return (config.X if config.X.ndim == 2 else config.X[row]).T, config.y if config.y.ndim == 1 else config.y[row]
    source, shape = generator(one, "data"), (config.n or 0, config.d)
    X = source.standard_normal(shape) if config.inputs == "gaussian" else source.uniform(-1, 1, shape)
    y = np.maximum(X[:, 0], 0)
    return X.T, y + config.sigma * generator(one, "noise").standard_normal(config.n) if config.sigma else y


def population_branches(config: Config, trials: int) -> Branches:
    """s± = σ_x²/2, β+ = 1, β− = 0: the population's statistics of e_1, the input that the teacher sees."""
    half, one = np.full(trials, config.variance / 2), np.ones(trials)
    return Branches(half, one, half, 0 * one)
