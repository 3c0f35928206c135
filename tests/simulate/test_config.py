"""Settings: each bad value gets one sentence that quotes it; given arrays; draws from counters."""

import numpy as np
import pytest

import simulate
from simulate import Config, as_config
from simulate.data import draw, trial_keys
from theory.algorithms import IMP, Algorithm, At, Rewind
from theory.criteria import Criterion
from theory.definitions import definition, written
from theory.records import plain, settings_hash

NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "value", "quoted"),
    [
        *[(name, 0, "0") for name in ("n", "d", "trials", "chunk", "workers", "eta", "t", "keep")],
        *[(name, NAN, "nan") for name in ("n", "d", "sigma", "eta", "t", "keep", "seed")],
        ("n", 2.5, "2.5"),
        ("n", "many", "many"),
        ("trials", True, "True"),
        ("sigma", -0.1, "-0.1"),
        ("eta", float("inf"), "inf"),
        ("t", 0.01, "0.01"),
        ("inputs", "cauchy", "cauchy"),
        ("init", "balancd", "balanced"),
        ("engine", "sgd", "sgd"),
        ("keep", 11, "11"),
        ("keep", 1.0, "1.0"),
        ("keep", (1, 0.5), r"\(1, 0.5\)"),
        ("levels", -1, "-1"),
        ("seed", -1, "-1"),
        ("algorithms", (), r"\(\)"),
        ("algorithms", ("IMP", "IMP"), "IMP"),
        ("algorithms", ("IPM",), "IPM"),
        ("algorithms", ("WR(epoch=2)",), "epoch=2"),
        ("algorithms", ("WR(time=1001)",), "time=1001"),
        ("algorithms", (Algorithm("late", criterion=Criterion("c", (At(20000),), abs)),), "step=20000"),
        ("definitions", {}, "IMP"),
        ("trails", 3, "trails"),
        ("w0", [[NAN, 1.0]], "nan"),
        ("a0", ["x"], "x"),
        ("a0", [[1.0]], r"\(1, 1\)"),
        ("X", [[1.0]], "together"),
    ],
)
def test_refuses_with_one_sentence(name, value, quoted):
    with pytest.raises(ValueError, match=quoted) as caught:
        as_config({name: value})
    assert str(caught.value).count(". ") <= 1


def test_refuses_what_the_population_lacks():
    with pytest.raises(ValueError, match="uniform"):
        Config(n=None, inputs="uniform", d=2)
    assert Config(n=float("inf"), inputs="uniform", d=1).n is None


def test_given_arrays_set_the_sizes_and_must_agree():
    config = Config(X=np.ones((7, 5, 3)), y=np.ones((7, 5)))
    assert (config.trials, config.n, config.d) == (7, 5, 3)
    with pytest.raises(ValueError, match="w0 has d = 2"):
        Config(X=np.ones((5, 3)), y=np.ones(5), w0=np.ones((4, 2)))
    assert Config(a0=[1.0, 2.0]).settings() != Config(a0=[1.0, 3.0]).settings()


def test_numpy_numbers_are_numbers():
    numpy = {"n": np.int64(9), "d": np.int32(2), "keep": (np.int64(1),), "seed": np.int64(3), "trials": np.uint8(2)}
    numpy |= {"levels": np.int64(1), "chunk": np.int64(1), "workers": np.int64(1), "t": np.float64(2), "eta": np.float64(0.5)}
    python = {name: (1,) if name == "keep" else value.item() for name, value in numpy.items()}
    config = Config(**numpy)
    assert {type(getattr(config, name)) for name in numpy} == {int, float, tuple}
    assert {type(x) for x in config.keep} == {int}
    assert settings_hash(config.settings()) == settings_hash(Config(**python).settings())
    assert simulate.trials(numpy).drop_attrs().identical(simulate.trials(python).drop_attrs())
    assert Config(t=10).settings() == Config(t=10.0).settings()
    with pytest.raises(ValueError, match="True"):
        Config(seed=np.bool_(True))


