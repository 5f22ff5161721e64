"""Messages that a FIFO queue dropped, because it had accepted one with the same deduplication id within five minutes
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html).

A sender that sends the same message again is what deduplication is for. Two kinds are reported: a dropped message with another
content, and one that the queue itself takes for a repetition, by its content alone, although two senders sent it, or one sent
it twice on purpose. Only the author knows whether two messages were meant.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.flow.explain.evidence import Evidence, as_json
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind


def find(evidence: Evidence) -> Iterator[Finding]:
    for decision in evidence.of(Kind.DECISION, "sqs", "deduplication"):
        first = _sending_of(evidence, str(decision.data.get("first", "")), decision)
        if first is None:
            continue
        call, body = first
        queue = decision.begin.resource
        if body != decision.data.get("event"):
            sentence = (
                f"Queue {evidence.named(queue)} dropped a message that is not the one it repeats: both have the "
                f"deduplication id '{decision.data.get('deduplication_id')}'."
            )
            yield evidence.finding("duplicate-dropped", sentence, queue, evidence.place(queue), decision, call)
        elif _by_content(evidence, queue) and not _is_repeated_by_sender(evidence, call, decision):
            sentence = (
                f"Queue {evidence.named(queue)} dropped a message as a repetition, as its content is that of one before "
                "it (ContentBasedDeduplication)."
            )
            place = evidence.place(queue, "ContentBasedDeduplication")
            yield evidence.finding("duplicate-dropped", sentence, queue, place, decision, call, lost=False)


def _sending_of(evidence: Evidence, message_id: str, decision: Activity) -> tuple[Activity, Any] | None:
    """The call that sent the first one, and what it sent; None if that was before this flow."""
    for call in evidence.of(Kind.CALL, "sqs"):
        if call.begin.sequence >= decision.begin.sequence or not isinstance(call.data.get("response"), Mapping):
            continue
        request, response = call.data.get("request") or {}, call.data["response"]
        if response.get("MessageId") == message_id:
            return call, as_json(request.get("MessageBody"))
        entries = {entry.get("Id"): entry for entry in request.get("Entries") or ()}
        for sent in response.get("Successful") or ():
            if sent.get("MessageId") == message_id and sent.get("Id") in entries:
                return call, as_json(entries[sent["Id"]].get("MessageBody"))
    return None


def _by_content(evidence: Evidence, queue: str) -> bool:
    return str(evidence.property(evidence.node_id(queue), "ContentBasedDeduplication")).lower() == "true"


def _is_repeated_by_sender(evidence: Evidence, call: Activity, decision: Activity) -> bool:
    """Whether attempts to handle one event sent both."""
    requests = []
    for activity in (call, decision):
        sender = next((cause for cause in evidence.causes(activity) if cause.kind is Kind.INVOCATION), None)
        requests.append(sender.data.get("request_id") if sender else activity.id)
    return requests[0] == requests[1] and evidence.function_of(call) != ""
