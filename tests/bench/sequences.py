"""Misses and widths of the confidence sequences, of the paired intervals, and what a sequential estimate needs.

    .venv/bin/python tests/bench/sequences.py

DATE
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
    total = []
    for _ in range(repeats):
        hits = before = 0
        for n in batch_ends():
            hits, before = hits + rng.binomial(n - before, p), n
            low, high = confidence_sequence(hits, n, LEVEL, trials_needed(half_width) / 20)
            if high - low <= 2 * half_width:
                break
        total.append(n)
    return np.mean(total)


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
        [(n, *worst_coverage(n)) for n in (10, 40, 80)],
    )
    rng = np.random.default_rng(0)
    rows = [(h, trials_needed(h), *(f"{needed(h, p, rng):.0f}" for p in (0, 0.02, 0.1, 0.25, 0.5))) for h in (0.05, 0.02, 0.01)]
    table(
        "Trials to a half width", ("half width", "fixed n", *(f"sequential, p = {p}" for p in (0, 0.02, 0.1, 0.25, 0.5))), rows
    )


if __name__ == "__main__":
    main()
