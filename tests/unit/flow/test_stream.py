"""Reading a journal: nothing is missed without a word."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from harness.errors import JournalError
from harness.journal.records import Record
from harness.journal.stream import JournalStream


class Engine:
    """An engine whose newest record is 5 at the first request, and that then sends these records."""

    def __init__(self, *sequences: int) -> None:
        engine, self.more = self, Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("x-harness-first", "3")
                self.send_header("x-harness-last", "5")
                self.end_headers()
                if "follow" not in self.path:
                    return
                self.wfile.write(b"\n")
                self.wfile.flush()
                engine.more.wait(10)
                for sequence in sequences:
                    record = {"sequence": sequence, "kind": "call", "phase": "begin", "activity": sequence, "at": 1.0}
                    self.wfile.write(json.dumps({**record, "service": "sqs", "name": "SendMessage"}).encode() + b"\n")

            def log_message(self, *_args: object) -> None:
                """Log nothing in tests."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def engine() -> Iterator[type[Engine]]:
    made: list[Engine] = []

    class Kept(Engine):
        def __init__(self, *sequences: int) -> None:
            super().__init__(*sequences)
            made.append(self)

    yield Kept
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def test_records_come_in_their_order(engine):
    served, seen = engine(6, 7), []
    stream = JournalStream(served.url)
    stream.listen(lambda record: seen.append(record.sequence))
    stream.open()
    served.more.set()
    assert stream.wait(lambda: True if len(seen) == 2 else None, timeout_seconds=10)
    assert seen == [6, 7]


def test_stream_from_beginning_starts_at_oldest_kept_record(engine):
    served, seen = engine(3, 4, 5), []
    stream = JournalStream(served.url)
    stream.listen(lambda record: seen.append(record.sequence))
    stream.open(from_beginning=True)
    assert stream.first_sequence == 3
    served.more.set()
    stream.catch_up()
    assert seen == [3, 4, 5]


def test_records_dropped_before_the_stream_starts_are_not_kept(engine):
    served, seen = engine(5, 6), []
    stream = JournalStream(served.url)
    stream.listen(lambda record: seen.append(record.sequence))
    stream.open(from_beginning=True)
    served.more.set()
    stream.catch_up()
    assert (stream.first_sequence, seen[0]) == (5, 5)


def test_missing_records_break_the_stream_with_an_error(engine):
    served, seen = engine(6, 8), list[Record]()
    stream = JournalStream(served.url)
    stream.listen(seen.append)
    stream.open()
    served.more.set()
    with pytest.raises(JournalError, match=r"broke off: .*records 7 to 7 are not kept any more"):
        stream.wait(lambda: None, timeout_seconds=10)
    assert [record.sequence for record in seen] == [6]


def test_catch_up_over_its_timeout_raises_with_last_record(engine):
    stream = JournalStream(engine(4, 5).url)
    stream.open(from_beginning=True)
    with pytest.raises(
        JournalError, match="could not be read to its record 5 within 0 seconds; the last that came is 2"
    ):
        stream.catch_up(timeout_seconds=0)


def test_stream_ended_by_the_engine_raises(engine):
    served = engine()
    stream = JournalStream(served.url)
    stream.open()
    served.more.set()
    with pytest.raises(JournalError, match="broke off: the engine ended it"):
        stream.wait(lambda: None, timeout_seconds=10)


def test_unreachable_journal_raises(engine):
    served = engine()
    served.server.shutdown()
    served.server.server_close()
    with pytest.raises(JournalError, match="cannot be read"):
        JournalStream(served.url).open()
