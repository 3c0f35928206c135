"""Images in memory: parts, normalisation, order and augmentation by counters, shares, one copy for all seeds."""

import gc

import numpy as np
import pytest
import torch

from deep.config import Training
from deep.data import PAD, Resident, _strips, load
from deep.images import Images, Split, read
from theory.streams import generator, uniform


def _images(shape=(3, 32, 32), n=40, classes=5, seed=0) -> Images:
    rng = np.random.default_rng(seed)
    splits = (Split(rng.integers(0, 256, (m, *shape), dtype=np.uint8), rng.integers(0, classes, m)) for m in (n, n // 2))
    return Images(*splits, classes, f"digest of {shape}")


def _config(**settings) -> Training:
    return Training(**{"batch_size": 8, "validation": 0.2} | settings)


def _epoch(images: Images, config: Training, level: int, epoch: int):
    """Second implementation, image by image in NumPy: padded, cut, mirrored, normalised; whole batches of an epoch."""
    n = len(images.train.labels)
    part = np.sort(generator(config.seed, "split").permutation(n)[: n - round(config.validation * n)])
    pixels, labels = images.train.images[part], images.train.labels[part]
    order = generator(config.seed, "order", level, epoch).permutation(len(part))
    moves = np.floor(uniform(config.seed, "augment", level, epoch, size=3 * len(part)).reshape(3, -1) * [[9], [9], [2]])
    if config.augment == "none":
        moves = np.array([[PAD], [PAD], [0]]).repeat(len(part), 1)
    _, h, w = images.shape
    mean = pixels.mean((0, 2, 3), dtype=np.float64)[:, None, None].astype(np.float32)
    std = pixels.std((0, 2, 3), dtype=np.float64)[:, None, None].astype(np.float32)
    shown = []
    for i in order:
        down, right, mirror = moves[:, i].astype(int)
        crop = np.pad(pixels[i], ((0, 0), (PAD, PAD), (PAD, PAD)))[:, down : down + h, right : right + w]
        shown.append(((crop[:, :, ::-1] if mirror else crop).astype(np.float32) - mean) / std)
    whole = len(order) // config.batch_size * config.batch_size
    return np.stack(shown[:whole]), labels[order[:whole]]


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8), (3, 20, 28), (2, 5, 3)])
@pytest.mark.parametrize("augment", ["crop-flip", "none"])
@pytest.mark.parametrize("together", [1, 3])
def test_batches_are_those_of_a_second_implementation_image_by_image(shape, augment, together):
    images, config = _images(shape), _config(augment=augment, seed=3)
    data = Resident(images, config)
    data._together = together  # as on a GPU
    for level, epoch in ((0, 0), (2, 1)):
        batches = list(data.batches(level, epoch))
        x, y = _epoch(images, config, level, epoch)
        assert len(batches) == data.per_epoch == 4
        assert all(b.is_contiguous(memory_format=torch.channels_last) and b.dtype == torch.float32 for b, _ in batches)
        np.testing.assert_allclose(torch.cat([b for b, _ in batches]).numpy(), x, rtol=1e-6, atol=1e-6)
        assert torch.cat([labels for _, labels in batches]).tolist() == y.tolist()


def test_pixels_of_batches_are_exact(monkeypatch):
    """With mean 0 and deviation 1 the numbers are the pixels themselves."""
    monkeypatch.setattr("deep.data.moments", lambda images, index: (torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 1, 1)))
    images, config = _images(), _config()
    data = Resident(images, config)
    x, _ = _epoch(images, config, 0, 0)
    shown = torch.cat([b for b, _ in data.batches(0, 0)]).numpy()
    mean, std = (f(images.train.images[data.index], (0, 2, 3), dtype=np.float64) for f in (np.mean, np.std))
    assert np.array_equal(shown, np.rint(x * std[:, None, None] + mean[:, None, None]))


