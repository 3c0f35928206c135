"""Estimates of the theory's statements by Monte Carlo: the neuron trained by gradient descent or gradient flow.

| file       | what it holds                                                                 | papers                |
|------------|-------------------------------------------------------------------------------|-----------------------|
| config     | `Config`: the law of data and initial values, the engine, the pruning         | A: settings of Fig. 2 |
| data       | inputs, labels and initial values of a trial from counters; branch statistics | T2                    |
| draws      | the random numbers of many trials at once, NumPy's bits (draws_kernel)        |                       |
| gd         | the reference engine: full-batch gradient descent, plain NumPy                | A, T13                |
| active_set | the same on finite samples, a step's cost independent of n (active_set_kernel) | T13                   |
| flow       | gradient flow by DOP853: population; one input with Filippov's rule at w = 0  | T2b, T3, T4           |
| sample_flow | gradient flow on finite samples, from kink to kink or sliding on them (flow_*) | T2, T4, T14           |
| population_flow | gradient flow on the population in two coordinates (population_*, _torch on a GPU) | T3, T4       |
| population_descent | descent on the population in three coordinates (_kernel; _torch on a GPU)  | T3, T13               |
| sgd        | mini-batches down to one sample, or fresh samples of the population (sgd_*)   | T13                   |
| vectors, kernels | eight float64 in a register; what compiled kernels share                |                       |
| trainer    | `NeuronTrainer`: the engines behind the loop of `theory.algorithms`           | A, B                  |
| status     | learned, stuck, wrong branch, wrong mask, collapsed, undecided, diverged, …   | proofs T2b, T4        |
| run_trials | `trials`: paired trials of several algorithms                                 | T5                    |
| diagram    | `phase_diagram`: counts over labelled axes                                    | A: quadrants          |
| adaptive   | `adaptive_diagram`: the same with the trials spent where the boundary is      | A: quadrants          |
| estimator  | `estimate`: success probabilities with exact intervals, also sequentially     | T5                    |
| control    | the theory's prediction of a trial as control variate                         | T5, T6, T8, T9        |
| predictors | what the theory says of a trial, from less to more knowledge of it            | T2b, T4, T5           |
| agreement  | `agree`: the theory's prediction of each trial against the simulation         | T2b, T5, T14          |
| statistics | Clopper–Pearson, the number of trials that a half width needs                 |                       |
| paired     | differences on common trials, and from a known prediction, exactly            |                       |
| sequences  | intervals that hold at all times at once                                      |                       |
| store      | chunks and results on disk, whole or not at all; `load`                       |                       |
| rounds     | one pool or cluster connection for many rounds of chunks                      |                       |
| threads    | one thread for linear algebra                                                 |                       |
| studies/    | `study`: ready studies with presets, the theory beside them                   | all                   |
| cli        | `signescape simulate trials, estimate, phase-diagram, agree, study`           |                       |

A: Gadhikar & Burkholz, Masks, Signs, And Learning Rate Rewinding, ICLR 2024, arXiv 2402.19262. B: Frankle, Dziugaite, Roy &
Carbin, Stabilizing the Lottery Ticket Hypothesis, arXiv 1903.01611. T2 … T14 are the claims of ``theory``.
"""

from theory.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "config": "Config as_config",
        "trainer": "NeuronTrainer",
        "status": "Status",
        "run_trials": "trials",
        "diagram": "phase_diagram",
        "adaptive": "adaptive_diagram",
        "estimator": "Estimate Proportion estimate",
        "agreement": "agree",
        "store": "load",
        "statistics": "clopper_pearson trials_needed",
        "paired": "Controlled Difference controlled paired_difference paired_interval",
        "sequences": "confidence_sequence difference_sequence running",
        "studies": "study",
        "gd": "descend",
        "flow": "population_path one_input_path",
        "sample_flow": "sample_flow",
        "population_flow": "population_flow",
    },
)
