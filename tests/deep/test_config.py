"""Settings: moments instead of bare numbers, one sentence for what is wrong, folders named by their hash."""

from dataclasses import replace

import pytest

from deep.config import FREE, Config, Training
from deep.schedule import Schedule
from theory.algorithms import At


def test_lengths_and_moments_are_steps_or_epochs():
    training = Training(length="step=30000", milestones=("step=20000", "epoch=100"), warmup="step=500")
    schedule = Schedule.of(training, per_epoch=390)
    assert (schedule.total, schedule.warmup, schedule.milestones) == (30_000, 500, (20_000, 39_000))
    assert schedule.epochs == 77  # 76.9
    assert Training(length="step=3000").warmup_at == At(200)
    assert Training(epochs=30, schedule="constant").warmup_at == At(0, "epoch")
    assert Training(epochs=30, schedule="cosine").milestones_at == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"warmup": 5}, "reads like step=500 or epoch=2, not 5"),
        ({"milestones": ("70",)}, "reads like step=500 or epoch=2, not '70'"),
        ({"length": "time=3"}, None),
        ({"length": "step=0"}, "length is a moment after the start, not 'step=0'"),
        ({"milestones": 3}, "milestones is a list, not 3"),
        ({"fractions": ("conv",)}, "not 'conv'"),
        ({"fractions": ("conv=1.5",)}, "not 'conv=1.5'"),
        ({"betas": (0.9,)}, r"not \(0.9,\)"),
        ({"betas": (0.9, 1.0)}, r"not \(0.9, 1.0\)"),
        ({"nesterov": True, "momentum": 0.0}, "nesterov needs a momentum above 0, not 0.0"),
        ({"nesterov": 1}, "nesterov is True or False, not 1"),
        ({"precision": "fp16"}, "not 'fp16'"),
        ({"clip": -1.0}, "clip is a number of at least 0, not -1.0"),
        ({"label_smoothing": 2.0}, "at most 1, not 2.0"),
        ({"model": "resnet21"}, "Unknown model 'resnet21'"),
        ({"data": "image-folder:"}, "not 'image-folder:'"),
        ({"data": "cifar11"}, "not 'cifar11'"),
        ({"width": 0}, "width is a whole number of at least 1, not 0"),
        ({"mask_from": ""}, "mask_from is the path of a folder, not ''"),
        ({"checkpoint": float("nan")}, "not nan"),
    ],
)
def test_what_is_wrong_is_quoted(settings, words):
    if words is None:
        with pytest.raises(ValueError, match="time"):
            Schedule.of(Training(**settings), 10)
    else:
        with pytest.raises(ValueError, match=words):
            Training(**settings)


def test_a_folder_is_named_by_the_hash_of_what_the_bits_depend_on():
    config = Config(algorithm="WR(step=500)")
    assert config.path.parent.as_posix() == "runs/deep"
    assert config.path.name.startswith("resnet20-digits-WR(step=500)-seed-0-")
    assert replace(config, out="x").path.as_posix() == "x"
    for change in ({"seed": 1}, {"threads": 2}, {"algorithm": "IMP"}, {"learning_rate": 0.2}, {"data": "cifar10"}):
        assert replace(config, **change).identity != config.identity, change
    for change in ({"levels": 3}, {"checkpoint": 5.0}, {"loaders": 0}, {"remember": ("step=1",)}, {"out": "x"}):
        assert replace(config, **change).identity == config.identity, change
    assert {"levels", "checkpoint", "loaders", "remember"} <= set(FREE)


def test_settings_survive_storage():
    config = Config(milestones=("epoch=1", "step=7"), betas=(0.8, 0.9), fractions=("conv=0.1",), algorithm="IMP")
    again = Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in config.settings().items()})
    assert again == config


def test_borrowed_masks_and_signs_enter_the_algorithm():
    program = Config(algorithm="LRR", mask_from="a", signs_from="b").program
    assert program.masks == "donor"
    assert program.rewind.sign == "donor"
    assert Config(algorithm="LRR").program.masks == "scored"
