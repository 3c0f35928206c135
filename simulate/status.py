"""What became of a trial: judged by invariant sets and by the limit of the flow, never by a distance from the teacher.

One alive input (e_1, branch statistics of T2; the table of limits in T2b). Let (s, β) be those of the branch w is on. The flow

* goes to a w = β on this branch iff a sgn(w) sgn(β) + |w| > 0 (β ≠ 0);
* reaches w = 0 in finite time iff that sum is negative. It then crosses, once, iff the speed s a β of the other branch points
  away from zero there, and goes to a w = β of that branch; otherwise it rests at zero;
* goes to (0, 0) iff the sum is 0.

=============  =====================================================================================================
learned        w > 0, a + w > 0 and β+ > 0: the limit a w = β+ is certain
undecided      not yet learned, but the flow's limit is: w < 0, a > 0, a + w > 0 and β− > 0 (β+ > 0)
stuck          β = 0 on this branch and a > −|w|: the fit decays to 0, w keeps its sign (noise-free w < 0: the failure of IMP)
wrong branch   the limit is a w = β− ≠ 0 on w < 0 (or β+ < 0 on w > 0)
collapsed      the limit is w = 0 with a ≤ 0, dead, or rest at w = 0 (β = 0 and a ≤ −|w| included)
=============  =====================================================================================================

Several alive inputs, e_1 among them (the population's sets B and D of T4, T5):

=============  =====================================================================================================
learned        w_1 > 0 and a + w_1 > 0 (B, which no trajectory of the population leaves)
collapsed      w = 0, or a ≤ −‖w‖: never learns, whatever the data (T14)
stuck          w_⊥ = 0 and w_1 < 0 (θ = π), or training is at rest outside B: not one bit moves in descent, what is left lies
               below the flow's tolerance with no kink to come; or w decays to 0 with a > 0 and has fallen below all floats
undecided      everything else: a > −‖w‖ and θ < π, on the way to B (T4)
=============  =====================================================================================================

wrong mask: e_1 is pruned. diverged: a value left the finite numbers. given up: the integrator of the flow stopped before the
end of some level, so nothing is said of the trial. Each of these takes precedence over everything before it.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from theory.one_input import Branches

__all__ = ["OPEN", "Status", "attributes", "classify"]

Array = NDArray[np.float64]


class Status(IntEnum):
    """The status of one trial after one algorithm, stored as a small integer."""

    UNDECIDED = 0
    LEARNED = 1
    STUCK = 2
    WRONG_BRANCH = 3
    WRONG_MASK = 4
    COLLAPSED = 5
    DIVERGED = 6
    GIVEN_UP = 7

    @property
    def label(self) -> str:
        """The name in words."""
        return self.name.lower().replace("_", " ")


OPEN = (Status.UNDECIDED, Status.GIVEN_UP)
"""Neither learned nor failed for certain: what is counted as undecided."""


def attributes() -> dict[str, object]:
    """The names of the small integers, as CF conventions write them beside an array."""
    return {"flag_values": [int(s) for s in Status], "flag_meanings": " ".join(s.name.lower() for s in Status)}


def classify(
    a: Array,
    w: Array,
    mask: NDArray[np.bool_],
    branches: Branches,
    rest: NDArray[np.bool_],
    diverged: NDArray[np.bool_],
    given_up: NDArray[np.bool_] | bool = False,
) -> NDArray[np.int8]:
    """Status of each trial from a (B,), w (B, d), mask (B, d), the branches of e_1 (B,) and how its training ended (B,)."""
    alone = mask.sum(-1) == 1
    status = np.where(alone, _one_input(a, w[:, 0], branches), _several(a, w, rest))
    status[~mask[:, 0]] = Status.WRONG_MASK
    status[diverged] = Status.DIVERGED
    status[np.broadcast_to(given_up, status.shape)] = Status.GIVEN_UP
    return status.astype(np.int8)


def _one_input(a: Array, w: Array, branches: Branches) -> NDArray[np.int8]:
    beta_plus, beta_minus = branches.beta_plus, branches.beta_minus
    right = w > 0
    beta, other = np.where(right, beta_plus, beta_minus), np.where(right, beta_minus, beta_plus)
    pull = a * np.sign(w) * np.sign(beta) + np.abs(w)
    crosses = (pull < 0) & (np.sign(a) * np.sign(other) == np.where(right, -1, 1))  # a keeps its sign on the way to w = 0
    learns = np.where(right, pull > 0, crosses) & (beta_plus > 0)
    status = np.where((pull > 0) | crosses, np.where(learns, Status.UNDECIDED, Status.WRONG_BRANCH), Status.COLLAPSED)
    status = np.where((w != 0) & (beta == 0), np.where(a > -np.abs(w), Status.STUCK, Status.COLLAPSED), status)
    status = np.where(right & (a + w > 0) & (beta_plus > 0), Status.LEARNED, status)
    return np.where(w == 0, Status.COLLAPSED, status).astype(np.int8)


def _several(a: Array, w: Array, rest: NDArray[np.bool_]) -> NDArray[np.int8]:
    with np.errstate(over="ignore"):
        across = np.linalg.norm(w[:, 1:], axis=-1)
    across = np.where(np.isinf(across), np.hypot.reduce(w[:, 1:], axis=-1), across)  # squares overflow before values do
    norm = np.hypot(w[:, 0], across)
    status = np.where(rest | ((across == 0) & (w[:, 0] < 0)), Status.STUCK, Status.UNDECIDED)
    status = np.where((a <= -norm) | (norm == 0), Status.COLLAPSED, status)
    return np.where((w[:, 0] > 0) & (a + w[:, 0] > 0), Status.LEARNED, status).astype(np.int8)
