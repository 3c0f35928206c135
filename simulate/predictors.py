"""What the theory says of each single trial, from less to more knowledge of it, beside what its simulation did.

==========  ==========================================================================================================
population  ``theory.learns(algorithm, a0, w0, t=t)``: the initial values alone (T4, T5)
branches    and the trial's own statistics of e_1, which the sparse phase depends on (T2b)
mask        and the mask that the simulation found
restart     that mask, and the simulated values at which the last level starts: all that is left is T2 on these branches
==========  ==========================================================================================================

The last predictor is exact for the flow: what it misses would be an error of the simulation, of T2 or of a status. Under the
flow engine the simulated last level is T2's closed form too, so ``checked`` trials have it integrated by DOP853.

Margins, fixed in advance, say of a restart (a, w_1) that the simulation can't be expected to hit the exact outcome:

* *boundary*: |a + w_1| < ε ‖w0‖, the edge of T2's basin, ε = 0.01 for descent and 1e-6 for the flow, a thousand tolerances;
* *escape*: a > 0 > w_1 and |T× − t| below k relaxation times 1/(s−ω), k = 5 for descent and 1e-6 for the flow.

Descent leaves the flow by O(η) and loses sharpness of T× by some relaxation times. Two more are counted but not set aside:
*slow*, |β−| s− t < 5 where w_1 < 0 and there is noise, and *edge*, |a0 + ‖w0‖| < 0.01 ‖w0‖ or π − θ0 < 0.1, where T4 says that
the population takes longer than any t, or that finite data decide.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import theory
from theory.algorithms import Algorithm, Level
from theory.exact import dense_level
from theory.one_input import Branches

from .config import Config
from .data import population_branches, trial_keys
from .flow import one_input_path
from .run_trials import simulate
from .status import Status

__all__ = ["MARGINS", "PREDICTORS", "SET_ASIDE", "compared"]

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Found = dict[str, NDArray[Any]]

PREDICTORS = ("population", "branches", "mask", "restart")
MARGINS = ("boundary", "escape", "slow", "edge")
SET_ASIDE = ("boundary", "escape")
NEAR = {"flow": 1e-6}
"""ε of an engine, 0.01 for others."""
LATE = {"flow": 1e-6}
"""k of an engine, 5 for others."""
UNCHECKED, CONFIRMED, REFUTED = range(3)


def compared(config: Config, start: int, stop: int, checks: int) -> Found:
    """The trials start … stop − 1 in a few bytes each, of shape (algorithm, trial) but for a0_positive, never and drift.

    status; right, a bit for each predictor; margin, a bit for each margin; checked: 1 where DOP853 from the restart gives the
    simulated outcome, 2 where it does not, 0 for all but the first ``checks`` trials of the study; drift_last: change of
    c = a² − ‖w‖² over the last level, relative to the sum of a² + ‖w‖² at both ends; drift: over level 0; never: a0 ≤ −‖w0‖.
    """
    size = config.chunk_of(stop - start)
    parts = [_simulated(config, i, min(i + size, stop)) for i in range(start, stop, size)]
    found = {name: np.concatenate([part[name] for part in parts], axis=1 if _by_law(name) else 0) for name in parts[0]}
    a0, w0 = found["a0"], found["w0"]
    norm = np.linalg.norm(w0, axis=-1)
    dense = dense_level(config.laws, a0, w0, config.t)
    rows = [_law(law, config, dense, _of(found, i), max(0, checks - start)) for i, law in enumerate(config.laws)]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]} | {
        "a0_positive": a0 > 0,
        "never": a0 <= -norm,
        "drift": _drift(a0, w0, found["dense_a"], found["dense_w"]),
    }


def _simulated(config: Config, start: int, stop: int) -> Found:
    return simulate(config.part(slice(start, stop)), trial_keys(config, np.arange(start, stop)))


def _by_law(name: str) -> bool:
    return name in ("a", "w", "restart_a", "restart_w", "mask", "status", "steps")


def _of(found: Found, i: int) -> Found:
    """The arrays of algorithm i."""
    return {name: values[i] if _by_law(name) else values for name, values in found.items()}


def _law(law: Algorithm, config: Config, dense: Level, found: Found, checks: int) -> Found:
    branches = Branches(*(found[name] for name in Branches._fields))
    learned = found["status"] == Status.LEARNED
    right = [_prediction(i, law, config, dense, found, branches) == learned for i in range(len(PREDICTORS))]
    margins = _margins(config, found, branches)
    return {
        "status": found["status"].astype(np.int8),
        "right": _bits(right),
        "margin": _bits([margins[name] for name in MARGINS]),
        "checked": _checked(config, found, branches, learned, checks),
        "drift_last": _drift(found["restart_a"], found["restart_w"], found["a"], found["w"]),
    }


def _bits(flags: list[Bools]) -> NDArray[np.uint8]:
    return np.sum([flag.astype(np.uint8) << i for i, flag in enumerate(flags)], axis=0, dtype=np.uint8)


def _prediction(i: int, law: Algorithm, config: Config, dense: Level, found: Found, branches: Branches) -> Bools:
    if PREDICTORS[i] == "restart":
        first = found["restart_w"][:, :1]
        return found["mask"][:, 0] & theory.learns("dense", found["restart_a"], first, branches=branches, t=config.t)
    known: dict[str, Any] = {"branches": branches if i else population_branches(config, len(found["a0"]))}
    if PREDICTORS[i] == "mask":
        known["mask"] = found["mask"]
    return np.asarray(theory.learns(law, found["a0"], found["w0"], t=config.t, dense=dense, **known), bool)


def _margins(config: Config, found: Found, branches: Branches) -> dict[str, Bools]:
    a, w, norm = found["restart_a"], found["restart_w"][:, 0], np.linalg.norm(found["w0"], axis=-1)
    s, beta = branches.s_minus, branches.beta_minus
    with np.errstate(divide="ignore"):
        relaxation = 1 / (s * np.hypot(2 * beta, a**2 - w**2))
    left = (a > 0) & (w < 0)
    away = np.abs(theory.noise_escape_time(a, w, s, beta) - config.t)
    psi = np.arctan2(np.linalg.norm(found["w0"][:, 1:], axis=-1), -found["w0"][:, 0])
    return {
        "boundary": found["mask"][:, 0] & (np.abs(a + w) < NEAR.get(config.engine, 0.01) * norm),
        "escape": left & (away < LATE.get(config.engine, 5.0) * relaxation),
        "slow": (np.abs(beta) * s * config.t < 5) & (w < 0) & (config.sigma > 0),
        "edge": (np.abs(found["a0"] + norm) < 0.01 * norm) | (psi < 0.1),
    }


def _checked(config: Config, found: Found, branches: Branches, learned: Bools, checks: int) -> NDArray[np.int8]:
    """The last level of the first ``checks`` trials by an integrator that knows the velocity alone."""
    outcome = np.full(len(learned), UNCHECKED, np.int8)
    for i in range(min(checks, len(learned))):
        end = False
        if found["mask"][i, 0]:
            s_plus, beta_plus, s_minus, beta_minus = (float(b[i]) for b in branches)
            start = float(found["restart_a"][i]), float(found["restart_w"][i, 0])
            path = one_input_path(*start, [config.t], s_plus, beta_plus, s_minus, beta_minus)
            end = bool(path.w[0, 0] > 0 and path.a[0] > -path.w[0, 0] and beta_plus > 0)
        outcome[i] = CONFIRMED if end == learned[i] else REFUTED
    return outcome


def _drift(a: Array, w: Array, end_a: Array, end_w: Array) -> NDArray[np.float32]:
    """|Δc| relative to a² + ‖w‖² at the two ends; 0 where both are 0."""
    first, last = ((v * v).sum(-1) for v in (w, end_w))
    size = a * a + first + end_a * end_a + last
    change = np.abs((end_a * end_a - last) - (a * a - first))
    return np.divide(change, size, out=np.zeros_like(size), where=size > 0).astype(np.float32)
