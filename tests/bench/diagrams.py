"""Phase diagrams at scale: 256 × 256 pixels with 64 finite-sample trials each, and the population on 1024 × 1024 pixels.

    .venv/bin/python tests/bench/diagrams.py samples --share 64         # a 64th of the trials, extrapolated
    .venv/bin/python tests/bench/diagrams.py samples --out runs/samples.zarr     # all of it; killed, it goes on from there
    .venv/bin/python tests/bench/diagrams.py population

IMP, WR(time=2) and LRR share level 0; d = 2, t = 1000, flow engine, over a0 × w1 in [−1, 1]², balanced law of w2; ``samples``
has n = 200 samples and σ = 0. ``--share k`` takes every k-th trial of each pixel (k ≤ 64) and, beyond that, fewer pixels.
Elapsed time of the whole command but the interpreter's start, worker processes and compiled code from the disk included.

21 November 2026, two shared cores of an AMD EPYC (Zen 4) under load (other work took a third of them), all trials:

|            | elapsed | processor time | half of it: on two idle cores | a trial: draws | dense phase | the rest |
|------------|---------|----------------|-------------------------------|----------------|-------------|----------|
| samples    | 1,311 s | 1,869 s        | 15.6 min                      | 3.9 µs         | 507 µs      | 23 µs    |
| population | 7.7 s   | 12.4 s         | 6 s                           | 0.2 µs         | 4.6 µs      | 4.0 µs   |

The rest: three sparse phases, masks, statuses. At most 0.26 GiB in the first process and 0.21 GiB in a worker for ``samples``,
0.42 and 0.20 for ``population``. The times of a trial are of a few chunks before the run, at a higher load than the run's.
"""

import argparse
import math
import resource
import time

import numpy as np

import simulate
from simulate import Config
from simulate.data import draw, trial_keys
from simulate.diagram import _places, _statuses, _todo
from simulate.trainer import NeuronTrainer
from theory.streams import key

LAWS = ("IMP", "WR(time=2)", "LRR")
WHOLE = {"samples": (256, 64, 200), "population": (1024, 1, None)}
"""Pixels along an axis, trials a pixel, samples."""


def setting(kind, share):
    """Config, axes, and which part of the whole they are."""
    side, trials, n = WHOLE[kind]
    some = max(1, trials // share)
    pixels = max(1, round(side / math.sqrt(max(1, share / trials))))
    line = np.linspace(-1, 1, pixels).tolist()
    part = some * pixels**2 / (trials * side**2)
    return Config(n=n, d=2, engine="flow", algorithms=LAWS, trials=some), {"a0": line, "w1": line}, part


def split(config, axes, some=4):
    """Processor time of some chunks by what it goes to, in µs a trial, in this process; and the trials of a chunk."""
    todo, times = _todo(config, axes), []
    _statuses(*todo[0].arguments)
    for chunk in todo[:: -(-len(todo) // some)]:
        start = time.process_time()
        _statuses(*chunk.arguments)
        whole = time.process_time()
        pixels, trial, initial = _places(*chunk.arguments)
        batch = draw(config, key(trial_keys(config, trial), "pixel", pixels), initial["a0"], initial["w1"])
        drawn = time.process_time()
        NeuronTrainer(config, batch).dense(frozenset().union(*(law.moments for law in config.laws)))
        dense = time.process_time()
        times.append([1e6 * t / chunk.trials for t in (whole - start, drawn - whole, dense - drawn)])
    return np.mean(times, axis=0), todo[0].trials


def busy():
    """Processor time of this process and its workers that have ended."""
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def main():
    """Run one of the two and print what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kind", choices=WHOLE)
    parser.add_argument("--share", type=int, default=1, help="run one of so many parts of the work")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out")
    options = parser.parse_args()
    config, axes, part = setting(options.kind, options.share)
    (whole, drawn, dense), size = split(config, axes)
    print(
        f"A chunk of {size} trials, µs a trial: {whole:.2f}, of which draws {drawn:.2f}, dense phase {dense:.2f}, "
        f"the rest (three sparse phases, masks, statuses) {whole - drawn - dense:.2f}"
    )
    start, before = time.perf_counter(), busy()
    found = simulate.phase_diagram(config.but(workers=options.workers), axes, out=options.out, show="diagram")
    took, work = time.perf_counter() - start, busy() - before
    count = int(found.n.isel(algorithm=0).sum())
    peak = [resource.getrusage(who).ru_maxrss / 2**20 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(
        f"{count} dense phases on {options.workers} processes: {took:.1f} s, {work:.1f} s of processor time; memory at most "
        f"{peak[0]:.2f} GiB here and {peak[1]:.2f} GiB in a worker"
    )
    if part < 1:
        minutes = whole * count / part / 1e6 / options.workers / 60
        print(f"The whole, {count / part:.0f}, at the chunks' cost: {minutes:.1f} min on {options.workers} idle cores")
    print("learned:", {name: round(float(found.hits.sel(algorithm=name).sum()) / count, 5) for name in config.names})


if __name__ == "__main__":
    main()
