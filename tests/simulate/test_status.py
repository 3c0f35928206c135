"""Statuses of hand-made cases: the tables of T2b and T4, and the limits that the flow itself reaches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulate.flow import one_input_path
from simulate.status import Status, attributes, classify
from theory.one_input import Branches

S = Status


def one(a, w, beta_plus=1.0, beta_minus=0.0):
    branches = Branches(*(np.array([x]) for x in (0.5, beta_plus, 0.5, beta_minus)))
    none = np.zeros(1, bool)
    return S(classify(np.array([a]), np.array([[w]]), np.ones((1, 1), bool), branches, none, none)[0])


@pytest.mark.parametrize(
    ("a", "w", "beta_minus", "status"),
    [
        (1.0, 0.5, 0.1, S.LEARNED),
        (0.0, 0.5, 0.0, S.LEARNED),
        (-0.5, 1.0, -0.1, S.LEARNED),
        (1.0, -0.5, 0.1, S.UNDECIDED),
        (1.0, -0.5, -0.1, S.WRONG_BRANCH),
        (1.0, -0.5, 0.0, S.STUCK),
        (0.5, -1.0, 0.0, S.STUCK),
        (-0.5, -1.0, 0.0, S.STUCK),
        (1.0, -1.0, 0.1, S.COLLAPSED),
        (1.0, -1.0, -0.1, S.WRONG_BRANCH),
        (0.5, -1.0, 0.1, S.WRONG_BRANCH),
        (-1.0, 0.5, 0.1, S.WRONG_BRANCH),
        (-1.0, 0.5, -0.1, S.COLLAPSED),
        (-1.0, 0.5, 0.0, S.COLLAPSED),
        (-1.0, 1.0, 0.1, S.COLLAPSED),
        (-1.0, -0.5, 0.1, S.WRONG_BRANCH),
        (-1.0, -0.5, 0.0, S.COLLAPSED),
        (-1.0, -0.5, -0.1, S.COLLAPSED),
        (-0.5, -1.0, -0.1, S.WRONG_BRANCH),
        (1.0, 0.0, 0.1, S.COLLAPSED),
    ],
)
def test_one_input(a, w, beta_minus, status):
    assert one(a, w, beta_minus=beta_minus) == status


@pytest.mark.parametrize(("a", "w"), [(1.0, 0.5), (1.0, -0.5), (-1.0, 0.5), (0.5, -1.0)])
def test_nothing_learns_where_the_right_branch_has_no_positive_slope(a, w):
    assert one(a, w, beta_plus=-0.2, beta_minus=0.1) not in (S.LEARNED, S.UNDECIDED)


values = st.floats(0.2, 1.5).flatmap(lambda x: st.sampled_from([x, -x]))


@given(a=values, w=values, beta=st.sampled_from([-0.3, 0.0, 0.3]), beta_plus=st.sampled_from([1.0, -0.5]))
@settings(max_examples=40, deadline=None)
def test_status_is_where_the_flow_goes(a, w, beta, beta_plus):
    if abs(abs(a) - abs(w)) < 0.1:
        return
    path = one_input_path(a, w, [500.0], 0.5, beta_plus, 0.5, beta)
    end, p = path.w[0, 0], path.a[0] * path.w[0, 0]
    status = one(a, w, beta_plus, beta)
    if status in (S.LEARNED, S.UNDECIDED):
        assert end > 0
        assert p == pytest.approx(beta_plus, abs=1e-6)
    elif status == S.WRONG_BRANCH:
        assert p == pytest.approx(beta if end < 0 else beta_plus, abs=1e-6)
        assert p != pytest.approx(1.0)
    else:
        assert p == pytest.approx(0.0, abs=1e-6)
        assert end != 0 or status == S.COLLAPSED


@pytest.mark.parametrize(
    ("a", "w", "rest", "status"),
    [
        (1.0, [0.1, 2.0], False, S.LEARNED),
        (-0.5, [0.6, 2.0], False, S.LEARNED),
        (-0.5, [0.5, 2.0], False, S.UNDECIDED),
        (1.0, [-0.1, 2.0], False, S.UNDECIDED),
        (1.0, [-0.1, 2.0], True, S.STUCK),
        (1.0, [-0.1, 0.0], False, S.STUCK),
        (-2.0, [1.0, 1.0], False, S.COLLAPSED),
        (-5.0, [3.0, 4.0], False, S.COLLAPSED),
        (1.0, [0.0, 0.0], False, S.COLLAPSED),
        (-2e200, [1e200, 1e200], False, S.COLLAPSED),
        (-1e200, [-1e200, 1e200], False, S.UNDECIDED),
    ],
)
def test_several_inputs(a, w, rest, status):
    branches = Branches(*(np.full(1, x) for x in (0.5, 1.0, 0.5, 0.0)))
    found = classify(np.array([a]), np.array([w]), np.ones((1, 2), bool), branches, np.array([rest]), np.zeros(1, bool))
    assert S(found[0]) == status


def test_wrong_mask_and_divergence_come_first():
    branches = Branches(*(np.full(2, x) for x in (0.5, 1.0, 0.5, 0.0)))
    mask = np.array([[False, True]] * 2)
    given = np.ones(2), np.array([[0.0, 1.0]] * 2), mask, branches, np.zeros(2, bool), np.array([False, True])
    assert classify(*given).tolist() == [S.WRONG_MASK, S.DIVERGED]
    assert classify(*given, np.array([True, False])).tolist() == [S.GIVEN_UP, S.DIVERGED]
    assert attributes()["flag_meanings"].split()[S.WRONG_MASK] == "wrong_mask"
