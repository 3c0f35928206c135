"""The neuron as a `Trainer`: the loop of ``theory.algorithms`` over gradient descent or gradient flow, many trials at once."""

from collections.abc import Mapping, Sequence
from itertools import count, pairwise, takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.algorithms import At, Level, Rewind, flipped
from theory.one_input import Branches, branch_statistics

from . import active_set, population_descent, sgd
from .config import Config
from .data import Batch, population_branches
from .gd import BranchForce, Descent, End, PopulationForce, SampleForce, descend
from .population_flow import population_flow
from .sample_flow import sample_flow

__all__ = ["NeuronTrainer"]

Array = NDArray[np.float64]
Tensors = Mapping[str, Any]


class NeuronTrainer:
    """Trains params {"a": (B,), "w": (B, d)} under a mask {"w": (B, d)} on the samples of ``trials`` (T2, T3).

    The points it returns are "final", the moments asked for, and "descent": {"steps": (B,), "end": (B,)} (see ``gd.End``).
    Optimiser and schedule of a rewind have no meaning here: the step is constant and plain.

    Signs that flip inside a level (``flip_every``, in time or steps) train it in parts, for a trial in which any flip; what has
    diverged or stalled stays as it is, and what is at rest until it flips. Engine sgd and momentum know no parts. Fixed signs
    of several weights are known to engine gd alone (projected descent). Of one weight all engines but sgd know them: descent is
    gd's, and the flow rests where w comes to zero, since the samples behind it, whose labels are taken as 0, don't draw w on.

    ``donor``: the levels of another algorithm on the same trials, for masks and weights "from the donor".
    """

    batch = 1
    norm: frozenset[str] = frozenset()
    donor: Sequence[Level] = ()

    def __init__(self, config: Config, trials: Batch):
        self.config, self.trials, self.keys = config, trials, trials.keys
        self.samples = None if trials.X is None or trials.y is None else SampleForce(trials.X, trials.y)
        for law in config.laws:
            self._require(law.rewind)

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
        """Train one level for time t; weights off the mask stay what they are. Raises ValueError for what its engine lacks."""
        moments = {moment: self.config.when(moment) for moment in at}
        a, w, alive, rewind = params["a"], params["w"], mask["w"], rewind if level else Rewind()
        self._require(rewind)
        times, whole = sorted(set(moments.values())), self.config.t if self.config.engine == "flow" else self.config.steps
        if rewind.flip and rewind.flip_every:
            run = self._flipping(a, w, alive, level, rewind)
        elif rewind.signs == "fixed":
            run = self._fixed(a, w, alive, whole)
        else:
            run = self._part(a, w, alive, times, whole, level)
        points: dict[Any, Tensors] = {moment: dict(zip("aw", run.points[k], strict=True)) for moment, k in moments.items()}
        return points | {"final": {"a": run.a, "w": run.w}, "descent": {"steps": run.steps, "end": run.end}}

    def supply(self, names: frozenset[str], points: Mapping[Any, Tensors], mask: Tensors, level: int) -> Mapping[str, Tensors]:
        """The donor's weights and mask of this level, and the gradient of the loss at the final point (``theory.Supplier``)."""
        found: dict[str, Tensors] = {}
        for donor in self.donor:
            if donor.index == level:
                found |= {"donor": donor.points["final"], "donor mask": donor.mask}
        if "gradient" in names and (self.samples is not None or self.config.inputs == "gaussian"):
            a, w = points["final"]["a"], points["final"]["w"]
            G = (self.samples or PopulationForce())(a, w)
            found["gradient"] = {"a": -np.vecdot(w, G), "w": -a[:, None] * G * mask["w"]}
        return {name: found[name] for name in names & found.keys()}

    def branches(self, coordinate: NDArray[np.int64] | None = None) -> Branches:
        """Branch statistics of one coordinate (B,) of each trial, e_1 by default."""
        if self.samples is None:
            return population_branches(self.config, len(self.keys))
        index = np.zeros(len(self.keys), int) if coordinate is None else coordinate
        return branch_statistics(self.samples.X[np.arange(len(index)), index], self.samples.y)

    def _require(self, rewind: Rewind) -> None:
        """Refuse what the engine can't do inside a level."""
        config, every = self.config, rewind.flip_every
        if rewind.signs == "fixed" and config.engine == "sgd":
            raise ValueError("Signs are fixed by engine='gd', not by engine='sgd'.")
        if not rewind.flip or every is None:
            return
        if config.engine == "sgd" or config.momentum:
            given = "engine='sgd'" if config.engine == "sgd" else f"momentum={config.momentum!r}"
            raise ValueError(f"Signs flip every {every} in the engines gd, active-set, reduced and flow, not with {given}.")
        if every.count(step=config.eta, time=1) < config.eta and config.engine != "flow":
            raise ValueError(f"Signs flip every {every} at the shortest every step of eta = {config.eta!r}.")

    def _flipping(self, a: Array, w: Array, alive: NDArray[np.bool_], level: int, rewind: Rewind) -> Descent:
        """A level with flips inside: the trials in which none flips go through as ever, the others part by part."""
        flow, every = self.config.engine == "flow", (rewind.flip_every or At(0)).count(step=self.config.eta, time=1)
        whole = self.config.t if flow else self.config.steps
        times = (k * every if flow else round(k * every / self.config.eta) for k in count(1))
        ends = [0, *takewhile(lambda end: end < whole, times), whole]
        calm = rewind.flip_count(alive.sum(-1)) == 0
        total = Descent(a.copy(), w.copy(), {}, np.zeros(len(a), np.int64), np.zeros(len(a), np.int8))
        self._go_on(total, np.flatnonzero(calm), alive, whole, level)
        for k, (start, end) in enumerate(pairwise(ends)):
            go = ~calm & (total.end == End.TIME)
            if k:
                flips = rewind.flips(self.keys, {"w": alive}, level, k, self.batch)["w"]
                flips &= (~calm & ~np.isin(total.end, (End.DIVERGED, End.STALLED)))[:, None]
                total.w[:] = flipped({"w": total.w}, {"w": flips})["w"]
                go |= (flips & (total.w != 0)).any(-1)
            self._go_on(total, np.flatnonzero(go), alive, end - start, level)
        return total

    def _go_on(self, total: Descent, rows: NDArray[np.int64], alive: NDArray[np.bool_], span: float, level: int) -> None:
        """Train the trials ``rows`` on from where ``total`` has them, and put there where they come to."""
        if not len(rows):
            return
        trials = [x if x is None else x[rows] for x in self.trials]
        part = self if len(rows) == len(alive) else NeuronTrainer(self.config, Batch(*trials))  # type: ignore[arg-type]
        run = part._part(total.a[rows], total.w[rows], alive[rows], [], span, level)
        total.a[rows], total.w[rows], total.end[rows] = run.a, run.w, run.end
        total.steps[rows] += run.steps

    def _fixed(self, a: Array, w: Array, alive: NDArray[np.bool_], whole: float) -> Descent:
        """A level with fixed signs."""
        engine, most = self.config.engine, int(alive.sum(-1).max(initial=0))
        if most > 1 and engine != "gd":
            raise ValueError(f"The signs of {most} weights are fixed by engine='gd', not by engine={engine!r}.")
        if engine != "flow":
            return self._descend(a, w, alive, [], whole, fixed=True)
        if self.samples is None:
            return self._flow(a, w, alive, [], whole)  # w_1 never changes sign (T2a); without e_1, ‖w‖ moves alone
        index = alive.argmax(-1)[:, None]
        x = np.take_along_axis(self.samples.X, index[..., None], 1)[:, 0]
        own = (x < 0) == (np.take_along_axis(w, index, 1) < 0)
        return Descent(*sample_flow(self.samples.X, np.where(own, self.samples.y, 0.0), a, w, whole, mask=alive)[:5])

    def _part(self, a: Array, w: Array, mask: NDArray[np.bool_], at: list[float], span: float, level: int) -> Descent:
        """So many steps, or so much time, of the engine."""
        if self.config.engine == "sgd":
            return self._sgd(a, w, mask, at, level)
        return (self._flow if self.config.engine == "flow" else self._descend)(a, w, mask, at, span)

    def _descend(
        self, a: Array, w: Array, mask: NDArray[np.bool_], at: list[float], span: float, fixed: bool = False
    ) -> Descent:
        eta, steps, mu, device = self.config.eta, int(span), self.config.momentum, self.config.device
        if self.config.engine == "reduced" and not fixed:
            return population_descent.descend(a, w, eta, steps, mask=mask, at=at, momentum=mu, device=device)
        if not self._one_input(w, mask):
            if self.samples is not None and self.config.engine == "active-set" and not fixed:
                return active_set.descend(self.samples.X, self.samples.y, a, w, eta, steps, mask=mask, at=at, momentum=mu)
            force = self.samples or PopulationForce()
            return descend(force, a, w, eta, steps, mask=mask, at=at, momentum=mu, fixed=fixed)
        index = mask.argmax(-1)[:, None]
        branches, one = BranchForce(*self.branches(index[:, 0])), np.take_along_axis(w, index, -1)
        run = descend(branches, a, one, eta, steps, at=at, momentum=mu, fixed=fixed)

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

    def _flow(self, a: Array, w: Array, mask: NDArray[np.bool_], at: list[float], span: float) -> Descent:
        if self.samples is not None:
            return Descent(*sample_flow(self.samples.X, self.samples.y, a, w, span, mask=mask, at=at)[:5])
        pace = self.config.variance  # of one uniform input: T2 holds with s = variance/2, which is time at another pace
        times = [moment * pace for moment in at]
        run = population_flow(a, w, span * pace, mask=mask, at=times, device=self.config.device)
        return run._replace(points={moment: run.points[time] for moment, time in zip(at, times, strict=True)})