def test_all_moves_occur_and_no_others():
    data = Resident(_images(n=500), _config(validation=0.0))
    moves = np.concatenate([data.moves(0, epoch) for epoch in range(4)], axis=1)
    assert [sorted(set(m.tolist())) for m in moves] == [list(range(9)), list(range(9)), [0, 1]]
    assert abs(moves[2].mean() - 0.5) < 0.05


def test_digits_are_not_augmented_unless_asked():
    assert not Resident(read("digits"), _config()).augmented
    assert Resident(read("digits"), _config(augment="crop-flip")).augmented
    assert Resident(_images(), _config()).augmented
    assert not Resident(_images(), _config(augment="none")).augmented


def test_an_epoch_is_made_again_from_any_batch_without_its_history():
    images, config = _images(), _config()
    veteran = Resident(images, config)
    epochs = {(level, epoch): list(veteran.batches(level, epoch)) for level in range(2) for epoch in range(3)}
    for (level, epoch), batches in epochs.items():
        for first in (0, 2, 4):
            again = list(Resident(images, config).batches(level, epoch, first))
            assert len(again) == len(batches) - first
            for (x, y), (u, v) in zip(batches[first:], again, strict=True):
                assert torch.equal(x, u)
                assert torch.equal(y, v)
    assert len({torch.cat([x for x, _ in b]).numpy().tobytes() for b in epochs.values()}) == 6


def test_an_epoch_shows_every_image_once():
    images = _images()
    data = Resident(images, _config(augment="none", validation=0.0))
    shown = torch.cat([x for x, _ in data.batches(1, 2)])
    whole = torch.cat([x for x, _ in data.evaluation("train", 7)])
    assert {row.numpy().tobytes() for row in shown} == {row.numpy().tobytes() for row in whole}
    assert len(shown) == len(whole) == 40


@pytest.mark.parametrize("augment", ["crop-flip", "none"])
def test_shares_of_all_processes_make_up_each_batch(augment):
    images, config = _images(), _config(augment=augment)
    whole = list(Resident(images, config).batches(1, 1, 1))
    shares = [list(Resident(images, config, (rank, 4)).batches(1, 1, 1)) for rank in range(4)]
    for i, (x, y) in enumerate(whole):
        assert torch.equal(torch.cat([share[i][0] for share in shares]), x)
        assert torch.equal(torch.cat([share[i][1] for share in shares]), y)
    evaluated = [torch.cat([x for x, _ in Resident(images, config, (r, 2)).evaluation("test", 9)]) for r in range(2)]
    assert torch.equal(*evaluated)
    assert len(evaluated[0]) == 20


def test_a_share_must_divide_the_batch():
    with pytest.raises(ValueError, match="batch_size=8 can't be shared equally by 3 processes"):
        Resident(_images(), _config(), (0, 3))


def test_evaluation_shows_a_part_in_its_own_order_whatever_the_chunks():
    images, config = _images(), _config()
    data = Resident(images, config)
    order = generator(0, "split").permutation(40)
    index = {"train": np.sort(order[:32]), "validation": np.sort(order[32:]), "test": np.arange(20)}
    for part, rows in index.items():
        split = images.test if part == "test" else images.train
        expected = torch.from_numpy(split.images[rows]).float().sub(data.mean).div(data.std)
        for size in (1, 7, 500):
            chunks = list(data.evaluation(part, size))
            assert [len(y) for _, y in chunks] == [min(size, len(rows) - i) for i in range(0, len(rows), size)]
            assert torch.equal(torch.cat([x for x, _ in chunks]), expected)
            assert torch.cat([y for _, y in chunks]).tolist() == split.labels[rows].tolist()
    assert data.sizes == {"train": 32, "validation": 8, "test": 20}
    with pytest.raises(ValueError, match=r"train, validation, test, not 'trial'"):
        next(data.evaluation("trial", 5))


def test_normalised_on_the_training_part_alone():
    images = _images()
    images.train.images[:, 1] = 77
    images.test.images[:] = 255
    data = Resident(images, _config())
    x = torch.cat([x for x, _ in data.evaluation("train", 9)]).double()
    assert x.mean((0, 2, 3)).numpy() == pytest.approx(0, abs=1e-6)
    assert x.var((0, 2, 3), correction=0).numpy() == pytest.approx([1, 0, 1], abs=1e-6)


