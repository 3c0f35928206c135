"""Order of convergence: descent and heavy ball to the flow as η falls; the flow to closed solutions as its tolerance falls.

    .venv/bin/python tests/bench/convergence.py

Balanced starts of both signs, d = 4, n = 50, σ = 0.2, t = 12, 120 trials; η/(1 − μ) = 0.02, 0.01, 0.005, 0.0025; slopes of the
trials' ln error in ln η, error relative to max(|a|, ‖w‖). Active-set descent, flow at tolerance 1e-9. 2026-11-21:

=========================  ======  =======================  ==================================
trials                     number  slope [5 %, 95 %]        median error at each η
=========================  ======  =======================  ==================================
μ = 0, never slide         77      1.002 [0.95, 1.07]       1.3e-3, 6.4e-4, 3.2e-4, 1.6e-4
μ = 0, slide               43      1.000 [0.95, 1.03]       6.0e-3, 3.2e-3, 1.6e-3, 7.3e-4
… on two or more           7       0.995 [0.96, 1.12]       4.8e-3, 2.5e-3, 1.3e-3, 6.6e-4
μ = 0.5, never slide       77      0.997 [0.98, 1.01]       4.0e-3, 2.0e-3, 9.9e-4, 5.5e-4
μ = 0.5, slide             43      0.996 [0.98, 1.00]       1.8e-2, 9.2e-3, 4.6e-3, 2.3e-3
μ = 0.9, never slide       77      0.996 [0.94, 1.04]       2.6e-2, 1.3e-2, 6.8e-3, 3.4e-3
μ = 0.9, slide             43      0.980 [0.95, 1.02]       1.1e-1, 5.6e-2, 2.8e-2, 1.4e-2
=========================  ======  =======================  ==================================

Largest error of 120 random problems with closed solutions, by the flow's tolerance:

=========================  =======  =======  =======  =======
problem                    1e-6     1e-8     1e-10    1e-12
=========================  =======  =======  =======  =======
one input beside zero      3.0e-9   1.6e-11  1.4e-13  8.3e-15
on a line, d = 5           3.9e-9   1.8e-11  1.8e-13  1.7e-15
sliding on one             3.3e-9   2.5e-11  1.9e-13  1.1e-15
sliding on three           1.2e-9   7.2e-12  1.2e-13  1.1e-15
through the origin         1.7e-9   1.8e-11  1.5e-13  9.5e-16
=========================  =======  =======  =======  =======
"""

import argparse

import numpy as np

from simulate.active_set import descend
from simulate.sample_flow import sample_flow
from theory.one_input import Branches, branch_flow, branch_statistics, flow

ETAS = (0.02, 0.01, 0.005, 0.0025)
TOLERANCES = (1e-6, 1e-8, 1e-10, 1e-12)


