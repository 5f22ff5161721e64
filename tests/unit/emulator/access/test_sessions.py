"""Credentials in use outlive any number of others: a function keeps its own for as long as its environment lives."""

import pytest

from harness.emulator.access import principals, secret_keys


@pytest.fixture(params=[principals, secret_keys], ids=["principals", "secret keys"])
def sessions(request, monkeypatch):
    monkeypatch.setattr(request.param, "MAX_SESSIONS", 3)
    return principals.Sessions() if request.param is principals else secret_keys._Sessions()


def test_session_in_use_outlives_newer_ones(sessions):
    sessions.put("of a function", "its session")
    for number in range(10):
        sessions.put(f"another {number}", "session")
        assert sessions.get("of a function") == "its session"


def test_session_not_used_for_the_longest_is_forgotten(sessions):
    for name in ("a", "b", "c"):
        sessions.put(name, name)
    sessions.get("a")
    sessions.put("d", "d")
    assert [sessions.get(name) for name in ("a", "b", "c", "d")] == ["a", None, "c", "d"]
