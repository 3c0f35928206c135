"""T5: the closed forms against numerical integration over the densities and against Monte Carlo of ``learns``."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi, norm

from theory.algorithms import WR, Algorithm, At, Rewind
from theory.criteria import Criterion, small_init_small_final
from theory.exact import learns
from theory.initialisations import Balanced, Bounded, Gaussian, initialisation
from theory.parts import restart_probability
from theory.probability import mean_cosine, success_probability
from theory.times import escape_angle, sign_escape_time

DIMENSIONS = [1, 2, 3, 10, 100]
LAWS = [Balanced(), Bounded(), Gaussian(), Gaussian(sigma_a=0.3), Gaussian(sigma_w=0.5, sigma_a=2.0), Gaussian(sigma_w=None)]
CLOSED = ["IMP", "LRR", "dense", "fine-tuning", "learned-signs", "initial-signs", "random"]


def integral(f, low, high, points=()):
    edges = [low, *points, high]
    return sum(quad(f, x, y, epsabs=1e-13, epsrel=1e-12, limit=300)[0] for x, y in itertools.pairwise(edges))


def above(law, d, m, r):
    """P(a0 > −m | ‖w0‖ = r), 0 ≤ m ≤ r."""
    if isinstance(law, Balanced):
        return 0.5
    if isinstance(law, Bounded):
        return (1 + m / r) / 2
    return norm.cdf(m / law.sigma_a)


def width(law, d):
    return 1 / np.sqrt(d) if law.sigma_w is None else law.sigma_w


def dense(law, d):
    """P(a0 > −‖w0‖), ‖w0‖ = σ_w χ_d."""
    centre = np.sqrt(d)
    span = max(0.0, centre - 12), centre + 12
    return integral(lambda r: chi.pdf(r, d) * above(law, d, width(law, d) * r, width(law, d) * r), *span, [centre])


def sparse(law, d):
    """P(w_1 > 0, a0 > −w_1): over w_1 (Gaussian a0), or over the polar angle of w0."""
    if isinstance(law, Gaussian):
        return integral(lambda x: norm.pdf(x) * above(law, d, width(law, d) * x, np.inf), 0, 40, [1, 5])
    if d == 1:
        return above(law, d, 1, 1) / 2
    total = integral(lambda u: np.sin(u) ** (d - 2), 0, np.pi, [np.pi / 2])
    return integral(lambda u: np.sin(u) ** (d - 2) * above(law, d, np.cos(u), 1), 0, np.pi / 2) / total


def numerical(name, law, d):
    if d == 1:
        return sparse(law, d)
    p_dense, p_sparse = dense(law, d), sparse(law, d)
    return {
        "IMP": p_sparse,
        "random": p_sparse / d,
        "learned-signs": 2 * p_sparse,
        "initial-signs": p_dense / 2,
    }.get(name, p_dense)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.spec)
@pytest.mark.parametrize("d", DIMENSIONS)
def test_equals_numerical_integration(law, d):
    for name in CLOSED:
        assert success_probability(name, law, d) == pytest.approx(numerical(name, law, d), abs=1e-9), name


@pytest.mark.parametrize("d", [2, 3, 10, 100])
@pytest.mark.parametrize("t", [0.1, 1.0, 5.0, 50.0])
def test_weight_rewinding_of_balanced_starts(d, t):
    """½ P(t*(θ0) < t) over the density sin^{d−2} θ0."""
    edge = float(escape_angle(t))
    assert sign_escape_time(edge) == pytest.approx(t, rel=1e-9)
    total = integral(lambda u: np.sin(u) ** (d - 2), 0, np.pi, [np.pi / 2])
    share = integral(lambda u: np.sin(u) ** (d - 2), 0, edge, [np.pi / 2]) / total
    assert success_probability(WR(time=t), "balanced", d) == pytest.approx(share / 2, abs=1e-9)


def agrees(algorithm, law, d, trials=40_000, p=None, **options):
    """Within five standard errors."""
    a0, w0 = law.sample(np.random.default_rng(d), d, trials)
    hits = learns(algorithm, a0, w0, **options).mean()
    p = success_probability(algorithm, law, d) if p is None else p
    return abs(hits - p) <= 5 * np.sqrt(p * (1 - p) / trials)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.spec)
@pytest.mark.parametrize("d", [1, 2, 10])
def test_equals_monte_carlo(law, d):
    for name in CLOSED:
        options = {}
        if name == "random":
            options = {"mask": np.eye(d, dtype=bool)[np.random.default_rng(1).integers(0, d, 40_000)]}
        assert agrees(name, law, d, **options), name


def test_monte_carlo_would_notice_a_false_value():
    assert not agrees("IMP", Bounded(), 10, p=0.25)
    assert not agrees("LRR", Gaussian(), 2, p=1.0 - 1e-3)


@pytest.mark.parametrize("d", [2, 10])
def test_weight_rewinding_equals_monte_carlo(d):
    assert agrees(WR(time=1.0), Balanced(), d, trials=3000)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.spec)
@pytest.mark.parametrize("name", ["IMP", "LRR", "dense", "random"])
@pytest.mark.parametrize("d", [1, 4])
def test_label_noise_frees_half_of_what_is_stuck(law, name, d):
    """n → ∞: β₋ is a positive or a negative number near zero with equal probability."""
    rng, trials = np.random.default_rng(7), 40_000
    a0, w0 = law.sample(rng, d, trials)
    minus = 1e-6 * rng.choice([-1.0, 1.0], trials)
    mask = np.eye(d, dtype=bool)[rng.integers(0, d, trials)] if name == "random" else None
    hits = learns(name, a0, w0, branches=(0.5, 1.0, 0.5, minus), mask=mask).mean()
    p = success_probability(name, law, d, noise=True)
    assert abs(hits - p) <= 5 * np.sqrt(p * (1 - p) / trials)


def test_the_values_of_the_papers():
    assert [float(success_probability(n, "balanced", 10)) for n in ("IMP", "LRR")] == [0.25, 0.5]
    assert float(success_probability("IMP", "gaussian", 7)) == 0.375
    assert float(success_probability("IMP", "balanced", 7, noise=True)) == 0.375
    assert float(success_probability("IMP", "balanced", 1, noise=True)) == 0.25  # a0 + w0 = 0 on the stuck quadrant
    assert float(success_probability("IMP", "gaussian", 7, noise=True)) == 7 / 16
    assert float(success_probability("IMP", "bounded", 2)) == pytest.approx((1 + 2 / np.pi) / 4, rel=1e-14)


def test_limits():
    small, large = Gaussian(sigma_a=1e-9), Gaussian(sigma_a=1e9)
    assert np.allclose(success_probability("LRR", small, [2, 10]), 1)
    assert np.allclose(success_probability("LRR", large, [2, 10]), 0.5)
    assert np.allclose(success_probability("IMP", small, [2, 10]), 0.5)
    assert np.allclose(success_probability("IMP", large, [2, 10]), 0.25)
    assert success_probability("LRR", "gaussian", 400) == pytest.approx(1, abs=1e-15)
    assert success_probability("IMP", "bounded", 10**6) == pytest.approx(0.25, abs=1e-3)
    times = [0.0, 0.5, 2.0, 10.0, 1e6]
    rates = [float(success_probability(WR(time=t), "balanced", 5)) for t in times]
    assert rates[0] == 0.25
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.5, abs=1e-9)


def test_arrays_and_shapes():
    d = np.array([[1, 2], [3, 10]])
    found = success_probability("LRR", "gaussian", d)
    assert found.shape == (2, 2)
    assert found[1, 0] == success_probability("LRR", "gaussian", 3)
    assert np.isscalar(success_probability("IMP", "bounded", 3))
    assert mean_cosine([1, 2, 3]) == pytest.approx([1, 2 / np.pi, 0.5])


@pytest.mark.parametrize(
    ("algorithm", "init", "d", "shown"),
    [
        ("IMP", "balanced", 2.5, "not 2.5"),
        ("IMP", "balanced", 0, "not 0"),
        ("IMP", "balanced", [2, -1], r"\[2, -1\]"),
        ("IMP", "uniform", 2, "Unknown initialisation 'uniform'"),
        ("IPM", "balanced", 2, "Unknown algorithm 'IPM'"),
        ("WR(time=1)", "gaussian", 2, "balanced starts only"),
        ("WR(step=1)", "balanced", 2, "units of step"),
        (Algorithm("m", criterion=Criterion("own", ("init",), abs)), "balanced", 2, "'own'"),
        (Algorithm("m", criterion=small_init_small_final(2.0)), "balanced", 2, r"'small_init_small_final\(2\)'"),
        (Algorithm("m", Rewind("reinit"), "movement"), "gaussian", 2, "simulation only"),
        (Algorithm("f", fraction=0.5), "balanced", 2, "'f' with its own amount"),
        (Algorithm("r", Rewind("final", "final", "init")), "balanced", [1, 2], "'r' is known for d ≥ 2 inputs, not for 1"),
        (Algorithm("r", Rewind(At(1), "final", "init")), "balanced", 2, "At, final, init"),
    ],
)
def test_no_closed_form_no_number(algorithm, init, d, shown):
    with pytest.raises(ValueError, match=shown):
        success_probability(algorithm, init, d)


def test_no_closed_form_with_noise():
    with pytest.raises(ValueError, match="with label noise"):
        success_probability("learned-signs", "balanced", 3, noise=True)
    with pytest.raises(ValueError, match="criterion 'movement'"):
        success_probability("restart(criterion='movement')", "balanced", 3, noise=True)


def test_every_criterion_and_every_restart_has_an_answer():
    """Those of theory.parts, in any shape of d; with one input no criterion has a choice."""
    movement = Algorithm("m", criterion="movement")
    found = success_probability(movement, "balanced", np.array([[1, 2], [10, 2]]))
    expected = restart_probability("movement", Rewind(), Balanced(), 2).value
    assert found[0, 0] == success_probability("IMP", "balanced", 1)
    assert found[0, 1] == found[1, 1] == expected != found[1, 0]
    assert np.isscalar(success_probability(movement, "balanced", 2))
    free = success_probability("restart(rest='final')", "balanced", 5)  # the learned a rescues starts outside the basin
    assert free == 0.5
    assert agrees("restart(rest='final')", Gaussian(sigma_a=3.0), 3)
    assert agrees("restart(rest='final')", Balanced(), 3)
    assert not agrees("restart(rest='final')", Balanced(), 3, p=0.25)


def test_samples_follow_their_law():
    for spec in ("balanced", "bounded", "gaussian(sigma_w=0.5, sigma_a=2.0)"):
        law = initialisation(spec)
        a0, w0 = law.sample(np.random.default_rng(0), 4, 100_000)
        assert w0.std() == pytest.approx(0.5, rel=0.01)
        share = a0 / np.linalg.norm(w0, axis=-1)
        if spec == "balanced":
            assert np.allclose(np.abs(share), 1)
            assert abs(share.mean()) < 0.02
        elif spec == "bounded":
            assert share.std() == pytest.approx(1 / np.sqrt(3), rel=0.01)
        else:
            assert a0.std() == pytest.approx(2.0, rel=0.01)
