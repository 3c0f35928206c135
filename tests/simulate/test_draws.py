"""Draws of many trials at once are NumPy's own of each, bit for bit, and NumPy's where the compiled ones are not the same."""

import dataclasses
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from simulate import Config, draws
from simulate.data import draw, trial_keys
from theory.initialisations import Balanced, Bounded, Gaussian, initialisation
from theory.streams import generator, key

LAWS = ("balanced", "bounded", "gaussian(sigma_a=0.5)", "balanced(sigma_w=2.0)")


def by_hand(config, keys):
    """a0, w0, X and y of each trial from a generator of its own."""
    law = initialisation(config.init)
    for one in keys:
        a, w = law.sample(generator(one, "init"), config.d, 1)
        source, shape = generator(one, "data"), (config.n, config.d)
        X = source.standard_normal(shape) if config.inputs == "gaussian" else source.uniform(-1, 1, shape)
        noise = generator(one, "noise").standard_normal(config.n)
        y = np.maximum(X[:, 0], 0)
        yield a[0], w[0], X.T, y + config.sigma * noise if config.sigma else y


def compiled():
    pytest.importorskip("numba")
    assert draws._compiled() is not None, "Numba is here, but its bits are not those of this NumPy."


def test_the_compiled_bits_are_numpys_far_into_the_tails():
    compiled()
    keys = key(np.arange(1500), "tails")
    found = draws.Streams(keys, "data").standard_normal((1500, 2, 200))
    assert np.array_equal(found, draws.Plain(keys, "data").standard_normal((1500, 2, 200)))
    assert (np.abs(found) > 3.6542).sum() > 50  # where the ziggurat's last layer ends
    assert kstest(found.ravel()[:20_000], "norm").pvalue > 1e-3


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4), st.lists(st.integers(1, 9), max_size=5), st.integers(1, 40))
def test_draws_go_on_where_the_last_one_ended(keys, sizes, last):
    """Words are computed in windows of four or more: any split leaves the same stream."""
    compiled()
    keys = np.array(keys, np.uint64)
    fast, slow = draws.Streams(keys, "x", 3), draws.Plain(keys, "x", 3)
    for i, size in enumerate([*sizes, last]):
        shape = (len(keys), size)
        assert np.array_equal(fast.standard_normal(shape), slow.standard_normal(shape))
        assert np.array_equal(fast.uniform(-i, i + 1, shape), slow.uniform(-i, i + 1, shape))
    assert np.array_equal(fast.integers(0, 2, keys.shape), slow.integers(0, 2, keys.shape))


def test_a_long_draw_needs_several_windows():
    compiled()
    keys, size = key(np.arange(3), "long"), 5 * draws.WINDOW + 3
    assert np.array_equal(
        draws.Streams(keys, "x").standard_normal((3, size)), draws.Plain(keys, "x").standard_normal((3, size))
    )


@pytest.mark.parametrize("kind", ["compiled", "plain"])
@pytest.mark.parametrize("init", LAWS)
@pytest.mark.parametrize(
    ("n", "d", "inputs"), [(7, 1, "uniform"), (20, 2, "gaussian"), (5, 17, "gaussian"), (3, 130, "uniform")]
)
def test_trials_are_those_of_their_own_generators(init, n, d, inputs, kind, monkeypatch):
    if kind == "compiled":
        compiled()
    else:
        monkeypatch.setattr(draws, "_compiled", lambda: None)
    config = Config(n=n, d=d, inputs=inputs, init=init, sigma=0.3)
    keys = trial_keys(config, np.arange(25))
    batch = draw(config, keys)
    for i, (a, w, X, y) in enumerate(by_hand(config, keys)):
        assert (batch.a0[i], batch.w0[i].tolist()) == (a, w.tolist())
        assert np.array_equal(batch.X[i], X)
        assert np.array_equal(batch.y[i], y)


@pytest.mark.parametrize("law", [Balanced(), Bounded(), Gaussian()])
def test_an_outer_weight_may_follow_a_given_norm(law):
    compiled()
    keys, norm = key(np.arange(50), "given"), np.linspace(0.1, 2, 50)
    alone = [law.outer(generator(one, "outer"), norm[[i]])[0] for i, one in enumerate(keys)]
    assert draws.outer(law, keys, norm).tolist() == alone


@dataclasses.dataclass(frozen=True)
class Centred(Balanced):
    """A law that looks at all the trials it is asked for, so that only one at a time gives what it gave before."""

    name = "centred"

    def outer(self, generator, norm):
        return norm - norm.mean() + generator.integers(0, 5, norm.shape)


def test_a_law_of_ones_own_is_asked_trial_by_trial():
    keys = key(np.arange(20), "own")
    a, w = draws.initial(Centred(), keys, 3)
    for i, one in enumerate(keys):
        alone = Centred().sample(generator(one, "init"), 3, 1)
        assert (a[i], w[i].tolist()) == (alone[0][0], alone[1][0].tolist())


@pytest.mark.parametrize("wrong", ["normals", "signs", "uniforms"])
def test_other_bits_are_not_used(wrong, monkeypatch):
    """As with a NumPy whose stream or a libm whose logarithm is another: negative control of the check."""
    compiled()
    from simulate import draws_kernel

    real = getattr(draws_kernel, wrong)

    def one_off(keys, used, *rest):
        real(keys, used, *rest)
        out = next(array for array in rest if getattr(array, "dtype", None) != np.uint64 and np.ndim(array))
        out[-1] = np.nextafter(out[-1], 9) if out.dtype == float else 1 - out[-1]

    assert draws._same_bits(draws_kernel)
    monkeypatch.setattr(draws_kernel, wrong, one_off)
    assert not draws._same_bits(draws_kernel)
    draws._compiled.cache_clear()
    try:
        assert isinstance(draws.streams(np.arange(2000, dtype=np.uint64), "x"), draws.Plain)
    finally:
        draws._compiled.cache_clear()


def test_without_numba_numpy_is_asked(monkeypatch):
    draws._compiled.cache_clear()
    for name in ("numba", "numba.extending", "simulate.draws_kernel"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("simulate.draws_kernel", raising=False)
    try:
        assert isinstance(draws.streams(np.arange(2000, dtype=np.uint64), "x"), draws.Plain)
    finally:
        draws._compiled.cache_clear()


def test_whole_numbers_are_signs_alone():
    compiled()
    with pytest.raises(NotImplementedError, match="0, 5"):
        draws.Streams(np.arange(3, dtype=np.uint64), "x").integers(0, 5, (3,))
