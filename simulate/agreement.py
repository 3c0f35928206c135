"""`agree`: the theory's prediction of each single trial against its simulation, by algorithm, label noise and initialisation.

Every trial that ``theory.learns`` does not predict from its initial values alone is classified by the first predictor that
does, each knowing more of the trial (``predictors``). Balanced a0 < 0 starts on the boundary of T4's basin, which finite data
and descent leave (T13, T14), so it is a class of its own. Trial i has the same inputs, and the same noise but for its σ, in
every cell. Only a few bytes a trial are kept; any trial can be had again from its number by ``trials``.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory.algorithms import Algorithm
from theory.initialisations import Balanced, Initialisation, initialisation

from .config import Config, as_config
from .predictors import CONFIRMED, MARGINS, PREDICTORS, REFUTED, SET_ASIDE, compared
from .statistics import clopper_pearson
from .status import Status, attributes
from .store import Chunk, chunks, stored

if TYPE_CHECKING:
    import xarray

__all__ = ["Agreement", "agree"]

Bools = NDArray[np.bool_]
SCHEMA = "simulate.agree/1"
INITS = ("balanced", "bounded", "gaussian")
CHUNK = 2048
"""Trials whose predictions are computed together: the theory's integrators cost as much for one."""


@dataclass(frozen=True)
class Agreement:
    """Counts of one class of trials under one algorithm; ``n`` of them.

    ``learned``: simulated successes; ``status``: trials by status, "undecided" and "given up" among them. ``right``: trials
    that each predictor gets right; ``low``, ``high``: exact 95 % interval of the share that the population does;
    ``first_right``: those that it does not, by the first predictor that is right ("none": none is). ``margins``: trials in
    each margin, in "any" that is set aside; ``wrong``: misses of the last predictor outside these, ``wrong_inside``: in them.
    ``checked``: trials whose last level an independent integrator confirms; ``refuted``: does not. ``never``: a0 ≤ −‖w0‖;
    ``escaped``: those of them that learned (T14: none). ``drift``: the largest relative change of c (T1: none) over level 0
    and over the last.
    """

    sigma: float
    init: str
    algorithm: str
    n: int
    learned: int
    status: dict[str, int]
    right: dict[str, int]
    low: float
    high: float
    first_right: dict[str, int]
    margins: dict[str, int]
    wrong: int
    wrong_inside: int
    checked: int
    refuted: int
    never: int
    escaped: int
    drift: tuple[float, float]


def agree(
    config: Config | Mapping[str, Any] | None = None,
    *,
    sigmas: Sequence[float] = (0.0, 0.2),
    inits: Sequence[str | Initialisation] = INITS,
    checks: int = 0,
    out: str | Path | None = None,
    executor: Executor | str | None = None,
    show: str = "",
) -> list[Agreement]:
    """Simulate one-shot pruning to one weight for each σ and initialisation, and compare trial by trial.

    ``config``: the rest of the settings (default: IMP and LRR, d = 10, n = 500, η = 0.1, t = 1000, 2,000 trials in each cell).
    ``checks``: trials of each cell whose last level is integrated once more, by DOP853. ``out``: a folder; each cell is stored
    there as zarr and resumed from there. Raises ValueError for algorithms that leave more weights or that draw at random.

    >>> rows = agree({"n": 50, "d": 2, "trials": 4, "t": 20}, sigmas=(0.0,), inits=("bounded",))
    >>> [(row.algorithm, row.n, row.first_right["none"]) for row in rows]
    [('IMP', 4, 0), ('LRR', 4, 0)]
    """
    base = as_config({"trials": 2000} if config is None else config).but(keep=1, levels=1)
    for law in base.laws:
        _check(law)
    rows = []
    for sigma in sigmas:
        for init in inits:
            one, start = base.but(sigma=sigma, init=init), initialisation(init)
            path = None if out is None else Path(out) / f"sigma={sigma:g},init={start.spec}.zarr"
            name = show and f"{show}, σ = {sigma:g}, {start.spec}"
            build = partial(_dataset, one, checks, executor=executor, show=name)
            found = stored(path, SCHEMA, one.settings() | {"checks": checks}, build)
            rows += [row for law_name in one.names for row in _rows(found.sel(algorithm=law_name), sigma, start)]
    return rows


