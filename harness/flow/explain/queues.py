"""Messages that left their queue without having been handled, or that no consumer takes."""

from collections.abc import Iterator

from harness.flow.explain.deliveries import in_words
from harness.flow.explain.evidence import Evidence
from harness.flow.explain.waiting import Waiting, waiting
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind
from harness.topology.edges import CallCondition

_POLLER_POLICY = "SQSPollerPolicy"
_RECEIVE = ("sqs:ReceiveMessage", "sqs:*", "*")


def find(evidence: Evidence) -> Iterator[Finding]:
    for given_up in evidence.of(Kind.DEAD_LETTER, "sqs"):
        yield from _received_too_often(evidence, given_up)
    told: set[str] = set()
    for one in waiting(evidence):
        finding = _delayed(evidence, one) or _read_by_nobody(evidence, one)
        if finding is not None and one.source not in told:
            told.add(one.source)
            yield finding


def _received_too_often(evidence: Evidence, given_up: Activity) -> Iterator[Finding]:
    """A message that a client received and did not delete. If a mapping read it, the function's failure is reported instead."""
    takers = [taker for mark in given_up.takes for taker in evidence.history.takers_of(mark)]
    if given_up.data.get("reason") != "MaxReceiveCountExceeded" or any(t.kind is Kind.BATCH for t in takers):
        return
    source, target = str(given_up.data["source"]), str(given_up.data["target"])
    count = int(given_up.data.get("receive_count") or 0)
    times = "once" if count == 1 else f"{count} times"
    sentence = (
        f"{in_words(evidence, source)} moved a message to {in_words(evidence, target)}, as it was received {times} and not "
        f"deleted (maxReceiveCount {count})."
    )
    place = evidence.place(source, "RedrivePolicy", "maxReceiveCount")
    received = [taker for taker in takers if taker.kind is Kind.CALL]
    yield evidence.finding("received-too-often", sentence, source, place, given_up, *received, lost=False)


def _delayed(evidence: Evidence, one: Waiting) -> Finding | None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html"""
    if one.delayed is None or not one.is_awaited:
        return None
    seconds = round(one.delayed.data["when"] - one.delayed.begin.at)
    sentence = (
        f"{in_words(evidence, one.source)} shows a message to its consumers only after a delay of {seconds} seconds."
    )
    place = evidence.place(one.source, "DelaySeconds")
    return evidence.finding("message-delayed", sentence, one.source, place, one.delayed, one.left_by, lost=False)


def _read_by_nobody(evidence: Evidence, one: Waiting) -> Finding | None:
    """A message in a queue that a function may read, but that no mapping reads for the function.

    A queue without consumers is no mistake as such: other clients may read it, and dead letters stay in their queue.
    """
    node = evidence.node_id(one.source)
    if one.what != "message" or node is None or evidence.topology.leaving(node, "event_source_mapping"):
        return None
    for edge in evidence.topology.entering(node, "calls"):
        actions = edge.condition.actions if isinstance(edge.condition, CallCondition) else ()
        if any(action == _POLLER_POLICY or action in _RECEIVE for action in actions):
            function = edge.source.logical_id
            sentence = (
                f"a message of {in_words(evidence, one.source)} waits, as no event source mapping reads it for function "
                f"{function}, whose role may read it."
            )
            return evidence.finding(
                "queue-not-read", sentence, one.source, evidence.place(node), one.left_by, lost=False
            )
    return None
