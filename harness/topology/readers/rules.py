"""EventBridge: rules, archives, and the schedules of rules and of the Scheduler."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.topology.edges import ArchiveCondition, Edge, RuleCondition, TargetSettings
from harness.topology.nodes import NodeId
from harness.topology.patterns import EventPattern
from harness.topology.readers.making import edge, read_pattern
from harness.topology.resources import TemplateResource, mapping
from harness.topology.wiring import Wiring


def _rule(wiring: Wiring, rule: TemplateResource) -> Iterator[Edge]:
    pattern, problem = read_pattern(wiring, rule.get("EventPattern"), rule, EventPattern.parse)
    schedule = wiring.text(rule.get("ScheduleExpression"), rule) or None
    enabled = wiring.text(rule.get("State"), rule, "ENABLED") != "DISABLED"
    if "EventPattern" in rule.properties:
        bus = _bus(wiring, rule.get("EventBusName"), rule)
        condition = RuleCondition(pattern, schedule, enabled)
        place = rule.place("EventPattern")
        yield edge("bus_rule", bus, rule.id, condition, rule, "EventPattern", pattern=place, problem=problem)
    for index, target in rule.mappings("Targets"):
        to = wiring.node(target.get("Arn"), rule, "function")
        if to is None:
            continue
        dead_letter = mapping(target.get("DeadLetterConfig")).get("Arn")
        settings = _settings(wiring, rule, target, schedule, enabled)
        failures = (wiring.node(dead_letter, rule, "queue"),)
        yield edge("rule_target", rule.id, to, settings, rule, "Targets", index, failures=failures)


def _settings(
    wiring: Wiring, resource: TemplateResource, target: Mapping[str, Any], schedule: str | None, enabled: bool
) -> TargetSettings:
    retry = mapping(target.get("RetryPolicy"))
    given = target.get("Input")
    return TargetSettings(
        wiring.text(target.get("Id"), resource),
        json.dumps(given) if isinstance(given, dict | list) and wiring.static(given, resource) is None else
        wiring.static(given, resource),
        wiring.text(target.get("InputPath"), resource) or None,
        target.get("InputTransformer"),
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
        wiring.integer(retry.get("MaximumRetryAttempts"), resource, 185),
        wiring.integer(retry.get("MaximumEventAgeInSeconds"), resource, 86400),
        schedule,
        enabled,
    )  # fmt: skip


def _bus(wiring: Wiring, value: Any, resource: TemplateResource) -> NodeId:
    return wiring.node(value, resource, "bus") or wiring.default_bus()


def _archive(wiring: Wiring, archive: TemplateResource) -> Iterator[Edge]:
    bus = _bus(wiring, archive.get("SourceArn"), archive)
    days = wiring.integer(archive.get("RetentionDays"), archive, 0)
    pattern, problem = read_pattern(wiring, archive.get("EventPattern"), archive, EventPattern.parse)
    condition, place = ArchiveCondition(pattern, days), archive.place("EventPattern")
    yield edge("archive", bus, archive.id, condition, archive, "SourceArn", pattern=place, problem=problem)


def _schedule(wiring: Wiring, schedule: TemplateResource) -> Iterator[Edge]:
    target = schedule.mapping("Target")
    if (to := wiring.node(target.get("Arn"), schedule, "function")) is None:
        return
    expression = wiring.text(schedule.get("ScheduleExpression"), schedule) or None
    enabled = wiring.text(schedule.get("State"), schedule, "ENABLED") != "DISABLED"
    settings = _settings(wiring, schedule, target, expression, enabled)
    failures = (wiring.node(mapping(target.get("DeadLetterConfig")).get("Arn"), schedule, "queue"),)
    yield edge("schedule", schedule.id, to, settings, schedule, "Target", failures=failures)


READERS = {
    "AWS::Events::Archive": (_archive,),
    "AWS::Events::Rule": (_rule,),
    "AWS::Scheduler::Schedule": (_schedule,),
}
