"""Misses and widths of the confidence sequences, of the paired intervals, and what a sequential estimate needs.

    .venv/bin/python tests/bench/sequences.py

21 November 2026, fixed seeds.

Misses of 4,000 repeats at level 0.95, by how often one looks; in the last column Clopper and Pearson's interval.

| p    | every trial to 10⁴ | every 100 to 10⁵ | every 1,000 to 10⁶ | Clopper–Pearson every 100 to 10⁵ |
|------|--------------------|------------------|--------------------|----------------------------------|
| 0.01 | 4.2 %              | 3.7 %            | 0.9 %              | 45 %                             |
| 0.1  | 4.2 %              | 2.7 %            | 1.0 %              | 51 %                             |
| 0.25 | 3.9 %              | 2.2 %            | 0.9 %              | 51 %                             |
| 0.5  | 4.0 %              | 2.4 %            | 1.1 %              | 51 %                             |
| 0.9  | 4.4 %              | 2.3 %            | 1.2 %              | 50 %                             |

Width over Clopper–Pearson's at n:

| p    | 10²  | 10³  | 10⁴  | 10⁵  | 10⁶  |
|------|------|------|------|------|------|
| 0.01 | 1.42 | 1.50 | 1.74 | 1.93 | 2.09 |
| 0.1  | 1.47 | 1.56 | 1.74 | 1.91 | 2.07 |
| 0.25 | 1.49 | 1.57 | 1.75 | 1.91 | 2.07 |
| 0.5  | 1.50 | 1.57 | 1.75 | 1.91 | 2.07 |
| 0.9  | 1.47 | 1.56 | 1.74 | 1.91 | 2.07 |

Differences: width over that of the normal approximation. Two: by Bonferroni from an interval for each discordant count.
One: ``paired_interval`` (fixed n) and ``difference_sequence``. Least exact coverage over 300 laws at n = 10, 40, 80 of the
fixed ones: 0.983, 0.983, 0.981.

| P(first only), P(second only) | n   | two fixed | one fixed | two sequences | one sequence |
|-------------------------------|-----|-----------|-----------|---------------|--------------|
| 0.25, 0                       | 10³ | 1.24      | 1.08      | 1.79          | 1.72         |
|                               | 10⁴ | 1.18      | 1.03      | 1.88          | 1.79         |
|                               | 10⁵ | 1.15      | 1.03      | 2.02          | 1.84         |
| 0.3, 0.05                     | 10³ | 1.47      | 1.09      | 2.16          | 1.75         |
|                               | 10⁴ | 1.45      | 1.04      | 2.34          | 1.80         |
|                               | 10⁵ | 1.45      | 1.03      | 2.54          | 1.84         |
| 0.2, 0.2                      | 10³ | 1.47      | 1.08      | 2.16          | 1.76         |
|                               | 10⁴ | 1.45      | 1.04      | 2.35          | 1.81         |
|                               | 10⁵ | 1.45      | 1.03      | 2.54          | 1.85         |
| 0.01, 0                       | 10³ | 1.60      | 1.66      | 2.09          | 1.81         |
|                               | 10⁴ | 1.28      | 1.12      | 1.99          | 1.71         |
|                               | 10⁵ | 1.19      | 1.04      | 2.07          | 1.77         |
| 0.005, 0.005                  | 10³ | 1.83      | 1.57      | 2.53          | 2.00         |
|                               | 10⁴ | 1.67      | 1.18      | 2.70          | 1.76         |
|                               | 10⁵ | 1.63      | 1.07      | 2.91          | 1.78         |

Mean trials of a sequential estimate to a half width, 400 repeats:

| half width | fixed n | p = 0 | 0.02 | 0.1  | 0.25  | 0.5   |
|------------|---------|-------|------|------|-------|-------|
| 0.05       | 402     | 64    | 120  | 362  | 786   | 1037  |
| 0.02       | 2450    | 192   | 493  | 2254 | 4809  | 6806  |
| 0.01       | 9702    | 512   | 1969 | 8880 | 19639 | 27960 |
"""

import numpy as np
from scipy.special import gammaln
from scipy.stats import binom, multinomial, norm

from simulate import clopper_pearson, confidence_sequence, difference_sequence, paired_interval, trials_needed
from simulate.estimator import batch_ends
from simulate.sequences import CONCENTRATION

REPEATS, LEVEL = 4000, 0.95
PROBABILITIES = (0.01, 0.1, 0.25, 0.5, 0.9)
SIZES = (10**2, 10**3, 10**4, 10**5, 10**6)
CELLS = ((0.25, 0.0), (0.3, 0.05), (0.2, 0.2), (0.01, 0.0), (0.005, 0.005))


def outside(hits, n, p, rho=CONCENTRATION):
    """Has the bettor against p won? The interval's own test, without its ends."""
    a, b = rho * p, rho * (1 - p)
    capital = gammaln(hits + a) + gammaln(n - hits + b) - gammaln(n + rho) + gammaln(rho) - gammaln(a) - gammaln(b)
    return capital - hits * np.log(p) - (n - hits) * np.log1p(-p) >= -np.log(1 - LEVEL)


