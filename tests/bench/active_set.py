"""Cost of a step of the active-set engine, beside batched torch and a fused Numba loop on the same trials in the same run.

    .venv/bin/python tests/bench/active_set.py

d = 10, Gaussian inputs, balanced initial values, η = 0.01, t = 1000, float64, one thread, processor time of that thread.
Each engine runs all the steps (torch 2,000 of them: its cost does not depend on the step), and the ends agree to 1e-9.

2026-11-21, an idle two-core AMD EPYC (Zen 4, AVX-512), 24 trials:

=========================  ===============  ===============
per trial-step             σ = 0            σ = 0.1
=========================  ===============  ===============
active set                 26.8 ns          44.0 ns
fused Numba                881 ns           859 ns
… times the active set     32.9             19.6
torch, bmm, batch of 24    7.08 µs          7.34 µs
… times the active set     265              167
=========================  ===============  ===============

α, a step without crossings with all lanes full: 8.5 to 9.6 ns at n = 10³ and 6.6 to 9.4 ns at n = 10⁵. β, a crossing in the
first 2,000 steps, the looks it asks for included: 1.4 µs at n = 10³ (545 a trial), 4.0 µs at n = 10⁵ (39,207), from memory.
The multiply-adds of a step with no sample watched (A w, and five for each weight) take 5.1 ns at the processor's rate, over
half of α; the rest are loads, one and a half for each multiply-add, for each lane has its own A. The mean is above α since a
trial's first 2,000 steps take some 0.8 ms, and since trials with a0 < 0 slide: every watched sample adds 1.5 ns to a step.
One trial at a time, as before there were lanes, took 44 and 57 ns, α 28 ns, waiting for the step before.
"""

import argparse
import time
from itertools import pairwise

import numba
import numpy as np
import torch

from simulate.active_set import descend
from simulate.vectors import LANES, add, compiled, fma, load, spread, store, total
from theory.initialisations import initialisation


def problem(trials, d, n, sigma, seed=0):
    """Inputs (trials, d, n), labels, and balanced initial values."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((trials, d, n))
    y = np.maximum(X[:, 0], 0) + sigma * rng.standard_normal((trials, n))
    return X, y, *initialisation("balanced").sample(rng, d, trials)


def fused(d):
    """The plain loop with d unrolled and samples side by side in the processor's lanes."""
    names = range(d)
    source = f"""
def run(X, y, a, w, eta, steps):
    n = y.size
    for _ in range(steps):
        {"; ".join(f"w{j} = w[{j}]; g{j} = 0.0" for j in names)}
        for i in range(n):
            z = {" + ".join(f"w{j} * X[{j}, i]" for j in names)}
            r = y[i] - a * z if z > 0 else 0.0
            {"; ".join(f"g{j} += r * X[{j}, i]" for j in names)}
        slope = {" + ".join(f"w{j} * g{j}" for j in names)}
        {"; ".join(f"w[{j}] += eta / n * a * g{j}" for j in names)}
        a += eta / n * slope
    return a
"""
    scope = {}
    exec(source, scope)
    return numba.njit(fastmath=True, error_model="numpy")(scope["run"])


def by_numba(X, y, a, w, eta, steps):
    """Ends of all trials, one after the other."""
    run, w = fused(w.shape[1]), w.copy()
    run(X[0], y[0], a[0], w[0].copy(), eta, 1)
    start = time.thread_time()
    a = np.array([run(X[i], y[i], a[i], w[i], eta, steps) for i in range(len(a))])
    return time.thread_time() - start, a, w


@torch.no_grad()
def by_torch(X, y, a, w, eta, steps):
    """Ends of all trials as one batch."""
    torch.set_num_threads(1)
    X, y, a, w = (torch.from_numpy(np.array(x)) for x in (X, y, a[:, None], w[:, None]))
    rows = X.transpose(1, 2).contiguous()
    start = time.thread_time()
    for _ in range(steps):
        z = torch.bmm(w, X)[:, 0]
        residual = (y - a * z) * (z > 0)
        force = torch.bmm(residual[:, None], rows) / y.shape[1]
        a, w = a + eta * (w * force).sum(-1), w + eta * a[:, :, None] * force
    return time.thread_time() - start, a[:, 0].numpy(), w[:, 0].numpy()


def by_active_set(X, y, a, w, eta, steps, repeats=3):
    """Ends of all trials, and the steps that they took."""
    descend(X[:1], y[:1], a[:1], w[:1], eta, 1)
    spent = []
    for _ in range(repeats):
        start = time.thread_time()
        run = descend(X, y, a, w, eta, steps)
        spent.append(time.thread_time() - start)
    return min(spent), run.a, run.w, run.steps


