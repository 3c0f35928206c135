"""What the neuron and the pruning algorithms are, and what is proved of them. Needs NumPy, SciPy and SymPy; no torch.

Student f(x) = a φ(w·x) with φ = ReLU, teacher φ(x_1), inputs x ~ N(0, I_d). Claims T1–T7, T13, T14 belong to "Masks, Signs, And
Learning Rate Rewinding" (ICLR 2024) and go beyond it; T6 bridges to "Stabilizing the Lottery Ticket Hypothesis" (rewinding
to t > t*), T8 and T9 to "Deconstructing Lottery Tickets", T10–T12 to "Unmasking the Lottery Ticket".

| file                 | what                                                                                                  |
|----------------------|-------------------------------------------------------------------------------------------------------|
| algorithms.py        | algorithms as data; the loop train → score → prune → rewind                                           |
| rewinds.py           | where a level restarts; flips and fixed signs                                                         |
| scopes.py            | who competes with whom; ERK and balanced layers                                                       |
| selection.py         | the exact choice of the largest scores, ties by keyed draws                                           |
| criteria.py          | mask criteria ("Deconstructing Lottery Tickets")                                                      |
| redraws.py           | T9: reinit, reshuffle, constant                                                                       |
| definitions.py       | what identifies an algorithm in stored settings, formula included                                     |
| names.py             | algorithms by name, ``module:OBJECT``                                                                 |
| streams.py           | counter-based random numbers                                                                          |
| initialisations.py   | balanced, bounded, gaussian                                                                           |
| one_input.py         | T2, T2a–T2c: one input, with or without label noise                                                   |
| population.py        | T1, T3: moments, loss, gradient                                                                       |
| dense_flow.py        | T4: basin, limit and finite-time dense flow                                                           |
| stiff_flow.py        | T3: the dense flow over long times where c ≪ 0                                                        |
| exact.py             | the exact trainer; ``learns``                                                                         |
| explanations.py      | T2a, T2b, T4: the tables of limits, cell by cell; ``explain``                                         |
| conditions.py        | T8, T9: which starts a mask criterion and a restart succeed for, exactly                              |
| probability.py       | T5, T8, T9: success probabilities                                                                     |
| basins.py, parts.py  | their closed forms, and the regions of starts that the others are put together from                   |
| directions.py        | the law of the largest and the smallest coordinate of a direction                                     |
| quadrature.py        | T8, T9: the probability of a region of starts, by quadrature                                          |
| tables.py            | T8, T9 as a table, each cell confirmed by the loop                                                    |
| times.py             | T6: sign-escape time                                                                                  |
| identification.py    | T7: decay of w_⊥, when a mask is right, at time T and under label noise                               |
| frozen.py            | T9: pruned weights frozen at their initial values; Variant 2                                          |
| supermask.py         | T9: losses of masked untrained neurons, what beats chance                                             |
| connectivity.py      | T10: loss along segments, four barriers, when one hides a failure                                     |
| robustness.py        | T11: distances to the edge of a basin, repaired signs                                                 |
| flatness.py          | T12: Hessians, spectrum, what pruning gains or costs                                                  |
| discrete.py          | T13: gradient descent, with momentum: drift, jumps, stability                                         |
| derivations.py       | sympy: moments, loss and flow from the definitions                                                    |
| claims/              | T1–T14 as objects: statement, hypotheses, proof, what must be refused                                 |
| proof/               | the proof checker: formulas, engines, rules for flows, certificates, mutations                        |
| rocq/                | the core of the theorem, checked by the kernel of Rocq                                                |
| verification.py      | ``verify``: every obligation put to its engine                                                        |
| maths.py             | one formula for NumPy and sympy                                                                       |
| lazy.py, inputs.py, records.py, console.py, workers.py, cluster.py, cli.py | shared: checks, storage, commands, processes |
"""

from .lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "algorithms": "Algorithm At Borrowed Level Rewind Supplier Trainer levels next_start keep_largest IMP LRR WR "
        "FINE_TUNING RANDOM DENSE LEARNED_SIGNS INITIAL_SIGNS",
        "rewinds": "flipped into_orthant orthant",
        "criteria": "CRITERIA Criterion",
        "names": "ALGORITHMS algorithm",
        "exact": "ExactTrainer dense_level learned learns",
        "explanations": "LimitCase explain limit_case",
        "claims": "CLAIMS Claim",
        "initialisations": "Balanced Bounded Gaussian Initialisation initialisation",
        "one_input": "Branches POPULATION branch_statistics noise_escape_fraction noise_escape_time",
        "population": "angle conserved correlation gradient loss",
        "dense_flow": "dense_limit in_basin population_flow teacher_weights",
        "conditions": "CONDITIONS keeps restart_condition restarts succeeds",
        "probability": "success_probability mean_cosine",
        "parts": "restart_probability",
        "tables": "RESTARTS confirm success_table",
        "times": "escape_angle sign_escape_time",
        "identification": "decay_rate keeps_teacher mask_probability mask_time noise_scale spread turning_time",
        "frozen": "frozen_asymptote frozen_pull frozen_velocity variant_two_learns",
        "supermask": "CHANCE beats_chance mean_gain mean_supermask_loss supermask_loss",
        "connectivity": "BARRIERS failure_hidden matching matching_barrier matching_loss matching_product path_barrier "
        "segment_loss sparse_barrier tolerance_window",
        "robustness": "dense_distance opposite_distance repair_time sign_repaired sparse_distance",
        "flatness": "hessian prunable_dimension pruning_cost pruning_gain solution_hessian solution_spectrum",
        "discrete": "branch_step crosses crossing_step dense_drift dense_step drift_factor ever_jumps jump_number "
        "momentum_roots sparse_step stable",
        "verification": "verify",
    },
)
