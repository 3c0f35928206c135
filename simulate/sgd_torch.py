"""Mini-batch descent in torch, float64, for ``device="cuda"``: all trials side by side, a batch of each a step.

The samples stay on the device. Orders come from the host, which is one epoch ahead while the device works, so they are those
of the other implementations by construction; fresh samples of the population are drawn on the device, to the same bits. A
block of steps is gathered at once, each step's batches side by side, and on a GPU the steps of a block are one CUDA graph,
launched once: nothing waits for the host before the end of an epoch. A trial that may have ended in an epoch (a value not
finite, or |w| below ``TINY`` at some step) goes it again in NumPy from where the epoch began, and ends as it does there.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory.streams import key

from .gd import TINY
from .population_torch import device_of
from .sgd import Problem, State, Walk, walk
from .sgd_draws import orders, samples

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["walk_on", "walk_with"]

ROOM = {"cpu": 2**22, "cuda": 2**28}
"""Bytes of samples gathered at once, all batches of a step at least."""


def walk_on(name: str, problem: Problem) -> Walk:
    """``sgd.walk`` on a device by name; ValueError where torch finds none."""
    return walk_with(device_of(name), problem)


def walk_with(device: Any, problem: Problem) -> Walk:
    """``sgd.walk`` on a torch device."""
    mover = _Mover(device, problem)

    def go(
        problem: Problem, state: State, rows: NDArray[np.int64], first: int, last: int
    ) -> tuple[State, NDArray[np.int64], NDArray[np.int8]]:
        moved, doubtful = mover(state, rows, first, last)
        done, ends = np.full(len(rows), last - first), np.zeros(len(rows), np.int8)
        if doubtful.any():
            start = State(*(x[doubtful] for x in state))
            careful, done[doubtful], ends[doubtful] = walk(problem, start, rows[doubtful], first, last)
            for whole, part in zip(moved, careful, strict=True):
                whole[doubtful] = part
        return moved, done, ends

    return go


class _Mover:
    """Steps of a problem on a device: state in, state and whether a trial may have ended out."""

    def __init__(self, device: Any, problem: Problem):
        import torch

        self.torch, self.device, self.problem = torch, device, problem
        self.graphs: dict[Any, tuple[Any, ...]] = {}
        self.visits: tuple[int, Any] = -1, None
        trials, d = problem.mask.shape
        self.mask = torch.from_numpy(problem.mask.astype(float)).to(device)
        if problem.X is None or problem.y is None:
            inputs, noise = problem.inputs.view(np.int64), problem.noise.view(np.int64)
            self.inputs, self.noise = torch.from_numpy(inputs).to(device), torch.from_numpy(noise).to(device)
        else:
            table = np.concatenate([np.swapaxes(problem.X, 1, 2), problem.y[:, :, None]], axis=2)
            self.table = torch.from_numpy(table.reshape(-1, d + 1)).to(device)
            self.starts = torch.arange(trials, device=device)[:, None] * problem.y.shape[1]
        steps = ROOM[device.type] // (8 * trials * problem.batch * (d + 1))
        self.block = max(1, min(steps, 64))

    def __call__(self, state: State, rows: NDArray[np.int64], first: int, last: int) -> tuple[State, NDArray[np.bool_]]:
        """Every trial is moved, so that shapes stay what the graphs are for, but of ended ones nothing is kept."""
        whole = [np.zeros(self.problem.mask.shape[: np.ndim(x)]) for x in state]
        for x, part in zip(whole, state, strict=True):
            x[rows] = part
        now = [self.torch.from_numpy(x).to(self.device) for x in whole]
        now.append(self.torch.full((len(whole[0]),), np.inf, dtype=self.torch.float64, device=self.device))
        period, batch = self.problem.period, self.problem.batch
        count = period * batch if self.problem.y is None else self.problem.y.shape[1]
        k = first
        while k < last:
            place = k % period * batch
            size = min(batch, count - place)
            steps = min(self.block, last - k) if size == batch and place + batch <= count else 1
            steps = max(1, min(steps, (count - place) // batch))
            self._move(now, self._gather(k // period, place, steps, size))
            k += steps
        if last % period == 0 and self.problem.y is not None:
            self._order(last // period)
        a, w, pace_a, pace_w, least = (x.cpu().numpy()[rows] for x in now)
        finite = np.isfinite(a) & np.isfinite(w).all(-1)
        return State(a, w, pace_a, pace_w), ~(finite & (least >= TINY))

    def _order(self, epoch: int) -> "Tensor":
        if self.visits[0] != epoch:
            found = _orders(key(self.problem.order, epoch), len(self.table) // len(self.starts))
            self.visits = epoch, self.torch.from_numpy(found).to(self.device, non_blocking=True) + self.starts
        return self.visits[1]

    def _gather(self, epoch: int, place: int, steps: int, size: int) -> "Tensor":
        """Inputs and label (steps, B, size, d + 1) of some steps of an epoch."""
        trials, d = self.problem.mask.shape
        if self.problem.y is None:
            first = epoch * self.problem.period * self.problem.batch + place
            x, y = samples(self.inputs, self.noise, first, steps * size, d, self.problem.sigma, self.problem.law)
            drawn = self.torch.cat([x, y[:, :, None]], dim=2)
            return drawn.reshape(trials, steps, size, d + 1).transpose(0, 1).contiguous()
        visits = self._order(epoch)[:, place : place + steps * size].reshape(trials, steps, size).transpose(0, 1)
        return self.table[visits.reshape(-1)].reshape(steps, trials, size, d + 1)

    def _move(self, now: list["Tensor"], drawn: "Tensor") -> None:
        if self.device.type != "cuda":
            self._steps(now, drawn)
            return
        if (shape := tuple(drawn.shape)) not in self.graphs:
            self.graphs[shape] = _captured(self.torch, self._steps, now, drawn)
        graph, fixed, buffer = self.graphs[shape]
        buffer.copy_(drawn)
        for x, z in zip(fixed, now, strict=True):
            x.copy_(z)
        graph.replay()
        for x, z in zip(fixed, now, strict=True):
            z.copy_(x)

    def _steps(self, now: list["Tensor"], drawn: "Tensor") -> None:
        """A step along each of ``drawn``, in place."""
        torch, eta, mu = self.torch, self.problem.eta, self.problem.momentum
        a, w, pace_a, pace_w, least = now
        for batch in drawn:
            x, y = batch[:, :, :-1], batch[:, :, -1]
            z = torch.bmm(x, w[:, :, None])[:, :, 0]
            part = torch.where(z > 0, y - a[:, None] * z, 0.0)
            slope = (part * z).sum(-1) / z.shape[1]
            force = torch.bmm(part[:, None], x)[:, 0] / z.shape[1]
            pace_a.mul_(mu).add_(slope)
            pace_w.mul_(mu).add_(a[:, None] * (force * self.mask))
            a.add_(pace_a, alpha=eta)
            w.add_(pace_w, alpha=eta)
            torch.minimum(least, w.abs().amax(-1), out=least)


def _captured(torch: Any, steps: Callable[..., None], now: list["Tensor"], drawn: "Tensor") -> tuple[Any, ...]:
    """``steps`` as a CUDA graph on copies of its arguments, which it moves in place."""
    fixed, buffer = [x.clone() for x in now], drawn.clone()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        steps(fixed, buffer)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        steps(fixed, buffer)
    return graph, fixed, buffer


def _orders(keys: NDArray[np.uint64], n: int) -> NDArray[np.int64]:
    """``orders``, compiled where Numba is at hand."""
    try:
        from .sgd_draws_kernel import ordered
    except ModuleNotFoundError:
        return orders(keys, n)
    return ordered(keys, n)
