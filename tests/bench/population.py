"""Cost of the population engines, beside DOP853 on single neurons, NumPy and eager torch on the same trials in the same run.

    .venv/bin/python tests/bench/population.py

float64, one thread, processor time of the process.

21 November 2026, two shared cores of an AMD EPYC (Zen 4), load 6 to 8, --trials 32768. The flow to a tolerance of 1e-9, per
trial (steps in brackets); DOP853 (tolerance 1e-12) on 1 to 30 of the trials, torch (CPU, eager) on 20 to 2000:

| starts            | t    | compiled       | DOP853              | torch                    | from tolerance 1e-11 |
|-------------------|------|----------------|---------------------|--------------------------|----------------------|
| diagram           | 1000 | 6.1 µs (22)    | 58 ms (9,500 ×)     | 1.2 ms (202 ×, 99)       | 3e-10                |
| diagram           | 2    | 1.3 µs (4)     | 1.6 ms (1,200 ×)    | 0.26 ms (203 ×, 13)      | 7e-12                |
| Gaussian, d = 10  | 1000 | 37.6 µs (81)   | 157 ms (4,200 ×)    | 34 ms (900 ×, 681)       | 1e-11                |
| Gaussian, d = 100 | 1000 | 84.6 µs (80)   | 1.5 s (18,000 ×)    | 2.0 s (23,000 ×, 10,722) | 9e-13                |
| -3 and ‖w0‖ = 10  | 1000 | 53.0 µs (59)   | 0.67 s (13,000 ×)   | 1.5 s (29,000 ×, 8,335)  | 1e-12                |

All ends agree with DOP853 to 3e-12 and with torch to 4e-10. The descent, per trial-step (η = 0.1, 1000 steps): compiled 3.6 ns,
NumPy 112 ns (31 ×), torch 49 ns (13 ×); with momentum 0.9, 3.7, 132 (36 ×) and 57 ns (16 ×). torch pays for its batches of
a few trials by the time of its calls, and for c ≪ 0 by explicit steps. No GPU was at hand: nothing is measured on one.
"""

import argparse
import functools
import os
import sys
import time

import numpy as np
import torch

from simulate import gd, population_descent
from simulate.flow import population_path
from simulate.population_flow import population_flow
from simulate.population_torch import descend_on, flow_on

DEVICE = torch.device("cpu")


def timed(function, repeats=3):
    """The least processor time of some calls, and what the last one returned."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        spent.append(time.process_time() - start)
    return min(spent), result


def by_torch(module, solver, function):
    """The same call with torch's solver in place of the compiled one."""
    known, sys.modules[module]._solver = sys.modules[module]._solver, lambda _: functools.partial(solver, DEVICE)
    try:
        return timed(function, 1)
    finally:
        sys.modules[module]._solver = known


def far(a, w, run):
    """The largest distance from another run, relative to max(|a|, ‖w‖)."""
    scale = np.maximum(np.abs(a), np.linalg.norm(w, axis=-1))
    return float((np.maximum(np.abs(run.a - a), np.linalg.norm(run.w - w, axis=-1)) / scale).max())


def diagram(count):
    """Starts of a diagram over a0 and w_1 in [−1.5, 1.5], d = 2, w_2 ~ N(0, ½)."""
    rng = np.random.default_rng(0)
    a, p = rng.uniform(-1.5, 1.5, (2, count))
    return a, np.stack([p, np.sqrt(0.5) * rng.standard_normal(count)], -1)


def gaussian(count, d):
    """a0 and w0 standard normal: c ≪ 0 for many inputs."""
    rng = np.random.default_rng(1)
    return rng.standard_normal(count), rng.standard_normal((count, d))


def sphere(count):
    """a0 = −3, ‖w0‖ = 10."""
    w = gaussian(count, 2)[1]
    return np.full(count, -3.0), 10 * w / np.linalg.norm(w, axis=-1, keepdims=True)


def flow_row(name, starts, t, few, some):
    """Microseconds a trial of the flow: all trials compiled, ``some`` by torch, ``few`` by DOP853."""
    a, w = starts
    population_flow(a[:8], w[:8], 1.0)
    mine, run = timed(lambda: population_flow(a, w, t))
    tight = population_flow(a[:2000], w[:2000], t, tolerance=1e-11)
    path_cost, paths = timed(lambda: [population_path(a[i], w[i], [t]) for i in range(few)], 1)
    other, eager = by_torch("simulate.population_flow", flow_on, lambda: population_flow(a[:some], w[:some], t))
    path = np.array([p.a[0] for p in paths]), np.array([p.w[0] for p in paths])
    first = population_flow(a[:few], w[:few], t)
    mine, path_cost, other = mine / len(a), path_cost / few, other / some
    print(
        f"flow, {name}, t = {t:g}: {1e6 * mine:.1f} µs ({run.steps.mean():.0f} steps), DOP853 {1e3 * path_cost:.1f} ms "
        f"({path_cost / mine:.0f} ×), torch {1e6 * other:.0f} µs ({other / mine:.0f} ×, {eager.steps.mean():.0f} steps); from "
        f"tolerance 1e-11 {far(tight.a, tight.w, run._replace(a=run.a[:2000], w=run.w[:2000])):.1e}, from DOP853 "
        f"{far(*path, first):.1e}, from torch {far(eager.a, eager.w, run._replace(a=run.a[:some], w=run.w[:some])):.1e}",
        flush=True,
    )


def descent_row(name, starts, steps, momentum, few):
    """Nanoseconds per trial-step of the descent."""
    a, w = starts
    options = {"eta": 0.1, "steps": steps, "momentum": momentum}
    population_descent.descend(a[:8], w[:8], 0.1, 1)
    mine, run = timed(lambda: population_descent.descend(a, w, **options))
    plain, slow = timed(lambda: gd.descend(gd.PopulationForce(), a[:few], w[:few], **options), 1)
    other, eager = by_torch("simulate.population_descent", descend_on, lambda: population_descent.descend(a, w, **options))
    mine, plain, other = mine / run.steps.sum(), plain / slow.steps.sum(), other / eager.steps.sum()
    print(
        f"descent, {name}, {steps} steps, μ = {momentum}: {1e9 * mine:.1f} ns, NumPy {1e9 * plain:.0f} ns "
        f"({plain / mine:.0f} ×), torch {1e9 * other:.0f} ns ({other / mine:.0f} ×)",
        flush=True,
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=2**17)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("load", *(f"{load:.1f}" for load in os.getloadavg()), flush=True)
    flow_row("diagram", diagram(options.trials), 1000.0, 30, 2000)
    flow_row("diagram", diagram(options.trials), 2.0, 30, 2000)
    flow_row("Gaussian, d = 10", gaussian(options.trials // 8, 10), 1000.0, 5, 300)
    flow_row("Gaussian, d = 100", gaussian(options.trials // 32, 100), 1000.0, 1, 20)
    flow_row("a0 = −3, ‖w0‖ = 10", sphere(options.trials // 32), 1000.0, 1, 20)
    descent_row("diagram", diagram(2**14), 1000, 0.0, 2048)
    descent_row("diagram", diagram(2**14), 1000, 0.9, 2048)


if __name__ == "__main__":
    main()
