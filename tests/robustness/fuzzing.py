"""How a fuzzer runs: a few examples in every test run, or round after round until its time is over."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

MARKER = "fuzz"
MINUTES = "FUZZ_MINUTES"
"""The environment variable that selects the profile `fuzz` and says how long all fuzzers together may take."""

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example]
# A gate's result depends on the code alone, so its examples are always the same; a campaign looks for new ones and
# keeps what failed in .hypothesis/, so that the next run begins with it.
settings.register_profile(
    "quick", max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=_SLOW
)
# In CI Hypothesis derandomizes what does not say otherwise.
settings.register_profile(
    "fuzz", max_examples=200, deadline=None, derandomize=False, print_blob=True, suppress_health_check=_SLOW
)

_seconds_for_each = 0.0


def share_the_time(fuzzers: int) -> None:
    """Give each of so many fuzzers its part of FUZZ_MINUTES."""
    global _seconds_for_each
    _seconds_for_each = float(os.environ.get(MINUTES) or 0) * 60 / max(fuzzers, 1)


def fuzz(test: Callable[..., Any] | None = None, *, examples: int | None = None) -> Callable[..., Any]:
    """Decorate a `@given` test as a fuzzer, outermost; the profile `quick` or `fuzz` says how many examples it tries.

    `examples` is for one with many parameters: how many the profile `quick` tries for each.
    """
    if test is None:
        return functools.partial(fuzz, examples=examples)
    campaign = bool(os.environ.get(MINUTES))
    profile = settings.get_profile("fuzz" if campaign else "quick")
    generated = (profile if campaign or examples is None else settings(profile, max_examples=examples))(test)

    @pytest.mark.fuzz
    @functools.wraps(generated)
    def rounds(*arguments: Any, **fixtures: Any) -> None:
        deadline = time.monotonic() + _seconds_for_each
        generated(*arguments, **fixtures)
        while time.monotonic() < deadline:
            generated(*arguments, **fixtures)

    return rounds