def test_moments_are_exact_over_many_chunks():
    images = _images((1, 4, 4), n=2500)
    data = Resident(images, _config(validation=0.1))
    pixels = images.train.images[data.index].astype(np.int64)
    n, total, squares = pixels.size, int(pixels.sum()), int((pixels**2).sum())
    assert data.mean.item() == np.float32(total / n)
    assert data.std.item() == pytest.approx(np.sqrt((n * squares - total**2) / n**2), rel=1e-7)


def test_splits_are_disjoint_keyed_and_exact():
    images = read("digits")
    whole = load(_config(validation=0.1, batch_size=48))
    assert whole.sizes == {"train": 1437 - 144, "validation": 144, "test": 360}
    assert (whole.shape, whole.classes, whole.digest, whole.per_epoch) == ((1, 8, 8), 10, images.digest, 26)
    some = Resident(images, _config(subset=200, validation=0.25))
    assert some.sizes == {"train": 200, "validation": 50, "test": 360}
    rows = [x.numpy().tobytes() for part in whole.sizes for x, _ in whole.evaluation(part, 1)]
    assert len(set(rows)) == len({r.tobytes() for r in np.concatenate([images.train.images, images.test.images])})
    other = Resident(images, _config(subset=200, validation=0.25, seed=1))
    assert set(some.index.tolist()) != set(other.index.tolist())
    assert torch.equal(some.parts["test"].starts, other.parts["test"].starts)


def test_seeds_share_one_copy_of_the_images_which_goes_with_the_last():
    gc.collect()
    before, images = len(_strips), _images()
    seeds = [Resident(images, _config(seed=seed)) for seed in range(3)]
    assert len({data.strip.windows.data_ptr() for data in seeds}) == 1
    assert len({data.parts["test"].strip.windows.data_ptr() for data in seeds}) == 1
    assert len(_strips) == before + 2
    twin = Resident(_images(), _config())  # equal arrays, but not the same ones
    assert twin.strip is not seeds[0].strip
    assert torch.equal(next(twin.batches(0, 0))[0], next(seeds[0].batches(0, 0))[0])
    del seeds, twin
    gc.collect()
    assert len(_strips) == before


def test_the_copy_is_small():
    """Two copies of 36×36 pixels for each image of 32×32, rather than one of 40×40 and one of 32×32 for each seed."""
    images = _images(n=100)
    strip = Resident(images, _config()).strip
    assert strip.windows.untyped_storage().nbytes() <= 2 * 100 * 36 * 36 * 3 + 37 * 36 * 3


def test_batches_need_no_global_randomness():
    state = torch.get_rng_state()
    np_state = np.random.get_state()[1].copy()  # noqa: NPY002
    list(Resident(_images(), _config()).batches(0, 0))
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], np_state)  # noqa: NPY002


@pytest.mark.parametrize("fault", ["unmirrored shift", "shared moves", "no padding between rows"])
def test_the_second_implementation_finds_small_faults(monkeypatch, fault):
    """Negative controls of the first test above."""
    from deep import data as module

    starts = module._Strip.starts

    def faulty(strip, index, moves=None):
        if moves is not None and fault == "unmirrored shift":
            moves = np.stack([moves[0], np.where(moves[2], 2 * PAD - moves[1], moves[1]), moves[2]])
        if moves is not None and fault == "shared moves":
            moves = moves[:, :1].repeat(len(index), 1)
        return starts(strip, index, moves) + (strip.wide - strip.width if fault == "no padding between rows" else 0)

    monkeypatch.setattr(module._Strip, "starts", faulty)
    images, config = _images(), _config()
    shown = torch.cat([x for x, _ in Resident(images, config).batches(0, 0)]).numpy()
    assert not np.allclose(shown, _epoch(images, config, 0, 0)[0], atol=1e-3)
