"""T10 on trial: the loss along the line between the solutions of successive levels, for several definitions of a barrier.

Simulated ends of level 0 (a, w) and level 1 (b, v); the loss along the segment, of the population by T10's formula and of the
trial's own samples; and ¼ sinh⁴((asinh(c/2) − asinh(c'/2))/4) between matching ends, from the initial values alone.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory import BARRIERS, matching_barrier, path_barrier, segment_loss

from ..config import Config
from ..data import draw
from ..run_trials import simulate
from .study import Arrays, Settings, Study, Task, Variables, plain_config, presets

if TYPE_CHECKING:
    import xarray

__all__ = ["STUDIES", "kinds", "sample_losses"]

Array = NDArray[np.float64]
POINTS = 41
"""Points on a segment, its middle among them."""
TOLERANCE = 0.005
"""Loss of the population at which a level has learned: label noise σ leaves about σ²d/2n."""


def sample_losses(X: Array, y: Array, a: Array, w: Array, b: Array, v: Array, alpha: Array) -> Array:
    """(1/2n) Σ (f − y)² at (1 − α)(a, w) + α(b, v), (B, k): inputs (B, d, n), labels (B, n), ends (B,), (B, d)."""
    first, last = (np.einsum("bd,bdn->bn", x, X) for x in (w, v))
    losses = []
    for t in alpha:
        out = ((1 - t) * a + t * b)[:, None] * np.maximum((1 - t) * first + t * last, 0)
        losses.append(((out - y) ** 2).mean(-1) / 2)
    return np.stack(losses, axis=-1)


def work(task: Task) -> Arrays:
    """The barriers of each trial by algorithm and definition, on the population and on its samples, less the label noise."""
    config, alpha = task.config, np.linspace(0, 1, POINTS)
    found, batch = simulate(config, task.keys), draw(config, task.keys)
    a, w, c = found["dense_a"], found["dense_w"], found["a0"] ** 2 - (found["w0"] ** 2).sum(-1)
    names = list(BARRIERS)
    whole = np.empty((len(config.names), len(names), len(a)))
    own, (last, theory, gap) = np.full_like(whole, np.nan), np.empty((3, *whole[:, 0].shape))
    for i, name in enumerate(config.names):
        b, v = found["a"][i], found["w"][i]
        losses = segment_loss(a[:, None], w[:, None], b[:, None], v[:, None], alpha)
        first, last[i] = losses[:, 0], losses[:, -1]
        whole[i] = [path_barrier(losses, alpha, d) for d in names]
        if batch.X is not None and batch.y is not None:
            sampled = sample_losses(batch.X, batch.y, a, w, b, v, alpha)
            own[i] = [path_barrier(sampled, alpha, d) for d in names]
        after = found["a0"] ** 2 - found["w0"][:, 0] ** 2 if name == "IMP" else c
        theory[i] = matching_barrier(c, after)
        gap[i] = np.abs(np.arcsinh(c / 2) - np.arcsinh(after / 2))
    return {"population": whole, "samples": own, "theory": theory, "gap": gap, "last": last, "first": first}


def summary(task: Task, arrays: Arrays) -> Variables:
    """The arrays by trial: few enough to keep, so that figures and other definitions can be made from them."""
    two = ("algorithm", "trial")
    three = ("algorithm", "definition", "trial")
    found: Variables = {name: (two, arrays[name]) for name in ("last", "theory", "gap")}
    found |= {name: (three, arrays[name]) for name in ("population", "samples")}
    return found | {"first": (("trial",), arrays["first"])}


def axes(settings: Settings) -> dict[str, Any]:
    """The definitions of a barrier."""
    return {"definition": list(BARRIERS)}


def rows(dataset: "xarray.Dataset") -> list[dict[str, Any]]:
    """By setting, algorithm and definition: matching trials against the closed form, failing ones by how many show no barrier.

    Only trials whose level 0 ended with a loss of at most ``TOLERANCE``; those whose level 1 did too are matching.
    """
    found = []
    for init in dataset.init.values:
        for sigma in dataset.sigma.values:
            for name in dataset.algorithm.values:
                one = dataset.sel(init=init, sigma=sigma, algorithm=name)
                lead = {"init": str(init), "sigma": float(sigma), "algorithm": str(name)}
                found += [lead | _row(one, str(d)) for d in dataset.definition.values]
    return found


def kinds(one: "xarray.Dataset") -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which trials match, and which fail."""
    good, last = one["first"].values <= TOLERANCE, one["last"].values
    return good & (last <= TOLERANCE), good & (last > TOLERANCE)


def _row(one: "xarray.Dataset", definition: str) -> dict[str, Any]:
    matching, failing = kinds(one)
    whole, own = (one[k].sel(definition=definition).values for k in ("population", "samples"))

    def best(values: NDArray[Any], function: Any) -> float:
        return float(function(values)) if values.size else float("nan")

    return {
        "definition": definition,
        "matching": int(matching.sum()),
        "largest theory": best(one.theory.values[matching], np.max),
        "largest error": best(np.abs(whole - one.theory.values)[matching], np.max),
        "largest on samples": best(own[matching], np.max),
        "failing": int(failing.sum()),
        "failing without barrier": best(whole[failing] <= 1e-9, np.mean),
        "least of failing": best(whole[failing], np.min),
        "least on samples": best(own[failing], np.min),
    }


def config(settings: Settings, point: Settings) -> Config:
    """IMP and LRR, whose conserved c' at level 1 follows from the start."""
    if not set(settings["algorithms"]) <= {"IMP", "LRR"}:
        raise ValueError(f"T10's closed form is compared for IMP and LRR, not for {settings['algorithms']!r}.")
    return plain_config(settings, point)


STUDIES = (
    Study(
        "barrier",
        "The loss between successive levels",
        "T10: between matching levels the barrier is ¼ sinh⁴((asinh(c/2) − asinh(c'/2))/4), LRR's is 0; a failed level shows "
        "none by two usual definitions and at least ⅛ and ¼ by two others.",
        {
            "init": "initialisation",
            "sigma": "standard deviation of the label noise",
            "definition": "of a barrier: max L less interpolation, worst end, mean of the ends, first end",
            "trial": "trials",
        },
        ("init", "sigma"),
        presets(
            {"algorithms": ("IMP", "LRR"), "engine": "flow", "d": 10, "seed": 12, "init": ("balanced", "bounded", "gaussian")},
            smoke={"sigma": (0.0,), "trials": 60, "n": 200, "t": 300.0},
            paper={"sigma": (0.0, 0.2), "trials": 2000, "n": 500, "t": 1000.0},
            full={"sigma": (0.0, 0.05, 0.2), "trials": 20_000, "n": 1000, "t": 10_000.0},
        ),
        work,
        summary,
        rows,
        config,
        coordinates=axes,
    ),
)