def ever_outside(test, p, batch, horizon, rng):
    """Repeats of which some look, one after every ``batch`` trials up to ``horizon``, misses p."""
    hits, missed = np.zeros(REPEATS), np.zeros(REPEATS, bool)
    for n in range(batch, horizon + 1, batch):
        hits += rng.binomial(batch, p, REPEATS)
        missed |= test(hits, n, p)
    return missed.sum()


def fixed(hits, n, p):
    """Does Clopper and Pearson's interval miss p? By its two tails."""
    tail = (1 - LEVEL) / 2
    return (binom.sf(hits - 1, n, p) < tail) | (binom.cdf(hits, n, p) < tail)


def table(title, columns, rows):
    """A table in Markdown, to standard output."""
    print(f"\n{title}\n\n| {' | '.join(map(str, columns))} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)


def ratio(ends, other):
    """How many times as wide."""
    return f"{(ends[1] - ends[0]) / (other[1] - other[0]):.2f}"


def misses():
    """One row for each p: misses by looks, then those of Clopper and Pearson's interval looked at as often."""
    for p in PROBABILITIES:
        rng = np.random.default_rng(int(1000 * p))
        ways = ((outside, 1, 10**4), (outside, 100, 10**5), (outside, 1000, 10**6), (fixed, 100, 10**5))
        yield [p, *(f"{ever_outside(*way[:1], p, *way[1:], rng) / REPEATS:.2%}" for way in ways)]


def widths():
    """One row for each p: the width of the sequence over that of Clopper and Pearson's interval."""
    for p in PROBABILITIES:
        counts = [(round(p * n), n) for n in SIZES]
        yield [p, *(ratio(confidence_sequence(*c), clopper_pearson(*c)) for c in counts)]


def paired():
    """One row for each law and n: widths over the normal approximation's, fixed and at all times, by Bonferroni and here."""
    for cells in CELLS:
        for n in (10**3, 10**4, 10**5):
            counts = np.round(np.array(cells) * n).astype(int)
            ideal = 2 * norm.isf((1 - LEVEL) / 2) * np.sqrt((sum(cells) - (cells[0] - cells[1]) ** 2) / n)
            two = [
                (b - a).sum() / ideal
                for a, b in (f(counts, n, (1 + LEVEL) / 2) for f in (clopper_pearson, confidence_sequence))
            ]
            one = [(b - a) / ideal for a, b in (f(*counts.tolist(), n, LEVEL) for f in (paired_interval, difference_sequence))]
            yield [cells, n, *(f"{v:.2f}" for pair in zip(two, one, strict=True) for v in pair)]


def worst_coverage(n, laws=300):
    """The least coverage of the paired interval over laws drawn at random, each exactly, and of Bonferroni's."""
    counts = np.array([(a, b) for a in range(n + 1) for b in range(n + 1 - a)])
    ends = np.array([paired_interval(int(a), int(b), n) for a, b in counts])
    lows, highs = clopper_pearson(counts, n, (1 + LEVEL) / 2)
    two = np.c_[lows[:, 0] - highs[:, 1], highs[:, 0] - lows[:, 1]]
    found = []
    for law in np.random.default_rng(n).dirichlet([0.6, 0.6, 1], laws):
        weights, value = multinomial.pmf(np.c_[counts, n - counts.sum(-1)], n, law), law[0] - law[1]
        found.append([weights[(e[:, 0] <= value) & (value <= e[:, 1])].sum() for e in (ends, two)])
    return np.min(found, axis=0)


def needed(half_width, p, rng, repeats=400):
    """Mean trials of a sequential estimate, looks as in ``simulate.estimate``."""
    hits, total, before = np.zeros(repeats), np.zeros(repeats), 0
    for n in batch_ends():
        hits, before = hits + rng.binomial(n - before, p, repeats), n
        low, high = confidence_sequence(hits, n, LEVEL, trials_needed(half_width) / 20)
        total[(total == 0) & (high - low <= 2 * half_width)] = n
        if total.all():
            return total.mean()


def main():
    """All tables."""
    looks = ("every trial to 10⁴", "every 100 to 10⁵", "every 1,000 to 10⁶", "Clopper–Pearson every 100 to 10⁵")
    table(f"Misses of {REPEATS} repeats at level {LEVEL}", ("p", *looks), misses())
    table("Width over Clopper–Pearson's at n", ("p", *SIZES), widths())
    columns = ("P(first only), P(second only)", "n", "two fixed", "one fixed", "two sequences", "one sequence")
    table("Differences: width over the normal approximation's", columns, paired())
    table(
        "Least coverage, exact, 300 laws",
        ("n", "paired interval", "Bonferroni"),
        [(n, *(f"{c:.4f}" for c in worst_coverage(n))) for n in (10, 40, 80)],
    )
    rng = np.random.default_rng(0)
    rows = [(h, trials_needed(h), *(f"{needed(h, p, rng):.0f}" for p in (0, 0.02, 0.1, 0.25, 0.5))) for h in (0.05, 0.02, 0.01)]
    table(
        "Trials to a half width", ("half width", "fixed n", *(f"sequential, p = {p}" for p in (0, 0.02, 0.1, 0.25, 0.5))), rows
    )


if __name__ == "__main__":
    main()
