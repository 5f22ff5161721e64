"""On which LocalStack the engine starts."""

import localstack.constants
import pytest

from harness.emulator.__main__ import refuse_other_versions


def test_supported_version_starts():
    refuse_other_versions()


def test_other_version_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(localstack.constants, "VERSION", "4.15.0")
    monkeypatch.delenv("HARNESS_ANY_LOCALSTACK", raising=False)
    with pytest.raises(SystemExit) as refused:
        refuse_other_versions()
    for said in ("this is LocalStack 4.15.0", "changes code of 4.14.0", "HARNESS_ANY_LOCALSTACK=1"):
        assert said in str(refused.value)


def test_other_version_starts_where_it_is_allowed(monkeypatch):
    monkeypatch.setattr(localstack.constants, "VERSION", "4.15.0")
    monkeypatch.setenv("HARNESS_ANY_LOCALSTACK", "1")
    refuse_other_versions()
