"""A training of one's own behind the public ``Trainer``: a linear model in NumPy, and a network of one's own."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from deep import Config, TorchTrainer, load_run, run
from deep.images import read
from theory.algorithms import LRR, WR, Algorithm, At, Rewind, levels
from theory.criteria import Criterion
from theory.streams import generator, key

AT = At(3)


class Linear:
    """Least squares by gradient descent: f(x) = w·x, twenty steps a level, in NumPy. This class is a complete example."""

    batch, norm = 0, frozenset[str]()
    parts = ("test",)

    def __init__(self, eta=0.1, d=8):
        self.keys, self.eta = key(np.uint64(7), "linear"), eta
        rng = generator(key(np.uint64(7), "data"))
        self.x, self.unseen, truth = rng.standard_normal((40, d)), rng.standard_normal((20, d)), rng.standard_normal(d)
        self.y, self.answers, self.w0 = self.x @ truth, self.unseen @ truth, rng.standard_normal(d)
        self.identity, self.rows, self.trained = {"eta": eta, "d": d}, [], 0

    def initial(self):
        return {"w": self.w0, "bias": np.zeros(())}, {"w": np.ones(self.w0.shape, dtype=bool)}

    def train(self, params, mask, level, at, rewind):
        w, b, points, self.rows = params["w"], params["bias"], {}, []
        for step in range(20):
            points |= {moment: {"w": w, "bias": b} for moment in at if moment == At(step)}
            error = self.x @ w + b - self.y
            w, b = w - self.eta * mask["w"] * (self.x.T @ error) / len(error), b - self.eta * error.mean()
        self.w, self.b, self.trained = w, b, self.trained + 1
        self.rows.append({"level": level, "loss": float((error**2).mean())})
        return points | {"final": {"w": w, "bias": b}, "gradient": {"w": self.x.T @ error, "bias": error.mean()}}

    def evaluate(self, part):
        return {"loss": float(((self.unseen @ self.w + self.b - self.answers) ** 2).mean()), "n": len(self.answers)}


SENSITIVE = Criterion("sensitive", ("gradient",), abs)
ALGORITHMS = {
    "IMP": Algorithm("IMP", fraction=0.3),
    "WR": replace(WR(AT), fraction=0.3),
    "time": Algorithm("time", Rewind(At(0, "time"), At(0, "time"), "final"), fraction=0.3),
    "sensitive": replace(LRR, name="sensitive", criterion=SENSITIVE, fraction=0.3),
}


class Timed(Linear):
    """Counts time."""

    def train(self, params, mask, level, at, rewind):
        points = super().train(params, mask, level, frozenset(), rewind)
        return points | {moment: {n: x + 0 for n, x in params.items()} for moment in at}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_run_is_the_loop_itself_also_in_pieces(tmp_path, name):
    law, kind = ALGORITHMS[name], Timed if name == "time" else Linear
    want = list(levels(law, kind(), *kind().initial(), 4))
    config = Config(algorithm=law, levels=4, out=str(tmp_path / "whole"))
    stored = load_run(run(config, trainer=kind(), quiet=True))
    for level, wanted in zip(stored.levels, want, strict=True):
        for found, tensors in ((level.mask, wanted.mask), (level.start, wanted.start), (level.final, wanted.points["final"])):
            assert {n: t.numpy().tobytes() for n, t in found.items()} == {
                n: np.asarray(t).tobytes() for n, t in tensors.items()
            }
    for n in (0, 1, 1, 4):
        trainer = kind()
        run(replace(config, levels=n, out=str(tmp_path / "pieces")), trainer=trainer, quiet=True)
    assert trainer.trained == 3
    for a, b in zip(stored.levels, load_run(tmp_path / "pieces").levels, strict=True):
        assert a.record["files"] == b.record["files"]


def test_metrics_are_what_the_trainer_offers_and_exact_counts(tmp_path):
    rows = load_run(run(Config(algorithm="LRR", levels=1, fraction=0.25, out=str(tmp_path)), trainer=Linear(), quiet=True)).rows
    assert [row.keys() for row in rows[:2]] == [
        {"level", "loss"},
        {"level", "weights", "alive", "layers", "flips", "test"},
    ]
    assert (rows[3]["weights"], rows[3]["alive"], rows[3]["layers"], rows[3]["test"]["n"]) == (8, 6, {"w": 6}, 20)
    assert sum(rows[3]["flips"]["start"].values()) == 0


def test_a_trainer_that_offers_nothing_more(tmp_path):
    class Bare:
        batch, norm, keys = 0, frozenset[str](), np.uint64(1)

        def initial(self):
            return {"w": torch.tensor([3.0, -1.0, 2.0])}, {"w": torch.ones(3, dtype=torch.bool)}

        def train(self, params, mask, level, at, rewind):
            return {"final": {"w": -params["w"]}}

    rows = load_run(run(Config(levels=1, fraction=0.3, out=str(tmp_path)), trainer=Bare(), quiet=True)).rows
    assert [(row["alive"], row["flips"]["start"]["w"]) for row in rows] == [(3, 3), (2, 2)]


def test_batches_of_networks(tmp_path):
    class Many(Linear):
        batch, parts = 1, ()

        def __init__(self):
            super().__init__()
            self.keys, self.rows = key(np.arange(3, dtype=np.uint64), "many"), []

        def initial(self):
            return {"w": np.stack([self.w0, -self.w0, 2 * self.w0])}, {"w": np.ones((3, 8), dtype=bool)}

        def train(self, params, mask, level, at, rewind):
            return {"final": {"w": params["w"] * 0.5}}

    level = load_run(run(Config(levels=1, fraction=0.25, out=str(tmp_path)), trainer=Many(), quiet=True)).levels[1]
    assert level.mask["w"].sum(-1).tolist() == [6, 6, 6]


def test_another_trainer_is_refused(tmp_path):
    config = Config(levels=0, out=str(tmp_path))
    run(config, trainer=Linear(), quiet=True)
    for other, words in ((Linear(eta=0.2), '"eta": 0.2'), (Timed(), '"name": "Timed"'), (None, "not by null")):
        with pytest.raises(ValueError, match=words):
            run(config, trainer=other, quiet=True)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["same"]["trainer"]["name"] == "Linear"


def test_each_trainer_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, two = (run(Config(levels=0), trainer=Linear(eta=eta), quiet=True) for eta in (0.1, 0.2))
    assert one != two
    assert one.name.startswith("Linear-LRR-seed-0-")
    assert run(Config(levels=0), trainer=Linear(), quiet=True) == one


@pytest.mark.parametrize(
    ("params", "mask", "words"),
    [
        ({"w": [1.0, 2.0]}, {"w": [True, True]}, r"'w' at the start of level 0 .* no NumPy array .*: \[1\.0, 2\.0\]"),
        ({"w": np.ones(2)}, {"w": np.ones(2)}, "The mask 'w' has float64 numbers"),
        ({"w": np.ones(2)}, {"v": np.ones(2, dtype=bool)}, "The mask 'v' belongs to no parameter"),
        ({"w": np.ones(2)}, {"w": np.ones(3, dtype=bool)}, r"The mask 'w' has shape \(3,\), its parameter \(2,\)"),
        ({"w": np.ones(2)}, {}, "has nothing to prune"),
    ],
)
def test_tensors_that_are_none_are_refused(tmp_path, params, mask, words):
    trainer = Linear()
    trainer.initial = lambda: (params, mask)
    with pytest.raises(ValueError, match=words):
        run(Config(levels=0, out=str(tmp_path)), trainer=trainer, quiet=True)


def test_what_is_no_trainer_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"A trainer has `initial`, .*; builtins\.str has no `initial`"):
        run(Config(levels=0, out=str(tmp_path)), trainer="resnet20", quiet=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../final", "mask", ".hidden", "a/b"])
def test_points_are_files(tmp_path, name):
    trainer = Linear()
    train = trainer.train
    trainer.train = lambda *args: train(*args) | {name: {"w": trainer.w}}
    with pytest.raises(ValueError, match=r"is stored under its name, so .* can't be one"):
        run(Config(levels=0, out=str(tmp_path)), trainer=trainer, quiet=True)
    assert load_run(tmp_path).levels == []


def _network(config, width=4):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
    return TorchTrainer(config, read("digits"), model, algorithms=[config.program])


def test_a_network_of_ones_own(tiny, tmp_path):
    config = tiny(tmp_path, levels=1, algorithm="WR(step=2)")
    run(config, trainer=_network(config), quiet=True)
    stored = load_run(tmp_path)
    assert stored.levels[1].rows[-1]["weights"] == 64 * 4 + 4 * 10
    assert stored.record["same"]["trainer"]["network"] == "torch.nn.modules.container.Sequential"
    with pytest.raises(ValueError, match=r"The trainer was made with learning_rate=0.1, but the run is to have .*=0.2"):
        run(replace(config, learning_rate=0.2), trainer=_network(config), quiet=True)
