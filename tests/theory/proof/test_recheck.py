"""The second implementation accepts what is proved, in its own arithmetic, and nothing that was tampered with."""

import ast
import copy
import json
import time
from pathlib import Path

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.proof import jets, recheck, rings
from theory.proof.intervals import decide
from theory.proof.logic import Fact, ge, gt, le, lt
from theory.proof.recheck import recheck as check
from theory.proof.recheck import recheck_folder, statement
from theory.proof.terms import fact_to_json

x, y = sp.symbols("x y", real=True)
pi, sin, cos = sp.pi, sp.sin, sp.cos
FACTS = {
    "I1": Fact("", gt(sin(x) - x * cos(x), 0), (gt(x, 0), le(x, pi))),
    "I2": Fact("", gt(x - sin(x) * cos(x), 0), (gt(x, 0), le(x, pi))),
    "I3": Fact("", le(sin(x), x), (ge(x, 0), le(x, pi))),
    "I4": Fact("", ge(sin(x), x * (pi - x) / pi), (ge(x, 0), le(x, pi))),
    "I5": Fact("", ge(x * sin(x), sin(x) - x * cos(x)), (ge(x, 0), le(x, 2))),
    "g": Fact("", gt((sin(x) + (pi - x) * cos(x)) / (2 * pi), 0), (ge(x, 0), lt(x, pi))),
    "turn": Fact("", gt((pi - x) + sin(x) * cos(x), 0), (ge(x, 0), lt(x, pi))),
}
CERTIFICATES = {name: json.loads(json.dumps(decide(fact).certificate)) for name, fact in FACTS.items()}
BOX = Fact("", gt(x**2 + y**2, 2 * x * y), (ge(x, 0), le(x, 3), gt(y, 4), le(y, 9)))
EVERY = {**CERTIFICATES, "box": json.loads(json.dumps(decide(BOX).certificate))}
SYMBOL = ["symbol", "x", "real"]


def parts(node):
    """Every node of a tree of cells."""
    return [node, *parts(node["below"]), *parts(node["above"])] if "cut" in node else [node]


def signed(certificate):
    """With the statement that its fact says: a forger would write that as well."""
    return {**certificate, "statement": statement(certificate["fact"])}


def changed(certificate, k, **entries):
    """With other entries in the k-th node of its tree."""
    certificate = copy.deepcopy(certificate)
    parts(certificate["cells"])[k].update(entries)
    return certificate


def leaves(certificate):
    return [(k, n) for k, n in enumerate(parts(certificate["cells"])) if "cut" not in n]


@pytest.mark.parametrize("name", EVERY)
def test_certificates_of_true_facts_hold(name):
    ok, reason = check(EVERY[name])
    assert ok, reason
    assert reason.startswith(statement(EVERY[name]["fact"]))
    assert f"({len(leaves(EVERY[name]))} cell" in reason


def test_all_facts_of_the_proof_recheck_well_within_a_second():
    start = time.process_time()
    assert all(check(c)[0] for c in CERTIFICATES.values())
    assert time.process_time() - start < 0.5


def test_a_certificate_is_for_its_fact_only():
    assert check(CERTIFICATES["I1"], fact_to_json(FACTS["I1"]))[0]
    ok, reason = check(CERTIFICATES["I1"], fact_to_json(FACTS["I2"]))
    assert (ok, reason) == (False, "This certificate is for another statement.")


def test_statement_is_that_of_the_fact():
    assert statement(CERTIFICATES["I4"]["fact"]) == "x ≥ 0, x ≤ pi ⊢ sin(x) ≥ x*pi**(-1)*(pi - x)"
    names = {"x": x, "pi": pi, "sin": sin}
    assert sp.simplify(sp.sympify("x*pi**(-1)*(pi - x)", locals=names) - FACTS["I4"].conclusion.right) == 0


def test_nothing_of_the_engine_is_imported():
    """The point of a second implementation: neither sympy, flint nor the modules that use them."""
    for module in (recheck, jets, rings):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        names = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        assert not {"sympy", "flint"} & {n.split(".")[0] for n in names}
        assert not {"balls", "intervals", "logic", "terms", "exact"} & names


