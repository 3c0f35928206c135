"""The file of a pack: same members, same bytes; pieces; what is damaged, missing or hostile gets one sentence and no file."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from deep import pack_files
from deep.pack_files import LIMIT, opened, place, require_free, write_members

SCHEMA = "signescape.deep.test/1"
NOISE = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()


def written(path, members=(("tensors/1.safetensors", NOISE), ("metrics.json", b"{}")), schema=SCHEMA):
    with open(path, "wb") as file:
        write_members(file, iter(members), lambda: {"schema": schema})
    return path


def content(path) -> dict[str, bytes]:
    with opened(path, SCHEMA) as members:
        members.check()
        return {name: members[name] for name in members.record["members"]}


def outcome(path) -> dict[str, bytes] | str:
    """The content, or why it is refused."""
    try:
        return content(path)
    except ValueError as error:
        return str(error)


@pytest.fixture
def small(monkeypatch):
    """Pieces of 100 kB."""
    monkeypatch.setattr(pack_files, "LIMIT", 104_096)
    monkeypatch.setattr(pack_files, "PART", 100_000)


def test_the_same_members_give_the_same_bytes(tmp_path):
    one, two = written(tmp_path / "one"), written(tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()
    assert content(one) == {"tensors/1.safetensors": NOISE, "metrics.json": b"{}"}


def test_a_file_that_fits_is_one_file(tmp_path):
    whole = written(tmp_path / "whole")
    assert place(whole, tmp_path / "out", pieces=True) == [tmp_path / "out"]
    assert content(tmp_path / "out")["metrics.json"] == b"{}"
    assert (tmp_path / "out").stat().st_size <= LIMIT == 16 * 2**20


def test_pieces(tmp_path, small):
    whole = written(tmp_path / "whole")
    size = whole.stat().st_size
    with pytest.raises(ValueError, match=f"needs {size:,} bytes, more than the 104,096 of one file; nothing was written"):
        place(whole, tmp_path / "out", pieces=False)
    assert [p.name for p in tmp_path.iterdir()] == ["whole"]
    files = place(whole, tmp_path / "out", pieces=True)
    assert [p.name for p in files] == [f"out.{i}-of-4" for i in (1, 2, 3, 4)]
    assert all(p.stat().st_size <= 104_096 for p in files)
    for name in (tmp_path / "out", files[2]):  # the common name, or any piece
        assert content(name) == content(whole)
    assert all(zipfile.is_zipfile(path) for path in files)
    assert not list(tmp_path.glob(".*"))


def test_missing_pieces_are_named(tmp_path, small):
    files = place(written(tmp_path / "whole"), tmp_path / "out", pieces=True)
    files[1].unlink()
    files[3].unlink()
    for name in (tmp_path / "out", files[0], files[1]):
        with pytest.raises(ValueError, match=r"Of 4 pieces in .* there is no out.2-of-4, out.4-of-4; nothing was written"):
            content(name)
    with pytest.raises(ValueError, match=r"no file '.*other', nor pieces other.1-of-N"):
        content(tmp_path / "other")


def test_pieces_of_two_packs_are_not_mixed(tmp_path, small):
    files = place(written(tmp_path / "whole"), tmp_path / "out", pieces=True)
    (tmp_path / "b").mkdir()
    others = place(written(tmp_path / "w", [("tensors/1.safetensors", NOISE[::-1])]), tmp_path / "b" / "out", pieces=True)
    files[2].write_bytes(others[2].read_bytes())
    with pytest.raises(ValueError, match="are of two packs"):
        content(tmp_path / "out")
    files[2].write_bytes(files[1].read_bytes())
    with pytest.raises(ValueError, match="is number 2 of 4"):
        content(tmp_path / "out")
    (tmp_path / "out.1-of-2").write_bytes(b"")
    with pytest.raises(ValueError, match="pieces of 2 and of 4"):
        content(tmp_path / "out")


def test_nothing_that_exists_is_replaced(tmp_path, small):
    whole = written(tmp_path / "whole")
    (tmp_path / "out.2-of-4").write_text("mine")
    for name in ("whole", "out"):
        with pytest.raises(ValueError, match="exists; nothing was changed"):
            require_free(tmp_path / name)
    with pytest.raises(ValueError, match="reads like a piece"):
        require_free(tmp_path / "x.1-of-1")
    with pytest.raises(ValueError, match="exists"):
        place(whole, tmp_path / "out", pieces=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.2-of-4", "whole"]  # the first piece is gone again
    assert (tmp_path / "out.2-of-4").read_text() == "mine"


def test_without_hard_links(tmp_path, monkeypatch):
    def refused(*args):
        raise OSError("no links here")

    monkeypatch.setattr(pack_files.os, "link", refused)
    place(written(tmp_path / "whole"), tmp_path / "out", pieces=False)
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    with pytest.raises(ValueError, match="exists; nothing was changed"):
        place(tmp_path / "whole", tmp_path / "out", pieces=False)


@pytest.mark.parametrize("pieced", [False, True])
def test_no_changed_byte_goes_unnoticed_or_unexplained(tmp_path, monkeypatch, pieced):
    """Every third byte: one sentence, or the same content."""
    monkeypatch.setattr(pack_files, "LIMIT", 1900 if pieced else LIMIT)
    monkeypatch.setattr(pack_files, "PART", 1100)
    whole = written(tmp_path / "whole", [("tensors/1.safetensors", NOISE[:1500]), ("metrics.json", b'{"a": "b"}')])
    was, files = content(whole), place(whole, tmp_path / "out", pieces=True)
    assert len(files) == (2 if pieced else 1)
    refused = 0
    for path in files:
        good = path.read_bytes()
        for at in range(0, len(good), 3):
            path.write_bytes(good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1 :])
            found = outcome(tmp_path / "out")
            assert found == was or (isinstance(found, str) and found.endswith(".") and "\n" not in found)
            refused += isinstance(found, str)
        for n in (0, 10, len(good) // 2, len(good) - 1):
            path.write_bytes(good[:n])
            with pytest.raises(ValueError, match=r"damaged|no piece"):
                content(tmp_path / "out")
        path.write_bytes(good)
    assert refused > 400
    assert content(tmp_path / "out") == was


def hostile(path, *names, method=zipfile.ZIP_STORED, body=b"x"):
    """Digests that fit, as one who writes such a file would have them."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names:
            archive.writestr(name, body)
        record = json.dumps({"schema": SCHEMA, "members": {n: hashlib.sha256(body).hexdigest() for n in names}})
        archive.writestr("pack.json", record)
        archive.comment = hashlib.sha256(record.encode()).hexdigest().encode()
    return path


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "tensors/../../x", "a\\..\\x", "tensors/1.pickle", "C:x", "tensors/", "x.json"]
)
def test_members_with_foreign_names_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="which does not belong there; nothing was written"):
        content(hostile(tmp_path / "bad", name))


