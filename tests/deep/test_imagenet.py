"""ImageNet and Tiny ImageNet folders: labels, order, grey images, gaps."""

import os

import numpy as np
import pytest
from PIL import Image

from deep.folders import kept
from deep.imagenet import imagenet
from deep.images import Files, Images, read

WNIDS = ("n01443537", "n01629819")


@pytest.fixture(autouse=True)
def _forgetful():
    kept.cache_clear()
    imagenet.cache_clear()


def _save(path, seed, size=(64, 64), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)).save(path, "JPEG")


@pytest.fixture
def tiny_folder(tmp_path):
    top = tmp_path / "tiny-imagenet-200"
    for k, wnid in enumerate(WNIDS):
        for i in range(3):
            _save(top / "train" / wnid / "images" / f"{wnid}_{i}.JPEG", 10 * k + i, mode="L" if i == 2 else "RGB")
        (top / "train" / wnid / f"{wnid}_boxes.txt").write_text("boxes")
    rows = [f"val_{i}.JPEG\t{WNIDS[i % 2]}\t0\t0\t63\t63" for i in range(4)]
    for i in range(4):
        _save(top / "val" / "images" / f"val_{i}.JPEG", 100 + i)
    (top / "val" / "val_annotations.txt").write_text("\n".join(reversed(rows)) + "\n")
    _save(top / "test" / "images" / "test_0.JPEG", 7)
    return top


@pytest.fixture
def large_folder(tmp_path):
    for part, n in (("train", 3), ("val", 2)):
        for k, wnid in enumerate(WNIDS):
            for i in range(n):
                _save(tmp_path / "imagenet" / part / wnid / f"{wnid}_{i}.JPEG", 10 * k + i, (40 + i, 30 + k))
    return tmp_path / "imagenet"


def _pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1)


def test_tiny_imagenet_is_decoded_with_val_as_the_test_part(tiny_folder, monkeypatch):
    images = read(f"tiny-imagenet:{tiny_folder}")
    assert isinstance(images, Images)
    assert (images.shape, images.classes) == ((3, 64, 64), 2)
    assert images.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.test.labels.tolist() == [0, 0, 1, 1]
    for k, (wnid, i) in enumerate((w, i) for w in WNIDS for i in range(3)):
        assert np.array_equal(images.train.images[k], _pixels(tiny_folder / "train" / wnid / "images" / f"{wnid}_{i}.JPEG"))
    for k, i in enumerate((0, 2, 1, 3)):
        assert np.array_equal(images.test.images[k], _pixels(tiny_folder / "val" / "images" / f"val_{i}.JPEG"))
    kept.cache_clear()
    monkeypatch.setattr("deep.imagenet._decode", lambda source: pytest.fail("decoded again"))
    assert read(f"tiny-imagenet:{tiny_folder}").digest == images.digest


def test_imagenet_is_listed_with_val_as_the_test_part(large_folder):
    files = read(f"imagenet:{large_folder}")
    assert isinstance(files, Files)
    assert (files.shape, files.classes, files.root) == ((3, 224, 224), 2, str(large_folder))
    assert [n.decode() for n in files.train.names] == [f"train/{w}/{w}_{i}.JPEG" for w in WNIDS for i in range(3)]
    assert files.test.labels.tolist() == [0, 0, 1, 1]
    moved = large_folder.with_name("moved")
    os.rename(large_folder, moved)
    assert read(f"imagenet:{moved}").digest == files.digest
    _save(moved / "val" / WNIDS[0] / f"{WNIDS[0]}_0.JPEG", 0, (50, 50))
    imagenet.cache_clear()
    assert read(f"imagenet:{moved}").digest != files.digest


def _no_annotations(top):
    (top / "val" / "val_annotations.txt").unlink()


def _garbled_annotations(top):
    (top / "val" / "val_annotations.txt").write_text("val_0.JPEG\n")


def _short_annotations(top):
    table = top / "val" / "val_annotations.txt"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))


def _image_missing(top):
    (top / "val" / "images" / "val_3.JPEG").unlink()


def _no_train(top):
    (top / "train").rename(top / "trian")


def _unknown_class(top):
    table = top / "val" / "val_annotations.txt"
    table.write_text(table.read_text().replace(WNIDS[1], "n09999999"))


def _other_size(top):
    _save(top / "val" / "images" / "val_3.JPEG", 1, (64, 60))


def _damaged(top):
    (top / "train" / WNIDS[1] / "images" / f"{WNIDS[1]}_0.JPEG").write_bytes(b"\xff\xd8 nonsense")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_annotations, r"val_annotations\.txt' can't be read as one image and its WNID a line"),
        (_garbled_annotations, r"val_annotations\.txt' can't be read as one image and its WNID a line"),
        (_short_annotations, r"differ in 'val_0\.JPEG', which is in one of them only"),
        (_image_missing, r"differ in 'val_3\.JPEG', which is in one of them only"),
        (_no_train, "has no train/WNID/images/FILE; the layout is train/WNID/images/FILE and val/images/FILE"),
        (_unknown_class, "'n09999999' has no images in train/"),
        (_other_size, r"differ in size: val/images/val_3\.JPEG is \(60, 64\), the first one \(64, 64\)"),
        (_damaged, r"n01629819_0\.JPEG' can't be read"),
    ],
)
def test_gaps_in_tiny_imagenet_get_one_sentence(tiny_folder, spoil, words):
    spoil(tiny_folder)
    with pytest.raises(ValueError, match=words) as caught:
        read(f"tiny-imagenet:{tiny_folder}")
    assert "\n" not in str(caught.value)


def test_gaps_in_imagenet_get_one_sentence(large_folder):
    (large_folder / "val" / WNIDS[0]).rename(large_folder / WNIDS[0])
    with pytest.raises(ValueError, match=r"The class 'n01443537' has no images in val/"):
        read(f"imagenet:{large_folder}")
    (large_folder / "val").rename(large_folder / "valid")
    with pytest.raises(ValueError, match=r"has no val/WNID/FILE; the layout is train/WNID/FILE and val/WNID/FILE"):
        read(f"imagenet:{large_folder}")


@pytest.mark.parametrize("kind", ["imagenet", "tiny-imagenet"])
def test_missing_folders(kind):
    with pytest.raises(ValueError, match=f"There is no folder '/nowhere' of {kind}"):
        read(f"{kind}:/nowhere")
