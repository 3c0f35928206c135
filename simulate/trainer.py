"""The neuron as a `Trainer`: the loop of ``theory.algorithms`` over gradient descent or gradient flow, many trials at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.algorithms import At, Level, Rewind
from theory.one_input import Branches, branch_statistics

from . import active_set, population_descent, sgd
from .config import Config
from .data import Batch, population_branches
from .gd import BranchForce, Descent, PopulationForce, SampleForce, descend
from .population_flow import population_flow
from .sample_flow import sample_flow

__all__ = ["NeuronTrainer"]

Array = NDArray[np.float64]
Tensors = Mapping[str, Any]


class NeuronTrainer:
    """Trains params {"a": (B,), "w": (B, d)} under a mask {"w": (B, d)} on the samples of ``trials`` (T2, T3).

    The points it returns are "final", the moments asked for, and "descent": {"steps": (B,), "end": (B,)} (see ``gd.End``).
    Optimiser and schedule of a rewind have no meaning here: the step is constant and plain.
    """

    batch = 1
    norm: frozenset[str] = frozenset()

    def __init__(self, config: Config, trials: Batch):
        self.config, self.trials, self.keys = config, trials, trials.keys
        self.samples = None if trials.X is None or trials.y is None else SampleForce(trials.X, trials.y)

    @property
    def start(self) -> dict[str, Any]:
        """Parameters at initialisation."""
        return {"a": self.trials.a0, "w": self.trials.w0}

    @property
    def everything(self) -> dict[str, Any]:
        """The mask of the dense neuron."""
        return {"w": np.ones(self.trials.w0.shape, bool)}

    def dense(self, at: frozenset[At]) -> Level:
        """Level 0, which all algorithms share, with all the moments that any of them rewinds to."""
        points = self.train(self.start, self.everything, 0, at, Rewind())
        return Level(0, self.everything, self.start, {"init": self.start, **points})

    def train(self, params: Tensors, mask: Tensors, level: int, at: frozenset[At], rewind: Rewind) -> Mapping[Any, Tensors]:
        """Train one level for time t; weights off the mask stay what they are."""
        moments = {moment: self.config.when(moment) for moment in at}
        start = params["a"], params["w"], mask["w"], sorted(set(moments.values()))
        if self.config.engine == "sgd":
            run = self._sgd(*start, level)
        else:
            run = (self._flow if self.config.engine == "flow" else self._descend)(*start)
        points: dict[Any, Tensors] = {moment: dict(zip("aw", run.points[k], strict=True)) for moment, k in moments.items()}
        return points | {"final": {"a": run.a, "w": run.w}, "descent": {"steps": run.steps, "end": run.end}}

    def branches(self, coordinate: NDArray[np.int64] | None = None) -> Branches:
        """Branch statistics of one coordinate (B,) of each trial, e_1 by default."""
        if self.samples is None:
            return population_branches(self.config, len(self.keys))
        index = np.zeros(len(self.keys), int) if coordinate is None else coordinate
        return branch_statistics(self.samples.X[np.arange(len(index)), index], self.samples.y)

    def _descend(self, a: Array, w: Array, mask: NDArray[np.bool_], at: list[float]) -> Descent:
        eta, steps, mu, device = self.config.eta, self.config.steps, self.config.momentum, self.config.device
        if self.config.engine == "reduced":
            return population_descent.descend(a, w, eta, steps, mask=mask, at=at, momentum=mu, device=device)
        if not self._one_input(w, mask):
            if self.samples is not None and self.config.engine == "active-set":
                return active_set.descend(self.samples.X, self.samples.y, a, w, eta, steps, mask=mask, at=at, momentum=mu)
            return descend(self.samples or PopulationForce(), a, w, eta, steps, mask=mask, at=at, momentum=mu)
        index = mask.argmax(-1)[:, None]
        run = descend(
            BranchForce(*self.branches(index[:, 0])), a, np.take_along_axis(w, index, -1), eta, steps, at=at, momentum=mu
        )

        def put(values: Array) -> Array:
            full = np.zeros_like(w)
            np.put_along_axis(full, index, values, -1)
            return full

        return run._replace(w=put(run.w), points={k: (a, put(w)) for k, (a, w) in run.points.items()})

    def _sgd(self, a: Array, w: Array, mask: NDArray[np.bool_], at: list[float], level: int) -> Descent:
        config, batch = self.config, self.config.batch or 1
        return sgd.descend(
            self.trials.X, self.trials.y, a, w, config.eta, config.steps, keys=self.keys, batch=batch, level=level, mask=mask,
            at=at, momentum=config.momentum, device=config.device, sigma=config.sigma, inputs=config.inputs,
        )  # fmt: skip

    def _one_input(self, w: Array, mask: NDArray[np.bool_]) -> bool:
        """Do branch statistics suffice? One weight alive, the others at zero; the population has them for e_1 alone."""
        one = bool((mask.sum(-1) == 1).all() and (w[~mask] == 0).all())
        return one and (self.samples is not None or bool(mask[:, 0].all()))

    def _flow(self, a: Array, w: Array, mask: NDArray[np.bool_], at: list[float]) -> Descent:
        if self.samples is not None:
            return Descent(*sample_flow(self.samples.X, self.samples.y, a, w, self.config.t, mask=mask, at=at)[:5])
        pace = self.config.variance  # of one uniform input: T2 holds with s = variance/2, which is time at another pace
        times = [moment * pace for moment in at]
        run = population_flow(a, w, self.config.t * pace, mask=mask, at=times, device=self.config.device)
        return run._replace(points={moment: run.points[time] for moment, time in zip(at, times, strict=True)})
