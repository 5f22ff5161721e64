"""The owner of the other end of a connection."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from harness.emulator.peers import processes, sockets
from harness.emulator.peers.sockets import Address, Owner

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who owns a socket")
Connection = tuple[socket.socket, socket.socket]
"""The client's end and the server's."""


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv4-by-ipv6"])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(request.param) as client:
        host, port = server.getsockname()
        client.connect((f"::ffff:{host}" if request.param == socket.AF_INET6 else host, port))
        accepted, _ = server.accept()
        with accepted:
            yield client, accepted


def addresses(connection: Connection) -> tuple[Address, Address]:
    return connection[1].getpeername(), connection[1].getsockname()


@linux
@pytest.mark.parametrize("way", [sockets._ask_the_kernel, sockets._look_in_tables])
def test_owner_is_the_user_and_inode_of_the_client(connection, way: Callable[[Address, Address], Owner | None]):
    inode = os.fstat(connection[0].fileno()).st_ino

    assert way(*addresses(connection)) == Owner(os.getuid(), inode)


@linux
@pytest.mark.parametrize("way", [sockets._ask_the_kernel, sockets._look_in_tables])
def test_owner_of_no_connection_is_none(connection, way):
    client, server = addresses(connection)
    connection[0].close()
    connection[1].close()

    # The server's port listens still, which is no connection.
    assert way(server, client) is None


@linux
def test_owner_over_ipv6():
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as server,
        socket.create_connection(server.getsockname()[:2]) as client,
    ):
        local, remote = client.getsockname()[:2], server.getsockname()[:2]
        for way in (sockets._ask_the_kernel, sockets._look_in_tables):
            assert way(local, remote) == Owner(os.getuid(), os.fstat(client.fileno()).st_ino)


@pytest.fixture(params=["as here", "where the system does not tell"])
def anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "as here":
        monkeypatch.setattr(sockets.sys, "platform", "darwin")


@pytest.mark.usefixtures("anywhere")
def test_connection_belongs_to_one_session_only(connection):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        assert processes.is_of_session(os.getsid(0), *addresses(connection))
        assert not processes.is_of_session(other.pid, *addresses(connection))
    finally:
        other.communicate(b"\n")


@pytest.mark.usefixtures("anywhere")
def test_connection_of_a_child_is_of_the_session():
    connects = "import socket, sys; c = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {connects!r}, sys.argv[1]])"
    with socket.create_server(("127.0.0.1", 0)) as server:
        session = subprocess.Popen(
            [sys.executable, "-c", parent, str(server.getsockname()[1])], stdin=subprocess.PIPE, start_new_session=True
        )
        server.settimeout(20)
        try:
            accepted, client = server.accept()
            with accepted:
                assert processes.is_of_session(session.pid, client, accepted.getsockname())
        finally:
            session.communicate()
