"""SNS subscriptions and the redrive of SQS queues."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.topology.document_structure import read_json
from harness.topology.edges import Edge, RedriveCondition, SubscriptionCondition
from harness.topology.nodes import NodeId
from harness.topology.patterns import FilterPolicy
from harness.topology.readers.making import edge, read_pattern
from harness.topology.resources import TemplateResource
from harness.topology.wiring import Wiring

_KINDS = {"sqs": "queue", "lambda": "function", "firehose": "delivery_stream"}


def _subscription(wiring: Wiring, subscription: TemplateResource) -> Iterator[Edge]:
    topic = wiring.node(subscription.get("TopicArn"), subscription, "topic")
    if topic:
        yield from _subscribed(wiring, subscription, topic, subscription.properties)


def _topic(wiring: Wiring, topic: TemplateResource) -> Iterator[Edge]:
    """Subscriptions that the topic itself lists."""
    for index, listed in topic.mappings("Subscription"):
        yield from _subscribed(wiring, topic, topic.id, listed, "Subscription", index)


def _subscribed(
    wiring: Wiring, resource: TemplateResource, topic: NodeId, own: Mapping[str, Any], *path: str | int
) -> Iterator[Edge]:
    protocol = wiring.text(own.get("Protocol"), resource)
    endpoint = wiring.node(own.get("Endpoint"), resource, _KINDS.get(protocol, ""))
    if endpoint is None:
        return
    raw = wiring.truth(own.get("RawMessageDelivery"), resource, False)
    scope = wiring.text(own.get("FilterPolicyScope"), resource) or None
    given = own.get("FilterPolicy") or None  # an empty one filters nothing
    policy, problem = read_pattern(wiring, given, resource, lambda known: FilterPolicy.parse(known, scope))
    condition = SubscriptionCondition(protocol, policy, raw)
    failures = (_dead_letter_queue(wiring, resource, own.get("RedrivePolicy")),)
    place = resource.place(*path, "FilterPolicy")
    yield edge(
        "subscription", topic, endpoint, condition, resource, *path, failures=failures, pattern=place, problem=problem
    )


def _dead_letter_queue(wiring: Wiring, resource: TemplateResource, policy: Any) -> NodeId | None:
    policy = _policy_body(policy)
    return wiring.node(policy.get("deadLetterTargetArn"), resource, "queue")


def _policy_body(policy: Any) -> Mapping[str, Any]:
    """A redrive policy is an object, or JSON text."""
    if isinstance(policy, str):
        try:
            policy = read_json(policy)
        except ValueError:
            return {}
    return policy if isinstance(policy, Mapping) else {}


def _queue(wiring: Wiring, queue: TemplateResource) -> Iterator[Edge]:
    policy = _policy_body(queue.get("RedrivePolicy"))
    target = _dead_letter_queue(wiring, queue, policy)
    if target:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html: 10 by default
        condition = RedriveCondition(wiring.integer(policy.get("maxReceiveCount"), queue, 10))
        yield edge("redrive", queue.id, target, condition, queue, "RedrivePolicy")


def redrive_target(wiring: Wiring, queue: NodeId) -> NodeId | None:
    """The queue that gets a message after too many receives."""
    resource = wiring.by_id.get(queue)
    return _dead_letter_queue(wiring, resource, resource.get("RedrivePolicy")) if resource else None


READERS = {
    "AWS::SNS::Subscription": (_subscription,),
    "AWS::SNS::Topic": (_topic,),
    "AWS::SQS::Queue": (_queue,),
}
