"""`/_harness/journal`: the records of this engine, as they happen.

`GET` answers with one record a line (application/x-ndjson), from `after` on. With `follow` the response stays open and
continues as records arrive, with an empty line now and then while none do. `trace` chooses the records of one trace. The header
`x-harness-first` is the oldest record that is still kept: a reader whose `after` is before that has missed some.
"""

from collections.abc import Iterator, Sequence

from localstack.http import Request, Response
from localstack.runtime import events
from localstack.services.edge import ROUTER

from harness.emulator.controls import capabilities
from harness.emulator.journal.recorder import JOURNAL, RecordLine

PIECE_LINES = 500
"""The server passes on each piece of a response separately: line by line, 60,000 records took 20 seconds."""
QUIET_SECONDS = 5.0
"""After this without a record an empty line is sent, so that a closed connection is noticed."""


def get_journal(request: Request) -> Response:
    try:
        after = int(request.args.get("after", 0))
    except ValueError:
        return Response("after: not a sequence number\n", status=400, mimetype="text/plain")
    trace = request.args.get("trace") or None
    follow = request.args.get("follow", "") not in ("", "0", "false")
    records = _stream(after, trace) if follow else _pieces(JOURNAL.read(after, trace=trace))
    first, last = JOURNAL.first_sequence, JOURNAL.last_sequence
    answer = Response(records, mimetype="application/x-ndjson")
    answer.headers["x-harness-first"] = str(first)
    answer.headers["x-harness-last"] = str(last)
    return answer


def _stream(after: int, trace: str | None) -> Iterator[str]:
    # At once, so that the reader knows that it is connected.
    yield "\n"
    after = min(after, JOURNAL.last_sequence)
    while not events.infra_stopping.is_set():
        last = JOURNAL.last_sequence
        lines = JOURNAL.read(after, wait_seconds=QUIET_SECONDS, trace=trace)
        if lines:
            after = max(lines[-1].sequence, last)
            yield from _pieces(lines)
        else:
            after = max(after, last)
            yield "\n"


def _pieces(lines: Sequence[RecordLine]) -> Iterator[str]:
    for start in range(0, len(lines), PIECE_LINES):
        yield "".join(f"{line.text}\n" for line in lines[start : start + PIECE_LINES])


def install() -> None:
    if JOURNAL.enabled:
        capabilities.provide("journal")
    ROUTER.add("/_harness/journal", get_journal, methods=["GET"])
