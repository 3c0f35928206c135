"""Pruning semantics, part 4: random streams, held-out images, level 0, settings that decide the bits. See parts 1 and 3."""

from contextlib import suppress
from dataclasses import replace
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch

from deep import Config, TorchTrainer, load_run
from deep import run as deep_run
from deep.config import FREE
from deep.data import Resident
from deep.images import Split, read
from theory.algorithms import IMP, LRR, WR
from theory.streams import generator

from .semantics import SETTINGS, alone, broken, run, same, small, trainer

# One random stream, or counters?


def randomness(kind):
    torch.manual_seed(1)
    stages, t = run(kind, LRR)
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    before = torch.get_rng_state()
    again, other = run(kind, LRR)[0], trainer(kind, LRR)
    orders = [[y for _, y in t.data.batches(*at)] for at in ((0, 0), (0, 1), (1, 0))]
    return broken(
        a_run_depends_on_its_seed_alone=same(again[2].points["final"], stages[2].points["final"]),
        a_resumed_level_is_the_same=same(alone(other, stages[2], 2, LRR), stages[2].points["final"]),
        the_global_stream_is_left_alone=torch.equal(before, torch.get_rng_state()),
        each_level_and_epoch_has_an_order_of_its_own=all(
            not torch.equal(torch.cat(orders[i]), torch.cat(orders[j])) for i in range(3) for j in range(i)
        ),
    )


def fed(source):
    """A trainer whose batches come in the order that ``source(data, level, epoch)`` gives."""

    class Fed(TorchTrainer):
        def __init__(self, config, images, **how):
            class Other(Resident):
                def batches(self, level, epoch, first=0):
                    (images, labels), *_ = self.evaluation("train", 96)
                    for rows in np.array_split(source(self, level, epoch), self.per_epoch):
                        yield images[rows], labels[rows]

            super().__init__(config, Other(images, config), **how)

    return Fed


def one_stream(data, level, epoch):
    """One generator for the whole run."""
    data.stream = getattr(data, "stream", None) or np.random.default_rng(0)
    return data.stream.permutation(data.sizes["train"])


def global_stream(data, level, epoch):
    """torch's own generator, never seeded."""
    return torch.randperm(data.sizes["train"]).numpy()


def without_level(data, level, epoch):
    """The same orders in every level."""
    return generator(0, "order", epoch).permutation(data.sizes["train"])


class Unseeded(TorchTrainer):
    """Initial weights from torch's own generator."""

    def __init__(self, *args, model, **how):
        for module in model.modules():
            with suppress(AttributeError):
                module.reset_parameters()
        super().__init__(*args, model=model, **how)


# What is chosen by looking at which images?


def model_selection(kind):
    images, looked = read("digits"), []
    shuffled = images._replace(test=Split(images.test.images, np.roll(images.test.labels, 1)))

    class Watched(kind):
        def evaluate(self, part):
            looked.append(part)
            return super().evaluate(part)

    (stages, t), (others, u) = (run(Watched, LRR, images=x, epochs=4) for x in (images, shuffled))
    shown, *held_out = (
        {x.numpy().tobytes() for images, _ in t.data.evaluation(part, 500) for x in images}
        for part in ("train", "validation", "test")
    )
    return broken(
        weights_do_not_depend_on_test_labels=same(stages[2].points["final"], others[2].points["final"]) and t.rows == u.rows,
        training_does_not_look_at_the_test_part="test" not in looked,
        there_is_a_validation_part_after_each_epoch=looked.count("validation") == 2 * 3 * 4,
        what_is_held_out_is_not_trained_on=not shown & set.union(*held_out),
    )


class BestOnTest(TorchTrainer):
    """Keeps the weights of the epoch that did best on the test part."""

    def train(self, params, mask, level, at, rewind):
        best, self.best = -1, None

        def look(row):
            nonlocal best
            if (right := self.evaluate("test")["correct"]) > best:
                best, self.best = right, self.net.snapshot()

        self.on_epoch = look
        return super().train(params, mask, level, at, rewind) | {"final": self.best}


class ReportsTest(TorchTrainer):
    """Looks at the test part after every epoch."""

    def _epoch(self, course):
        super()._epoch(course)
        self.evaluate("test")


