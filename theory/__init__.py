"""What the neuron and the pruning algorithms are, and what is proved of them. Needs NumPy, SciPy and SymPy; no torch."""

from .lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "algorithms": "Algorithm At Level Rewind Trainer levels keep_largest IMP LRR WR FINE_TUNING RANDOM DENSE "
        "LEARNED_SIGNS INITIAL_SIGNS",
        "criteria": "CRITERIA Criterion",
        "names": "ALGORITHMS algorithm",
        "initialisations": "Balanced Bounded Gaussian Initialisation initialisation",
    },
)
