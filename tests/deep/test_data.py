"""Images and batches: folders and archives, the cache, splits, order and augmentation by counters, bad input."""

import lzma
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from deep.data import PAD, Parts
from deep.images import _folder, read


@pytest.fixture
def folder(tmp_path, write_images):
    return write_images(tmp_path / "images")


@pytest.fixture
def fresh():
    """``read`` without what this process remembers."""
    return lambda path: (_folder.cache_clear(), read(f"image-folder:{path}"))[1]


@pytest.fixture
def parts(tiny):
    def make(folder, **settings):
        small = {"data": f"image-folder:{folder}", "subset": None, "batch_size": 4, "validation": 0.2}
        config = tiny("unused", **small | settings)
        return Parts(read(config.data), config)

    return make


def test_a_folder_and_its_archive_hold_the_same(folder, tmp_path, fresh):
    packed = tmp_path / "images.tar.xz"
    with tarfile.open(packed, "w:xz") as archive:
        for split in ("train", "test"):
            archive.add(folder / split, arcname=f"some/top/{split}")
    one, other = fresh(folder), fresh(packed)
    assert one.shape == (3, 32, 32)
    assert one.digest == other.digest
    assert one.classes == 2
    assert one.train.labels.tolist() == [0] * 6 + [1] * 6
    pixels = np.asarray(Image.open(folder / "test" / "bee" / "5.png"))
    assert np.array_equal(one.test.images[-1], pixels.transpose(2, 0, 1))


def test_grey_images_have_one_channel_and_join_coloured_ones(tmp_path, fresh, write_images):
    grey = write_images(tmp_path / "grey", mode="L")
    assert fresh(grey).shape == (1, 32, 32)
    Image.new("RGB", (32, 32)).save(grey / "train" / "ant" / "colour.png")
    mixed = fresh(grey)
    assert mixed.shape == (3, 32, 32)
    assert np.array_equal(mixed.test.images[:, 0], mixed.test.images[:, 2])


def test_the_cache_is_used_rebuilt_when_damaged_and_left_when_the_folder_changes(folder, tmp_path, fresh, monkeypatch, capsys):
    monkeypatch.setenv("SIGNESCAPE_CACHE", str(tmp_path / "cache"))
    digest = fresh(folder).digest
    (cached,) = (tmp_path / "cache").iterdir()
    monkeypatch.setattr("deep.images._decode", lambda source: pytest.fail("decoded again"))
    assert fresh(folder).digest == digest
    monkeypatch.undo()
    monkeypatch.setenv("SIGNESCAPE_CACHE", str(tmp_path / "cache"))
    content = bytearray(cached.read_bytes())
    content[-1] ^= 1
    for damaged in (bytes(content), b"nonsense", content[:100]):
        cached.write_bytes(damaged)
        assert fresh(folder).digest == digest
        assert "damaged" in capsys.readouterr().err
    Image.new("RGB", (32, 32)).save(folder / "train" / "ant" / "more.png")
    assert fresh(folder).digest != digest
    assert len(list((tmp_path / "cache").iterdir())) == 2


def _no_test(folder):
    (folder / "test").rename(folder / "tset")


def _empty_class(folder):
    (folder / "train" / "wasp").mkdir()


def _class_missing_in_test(folder):
    (folder / "test" / "bee").rename(folder / "bee")


def _unreadable(folder):
    (folder / "train" / "ant" / "9.png").write_bytes(b"\x89PNG nonsense")


def _other_size(folder):
    Image.new("RGB", (31, 32)).save(folder / "test" / "ant" / "9.png")


def _deep_pixels(folder):
    Image.fromarray(np.zeros((32, 32), np.uint16)).save(folder / "test" / "ant" / "9.png")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_test, "has no test/CLASS/FILE"),
        (_empty_class, "'wasp' has no images in train/"),
        (_class_missing_in_test, "'bee' has no images in test/"),
        (_unreadable, r"train/ant/9\.png' can't be read"),
        (_other_size, r"differ in size: .*\(32, 32\).*test/ant/9\.png is \(32, 31\)"),
        (_deep_pixels, "more than 8 bits"),
    ],
)
def test_bad_folders_get_one_sentence(folder, fresh, spoil, words):
    spoil(folder)
    with pytest.raises(ValueError, match=words):
        fresh(folder)


