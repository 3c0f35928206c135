"""Trials that an adaptive phase diagram needs, beside uniform ones with the same boundary error.

    .venv/bin/python tests/bench/adaptive.py [population | samples | 2-129 | 2-257 | 10-129 | 10-257]

Boundary error: the share of pixels whose label (more than half of the trials learned) is not the true one, mean over IMP
and LRR; as a distance in pixels, wrong pixels over neighbouring pairs of pixels with different true labels. Truth over
(a0, w1), w_⊥ as drawn by the initialisation: IMP learns iff w1 > 0 and a0 > −w1 (T2a); LRR iff a0 > −‖w0‖ (T4), with
probability P(χ²_{d−1} > a0² − w1²) where a0 < −|w1| and w_⊥ is standard normal; phases last t = 10⁵, for escape times have
heavy tails. On finite noisy samples there is no closed form, and a uniform diagram of many more, other trials is the truth.

A uniform diagram may also have half or a quarter of the pixels an axis; then a pixel of the fine grid has the label of the
nearest. "Cheapest uniform": the fewest trials of all grids and trials a pixel with an error of at most the adaptive one's.

21 November 2026, fixed seeds, first grid every 8th pixel. Population, 129 × 129 pixels; the uniform diagrams of that size have

| trials a pixel                  | 1      | 2      | 4      | 8       | 16      | 32      |
|---------------------------------|--------|--------|--------|---------|---------|---------|
| trials                          | 16,641 | 33,282 | 66,564 | 133,128 | 266,256 | 532,512 |
| error, d = 2, −2 ≤ a0, w1 ≤ 2   | 4.57 % | 5.24 % | 3.13 % | 1.74 %  | 1.09 %  | 0.80 %  |
| error, d = 10, −5 ≤ a0, w1 ≤ 5  | 1.79 % | 1.70 % | 1.18 % | 0.84 %  | 0.53 %  | 0.41 %  |

| d  | adaptive, at most | pixels measured | trials | error  | distance | cheapest uniform | ratio  |
|----|-------------------|-----------------|--------|--------|----------|------------------|--------|
| 2  | 1 a pixel         | 6,041           | 6,041  | 3.66 % | 3.05     | 33², 8 a pixel   | 1.4    |
| 2  | 8                 | 2,582           | 20,656 | 1.31 % | 1.09     | 65², 32 a pixel  | 6.5    |
| 2  | 32                | 2,783           | 67,551 | 0.80 % | 0.66     | 65², 128 a pixel | 8.0    |
| 10 | 1                 | 2,960           | 2,960  | 1.60 % | 1.50     | 65², 4 a pixel   | 5.7    |
| 10 | 8                 | 2,095           | 16,760 | 0.77 % | 0.72     | 129², 16 a pixel | 15.9   |
| 10 | 32                | 2,174           | 42,268 | 0.41 % | 0.38     | none tried       | > 12.6 |

One trial a pixel is a poor choice where the outcome depends on w_⊥: label noise is refined, not the boundary. n = 50, d = 2,
σ = 0.2, t = 100, 65 × 65 pixels, against 60 other trials a pixel, whose own noise is part of every error here:

| adaptive, at most | pixels measured | trials | error  | distance | cheapest uniform | ratio |
|-------------------|-----------------|--------|--------|----------|------------------|-------|
| 4 a pixel         | 1,236           | 4,944  | 5.05 % | 0.57     | 17², 32 a pixel  | 1.9   |
| 8                 | 1,270           | 10,160 | 4.50 % | 0.51     | 33², 32 a pixel  | 3.4   |
"""

import sys
import time

import numpy as np
from scipy.stats import chi2

from simulate import adaptive_diagram, phase_diagram

BASE = {"init": "gaussian", "engine": "flow", "t": 1e5, "algorithms": ("IMP", "LRR"), "seed": 1}


