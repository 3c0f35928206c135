"""The conventions of the command line: settings from words and files, progress, one JSON document."""

import json
from dataclasses import dataclass

import pytest

from theory import console


@dataclass(frozen=True)
class Settings:
    """Settings of a test."""

    n: int = 3
    sizes: tuple[int, ...] = (1, 2)
    name: str = "x"


def test_words_become_settings():
    assert console.parse(Settings, ["--n", "5", "--sizes", "7", "8"], "test") == Settings(5, (7, 8))


def test_a_file_gives_other_defaults(tmp_path):
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"settings": {"n": 9, "sizes": [4]}, "schema": "test/1"}))
    assert console.parse(Settings, ["--config", str(file)], "test") == Settings(9, (4,))
    assert console.parse(Settings, ["--name", "y", "--config", str(file), "--n", "1"], "test") == Settings(1, (4,), "y")
    assert console.read_json(file) == {"n": 9, "sizes": [4]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"n": 1', "can't be read as JSON"),
        ('{"depth": 1}', "Unknown setting 'depth'; known are n, name, sizes"),
        ("[1, 2]", r"mapping of names to values, not \[1, 2\]"),
        ("\xff", "can't be read as JSON"),
    ],
)
def test_bad_files_get_one_sentence(tmp_path, content, sentence):
    file = tmp_path / "bad.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=sentence):
        console.parse(Settings, ["--config", str(file)], "test")


def test_a_missing_file_gets_one_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"missing.json' can't be read"):
        console.parse(Settings, ["--config", str(tmp_path / "missing.json")], "test")
    with pytest.raises(ValueError, match="--config needs the path"):
        console.parse(Settings, ["--config"], "test")


def test_unknown_options_are_one_sentence(capsys):
    with pytest.raises(ValueError, match=r"^Unrecognized options: --depth, 5\. `signescape test --help` lists the options\.$"):
        console.parse(Settings, ["--depth", "5"], "test")
    assert capsys.readouterr().err == ""


def test_help_goes_through(capsys):
    with pytest.raises(SystemExit) as status:
        console.parse(Settings, ["--help"], "test")
    assert status.value.code == 0
    assert "--help" in capsys.readouterr().out


def test_emit_writes_one_document(capsys):
    console.emit({"t": float("inf"), "n": 1})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"t": "inf", "n": 1}
    assert err == ""


def test_progress_goes_to_standard_error(capsys):
    with console.progress("trials", 3, every=0.0) as step:
        step()
        step(2, note="done")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0].startswith("trials: 1/3")
    assert err.splitlines()[-1].startswith("trials: 3/3")
    assert err.endswith("; done\n")


def test_progress_tells_rate_and_time_left_of_what_is_new(capsys, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("theory.console.time.monotonic", lambda: clock[0])
    with console.progress("trials", 1000, every=0.0) as step:
        step.skip(400)
        clock[0] += 2.0
        step(246)
    first, last = capsys.readouterr().err.splitlines()
    assert first == "trials: 400/1000, 0 s"
    assert last == "trials: 646/1000, 2 s, 120/s, about 3 s left"


def test_progress_is_sparing(capsys):
    with console.progress("trials", 1000, every=60.0) as step:
        for _ in range(1000):
            step()
    assert len(capsys.readouterr().err.splitlines()) == 2
