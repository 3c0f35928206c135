"""Estimates of the theory's statements by Monte Carlo: the neuron trained by gradient descent or gradient flow.

| file       | what it holds                                                                 | papers                |
|------------|-------------------------------------------------------------------------------|-----------------------|
| config     | `Config`: the law of data and initial values, the engine, the pruning         | A: settings of Fig. 2 |
| data       | inputs, labels and initial values of a trial from counters; branch statistics | T2                    |
| gd         | the reference engine: full-batch gradient descent, plain NumPy                | A, T13                |
| active_set | the same on finite samples, a step's cost independent of n (active_set_kernel) | T13                   |
| flow       | gradient flow by DOP853: population; one input with Filippov's rule at w = 0  | T2b, T3, T4           |
| sample_flow | gradient flow on finite samples, from kink to kink or sliding on them (flow_*) | T2, T4, T14           |
| trainer    | `NeuronTrainer`: the engines behind the loop of `theory.algorithms`           | A, B                  |
| status     | learned, stuck, wrong branch, wrong mask, collapsed, undecided, diverged      | proofs T2b, T4        |
| run_trials | `trials`: paired trials of several algorithms                                 | T5                    |
| diagram    | `phase_diagram`: counts over labelled axes                                    | A: quadrants          |
| estimator  | `estimate`: success probabilities with exact intervals                        | T5                    |
| agreement  | `agree`: the theory's prediction of each trial against the simulation         | T2b, T5, T14          |
| statistics | Clopper–Pearson, paired differences, the number of trials a half width needs  |                       |
| store      | chunks and results on disk, whole or not at all; `load`                       |                       |
| cli        | `signescape simulate trials, estimate, phase-diagram, agree`                  |                       |

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
        "estimator": "Estimate Proportion estimate",
        "agreement": "agree",
        "store": "load",
        "statistics": "clopper_pearson paired_difference trials_needed",
        "gd": "descend",
        "flow": "population_path one_input_path",
        "sample_flow": "sample_flow",
    },
)
