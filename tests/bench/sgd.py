"""Cost of a sample visited by mini-batch descent, beside a plain Numba loop and batched torch on the same trials and orders.

    .venv/bin/python tests/bench/sgd.py

Gaussian inputs, σ = 0.1, η = 0.01, 16 trials, float64, one thread, processor time of that thread; ends agree to 1e-9. The loop
takes the same orders, compiled, and its cost includes theirs; torch is ``sgd_torch`` on the CPU, one batch of 16 trials.
21 November 2026, two runs on two shared cores of an AMD EPYC (Zen 4), load 7; nanoseconds per sample visited:

| d, n        | batch | kernel     | of it, order | bytes/ns | plain Numba        | torch              |
|-------------|-------|------------|--------------|----------|--------------------|--------------------|
| 10, 1000    | 1     | 8.7, 8.5   | 1.6, 2.4     | 10       | 67, 53 (7.6, 6.3 ×) | 5139, 5301 (600 ×) |
| 10, 1000    | 10    | 6.1, 6.5   | 1.6          | 14       | 33, 25 (5.4, 3.9 ×) | 655, 749 (110 ×)   |
| 10, 1000    | 100   | 5.7, 5.1   | 1.6          | 16       | 24, 30 (4.3, 5.9 ×) | 203, 277 (36, 55 ×) |
| 10, 10,000  | 1     | 8.0, 9.8   | 1.4          | 10       | 71, 87 (8.9 ×)     | 4469, 4552 (510 ×) |
| 10, 10,000  | 10    | 7.2, 6.8   | 1.4          | 13       | 47, 45 (6.5 ×)     | 593, 588 (84 ×)    |
| 10, 10,000  | 100   | 7.1, 6.4   | 1.4          | 13       | 44, 42 (6.4 ×)     | 196, 244 (28, 38 ×) |
| 10, 100,000 | 1     | 25.8       | 1.9          | 3        | 83 (3.2 ×)         | 4499 (174 ×)       |
| 10, 100,000 | 10    | 13.6       | 2.6          | 6        | 52 (3.8 ×)         | 850 (63 ×)         |
| 10, 100,000 | 100   | 22.0       | 1.8          | 4        | 46 (2.1 ×)         | 406 (18 ×)         |
| 1, 1000     | 1     | 7.2, 7.1   | 1.6          | 2        | 23, 23 (3.2 ×)     | 4286, 4160 (590 ×) |
| 1, 1000     | 10    | 5.0, 4.4   | 1.6          | 3        | 15, 15 (3.2 ×)     | 523, 495 (108 ×)   |
| 1, 1000     | 100   | 3.9, 4.0   | 1.6          | 4        | 14, 14 (3.5 ×)     | 122, 107 (29 ×)    |
| 50, 1000    | 1     | 19.5, 19.5 | 1.9, 1.6     | 21       | 114, 105 (5.6 ×)   | 7228, 4872 (310 ×) |
| 50, 1000    | 10    | 13.0, 12.8 | 1.6          | 31       | 57, 55 (4.3 ×)     | 805, 789 (62 ×)    |
| 50, 1000    | 100   | 12.3, 12.9 | 1.6          | 32       | 49, 57 (4.2 ×)     | 351, 378 (29 ×)    |

Fresh samples of the population, d = 10: 39, 46 and 34 ns for batches of 1, 10 and 100, nearly all of it drawing normals.
Read in order, 16 KB give 220 bytes/ns, 512 KB 107 to 114, 8 MB 99: the rows of a visit, d + 1 numbers, come at a tenth of
the cache's rate (a third for d = 50), so up to n = 10⁴ memory is not the limit; from n = 10⁵ on it is. Nor is arithmetic: a
visit's multiply-adds take 1.1 ns for d = 10. One trial alone takes 17 to 18 ns a visit, since a step waits for the one
before it; four side by side take 7, more gain nothing. Eight in the lanes of one register, tried, gained nothing either, nor
did leaving out the wait: what holds a visit at some 25 cycles was not found.
"""

import argparse
import time

import numba
import numpy as np
import torch
from active_set import peak, problem

from simulate import sgd
from simulate.sgd import descend, drive
from simulate.sgd_draws_kernel import ordered
from simulate.sgd_torch import walk_with
from simulate.vectors import LANES, add, compiled, load, spread, store
from theory.streams import key


@numba.njit(error_model="numpy", fastmath=True)
def plain(X, y, order, a, w, eta, batch, g):
    """One epoch of one trial as one would write it: X (n, d), samples one after the other."""
    n, d = X.shape
    for first in range(0, n, batch):
        last = min(first + batch, n)
        slope = 0.0
        g[:] = 0.0
        for t in range(first, last):
            i = order[t]
            z = 0.0
            for j in range(d):
                z += w[j] * X[i, j]
            if z > 0:
                r = y[i] - a * z
                slope += r * z
                for j in range(d):
                    g[j] += r * X[i, j]
        for j in range(d):
            w[j] += eta / (last - first) * a * g[j]
        a += eta / (last - first) * slope
    return a


