"""CIFAR's binary archives: records, downloads from a server of our own, damage of every kind."""

import hashlib
import io
import tarfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from deep.archives import ARCHIVES, _remembered, unpack
from deep.images import read

KNOWN = dict(ARCHIVES)
SMALL = {name: replace(a, train_records=3, test_records=2) for name, a in KNOWN.items()}


@pytest.fixture(autouse=True)
def _small(monkeypatch, tmp_path):
    for name, archive in SMALL.items():
        monkeypatch.setitem(ARCHIVES, name, archive)
    monkeypatch.setenv("SIGNESCAPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _remembered.cache_clear()


def _contents(name, seed=0):
    """file → records as the CIFAR page describes them, with (label, image (3, 32, 32)) of each."""
    archive, rng = SMALL[name], np.random.default_rng(seed)
    files, truth = {}, {}
    for file in (*archive.train, archive.test):
        images = rng.integers(0, 256, (2 if file == archive.test else 3, 3, 32, 32), dtype=np.uint8)
        labels = rng.integers(0, archive.classes, len(images))
        labels[0] = archive.classes - 1
        coarse = [bytes([19 - int(label) % 20]) if name == "cifar100" else b"" for label in labels]
        rows = [
            c + bytes([label]) + b"".join(bytes(plane.tolist()[r]) for plane in image for r in range(32))
            for c, label, image in zip(coarse, labels.tolist(), images, strict=True)
        ]
        files[file], truth[file] = b"".join(rows), (images, labels)
    return files, truth


def _tar(files, folder="top", mode="w:gz"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, content in {"readme.html": b"<html>", **files}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _unpacked(folder, files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_archive_and_folder_hold_the_records_with_their_fine_labels(tmp_path, name):
    files, truth = _contents(name)
    (tmp_path / "copy.tar.gz").write_bytes(_tar(files))
    top = _unpacked(tmp_path / "unpacked" / "inner", files).parent
    found = [read(f"{name}:{p}") for p in (tmp_path / "copy.tar.gz", top, top / "inner")]
    assert len({images.digest for images in found}) == 1
    images, archive = found[0], SMALL[name]
    assert (images.shape, images.classes) == ((3, 32, 32), archive.classes)
    assert np.array_equal(images.train.images, np.concatenate([truth[f][0] for f in archive.train]))
    assert images.train.labels.tolist() == [int(x) for f in archive.train for x in truth[f][1]]
    assert np.array_equal(images.test.images, truth[archive.test][0])
    assert images.test.labels.tolist() == truth[archive.test][1].tolist()


def _lacks_one(files):
    del files["data_batch_3.bin"]


def _python_version(files):
    for name in list(files):
        files[name.removesuffix(".bin")] = files.pop(name)


def _cut_record(files):
    files["data_batch_2.bin"] = files["data_batch_2.bin"][:-1]


def _fewer_records(files):
    files["test_batch.bin"] = files["test_batch.bin"][:3073]


def _wrong_label(files):
    files["test_batch.bin"] = b"\x0a" + files["test_batch.bin"][1:]


BAD = [
    (_lacks_one, r"has no data_batch_3\.bin; it should be the binary version"),
    (_python_version, r"has no data_batch_1\.bin; it should be the binary version"),
    (_cut_record, r"data_batch_2\.bin' has 9,218 bytes instead of 9,219"),
    (_fewer_records, r"test_batch\.bin' has 3,073 bytes instead of 6,146"),
    (_wrong_label, r"test_batch\.bin' has the label 10, though there are 10 classes"),
]


@pytest.mark.parametrize(("spoil", "words"), BAD)
def test_spoiled_files_get_one_sentence(tmp_path, spoil, words):
    files, _ = _contents("cifar10")
    spoil(files)
    (tmp_path / "copy.tar.gz").write_bytes(_tar(files))
    for source in (tmp_path / "copy.tar.gz", _unpacked(tmp_path / "unpacked", files)):
        with pytest.raises(ValueError, match=words):
            read(f"cifar10:{source}")


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2", "w"])
def test_cut_and_garbled_archives_get_one_sentence(tmp_path, mode):
    whole = _tar(_contents("cifar10")[0], mode=mode)
    path = tmp_path / "copy"
    middle = len(whole) // 2
    for content in (whole[:middle], b"", b"no archive", *([] if mode == "w" else [whole[:middle] + b"\xff" * middle])):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=str(path)):
            unpack(SMALL["cifar10"], path)


def test_missing_copies():
    with pytest.raises(ValueError, match="no archive or folder '/nowhere' of cifar100"):
        read("cifar100:/nowhere")


@pytest.fixture
def server(monkeypatch):
    """A server on this machine whose ``content`` is sent for any path; ``asked`` counts; ``short`` bytes are withheld."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            here = self.server
            here.asked += 1
            self.send_response(here.status)
            self.send_header("Content-Length", str(len(here.content)))
            self.end_headers()
            self.wfile.write(here.content[: len(here.content) - here.short])

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as here:
        here.asked, here.short, here.status, here.content = 0, 0, 200, _tar(_contents("cifar10")[0])
        thread = threading.Thread(target=here.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setitem(
            ARCHIVES,
            "cifar10",
            replace(
                SMALL["cifar10"],
                url=f"http://127.0.0.1:{here.server_port}/~kriz/cifar-10-binary.tar.gz",
                md5=hashlib.md5(here.content).hexdigest(),
            ),
        )
        yield here
        here.shutdown()
        thread.join()


def test_a_download_is_made_once_and_again_where_its_file_is_damaged(server, tmp_path):
    _, truth = _contents("cifar10")
    assert np.array_equal(read("cifar10").test.images, truth["test_batch.bin"][0])
    assert read("cifar10").digest == read("cifar10").digest
    assert server.asked == 1
    (stored,) = (tmp_path / "cache").iterdir()
    stored.write_bytes(b"damaged")
    _remembered.cache_clear()
    assert np.array_equal(read("cifar10").test.images, truth["test_batch.bin"][0])
    assert server.asked == 2
    assert stored.read_bytes() == server.content


def _other_content(server):
    server.content = _tar(_contents("cifar10", seed=1)[0])


def _fewer_bytes(server):
    server.short = 100


def _not_found(server):
    server.status = 404


def _refused(server):
    ARCHIVES["cifar10"] = replace(ARCHIVES["cifar10"], url="http://127.0.0.1:1/cifar-10-binary.tar.gz")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_other_content, "does not match the known hash"),
        (_fewer_bytes, "IncompleteRead|bytes"),
        (_not_found, "404"),
        (_refused, "refused|Max retries"),
    ],
)
@pytest.mark.parametrize("stored", [False, True])
def test_a_failed_download_is_one_sentence_and_leaves_what_was_stored(server, tmp_path, spoil, words, stored):
    cache = tmp_path / "cache"
    if stored:
        cache.mkdir()
        (cache / "cifar-10-binary.tar.gz").write_bytes(b"an older file")
        (cache / "images-1.safetensors").write_bytes(b"another one")
    before = {p.name: p.read_bytes() for p in cache.glob("*")}
    spoil(server)
    with pytest.raises(
        ValueError, match=rf"cifar10 can't be downloaded from http.*({words}).*read as cifar10:PATH\.$"
    ) as caught:
        read("cifar10")
    assert "\n" not in str(caught.value)
    assert {p.name: p.read_bytes() for p in cache.glob("*")} == before


def test_the_known_archives_are_those_of_the_cifar_page():
    """Sizes that follow from the page: 10,000 records of 3073 bytes; 50,000 and 10,000 of 3074."""
    ten, hundred = KNOWN["cifar10"], KNOWN["cifar100"]
    assert (ten.md5, hundred.md5) == ("c32a1d4ab5d03f1284b67883e8d87530", "03b5dce01913d631647c71ecec9e9cb8")
    assert len(ten.train) * ten.train_records == hundred.train_records == 50_000
    assert ten.test_records == hundred.test_records == 10_000
    assert all(a.url.startswith("https://") and "binary" in a.url for a in KNOWN.values())
