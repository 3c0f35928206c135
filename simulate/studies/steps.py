"""T13 on trial: steps and momentum carry IMP over the zero at which the flow is stuck. Where does its gap to LRR close?

From a0 > 0 > w_1, noise-free, IMP's weight follows the heavy ball w_{k+1} = (1 + μ − κ)w_k − μw_{k−1}, κ = ηs₋a²,
s₋ = Σ x_1²/n over x_1 < 0. Three statements of when it crosses zero, from proof to guess:

* *constant a*: iff ηs₋a0² > (1 − √μ)²: ``theory.crosses``. Proved at constant a; at μ = 0 exact with a moving (``ever_jumps``).
* *bound*: with a moving it does not cross if ηs₋a0² and ηs₋w0² are at most (1 − √μ)²: proved, so no trial may contradict it.
* *moving a*: iff ηs₋(a0² − w0²) > (1 − √μ)², for a² falls towards a0² − w0² (the flow's limit) while w decays, and near the
  threshold a crossing takes many steps; a guess that the simulation decides on.

Each phase of k steps lasts ηk/(1 − μ) = ``time``, as long as with plain descent at momentum's speed η/(1 − μ); but at least
``MEMORIES`` times the 1/(1 − μ) steps that momentum remembers.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gamma
from scipy.stats import chi

from theory import crosses, success_probability
from theory.initialisations import Balanced, Bounded, Gaussian, Initialisation, initialisation

from ..config import Config
from ..run_trials import simulate
from ..statistics import clopper_pearson
from ..status import Status
from .measures import proportions
from .study import Arrays, Settings, Study, Task, Variables, flat, plain_config, presets, spaced

if TYPE_CHECKING:
    import xarray

__all__ = ["STUDIES", "law_probability", "starts_above"]

Array = NDArray[np.float64]
MEMORIES = 30
STARTS = ("all", "a0 > 0", "a0 < 0")


def starts_above(init: str | Initialisation, d: int, x: ArrayLike) -> Array:
    """P(a0 > x) for x ≥ 0, any shape: balanced ½P(‖w0‖ > x), bounded ½E(1 − x/‖w0‖)₊, Gaussian Φ(−x/σ_a).

    >>> [float(starts_above(init, 10, 0.0)) for init in ("balanced", "bounded", "gaussian")]
    [0.5, 0.5, 0.5]
    """
    law, x = initialisation(init), np.asarray(x, float)
    if isinstance(law, Gaussian):
        return chi.sf(x / law.sigma_a, 1) / 2
    r = x * (np.sqrt(d) if law.sigma_w is None else 1 / law.sigma_w)
    if isinstance(law, Balanced):
        return chi.sf(r, d) / 2
    if isinstance(law, Bounded) and d > 1:  # the density of ‖w0‖ over ‖w0‖ is that of d − 1 coordinates
        return (chi.sf(r, d) - r * gamma((d - 1) / 2) / gamma(d / 2) / np.sqrt(2) * chi.sf(r, d - 1)) / 2
    raise ValueError(f"P(a0 > x) is known for balanced, bounded (d ≥ 2) and gaussian starts, not for {law.spec!r}, d = {d}.")


def law_probability(init: str | Initialisation, d: int, eta: ArrayLike, momentum: ArrayLike, s: float = 0.5) -> Array:
    """P(IMP) by the law of constant a: P(B) + ½P(a0 > (1 − √μ)/√(ηs)), the sign of w_1 being independent of all else.

    All arguments after d broadcast; s = s₋ is ½ of the variance of an input on the population. Large steps may diverge
    instead: the law does not speak of stability (``theory.stable``).

    >>> float(law_probability("balanced", 10, 1e-6, 0.0)), round(float(law_probability("balanced", 10, 0.1, 0.9)), 3)
    (0.25, 0.5)
    """
    eta, mu = np.asarray(eta, float), np.asarray(momentum, float)
    x = (1 - mu) / (1 + np.sqrt(mu)) / np.sqrt(eta * s)
    return success_probability("IMP", init, d) + starts_above(init, d, x) / 2


def config(settings: Settings, point: Settings) -> Config:
    """The same ``time`` at every point: ``t`` = ηk = time·(1 − μ)."""
    both = settings | point
    slow = 1 - both["momentum"]
    return plain_config(both | {"t": max(both["time"] * slow, MEMORIES * both["eta"] / slow)}, {})


def work(task: Task) -> Arrays:
    """Status, start, and what the three statements say of each trial."""
    with np.errstate(over="ignore", invalid="ignore"):  # steps may be too large, and then say so by their status
        found = simulate(task.config, task.keys)
    eta, mu = task.config.eta, task.config.momentum
    a0, w1, s = found["a0"], found["w0"][:, 0], found["s_minus"]
    high, across = np.abs(a0), np.abs(w1)
    c = np.sqrt(np.maximum(high**2 - across**2, 0))
    return {
        "status": found["status"],
        "positive": a0 > 0,
        "stuck": (a0 > 0) & (w1 < 0),
        "learns": (w1 > 0) & (a0 > -w1),
        "reaches": a0 > -np.linalg.norm(found["w0"], axis=-1),
        "constant": crosses(high, s, eta, mu),
        "moving": crosses(c, s, eta, mu),
        "free": crosses(high, s, eta, mu) | crosses(across, s, eta, mu),
    }


def summary(task: Task, arrays: Arrays) -> Variables:
    """Counts by class of starts; the escapes from a0 > 0 > w_1 beside the three statements.

    judged: those whose steps neither diverged nor lost e_1 in level 0, of which the laws are right or wrong.
    """
    status = arrays["status"][task.config.names.index("IMP")]
    imp, stuck = status == Status.LEARNED, arrays["stuck"]
    judged = stuck & (status != Status.DIVERGED) & (status != Status.WRONG_MASK)
    laws = {name: arrays[name] & stuck for name in ("constant", "moving")}
    n, escaped = int(stuck.sum()), int((imp & stuck).sum())
    low, high = clopper_pearson(escaped, max(n, 1)) if n else (0.0, 1.0)
    found: Variables = {
        "stuck": ((), n),
        "judged": ((), int(judged.sum())),
        "escaped": ((), escaped),
        "escape": ((), escaped / max(n, 1)),
    }
    found |= {"escape_low": ((), low), "escape_high": ((), high)}
    for name, law in laws.items():
        found |= {f"{name}_escape": ((), law.sum() / max(n, 1)), f"{name}_wrong": ((), int(((law != imp) & judged).sum()))}
    found["against_bound"] = ((), int((imp & stuck & ~arrays["free"]).sum()))
    rows = [np.ones_like(stuck), arrays["positive"], ~arrays["positive"]]
    classes = [_class(task.config, arrays, row, laws["constant"]) for row in rows]
    return found | {name: (("start", *dims), np.array([c[name][1] for c in classes])) for name, (dims, _) in classes[0].items()}


def _class(config: Config, arrays: Arrays, rows: NDArray[np.bool_], law: NDArray[np.bool_]) -> Variables:
    """``proportions`` of some starts; the theory: IMP by the law, LRR by T4's basin."""
    sides = {"IMP": arrays["learns"] | law, "LRR": arrays["reaches"]}
    theory = [sides[name][rows].mean() if name in sides and rows.any() else np.nan for name in config.names]
    dims, n = ("algorithm",), int(rows.sum())
    if not n:
        keys = {"hits": 0, "undecided": 0, "success": np.nan, "low": 0.0, "high": 1.0}
        empty: Variables = {k: (dims, np.full(len(config.names), v)) for k, v in keys.items()}
        return empty | {
            "n": ((), 0),
            "gap": ((), np.nan),
            "gap_low": ((), -1.0),
            "gap_high": ((), 1.0),
            "theory": (dims, theory),
        }
    return proportions(arrays["status"][:, rows]) | {"theory": (dims, np.array(theory))}


