"""Certificates: written, re-checked by second implementations alone; a missing, changed or foreign file is found."""

import json

import pytest

import signescape
from theory.proof.certificates import recheck_all, require_empty, write_all
from theory.verification import verify


@pytest.fixture(scope="module")
def report():
    return verify(["T1", "T6"], workers=1)


@pytest.fixture
def folder(report, tmp_path):
    write_all(tmp_path / "proofs", report)
    return tmp_path / "proofs"


def holding(folder, *claims):
    return {f["file"]: f["holds"] for f in recheck_all(folder, claims)}


def test_every_fact_has_a_certificate_that_holds(folder, report):
    found = holding(folder)
    assert all(found.values())
    facts = {leaf.formula for c in report.claims for f in c.findings for leaf in f.leaves}
    assert len(found) >= 0.9 * len(facts)
    assert set(holding(folder, "T1")) < set(found)


def test_engines_are_not_asked_again(folder, monkeypatch):
    from theory.proof import identities, intervals, polynomials, search

    for module, name in ((identities, "decide"), (intervals, "decide"), (polynomials, "decide"), (search, "counter_example")):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("searched"))
    assert all(holding(folder).values())


@pytest.mark.parametrize("engine", ["identity", "interval", "z3"])
def test_a_changed_file_is_found(folder, engine):
    path = sorted(folder.glob(f"{engine}-*.json"))[0]
    document = json.loads(path.read_text())
    document["statement"] = "1 = 2"
    path.write_text(json.dumps(document))
    assert holding(folder)[path.name] is False


def test_missing_corrupt_and_foreign_files_are_found(folder):
    one, two, three = sorted(folder.glob("z3-*.json"))[:3]
    one.unlink()
    two.write_text("{")
    three.write_text('{"engine": "oracle"}')
    found = {f["file"]: f["reason"] for f in recheck_all(folder) if not f["holds"] and f["file"].endswith(".json")}
    assert found == {one.name: "the file is missing", two.name: "the file is not JSON", three.name: "this is no certificate"}


def test_a_claim_short_of_a_certificate_does_not_hold(folder):
    lists = json.loads((folder / "claims.json").read_text())
    lists["claims"]["T1"].pop()
    (folder / "claims.json").write_text(json.dumps(lists))
    assert any("no certificate" in f["reason"] for f in recheck_all(folder, ["T1"]))


def test_folders_that_are_none(tmp_path, folder):
    with pytest.raises(ValueError, match="no folder of certificates"):
        recheck_all(tmp_path / "nothing")
    with pytest.raises(ValueError, match="no certificates of 'T99'"):
        recheck_all(folder, ["T99"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match="nothing was changed"):
        require_empty(tmp_path / "mine")
    with pytest.raises(ValueError, match="is a file"):
        require_empty(tmp_path / "mine" / "thesis.tex")
    require_empty(folder)


def test_writing_again_replaces_the_earlier_ones(folder, report):
    before = {p.name for p in folder.iterdir()}
    (folder / "z3-0000000000000000.json").write_text("{}")
    write_all(folder, report)
    assert {p.name for p in folder.iterdir()} == before


def test_the_command(tmp_path, capsys):
    words = ["verify", "T1", "--certificates", str(tmp_path / "p")]
    assert signescape.main(words) == 0
    assert signescape.main(["verify", "--recheck", str(tmp_path / "p"), "--json"]) == 0
    assert all(f["holds"] for f in json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))["certificates"])
    next((tmp_path / "p").glob("identity-*")).unlink()
    assert signescape.main(["verify", "--recheck", str(tmp_path / "p")]) == 1
    assert "the file is missing" in capsys.readouterr().out
    assert signescape.main(["verify", "--recheck", str(tmp_path)]) == 2
    assert signescape.main(["verify", "T1", "--mutants", "--every", "0"]) == 2