def starts(trials, d, n, sigma, seed=3):
    """Inputs, labels, and balanced starts with both signs of a0."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((trials, d, n))
    y = np.maximum(X[:, 0], 0) + sigma * rng.standard_normal((trials, n))
    w = rng.standard_normal((trials, d)) / np.sqrt(d)
    return X, y, np.resize([-1.0, 1.0], trials) * np.linalg.norm(w, axis=1), w


def distance(a, w, other_a, other_w):
    """Largest error of a or w relative to the larger of |a| and ‖w‖."""
    scale = np.maximum(np.abs(other_a), np.linalg.norm(other_w, axis=-1))
    return np.maximum(np.abs(a - other_a), np.abs(w - other_w).max(-1)) / scale


def orders(X, y, a, w, t, etas=ETAS, momentum=0.0):
    """Errors (η, trial) of descent against the flow at time t, the slope of ln error in ln η of each, hyperplanes slid on.

    ``etas`` are the steps that descent takes. Heavy ball moves 1/(1 − μ) times as far a step, so round(t(1 − μ)/η) of its
    steps are time t.
    """
    exact = sample_flow(X, y, a, w, t)
    ends = [descend(X, y, a, w, eta, round(t * (1 - momentum) / eta), momentum=momentum) for eta in etas]
    errors = np.array([distance(end.a, end.w, exact.a, exact.w) for end in ends])
    return errors, np.polyfit(np.log(etas), np.log(errors), 1)[0], exact.slid


def _beside_zero(rng, trials):
    """T2 beside an input that is always 0: all hyperplanes are w_1 = 0, crossed, slid on or rested at."""
    x = rng.standard_normal((trials, 30))
    y = np.maximum(x, 0) + 0.3 * rng.standard_normal(x.shape)
    a, w = rng.standard_normal(trials), rng.standard_normal((trials, 2))
    end_a, end_w = flow(a, w[:, 0], branch_statistics(x, y), 3.0)
    return np.stack([x, 0 * x], 1), y, a, w, 3.0, end_a, np.stack([end_w, w[:, 1]], -1)


def _on_a_line(rng, trials):
    """d = 5, all samples e_1 ± e_j active, labels equal: w ∥ e_1 stays there, one input with s = 1 and β = y."""
    others = np.concatenate([np.eye(5)[1:], -np.eye(5)[1:]])
    X = np.tile((others + np.eye(5)[0]).T, (trials, 1, 1))
    beta, a, r = rng.uniform(0.5, 2, trials), rng.uniform(0.2, 2, trials), rng.uniform(0.2, 2, trials)
    end_a, end_r = branch_flow(a, r, 1.0, beta, 3.0)
    e1 = np.eye(5)[0]
    return X, np.repeat(beta[:, None], 8, 1), a, r[:, None] * e1, 3.0, end_a, end_r[:, None] * e1


def _sliding(rng, trials, d):
    """w = r e_1 slides on the hyperplanes of e_2, …, e_d, with negative labels, towards which one active sample pushes."""
    push = rng.uniform(-1, 1, (trials, d - 1))
    X = np.zeros((trials, d, d))
    X[:, 0, 0], X[:, 1:, 0] = 1, np.abs(push)
    X[:, 1:, 1:] = np.eye(d - 1)
    y = np.concatenate([np.ones((trials, 1)), -2 * np.ones((trials, d - 1))], 1)
    a, r = rng.uniform(0.3, 1.0, trials), rng.uniform(0.1, 0.9, trials)
    end_a, end_r = branch_flow(a, r, 1 / d, 1.0, 4.0)
    e1 = np.eye(d)[0]
    return X, y, a, r[:, None] * e1, 4.0, end_a, end_r[:, None] * e1


def _through_the_origin(rng, trials):
    """a < 0, c > 0: w = r e_1, held on the line by the sample e_2, comes to 0 in finite time and goes on to −e_1."""
    u = rng.uniform(0.5, 1.5, (trials, 2))
    X = np.zeros((trials, 2, 3))
    X[:, :, 0], X[:, :, 1], X[:, :, 2] = (1, -0.3), (-1, 0.3), (0, 1)
    y = np.stack([u[:, 0], -u[:, 1], np.full(trials, 4.0)], 1)
    r = rng.uniform(0.1, 0.5, trials)
    a = -r - rng.uniform(0.3, 1.0, trials)
    third = np.full(trials, 1 / 3)
    end_a, end_w = flow(a, r, Branches(third, u[:, 0], third, u[:, 1]), 6.0)
    e1 = np.eye(2)[0]
    return X, y, a, r[:, None] * e1, 6.0, end_a, end_w[:, None] * e1


PROBLEMS = {
    "one input beside zero": _beside_zero,
    "on a line, d = 5": _on_a_line,
    "sliding on one": lambda rng, trials: _sliding(rng, trials, 2),
    "sliding on three": lambda rng, trials: _sliding(rng, trials, 4),
    "through the origin": _through_the_origin,
}
"""Problems with closed solutions: (X, y, a, w, t, a(t), w(t)) of so many random ones."""


def true_errors(name, tolerance, trials=200, seed=0):
    """Error of each trial of a problem against its closed solution."""
    X, y, a, w, t, end_a, end_w = PROBLEMS[name](np.random.default_rng(seed), trials)
    run = sample_flow(X, y, a, w, t, tolerance=tolerance)
    return distance(run.a, run.w, end_a, end_w)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=120)
    options = parser.parse_args()
    given = starts(options.trials, 4, 50, 0.2)
    for momentum in (0.0, 0.5, 0.9):
        etas = np.array(ETAS) * (1 - momentum)
        errors, slope, slid = orders(*given, 12.0, tuple(etas), momentum)
        for name, rows in (("never slide", slid == 0), ("slide", slid > 0), ("slide on two or more", slid > 1)):
            low, middle, high = np.quantile(slope[rows], [0.05, 0.5, 0.95])
            medians = ", ".join(f"{e:.1e}" for e in np.median(errors[:, rows], axis=1))
            print(f"μ = {momentum}: {rows.sum()} {name}: slope {middle:.3f} [{low:.2f}, {high:.2f}], median errors {medians}")
    for name in PROBLEMS:
        print(f"{name}: " + ", ".join(f"{true_errors(name, e, options.trials).max():.1e}" for e in TOLERANCES))


if __name__ == "__main__":
    main()
