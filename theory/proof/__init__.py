"""The proof checker behind ``signescape verify``: engines that can say no, and what holds a proof together.

| file           | what it is |
|----------------|------------|
| logic.py       | formulas over the reals, facts (hypotheses ⊢ conclusion), verdicts |
| identities.py  | engine: exact symbolic identities |
| balls.py       | a sound translation from sympy to python-flint balls |
| intervals.py   | engine: order facts with transcendental functions on an interval, by Taylor models; writes certificates |
| recheck.py     | the second implementation that re-checks certificates, in mpmath.iv |
| polynomials.py | engine: polynomial facts over the reals, by z3, with proven lemmas as hypotheses |
| search.py      | counter-examples, each confirmed exactly or in balls |
| flows.py       | inference rules for flows; their premises are facts |
| recurrences.py | inference rules for recurrences: induction, descent |
| mutations.py   | every mutant of a fact or derivation, and what becomes of it |

No engine accepts a statement because sampled points satisfy it: points only ever refute.
"""
