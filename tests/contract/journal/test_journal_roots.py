"""Every record has a cause, takes up what another left, or is one of the few things that begin by themselves."""

from collections.abc import Iterable

from harness.journal.records import Kind, Phase, Record
from tests.contract.journal.conftest import Journal

BEGINNINGS = (Kind.REQUEST, Kind.TIMER)


def _without_a_cause(records: Iterable[Record]) -> list[Record]:
    """What nothing recorded has led to, and nobody outside has asked for."""
    records = list(records)
    left = {mark for record in records for mark in record.leaves}
    taken: dict[int, set[str]] = {}
    for record in records:
        taken.setdefault(record.activity, set()).update(record.takes)
    return [
        record
        for record in records
        if record.phase is not Phase.END
        and record.cause is None
        and record.kind not in BEGINNINGS
        and record.data.get("caller", {}).get("kind") != "client"
        and not taken[record.activity] & left
    ]


def test_nothing_begins_by_itself(engine, function, queue, aws):
    """Over all that happened in this engine, also in the tests before this one."""
    made = function("def handler(event, context): pass\n")
    mapping = aws("lambda").create_event_source_mapping(FunctionName=made.name, EventSourceArn=queue.arn)["UUID"]
    aws("sqs").send_message(QueueUrl=queue.url, MessageBody="hello")
    journal = Journal(f"{engine.endpoint_url}/_harness/journal", 0)
    journal.end(journal.wait(Kind.BATCH, lambda r: r.data.get("mapping") == mapping, Phase.BEGIN))
    aws("lambda").delete_event_source_mapping(UUID=mapping)
    found = journal.all()
    if without := _without_a_cause(found):
        # A call says at its end what it left, and that may have been taken up before.
        ended = {r.activity for r in found if r.phase is Phase.END}
        for call in (r for r in found if r.kind is Kind.CALL and r.activity not in ended):
            journal.end(call)
        without = [r for r in _without_a_cause(journal.all()) if r.sequence <= found[-1].sequence]
    assert [(r.kind, r.service, r.name, r.takes, r.data) for r in without] == []
