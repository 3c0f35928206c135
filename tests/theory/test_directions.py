"""The largest and smallest coordinate of a direction: closed forms, one-dimensional integrals, two contours."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln
from scipy.stats import norm

from theory import directions
from theory.directions import joint_tail, largest, panels, smallest


def mean_length(n):
    """E χ_n."""
    return np.sqrt(2) * np.exp(gammaln((n + 1) / 2) - gammaln(n / 2))


def mean_of_normals(n, kind):
    """E max |w_j| or E min |w_j| of n standard normal numbers: the mean for a direction times E χ_n, both being independent."""
    inside = (lambda x: 1 - (2 * norm.cdf(x) - 1) ** n) if kind == "max" else (lambda x: (2 * norm.sf(x)) ** n)
    edges = [0, 1 / n, 5 / n, 2, 4, 13] if n > 2 else [0, 2, 13]
    return sum(quad(inside, low, high, epsabs=1e-13)[0] for low, high in itertools.pairwise(edges))


@pytest.mark.parametrize("n", [2, 3, 5, 9, 10, 11, 30, 99])
@pytest.mark.parametrize("kind", ["max", "min"])
def test_weights_and_mean(n, kind):
    law = (largest if kind == "max" else smallest)(n, 12)
    assert law.weights.min() > -1e-9
    assert law.weights.sum() == pytest.approx(1, abs=1e-8)
    assert law.weights @ law.values * mean_length(n) == pytest.approx(mean_of_normals(n, kind), abs=1e-8)


@pytest.mark.parametrize("t", [0.05, 0.3, 0.6, 0.7])
def test_the_circle(t):
    """n = 2: an arc of length 2π − 8 arcsin t; one coordinate: arccos t of π/2."""
    assert joint_tail(2, 2, t) == pytest.approx(1 - 4 / np.pi * np.arcsin(t), abs=1e-12)
    assert joint_tail(2, 2, t, density=True) == pytest.approx(4 / np.pi / np.sqrt(1 - t * t), abs=1e-11)
    assert joint_tail(2, 1, t) == pytest.approx(2 / np.pi * np.arccos(t), abs=1e-12)
    assert joint_tail(3, 1, t) == pytest.approx(1 - t, abs=1e-12)  # Archimedes
    assert joint_tail(2, 2, 0.71) == 0


@pytest.mark.parametrize("t", [0.31, 0.4, 0.5, 0.8])
def test_both_ways_to_the_maximum_agree(t, monkeypatch):
    first = directions._largest_density(11, t)
    monkeypatch.setattr(directions, "FEW", 11)
    assert directions._largest_density(11, t) == pytest.approx(first, abs=1e-8)


def test_a_density_is_the_slope_of_its_tail():
    for n, k, t in ((5, 3, 0.3), (9, 9, 0.2), (99, 99, 0.002), (40, 1, 0.3)):
        step = 1e-5 * t
        slope = (joint_tail(n, k, t - step) - joint_tail(n, k, t + step)) / (2 * step)
        assert joint_tail(n, k, t, density=True) == pytest.approx(slope, rel=1e-6)


def test_one_coordinate_is_all_there_is():
    for law in (largest(1), smallest(1)):
        assert law.values.tolist() == law.weights.tolist() == [1.0]


def test_panels_integrate_polynomials():
    x, w = panels(np.array([[0.0, 0.5, 2.0], [1.0, 1.0, 3.0]]), 4)
    assert x.shape == w.shape == (2, 8)
    assert (w * x**7).sum(-1) == pytest.approx([2**8 / 8, (3**8 - 1) / 8])