def _check(law: Algorithm) -> None:
    if law.count not in (1, (1,)) or law.prunings == 0:
        raise ValueError(f"Theory and simulation are compared where one weight stays, not for {str(law)!r}.")
    if "random" in law.score.needs or law.rewind.sign == "random" or law.rewind.magnitude == "reinit":
        raise ValueError(f"The outcome of {str(law)!r} depends on random draws, so theory predicts no single trial of it.")


def _dataset(
    config: Config, checks: int, parts: Path | None, *, executor: Executor | str | None, show: str
) -> "xarray.Dataset":
    import xarray

    size = config.chunk or min(CHUNK, max(256, -(-config.trials // 16)))
    ranges = [(i, min(i + size, config.trials)) for i in range(0, config.trials, size)]
    todo = [Chunk(f"{i:09d}-{j:09d}", j - i, (config, i, j, checks)) for i, j in ranges]
    found = dict(chunks(compared, todo, parts=parts, workers=config.workers, executor=executor, show=show))
    arrays = {name: np.concatenate([found[chunk][name] for chunk in todo], axis=-1) for name in found[todo[0]]}
    variables: dict[str, Any] = {n: (("algorithm", "trial")[-v.ndim :], v) for n, v in arrays.items()}
    variables["status"] += (attributes(),)
    variables["right"] += (_flags(PREDICTORS),)
    variables["margin"] += (_flags(MARGINS),)
    return xarray.Dataset(variables, coords={"algorithm": config.names})


def _flags(names: Sequence[str]) -> dict[str, object]:
    """Bits of an array by name, as CF conventions write them."""
    return {"flag_masks": [1 << i for i in range(len(names))], "flag_meanings": " ".join(names)}


def _rows(found: "xarray.Dataset", sigma: float, law: Initialisation) -> list[Agreement]:
    positive = found.a0_positive.to_numpy()
    classes = {law.spec: np.ones(len(positive), bool)}
    if isinstance(law, Balanced):
        classes = {f"{law.spec}, a0 > 0": positive, f"{law.spec}, a0 < 0": ~positive}
    return [_row(found.isel(trial=np.flatnonzero(rows)), sigma, name) for name, rows in classes.items()]


def _row(found: "xarray.Dataset", sigma: float, name: str) -> Agreement:
    n, status, checked = found.sizes["trial"], found.status.to_numpy(), found.checked.to_numpy()
    learned, never = status == Status.LEARNED, found.never.to_numpy()
    right, margins = _by_bit(found.right, PREDICTORS), _by_bit(found.margin, MARGINS)
    first = np.argmax([*right.values(), np.ones(n, bool)], axis=0)
    firsts = {p: int((first == i).sum()) for i, p in enumerate((*PREDICTORS, "none")) if i}
    aside = np.any([margins[m] for m in SET_ASIDE], axis=0)
    wrong = ~right[PREDICTORS[-1]]
    low, high = clopper_pearson(int(right["population"].sum()), n) if n else (0.0, 1.0)
    return Agreement(
        sigma=float(sigma),
        init=name,
        algorithm=str(found.algorithm.item()),
        n=n,
        learned=int(learned.sum()),
        status={s.label: int((status == s).sum()) for s in Status},
        right={p: int(v.sum()) for p, v in right.items()},
        low=float(low),
        high=float(high),
        first_right=firsts,
        margins={m: int(v.sum()) for m, v in margins.items()} | {"any": int(aside.sum())},
        wrong=int((wrong & ~aside).sum()),
        wrong_inside=int((wrong & aside).sum()),
        checked=int((checked == CONFIRMED).sum()),
        refuted=int((checked == REFUTED).sum()),
        never=int(never.sum()),
        escaped=int((never & learned).sum()),
        drift=(float(found.drift.max()) if n else 0.0, float(found.drift_last.max()) if n else 0.0),
    )


def _by_bit(values: "xarray.DataArray", names: Sequence[str]) -> dict[str, Bools]:
    bits = values.to_numpy()
    return {name: (bits >> i & 1).astype(bool) for i, name in enumerate(names)}
