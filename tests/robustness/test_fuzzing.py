"""The two profiles of the fuzzers, and the time that they take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.robustness import fuzzing


class Clock:
    """Seconds that pass only when a fuzzer tries an example."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def examples(monkeypatch):
    """Runs a fuzzer for so many minutes, in which each example takes a second; returns its examples."""

    def of(minutes: str) -> list[int]:
        clock, tried = Clock(), []
        monkeypatch.setenv(fuzzing.MINUTES, minutes)
        monkeypatch.setattr(fuzzing, "time", clock)
        monkeypatch.setattr(fuzzing, "_seconds_for_each", 0.0)

        @fuzzing.fuzz
        @given(number=st.integers())
        def fuzzer(number):
            clock.seconds += 1
            tried.append(number)

        fuzzing.share_the_time(2)
        fuzzer()
        return tried

    return of


def test_quick_profile_tries_a_few_examples_once(examples):
    assert len(examples("")) == 30


def test_quick_profile_tries_the_same_examples(examples):
    assert examples("") == examples("")


def test_fuzz_profile_goes_on_until_its_time_is_over(examples):
    tried = examples("20")
    assert 600 <= len(tried) <= 800, "ten of the twenty minutes are its own, and a round has at most 200 examples"
    assert len(set(tried)) > 300, "each round tries new examples"
