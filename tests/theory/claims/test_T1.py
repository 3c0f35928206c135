"""T1: a² − ‖w‖² is constant along the gradient flow, for any data and any differentiable loss; and where it is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 1e-6, -1e6]), st.floats(-3, 3).map(lambda v: round(v, 3)))
SCALES = st.sampled_from([1e-6, 1e-3, 1.0, 1e3, 1e6])


@st.composite
def problems(draw):
    """A neuron, its data, and the derivative of a loss by the output: any numbers at all."""
    d, n = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    scale = draw(SCALES)
    a, w = scale * draw(VALUES), scale * np.array(draw(st.lists(VALUES, min_size=d, max_size=d)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(-2, 3, (n, d)) if draw(st.booleans()) else rng.normal(size=(n, d))  # integers put samples on the kink
    return a, w, x.astype(float), draw(SCALES) * rng.normal(size=n), draw(st.sampled_from([0.0, 0.5, 1.0]))


def velocity(a, w, x, by_output, at_kink):
    """−∇ of Σ ℓ(a φ(w·x)): by definition, with φ'(0) = ``at_kink``."""
    z = x @ w
    slope = np.where(z > 0, 1.0, np.where(z < 0, 0.0, at_kink))
    return -(by_output * np.maximum(z, 0)).sum(), -(by_output * a * slope) @ x


def drift(problem, sign=-1.0, decay=0.0, bias=0.0, frozen=0.0):
    """(d/dt (a² + sign ‖w‖²), size of its terms); ``frozen``: a pruned weight that still acts on the output."""
    a, w, x, by_output, at_kink = problem
    if frozen or bias:
        extra = frozen * x[:, :1] if frozen else np.full((len(x), 1), bias)
        by_a, by_w = velocity(a, np.append(w, 1.0), np.hstack([x, extra]), by_output, at_kink)
        by_w = by_w[:-1]
    else:
        by_a, by_w = velocity(a, w, x, by_output, at_kink)
    by_a, by_w = by_a - decay * a, by_w - decay * w
    size = np.abs(by_output) @ np.abs(x) @ np.abs(w) * abs(a)
    return 2 * a * by_a + sign * 2 * w @ by_w, size


def conserved(problem, **changes):
    rate, size = drift(problem, **changes)
    return abs(rate) <= 1e-12 * size


@given(problems())
def test_the_velocity_is_orthogonal_to_the_gradient_of_c(problem):
    assert conserved(problem)


@given(problems(), st.floats(-1, 1))
def test_the_output_has_the_symmetry_behind_it(problem, t):
    """(a, w) → (a eᵗ, w e⁻ᵗ) changes no output, so no loss."""
    a, w, x, _, _ = problem
    before, after = (u * np.maximum(x @ v, 0) for u, v in ((a, w), (a * np.exp(t), w * np.exp(-t))))
    assert np.allclose(before, after, rtol=1e-12, atol=1e-13 * np.abs(x).max() * np.abs(w).sum() * abs(a))


@pytest.mark.parametrize(
    "change",
    [{"sign": 1.0}, {"decay": 0.1}, {"bias": 0.7}, {"frozen": 0.5}],
    ids=["a² + ‖w‖²", "weight decay", "bias", "frozen ≠ 0"],
)
def test_false_variants_are_falsified(truth, change):
    assert truth.counterexample(problems(), lambda problem: conserved(problem, **change)) is not None


def test_with_a_smooth_activation_it_is_false(truth):
    """Negative control: tanh is not homogeneous."""

    def holds(problem):
        a, w, x, by_output, _ = problem
        z = x @ w
        rate = -(by_output * (a * np.tanh(z) - a * z / np.cosh(np.minimum(np.abs(z), 300)) ** 2)).sum()
        return abs(rate) <= 1e-12 * (np.abs(by_output) @ np.abs(z)) * abs(a)

    assert truth.counterexample(problems(), holds) is not None


@st.composite
def small_problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d, n = draw(st.integers(1, 3)), draw(st.integers(2, 5))
    return rng.normal(size=1 + d), rng.normal(size=(n, d)), rng.normal(size=n), draw(st.sampled_from(["square", "logistic"]))


def path(problem, decay=0.0, friction=None, step=1e-3, steps=300):
    """(change of c, Σ η |velocity|²) of the flow of a finite sample through its kinks, by Euler steps; or of its relatives."""
    v, x, y, loss = problem

    def force(v):
        z = x @ v[1:]
        f = v[0] * np.maximum(z, 0)
        by_output = (f - y if loss == "square" else -y / (1 + np.exp(np.clip(y * f, -50, 50)))) / len(y)
        return np.array([-(by_output * np.maximum(z, 0)).sum(), *(-(by_output * v[0] * (z > 0)) @ x)]) - decay * v

    first, speed, action = v[0] ** 2 - v[1:] @ v[1:], 0 * v, 0.0
    for _ in range(steps):
        speed = force(v) if friction is None else speed + step * (force(v) - friction * speed)
        v, action = v + step * speed, action + step * speed @ speed
    return v[0] ** 2 - v[1:] @ v[1:] - first, action


def keeps(problem, **changes):
    """Each Euler step changes c by η²(ȧ² − ‖ẇ‖²) and no more, so nothing is left as η → 0."""
    change, action = path(problem, **changes)
    return abs(change) <= 1.01e-3 * action + 1e-12


@given(small_problems())
def test_the_integrated_flow_keeps_c(problem):
    assert keeps(problem)


@pytest.mark.parametrize("change", [{"decay": 0.1}, {"friction": 1.0}, {"step": 0.1, "steps": 20}], ids=str)
def test_other_dynamics_do_not(truth, change):
    """Weight decay, momentum, gradient descent."""
    assert truth.counterexample(small_problems(), lambda p: keeps(p, **change)) is not None


@given(problems())
def test_pruned_weights_at_zero_keep_the_c_of_the_mask(problem):
    """Masked with zeros the neuron is a smaller one, with its own c_S = a² − ‖w|_S‖²."""
    a, w, x, by_output, at_kink = problem
    kept = np.arange(len(w)) % 2 == 0
    by_a, by_w = velocity(a, w * kept, x, by_output, at_kink)
    size = np.abs(by_output) @ np.abs(x) @ np.abs(w) * abs(a)
    assert abs(2 * a * by_a - 2 * (w * kept) @ (by_w * kept)) <= 1e-12 * size
