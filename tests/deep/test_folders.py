"""Image folders and archives: the same arrays from both, the cache, lists of mixed sizes, bad input."""

import lzma
import struct
import tarfile
import zlib

import numpy as np
import pytest
from PIL import Image

from deep.folders import kept
from deep.images import Files, Images, read


@pytest.fixture
def folder(tmp_path, write_images):
    return write_images(tmp_path / "images")


@pytest.fixture
def fresh():
    """``read`` without what this process remembers."""
    return lambda path: (kept.cache_clear(), read(f"image-folder:{path}"))[1]


def _packed(folder, path):
    with tarfile.open(path, "w:xz") as archive:
        for split in ("train", "test"):
            archive.add(folder / split, arcname=f"some/top/{split}")
    return path


def test_a_folder_and_its_archive_hold_the_same(folder, tmp_path, fresh):
    one, other = fresh(folder), fresh(_packed(folder, tmp_path / "images.tar.xz"))
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


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA", "CMYK"])
def test_other_modes_become_colours(folder, fresh, mode):
    name = "9.jpg" if mode == "CMYK" else "9.png"
    image = Image.new("RGB", (32, 32), (200, 100, 50)).convert(mode)
    image.save(folder / "train" / "ant" / name)
    found = fresh(folder).train.images[6].astype(int)
    expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    assert np.abs(found - expected).max() <= (10 if mode == "CMYK" else 0)


def test_the_cache_is_used_rebuilt_when_damaged_and_left_when_the_folder_changes(folder, tmp_path, fresh, monkeypatch, capsys):
    monkeypatch.setenv("SIGNESCAPE_CACHE", str(tmp_path / "cache"))
    digest = fresh(folder).digest
    (cached,) = (tmp_path / "cache").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr("deep.folders._decode", lambda source: pytest.fail("decoded again"))
        assert fresh(folder).digest == digest
    content = bytearray(cached.read_bytes())
    content[-1] ^= 1
    for damaged in (bytes(content), b"nonsense", content[:100]):
        cached.write_bytes(damaged)
        assert fresh(folder).digest == digest
        assert "damaged" in capsys.readouterr().err
    Image.new("RGB", (32, 32)).save(folder / "train" / "ant" / "more.png")
    assert fresh(folder).digest != digest
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_done_without(folder, tmp_path, fresh, monkeypatch, capsys):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SIGNESCAPE_CACHE", str(tmp_path / "file"))
    assert isinstance(fresh(folder), Images)
    assert "can't be kept" in capsys.readouterr().err


def _other_size(folder):
    Image.new("RGB", (31, 32)).save(folder / "test" / "ant" / "9.png")


def test_a_folder_of_mixed_sizes_is_listed_in_the_order_of_the_decoded_one(folder, fresh, tmp_path, write_images):
    decoded = fresh(folder)
    (folder / "train" / "ant" / "notes.txt").write_text("no image")
    _other_size(folder)
    files = fresh(folder)
    assert isinstance(files, Files)
    assert (files.shape, files.classes) == ((3, 224, 224), 2)
    assert files.train.labels.tolist() == decoded.train.labels.tolist()
    for name, pixels in zip(files.train.names, decoded.train.images, strict=True):
        assert np.array_equal(np.asarray(Image.open(folder / name.decode())).transpose(2, 0, 1), pixels)
    assert [n.decode() for n in files.test.names[:7]] == [f"test/ant/{i}.png" for i in (0, 1, 2, 3, 4, 5, 9)]
    twin = write_images(tmp_path / "elsewhere")
    _other_size(twin)
    assert fresh(twin).digest == files.digest
    Image.effect_noise((31, 32), 50).save(twin / "test" / "ant" / "9.png")
    assert fresh(twin).digest != files.digest


def test_an_archive_of_mixed_sizes_gets_one_sentence(folder, tmp_path, fresh):
    _other_size(folder)
    with pytest.raises(
        ValueError, match=r"differ in size: .*is \(32, 3\d\), .*is \(32, 3\d\); an unpacked folder .* streamed\."
    ):
        fresh(_packed(folder, tmp_path / "images.tar.xz"))


def _no_test(folder):
    (folder / "test").rename(folder / "tset")


def _no_test_and_mixed(folder):
    _other_size(folder)
    Image.new("RGB", (31, 32)).save(folder / "train" / "ant" / "9.png")
    _no_test(folder)


def _empty_class(folder):
    (folder / "train" / "wasp").mkdir()


def _class_missing_in_test(folder):
    (folder / "test" / "bee").rename(folder / "bee")


def _unreadable(folder):
    (folder / "train" / "ant" / "9.png").write_bytes(b"\x89PNG nonsense")


def _cut(folder):
    path = folder / "train" / "ant" / "5.png"
    path.write_bytes(path.read_bytes()[:-700])


def _deep_grey(folder):
    Image.fromarray(np.zeros((32, 32), np.uint16)).save(folder / "test" / "ant" / "9.png")


def _deep_colour(folder):
    """A PNG of 16 bits a channel, which Pillow would read as 8."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\1\2" * 96) * 32)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    (folder / "test" / "ant" / "9.png").write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_test, "has no test/CLASS/FILE; the layout is"),
        (_no_test_and_mixed, "has no test/CLASS/FILE; the layout is"),
        (_empty_class, "'wasp' has no images in train/"),
        (_class_missing_in_test, "'bee' has no images in test/"),
        (_unreadable, r"train/ant/9\.png' can't be read"),
        (_cut, r"train/ant/5\.png' can't be read"),
        (_deep_grey, "more than 8 bits"),
        (_deep_colour, "more than 8 bits"),
    ],
)
def test_bad_folders_get_one_sentence(folder, fresh, spoil, words):
    spoil(folder)
    with pytest.raises(ValueError, match=words) as caught:
        fresh(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"no archive", lzma.compress(b"no archive"), b""])
def test_bad_archives_get_one_sentence(tmp_path, fresh, content):
    (tmp_path / "images.tar.xz").write_bytes(content)
    with pytest.raises(ValueError, match=r"images\.tar\.xz"):
        fresh(tmp_path / "images.tar.xz")


def test_missing_data(fresh):
    with pytest.raises(ValueError, match="no image folder or archive '/nowhere'"):
        fresh("/nowhere")


@pytest.mark.parametrize("spec", ["", "mnist", "/some/path", "image-folder:", "imagenet", "tiny-imagenet:", "digits:/x"])
def test_specs_of_no_known_form_are_quoted(spec):
    with pytest.raises(ValueError, match=r"data is digits, .* not '"):
        read(spec)
