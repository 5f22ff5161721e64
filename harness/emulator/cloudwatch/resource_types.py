"""Completes LocalStack's resource types of CloudWatch: changes in place, and properties that a creation ignores."""

from harness.emulator.cloudformation.in_place import put_again, tag
from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _alarm_tags(update: Update) -> None:
    tag(update, "cloudwatch")


TYPES = (
    KnownType(
        "AWS::CloudWatch::Alarm",
        change=TypeUpdate(
            put_again, given=frozenset({"AlarmName"}), completes=frozenset({"Tags"}), complete=_alarm_tags
        ),
        ignored={
            "ActionConfiguration": (),
            "EvaluationCriteria": (),
            "EvaluationInterval": (),
            "EvaluationWindow": (),
            "WarmUpConfiguration": (),
        },
    ),
    KnownType(
        "AWS::CloudWatch::CompositeAlarm",
        change=TypeUpdate(
            put_again, given=frozenset({"AlarmName"}), completes=frozenset({"Tags"}), complete=_alarm_tags
        ),
        ignored={"ActionConfiguration": ()},
    ),
)
