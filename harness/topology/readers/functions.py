"""Lambda: event source mappings, dead-letter queues and destinations, permissions; functions behind custom resources."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.topology.edges import AsynchronousCondition, Edge, MappingCondition, NamedCondition, PermissionCondition
from harness.topology.nodes import NodeId
from harness.topology.patterns import EventSourceFilters
from harness.topology.patterns.event_source_filter import Source
from harness.topology.readers.making import edge, read_pattern
from harness.topology.readers.messaging import redrive_target
from harness.topology.resources import TemplateResource, listed
from harness.topology.wiring import Wiring

_SOURCES: Mapping[str, Source] = {"queue": "sqs", "stream": "kinesis", "table": "dynamodb"}


def _mapping(wiring: Wiring, mapping: TemplateResource) -> Iterator[Edge]:
    source = wiring.node(mapping.get("EventSourceArn"), mapping, "queue")
    function = wiring.node(mapping.get("FunctionName"), mapping, "function")
    if source is None or function is None:
        return
    kind = wiring.nodes[source].kind if source in wiring.nodes else ""

    def number(name: str, default: int) -> int:
        return wiring.integer(mapping.get(name), mapping, default)

    filters, problem = _filters(wiring, mapping, kind)
    condition = MappingCondition(
        filters,
        wiring.truth(mapping.get("Enabled"), mapping, True),
        number("BatchSize", 10 if kind == "queue" else 100),
        number("MaximumBatchingWindowInSeconds", 0),
        "ReportBatchItemFailures" in listed(mapping.get("FunctionResponseTypes")),
        number("MaximumRetryAttempts", -1),
        number("MaximumRecordAgeInSeconds", -1),
        wiring.truth(mapping.get("BisectBatchOnFunctionError"), mapping, False),
        number("ParallelizationFactor", 1),
        wiring.text(mapping.get("StartingPosition"), mapping) or None,
        wiring.integer(mapping.get("ScalingConfig", "MaximumConcurrency"), mapping, 0) or None,
    )
    on_failure = wiring.node(mapping.get("DestinationConfig", "OnFailure", "Destination"), mapping, "queue")
    # Failed messages return to the queue, and from there move to the queue that its redrive policy names.
    redrive = redrive_target(wiring, source) if kind == "queue" else None
    yield edge(
        "event_source_mapping",
        source,
        function,
        condition,
        mapping,
        failures=(on_failure, redrive),
        pattern=mapping.place("FilterCriteria", "Filters"),
        problem=problem,
    )


def _filters(wiring: Wiring, mapping: TemplateResource, kind: str) -> tuple[EventSourceFilters | None, str]:
    patterns = [each.get("Pattern") for _, each in mapping.mappings("FilterCriteria", "Filters")]
    if not patterns:
        return None, ""
    if kind not in _SOURCES:
        return None, "The filters of this kind of source are not evaluated here."
    return read_pattern(wiring, patterns, mapping, lambda known: EventSourceFilters.parse(_SOURCES[kind], known))


def _dead_letter(wiring: Wiring, function: TemplateResource) -> Iterator[Edge]:
    target = wiring.node(function.get("DeadLetterConfig", "TargetArn"), function, "queue")
    if target:
        retries, age = _asynchronous_settings(wiring, function.id)
        condition = AsynchronousCondition("failure", retries, age)
        yield edge("dead_letter", function.id, target, condition, function, "DeadLetterConfig")


def _asynchronous_settings(wiring: Wiring, function: NodeId) -> tuple[int, int]:
    """How often an asynchronous event is retried, and how long it is kept
    (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html)."""
    for resource in wiring.resources[function.stack]:
        if resource.type == "AWS::Lambda::EventInvokeConfig":
            named = wiring.known(resource.get("FunctionName"), resource, "function")
            if named == function:
                return _settings(wiring, resource)
    return 2, 21600


def _settings(wiring: Wiring, config: TemplateResource) -> tuple[int, int]:
    return (
        wiring.integer(config.get("MaximumRetryAttempts"), config, 2),
        wiring.integer(config.get("MaximumEventAgeInSeconds"), config, 21600),
    )


def _destinations(wiring: Wiring, config: TemplateResource) -> Iterator[Edge]:
    function = wiring.node(config.get("FunctionName"), config, "function")
    if function is None:
        return
    retries, age = _settings(wiring, config)
    for key, on in (("OnFailure", "failure"), ("OnSuccess", "success")):
        path = ("DestinationConfig", key)
        target = wiring.node(config.get(*path, "Destination"), config, "queue")
        if target:
            condition = AsynchronousCondition("failure" if on == "failure" else "success", retries, age)
            yield edge("destination", function, target, condition, config, *path)


def _permission(wiring: Wiring, permission: TemplateResource) -> Iterator[Edge]:
    function = wiring.node(permission.get("FunctionName"), permission, "function")
    if function is None:
        return
    principal = wiring.text(permission.get("Principal"), permission)
    source = wiring.known(permission.get("SourceArn"), permission) or wiring.service(principal or "anybody")
    condition = PermissionCondition(principal, wiring.text(permission.get("Action"), permission))
    yield edge("permission", source, function, condition, permission)


def _custom_resource(wiring: Wiring, resource: TemplateResource) -> Iterator[Edge]:
    handler = wiring.node(resource.get("ServiceToken"), resource, "function")
    if handler:
        condition = NamedCondition(resource.type.split("::")[-1])
        yield edge("custom_resource", resource.id, handler, condition, resource, "ServiceToken")


CUSTOM = (_custom_resource,)

READERS: dict[str, Any] = {
    "AWS::CloudFormation::CustomResource": CUSTOM,
    "AWS::Lambda::EventInvokeConfig": (_destinations,),
    "AWS::Lambda::EventSourceMapping": (_mapping,),
    "AWS::Lambda::Function": (_dead_letter,),
    "AWS::Lambda::Permission": (_permission,),
}
