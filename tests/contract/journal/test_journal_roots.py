"""Every record has a cause, takes a mark that another one leaves, or is one of the few kinds that need no cause."""

from collections.abc import Iterable, Mapping

from harness.journal.records import Kind, Phase, Record
from tests.contract.journal.conftest import Journal

BEGINNINGS = (Kind.REQUEST, Kind.TIMER, Kind.CONNECTION)
READ, LOOKED_AT = 40_000, 20_000
"""The newest records. A mark that a record of the later half takes was left in them too, or was taken before."""


def _without_a_cause(records: Iterable[Record]) -> list[Record]:
    """Records without a recorded cause that no client requested either."""
    records = list(records)
    left = {mark for record in records for mark in record.leaves}
    taken: dict[int, set[str]] = {}
    first_taken_by: dict[str, int] = {}
    for record in records:
        taken.setdefault(record.activity, set()).update(record.takes)
        for mark in record.takes:
            first_taken_by.setdefault(mark, record.activity)
    return [
        record
        for record in records
        if record.phase is not Phase.END
        and record.cause is None
        and record.kind not in BEGINNINGS
        and record.data.get("caller", {}).get("kind") != "client"
        # A mapping records without a cause that it cannot read its source any more.
        and record.data.get("reason") != "SourceFailed"
        # A client requested it, at an endpoint whose requests are not recorded.
        and (record.service, record.name) != ("harness", "reset")
        # What a client says on a WebSocket.
        and not (record.kind is Kind.FRAME and record.data["direction"] == "in")
        and not taken[record.activity] & left
        # A message that always fails is delivered again until its stack is deleted, long after its sending record.
        and not (_is_delivered_again(record) and _were_taken_before(record, first_taken_by))
    ]


def _were_taken_before(record: Record, first_taken_by: Mapping[str, int]) -> bool:
    return bool(record.takes) and all(first_taken_by[mark] != record.activity for mark in record.takes)


def _is_delivered_again(record: Record) -> bool:
    """By its own word; or given up after it was."""
    if record.kind is Kind.DEAD_LETTER:
        return record.data.get("reason") == "MaxReceiveCountExceeded"
    receive_counts = [r["receive_count"] for r in record.data.get("records", ()) if "receive_count" in r]
    again = record.data.get("attempt", 1) > 1 or (receive_counts and min(receive_counts) > 1)
    return record.kind is Kind.BATCH and bool(again)


def test_every_record_has_a_cause(engine, function, queue, aws, last):
    """Over what happened in this engine in the tests before this one, too."""
    journal = Journal(f"{engine.endpoint_url}/_harness/journal", last(), engine.harness_headers)
    made = function("def handler(event, context): pass\n")
    mapping = aws("lambda").create_event_source_mapping(FunctionName=made.name, EventSourceArn=queue.arn)["UUID"]
    aws("sqs").send_message(QueueUrl=queue.url, MessageBody="hello")
    journal.end(journal.wait(Kind.BATCH, lambda r: r.data.get("mapping") == mapping, Phase.BEGIN))
    aws("lambda").delete_event_source_mapping(UUID=mapping)

    newest = last()
    found = Journal(journal.url, max(0, newest - READ), journal.headers).all()
    looked_at = range(newest - LOOKED_AT, found[-1].sequence + 1)
    if any(record.sequence in looked_at for record in _without_a_cause(found)):
        # A call records its marks at its end, and they may be taken before that: wait for the calls in progress.
        going_on = {r.activity for r in found if r.kind is Kind.CALL and r.phase is Phase.BEGIN}
        going_on -= {r.activity for r in found if r.phase is Phase.END}
        later = Journal(journal.url, found[-1].sequence, journal.headers).follow()
        while going_on and (record := next(later, None)) is not None:
            found.append(record)
            if record.phase is Phase.END:
                going_on.discard(record.activity)
    without = [record for record in _without_a_cause(found) if record.sequence in looked_at]
    assert [(r.kind, r.service, r.name, r.takes, r.data) for r in without] == []