def by_numba(X, y, a, w, eta, epochs, keys, batch):
    """Ends of all trials, one after the other, in the same orders."""
    rows, w, a, room = np.ascontiguousarray(X.swapaxes(1, 2)), w.copy(), a.copy(), np.empty(w.shape[1])
    plain(rows[0], y[0], np.arange(y.shape[1]), a[0], w[0].copy(), eta, batch, room)
    streams, spent = key(keys, "sgd order", 0), 0.0
    ordered(streams[:1], 2)
    for epoch in range(epochs):
        start = time.thread_time()
        orders = ordered(key(streams, epoch), y.shape[1])
        for i in range(len(a)):
            a[i] = plain(rows[i], y[i], orders[i], a[i], w[i], eta, batch, room)
        spent += time.thread_time() - start
    return spent, a, w


def by_torch(X, y, a, w, eta, steps, keys, batch):
    """Ends of all trials as one batch."""
    torch.set_num_threads(1)
    whole, sgd._compiled = sgd._compiled, lambda p, *rest: drive(p, *rest, walk_with(torch.device("cpu"), p))
    try:
        start = time.thread_time()
        run = descend(X, y, a, w, eta, steps, keys=keys, batch=batch)
        return time.thread_time() - start, run.a, run.w
    finally:
        sgd._compiled = whole


def by_kernel(X, y, a, w, eta, steps, keys, batch, repeats=5):
    """Ends of all trials and the seconds of the steps alone, without copying the samples into rows."""
    descend(X, y, a, w, eta, 1, keys=keys, batch=batch)
    spent = []
    for _ in range(repeats):
        start = time.thread_time()
        descend(X, y, a, w, eta, 1, keys=keys, batch=batch)
        middle = time.thread_time()
        run = descend(X, y, a, w, eta, steps, keys=keys, batch=batch)
        spent.append(time.thread_time() - middle - (middle - start))
    return min(spent), run.a, run.w


@compiled
def _read(x, count, repeats, out):
    s, t, u, v = spread(0.0), spread(0.0), spread(0.0), spread(0.0)
    for _ in range(repeats):
        for i in range(0, count, 4 * LANES):
            s, t = add(s, load(x, i)), add(t, load(x, i + LANES))
            u, v = add(u, load(x, i + 2 * LANES)), add(v, load(x, i + 3 * LANES))
    store(out, 0, add(add(s, t), add(u, v)))


def reading(kilobytes):
    """Bytes read per nanosecond, one after the other, of an array of that size."""
    count, out, spent = kilobytes * 128, np.empty(LANES), []
    x = sgd._aligned(count + 4 * LANES)
    repeats = max(1, 2 * 10**7 // count)
    for _ in range(6):
        start = time.thread_time()
        _read(x, count, repeats, out)
        spent.append(time.thread_time() - start)
    return 8e-9 * count * repeats / min(spent[1:])


def line(d, n, batch, trials, epochs, torch_epochs):
    """One row of the table: nanoseconds per sample visited."""
    X, y, a, w = problem(trials, d, n, 0.1)
    a = 0.9 * a  # a0 = −|w0| of one input is the boundary of two basins, where roundings part
    keys, steps = np.arange(trials, dtype=np.uint64), -(-n // batch)
    mine, end_a, end_w = by_kernel(X, y, a, w, 0.01, epochs * steps, keys, batch)
    loop, loop_a, loop_w = by_numba(X, y, a, w, 0.01, epochs, keys, batch)
    np.testing.assert_allclose(loop_a, end_a, atol=1e-9)
    np.testing.assert_allclose(loop_w, end_w, atol=1e-9)
    slow, slow_a, _ = by_torch(X, y, a, w, 0.01, torch_epochs * steps, keys, batch)
    _, end_a, _ = by_kernel(X, y, a, w, 0.01, torch_epochs * steps, keys, batch, 1)
    np.testing.assert_allclose(slow_a, end_a, atol=1e-9)
    shuffles = []
    for epoch in range(9):
        start = time.thread_time()
        ordered(keys + np.uint64(epoch * trials), n)
        shuffles.append(time.thread_time() - start)
    mine, loop, slow, shuffle = (
        1e9 * x / trials / n / k for x, k in ((mine, epochs), (loop, epochs), (slow, torch_epochs), (min(shuffles[1:]), 1))
    )
    print(
        f"| {d}, {n} | {batch} | {mine:.1f} | {shuffle:.1f} | {8 * (d + 1) / mine:.0f} | {loop:.1f} ({loop / mine:.1f} ×) |"
        f" {slow:.0f} ({slow / mine:.0f} ×) |",
        flush=True,
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=16)
    options = parser.parse_args()
    for d, n in ((10, 1000), (10, 10_000), (10, 100_000), (1, 1000), (50, 1000)):
        for batch in (1, 10, 100):
            line(d, n, batch, options.trials, max(3, 30_000 // n), 3 if n < 5000 else 1)
    for batch in (1, 10, 100):
        _, _, a, w = problem(options.trials, 10, 1, 0.0)
        keys, start = np.arange(options.trials, dtype=np.uint64), time.thread_time()
        descend(None, None, a, w, 0.01, 20_000 // batch, keys=keys, batch=batch)
        start = time.thread_time()
        descend(None, None, a, w, 0.01, 20_000 // batch, keys=keys, batch=batch)
        print(f"population, d = 10, batch {batch}: {1e9 * (time.thread_time() - start) / 20_000 / options.trials:.1f} ns")
    print(", ".join(f"{size} KB: {reading(size):.0f}" for size in (16, 512, 8192)), "bytes per ns read in order")
    print(f"multiply-adds of a visit of d = 10: {4 * peak():.2f} ns at this processor's rate")


if __name__ == "__main__":
    main()
