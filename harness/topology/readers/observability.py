"""CloudWatch: alarms and what they watch, subscriptions to logs."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.topology.edges import AlarmCondition, Edge, LogCondition, MetricCondition
from harness.topology.readers.making import edge
from harness.topology.resources import TemplateResource, listed, mapping, mappings
from harness.topology.wiring import Wiring

_STATES = (("AlarmActions", "ALARM"), ("OKActions", "OK"), ("InsufficientDataActions", "INSUFFICIENT_DATA"))
_DIMENSIONS = {
    "BucketName": "bucket", "FunctionName": "function", "QueueName": "queue", "RuleName": "rule", "StreamName": "stream",
    "TableName": "table", "TopicName": "topic", "StateMachineArn": "state_machine", "ApiName": "rest_api",
}  # fmt: skip


def _alarm(wiring: Wiring, alarm: TemplateResource) -> Iterator[Edge]:
    yield from _watched(wiring, alarm, alarm.get("MetricName"), alarm.get("Dimensions"), "Dimensions")
    for index, query in alarm.mappings("Metrics"):
        metric = mapping(mapping(query.get("MetricStat")).get("Metric"))
        yield from _watched(wiring, alarm, metric.get("MetricName"), metric.get("Dimensions"), "Metrics", index)
    for key, _ in _STATES:
        state: Any = dict(_STATES)[key]
        for index, action in enumerate(listed(alarm.get(key))):
            if target := wiring.node(action, alarm, "topic"):
                yield edge("alarm_action", alarm.id, target, AlarmCondition(state), alarm, key, index)


def _watched(wiring: Wiring, alarm: TemplateResource, metric: Any, dimensions: Any, *path: str | int) -> Iterator[Edge]:
    for _, dimension in mappings(dimensions):
        name = wiring.text(dimension.get("Name"), alarm)
        if name in _DIMENSIONS and (source := wiring.known(dimension.get("Value"), alarm, _DIMENSIONS[name])):
            condition = MetricCondition(
                wiring.text(metric, alarm),
                wiring.text(alarm.get("Statistic", default=alarm.get("ExtendedStatistic")), alarm),
                wiring.text(alarm.get("ComparisonOperator"), alarm),
                _number(wiring.static(alarm.get("Threshold"), alarm)),
                wiring.integer(alarm.get("Period"), alarm, 0) or None,
            )
            yield edge("metric", source, alarm.id, condition, alarm, *path)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _log_subscription(wiring: Wiring, subscription: TemplateResource) -> Iterator[Edge]:
    source = wiring.node(subscription.get("LogGroupName"), subscription, "log_group")
    target = wiring.node(subscription.get("DestinationArn"), subscription, "function")
    if source and target:
        condition = LogCondition(wiring.text(subscription.get("FilterPattern"), subscription))
        yield edge("log_subscription", source, target, condition, subscription)


def _log_group(wiring: Wiring, group: TemplateResource) -> Iterator[Edge]:
    """A log group that is named after its function, "/aws/lambda/${Function}"."""
    name = group.get("LogGroupName")
    source = wiring.known(name, group, "function") if isinstance(name, Mapping) else None
    if source and source != group.id:
        yield edge("logs", source, group.id, None, group, "LogGroupName")


def _logging(wiring: Wiring, function: TemplateResource) -> Iterator[Edge]:
    if target := wiring.known(function.get("LoggingConfig", "LogGroup"), function, "log_group"):
        yield edge("logs", function.id, target, None, function, "LoggingConfig", "LogGroup")


READERS = {
    "AWS::CloudWatch::Alarm": (_alarm,),
    "AWS::CloudWatch::CompositeAlarm": (_alarm,),
    "AWS::Lambda::Function": (_logging,),
    "AWS::Logs::LogGroup": (_log_group,),
    "AWS::Logs::SubscriptionFilter": (_log_subscription,),
}
