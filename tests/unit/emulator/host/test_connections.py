"""Which connections are cut off."""

from harness.emulator.host.connections import UNREAD_SECONDS, TcpConnection


def waiting_connection():
    """A connection that was last used long ago, and whose next response now starts to wait for the reactor."""
    connection = object.__new__(TcpConnection)
    connection.sent_at, connection.unread_since = 0.0, None
    connection.dataBuffer, connection._tempDataBuffer = b"", [b"answer"]
    return connection


def test_answer_on_a_long_idle_connection_is_not_cut_off():
    assert not waiting_connection().answer_is_unread(UNREAD_SECONDS * 2)


def test_answer_that_nothing_is_read_of_is_cut_off():
    connection = waiting_connection()
    began = UNREAD_SECONDS * 2
    assert not connection.answer_is_unread(began)
    assert not connection.answer_is_unread(began + UNREAD_SECONDS)
    assert connection.answer_is_unread(began + UNREAD_SECONDS + 1)


def test_answer_that_is_read_slowly_goes_on():
    connection = waiting_connection()
    began = UNREAD_SECONDS * 2
    assert not connection.answer_is_unread(began)
    connection.sent_at = began + UNREAD_SECONDS
    assert not connection.answer_is_unread(began + UNREAD_SECONDS + 1)
    connection._tempDataBuffer = []
    assert not connection.answer_is_unread(began + UNREAD_SECONDS * 3)
    assert connection.unread_since is None
