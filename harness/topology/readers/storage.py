"""S3's notifications and the triggers of CodeCommit repositories."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.topology.document import Location
from harness.topology.edges import Edge, NamedCondition
from harness.topology.patterns import ObjectFilter
from harness.topology.patterns.object_filter import filter_rules
from harness.topology.readers.making import edge
from harness.topology.resources import TemplateResource, mapping, mappings
from harness.topology.wiring import Wiring

_CONFIGURATIONS = (
    ("LambdaConfigurations", "Function", "function"),
    ("QueueConfigurations", "Queue", "queue"),
    ("TopicConfigurations", "Topic", "topic"),
)


def _notifications(wiring: Wiring, bucket: TemplateResource) -> Iterator[Edge]:
    for section, key, kind in _CONFIGURATIONS:
        for index, configuration in bucket.mappings("NotificationConfiguration", section):
            path: Location = ("NotificationConfiguration", section, index)
            if target := wiring.node(configuration.get(key), bucket, kind):
                condition = _filter(wiring, bucket, configuration)
                yield edge("notification", bucket.id, target, condition, bucket, *path, pattern=bucket.place(*path))
    at = ("NotificationConfiguration", "EventBridgeConfiguration")
    bridge = bucket.get(*at)
    if isinstance(bridge, Mapping) and wiring.truth(bridge.get("EventBridgeEnabled"), bucket, True):
        yield edge("notification", bucket.id, wiring.default_bus(), ObjectFilter(("s3:*",)), bucket, *at)


def _filter(wiring: Wiring, bucket: TemplateResource, configuration: Mapping[str, Any]) -> ObjectFilter:
    rules = mappings(mapping(mapping(configuration.get("Filter")).get("S3Key")).get("Rules"))
    named = [(wiring.text(rule.get("Name"), bucket), wiring.text(rule.get("Value"), bucket)) for _, rule in rules]
    return ObjectFilter((wiring.text(configuration.get("Event"), bucket),), *filter_rules(named))


def _repository_triggers(wiring: Wiring, repository: TemplateResource) -> Iterator[Edge]:
    for index, trigger in repository.mappings("Triggers"):
        if target := wiring.node(trigger.get("DestinationArn"), repository, "function"):
            condition = NamedCondition(wiring.text(trigger.get("Name"), repository))
            yield edge("repository_trigger", repository.id, target, condition, repository, "Triggers", index)


READERS = {
    "AWS::CodeCommit::Repository": (_repository_triggers,),
    "AWS::S3::Bucket": (_notifications,),
}