def coordinates(settings: Settings) -> dict[str, Any]:
    """The classes of starts."""
    return {"start": list(STARTS)}


def rows(dataset: "xarray.Dataset") -> list[dict[str, Any]]:
    """One row a momentum: from which step size on half of the stuck starts escape, by simulation and by the two laws."""
    found = []
    for mu in dataset.momentum.values:
        one = dataset.sel(momentum=mu)
        found.append(
            {"momentum": float(mu)}
            | {f"η at which half escape, {words}": _half(one.eta.values, one[name].values) for name, words in HALVES.items()}
            | {name: int(one[name].sum()) for name in COUNTS}
        )
    return found


COUNTS = ("stuck", "judged", "escaped", "constant_wrong", "moving_wrong", "against_bound")
HALVES = {"escape": "simulated", "constant_escape": "constant a", "moving_escape": "moving a"}


def _half(eta: Array, share: Array) -> float:
    """Where the share first exceeds ½, interpolated in ln η; NaN if nowhere."""
    above = np.flatnonzero(share >= 0.5)
    if not len(above) or above[0] == 0:
        return float("nan")
    i = above[0]
    part = (0.5 - share[i - 1]) / (share[i] - share[i - 1])
    return float(np.exp(np.log(eta[i - 1]) + part * np.log(eta[i] / eta[i - 1])))


