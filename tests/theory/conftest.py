"""Settings of the property tests: the same examples every time, no limit of time for one of them.

``HYPOTHESIS_PROFILE=thorough`` looks at 10,000 new examples of each property; a failure prints the line that repeats it.
"""

import os

from hypothesis import HealthCheck, settings

slow = [HealthCheck.too_slow]  # a busy machine is no failure
settings.register_profile("signescape", deadline=None, derandomize=True, max_examples=100, suppress_health_check=slow)
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=10_000,
    database=None,
    print_blob=True,
    suppress_health_check=slow,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "signescape"))
