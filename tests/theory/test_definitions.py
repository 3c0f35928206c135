"""Algorithms as names, as stored definitions and back: any options, the same object; what was stored before stays valid."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep.definitions import restored, stored
from theory.algorithms import WR, Algorithm, At, Rewind
from theory.criteria import CRITERIA, Criterion
from theory.definitions import definition, written
from theory.names import ALGORITHMS, OPTIONS, algorithm
from theory.records import to_json
from theory.redraws import REDRAWN
from theory.rewinds import CHOICES, SOURCES

MOMENTS = st.one_of(
    st.integers(1, 10**7).map(At),
    st.floats(0.001, 1e6).map(lambda x: At(x, "epoch")),
    st.floats(0.001, 1e6).map(lambda x: At(x, "time")),
)
SHARES = st.one_of(st.floats(0, 1), st.sampled_from([0, 1, 0.3]))
AMOUNTS = {
    "fraction": st.one_of(SHARES, st.lists(SHARES, min_size=1, max_size=3).map(tuple)),
    "count": st.one_of(st.integers(1, 99), st.lists(st.integers(1, 99), min_size=1, max_size=3).map(tuple)),
}
OF_REWIND = {
    **{name: st.one_of(st.sampled_from(allowed), MOMENTS) for name, allowed in SOURCES.items()},
    **{name: st.sampled_from(allowed) for name, allowed in CHOICES.items()},
    "flip": SHARES,
    "flip_every": MOMENTS,
}
OF_ALGORITHM = {
    "criterion": st.sampled_from(list(CRITERIA)),
    "scope": st.sampled_from(["global", "layer", "erk", "balanced"]),
    "prunings": st.integers(0, 9),
    "masks": st.sampled_from(["scored", "donor"]),
    **AMOUNTS,
}


@st.composite
def options(draw):
    """Options that go together, in any order."""
    names = draw(st.lists(st.sampled_from(OPTIONS), unique=True))
    chosen = {name: draw((OF_REWIND | OF_ALGORITHM)[name]) for name in names}
    if {"fraction", "count"} <= chosen.keys():
        del chosen["count"]
    if chosen.get("signs") == "fixed":
        chosen.pop("flip_every", None)
    if chosen.get("magnitude") in (*REDRAWN, "donor"):
        chosen = {k: v for k, v in chosen.items() if v not in ("restore", "replay")}
    return chosen


def law_of(base, chosen):
    rewind = {k: v for k, v in chosen.items() if k in OF_REWIND}
    own = {k: v for k, v in chosen.items() if k in OF_ALGORITHM}
    return Algorithm(**vars(base) | {"name": "x", "rewind": Rewind(**vars(base.rewind) | rewind)} | own)


def unnamed(law):
    return {**vars(law), "name": ""}


BASES = st.sampled_from([*ALGORITHMS.values(), WR(step=500), WR(time=3.2), Algorithm("one-shot", prunings=1)])


def test_every_field_is_an_option():
    assert set(OPTIONS) == set(OF_REWIND) | set(OF_ALGORITHM)
    assert set(OPTIONS) == {f.name for kind in (Rewind, Algorithm) for f in fields(kind)} - {"name", "rewind"}


@given(BASES, options())
def test_names_read_back(base, chosen):
    """Name → object → name, options in a fixed order, whatever order they come in."""
    if base.name == "one-shot":
        chosen.pop("prunings", None)
    if base.rewind.magnitude == "init" and "magnitude" in chosen and chosen["magnitude"] in REDRAWN:
        chosen.pop("optimiser", None)
    expected = law_of(base, chosen)
    texts = {k: str(v) if isinstance(v, At) else v for k, v in chosen.items()}
    head, _, inside = base.name.rstrip(")").partition("(")
    spec = f"{head}({', '.join([inside] * bool(inside) + [f'{k}={v!r}' for k, v in texts.items()])})"
    found = algorithm(spec)
    assert unnamed(found) == unnamed(expected)
    assert algorithm(found.name) == found
    backwards = algorithm(f"{head}({', '.join([f'{k}={v!r}' for k, v in [*texts.items()][::-1]] + [inside] * bool(inside))})")
    assert backwards == found
    assert stored(found) == found.name


@given(BASES, options())
def test_definitions_read_back(base, chosen):
    law = law_of(base, chosen)
    assert restored(stored(law)) == law
    assert restored(definition(law)) == law
    assert to_json(definition(law)) == to_json(definition(restored(definition(law))))


@given(BASES, options(), options())
def test_algorithms_that_differ_have_definitions_that_differ(base, chosen, other):
    one, two = law_of(base, chosen), law_of(base, other)
    assert (to_json(definition(one)) == to_json(definition(two))) == (one == two) or one == two  # 0 and 0.0 are equal


def test_a_definition_of_before_the_newer_fields_is_still_the_same():
    assert definition(algorithm("WR(step=500)")) == {
        "name": "WR(step=500)",
        "rewind": {
            **{name: {"value": 500, "unit": "step"} for name in ("magnitude", "sign", "rest", "norm")},
            "optimiser": "fresh",
            "schedule": "restart",
        },
        "criterion": "large_final",
        "scope": "global",
        "fraction": None,
        "count": None,
        "prunings": None,
    }
    law = algorithm("LRR(flip=0.3, flip_every='epoch=30', signs='free')")
    assert written(law)["rewind"]["flip_every"] == {"value": 30, "unit": "epoch"}
    assert written(law)["rewind"].keys() - written(algorithm("LRR"))["rewind"].keys() == {"flip", "flip_every"}


def test_a_formula_of_ones_own_is_told_by_its_digest():
    laws = [
        Algorithm("x", Rewind(flip=0.5), Criterion("own", ("final",), f), masks=m)
        for f in (abs, lambda w: -w)
        for m in ("scored", "donor")
    ]
    assert len({to_json(definition(law)) for law in laws}) == 4


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        ("LRR(norm='init')", Algorithm("", Rewind("final", "final", "final", "init"))),
        ("IMP(scope='layer', criterion='movement', fraction=0.5)", Algorithm("", Rewind(), "movement", "layer", 0.5)),
        ("random(scope='erk')", Algorithm("", criterion="random", scope="erk")),
        ("LRR(flip=0.3, flip_every='epoch=30')",
         Algorithm("", Rewind("final", "final", "final", "final", flip=0.3, flip_every=At(30, "epoch")))),
        ("WR(step=500, optimiser='restore')", Algorithm("", Rewind(*[At(500)] * 4, optimiser="restore"))),
        ("IMP(fraction=0.9, prunings=1)", Algorithm("", fraction=0.9, prunings=1)),
        ("one-shot(fraction=0.9)", Algorithm("", fraction=0.9, prunings=1)),
        ("one-shot(fraction=0.9, magnitude='final', sign='final', rest='final', norm='final')",
         Algorithm("", Rewind("final", "final", "final", "final"), fraction=0.9, prunings=1)),
        ("IMP(magnitude='step=500', count=[7, 3])", Algorithm("", Rewind(At(500)), count=(7, 3))),
        ("IMP()", Algorithm("")),
        (" fine-tuning ( scope = 'balanced' ) ",
         Algorithm("", Rewind("final", "final", "final", "final", schedule="hold"), scope="balanced")),
    ],
)  # fmt: skip
def test_options_by_name(spec, same):
    assert unnamed(algorithm(spec)) == unnamed(same)


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ("LRR(size=3)", "size=3"),
        ("LRR(name='x')", "name='x'"),
        ("LRR(rewind=1)", "rewind=1"),
        ("IMP(sign=3)", "sign=3"),
        ("IMP(sign='learned')", "'learned'"),
        ("IMP(magnitude='step=1.5')", "1.5"),
        ("LRR(flip=2)", "not at 2"),
        ("LRR(flip_every='hour=3')", "'hour'"),
        ("LRR(flip_every='epoch=x')", "'epoch=x'"),
        ("LRR(flip_every=30)", "30"),
        ("LRR(flip=1e999)", "inf"),
        ("IMP(criterion={})", r"\{\}"),
        ("IMP(criterion=None)", "None"),
        ("IMP(scope='Global')", "'Global'"),
        ("IMP(count={1: 2})", r"\{1: 2\}"),
        ("IMP(count=2, fraction=0.5)", "0.5 and 2"),
        ("IMP(masks='mine')", "'mine'"),
        ("one-shot(prunings=3)", "prunings=3"),
        ("WR(scope='layer')", "needs one moment"),
        ("WR(step=3, size=1)", "'size': 1"),
        ("lrr(norm='init')", "Did you mean 'LRR'"),
        ("IMP(flip=1, flip=0)", "Unknown algorithm"),
        ("IMP(**{'flip': 1})", "None"),
        ("IMP(scope='a:b')", "'a:b'"),
        ("IMP(0.5)", "Unknown algorithm"),
    ],
)
def test_bad_options_get_one_sentence(spec, shown):
    with pytest.raises(ValueError, match=shown) as error:
        algorithm(spec)
    assert "\n" not in str(error.value)
    assert len(ALGORITHMS) == 7
