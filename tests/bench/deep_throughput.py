"""Images per second of a training epoch, beside the bare model and optimiser (the limit) and an ordinary training loop.

    .venv/bin/python tests/bench/deep_throughput.py
    .venv/bin/python tests/bench/deep_throughput.py --device cuda --images 50000 --precision bfloat16

Three processes train the same ResNet by turns, an epoch each: ``TorchTrainer`` with half of the weights masked, crops, flips,
metrics and schedule; ``deep_bare.py``, which shares no code with it; ``deep_ordinary.py`` (eager, 2 workers). Random images
of 32×32 pixels, SGD, float32. "of bare" is the median over rounds of the seconds of bare over ours (least … largest).

21 November 2026, two shared cores of an AMD EPYC at a load of 4 to 9, one thread, Python 3.11.7, torch 2.13.0+cpu, commit
0665f91 with uncommitted changes. Images per second of processor time (so that the load counts less), wall seconds of an epoch
and peak memory of a process; an epoch has 2 batches of 128 with ResNet-20, else one, which is little:

| network, batch | mode    | rounds | ours  | bare  | of bare           | wall s: ours, bare, ordinary | MiB: the same three |
|----------------|---------|--------|-------|-------|-------------------|------------------------------|---------------------|
| ResNet-20, 128 | eager   | 8      | 288.1 | 280.5 | 104 % (95 … 114)  | 3.27, 3.43, 4.93             | 638, 653, 659       |
| ResNet-20, 128 | default | 8      | 254.9 | 249.5 | 101 % (99 … 118)  | 2.13, 2.30                   | 628, 646            |
| ResNet-20, 512 | eager   | 4      | 220.2 | 210.5 | 105 % (102 … 106) | 2.95, 3.08, 4.01             | 1360, 1366, 1428    |
| ResNet-20, 512 | default | 4      | 236.1 | 240.9 | 98 % (94 … 103)   | 4.31, 4.35                   | 1204, 1213          |
| ResNet-18, 128 | eager   | 4      | 24.0  | 23.7  | 101 % (97 … 105)  | 9.32, 11.07, 11.42           | 1444, 1235, 1383    |
| ResNet-18, 128 | default | 4      | 24.3  | 26.1  | 95 % (92 … 98)    | 8.27, 7.26                   | 1390, 1232          |
| ResNet-18, 512 | eager   | 2      | 24.7  | 23.8  | 104 % (103 … 105) | 28.9, 34.1, 47.9             | 3126, 2926, 3041    |
| ResNet-18, 512 | default | 2      | 25.0  | 24.9  | 100 % (100 … 101) | 35.8, 33.0                   | 3092, 2911          |
| all, CUDA      | all     | 0      |       |       | not measured      | not measured                 | not measured        |

What masks and bookkeeping cost where nothing else does, ResNet-20 of width 2, batches of 8 digits, milliseconds of processor
time a step, ours and bare in one process, three epochs of 120 steps: eager 8.1 … 8.2 and 6.0 … 6.9 (73 to 84 %), compiled
5.5 … 6.4 and 5.2 … 5.5 (82 to 94 %). A masked weight costs 9 µs where it is read, 5.4 of them the product. A GPU that waits
for the launch of kernels sees such costs: compile there. Memory: ours keeps the initial values and the level's start besides.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from deep_bare import SIZES, Turns, settings

HERE = Path(__file__).parent


def ours():
    """The engine of this project, half of the weights pruned: augmentation, masks, metrics and schedule as in any run."""
    from deep import Config, TorchTrainer
    from deep.images import Images, Split
    from deep.trainer import engine
    from theory.algorithms import Algorithm, Rewind

    asked = settings().parse_args()
    rng, law = np.random.default_rng(0), Algorithm("LRR", Rewind("final", "final", "final", "final"), fraction=0.5)
    train, test = (
        Split(rng.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8), rng.integers(0, 10, n)) for n in (asked.images, 500)
    )
    config = Config(
        model=asked.model, batch_size=asked.batch, epochs=10**6, validation=0.0, device=asked.device, threads=asked.threads,
        compile=asked.compile, precision=asked.precision, algorithm=law, learning_rate=0.1, warmup="step=0", milestones=(),
        deterministic=asked.deterministic,
    )  # fmt: skip
    with engine(config):
        trainer = TorchTrainer(config, Images(train, test, 10, "random"), algorithms=[law])
        params, mask = trainer.initial()
        half = law.prune({"init": params, "final": params}, mask, 1, trainer)
        turns = Turns(asked, sum(p.numel() for p in trainer.net.parameters()))
        trainer.on_epoch = lambda row: turns.done()
        trainer.train(params, half, 1, frozenset(), law.rewind)


class Contestant:
    """A process that trains an epoch when asked to."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1]
        )
        self.parameters, self.found = self._read()["parameters"], []

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self.process.wait()}.")
        return json.loads(line)

    def epoch(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.found.append(self._read())

    def close(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()


def row(asked, model, batch, mode):
    """One line of the table: epochs of all contestants in turn."""
    images = max(1, asked.images // batch) * batch
    shared = ["--model", model, "--batch", str(batch), "--images", str(images), "--device", asked.device]
    shared += ["--deterministic"] * asked.deterministic
    shared += ["--precision", asked.precision, "--threads", str(asked.threads), "--workers", str(asked.workers)]
    scripts = {"ours": [__file__, "--contestant"], "bare": [str(HERE / "deep_bare.py")]}
    scripts |= {"ordinary": [str(HERE / "deep_ordinary.py")]} if mode == "none" or asked.device == "cuda" else {}
    teams = [Contestant(name, [*script, *shared, "--compile", mode]) for name, script in scripts.items()]
    assert len({team.parameters for team in teams}) == 1, [team.parameters for team in teams]
    for _ in range(asked.rounds):
        for team in teams:
            team.epoch()
    for team in teams:
        team.close()
    clock = "wall" if asked.device == "cuda" else "processor"  # other work on the cores does not count
    seconds = {team.name: [found[clock] for found in team.found] for team in teams}
    wall = {team.name: statistics.median(found["wall"] for found in team.found) for team in teams}
    rates = {name: images / statistics.median(values) for name, values in seconds.items()}
    shares = sorted(b / o for o, b in zip(seconds["ours"], seconds["bare"], strict=True))
    result = {"model": model, "batch": batch, "compile": mode, "images": images, "rounds": asked.rounds}
    result |= {f"{name}, images/s": round(rate, 1) for name, rate in rates.items() if name != "ordinary"}
    result |= {"of bare": f"{statistics.median(shares):.0%} ({shares[0]:.0%} … {shares[-1]:.0%})"}
    result |= {f"{name}, wall s": round(value, 3) for name, value in wall.items()}
    result |= {"epoch of 50,000, s": round(50_000 / images * wall["ours"], 1)}
    return result | {f"{team.name}, peak MiB": round(team.found[-1]["peak"] / 2**20) for team in teams}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--batches", nargs="+", type=int, default=[128, 512])
    parser.add_argument("--modes", nargs="+", default=["none", "default"])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "tf32", "bfloat16"), default="float32")
    parser.add_argument("--deterministic", action="store_true", help="of ours alone: kernels that give the same bits again")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    name = torch.cuda.get_device_name() if asked.device == "cuda" else "cpu"
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=HERE)
    print(
        json.dumps(
            {"device": name, "torch": torch.__version__, "python": sys.version.split()[0], "commit": commit.stdout.strip()}
        )
    )
    for model in asked.models:
        for batch in asked.batches:
            for mode in asked.modes:
                print(json.dumps(row(asked, model, batch, mode), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    if "--contestant" in sys.argv:
        sys.argv.remove("--contestant")
        ours()
    else:
        main()