def test_members_that_come_twice_lack_or_swell_are_refused(tmp_path, monkeypatch):
    with pytest.warns(UserWarning, match="Duplicate name"):
        hostile(tmp_path / "twice", "metrics.json", "metrics.json")
    with pytest.raises(ValueError, match="does not belong"):
        content(tmp_path / "twice")
    buffer = io.BytesIO(written(tmp_path / "good").read_bytes())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("tensors/9.safetensors", b"more")
    (tmp_path / "more").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="members are not those that it lists"):
        content(tmp_path / "more")
    monkeypatch.setattr(pack_files, "SWELLING", (200, 2**20))
    bomb = hostile(tmp_path / "bomb", "metrics.json", method=zipfile.ZIP_LZMA, body=bytes(20_000_000))
    with pytest.raises(ValueError, match="would swell to 20,000,"):
        content(bomb)


def test_other_files_and_schemas_are_refused(tmp_path):
    (tmp_path / "text").write_text("thesis")
    with pytest.raises(ValueError, match="is no pack of signescape, or it is damaged"):
        content(tmp_path / "text")
    with pytest.raises(ValueError, match=r"has schema 'x/9'; this version reads 'signescape.deep.test/1'"):
        content(written(tmp_path / "new", schema="x/9"))
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("metrics.json", "{}")
    with pytest.raises(ValueError, match=r"'pack.json' can't be read"):
        content(tmp_path / "zip")