class NoValidation(TorchTrainer):
    """Trains on all images and validates on some of them."""

    def __init__(self, config, images, **how):
        class Same(Resident):
            def evaluation(self, part, size):
                return super().evaluation("train" if part == "validation" else part, size)

        super().__init__(config, Same(images, config), **how)


# Are algorithms compared on the same start?


def level_0(kind):
    (imp, t), (lrr, u), (wr, _) = (run(kind, law, 1) for law in (IMP, LRR, WR(step=5)))
    return broken(
        level_0_is_one_for_all_algorithms=same(imp[0].points["final"], lrr[0].points["final"])
        and same(imp[0].points["final"], wr[0].points["final"]),
        later_levels_see_the_images_in_the_same_order=[row["learning_rate"] for row in t.rows]
        == [row["learning_rate"] for row in u.rows]
        and all(torch.equal(a[1], b[1]) for a, b in zip(t.data.batches(1, 0), u.data.batches(1, 0), strict=True)),
    )


class OwnSeed(TorchTrainer):
    """Each algorithm with a seed of its own."""

    def __init__(self, config, images, **how):
        super().__init__(replace(config, seed=sum(map(ord, config.name))), images, **how)


# Which settings decide the bits?


def bits(free):
    """``free``: the settings that may differ when a run goes on."""
    changes = {"threads": 2, "deterministic": False, "precision": "bfloat16", "seed": 1, "batch_size": 12}

    def start(folder, **settings):
        config = Config(algorithm=LRR, levels=0, out=folder, **SETTINGS | settings)
        t = TorchTrainer(config, read("digits"), model=small(), algorithms=[LRR])
        return load_run(deep_run(config, quiet=True, trainer=t))

    def refused(folder, name):
        try:
            start(folder, **{name: changes[name]})
        except ValueError as error:
            return name in str(error)
        return False

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("deep.store.FREE", free)
        stored = start(folder).record["settings"]
        again = {name: refused(folder, name) for name in changes}
    return broken(
        threads_and_determinism_are_recorded=stored.get("threads") == 1 and stored.get("deterministic") is True,
        another_number_of_threads_is_refused=again["threads"],
        other_kernels_are_refused=again["deterministic"] and again["precision"],
        other_settings_are_refused=all(again.values()),
    )


def test_a_run_looks_at_the_test_part_once_a_level_after_training():
    """And stores what it saw beside the validation part's numbers."""
    looked = []

    class Watched(TorchTrainer):
        def evaluate(self, part):
            looked.append(part)
            return super().evaluate(part)

    with TemporaryDirectory() as folder:
        config = Config(algorithm=LRR, levels=2, out=folder, **SETTINGS)
        t = Watched(config, read("digits"), model=small(), algorithms=[LRR])
        rows = load_run(deep_run(config, quiet=True, trainer=t)).rows
    assert looked == ["validation", "validation", "test"] * 3
    ends = [row for row in rows if "alive" in row]
    assert len(ends) == 3
    assert all({"train", "validation", "test"} <= row.keys() for row in ends)
    assert not any("test" in row for row in rows if "alive" not in row)


ROWS = {
    randomness: {
        fed(one_stream): "a resumed level is the same",
        fed(global_stream): "a run depends on its seed alone",
        fed(without_level): "each level and epoch has an order of its own",
        Unseeded: "the global stream is left alone",
    },
    model_selection: {
        BestOnTest: "weights do not depend on test labels",
        ReportsTest: "training does not look at the test part",
        NoValidation: "what is held out is not trained on",
    },
    level_0: {OwnSeed: "level 0 is one for all algorithms"},
    bits: {
        (*FREE, "threads"): "another number of threads is refused",
        (*FREE, "deterministic"): "other kernels are refused",
        (*FREE, "batch_size"): "other settings are refused",
    },
}
FAULTY = [(law, engine, sentence) for law, variants in ROWS.items() for engine, sentence in variants.items()]


@pytest.mark.parametrize("law", ROWS, ids=lambda law: law.__name__)
def test_our_engine_keeps_the_law(law):
    assert law(FREE if law is bits else TorchTrainer) == []


@pytest.mark.parametrize(("law", "engine", "sentence"), FAULTY, ids=lambda x: str(getattr(x, "__name__", x))[-40:])
def test_a_faulty_variant_breaks_it(law, engine, sentence):
    assert sentence in law(engine)
