"""Settings of the property tests: the same examples every time, no limit of time for one of them."""

from hypothesis import settings

settings.register_profile("signescape", deadline=None, derandomize=True, max_examples=100)
settings.load_profile("signescape")
