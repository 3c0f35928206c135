"""``explain`` and ``limit_case``: true sentences, the verdicts of ``learns``, and bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.algorithms import LRR, Algorithm, Rewind
from theory.exact import learns
from theory.explanations import CASES, explain, limit_case
from theory.initialisations import initialisation
from theory.one_input import Branches

INITS = ("balanced", "bounded", "gaussian")

TWO = Algorithm("two", count=2)
REASONS = [
    ("IMP", 1.0, [0.6, 0.8], True, "lies in the sparse basin"),
    ("IMP", 1.0, [-0.6, 0.8], False, "restart has w_1 = -0.6"),
    ("IMP", -0.8, [0.6, 0.8], False, "restart has a = -0.8 ≤ −w_1"),
    ("IMP", -1.0, [0.6, 0.8], False, "equals −‖w0‖ = -1"),
    ("LRR", -2.0, [0.6, 0.8], False, "is below −‖w0‖"),
    ("LRR", 1.0, [-1.0, 0.0], False, "exactly away"),
    ("LRR", 0.5, [0.0, 0.0], False, "rest point"),
    ("LRR", 1.0, [-0.6, 0.8], True, "lies in the sparse basin"),
    ("dense", 1.0, [-0.6, 0.8], True, "basin of the teacher"),
    ("dense", 1.0, [-0.6], False, "never changes sign"),
    ("dense", 1.0, [0.6], True, "basin of the teacher"),
    ("learned-signs", 1.0, [-0.6, 0.8], True, "restart w_1 = 0.6 > 0"),
    ("WR(time=5)", 1.0, [-0.6, 0.8], True, "restart w_1 = 0."),
    ("WR(time=1)", 1.0, [-0.6, 0.8], False, "restart has w_1 = -0."),
    ("initial-signs", 1.0, [-0.6, 0.8], False, "restart has w_1 = -1"),
    (Algorithm("s", LRR.rewind, "small_final"), 1.0, [0.6, 0.8], False, "does not keep e_1"),
    (TWO, 1.0, [-0.6, 0.8, 0.1], True, "keeps e_1 and 1 more, and at the restart a = 1 > −‖w‖ = -1"),
    (TWO, -0.95, [-0.6, 0.7, 0.4], False, "at the restart a = -0.95 is below −‖w‖"),
]


@pytest.mark.parametrize(("algorithm", "a0", "w0", "verdict", "reason"), REASONS)
def test_explain_says_what_decides(algorithm, a0, w0, verdict, reason):
    sentence = explain(algorithm, a0, w0)
    assert learns(algorithm, a0, w0) == verdict
    assert (" learns: " in sentence) == verdict
    assert reason in sentence
    assert sentence.endswith(").")


def test_explain_states_true_comparisons():
    """Each number in a sentence stands in the relation that the sentence names."""
    rng = np.random.default_rng(5)
    for init in INITS:
        a0, w0 = initialisation(init).sample(rng, 3, 25)
        for name in ("IMP", "LRR", "learned-signs", "initial-signs", TWO):
            for a, w in zip(a0, w0, strict=True):
                sentence = explain(name, float(a), w)
                assert (" learns: " in sentence) == bool(learns(name, a, w))
                for words, fails in (
                    ("is below −‖w0‖", a > -np.linalg.norm(w)),
                    ("never grows back", "w_1 = -" not in sentence),
                ):
                    assert not (words in sentence and fails)
                assert "e-150" not in sentence


SOURCES = st.sampled_from(["init", "final"])
ALGORITHMS = st.one_of(
    st.sampled_from(["IMP", "LRR", "dense", "fine-tuning", "learned-signs", "initial-signs", "WR(time=0.7)", TWO]),
    st.builds(lambda m, s, r, c: Algorithm("x", Rewind(m, s, r), c), SOURCES, SOURCES, SOURCES,
              st.sampled_from(["large_final", "small_final", "movement", "large_final_same_sign"])),
)  # fmt: skip
VALUES = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 0.6, -0.6, 0.8]), st.floats(-2, 2).map(lambda v: round(v, 2)))
STARTS = st.tuples(VALUES, st.lists(VALUES, min_size=1, max_size=3))
NOISE = st.one_of(st.none(), st.builds(Branches, st.just(0.5), VALUES, st.sampled_from([0.0, 0.5]), VALUES))


@given(ALGORITHMS, STARTS, NOISE, st.sampled_from([np.inf, np.inf, 3.0]))
def test_the_verdict_is_that_of_learns(algorithm, start, branches, t):
    a0, w0 = start
    sentence = explain(algorithm, a0, w0, branches=branches, t=t)
    verdict = bool(learns(algorithm, a0, w0, branches=branches, t=t))
    assert (" learns: " in sentence) == verdict
    assert (" does not learn: " in sentence) != verdict
    assert sentence.endswith(").")
    assert "e-150" not in sentence
    assert "e-200" not in sentence
    if np.isinf(t) and "→ (" in sentence:  # the limit it names is learned or not, as it says
        a, w = (s.rstrip("⁻⁺") for s in sentence.rsplit("→ (", 1)[1].split(")")[0].split(", "))
        beta = 1.0 if branches is None else branches.beta_plus
        fits = float(w) > 0 and beta > 0 and abs(float(a) * float(w) - beta) < 1e-4 * (1 + beta)
        assert fits == verdict or len(w0) > 1


@given(STARTS, NOISE)
def test_the_limit_of_the_unpruned_neuron_learns_as_learns_says(start, branches):
    found = limit_case(*start, branches)
    assert found.case in CASES
    assert found.w.shape == np.shape(start[1])
    if len(start[1]) == 1 or branches is None:
        assert found.learns == bool(learns("dense", *start, branches=branches))


@pytest.mark.parametrize("call", [lambda: explain("IMP", [1.0], [1.0]), lambda: limit_case(1.0, [[1.0]])])
def test_more_than_one_start_is_refused(call):
    with pytest.raises(ValueError, match="one start"):
        call()


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not nan"):
        limit_case(np.nan, [1.0])
    with pytest.raises(ValueError, match="without NaN"):
        limit_case(1.0, [1.0], Branches(0.5, np.nan, 0.5, 0.0))
