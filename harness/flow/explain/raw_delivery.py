"""Functions that expect a topic's message in another form than their queue contains: raw, or wrapped in a notification
(https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.flow.explain.evidence import Evidence, as_json
from harness.flow.explain.topics import subscription_edge, topic_of
from harness.flow.explanation import Place
from harness.flow.history import Activity
from harness.journal.records import Kind

_ENVELOPE = frozenset({"Message", "MessageId", "TopicArn", "Type"})


@dataclass(frozen=True, slots=True)
class WrongForm:
    """`why` begins a sentence: "as subscription ToQueue of topic Orders delivers the message raw, and ... expects ..."."""

    cause: str
    why: str
    place: Place | None


def wrong_form(evidence: Evidence, invocation: Activity) -> WrongForm | None:
    """Whether an invocation failed because it received a message wrapped that it expects raw, or the reverse: its error is
    about a field that the message has only in the other form."""
    if not isinstance(invocation.error, Mapping):
        return None
    delivery = next(
        (c for c in evidence.causes(invocation) if c.kind is Kind.DELIVERY and c.begin.service == "sns"), None
    )
    if delivery is None:
        return None
    for body in _bodies(invocation.data.get("event")):
        if isinstance(body, Mapping) and (found := _held_against(evidence, invocation, delivery, body)):
            return found
    return None


def _bodies(event: Any) -> Iterator[Any]:
    """The bodies of a queue's messages, parsed as JSON."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    for record in records if isinstance(records, list) else ():
        if isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs":
            yield as_json(record.get("body"))


def _held_against(
    evidence: Evidence, invocation: Activity, delivery: Activity, body: Mapping[str, Any]
) -> WrongForm | None:
    wrapped = body.get("Type") == "Notification" and "TopicArn" in body
    inner = as_json(body.get("Message")) if wrapped else None
    if isinstance(inner, Mapping) and _missed(invocation, inner.keys() - body.keys()):
        cause, why = "raw-delivery-expected", "wraps the message in a notification, and {} expects it raw"
    elif not wrapped and delivery.data.get("raw") and _missed(invocation, _ENVELOPE - body.keys()):
        cause, why = "raw-delivery-unexpected", "delivers the message raw, and {} expects a notification"
    else:
        return None
    function, subscription = invocation.begin.resource, delivery.begin.resource
    edge = subscription_edge(evidence, subscription)
    which = f"subscription {edge.via.logical_id}" if edge else "the subscription"
    place = evidence.place(edge.via, "RawMessageDelivery") if edge else evidence.place(function)
    of = f"topic {evidence.named(topic_of(subscription))}"
    return WrongForm(cause, f"as {which} of {of} {why.format(evidence.called('function', function))}", place)


def _missed(invocation: Activity, fields: Iterable[str]) -> bool:
    """Whether the error is about one of these fields."""
    message = str(invocation.error.get("errorMessage") or "")
    return any(re.search(rf"\b{re.escape(field)}\b", message) for field in fields)