@pytest.mark.parametrize("content", [b"no archive", lzma.compress(b"no archive"), b""])
def test_bad_archives_get_one_sentence(tmp_path, fresh, content):
    (tmp_path / "images.tar.xz").write_bytes(content)
    with pytest.raises(ValueError, match=r"images\.tar\.xz"):
        fresh(tmp_path / "images.tar.xz")


def test_missing_data(fresh):
    with pytest.raises(ValueError, match="no image folder or archive '/nowhere'"):
        fresh("/nowhere")


def test_splits_are_disjoint_keyed_and_exact(tiny):
    images = read("digits")
    whole = Parts(images, tiny("x", subset=None, validation=0.1))
    assert (len(whole.train), len(whole.validation), len(whole.test)) == (1437 - 144, 144, 360)
    some = Parts(images, tiny("x", subset=200, validation=0.25))
    assert (len(some.train), len(some.validation)) == (200, 50)
    rows = [row.numpy().tobytes() for part in (whole.train, whole.validation, whole.test) for row in part.images]
    assert len(set(rows)) == len({r.tobytes() for r in np.concatenate([images.train.images, images.test.images])})
    other = Parts(images, tiny("x", subset=200, validation=0.25, seed=1))
    assert not torch.equal(some.train.images, other.train.images)
    assert torch.equal(some.test.images, other.test.images)


@pytest.mark.parametrize(("settings", "words"), [({"subset": 1400}, "subset=1400"), ({"subset": 10}, "batch_size=48")])
def test_too_few_images(settings, words, tiny):
    with pytest.raises(ValueError, match=words):
        Parts(read("digits"), tiny("x", **settings))


def test_normalised_on_the_training_part(folder, parts):
    p = parts(folder, augment="none")
    x = p.normalised(p.train.images).double()
    assert x.mean((0, 2, 3)).numpy() == pytest.approx(0, abs=1e-6)
    assert x.var((0, 2, 3), correction=0).numpy() == pytest.approx(1, abs=1e-6)


def test_an_epoch_shows_every_image_once_and_is_made_again_without_its_history(folder, parts):
    p = parts(folder, augment="none", validation=0.0, batch_size=3)
    epoch = list(p.batches(1, 2))
    shown = torch.cat([x for x, _ in epoch])
    assert {row.numpy().tobytes() for row in shown} == {row.numpy().tobytes() for row in p.normalised(p.train.images)}
    for (x, y), (u, v) in zip(
        epoch[2:], parts(folder, augment="none", validation=0.0, batch_size=3).batches(1, 2, 2), strict=True
    ):
        assert torch.equal(x, u)
        assert torch.equal(y, v)
    orders = {tuple(torch.cat([y for _, y in p.batches(level, e)]).tolist()) for level in range(3) for e in range(3)}
    assert len(orders) == 9


def test_augmentation_is_a_shift_of_at_most_4_and_a_mirror(folder, parts):
    """Each augmented image is one of the 162 that brute force lists, and all kinds of them occur."""
    p = parts(folder, validation=0.0)
    assert p.augmented
    padded = np.pad(p.train.images.numpy(), ((0, 0), (0, 0), (PAD, PAD), (PAD, PAD)))
    crops = {
        padded[i, :, y : y + 32, x : x + 32][:, :, ::flip].tobytes(): (y, x, flip)
        for i in range(len(padded))
        for y in range(9)
        for x in range(9)
        for flip in (1, -1)
    }
    seen = set()
    for epoch in range(60):
        moves = p._moves(0, epoch)
        images = p._moved(torch.arange(12), moves)
        found = [crops[image.numpy().tobytes()] for image in images]
        assert found == [(y, x, -1 if flip else 1) for y, x, flip in moves.T.tolist()]
        seen |= set(found)
    assert {s[0] for s in seen} == {s[1] for s in seen} == set(range(9))
    assert {s[2] for s in seen} == {1, -1}


def test_digits_are_not_augmented_unless_asked(tiny):
    assert not Parts(read("digits"), tiny("x")).augmented
    assert Parts(read("digits"), tiny("x", augment="crop-flip")).augmented
