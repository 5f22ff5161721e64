"""What is in a queue or a stream and has not been taken yet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.flow.explain.evidence import Evidence
from harness.flow.history import Activity
from harness.journal.records import Kind


@dataclass(frozen=True)
class Waiting:
    """A message or a record."""

    what: str
    """"message" or "record"."""
    source: str
    """The ARN of its queue or stream."""
    one: str
    left_by: Activity
    group: str
    """The group of a message in a FIFO queue."""
    is_awaited: bool
    """Whether the flow does not settle before a consumer takes it."""
    delayed: Activity | None
    """The note that says until when it is hidden."""
    behind: bool
    """Whether an earlier item of its group or shard is retried again and again."""


def waiting(evidence: Evidence) -> Iterator[Waiting]:
    """The waiting messages and records, in the order in which they came."""
    awaited = {pending.activity.id for pending in evidence.pending}
    timers = [note for note in evidence.of(Kind.TIMER, "sqs") if note.data.get("what") == "delayed message"]
    delays = {mark: note for note in timers for mark in note.leaves}
    failing = _failing(evidence)
    seen: set[str] = set()
    for activity in evidence.activities:
        for mark in activity.leaves:
            kind = mark.partition(":")[0]
            if kind not in ("message", "record") or mark in seen:
                continue
            seen.add(mark)
            # The timer of its batching window takes the mark before a consumer does.
            if any(taker.kind is not Kind.TIMER for taker in evidence.history.takers_of(mark)):
                continue
            source, _, one = mark.partition(":")[2].rpartition(":")
            group = _group(activity)
            yield Waiting(
                kind,
                source,
                one,
                activity,
                group,
                activity.id in awaited,
                delays.get(mark),
                (source, group if kind == "message" else "") in failing,
            )


def _group(activity: Activity) -> str:
    """The FIFO group to which a message was sent."""
    request = activity.data.get("request")
    return str(request.get("MessageGroupId") or "") if isinstance(request, Mapping) else ""


def _failing(evidence: Evidence) -> set[tuple[str, str]]:
    """The groups of queues, and the streams, in which something failed and is retried."""
    found: set[tuple[str, str]] = set()
    for batch in evidence.of(Kind.BATCH, "lambda"):
        failed = set(map(str, batch.data.get("failed") or ()))
        for record in batch.data["records"]:
            if str(record["id"]) in failed and ("group" in record or "shard" in batch.data):
                found.add((str(batch.data["source"]), str(record.get("group", ""))))
    return found
