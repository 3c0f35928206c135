"""T11 on trial: signs flipped at the rewind point. Which flips does training repair, with how many weights left?

Level 0 trains all weights, the mask keeps ``kept`` of them, they are rewound, and then each sign of w, or that of a, is flipped
with probability ``flipped``. With one weight left, the flip of w_1 is never repaired, that of a iff |a| < w_1; with several,
every flip in w is, but late where w_⊥ has all but vanished: at the end of a long phase it takes 2π/ψ.

An algorithm's own perturbation (``theory.Rewind.flip``) changes an exact share of the signs of w; here each has a chance of its
own, and a too, so ``Flipped`` is a trainer around the neuron's that flips what level 1 starts from.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory import sign_repaired
from theory.algorithms import At, Rewind, levels
from theory.streams import uniform

from ..config import Config
from ..data import draw
from ..gd import End
from ..status import classify
from ..trainer import NeuronTrainer
from .measures import proportions, table
from .study import Arrays, Settings, Study, Task, Variables, plain_config, presets

__all__ = ["STUDIES", "Flipped"]

WHAT = ("w", "a")


class Flipped(NeuronTrainer):
    """Flips signs before level 1: those of w where ``signs`` (B, d) is −1, that of a where ``outer`` (B,) is.

    ``begun`` holds the rewound a (B,) and w (B, d) before the flip.
    """

    signs: NDArray[np.float64]
    outer: NDArray[np.float64]
    begun: Mapping[str, Any]

    def train(
        self, params: Mapping[str, Any], mask: Mapping[str, Any], level: int, at: frozenset[At], rewind: Rewind
    ) -> Mapping[Any, Mapping[str, Any]]:
        """Train one level; level 1 from the flipped parameters. A pruned weight stays +0."""
        if level == 1:
            self.begun = params
            params = {"a": params["a"] * self.outer, "w": np.where(mask["w"], params["w"] * self.signs, 0.0)}
        return super().train(params, mask, level, at, rewind)


def work(task: Task) -> Arrays:
    """Status after level 1; the flips; whether T11 says that long training repairs them."""
    config, chance, what = task.config, task.point["flipped"], task.point["what"]
    draws = uniform(task.keys, "perturbation", size=config.d + 1) < chance
    trainer = Flipped(config, draw(config, task.keys))
    flips, outer = (draws[:, 1:] if what == "w" else np.zeros_like(draws[:, 1:])), draws[:, 0] & (what == "a")
    trainer.signs, trainer.outer = np.where(flips, -1.0, 1.0), np.where(outer, -1.0, 1.0)
    dense, branches = trainer.dense(frozenset().union(*(law.moments for law in config.laws))), trainer.branches()
    status, repaired = [], []
    for law in config.laws:
        (last,) = levels(law, trainer, trainer.start, trainer.everything, 1, done=dense)
        a, w, mask, run = last.points["final"]["a"], last.points["final"]["w"], last.mask["w"], last.points["descent"]
        status.append(classify(a, w, mask, branches, run["end"] == End.REST, run["end"] == End.DIVERGED))
        begun, sparse = trainer.begun, task.point["kept"] == 1
        good = sign_repaired(begun["a"], begun["w"], flips, outer=outer, sparse=sparse)
        repaired.append(good & mask[:, 0])
    return {"status": np.array(status), "predicted": np.array(repaired, float)}


def summary(task: Task, arrays: Arrays) -> Variables:
    """``proportions``; *predicted* is T11 at the rewind points of these trials, given their masks."""
    return proportions(arrays["status"], arrays["predicted"])


def config(settings: Settings, point: Settings) -> Config:
    """``kept`` weights stay."""
    if point["what"] not in WHAT:
        raise ValueError(f"Signs are flipped of {' or of '.join(WHAT)}, not of {point['what']!r}.")
    return plain_config(settings | {"keep": point["kept"]}, point)


STUDIES = (
    Study(
        "perturbation",
        "Signs flipped at the rewind point",
        "T11: with one weight left a flip of w_1 is never repaired; with several, flips of w are while w_⊥ is alive (IMP, WR), "
        "but not in time where it has vanished (LRR); a flip of a iff |a| < ‖w‖.",
        {
            "init": "initialisation",
            "what": "signs of w, or that of a",
            "kept": "weights left",
            "flipped": "probability of each flip",
        },
        ("init", "what", "kept", "flipped"),
        presets(
            {"algorithms": ("IMP", "WR(time=2)", "LRR"), "engine": "flow", "d": 10, "sigma": 0.0, "seed": 10, "what": WHAT},
            smoke={"init": ("balanced",), "kept": (1, 3), "flipped": (0.0, 0.5, 1.0), "trials": 60, "n": 200, "t": 100.0},
            paper={
                "init": ("balanced", "bounded"),
                "kept": (1, 2, 5, 10),
                "flipped": (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0),
                **{"trials": 1000, "n": 1000, "t": 300.0},
            },
            full={
                "init": ("balanced", "bounded", "gaussian"),
                "kept": (1, 2, 3, 5, 10),
                "flipped": tuple(i / 20 for i in range(21)),
                **{"trials": 20_000, "n": 1000, "t": 1000.0},
            },
        ),
        work,
        summary,
        table,
        config,
        decides=("keep", "levels"),
    ),
)
