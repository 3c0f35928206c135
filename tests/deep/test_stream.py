"""Streamed images: independent of processes, batch size and history; damage while training."""

import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from deep.config import Training
from deep.crops import draws, middle, random_part
from deep.data import load
from deep.images import read
from deep.stream import Streamed

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """18 images of different sizes, 12 of them for training; one is grey."""
    top, rng = tmp_path_factory.mktemp("imagenet"), np.random.default_rng(0)
    for part, n in (("train", 6), ("val", 3)):
        for wnid in ("n01", "n02"):
            (top / part / wnid).mkdir(parents=True)
            for i in range(n):
                shape = (40 + 5 * i, 60 - 3 * i) if i == 1 else (40 + 5 * i, 60 - 3 * i, 3)
                Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(top / part / wnid / f"{wnid}_{i}.JPEG")
    return top


def _config(folder, **settings):
    return Training(**{"data": f"imagenet:{folder}", "batch_size": 4, "validation": 0.0, "loaders": 0} | settings)


def _same(one, other):
    for (x, y), (u, v) in zip(one, other, strict=True):
        assert torch.equal(x, u)
        assert torch.equal(y, v)


def _normalised(pixels):
    return ((pixels / 255 - MEAN) / STD).transpose(2, 0, 1)


def _loaded(folder, name):
    return Image.open(folder / name.decode()).convert("RGB")


def test_batches_are_random_parts_by_counters(folder):
    data, files = load(_config(folder, seed=3)), read(f"imagenet:{folder}")
    assert isinstance(data, Streamed)
    assert (data.per_epoch, data.shape, data.classes, data.digest) == (3, (3, 224, 224), 2, files.digest)
    order = data.parts["train"][np.random.Generator(np.random.Philox(key=_key(3, "order", 1, 2))).permutation(12)]
    numbers = draws(3, 1, 2, order)
    batches = list(data.batches(1, 2))
    x, y = (torch.cat(parts).numpy() for parts in zip(*batches, strict=True))
    assert all(b.is_contiguous(memory_format=torch.channels_last) and b.dtype == torch.float32 for b, _ in batches)
    assert y.tolist() == files.train.labels[order].tolist()
    for image, i, u in zip(x, order, numbers, strict=True):
        np.testing.assert_allclose(image, _normalised(random_part(_loaded(folder, files.train.names[i]), u)), atol=2e-6)


def _key(*counters):
    from theory.streams import key

    return int(key(*counters))


def test_evaluation_and_training_without_augmentation_show_middles(folder):
    data, files = load(_config(folder, validation=0.25, augment="none")), read(f"imagenet:{folder}")
    assert data.sizes == {"train": 9, "validation": 3, "test": 6}
    for part, listing in (("train", files.train), ("validation", files.train), ("test", files.test)):
        index = data.parts[part]
        chunks = list(data.evaluation(part, 4))
        assert [len(y) for _, y in chunks] == [min(4, len(index) - i) for i in range(0, len(index), 4)]
        x, y = (torch.cat(parts).numpy() for parts in zip(*chunks, strict=True))
        assert y.tolist() == listing.labels[index].tolist()
        for image, i in zip(x, index, strict=True):
            np.testing.assert_allclose(image, _normalised(middle(_loaded(folder, listing.names[i]))), atol=2e-6)
    whole = {row.numpy().tobytes() for row, _ in data.evaluation("train", 1)}
    assert {row.numpy().tobytes() for x, _ in data.batches(0, 0) for row in x.split(1)} < whole
    with pytest.raises(ValueError, match=r"train, validation, test, not 'trial'"):
        data.evaluation("trial", 5)


def _by_size(folder):
    """The epoch's images in order, from batches of 3 and of 4."""
    return [torch.cat([x for x, _ in load(_config(folder, batch_size=b)).batches(0, 1)]) for b in (3, 4)]


def test_images_do_not_depend_on_the_batch_they_are_in(folder, monkeypatch):
    assert torch.equal(*_by_size(folder))
    monkeypatch.setattr("deep.stream.draws", lambda s, l, e, images: draws(s, l, e, np.arange(len(images))))
    assert not torch.equal(*_by_size(folder))  # the faulty variant that draws by the place in a batch


def test_any_epoch_starts_at_any_batch_and_shares_make_up_batches(folder):
    data = load(_config(folder))
    for level, epoch in ((0, 0), (1, 0), (0, 1)):
        batches = list(data.batches(level, epoch))
        for first in range(4):
            _same(load(_config(folder)).batches(level, epoch, first), batches[first:])
    shares = [list(load(_config(folder), (rank, 2)).batches(0, 1)) for rank in range(2)]
    _same([(torch.cat([a, c]), torch.cat([b, d])) for (a, b), (c, d) in zip(*shares, strict=True)], batches)
    with pytest.raises(ValueError, match="batch_size=4 can't be shared equally by 3 processes"):
        load(_config(folder), (0, 3))


def test_passes_may_run_at_once_and_use_no_global_randomness(folder):
    data, state = load(_config(folder)), torch.get_rng_state()
    pairs = list(zip(data.batches(0, 0), data.batches(0, 1), strict=True))
    _same([a for a, _ in pairs], load(_config(folder)).batches(0, 0))
    _same([b for _, b in pairs], load(_config(folder)).batches(0, 1))
    assert torch.equal(torch.get_rng_state(), state)


def test_processes_change_nothing_survive_a_pass_left_early_and_are_replaced_when_killed(folder, tmp_path):
    alone, data = load(_config(folder)), load(_config(folder, loaders=2))
    state = torch.get_rng_state()
    _same(data.batches(0, 1), alone.batches(0, 1))
    early = data.batches(1, 0)
    _same([next(early)], [next(alone.batches(1, 0))])
    early.close()
    _same(data.batches(1, 1, 1), alone.batches(1, 1, 1))
    _same(data.evaluation("test", 4), alone.evaluation("test", 4))
    assert len(data._idle) == 1  # the same two processes did it all
    assert torch.equal(torch.get_rng_state(), state)
    data.loaders = 1  # of those that come after
    workers = data._idle[0][1]._iterator._workers
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r"exited unexpectedly|is killed"):
        list(data.batches(0, 2))
    _same(data.batches(0, 2), alone.batches(0, 2))


@pytest.mark.parametrize("loaders", [0, 1])
def test_an_image_spoiled_after_it_was_listed_gets_one_sentence(tmp_path, write_images, loaders):
    top = write_images(tmp_path / "images", n=4, size=20)
    Image.new("RGB", (9, 9)).save(top / "test" / "ant" / "other.png")
    config = Training(data=f"image-folder:{top}", batch_size=8, validation=0.0, loaders=loaders)
    data = load(config)
    assert isinstance(data, Streamed)
    spoiled = top / "train" / "bee" / "2.png"
    whole = spoiled.read_bytes()
    for content in (whole[:200], None):
        spoiled.write_bytes(content) if content else spoiled.unlink()
        with pytest.raises(ValueError, match=r"^The image '.*train/bee/2\.png' can't be read: .*\.$") as caught:
            list(data.batches(0, 0))
        assert "\n" not in str(caught.value)
    spoiled.write_bytes(whole)
    assert [len(y) for _, y in data.batches(0, 0)] == [8]
