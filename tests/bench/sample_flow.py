"""Cost of a finished dense phase of the flow engine, beside descent by batched torch and by a fused Numba loop in the same run.

    .venv/bin/python tests/bench/sample_flow.py

Gaussian inputs, balanced initial values, t = 1000, tolerance 1e-9; descent with η = 0.01, so 100,000 steps; float64, one
thread, processor time of that thread. A finished trial of IMP and LRR is the dense phase and two phases of one weight, by the
flow in closed form, by torch as costly as the dense one. 21 November 2026, an idle two-core AMD EPYC
(Zen 4), 200 trials (torch timed on 300 steps, the fused loop on 8 trials); milliseconds a trial:

| d, n     | σ   | flow | steps | events | slide | fused Numba  | torch          | IMP + LRR by the flow | by torch     |
|----------|-----|------|-------|--------|-------|--------------|----------------|-----------------------|--------------|
| 10, 1000 | 0   | 1.86 | 693   | 521    | 52 %  | 88 (47 ×)    | 1022 (548 ×)   | 1.91                  | 1605 × that  |
| 10, 1000 | 0.1 | 2.01 | 712   | 534    | 68 %  | 85 (42 ×)    | 1064 (531 ×)   | 2.05                  | 1555 × that  |
| 2, 200   | 0   | 0.36 | 148   | 100    | 27 %  | 6 (16 ×)     | 114 (316 ×)    | 0.39                  | 885 × that   |
| 2, 200   | 0.1 | 0.36 | 147   | 100    | 45 %  | 6 (16 ×)     | 120 (332 ×)    | 0.39                  | 929 × that   |

Slide: at some time; half of the trials start from a0 < 0. The first call on a machine compiles, for 40 s of processor time.
"""

import argparse
import time

import numpy as np
from active_set import by_numba, by_torch, problem

from simulate.sample_flow import sample_flow

STEPS = 100_000


def by_flow(X, y, a, w, repeats=3):
    """Seconds a trial for the dense phase, for two sparse ones, and the dense run."""
    mask = np.arange(w.shape[1]) == np.zeros((len(a), 1))
    sample_flow(X[:1], y[:1], a[:1], w[:1], 1.0)
    dense, sparse = [], []
    for _ in range(repeats):
        start = time.thread_time()
        run = sample_flow(X, y, a, w, 1000.0)
        middle = time.thread_time()
        for start_a, start_w in ((a, w), (run.a, run.w)):
            sample_flow(X, y, start_a, start_w * mask, 1000.0, mask=mask)
        dense.append(middle - start)
        sparse.append(time.thread_time() - middle)
    return min(dense) / len(a), min(sparse) / len(a), run


def line(trials, d, n, sigma, torch_steps, loop_trials):
    """One row of the table."""
    given = problem(trials, d, n, sigma)
    dense, sparse, run = by_flow(*given)
    some = [x[:loop_trials] for x in given]
    loop, _, loop_w = by_numba(*some, 0.01, STEPS)
    torch = by_torch(*given, 0.01, torch_steps)[0] / torch_steps / trials * STEPS
    near = np.median(np.abs(loop_w - run.w[:loop_trials]).max(-1))
    print(
        f"d = {d}, n = {n}, σ = {sigma}: flow {1e3 * dense:.2f} ms ({run.steps.mean():.0f} steps, {run.events.mean():.0f} "
        f"events, {np.mean(run.slid > 0):.0%} slide, {np.mean(run.end == 1):.0%} at rest), "
        f"fused Numba {1e3 * loop / loop_trials:.0f} ms ({loop / loop_trials / dense:.0f} ×), "
        f"torch {1e3 * torch:.0f} ms ({torch / dense:.0f} ×); IMP + LRR "
        f"{1e3 * (dense + sparse):.2f} ms ({3 * torch / (dense + sparse):.0f} × torch); median distance to descent {near:.1e}"
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--torch-steps", type=int, default=300, help="its cost does not depend on the step")
    parser.add_argument("--loop-trials", type=int, default=8)
    options = parser.parse_args()
    for d, n, sigma in ((10, 1000, 0.0), (10, 1000, 0.1), (2, 200, 0.0), (2, 200, 0.1)):
        line(options.trials, d, n, sigma, options.torch_steps, options.loop_trials)


if __name__ == "__main__":
    main()