@pytest.mark.parametrize("name", EVERY)
def test_a_flipped_or_foreign_sign_is_rejected(name):
    for k, node in leaves(EVERY[name])[:6]:
        for sign in (-node["sign"], 0, 2, True, "1", None):
            assert not check(changed(EVERY[name], k, sign=sign))[0]


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_wrong_multiplicity_is_rejected(name):
    """One zero more is not there; one fewer leaves a coefficient 0 that has no sign; an order below it means nothing."""
    for k, node in leaves(CERTIFICATES[name]):
        v, order = node["zeros"], node["order"]
        wrong = [{"zeros": v + 1, "order": max(order, v + 1)}, {"order": v - 1}, {"order": 33}, {"zeros": -1}, {"order": True}]
        wrong += [{"order": float(order)}, {"zeros": str(v)}]
        wrong += [{"zeros": v - 1, "order": o} for o in range(max(v - 1, 0), 9)] if v else []
        for entries in wrong:
            assert not check(changed(CERTIFICATES[name], k, **entries))[0], entries


@pytest.mark.parametrize("name", CERTIFICATES)
def test_another_centre_is_rejected_where_the_function_vanishes(name):
    for k, node in leaves(CERTIFICATES[name]):
        for at in {"low", "high", "middle", "top", None, 0} - {node["at"]}:
            if node["zeros"] or at not in ("low", "high", "middle"):
                assert not check(changed(CERTIFICATES[name], k, at=at))[0]


@pytest.mark.parametrize("name", ["I1", "I2", "I4", "I5", "g", "turn"])
def test_a_removed_cell_is_rejected(name):
    """An entry that is gone, empty or a cell less: the tree has no gap, so the other cell would have to prove it all."""
    whole = CERTIFICATES[name]["cells"]
    assert "cut" in whole
    for side in ("below", "above"):
        for other in (
            {k: v for k, v in whole.items() if k != side},
            {**whole, side: {}},
            {**whole, side: []},
            {**whole, side: None},
        ):
            assert not check({**CERTIFICATES[name], "cells": other})[0]
    taken = [check({**CERTIFICATES[name], "cells": whole[side]})[0] for side in ("below", "above")]
    assert not all(taken)
    if all(n["zeros"] for _, n in leaves(CERTIFICATES[name])):
        assert not any(taken)


@pytest.mark.parametrize("cut", ["0", "-1", "22/7", "4", "1/0", "0.5", "pi", 0.5, None, ["pi"], "1e-3", "１"])
@pytest.mark.parametrize("name", ["I1", "I2", "I4", "g", "turn"])
def test_a_cut_outside_the_box_or_not_rational_is_rejected(name, cut):
    assert not check(changed(CERTIFICATES[name], 0, cut=["x", cut]))[0]
    assert not check(changed(CERTIFICATES[name], 0, cut=["z", "1"]))[0]


@pytest.mark.parametrize(("cut", "ok"), [("1/2", True), ("2", False), ("-1", False), ("0", False), ("1", False)])
def test_a_cut_outside_the_box_is_rejected_even_where_it_does_no_harm(cut, ok):
    leaf = {"at": "middle", "order": 0, "zeros": 0, "sign": 1}
    data = fact_to_json(Fact("", gt(sp.exp(x), 0), (ge(x, 0), le(x, 1))))
    forged = {**CERTIFICATES["I1"], "fact": data, "cells": {"cut": ["x", cut], "below": leaf, "above": leaf}}
    assert check(signed(forged))[0] is ok


