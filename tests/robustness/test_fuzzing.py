"""The two profiles of the fuzzers, and the time that they take."""

import os
import subprocess
import sys

from tests.robustness import fuzzing

_FUZZER = """
from hypothesis import given, strategies as st
from tests.robustness.fuzzing import fuzz

examples = []

@fuzz
@given(number=st.integers())
def test_counts(number):
    examples.append(number)

def test_says(capsys):
    with capsys.disabled():
        print("examples:", len(examples), "different:", len(set(examples)))
"""


def _examples(tmp_path, minutes: str) -> tuple[int, int]:
    written = tmp_path / "test_of_the_profiles.py"
    written.write_text(_FUZZER)
    environment = os.environ | {fuzzing.MINUTES: minutes, "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", str(written), "-p", "tests.robustness.conftest", "-p", "no:randomly", "-q"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    words = ran.stdout.partition("examples: ")[2].split()
    return int(words[0]), int(words[2])


def test_quick_profile_tries_a_few_examples_once(tmp_path):
    count, _ = _examples(tmp_path, "")
    assert count == 30


def test_fuzz_profile_goes_on_until_its_time_is_over(tmp_path):
    count, different = _examples(tmp_path, "0.03")
    assert count > 200
    assert different > 200, "each round tries new examples"
