"""`agree`: the theory's prediction of each single trial against its simulation, by label noise and initialisation.

IMP: ``theory.learns("IMP", a0, w0, branches=…, t=t)`` against gradient descent. Disagreements are counted outside and inside a
margin fixed in advance: |T× − t| below 5 relaxation times 1/(s−ω) where a0 > 0 > w_1 (*escape*), or |a0 + w_1| < 0.01 ‖w0‖
(*boundary*). Trials with |β−| s− t < 5 where w_1 < 0 and there is noise (*slow*) are counted but not set aside.

LRR: the population's prediction; each miss is classified by the first predictor that gets it right: with the trial's
branches, with its mask too, from the simulated end of its dense phase. Balanced a0 < 0 starts on the boundary of T4's basin,
which gradient descent leaves (T13), so it is a class of its own.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import theory
from theory.initialisations import Balanced, Initialisation, initialisation
from theory.one_input import Branches

from .config import Config, as_config
from .run_trials import trials

if TYPE_CHECKING:
    import xarray

__all__ = ["Agreement", "agree"]

Bools = NDArray[np.bool_]
PREDICTORS = ("population", "branches", "mask", "dense end")
INITS = ("balanced", "bounded", "gaussian")


@dataclass(frozen=True)
class Agreement:
    """Counts of one class of trials.

    ``margins``: IMP trials in each part of the margin, in any, and the slow ones. ``imp_wrong``: IMP disagreements outside the
    margin; ``imp_wrong_inside``: those in it. ``lrr_right``: LRR trials that the population predicts; ``lrr_first_right``:
    the others by the first predictor that is right ("none": none is). ``imp_learned``, ``lrr_learned``: simulated successes.
    """

    sigma: float
    init: str
    n: int
    margins: dict[str, int]
    imp_wrong: int
    imp_wrong_inside: int
    imp_learned: int
    lrr_right: int
    lrr_first_right: dict[str, int]
    lrr_learned: int


def agree(
    config: Config | Mapping[str, Any] | None = None,
    *,
    sigmas: Sequence[float] = (0.0, 0.2),
    inits: Sequence[str | Initialisation] = INITS,
    out: str | Path | None = None,
    executor: Executor | None = None,
    show: str = "",
) -> list[Agreement]:
    """Simulate IMP and LRR, one-shot to one weight, for each σ and initialisation, and compare trial by trial.

    ``config``: the rest of the settings (default: d = 10, n = 500, η = 0.1, t = 1000, 2,000 trials). ``out``: a folder; each
    simulation is stored there as zarr and resumed from there.
    """
    base = as_config({"trials": 2000} if config is None else config).but(algorithms=("IMP", "LRR"), keep=1, levels=1)
    rows = []
    for sigma in sigmas:
        for init in inits:
            one = base.but(sigma=sigma, init=init)
            law = initialisation(init)
            path = None if out is None else Path(out) / f"sigma={sigma:g},init={law.spec}.zarr"
            found = trials(one, out=path, executor=executor, show=show and f"{show}, σ = {sigma:g}, {law.spec}")
            rows += _compare(found, one, law)
    return rows


def _compare(found: "xarray.Dataset", config: Config, law: Initialisation) -> list[Agreement]:
    a0, w0 = found.a0.to_numpy(), found.w0.to_numpy()
    branches = Branches(*(found[name].to_numpy() for name in Branches._fields))
    imp = theory.learns("IMP", a0, w0, branches=branches, t=config.t)
    margins = _margins(a0, w0, branches, config)
    first = _first_right(found, config.t)
    classes = {law.spec: np.ones(len(a0), bool)}
    if isinstance(law, Balanced):
        classes = {f"{law.spec}, a0 > 0": a0 > 0, f"{law.spec}, a0 < 0": a0 < 0}
    simulated = {name: found.learned.sel(algorithm=name).to_numpy() for name in ("IMP", "LRR")}
    return [_row(config.sigma, name, rows, simulated, imp, margins, first) for name, rows in classes.items()]


def _row(
    sigma: float,
    name: str,
    rows: Bools,
    simulated: dict[str, Bools],
    imp: Bools,
    margins: dict[str, Bools],
    first: NDArray[np.int64],
) -> Agreement:
    inside = margins["escape"] | margins["boundary"]
    wrong = imp != simulated["IMP"]
    firsts = {p: int((rows & (first == i)).sum()) for i, p in enumerate((*PREDICTORS, "none"))}
    return Agreement(
        sigma,
        name,
        int(rows.sum()),
        {m: int((rows & v).sum()) for m, v in margins.items()} | {"any": int((rows & inside).sum())},
        int((rows & wrong & ~inside).sum()),
        int((rows & wrong & inside).sum()),
        int((rows & simulated["IMP"]).sum()),
        firsts.pop("population"),
        firsts,
        int((rows & simulated["LRR"]).sum()),
    )


def _margins(a0: NDArray[np.float64], w0: NDArray[np.float64], branches: Branches, config: Config) -> dict[str, Bools]:
    w1, s, beta = w0[:, 0], branches.s_minus, branches.beta_minus
    relaxation = 1 / (s * np.sqrt(4 * beta**2 + (a0**2 - w1**2) ** 2))
    late = np.abs(theory.noise_escape_time(a0, w1, s, beta) - config.t) < 5 * relaxation
    return {
        "escape": late & (a0 > 0) & (w1 < 0),
        "boundary": np.abs(a0 + w1) < 0.01 * np.linalg.norm(w0, axis=-1),
        "slow": (np.abs(beta) * s * config.t < 5) & (w1 < 0) & (config.sigma > 0),
    }


def _first_right(found: "xarray.Dataset", t: float) -> NDArray[np.int64]:
    """Place in ``PREDICTORS`` of the first that gets LRR's outcome right, their count where none does."""
    learned, first = found.learned.sel(algorithm="LRR").to_numpy(), np.full(found.sizes["trial"], len(PREDICTORS))
    for i in range(len(PREDICTORS)):
        missed = np.flatnonzero(first == len(PREDICTORS))
        if len(missed):
            right = _prediction(i, found.isel(trial=missed), t) == learned[missed]
            first[missed[right]] = i
    return first


def _prediction(i: int, found: "xarray.Dataset", t: float) -> Bools:
    a0, w0 = found.a0.to_numpy(), found.w0.to_numpy()
    branches = Branches(*(found[name].to_numpy() for name in Branches._fields))
    mask = found.mask.sel(algorithm="LRR").to_numpy()
    if PREDICTORS[i] == "dense end":
        dense_a, dense_w = found.dense_a.to_numpy(), found.dense_w.to_numpy()
        return mask[:, 0] & theory.learns("dense", dense_a, dense_w[:, :1], branches=branches, t=t)
    known = [{}, {"branches": branches}, {"branches": branches, "mask": mask}][i]
    return theory.learns("LRR", a0, w0, t=t, **known)
