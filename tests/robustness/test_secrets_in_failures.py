"""pytest wraps, shortens and compares what it shows; no secret of a failed test is left in any of it."""

import os
import subprocess
import sys

import pytest

SECRET = "Cn-" + "0123456789abcdef0123" + "-9"
TESTS = """
import json
import pytest

C = "Cn-" + "0123456789abcdef0123" + "-9"
LONG = "some words before it, so that the text is wrapped"
SHOWN = dict(
    sentence={"text": f"Hello. Your username is ada and temporary password is {C}"},
    nested={"sent": {"detail": json.dumps({"inner": json.dumps({"client_secret": C})})}},
    long={"sent": {"detail": json.dumps({LONG: 1, "inner": json.dumps({"client_secret": C, "more": "a b", "password": C})})}},
    far={"sent": {"client_secret": "x" * 100 + C + "y" * 100}},
    listed={"sent": [{"name": "a b c d e f", "password": C} for _ in range(8)]},
)

def fails(**shown):
    assert shown == {}

@pytest.mark.parametrize("kind", SHOWN)
def test_shows(kind):
    fails(**SHOWN[kind])

def test_raises():
    try:
        raise ValueError(f"password={C}")
    except ValueError as error:
        raise RuntimeError("no sign of " + C) from error
"""


# In CI pytest shows whole differences, as with -vv, and shortens the values next to them.
@pytest.mark.parametrize(
    ("options", "ci"), [((), {}), ((), {"CI": "true"}), (("-vv", "--tb=short"), {}), (("--tb=native",), {})]
)
def test_failures_show_no_secret(tmp_path, options, ci):
    (tmp_path / "test_shown.py").write_text(TESTS)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI", "BUILD_NUMBER"))
    }
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", tmp_path, "--showlocals", "-rA", *options, "."],
        cwd=tmp_path,
        env=environment | ci | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "6 failed" in ran.stdout, ran.stdout + ran.stderr
    assert "<secret:" in ran.stdout
    shown = [line for line in ran.stdout.splitlines() if SECRET[:8] in line or SECRET[-8:] in line]
    assert shown == []