def axes(size, half):
    """Both axes, from −half to half; no pixel lies on a boundary."""
    return {"a0": np.linspace(-half, half, size).tolist(), "w1": (np.linspace(-half, half, size) + 0.003).tolist()}


def truth(grid, d):
    """Labels (pixels, pixels, 2) of the population."""
    a, w = np.meshgrid(*grid.values(), indexing="ij")
    lrr = (a > -abs(w)) | (chi2.sf(np.maximum(a**2 - w**2, 0), d - 1) > 0.5)
    return np.stack([(w > 0) & (a > -w), lrr], -1)


def labels(found):
    """Majority labels of a uniform diagram."""
    return (2 * found.hits > found.n).to_numpy()


def error(found, true):
    """Share of wrong pixels, and their number over that of boundary pairs."""
    pairs = (true[1:] != true[:-1]).sum() + (true[:, 1:] != true[:, :-1]).sum()
    return (found != true).mean(), (found != true).sum() / pairs


def enlarged(found, size):
    """Labels of a coarse grid on the fine one: those of the nearest pixel."""
    at = np.round(np.arange(size) * (len(found) - 1) / (size - 1)).astype(int)
    return found[at][:, at]


def uniform(config, grid, true, most):
    """(pixels an axis, trials a pixel, trials, error, distance) of uniform diagrams, on the grid and with fewer pixels."""
    rows, coarse = [], []
    for step in (1, 2, 4):
        part = {name: values[::step] for name, values in grid.items()}
        trials, side = 1, len(part["a0"])
        while trials <= most * min(step, 2) ** 2:
            found = enlarged(labels(phase_diagram({**config, "trials": trials}, part)), len(true))
            (rows if step == 1 else coarse).append((side, trials, side**2 * trials, *error(found, true)))
            trials *= 2
    return rows, coarse


def compare(name, config, grid, true, caps, most):
    """One table; uniform diagrams have up to ``most`` trials a pixel."""
    size = len(true)
    rows, coarse = uniform(config, grid, true, most)
    print(f"\n{name}\n\n| diagram | trials | error | distance | cheapest uniform | ratio |\n|---|---|---|---|---|---|")
    for _, trials, total, wrong, distance in rows:
        print(f"| uniform, {trials} a pixel | {total} | {wrong:.3%} | {distance:.3f} | | |")
    for cap in caps:
        start = time.perf_counter()
        found = adaptive_diagram({**config, "trials": cap}, grid)
        seconds, n = time.perf_counter() - start, int(found.n.isel(algorithm=0).sum())
        wrong, distance = error(found.above.to_numpy(), true)
        good = [row for row in rows + coarse if row[3] <= wrong]
        side, trials, total = min(good, key=lambda row: row[2])[:3] if good else (size, f"> {most}", np.nan)
        least = total if good else size**2 * most
        best = f"{side}², {trials} a pixel"
        print(
            f"| adaptive, at most {cap} | {n} | {wrong:.3%} | {distance:.3f} | {best} | {'' if good else '> '}{least / n:.1f} |"
        )
        print(f"  ({int((~found.inferred).sum())} pixels measured, {seconds:.1f} s)", file=sys.stderr, flush=True)


def main(which):
    """The population at d = 2 and 10, then samples."""
    for d, half in ((2, 2), (10, 5)):
        for size, caps, most in ((129, (1, 8, 32), 32), (257, (8,), 8)):
            if which in (f"{d}", f"{d}-{size}", "population", ""):
                grid, config = axes(size, half), {**BASE, "n": None, "d": d}
                compare(f"Population, d = {d}, {size} × {size} pixels", config, grid, truth(grid, d), caps, most)
    if which in ("samples", ""):
        grid, config = axes(65, 2), {**BASE, "n": 50, "d": 2, "sigma": 0.2, "t": 100}
        reference = labels(phase_diagram({**config, "trials": 60, "seed": 2}, grid))
        compare("n = 50, d = 2, σ = 0.2, t = 100, 65 × 65 pixels", config, grid, reference, (4, 8), 8)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
