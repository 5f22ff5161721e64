"""Functions that expect a topic's message in another form than their queue has it: raw, or wrapped in a notification
(https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.flow.explain.evidence import Evidence, as_json
from harness.flow.explain.topics import subscription_edge, topic_of
from harness.flow.explanation import Finding
from harness.flow.history import Activity
from harness.journal.records import Kind

_ENVELOPE = ("Message", "MessageId", "TopicArn", "Type")


def find(evidence: Evidence) -> Iterator[Finding]:
    for invocation in evidence.of(Kind.INVOCATION, "lambda"):
        if not isinstance(invocation.error, Mapping) or evidence.recovered(invocation):
            continue
        for body in _bodies(invocation.data.get("event")):
            if found := _held_against(evidence, invocation, body):
                yield found
                break


def _bodies(event: Any) -> Iterator[Any]:
    """The bodies of the messages of a queue, as what they are in JSON."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    for record in records if isinstance(records, list) else ():
        if isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs":
            yield as_json(record.get("body"))


def _held_against(evidence: Evidence, invocation: Activity, body: Any) -> Finding | None:
    delivery = next(
        (c for c in evidence.causes(invocation) if c.kind is Kind.DELIVERY and c.begin.service == "sns"), None
    )
    if delivery is None or not isinstance(body, Mapping):
        return None
    wrapped = body.get("Type") == "Notification" and "TopicArn" in body
    inner = as_json(body.get("Message")) if wrapped else None
    if wrapped and isinstance(inner, Mapping) and (field := _missed(invocation, set(inner) - set(body))):
        cause, expects = "raw-delivery-expected", f"the message itself ({field})"
        what = "wraps it in a notification"
    elif not wrapped and delivery.data.get("raw") and (field := _missed(invocation, set(_ENVELOPE) - set(body))):
        cause, expects = "raw-delivery-unexpected", f"a notification ({field})"
        what = "delivers the message raw"
    else:
        return None
    function, subscription = invocation.begin.resource, delivery.begin.resource
    edge = subscription_edge(evidence, subscription)
    which = f"subscription {edge.via.logical_id}" if edge else "the subscription"
    sentence = (
        f"Function {evidence.named(function)} expects {expects}, and {which} of topic "
        f"{evidence.named(topic_of(subscription))} {what}."
    )
    place = evidence.place(edge.via, "RawMessageDelivery") if edge else evidence.place(function)
    # What a queue's consumer fails on comes again, or goes to the dead-letter queue.
    return evidence.finding(cause, sentence, subscription, place, invocation, delivery, lost=False)


def _missed(invocation: Activity, fields: set[str]) -> str:
    """The field that the error is about."""
    message = str(invocation.error.get("errorMessage") or "")
    return next((field for field in sorted(fields) if re.search(rf"\b{re.escape(field)}\b", message)), "")