FALSE = [
    ("I1", ["given", 1, 2], 5),
    ("I1", ["given", 0, 2], -1),
    ("I1", ["given", 0, 0], "≥"),
    ("I1", ["conclusion", 0], "<"),
    ("I1", ["conclusion", 0], "="),
    ("I1", ["conclusion", 2], "1/1000000"),
    ("I1", ["conclusion", 1, 2, 0], "cos"),
    ("I2", ["given", 0, 0], "≥"),
    ("I2", ["given", 0, 2], "-1/100"),
    ("I3", ["conclusion", 0], "<"),
    ("I3", ["conclusion", 0], "≥"),
    ("I3", ["given", 0, 2], "-1/2"),
    ("I3", ["conclusion", 2], ["mul", "99/100", SYMBOL]),
    ("I4", ["conclusion", 0], ">"),
    ("I4", ["given", 1, 2], 4),
    ("I5", ["given", 1, 2], "41/20"),
    ("I5", ["conclusion", 0], ">"),
    ("g", ["given", 1, 0], "≤"),
    ("g", ["conclusion", 0], "<"),
    ("turn", ["given", 1, 0], "≤"),
    ("turn", ["given", 1, 2], 3),
]


def put(data, path, new):
    data = copy.deepcopy(data)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    assert inner[path[-1]] != new
    inner[path[-1]] = new
    return data


@pytest.mark.parametrize(("name", "path", "new"), FALSE)
def test_a_changed_statement_is_rejected(name, path, new):
    """Left as it says, and with the words of the forgery; the last one is true, but not by these cells."""
    forged = put(CERTIFICATES[name], ["fact", *path], new)
    assert not check(forged)[0]
    try:
        says = statement(forged["fact"])
    except (TypeError, ValueError):
        says = ""
    assert not check({**forged, "statement": says})[0]


@pytest.mark.parametrize("name", CERTIFICATES)
def test_dropped_hypotheses_and_words_are_rejected(name):
    fact = CERTIFICATES[name]["fact"]
    for k in range(len(fact["given"])):
        fewer = {**fact, "given": fact["given"][:k] + fact["given"][k + 1 :]}
        assert not check(signed({**CERTIFICATES[name], "fact": fewer}))[0]
    assert not check({**CERTIFICATES[name], "statement": "1 < 2"})[0]
    assert not check({**CERTIFICATES[name], "fact": {**fact, "lemmas": [fact["conclusion"]]}})[0]
    other = {**fact, "given": [*fact["given"], ["≠", SYMBOL, 1]]}
    assert not check(signed({**CERTIFICATES[name], "fact": other}))[0]


FALSE_FACTS = [
    Fact("", gt(sin(x) - x * cos(x), 0), (ge(x, 0), le(x, pi))),
    Fact("", lt(sin(x), x), (ge(x, 0), le(x, 1))),
    Fact("", ge(sin(x), x), (ge(x, 0), le(x, 1))),
    Fact("", gt((x - 1) ** 2, 0), (ge(x, 0), le(x, 2))),
    Fact("", ge(sin(x), x * (pi - x) / sp.Rational(314, 100)), (ge(x, 0), le(x, pi))),
    Fact("", gt(1 / x, -1), (gt(x, -1), le(x, 1))),
    Fact("", ge(sp.Abs(x), 2 * x), (ge(x, -1), le(x, 1))),
    Fact("", gt(sp.log(x), -9), (gt(x, 0), le(x, 1))),
    Fact("", gt(sp.tan(x), -1), (ge(x, 1), le(x, 2))),
]
cells = st.fixed_dictionaries(
    {
        "at": st.sampled_from(["low", "middle", "high"]),
        "order": st.integers(0, 6),
        "zeros": st.integers(0, 3),
        "sign": st.sampled_from([1, -1]),
    }
)
trees = st.recursive(
    cells,
    lambda t: st.fixed_dictionaries(
        {"cut": st.tuples(st.just("x"), st.fractions(-1, 3, max_denominator=6).map(str)).map(list), "below": t, "above": t}
    ),
    max_leaves=5,
)


@given(st.sampled_from(FALSE_FACTS), trees)
@settings(max_examples=300)
def test_no_tree_of_cells_proves_a_false_statement(fact, tree):
    data = fact_to_json(fact)
    assert not check({**CERTIFICATES["I1"], "fact": data, "statement": statement(data), "cells": tree})[0]


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-40, 40), st.floats(), st.text(max_size=4), st.just([]), st.just({}), st.just(10**400)
)


