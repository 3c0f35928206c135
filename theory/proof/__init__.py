"""The proof checker behind ``signescape verify``: engines that can say no, and what holds a proof together.

| file            | what it is                                                                                              |
|-----------------|---------------------------------------------------------------------------------------------------------|
| logic.py        | formulas over the reals, facts (hypotheses ⊢ conclusion), verdicts                                      |
| engines.py      | one door to the engines                                                                                 |
| identities.py   | engine: exact symbolic identities (sympy); normal.py re-checks them by a normal form (python-flint)     |
| intervals.py    | engine: order facts with transcendental functions on an interval, by Taylor models in balls (balls.py)  |
| polynomials.py  | engine: polynomial facts over the reals (z3, by smt.py); second.py translates and decides them again    |
| recheck.py      | re-checks the certificates of intervals.py by fractions and mpmath's intervals (jets.py, rings.py)      |
| certificates.py | certificates in a folder, one a fact                                                                    |
| search.py       | counter-examples, each confirmed exactly or in balls (exact.py)                                         |
| terms.py        | terms and formulas as JSON, read back without ``eval``                                                  |
| domains.py      | where a term is defined, continuous or smooth: premises that the rules add                              |
| nodes.py        | what a proof is made of: facts, steps, groups                                                           |
| flows.py        | inference rules for flows; their premises are facts                                                     |
| solutions.py    | inference rules for closed forms, travel times, gradient flows without rest                             |
| recurrences.py  | inference rules for recurrences: induction, descent                                                     |
| statements.py   | what the rules are told, changed in one place for mutants                                               |
| mutations.py    | every mutant of a fact or a path, and what becomes of it                                                |
| prose.py        | a proof for a person, as a tree, text or LaTeX                                                          |

No engine accepts a statement because sampled points satisfy it: points only ever refute.
"""