def scored(alpha, formula=None):
    return Algorithm("mine", criterion=Criterion("mine", ("init", "final"), formula or (lambda i, f: abs(i) + alpha * abs(f))))


def test_settings_hold_what_an_algorithm_is():
    settings = Config(algorithms=("IMP", scored(1.0))).settings()
    assert settings["algorithms"] == ("IMP", "mine")
    assert settings["definitions"]["IMP"] == written(IMP)
    assert as_config(plain(Config().settings())).settings() == Config().settings()
    edited = [Algorithm("mine", Rewind("final")), scored(2.0), scored(1.0, lambda i, f: abs(i) - 1.0 * abs(f))]
    assert definition(scored(1.0)) == definition(scored(1.0))
    assert len({str(definition(law)) for law in [scored(1.0), *edited]}) == 4
    stored = plain(Config(algorithms=(scored(1.0),)).settings())
    assert Config(**stored | {"algorithms": (scored(1.0),)}).definitions is None
    for law in edited:
        with pytest.raises(ValueError, match="'mine' is not what it was"):
            Config(**stored | {"algorithms": (law,)})


@pytest.mark.parametrize(
    "source",
    [
        "lambda i, f: sum(abs(x) for x in (i, f))",
        "lambda i, f, g=lambda x: x: g(f)",
        "(lambda g: lambda i, f: g(f))(lambda x: -x)",
        "lambda i, f, g=object(): f",
    ],
)
def test_a_definition_holds_no_address(source):
    laws = [scored(1.0, eval(source)) for _ in range(2)]
    assert definition(laws[0]) == definition(laws[1])


def test_a_digest_is_no_array():
    with pytest.raises(ValueError, match="a0; give the array"):
        as_config(plain(Config(a0=[1.0, 2.0]).settings()))


@pytest.mark.parametrize("settings", [{}, {"engine": "flow"}, {"engine": "flow", "n": None}, {"n": 10**6}, {"chunk": 7}])
def test_chunks_leave_work_for_sixteen_workers(settings):
    config = Config(**settings)
    for trials in (1, 100, 10**7):
        size = config.chunk_of(trials)
        assert 1 <= size <= max(16, -(-trials // 16))
        assert config.chunk in (None, size)
        assert size == 1 or size * (config.n or 1) * (config.d + 1) * 8 <= 2**25
    assert config.settings() == Config(**settings | {"chunk": 3, "workers": 2}).settings()


def test_amounts():
    assert Config(keep=3).laws[0].stays(np.array([10]), 1) == 3
    assert Config(keep=0.8, levels=2).laws[0].stays(np.array([8]), 2) == 6
    assert Config(keep=(5, 1), levels=2).laws[1].stays(np.array([5]), 2) == 1


def test_draws_depend_on_the_counters_alone():
    config = Config(n=20, d=3, sigma=0.2)
    all_, some = draw(config, trial_keys(config, np.arange(6))), draw(config, trial_keys(config, [4, 1]))
    for whole, part in zip(all_, some, strict=True):
        assert (whole[[4, 1]] == part).all()
    noisier = draw(config.but(sigma=0.4), trial_keys(config, np.arange(6)))
    teacher = np.maximum(all_.X[:, 0], 0)
    assert (noisier.X == all_.X).all()
    assert (noisier.w0 == all_.w0).all()
    np.testing.assert_allclose(noisier.y - teacher, 2 * (all_.y - teacher), atol=1e-14)
    assert (all_.X[:1] != draw(config, trial_keys(config.but(seed=1), [0])).X).any()


@pytest.mark.parametrize(("inputs", "variance"), [("gaussian", 1.0), ("uniform", 1 / 3)])
def test_law_of_the_inputs(inputs, variance):
    config = Config(n=20_000, d=2, inputs=inputs)
    X = draw(config, trial_keys(config, [0])).X[0]
    assert X.var() == pytest.approx(variance, rel=0.03)
    assert config.variance == variance
    assert (np.abs(X).max() <= 1) == (inputs == "uniform")