@given(st.sampled_from(sorted(EVERY)), st.data(), scalars)
@settings(max_examples=300)
def test_any_broken_entry_gives_a_sentence(name, data, scalar):
    """Walks to a random place and puts something else there: never a traceback, and what still holds says what it says."""
    broken = copy.deepcopy(EVERY[name])
    inner = broken
    while True:
        key = data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
        if not isinstance(inner[key], list | dict) or not inner[key] or data.draw(st.booleans()):
            break
        inner = inner[key]
    inner[key] = scalar
    ok, reason = check(broken)
    assert isinstance(reason, str)
    assert reason
    assert not ok or statement(broken["fact"]) == EVERY[name]["statement"]


@pytest.mark.parametrize(
    "data",
    [None, 1, "text", [], {}, [CERTIFICATES["I1"]], {"schema": 1}, {"schema": "signescape/interval/1"}, {"schema": [{}]}],
)
def test_what_is_no_certificate_is_named(data):
    ok, reason = check(data)
    assert not ok
    assert reason.startswith("Not an interval certificate")


@pytest.mark.parametrize("depth", [100, 300, 5000])
def test_deep_nesting_is_a_reason(depth):
    term = SYMBOL
    tree, leaf = CERTIFICATES["I1"]["cells"], leaves(CERTIFICATES["I1"])[-1][1]
    for k in range(depth):
        term = ["sin", term]
        tree = {"cut": ["x", f"{k + 1}/{depth + 1}"], "below": tree, "above": leaf}
    deep = put(CERTIFICATES["I1"], ["fact", "conclusion", 1], term)
    assert not check(deep)[0]
    assert not check({**CERTIFICATES["I1"], "cells": tree})[0]


@pytest.mark.parametrize(
    "term",
    [
        ["pow", SYMBOL, 10**6],
        ["pow", 2, ["pow", 2, 64]],
        ["exp", ["exp", ["exp", ["exp", 1000]]]],
        ["sin", "9" * 3000],
        ["__import__", "os"],
        ["gamma", SYMBOL],
        ["apply", "u", SYMBOL],
        ["symbol", "y"],
        ["symbol", "x", "positive"],
        "1/3/4",
        "E5",
        0.5,
        float("nan"),
        {},
        ["sin"],
        ["sin", 1, 2],
        ["add"],
        [[]],
    ],
    ids=str,
)
def test_terms_that_are_none_or_too_large_are_rejected_at_once(term):
    start = time.process_time()
    forged = put(CERTIFICATES["I3"], ["fact", "conclusion", 1], term)
    assert not check(forged)[0]
    assert time.process_time() - start < 1


def test_folder_of_good_bad_cut_and_foreign_files(tmp_path):
    good = json.dumps(CERTIFICATES["I1"])
    files = {
        "a.json": good.encode(),
        "b.json": good[:-1].encode(),
        "c.json": b"\xff\xfe",
        "d.json": b"",
        "e.json": b'{"schema": "signescape/polynomial/1"}',
        "f.json": b"[" * 100_000,
        "g.json": b'{"schema": ' + b"9" * 5000 + b"}",
        "h.json": b" " * 2_000_000,
        "i.json": b"NaN",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "j.json").mkdir()
    (tmp_path / "readme.txt").write_text("not looked at")
    found = recheck_folder(tmp_path)
    assert [name for name, _, _ in found] == [*files, "j.json"]
    assert [name for name, ok, _ in found if ok] == ["a.json"]
    for _, _, reason in found:
        assert "Traceback" not in reason
        assert "\n" not in reason
        assert len(reason) < 200


def test_every_truncation_of_a_file_is_rejected(tmp_path):
    whole = json.dumps(CERTIFICATES["I4"])
    for k in range(0, len(whole), 7):
        (tmp_path / f"{k:04d}.json").write_text(whole[:k])
    found = recheck_folder(tmp_path)
    assert len(found) > 70
    assert not any(ok for _, ok, _ in found)


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="Not a folder"):
        recheck_folder(tmp_path / "none")
    assert recheck_folder(tmp_path) == []
