"""Processes of other users of this machine at the engine's port: they could run code as its user through Lambda."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.emulator.peers import sockets, users
from harness.emulator.peers.sockets import Owner, UntoldError
from harness.engine import EmbeddedEngine
from harness.engine.ports import any_free_port
from harness.settings import Callers

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a connection is")

CALLS = """
import encodings.idna, http.client, json, os, sys  # what is imported later, another user may not read
port, uid = map(int, sys.argv[1:])
os.setgid(uid)
os.setuid(uid)
said = []
for method, path, body in [
    ("GET", "/_harness/ready", None),
    ("POST", "/2015-03-31/functions", json.dumps({"FunctionName": "attack"})),
    ("POST", "/", "x" * 1_000_000),
]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        client.request(method, path, body)
    except ConnectionError:
        pass  # refused while it was sending
    answer = client.getresponse()
    said.append([answer.status, answer.read().decode()])
print(json.dumps(said))
"""


def calls_of(uid: int, endpoint_url: str) -> list[Any]:
    port = endpoint_url.rpartition(":")[2]
    said = subprocess.run([sys.executable, "-c", CALLS, port, str(uid)], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    answers: list[Any] = json.loads(said.stdout)
    return answers


@needs_root
@needs_linux
def test_other_user_is_refused_unless_the_setting_lets_them_in(tmp_path: Path):
    engine = EmbeddedEngine(tmp_path / "closed", port=any_free_port())
    lets_in = EmbeddedEngine(tmp_path / "open", port=any_free_port(), callers=Callers(allowed_users=("nobody",)))
    try:
        closed = engine.start()
        refused = calls_of(NOBODY, closed.endpoint_url)
        assert [status for status, _ in refused] == [403, 403, 403]
        assert all("This engine is of user root, and the connection is of user nobody" in said for _, said in refused)
        assert "HARNESS_ALLOWED_USERS=nobody" in refused[0][1]
        assert "Refused a connection of user nobody" in engine.last_log_lines(200)
        # Its own user's are served as before.
        assert closed.harness.ready()["ready"]

        let_in = calls_of(NOBODY, lets_in.start().endpoint_url)
        assert "the connection is of user" not in json.dumps(let_in)
    finally:
        engine.stop()
        lets_in.stop()


@needs_linux
@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        (None, None),
        ("*", None),
        ("root, *", None),
        ("", {0, os.geteuid()}),
        ("nobody", {0, os.geteuid(), NOBODY}),
        ("1234, nobody", {0, os.geteuid(), 1234, NOBODY}),
    ],
)
def test_setting_names_users_by_name_or_id(setting, allowed):
    assert users.allowed_users(setting) == (None if allowed is None else frozenset(allowed))


def test_setting_with_an_unknown_name_lets_in_the_others(caplog):
    assert users.allowed_users("no-such-user,1234") == frozenset({0, os.geteuid(), 1234})
    assert "no-such-user" in caplog.text


def guard_of(monkeypatch: pytest.MonkeyPatch, owner: Owner | Exception | None) -> users.Guard:
    def owner_of(*_addresses: Any) -> Owner | None:
        if isinstance(owner, Exception):
            raise owner
        return owner

    monkeypatch.setattr(users, "owner_of", owner_of)
    return users.Guard(frozenset({0, 1000}))


@pytest.mark.parametrize(
    ("owner", "refused"),
    [(Owner(1000, 5), None), (Owner(0, 5), None), (Owner(1001, 5), 1001), (None, None), (UntoldError("no"), None)],
    ids=["own", "root", "another", "of another machine", "untold"],
)
def test_connection_is_decided_by_its_user(monkeypatch, owner, refused):
    guard = guard_of(monkeypatch, owner)
    assert guard.refused_user(("127.0.0.1", 5), ("127.0.0.1", 4566)) == refused


def test_system_without_socket_owners_is_logged_once(monkeypatch, caplog):
    guard = guard_of(monkeypatch, UntoldError("this system does not tell"))
    for port in range(3):
        guard.refused_user(("127.0.0.1", port), ("127.0.0.1", 4566))
    assert caplog.text.count("this system does not tell") == 1


@needs_linux
def test_lookup_costs_less_than_a_millisecond():
    """Of one connection: the reactor waits for it."""
    client, server = ("127.0.0.1", 1), ("127.0.0.1", 2)
    costs = []
    for _ in range(200):
        began = time.perf_counter()
        sockets._ask_the_kernel(client, server)
        costs.append(time.perf_counter() - began)
    assert min(costs) < 0.001
