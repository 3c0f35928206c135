"""T14: on any data, a0 ≤ −‖w0‖ has a ≤ 0 for ever; the empirical flow integrated on random data."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

VALUES = st.floats(-2, 2).map(lambda v: round(v, 3))


@st.composite
def problems(draw, low=1.0, high=3.0):
    """(a, w, x, y): a0 = −s‖w0‖ with low ≤ s ≤ high; Gaussian data or a small grid, labels of any kind."""
    d, n = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    w = np.array(draw(st.lists(VALUES, min_size=d, max_size=d)))
    assume(np.linalg.norm(w) > 0.05)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(-2, 3, (n, d)).astype(float) if draw(st.booleans()) else rng.normal(size=(n, d))
    y = np.maximum(x[:, 0], 0) + draw(st.sampled_from([0.0, 0.3, 3.0])) * rng.normal(size=n)
    return -draw(st.floats(low, high)) * np.linalg.norm(w), w, x, y


def descend(problem, step=0.02, steps=400):
    """a along the flow, by steps that keep a² − ‖w‖² = c exactly: (a, ŵ‖w‖) turns by the hyperbolic angle ∫ k dt.

    The step is shortened where residuals are large; w moves in direction first, in length by conservation.
    """
    a, w, x, y = problem
    c, trace = a * a - w @ w, [a]
    for _ in range(steps):
        z = np.maximum(x @ w, 0)
        residual = a * z - y
        active = (x @ w > 0).astype(float)
        by_w = -a * (residual * active) @ x / len(y)
        by_a = -(residual @ z) / len(y)
        h = step / (1 + np.abs(by_w).max() + abs(by_a) + np.abs(x).max() ** 2 * (a * a + w @ w))
        moved = w + h * by_w
        outer = a + h * by_a
        size = np.sqrt(max(outer * outer - c, 0.0))
        length = np.linalg.norm(moved)
        a, w = outer, moved * (size / length) if length > 0 else moved
        trace.append(a)
    return np.array(trace), w


@given(problems())
def test_a_never_becomes_positive(problem):
    trace, w = descend(problem)
    assert trace.max() <= 0
    assert not (w[0] > 0 and trace[-1] * w[0] > 0)


@given(problems(), st.integers(0, 2**32 - 1))
def test_the_rate_of_a_is_bounded_by_the_length_of_w(problem, seed):
    """|ȧ| ≤ K‖w‖, at any point and whatever the labels."""
    a, w, x, y = problem
    w = w * np.random.default_rng(seed).normal(size=w.shape)
    residual = a * np.maximum(x @ w, 0) - y
    rate = (residual * np.maximum(x @ w, 0)).mean()
    assert abs(rate) <= (np.abs(residual) * np.linalg.norm(x, axis=1)).mean() * np.linalg.norm(w) * (1 + 1e-12)


@given(problems())
def test_noise_free_it_is_never_better_than_nothing(problem):
    a, w, x, _ = problem
    y = np.maximum(x[:, 0], 0)
    trace, w = descend((a, w, x, y), steps=100)
    output = trace[-1] * np.maximum(x @ w, 0)
    assert ((output - y) ** 2).sum() >= (y**2).sum()


def test_false_variants_are_falsified(truth):
    for low, high in ((0.3, 0.6), (0.0, 0.1)):
        assert truth.counterexample(problems(low, high), lambda p: descend(p)[0].max() <= 0, tries=300) is not None
