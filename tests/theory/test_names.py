"""Algorithms and initialisations by name: what is understood, and one sentence for what is not."""

import sys
from types import ModuleType

import pytest

import theory
from theory.algorithms import WR, Algorithm, At
from theory.names import ALGORITHMS, algorithm, parse_call

OWN = Algorithm("own", criterion="movement")


@pytest.fixture
def own_module(monkeypatch):
    module = ModuleType("own_algorithms")
    module.OWN, module.NUMBER = OWN, 3
    monkeypatch.setitem(sys.modules, "own_algorithms", module)


def test_every_named_algorithm_is_found_by_its_name():
    assert all(algorithm(name) is found and found.name == name for name, found in ALGORITHMS.items())
    assert {"IMP", "LRR", "dense", "random", "fine-tuning", "learned-signs", "initial-signs"} <= set(ALGORITHMS)
    assert algorithm(OWN) is OWN


@pytest.mark.parametrize(
    ("spec", "at"),
    [("WR(step=500)", At(500)), ("WR(epoch=2)", At(2, "epoch")), (" WR( time = 3.2 ) ", At(3.2, "time"))],
)
def test_weight_rewinding_by_name(spec, at):
    assert algorithm(spec) == WR(at)
    assert algorithm(WR(at).name) == WR(at)


@pytest.mark.usefixtures("own_module")
def test_an_algorithm_from_outside():
    assert algorithm("own_algorithms:OWN") is OWN


@pytest.mark.usefixtures("own_module")
@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("lrr", "Did you mean 'LRR'"),
        ("fine-tunning", "Did you mean 'fine-tuning'"),
        ("WR(3)", "known are IMP"),
        ("WR", "needs one moment"),
        ("WR(hours=3)", "'hours'"),
        ("WR(time=-1)", "-1"),
        ("WR(time='a')", "'a'"),
        ("WR(step=1e999)", "inf"),
        ("WR(time=later)", "'WR\\(time=later\\)'"),
        ("", "known are"),
        ("no_such_module:X", "can't be imported"),
        ("own_algorithms:NOTHING", "can't be imported"),
        (".relative:X", "can't be imported"),
        (":X", "can't be imported"),
        ("own_algorithms:NUMBER", "is a int"),
        (7, "not 7"),
        (None, "not None"),
    ],
)
def test_what_is_not_understood_gets_one_sentence(spec, hint):
    with pytest.raises(ValueError, match=hint) as error:
        algorithm(spec)
    assert "\n" not in str(error.value)


def test_options_are_literals_never_code():
    assert parse_call("f(x=__import__('os'))") == ("f(x=__import__('os'))", {})
    assert parse_call("f(x=(1, 'a'), y=-2.5)") == ("f", {"x": (1, "a"), "y": -2.5})


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("gausian", "Did you mean 'gaussian'"),
        ("balanced(sigma_a=1)", "'balanced' does not take"),
        ("gaussian(sigma_a=-1)", "sigma_a is a positive number, not -1"),
        ("gaussian(sigma_w='x')", "sigma_w is a positive number, not 'x'"),
        ("gaussian(sigma_w=1e999)", "not inf"),
        (3, "not 3"),
    ],
)
def test_initialisations_too(spec, hint):
    with pytest.raises(ValueError, match=hint):
        theory.initialisation(spec)


@pytest.mark.parametrize("spec", ["balanced", "bounded(sigma_w=2.0)", "gaussian", "gaussian(sigma_w=None, sigma_a=0.5)"])
def test_the_spec_of_an_initialisation_reads_back(spec):
    found = theory.initialisation(spec)
    assert found.spec == spec
    assert theory.initialisation(found.spec) == found