def table(dataset: "xarray.Dataset") -> list[dict[str, Any]]:
    """One row a point: the escapes."""
    names = ("stuck", "escape", "escape_low", "escape_high", "constant_escape", "moving_escape", "against_bound")
    return flat(dataset, names, "escape")


COMMON = {
    **{"algorithms": ("IMP", "LRR"), "engine": "active-set", "init": "balanced", "n": 500, "d": 10, "sigma": 0.0},
    **{"time": 200.0, "seed": 4},
}
AXES = {
    "momentum": "heavy-ball momentum μ",
    "eta": "step size η",
    "start": "class of starts; balanced a0 < 0 lie on the boundary of T4's basin, which steps leave (drift of c)",
}


def momenta(count: int, least: float = 0.01) -> tuple[float, ...]:
    """μ = 0 … 1 − least, 1 − μ in geometric progression."""
    return tuple(round(1 - v, 6) for v in spaced(1, least, count))


STUDIES = (
    Study(
        "momentum",
        "Success over momentum and step size: where the gap between IMP and LRR closes",
        "T13: noise-free, from a0 > 0 > w_1, w_1 crosses zero iff ηs₋a0² > (1 − √μ)² (constant a), where IMP catches up.",
        AXES,
        ("momentum", "eta"),
        presets(
            COMMON,
            smoke={"momentum": (0.0, 0.5, 0.9), "eta": (0.01, 0.1, 1.0), "trials": 40, "time": 50.0, "n": 100},
            small={"momentum": momenta(8, 0.02), "eta": spaced(0.003, 3, 10), "trials": 60, "time": 40.0, "n": 200},
            paper={"momentum": momenta(21), "eta": spaced(0.002, 3, 21), "trials": 300, "time": 60.0},
            full={"momentum": momenta(65, 0.001), "eta": spaced(1e-4, 4, 65), "trials": 4000, "time": 1000.0},
        ),
        work,
        summary,
        rows,
        config,
        coordinates=coordinates,
        decides=("t",),
    ),
    Study(
        "step-size",
        "Escape of IMP against the step size, at several momenta",
        "T13: w_1 jumps over zero iff ηs₋a0² > 1, with momentum iff ηs₋a0² > (1 − √μ)²; departures where a moves.",
        AXES,
        ("init", "momentum", "eta"),
        presets(
            COMMON | {"init": ("balanced",)},
            smoke={"momentum": (0.0, 0.9), "eta": (0.003, 0.01, 0.1, 1.0), "trials": 60, "time": 50.0, "n": 100},
            paper={"momentum": (0.0, 0.5, 0.9, 0.97), "eta": spaced(0.001, 3, 31), "trials": 1000, "time": 60.0},
            full={
                "init": ("balanced", "bounded", "gaussian"),
                "momentum": (0.0, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99),
                "eta": spaced(1e-4, 4, 81),
                "trials": 20_000,
                "time": 1000.0,
            },
        ),
        work,
        summary,
        table,
        config,
        coordinates=coordinates,
        decides=("t",),
    ),
)
