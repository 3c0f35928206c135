"""What is mutated, and the tests that have to notice: the quick ones first."""

from dataclasses import dataclass

__all__ = ["TARGETS", "Target"]


@dataclass(frozen=True)
class Target:
    """A module of the package, the functions and tables in it that compute limit maps, and the files of tests."""

    module: str
    functions: frozenset[str]
    tests: tuple[str, ...]


def _target(name: str, functions: str, tests: str) -> Target:
    files = tuple(f"tests/theory/{test}.py" for test in tests.split())
    return Target(f"theory.{name}", frozenset(functions.split()), files)


TARGETS = (
    _target(
        "one_input",
        "branch_statistics ratio moebius late_moebius branch_flow _tanhc noise_escape_time zero_time flow",
        "test_limit_maps test_one_input",
    ),
    _target("dense_flow", "teacher_weights in_basin dense_limit", "test_limit_maps test_dense_flow"),
    _target(
        "population",
        "conserved angle correlation gradient_moment loss reduced_flow gradient",
        "test_limit_maps test_population",
    ),
    _target(
        "exact",
        "ExactTrainer.train ExactTrainer._moment ExactTrainer._phase _line _without_teacher _dense learned",
        "test_limit_maps test_learns",
    ),
    _target("times", "sign_escape_time _rest escape_angle", "test_limit_maps test_times"),
    _target(
        "conditions",
        "Start.W Start.same Start.movement _beats _choose _tie CONDITIONS keeps restarts succeeds _starts _end _magnitudes "
        "restart_condition _legend",
        "test_limit_outcomes test_conditions",
    ),
    _target("basins", "dense_basin sparse_basin mean_cosine _rho", "test_limit_outcomes test_probability"),
    _target(
        "probability",
        "success_probability _needs_parts _by_parts _sources _mask_share _outcome _RESTARTS _rewound _with_noise",
        "test_limit_outcomes test_probability",
    ),
)
"""All limit maps of the paper's theory, from one branch to the success probabilities."""