def ratios(trials, short, sigma, n=1000, d=10, eta=0.01, steps=100_000):
    """Nanoseconds per trial-step of the three; torch for ``short`` steps if not 0 (its cost does not depend on the step)."""
    given = problem(trials, d, n, sigma)
    spent, a, w, taken = by_active_set(*given, eta, steps)
    loop, loop_a, loop_w = by_numba(*given, eta, steps)
    np.testing.assert_allclose(loop_a, a, atol=1e-9)
    np.testing.assert_allclose(loop_w, w, atol=1e-9)
    batch, batch_a, batch_w = by_torch(*given, eta, short or steps)
    _, a, w, _ = by_active_set(*given, eta, short or steps, 1)
    np.testing.assert_allclose(batch_a, a, atol=1e-9)
    np.testing.assert_allclose(batch_w, w, atol=1e-9)
    mine, loop, batch = 1e9 * spent / taken.sum(), 1e9 * loop / steps / trials, 1e9 * batch / (short or steps) / trials
    print(
        f"σ = {sigma}: active set {mine:.1f} ns, fused Numba {loop:.0f} ns ({loop / mine:.1f} ×), "
        f"torch {batch:.0f} ns ({batch / mine:.0f} ×); {taken.mean():.0f} steps a trial"
    )


def steady(n, d, eta=0.01, seed=0):
    """α: nanoseconds per trial-step where nothing crosses, the lanes full."""
    X, y, _, w = problem(LANES, d, n, 0.0, seed)
    run = descend(X, y, np.linalg.norm(w, axis=-1), w, eta, 80_000)
    few, many = (by_active_set(X, y, run.a, run.w, eta, k, 7)[0] for k in (1, 40_001))
    return 1e9 * (many - few) / 40_000 / LANES


def crossing(n, d, alpha, eta=0.01, steps=2000, trials=4):
    """β: nanoseconds per change of side over the first, fastest steps; and how many changes there were a trial."""
    X, y, a, w = problem(trials, d, n, 0.1)
    points = descend(X, y, a, w, eta, steps, at=range(steps + 1)).points
    sides = [np.einsum("bdn,bd->bn", X, points[k][1]) > 0 for k in range(steps + 1)]
    changes = sum(int((x != z).sum()) for x, z in pairwise(sides))
    few, many = (by_active_set(X, y, a, w, eta, k)[0] for k in (1, steps + 1))
    return (1e9 * (many - few) - alpha * steps * trials) / changes, changes / trials


@compiled
def _products(rows, out, repeats):
    s, t, u, v = spread(0.0), spread(0.1), spread(0.2), spread(0.3)
    p, q, r, o = spread(0.4), spread(0.5), spread(0.6), spread(0.7)
    x = load(rows, 0)
    for _ in range(repeats):
        s, t, u, v = fma(s, x, x), fma(t, x, x), fma(u, x, x), fma(v, x, x)
        p, q, r, o = fma(p, x, x), fma(q, x, x), fma(r, x, x), fma(o, x, x)
    store(out, 0, add(add(add(s, t), add(u, v)), add(add(p, q), add(r, o))))
    return total(s)


def peak():
    """Nanoseconds per eight-lane multiply-add with nothing to wait for."""
    rows, out, spent = np.full(LANES, 0.5), np.empty(LANES), []
    for repeats in [1] + [10**6] * 5:
        start = time.thread_time()
        _products(rows, out, repeats)
        spent.append(time.thread_time() - start)
    return 1e9 * min(spent[1:]) / 8e6


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--torch-steps", type=int, default=2000, help="steps of torch, 0 for all 100,000")
    options = parser.parse_args()
    for sigma in (0.0, 0.1):
        ratios(options.trials, options.torch_steps, sigma)
    alphas = {n: steady(n, 10) for n in (10**3, 10**5)}
    print(
        ", ".join(f"α(n = {n}) = {alpha:.1f} ns" for n, alpha in alphas.items()), f"ratio {alphas[10**5] / alphas[10**3]:.2f}"
    )
    for n in alphas:
        beta, changes = crossing(n, 10, alphas[n], trials=LANES)
        print(f"β(n = {n}) = {beta:.0f} ns, {changes:.0f} crossings a trial")
    floor = peak() * (10 * 10 + 5 * 10) / LANES
    print(f"multiply-adds of a step of d = 10 alone: {floor:.1f} ns at this processor's rate, {floor / alphas[10**3]:.0%} of α")


if __name__ == "__main__":
    main()
