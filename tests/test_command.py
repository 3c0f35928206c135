"""The command ``signescape``: help without heavy imports, exit statuses, one sentence for bad input."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import signescape

HEAVY = ("numpy", "scipy", "sympy", "torch", "tyro", "rich", "xarray", "matplotlib")


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def loaded(code):
    return set(python(f"import sys; {code}; print(*(m for m in {HEAVY} if m in sys.modules))"))


def test_help_imports_nothing_heavy():
    assert loaded("import signescape, io; out, sys.stdout = sys.stdout, io.StringIO(); "
                  "assert signescape.main(['--help']) == 0; sys.stdout = out") == set()  # fmt: skip


def test_help_runs_as_a_command():
    found = subprocess.run([sys.executable, "-m", "signescape", "--help"], capture_output=True, text=True, check=True)
    assert all(command in found.stdout for command in signescape.COMMANDS)
    assert found.stderr == ""


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import theory", HEAVY),
        ("import theory; theory.learns('LRR', 1.0, [0.5, 0.5])", ("torch", "sympy", "tyro", "xarray", "matplotlib")),
        ("import theory; theory.success_probability('LRR', 'gaussian', 10)", ("torch", "sympy", "tyro")),
        ("import theory; theory.verify(['T1'])", ("torch", "tyro", "xarray")),
    ],
)
def test_theory_imports_what_it_needs(code, absent):
    assert not loaded(code) & set(absent)


def test_public_names_do_not_depend_on_import_order():
    """A public name is what it says, also after all modules were imported."""
    code = "import theory.exact, theory; print(*(type(getattr(theory, n)).__name__ for n in theory.__all__))"
    assert "module" not in python(code)


def test_every_public_name_exists():
    import theory

    assert dir(theory) == theory.__all__
    assert all(getattr(theory, name) is not None for name in theory.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        theory.nothing  # noqa: B018


def test_no_command_shows_help_and_fails(capsys):
    assert signescape.main([]) == 2
    assert "Usage" in capsys.readouterr().out


def test_an_unknown_command_gets_one_sentence(capsys):
    assert signescape.main(["prove"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("signescape: Unknown command 'prove'; the commands are verify")
    assert err.count("\n") == 1


def command_that(monkeypatch, error=None, status=0):
    def run(words):
        if error is not None:
            raise error
        return status

    module = ModuleType("pretended")
    module.main = run
    monkeypatch.setitem(sys.modules, "pretended", module)
    monkeypatch.setitem(signescape.COMMANDS, "pretend", "pretended")
    return signescape.main(["pretend"])


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (ValueError("The value\n 3 is bad."), 2, "The value 3 is bad."),
        (FileNotFoundError(2, "No such file", "x.json"), 2, "x.json"),
        (KeyboardInterrupt(), 130, "Interrupted"),
        (ModuleNotFoundError("no", name="torch.nn"), 2, r"pip install 'signescape[deep]'"),
        (ModuleNotFoundError("no", name="zarr"), 2, r"pip install 'signescape[simulate]'"),
        (ModuleNotFoundError("no", name="sklearn.datasets"), 2, r"pip install 'signescape[deep]'"),
    ],
)
def test_failures_become_a_sentence_and_a_status(monkeypatch, capsys, error, status, sentence):
    assert command_that(monkeypatch, error) == status
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1


def test_a_bug_is_not_hidden(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        command_that(monkeypatch, ZeroDivisionError())
    with pytest.raises(ModuleNotFoundError):
        command_that(monkeypatch, ModuleNotFoundError("no", name="theory.missing"))


@pytest.mark.parametrize("status", [0, 1])
def test_the_status_of_a_command_is_handed_on(monkeypatch, status):
    assert command_that(monkeypatch, status=status) == status


def test_verify_prints_json_and_nothing_else(capsys, tmp_path):
    out = tmp_path / "report.json"
    assert signescape.main(["verify", "T1", "--json", "--out", str(out)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [(c["id"], c["status"]) for c in printed["claims"]] == [("T1", "proved")]
    assert printed["provenance"]["schema"] == "signescape.verify/2"
    assert json.loads(out.read_text()) == printed


def test_verify_for_a_reader(capsys):
    assert signescape.main(["verify", "T1", "T2"]) == 0
    text = capsys.readouterr().out
    assert "T1   proved" in text
    assert "2 of 2 claims proved" in text


def test_verify_refuses_an_unknown_claim(capsys):
    assert signescape.main(["verify", "T99"]) == 2
    assert "Unknown claim 'T99'" in capsys.readouterr().err


def test_verify_fails_where_a_claim_is_refuted(capsys, monkeypatch):
    import sympy

    from theory.claims import CLAIMS, Claim
    from theory.proof.logic import Fact, gt

    fact = Fact("every number is positive", gt(sympy.Symbol("x", real=True), 0))
    monkeypatch.setitem(CLAIMS, "F", Claim("F", "False", "x > 0", "nobody", lambda: (fact,)))
    assert signescape.main(["verify", "F", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["claims"][0]["status"] == "refuted"


def test_a_proof_for_a_reader(capsys):
    assert signescape.main(["verify", "--explain", "T6"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("T6. Sign-escape time")
    assert "separation of variables" in text
    assert signescape.main(["verify", "--explain", "T6", "--latex"]) == 0
    assert "\\begin{document}" in capsys.readouterr().out
    assert signescape.main(["verify", "--explain", "T99"]) == 2
    assert "Unknown claim 'T99'" in capsys.readouterr().err


def test_own_algorithm_lies_in_the_folder_one_stands_in(tmp_path):
    (tmp_path / "mine.py").write_text("from theory import *\nWIDE = Algorithm('wide', Rewind('init', 'final'), count=2)\n")
    script = [str(Path(sys.executable).parent / "signescape"), "simulate", "trials", "--n", "20", "--d", "3", "--t", "2"]
    words = ["--trials", "4", "--chunk", "2", "--workers", "2", "--algorithms", "mine:WIDE", "--json"]
    done = subprocess.run([*script, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "wide" in done.stdout


@pytest.mark.parametrize(
    "words", [["--trials", "many"], ["--bogus"], ["--config=/no/such.json"], ["--config", "a", "--config", "b"]]
)
def test_words_that_fit_no_option_are_one_sentence(words, capsys):
    assert signescape.main(["simulate", "trials", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("signescape: ")
    assert error.count("\n") == 1
    assert "─" not in error
    assert words[-1].removeprefix("--config=") in error or "twice" in error
