"""Settings: each bad value gets one sentence that quotes it; given arrays; draws from counters."""

import numpy as np
import pytest

from simulate import Config, as_config
from simulate.data import draw, trial_keys

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
        ("engine", "flow", "n=500"),
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
